"""Cases: what a person has to look at. Opening one twice changes nothing.

Who works on one and what was written about it is casework's (wallets), as at the reconciliation desk. What a case left in
the house's suspense leaves it once (ledger key = the case), when a second person agrees at the desk of changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Conflict, NotFound
from kernel.live.publish import publish
from kernel.money import Money
from kernel.ui.formatting import money_text
from tenant_apps.clients.errors import SamePerson
from tenant_apps.clients.eyes import as_shown, is_own
from tenant_apps.ledger import services as ledger
from tenant_apps.trading.errors import DuplicateOperation, NoteMissing
from tenant_apps.trading.ledgers import counter
from tenant_apps.trading.models import Case, CaseKind, TradingAccount, TradingServer
from tenant_apps.trading.permissions_list import CASES_EDIT
from tenant_apps.wallets import casework
from tenant_apps.wallets.models import ChangeState, ProposedChange
from tenant_apps.wallets.services.changes import change_approve, change_propose

TOPIC = "money"
SETTLE = "trading_case"  # of change_kinds
BALANCE = "mismatch:"  # begins the keys of cases about an account's balance
COMPARISON, AGREES = "trading: compare", "Agrees again"  # the comparison's own; shown in the reader's language


def case_open(
    *,
    kind: str,
    server: TradingServer,
    dedupe_key: str,
    account: TradingAccount | None = None,
    amount: Money | None = None,
    data: dict[str, Any] | None = None,
    again: bool = False,
) -> None:
    """Open a case, unless one with this key was ever opened; with `again`, unless one of them is unresolved.

    What was resolved and is found again is then a new case: their number is in the key, so of two who find it at once, and
    count the same, one opens it.
    """
    if again:
        before = list(_numbered(dedupe_key).values_list("resolved_at", flat=True))
        if None in before:
            return
        dedupe_key = f"{dedupe_key}:{len(before) + 1}"
    case = Case(
        kind=kind,
        server=server,
        account=account,
        amount_minor=amount.minor if amount else None,
        currency=amount.currency if amount else "",
        data=data or {},
        dedupe_key=dedupe_key[:120],
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    Case.objects.bulk_create([case], ignore_conflicts=True)
    with transaction.atomic():
        publish(TOPIC, {"case": kind})


def _numbered(key: str) -> QuerySet[Case]:
    """All that were ever opened with a key."""
    return Case.objects.filter(Q(dedupe_key=key) | Q(dedupe_key__startswith=f"{key}:"))


def duplicate(account: TradingAccount, error: DuplicateOperation) -> None:
    """One operation id on several records of the server: money or an account came into being twice."""
    case_open(
        kind=CaseKind.DUPLICATE,
        server=account.server,
        account=account,
        dedupe_key=f"duplicate:{error.operation_id}",
        data={"operation": error.operation_id, "found": list(error.deals)},
    )


def mismatch_open(account: TradingAccount, amount: Money) -> None:
    """Open a case about the difference of an account's balance, unless an unresolved one tells of the same amount."""
    case_open(
        kind=CaseKind.MISMATCH,
        server=account.server,
        account=account,
        amount=amount,
        dedupe_key=f"{BALANCE}{account.pk}:{amount.minor}",
        data={"login": account.login},
        again=True,
    )


def mismatches_agree(account_ids: Iterable[UUID]) -> None:
    """Close what the comparison found of these accounts' balances: they agree by now."""
    now = clock.now()
    with transaction.atomic():
        for case in _mismatches(account_ids).filter(resolved_at=None).select_for_update().order_by("pk"):
            case.resolved_at = case.updated_at = now
            case.resolved_by, case.note = COMPARISON, AGREES
            case.save(update_fields=["resolved_at", "updated_at", "resolved_by", "note"])
            casework.note_add(case.notes, author="", text=AGREES)


def _mismatches(account_ids: Iterable[UUID]) -> QuerySet[Case]:
    """Those of balances: what credit differs by is told, and known to be over, by others."""
    return Case.objects.filter(kind=CaseKind.MISMATCH, account_id__in=list(account_ids), dedupe_key__startswith=BALANCE)


# --- people


def case_take(*, actor: Actor, case_id: UUID) -> Case:
    """Make a case one's own. Raises Conflict for one that is resolved."""
    actor.require(CASES_EDIT)
    with transaction.atomic():
        case = _open(case_id)
        casework.take(case, actor)
        _save(case, "trading.case_taken", actor)
    return case


def case_hand_over(*, actor: Actor, case_id: UUID, to: str) -> Case:
    """Give a case to a colleague who may resolve cases. Raises Conflict, NoColleague."""
    actor.require(CASES_EDIT)
    with transaction.atomic():
        case = _open(case_id)
        label, link = f"{case.get_kind_display()} · {case.account or case.server}", case_link(case.pk)
        casework.hand_over(case, actor, to=to, right=CASES_EDIT, label=label, link=link)
        _save(case, "trading.case_handed_over", actor, after={"owner": case.owner_label})
    return case


