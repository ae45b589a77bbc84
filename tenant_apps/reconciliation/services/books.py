"""What our books say of the facts that a report's lines may tell: loaded for many lines at once, asked per line.

Signed as the provider counts: positive where our balance there grew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from kernel.ids import parse_uuid
from tenant_apps.ledger.models import Account, Entry, Transfer
from tenant_apps.ledger.services import HOUSE
from tenant_apps.payments.models import Deposit, DepositState, PartState, ProviderAccount, Reversal, WithdrawalPart
from tenant_apps.payments.services import posting

from ..kinds import LineKind, LineState
from ..models import ReportLine

WINDOW = timedelta(days=2)  # around a line's time, where amount and currency have to do
CREDITED = (DepositState.CREDITED, DepositState.REVERSED)
MATCHES = (LineState.MATCHED, LineState.DIFFERS)
DISPUTES = (LineKind.CHARGEBACK, LineKind.REINSTATED)


@dataclass(slots=True)
class Books:
    """Deposits, parts and postings that the lines may mean."""

    by_reference: dict[str, Deposit] = field(default_factory=dict)
    by_own: dict[str, Deposit] = field(default_factory=dict)
    by_amount: dict[tuple[int, str], list[Deposit]] = field(default_factory=lambda: defaultdict(list))
    parts_by_reference: dict[str, WithdrawalPart] = field(default_factory=dict)
    parts_by_own: dict[str, WithdrawalPart] = field(default_factory=dict)
    parts_by_deposit: dict[UUID, list[WithdrawalPart]] = field(default_factory=lambda: defaultdict(list))
    parts_by_amount: dict[tuple[int, str], list[WithdrawalPart]] = field(default_factory=lambda: defaultdict(list))
    posted: dict[str, int] = field(default_factory=dict)  # ledger key → what the clearing account got
    taken_deposits: dict[UUID, int] = field(default_factory=dict)  # by which line
    taken_parts: dict[UUID, int] = field(default_factory=dict)
    disputes: dict[tuple[UUID, str], set[int]] = field(default_factory=lambda: defaultdict(set))  # lines told of it

    def deposit_of(self, line: ReportLine) -> tuple[Deposit, str] | None:
        """By the provider's reference, else by our id."""
        for reference in line.references or [line.reference]:
            if reference and (found := self.by_reference.get(reference)):
                return found, "reference"
        own = self.by_own.get(line.own.casefold()) if line.own else None
        return (own, "own_id") if own else None

    def part_of(self, line: ReportLine) -> tuple[WithdrawalPart, str] | None:
        for reference in line.references or [line.reference]:
            if reference and (found := self.parts_by_reference.get(reference)):
                return found, "reference"
        own = self.parts_by_own.get(line.own.casefold()) if line.own else None
        return (own, "own_id") if own else None

    def free_deposit(self, line: ReportLine) -> Deposit | None:
        """The one deposit of this amount and time that no line has taken; None when there are several."""
        found = [
            row for row in self.by_amount.get((line.amount_minor, line.currency), ())
            if row.pk not in self.taken_deposits and row.credited_at and abs(row.credited_at - line.at) <= WINDOW
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def free_part(self, line: ReportLine, among: Iterable[WithdrawalPart]) -> WithdrawalPart | None:
        found = [
            row for row in among
            if row.amount_minor == -line.amount_minor and row.currency == line.currency
            and self.taken_parts.get(row.pk, line.pk) == line.pk
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def near_part(self, line: ReportLine) -> WithdrawalPart | None:
        near = [
            row for row in self.parts_by_amount.get((-line.amount_minor, line.currency), ())
            if row.closed_at and abs(row.closed_at - line.at) <= WINDOW
        ]  # fmt: skip
        return self.free_part(line, near)


def load(account: ProviderAccount, lines: Sequence[ReportLine]) -> Books:
    """Everything the lines may mean, in a fixed number of queries."""
    made = Books()
    references = {one for line in lines for one in (line.references or [line.reference]) if one}
    owns = {line.own.casefold() for line in lines if line.own}
    ids = {found for own in owns if (found := parse_uuid(own))}
    _deposits(made, account, lines, references, owns, ids)
    _parts(made, account, lines, references, owns, ids)
    _taken(made, lines)
    _postings(made, account, lines)
    return made


def _deposits(
    made: Books,
    account: ProviderAccount,
    lines: Sequence[ReportLine],
    references: set[str],
    owns: set[str],
    ids: set[UUID],
) -> None:
    mine = Deposit.objects.filter(provider_account=account)
    short = [own.upper() for own in owns if len(own) <= 20]
    for row in mine.filter(
        Q(payment_reference__in=references)
        | Q(provider_reference__in=references)
        | Q(pk__in=ids)
        | Q(reference__in=short)
    ):
        for reference in (row.payment_reference, row.provider_reference):
            if reference:
                made.by_reference[reference] = row
        made.by_own[str(row.pk)] = made.by_own[row.reference.casefold()] = row
    lost = [line for line in lines if line.kind == LineKind.CHARGE and made.deposit_of(line) is None]
    if lost:
        since, until = min(line.at for line in lost) - WINDOW, max(line.at for line in lost) + WINDOW
        for row in mine.filter(
            state__in=CREDITED, credited_at__range=(since, until), currency__in={line.currency for line in lost},
            received_minor__in={line.amount_minor for line in lost},
        ):  # fmt: skip
            made.by_amount[row.received_minor or 0, row.currency].append(row)


def _parts(
    made: Books,
    account: ProviderAccount,
    lines: Sequence[ReportLine],
    references: set[str],
    owns: set[str],
    ids: set[UUID],
) -> None:
    leaving = [line for line in lines if line.kind in (LineKind.REFUND, LineKind.WITHDRAWAL)]
    if not leaving:
        return
    known = {row.pk for row in made.by_own.values()}
    wanted = Q(provider_reference__in=references) | Q(pk__in=ids) | Q(deposit_id__in=known)
    wanted |= Q(withdrawal__reference__in=[own.upper() for own in owns if len(own) <= 20])
    paid = [line for line in leaving if line.kind == LineKind.WITHDRAWAL]
    if paid:
        since, until = min(line.at for line in paid) - WINDOW, max(line.at for line in paid) + WINDOW
        wanted |= Q(
            deposit=None, state=PartState.PAID, closed_at__range=(since, until),
            amount_minor__in={-line.amount_minor for line in paid},
        )  # fmt: skip
    for row in WithdrawalPart.objects.filter(provider_account=account).filter(wanted).select_related("withdrawal"):
        if row.provider_reference:
            made.parts_by_reference[row.provider_reference] = row
        made.parts_by_own[str(row.pk)] = made.parts_by_own[row.withdrawal.reference.casefold()] = row
        if row.deposit_id:
            made.parts_by_deposit[row.deposit_id].append(row)
        else:
            made.parts_by_amount[row.amount_minor, row.currency].append(row)


def _taken(made: Books, lines: Sequence[ReportLine]) -> None:
    """Which line a fact belongs to already: one charge per deposit, one line per part and per round of a dispute."""
    deposits = {row.pk for row in made.by_own.values()} | {row.pk for rows in made.by_amount.values() for row in rows}
    parts = {row.pk for row in made.parts_by_own.values()}
    rows = ReportLine.objects.filter(
        Q(deposit_id__in=deposits, kind__in=(LineKind.CHARGE, *DISPUTES)) | Q(part_id__in=parts), state__in=MATCHES
    )
    for pk, kind, deposit_id, part_id in rows.values_list("pk", "kind", "deposit_id", "part_id"):
        if part_id:
            made.taken_parts[part_id] = pk
        elif kind in DISPUTES:
            made.disputes[deposit_id, kind].add(pk)
        elif deposit_id:
            made.taken_deposits[deposit_id] = pk


def _postings(made: Books, account: ProviderAccount, lines: Sequence[ReportLine]) -> None:
    """Reversals and refunds that we booked without a withdrawal."""
    keys: list[str] = []
    deposits = {row.pk: row for row in made.by_own.values()} | {
        row.pk: row for rows in made.by_amount.values() for row in rows
    }
    rounds = Reversal.objects.filter(deposit__in=deposits, number__gt=1).values_list("deposit_id", "number")
    for deposit_id, number in [*((pk, 1) for pk in deposits), *rounds]:
        key = posting.reversal_key(deposits[deposit_id], number)
        keys += [key, f"{key}:undone"]
    for line in lines:
        if line.kind == LineKind.REFUND and (found := made.deposit_of(line)):
            keys += [posting.refund_key(found[0], reference) for reference in line.references]
    transfers = dict(Transfer.objects.filter(key__in=keys).values_list("pk", "key"))
    if not transfers:
        return
    clearing = Account.objects.filter(owner=HOUSE, kind=f"clearing:{account.pk}")
    entries = Entry.objects.filter(transfer_id__in=transfers, account_id__in=clearing.values("pk"))
    for transfer_id, amount in entries.values_list("transfer_id", "amount"):
        made.posted[transfers[transfer_id]] = -amount
