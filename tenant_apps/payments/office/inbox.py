"""Every withdrawal and deposit with its story, and deciding one withdrawal after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel import clock
from kernel.actors import Actor
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.models import AuditEntry, Command
from kernel.pages import page
from kernel.ui.tables import build_table
from tenant_apps.clients.models import Client
from tenant_apps.wallets.change_selectors import changes_about
from tenant_apps.wallets.selectors import wallets_of

from .. import selectors, words
from ..models import (
    OPEN_WITHDRAWALS,
    Deposit,
    Freeze,
    ProposedChange,
    RejectReason,
    Withdrawal,
    WithdrawalPart,
    WithdrawalState,
)
from ..movements import movements
from ..permissions_list import APPROVE, BATCH_VIEW, DEPOSIT_MANAGE, DESTINATIONS, EXPORT, PROPOSE
from ..services import suspense
from ..services.by_hand import decided_by_people, part_sent_by_hand
from ..services.chain import may_take
from ..services.checks import withdrawal_checks
from ..services.deposits import deposit_ask, deposit_close, deposit_looked_at
from ..services.destinations import usable
from ..services.freezes import frozen_of
from ..services.payout_routing import resting
from ..services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_reject, withdrawal_shown
from .tables import DEPOSITS, WITHDRAWALS

WITHDRAWAL_TABS = [
    ("mine", pgettext_lazy("payments view", "For me")),
    ("waiting", pgettext_lazy("payments view", "To decide")),
    ("sending", pgettext_lazy("payments view", "Being sent")),
    ("late", pgettext_lazy("payments view", "Late")),
    ("", pgettext_lazy("payments view", "All")),
    ("paid", pgettext_lazy("payments view", "Paid")),
    ("refused", pgettext_lazy("payments view", "Not paid")),
]
DEPOSIT_TABS = [
    ("", pgettext_lazy("payments view", "All")),
    ("open", pgettext_lazy("payments view", "Open")),
    ("credited", pgettext_lazy("payments view", "Credited")),
    ("failed", pgettext_lazy("payments view", "Failed")),
    ("suspense", pgettext_lazy("payments view", "Other currency")),
    ("attention", pgettext_lazy("payments view", "Needs a look")),
]


def filtered_withdrawals(request: Any, rows: QuerySet[Withdrawal]) -> QuerySet[Withdrawal]:
    view = request.GET.get("view", "")
    if view == "mine":
        rows = rows.filter(pk__in=selectors.waiting_for(request.actor).values("pk"))
    if view == "late":
        rows = rows.filter(state__in=OPEN_WITHDRAWALS, due_at__lt=clock.now())
    chosen = selectors.WITHDRAWAL_VIEWS.get(view)
    rows = rows.filter(chosen) if chosen is not None else rows
    return selectors.searched(rows, request.GET.get("q", ""), "reference", "iban", masks=request.actor.masks)


def filtered_deposits(request: Any, rows: QuerySet[Deposit]) -> QuerySet[Deposit]:
    chosen = selectors.DEPOSIT_VIEWS.get(request.GET.get("view", ""))
    rows = rows.filter(chosen) if chosen is not None else rows
    if method := request.GET.get("method"):
        rows = rows.filter(method=method)
    references = ("reference", "provider_reference", "payment_reference")
    return selectors.searched(rows, request.GET.get("q", ""), *references, masks=request.actor.masks)


def _list(request: Any, template: str, context: dict[str, Any]) -> HttpResponse:
    shared = {
        "figures": selectors.day_figures(request.actor),
        "view": request.GET.get("view", ""),
        "q": request.GET.get("q", ""),
        "may_export": request.actor.may(EXPORT),
    }
    chosen = f"{template}#rows" if request.htmx else template
    return page(request, chosen, {**shared, **context}, live=["money"])


@guard("payments.view")
@require_GET
def withdrawals(request: Any) -> HttpResponse:
    rows = filtered_withdrawals(request, selectors.withdrawals_visible(request.actor))
    table = build_table(WITHDRAWALS, rows, request)
    return _list(
        request, "payments/office/withdrawals.html", {"table": table, "tabs": WITHDRAWAL_TABS, "now": clock.now()}
    )


@guard("payments.view")
@require_GET
def deposits(request: Any) -> HttpResponse:
    rows = filtered_deposits(request, selectors.deposits_visible(request.actor))
    context = {
        "table": build_table(DEPOSITS, rows, request),
        "tabs": DEPOSIT_TABS,
        "methods": [(code, str(name)) for code, name in words.method_names().items()],
        "method": request.GET.get("method", ""),
    }
    return _list(request, "payments/office/deposits.html", context)


def _about(client: Client) -> dict[str, Any]:
    """What one wants to know of a client while deciding."""
    return {
        "client": client,
        "wallets": wallets_of(client.pk),
        "totals": selectors.client_totals(client.pk),
        "recent": movements(client.pk, limit=6),
    }


@guard("payments.view")
@require_GET
def withdrawal(request: Any, withdrawal_id: UUID) -> HttpResponse:
    row = selectors.withdrawal_get(request.actor, withdrawal_id)
    actor, deciding = request.actor, row.state in (WithdrawalState.REQUESTED, WithdrawalState.CHECKED)
    parts = list(row.parts.select_related("deposit", "provider_account").order_by("created_at", "id"))
    commands = {command.pk: command for command in Command.objects.filter(pk__in=[part.pk for part in parts])}
    steps = list(row.steps.order_by("position"))
    step = next((one for one in steps if one.decided_at is None), None) if deciding else None
    mine = step is not None and may_take(actor, step, row.client)
    orders = selectors.payout_batches_of(parts)
    attempts = selectors.attempts_of(parts)
    rest = resting(parts)
    had_a_part = actor.id in {row.requested_by, *(one.decided_by_id for one in steps)} - {""}
    context = {
        "row": row,
        "parts": [
            (
                part, commands.get(part.pk), orders.get(part.pk), attempts.get(part.pk), rest.get(part.pk, ""),
                decided_by_people(part, commands.get(part.pk)),
            )  # fmt: skip
            for part in parts
        ],
        "checks": withdrawal_checks(row) if deciding else row.checks,
        "freezes": Freeze.objects.filter(client=row.client, active=True).select_related("deposit")
        if row.hold_reason else [],
        "reasons": RejectReason.choices,
        "steps": steps,
        "step": step,
        "may_check": mine and step is not None and step.is_check and not had_a_part,
        "seen": withdrawal_shown(row),
        "may_approve": mine and step is not None and not step.is_check and not had_a_part,
        "own_proposal": step is not None and had_a_part,
        "may_reject": deciding and (mine or actor.may(PROPOSE, row.client) or actor.may(APPROVE, row.client)),
        "may_see_batches": actor.may(BATCH_VIEW),
        "may_send": row.state == WithdrawalState.SENDING and not row.hold_reason
        and actor.may(PROPOSE, row.client),
        "may_verify": deciding and row.destination is not None and usable(row.destination) == "new"
        and actor.may(DESTINATIONS, row.client),
        "late": row.is_open and row.due_at is not None and row.due_at < clock.now(),
        "story": _story(row),
        **_about(row.client),
    }  # fmt: skip
    template = "payments/office/withdrawal.html#body" if request.htmx else "payments/office/withdrawal.html"
    return page(request, template, context, live=["money", f"client:{row.client_id}"])


def _story(row: Any) -> list[AuditEntry]:
    return list(
        AuditEntry.objects.filter(object_type=row._meta.label_lower, object_id=str(row.pk)).order_by("-id")[:20]
    )


def _settlements(actor: Actor, row: Deposit) -> list[tuple[ProposedChange, bool]]:
    """What waits for a second person about the deposit's freeze, and whether this one could be it."""
    found = changes_about(row.pk, "freeze_take", "freeze_lift")
    return [(one, one.proposer_id != actor.id and actor.may(APPROVE, row.client)) for one in found]


