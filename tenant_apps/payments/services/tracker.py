"""What a client sees of a withdrawal: the stage, who has it, what is missing, and the time promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock

from ..models import ApprovalStep, PartState, Withdrawal, WithdrawalState
from .chain import MANAGER, ROLE, role_names
from .checks import withdrawal_checks
from .destinations import usable
from .payout_routing import resting

# What a client can do, or wait for, about a check that does not pass; the others are ours to look into.
MISSING: dict[str, Any] = {
    "kyc": pgettext_lazy("withdrawal missing", "Your identity has to be verified again."),
    "limits": pgettext_lazy("withdrawal missing", "It is above your limit for now; it goes on when the limit allows it."),
    "address": pgettext_lazy("withdrawal missing", "Your e-mail address was changed lately; we wait for your safety."),
    "identity": pgettext_lazy("withdrawal missing", "Your verified details were changed lately; we are confirming that."),
    "funds": pgettext_lazy("withdrawal missing", "The amount is not set aside as it should be; we are looking into it."),
    "no_reversal": pgettext_lazy("withdrawal missing", "One of your deposits was taken back; we look at that before we decide."),
    "held": pgettext_lazy("withdrawal missing", "We are looking into one of your deposits first; the amount stays set aside."),
    "funds_source": pgettext_lazy("withdrawal missing", "Show us where the money you deposited comes from."),
    "name": pgettext_lazy("withdrawal missing", "The account is not in your name. Cancel and choose one that is yours."),
    "iban": pgettext_lazy("withdrawal missing", "The account number is not a valid IBAN. Cancel and enter it again."),
    "destination:": pgettext_lazy("withdrawal missing", "There is no account to pay to. Cancel and ask again."),
    "destination:new": pgettext_lazy("withdrawal missing", "We are verifying that the account is yours."),
    "destination:cooling": pgettext_lazy("withdrawal missing", "The account is new; nothing is paid to it yet."),
    "destination:refused": pgettext_lazy("withdrawal missing", "We cannot pay to this account. Cancel and choose another."),
    "destination:retired": pgettext_lazy("withdrawal missing", "You removed this account. Cancel and choose another."),
    "page": pgettext_lazy("withdrawal missing", "The payment provider asks where to send it: open its page."),
    "rests": pgettext_lazy("withdrawal missing", "The payment provider takes no payouts at this hour; yours goes out by itself."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    title: str
    who: str
    state: str  # done, current, todo, failed
    at: datetime | None


# Where the client can do something about it, and what the link says.
ANSWERS: dict[str, tuple[str, Any]] = {
    "funds_source": ("/cashier/funds/", pgettext_lazy("withdrawal missing", "Show it now")),
    "kyc": ("/kyc/", pgettext_lazy("withdrawal missing", "Verify my identity")),
}


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing, in words; `url` and `answer` where the client can see to it."""

    words: str
    url: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Tracker:
    stages: tuple[Stage, ...]
    missing: tuple[Missing, ...]
    page_url: str
    due_at: datetime | None
    late: bool


def tracker_of(row: Withdrawal, parts: Sequence[Any]) -> Tracker:
    """Two queries at most, some more while a payout waits to be sent, and while people decide those of the checks. `parts`
    are the withdrawal's."""
    page = next((part.page_url for part in parts if part.page_url and part.state == PartState.SENDING), "")
    open_ = row.is_open
    return Tracker(
        stages=(_requested(row), *_decisions(row), _sent(row)),
        missing=_missing(row, parts, page) if open_ else (),
        page_url=page,
        due_at=row.due_at if open_ else None,
        late=bool(open_ and row.due_at and row.due_at < clock.now()),
    )


def _requested(row: Withdrawal) -> Stage:
    return Stage(pgettext("withdrawal step", "Requested"), "", "done", row.created_at)


def who_words(step: ApprovalStep, roles: dict[str, str]) -> str:
    """Who has to decide a step, as a role: never a person's name."""
    if step.who == MANAGER:
        return pgettext("withdrawal step", "Your account manager")
    if step.who.startswith(ROLE):
        return roles.get(step.who, pgettext("withdrawal step", "Payments team"))
    return pgettext("withdrawal step", "Payments team")


def _decisions(row: Withdrawal) -> list[Stage]:
    steps = list(row.steps.order_by("position"))
    roles = role_names() if any(step.who.startswith(ROLE) for step in steps) else {}
    stages, waiting = [], row.state in (WithdrawalState.REQUESTED, WithdrawalState.CHECKED)
    refused = row.state in (WithdrawalState.REJECTED, WithdrawalState.CANCELLED)
    for step in steps:
        if step.decided_at:
            title = pgettext("withdrawal step", "Checked") if step.is_check else pgettext("withdrawal step", "Approved")
            stages.append(Stage(title, who_words(step, roles), "done", step.decided_at))
            continue
        title = pgettext("payments", "Check") if step.is_check else pgettext("payments", "Approval")
        stages.append(
            Stage(title, who_words(step, roles), "failed" if refused else "current" if waiting else "todo", None)
        )
        waiting = refused = False
    return stages


def _sent(row: Withdrawal) -> Stage:
    state = {
        WithdrawalState.PAID: "done",
        WithdrawalState.SENDING: "current",
        WithdrawalState.FAILED: "failed",
    }.get(WithdrawalState(row.state), "todo")
    at = row.closed_at if row.state == WithdrawalState.PAID else None
    sending = str(WithdrawalState.SENDING.label) if state == "current" else pgettext("withdrawal step", "Sent")
    return Stage(sending, pgettext("withdrawal step", "Bank or payment provider"), state, at)


def _missing(row: Withdrawal, parts: Sequence[Any], page: str) -> tuple[Missing, ...]:
    if row.state == WithdrawalState.SENDING:
        code = "page" if page else "rests" if not row.hold_reason and resting(parts) else ""
        return (_words(code),) if code else ()
    found = []
    for check in withdrawal_checks(row):
        code = check["code"]
        if check["good"] or (code == "held" and row.hold_reason):  # that it is stopped the page says by itself
            continue
        found.append(_words(f"destination:{usable(row.destination)}" if code == "destination" else code))
    return tuple(found)


def _words(code: str) -> Missing:
    url, answer = ANSWERS.get(code, ("", ""))
    return Missing(str(MISSING[code]), url, str(answer))
