"""Four eyes on what is final and on the rules of money: one person proposes a change, another lets it take effect.

Each app registers its kinds (`change_kinds.py`); the desk is here because wallets have rules of their own.

States: waiting → approved | refused | withdrawn. Nothing is in force before the approval, which carries it out in the same
transaction.

Invariants. Who proposed never approves, nor does another account of theirs, nor the client concerned (the database refuses
the same account too). What is approved is what was shown: a change is carried out only while what it changes is still as it
was when it was proposed. One change of a thing waits at a time. Keys wait sealed and are shown to nobody.

A proposal is tried out and rolled back first: so it is refused where it could not be carried out, and what people are shown
is what the audit trail would keep. Rules and provider accounts of a brokerage in which nobody else has the right, or had it within
30 days, take effect at once, with `alone` in the row and in the trail; money of a client always takes two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, locks, secrets
from kernel.actors import Actor
from kernel.errors import Conflict, Invalid
from kernel.live import publish as live
from kernel.models import AuditEntry, Credential
from tenant_apps.accounts.telling import staff_told
from tenant_apps.clients.eyes import others_required, stands_alone
from tenant_apps.clients.models import Client

from ..change_models import ChangeState, ProposedChange
from ..errors import WrongState


class ChangeWaits(Conflict):
    """A change of the same thing waits already: it has to be decided, or taken back, first."""

    code = "change_waits"
    message = pgettext_lazy(
        "payments error", "A change of this waits for a second person already. Decide on that one first."
    )


class ChangeStale(Conflict):
    """What the change was about has changed since."""

    code = "change_stale"
    message = pgettext_lazy("payments error", "This has changed since it was proposed. Refuse it and propose it anew.")


@dataclass(frozen=True, slots=True)
class Kind:
    """`act` is the line of the audit trail that carrying it out writes; `lone`: one person alone in the brokerage may.

    `page`: where a change is decided that has a page, and a kind of work, of its own."""

    words: Any
    act: str
    propose: str
    agree: str
    carry_out: Callable[[ProposedChange, Mapping[str, str], Actor], None]
    lone: bool
    page: Callable[[ProposedChange], str] | None = None


_kinds: dict[str, Kind] = {}


def register(code: str, kind: Kind) -> None:
    _kinds[code] = kind


def kinds() -> Mapping[str, Kind]:
    return _kinds


def kinds_elsewhere() -> list[str]:
    """Codes of those that are decided on a page of their own."""
    return [code for code, kind in _kinds.items() if kind.page]


def where_decided(row: ProposedChange) -> str:
    """The page on which a change is decided."""
    known = _kinds.get(row.kind)
    return known.page(row) if known and known.page else "/payments/changes/"


class _TriedOut(Exception):
    """Rolls a trial back."""


def change_propose(
    *,
    actor: Actor,
    kind: str,
    object_id: UUID,
    title: str,
    values: Mapping[str, Any],
    client: Client | None = None,
    note: str = "",
    keys: Mapping[str, str] | None = None,
) -> ProposedChange | None:
    """Propose a change; carried out at once where nobody else could agree to it. None when it would change nothing.

    Raises what carrying it out would raise, ChangeWaits, Forbidden.
    """
    known, given = _kinds[kind], {name: value for name, value in (keys or {}).items() if value}
    if not actor.may(known.agree, client):  # whoever may agree to another's may also propose
        actor.require(known.propose, client)
    row = ProposedChange(
        kind=kind, object_id=object_id, client=client, title=title[:200], values=dict(values), note=note.strip()[:300],
        proposer_id=actor.id, proposer_label=actor.label[:160],
    )  # fmt: skip
    with transaction.atomic():
        locks.hold(f"payments.change:{kind}:{object_id}")
        if ProposedChange.objects.filter(kind=kind, object_id=object_id, state=ChangeState.WAITING).exists():
            raise ChangeWaits
        tried = _tried_out(row, given, actor)
        if tried is None:
            return None
        row.before, row.after = tried.before or {}, tried.after or {}
        row.save(force_insert=True)
        for name, value in given.items():
            secrets.credential_set(owner=_owner(row), name=name, value=value)
        if known.lone and stands_alone(actor, known.agree):
            row.alone = True
            _carry_out(row, actor)
        else:
            _note("payments.change_proposed", row, actor, reason=row.note)
            _tell(row, actor)
    return row


def _tried_out(row: ProposedChange, keys: Mapping[str, str], actor: Actor) -> AuditEntry | None:
    """Carry it out and take it back: the line that the trail would have, None when nothing would change."""
    found: AuditEntry | None = None
    with suppress(_TriedOut), transaction.atomic():
        found = _done(row, keys, actor)
        raise _TriedOut
    return found


def _done(row: ProposedChange, keys: Mapping[str, str], actor: Actor) -> AuditEntry | None:
    last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    kind = _kinds[row.kind]
    kind.carry_out(row, keys, actor)
    mine = AuditEntry.objects.filter(id__gt=last, action=kind.act, actor_id=actor.id)
    return mine.order_by("-id").first()


def change_approve(*, actor: Actor, change_id: UUID) -> ProposedChange:
    """The second pair of eyes: it is carried out. Raises SamePerson, WrongState, ChangeStale, and what carrying it out does."""
    with transaction.atomic():
        row = _waiting(change_id)
        actor.require(_kinds[row.kind].agree, row.client)
        signs = others_required(actor, row.proposer_id, client=row.client)
        _carry_out(row, actor, likeness=sorted(signs))
    return row


def _carry_out(row: ProposedChange, actor: Actor, *, likeness: list[str] | None = None) -> None:
    line = _done(row, secrets.credentials_of(_owner(row)), actor)
    if line is None or (line.before or {}) != row.before or (line.after or {}) != row.after:
        raise ChangeStale
    _decided(row, actor, ChangeState.APPROVED)
    more: dict[str, Any] = {"alone": True} if row.alone else {"likeness": likeness} if likeness else {}
    _note("payments.change_approved", row, actor, **more)


def change_refuse(*, actor: Actor, change_id: UUID, reason: str = "") -> ProposedChange:
    """Who proposed it takes it back; whoever may agree refuses it, and says why. Raises Invalid, WrongState."""
    with transaction.atomic():
        row = _waiting(change_id)
        own = row.proposer_id == actor.id
        if not own:
            actor.require(_kinds[row.kind].agree, row.client)
        if not own and not reason.strip():
            raise Invalid(pgettext_lazy("payments error", "Say why."), field="reason")
        row.refusal = reason.strip()[:300]
        _decided(row, actor, ChangeState.WITHDRAWN if own else ChangeState.REFUSED)
        _note("payments.change_withdrawn" if own else "payments.change_refused", row, actor, reason=row.refusal)
    return row


def _waiting(change_id: UUID) -> ProposedChange:
    row = ProposedChange.objects.select_for_update(of=("self",)).select_related("client").get(pk=change_id)
    if row.state != ChangeState.WAITING:
        raise WrongState
    return row


def _owner(row: ProposedChange) -> str:
    """Of the keys that wait. They are nobody's but the change's, and gone with its decision."""
    return f"payments.change:{row.pk}"


def _decided(row: ProposedChange, actor: Actor, to: ChangeState) -> None:
    Credential.objects.filter(owner=_owner(row)).delete()
    row.state, row.decider_id, row.decider_label = to, actor.id, actor.label[:160]
    row.decided_at = row.updated_at = clock.now()
    row.save()
    live.publish("money")


def _note(act: str, row: ProposedChange, actor: Actor, *, reason: str = "", **after: Any) -> None:
    audit.record(
        actor=actor, action=act, obj=row, subject=row.client_id or "", reason=reason,
        before=row.before, after={**row.after, **after},
    )  # fmt: skip


def _tell(row: ProposedChange, actor: Actor) -> None:
    live.publish("money")
    staff_told(
        lambda reader: reader.may(_kinds[row.kind].agree, row.client), kind="payments.change_waits", besides=(actor.id,),
        link=where_decided(row),
        words=lambda: (pgettext("notification", "A change waits for a second person"), row.title),
    )  # fmt: skip
