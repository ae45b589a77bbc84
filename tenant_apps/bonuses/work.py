"""Terms and rules of bonuses that somebody proposed, and bonuses to cancel, for the list of all work over money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from kernel.permissions import scoped
from tenant_apps.wallets.models import Decided as Proposal
from tenant_apps.wallets.models import Decision as Decided
from tenant_apps.wallets.worklist.registry import Decision, Said, Source, Step, register

from .models import CancelRequest, PackChoice, SchemeVersion
from .permissions_list import APPROVE, PROPOSE, VIEW
from .proposals import choice_changes, scheme_changes
from .services.cancelling import cancel_approve, cancel_refuse
from .services.packs import choice_approve, choice_refuse
from .services.schemes import scheme_approve, scheme_refuse

P = TypeVar("P", bound=Proposal)


def _eyes(row: Proposal) -> list[Step]:
    return [
        Step(title=pgettext("work step", "Proposed"), text=row.proposer_label, state="done"),
        Step(title=pgettext("work step", "Approval by another person"), text=row.decider_label,
             state="current" if row.state == Decided.PROPOSED else "done"),
    ]  # fmt: skip


def _decider(row: Proposal) -> str:
    return row.decider_label if row.state != Decided.PROPOSED else ""


def _requests(actor: Actor) -> QuerySet[CancelRequest]:
    rows = CancelRequest.objects.select_related("grant__client")
    return scoped(actor, VIEW, rows, owner="grant__client__owner_id", team="grant__client__team_id")


def _open(actor: Actor) -> QuerySet[CancelRequest]:
    return _requests(actor).filter(state=Decided.PROPOSED)


def _mine(actor: Actor) -> QuerySet[CancelRequest]:
    rows = _open(actor).exclude(proposer_id=actor.id)
    return rows if actor.may(APPROVE) else rows.none()


def _decisions(actor: Actor, row: CancelRequest) -> list[Decision]:
    if row.state != Decided.PROPOSED or row.proposer_id == actor.id or not actor.may(APPROVE):
        return []
    return [
        Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
            confirm=pgettext_lazy("work decision", "It is carried out at once."),
            act=lambda who, what, said: cancel_approve(actor=who, request_id=what.pk, seen=said.seen),
            done=pgettext_lazy("work decision", "Approved."),
        ),
        Decision(
            key="reject", label=pgettext_lazy("work decision", "Refuse"), icon="x", tone="danger", hotkey="r",
            wants_text=True, text_label=pgettext_lazy("work decision", "Why"),
            act=lambda who, what, said: cancel_refuse(actor=who, request_id=what.pk, reason=said.text),
            done=pgettext_lazy("work decision", "Closed; nothing has moved."),
        ),
    ]  # fmt: skip


register(
    Source(
        kind="bonus_cancel", label=pgettext_lazy("work", "Bonuses to cancel"), icon="gift", permission=VIEW, order=42,
        open=_open, mine=_mine, every=_requests, client="grant__client",
        page=lambda row: reverse("bonuses:grant", args=[row.grant_id]),
        reference="grant__reference", minor="grant__amount_minor", currency="grant__currency", states=Decided,
        facts=lambda row: [(pgettext("work fact", "Reason"), row.reason)],
        steps=_eyes, decisions=_decisions, decided_by=_decider,
    )
)  # fmt: skip


# --- terms of a bonus, and which rules apply: what holds for all clients


class Rows(TypedDict):
    every: Callable[[Actor], QuerySet[Any]]
    open: Callable[[Actor], QuerySet[Any]]
    mine: Callable[[Actor], QuerySet[Any]]


def _proposals(rows: Callable[[], QuerySet[P]]) -> Rows:
    """The rows of what concerns no client in particular: all of them for who may see bonuses."""

    def every(actor: Actor) -> QuerySet[P]:
        return rows() if actor.may(VIEW) else rows().none()

    def waiting(actor: Actor) -> QuerySet[P]:
        return every(actor).filter(state=Decided.PROPOSED)

    def mine(actor: Actor) -> QuerySet[P]:
        return waiting(actor).exclude(proposer_id=actor.id) if actor.may(APPROVE) else rows().none()

    return {"every": every, "open": waiting, "mine": mine}


def _closing(
    approve: Callable[[Actor, Any], object], refuse: Callable[[Actor, Any, str], object]
) -> Callable[[Actor, Any], list[Decision]]:
    """Approve or refuse what another proposed, take one's own back. A proposal is a row of its own and never edited."""

    def agree(who: Actor, what: Any, said: Said) -> object:
        return approve(who, what.pk)

    def drop(who: Actor, what: Any, said: Said) -> object:
        return refuse(who, what.pk, said.text)

    def decisions(actor: Actor, row: Any) -> list[Decision]:
        own = row.proposer_id == actor.id
        if row.state != Decided.PROPOSED or not actor.may(PROPOSE if own else APPROVE):
            return []
        label = pgettext_lazy("work decision", "Take it back") if own else pgettext_lazy("work decision", "Refuse")
        closed = Decision(
            key="reject", label=label, icon="x", tone="danger", hotkey="r", wants_text=not own, act=drop,
            text_label=pgettext_lazy("work decision", "Why"), confirm=pgettext_lazy("work decision", "Nothing changes then."),
            done=pgettext_lazy("work decision", "Closed; nothing has changed."),
        )  # fmt: skip
        agreed = Decision(
            key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a", act=agree,
            confirm=pgettext_lazy("work decision", "It holds from now on."),
            done=pgettext_lazy("work decision", "It holds from now on."),
        )  # fmt: skip
        return [closed] if own else [agreed, closed]

    return decisions


register(
    Source(
        kind="bonus_scheme", label=pgettext_lazy("work", "Terms of bonuses"), icon="gift", permission=VIEW, order=43,
        **_proposals(lambda: SchemeVersion.objects.select_related("scheme")), client=None,
        page=lambda row: reverse("bonuses:scheme", args=[row.pk]), reference="scheme__code", states=Decided,
        facts=lambda row: [(pgettext("work fact", "Version"), str(row.number))], changes=scheme_changes, steps=_eyes,
        decisions=_closing(
            lambda who, pk: scheme_approve(actor=who, version_id=pk),
            lambda who, pk, why: scheme_refuse(actor=who, version_id=pk, reason=why),
        ),
        decided_by=_decider,
    )
)  # fmt: skip
register(
    Source(
        kind="bonus_rules", label=pgettext_lazy("work", "Rules for bonuses"), icon="landmark", permission=VIEW, order=44,
        **_proposals(lambda: PackChoice.objects.all()), client=None,
        page=lambda row: reverse("bonuses:rules"), reference="default", states=Decided,
        facts=lambda row: [(pgettext("work fact", "Reason"), row.reason)], changes=choice_changes, steps=_eyes,
        decisions=_closing(
            lambda who, pk: choice_approve(actor=who, choice_id=pk),
            lambda who, pk, why: choice_refuse(actor=who, choice_id=pk, reason=why),
        ),
        decided_by=_decider,
    )
)  # fmt: skip