def case_note(*, actor: Actor, case_id: UUID, text: str) -> Case:
    """Write about a case, a resolved one too. Raises NoteMissing for nothing written."""
    actor.require(CASES_EDIT)
    with transaction.atomic():
        case = _locked(case_id)
        if not text.strip():
            raise NoteMissing(field="text")
        casework.note_add(case.notes, author=actor.label, text=text)
        _save(case, "trading.case_noted", actor)
    return case


def case_resolve(*, actor: Actor, case_id: UUID, note: str) -> ProposedChange | None:
    """Close a case with a note. One that left money in suspense is proposed only: a second person agrees to the posting.

    Returns the proposal, carried out already where nobody else in the brokerage could agree to it. Raises Conflict when
    somebody else resolved it meanwhile, ChangeWaits, NoteMissing; SamePerson where it is about the actor's own account.
    """
    actor.require(CASES_EDIT)
    with transaction.atomic():
        case = _open(case_id)
        if not note.strip():
            raise NoteMissing(field="note")
        if not case.suspended:
            resolved(case, actor, note)
            return None
        client = case.account.client if case.account else None
        if client is not None and is_own(actor, [client]):
            raise SamePerson
        title = f"{case.account or case.server} · {money_text(case.suspended)}"
        values = {"note": note.strip()[:500]}
        row = change_propose(
            actor=actor, kind=SETTLE, object_id=case.pk, title=title, values=values, client=client, note=note
        )
        if not case.owner_id and row is not None and not row.alone:
            Case.objects.filter(pk=case.pk).update(owner_id=actor.id, owner_label=actor.label[:160])
        return row


def settled(row: ProposedChange, keys: Mapping[str, str], actor: Actor) -> None:
    """What a proposal carries out (change_kinds): the case is closed and its money leaves suspense. Raises Conflict."""
    case = _open(row.object_id)
    resolved(case, actor, row.values["note"], proposer=row.proposer_label)
    amount = case.suspended
    if amount:
        _settle(case, amount, actor)


def proposal_of(case: Case) -> ProposedChange | None:
    """What waits for a second person about a case."""
    rows = ProposedChange.objects.filter(kind=SETTLE, object_id=case.pk, state=ChangeState.WAITING)
    return rows.select_related("client").first()


def settlement_approve(*, actor: Actor, change_id: UUID, seen: str | None = None) -> ProposedChange:
    """The second pair of eyes. `seen`: the digest of the proposal that was shown. Raises ShownDiffers, SamePerson,
    WrongState, ChangeStale."""
    row = ProposedChange.objects.filter(pk=change_id, kind=SETTLE).first()
    if row is None:
        raise NotFound
    as_shown(seen, row)
    return change_approve(actor=actor, change_id=change_id)


def case_link(case_id: UUID) -> str:
    return f"/trading/cases/{case_id}/"


def resolved(case: Case, actor: Actor, note: str, *, proposer: str = "") -> None:
    """Write down that a locked case is closed: once, with its line of the trail."""
    case.resolved_at = clock.now()
    case.resolved_by, case.note = actor.label[:160], note.strip()[:500]
    casework.note_add(case.notes, author=proposer or actor.label, text=note)
    amount = str(case.amount) if case.amount else None
    after = {"kind": case.kind, "data": case.data, **({"amount": amount} if amount else {})}
    _save(case, "trading.case_resolved", actor, reason=note[:500], after=after)


def _locked(case_id: UUID) -> Case:
    """The case under its lock. Raises NotFound."""
    rows = Case.objects.select_for_update(of=("self",)).select_related("account__client", "server")
    found = rows.filter(pk=case_id).first()
    if found is None:
        raise NotFound
    return found


def _open(case_id: UUID) -> Case:
    case = _locked(case_id)
    if case.resolved_at:
        raise Conflict
    return case


def _save(case: Case, action: str, actor: Actor, *, reason: str = "", after: dict[str, Any] | None = None) -> None:
    case.updated_at = clock.now()
    case.save()
    subject = case.account.client_id if case.account else ""
    audit.record(actor=actor, action=action, obj=case, reason=reason, subject=subject, after=after)
    publish(TOPIC, {"case": case.kind})


def _settle(case: Case, amount: Money, actor: Actor) -> None:
    """Money that moved without us leaves `suspense` for the house's adjustments."""
    suspense, adjustments = counter("suspense", amount.currency), counter("trading-adjustments", amount.currency)
    ledger.post(
        kind="trading.case_settled",
        legs=[ledger.Leg(suspense, amount), ledger.Leg(adjustments, -amount)],
        key=f"trading.case:{case.pk}",
        actor=actor,
        data={"reference": case.dedupe_key},
    )