@guard("payments.view")
@require_GET
def deposit(request: Any, deposit_id: UUID) -> HttpResponse:
    row = selectors.deposit_get(request.actor, deposit_id)
    context = {
        "row": row,
        "news": selectors.news_of(row),
        "story": _story(row),
        "suspended": row.suspended.first(),
        "credited_as": suspense.credited_as(row),
        "freeze": frozen_of(row),
        "settlements": _settlements(request.actor, row),
        "may_settle": request.actor.may(APPROVE, row.client),
        "may_look": bool(row.attention) and request.actor.may(DEPOSIT_MANAGE, row.client),
        "may_manage": row.is_open and request.actor.may(DEPOSIT_MANAGE, row.client),
        **_about(row.client),
    }
    template = "payments/office/deposit.html#body" if request.htmx else "payments/office/deposit.html"
    return page(request, template, context, live=["money", f"client:{row.client_id}"])


def _decide(request: Any, row: Withdrawal, act: Callable[[], Any], done: str) -> HttpResponse:
    """Carry a decision out, then on to the next that waits for this person."""
    try:
        act()
    except NotFound:
        raise
    except AppError as error:
        text = str(error)
        if check := error.data.get("check"):
            text = f"{text} {words.check_words(check)}: ✗"
        messages.error(request, text)
        return redirect("payments:withdrawal", row.pk)
    messages.success(request, _with_way_back(done, row))
    following = selectors.next_to_decide(request.actor, row)
    return redirect("payments:withdrawal", following.pk) if following else redirect("payments:inbox")


