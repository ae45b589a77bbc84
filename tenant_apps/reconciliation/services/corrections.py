"""Correcting entries: one person proposes, another approves, the ledger posts. Undone the same way, never changed.

Positive legs raise an account's balance: taking from the provider's clearing account and giving to a wallet says that the
provider owes us more, and we owe the client more.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.money import Money
from tenant_apps.clients.eyes import as_shown, is_own
from tenant_apps.clients.models import Client
from tenant_apps.ledger.models import Account, Transfer
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post, reverse
from tenant_apps.payments.errors import SamePerson
from tenant_apps.payments.services import posting
from tenant_apps.wallets.services import wallet_ensure

from ..errors import CaseClosed, NotCorrectable, ReasonMissing
from ..models import Case, CaseState, Correction, CorrectionState, Place, ReportLine
from ..permissions_list import APPROVE, WORK
from .cases import case_locked, case_save, close, note
from .compare import fee_settle
from .eyes import second_required
from .telling import tell_those_who_may

KIND = "reconciliation.correction"


def client_of(case: Case) -> Client | None:
    """Whose money the case is about, where that is known."""
    if case.deposit_id:
        return Client.objects.filter(deposits=case.deposit_id).first()
    if case.part_id:
        return Client.objects.filter(withdrawals__parts=case.part_id).first()
    return None


def correction_propose(
    *,
    actor: Actor,
    case_id: UUID,
    source: str,
    target: str,
    amount: Money,
    reason: str,
    client_number: int | None = None,
) -> Correction:
    """First pair of eyes. `client_number` where the case does not tell whose wallet is meant.

    Raises NotCorrectable, ReasonMissing, CaseClosed; SamePerson for one's own money.
    """
    actor.require(WORK)
    with transaction.atomic():
        case = case_locked(case_id)
        if case.state not in (CaseState.OPEN, CaseState.IN_WORK):
            raise CaseClosed
        if source == target or not {source, target} <= set(Place.values) or amount.minor <= 0:
            raise NotCorrectable(field="amount")
        client = _whose(case, client_number) if Place.WALLET in (source, target) else None
        if client is not None and is_own(actor, [client]):
            raise SamePerson
        if not reason.strip():
            raise ReasonMissing(field="reason")
        row = _proposed(case, actor, source, target, amount, client, reason)
        case_save(case, "reconciliation.correction_proposed", actor, reason=reason[:500], after=_told(row))
    return row


def _whose(case: Case, number: int | None) -> Client:
    found = client_of(case) or (Client.objects.filter(number=number).first() if number else None)
    if found is None:
        raise NotCorrectable(field="client")
    return found


def _proposed(
    case: Case, actor: Actor, source: str, target: str, amount: Money, client: Client | None, reason: str,
    reverses: Correction | None = None,
) -> Correction:  # fmt: skip
    row = Correction.objects.create(
        case=case, source=source, target=target, amount_minor=amount.minor, currency=amount.currency, client=client,
        reason=reason.strip()[:500], proposer_id=actor.id, proposer_label=actor.label[:160], reverses=reverses,
    )  # fmt: skip
    case.state = CaseState.WAITING
    if not case.owner_id:
        case.owner_id, case.owner_label = actor.id, actor.label[:160]
    note(case, actor, reason)
    tell_those_who_may(
        APPROVE, "correction", case.label, amount, link=f"/reconciliation/cases/{case.pk}/", besides=[actor.id]
    )
    return row


def _told(row: Correction) -> dict[str, object]:
    return {"source": row.source, "target": row.target, "amount": str(row.amount)}


def _locked(correction_id: UUID, *, need: str) -> tuple[Case, Correction]:
    """A correction under its case's lock. Raises NotFound, and CaseClosed in another state than `need`."""
    case_id = Correction.objects.filter(pk=correction_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound
    case = case_locked(case_id)
    row = Correction.objects.select_related("client", "reverses").get(pk=correction_id)
    if row.state != need:
        raise CaseClosed
    return case, row


def correction_approve(*, actor: Actor, correction_id: UUID, seen: str | None = None) -> Correction:
    """Second pair of eyes: post it. Raises SamePerson, CaseClosed, ShownDiffers, and the ledger's refusals (InsufficientFunds)."""
    actor.require(APPROVE)
    with transaction.atomic():
        case, row = _locked(correction_id, need=CorrectionState.PROPOSED)
        as_shown(seen, row)
        signs = second_required(actor, row.proposer_id, client=row.client)
        transfer = _undo(row, actor) if row.reverses else _post(case, row, actor)
        row.state, row.transfer_id, row.decided_at = CorrectionState.POSTED, transfer.pk, clock.now()
        row.approver_id, row.approver_label, row.updated_at = actor.id, actor.label[:160], clock.now()
        row.save()
        if row.reverses:
            case.state, case.closed_at, case.closed_by = CaseState.IN_WORK, None, ""
        else:
            written_off = Place.WRITE_OFF in (row.source, row.target)
            close(case, CaseState.WRITTEN_OFF if written_off else CaseState.SOLVED, actor)
            if case.line_id:
                fee_settle(ReportLine.objects.select_for_update(of=("self",)).get(pk=case.line_id))
        case_save(case, "reconciliation.correction_posted", actor, reason=row.reason,
                  after={**_told(row), **({"likeness": sorted(signs)} if signs else {})})  # fmt: skip
    return row


def _post(case: Case, row: Correction, actor: Actor) -> Transfer:
    legs = [Leg(_account(case, row, row.source), -row.amount), Leg(_account(case, row, row.target), row.amount)]
    data = {"reference": case.label, "case": str(case.pk), "reason": row.reason}
    return post(kind=KIND, legs=legs, key=row.ledger_key, actor=actor, data=data)


def _undo(row: Correction, actor: Actor) -> Transfer:
    assert row.reverses is not None
    assert row.reverses.transfer_id is not None
    before = Transfer.objects.get(pk=row.reverses.transfer_id)
    return reverse(transfer=before, key=row.ledger_key, actor=actor, data={**before.data, "reason": row.reason})


def _account(case: Case, row: Correction, place: str) -> Account:
    if place == Place.CLEARING:
        return posting.clearing(case.provider_account, row.currency)
    if place == Place.WALLET:
        assert row.client is not None
        return wallet_ensure(client_id=row.client.pk, currency=row.currency)
    return account_ensure(owner=HOUSE, kind=str(place), currency=row.currency)


def correction_refuse(*, actor: Actor, correction_id: UUID, reason: str) -> Correction:
    """Not like this: by who may approve, or taken back by who proposed it. The case is in work again, or closed as it was."""
    with transaction.atomic():
        case, row = _locked(correction_id, need=CorrectionState.PROPOSED)
        if actor.id != row.proposer_id:
            actor.require(APPROVE)
        row.state, row.decided_at, row.updated_at = CorrectionState.REFUSED, clock.now(), clock.now()
        row.save()
        case.state = CaseState.IN_WORK if row.reverses is None else _state_after(row.reverses)
        note(case, actor, reason)
        case_save(case, "reconciliation.correction_refused", actor, reason=reason[:500], after=_told(row))
    return row


def _state_after(row: Correction) -> str:
    return CaseState.WRITTEN_OFF if Place.WRITE_OFF in (row.source, row.target) else CaseState.SOLVED


def correction_reverse(*, actor: Actor, correction_id: UUID, reason: str) -> Correction:
    """Propose to undo a posted correction; another person approves. Raises CaseClosed when it is undone already."""
    actor.require(WORK)
    with transaction.atomic():
        case, row = _locked(correction_id, need=CorrectionState.POSTED)
        done = row.reversals.exclude(state=CorrectionState.REFUSED).exists()
        if row.reverses is not None or done or case.state == CaseState.WAITING:
            raise CaseClosed
        if not reason.strip():
            raise ReasonMissing(field="reason")
        back = _proposed(case, actor, row.target, row.source, row.amount, row.client, reason, row)
        case_save(case, "reconciliation.correction_proposed", actor, reason=reason[:500], after=_told(back))
    return back
