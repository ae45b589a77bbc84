"""Changes that wait for a second person: what is final, and the rules of money."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import Actor
from tenant_apps.clients.changes import Change, differences
from tenant_apps.clients.permissions_list import ENTITIES
from tenant_apps.wallets.change_selectors import changes_visible, changes_waiting
from tenant_apps.wallets.permissions_list import SETTINGS
from tenant_apps.wallets.services.changes import kinds_elsewhere
from tenant_apps.wallets.worklist.registry import Decision, Source, Step, register

from ..models import ChangeState, ProposedChange
from ..permissions_list import VIEW
from ..services.changes import change_approve, change_refuse, kinds


def _open(actor: Actor) -> QuerySet[ProposedChange]:
    """Those of kinds with a page of their own are work of another kind."""
    return changes_visible(actor).filter(state=ChangeState.WAITING).exclude(kind__in=kinds_elsewhere())


def _mine(actor: Actor) -> QuerySet[ProposedChange]:
    return changes_waiting(actor).exclude(kind__in=kinds_elsewhere())


def _decisions(actor: Actor, row: ProposedChange) -> list[Decision]:
    if row.state != ChangeState.WAITING:
        return []
    own, found = row.proposer_id == actor.id, []
    agrees = actor.may(kinds()[row.kind].agree, row.client)
    if agrees and not own:
        found.append(
            Decision(
                key="approve", label=pgettext_lazy("work decision", "Approve"), icon="shield-check", hotkey="a",
                confirm=pgettext_lazy("work decision", "It is carried out at once."),
                act=lambda who, what, said: change_approve(actor=who, change_id=what.pk),
                done=pgettext_lazy("work decision", "Approved."),
            )
        )  # fmt: skip
    if agrees or own:
        found.append(
            Decision(
                key="reject", icon="x", tone="danger", hotkey="r",
                label=pgettext_lazy("work decision", "Take it back") if own else pgettext_lazy("work decision", "Refuse"),
                wants_text=not own, text_label=pgettext_lazy("work decision", "Why"),
                confirm=pgettext_lazy("work decision", "Nothing moves then."),
                act=lambda who, what, said: change_refuse(actor=who, change_id=what.pk, reason=said.text),
                done=pgettext_lazy("work decision", "Closed; nothing has moved."),
            )
        )  # fmt: skip
    return found


def _changes(row: ProposedChange) -> list[Change]:
    """Before and after, as on the page of all changes."""
    return differences(kinds()[row.kind].act, row.before, row.after)


register(
    Source(
        kind="change", label=pgettext_lazy("work", "Proposed changes"), icon="list-checks", order=37,
        permission=(VIEW, SETTINGS, ENTITIES),
        open=_open, mine=_mine, every=changes_visible, page=lambda row: reverse("payments:changes"),
        reference="title", states=ChangeState,
        facts=lambda row: [
            (pgettext("work fact", "Proposal"), kinds()[row.kind].words),
            (pgettext("work fact", "Note"), row.note),
        ],
        changes=_changes,
        steps=lambda row: [
            Step(title=pgettext("work step", "Proposed"), text=row.proposer_label, state="done"),
            Step(title=pgettext("work step", "Approval by another person"), text=row.decider_label,
                 state="current" if row.state == ChangeState.WAITING else "done"),
        ],
        decisions=_decisions, decided_by=lambda row: row.decider_label if row.state != ChangeState.WAITING else "",
    )
)  # fmt: skip