def _with_way_back(done: str, row: Withdrawal) -> SafeString:
    """What was done with a link to it: the page already shows the next one."""
    there = reverse("payments:withdrawal", args=[row.pk])
    return format_html('{} <a class="link" href="{}"><bdi dir="ltr">{}</bdi></a>', done, there, row.reference)


@guard("payments.withdrawal.propose")
@require_POST
def check(request: Any, withdrawal_id: UUID) -> HttpResponse:
    row = selectors.withdrawal_get(request.actor, withdrawal_id)
    return _decide(
        request,
        row,
        lambda: withdrawal_check(actor=request.actor, withdrawal_id=row.pk, seen=request.POST.get("seen", "")),
        pgettext("payments", "Checked and proposed. Someone else approves it."),
    )


@guard("payments.view")
@require_POST
def approve(request: Any, withdrawal_id: UUID) -> HttpResponse:
    """The next approval, by right, role or as the client's manager: the service knows whose it is."""
    row = selectors.withdrawal_get(request.actor, withdrawal_id)
    return _decide(
        request,
        row,
        lambda: withdrawal_approve(actor=request.actor, withdrawal_id=row.pk, seen=request.POST.get("seen", "")),
        pgettext("payments", "Approved."),
    )


@guard("payments.view")
@require_POST
def reject(request: Any, withdrawal_id: UUID) -> HttpResponse:
    """Either right is enough; the service asks for it."""
    row = selectors.withdrawal_get(request.actor, withdrawal_id)
    reason, text = request.POST.get("reason", ""), request.POST.get("text", "")
    return _decide(
        request,
        row,
        lambda: withdrawal_reject(actor=request.actor, withdrawal_id=row.pk, reason=reason, text=text),
        pgettext("payments", "Rejected. The money is back in the wallet."),
    )


@guard("payments.view")
@require_GET
def next_one(request: Any, withdrawal_id: UUID) -> HttpResponse:
    row = selectors.withdrawal_get(request.actor, withdrawal_id)
    following = selectors.next_to_decide(request.actor, row)
    return redirect("payments:withdrawal", following.pk) if following else redirect("payments:inbox")


def _wire(request: Any, part_id: UUID, act: Callable[[WithdrawalPart], Any]) -> HttpResponse:
    part = WithdrawalPart.objects.filter(pk=part_id).first()
    if part is None:
        raise NotFound
    row = selectors.withdrawal_get(request.actor, part.withdrawal_id)
    try:
        act(part)
    except AppError as error:
        messages.error(request, str(error))
    return redirect("payments:withdrawal", row.pk)


@guard("payments.withdrawal.propose")
@require_POST
def part_sent(request: Any, part_id: UUID) -> HttpResponse:
    """Finance sent a wire and gives the bank's reference."""
    told = request.POST.get("bank_reference", "")
    return _wire(
        request, part_id, lambda part: part_sent_by_hand(actor=request.actor, part_id=part.pk, bank_reference=told)
    )


@guard("payments.deposit.manage")
@require_POST
def deposit_ask_view(request: Any, deposit_id: UUID) -> HttpResponse:
    row = selectors.deposit_get(request.actor, deposit_id)
    answer = deposit_ask(deposit_id=row.pk, actor=request.actor)
    told = {
        "no answer": pgettext("payments", "The provider did not answer. Try again in a moment."),
        "not known there": pgettext("payments", "The provider does not know this payment."),
        "nothing": pgettext("payments", "The provider says the same as before."),
    }
    messages.info(request, told.get(answer, pgettext("payments", "Brought up to date.")))
    return redirect("payments:deposit", row.pk)


@guard("payments.deposit.manage")
@require_POST
def deposit_close_view(request: Any, deposit_id: UUID) -> HttpResponse:
    row = selectors.deposit_get(request.actor, deposit_id)
    try:
        deposit_close(actor=request.actor, deposit_id=row.pk, reason=request.POST.get("reason", ""))
    except AppError as error:
        messages.error(request, str(error))
    return redirect("payments:deposit", row.pk)


@guard("payments.deposit.manage")
@require_POST
def deposit_looked_at_view(request: Any, deposit_id: UUID) -> HttpResponse:
    row = selectors.deposit_get(request.actor, deposit_id)
    try:
        deposit_looked_at(actor=request.actor, deposit_id=row.pk)
    except AppError as error:
        messages.error(request, str(error))
    return redirect("payments:deposit", row.pk)
