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
from kernel.money import Money
from tenant_apps.ledger.models import Account, Entry, Transfer
from tenant_apps.ledger.services import HOUSE
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    PartState,
    ProviderAccount,
    Reversal,
    SuspensePayment,
    WithdrawalPart,
)
from tenant_apps.payments.services import posting

from ..kinds import LineKind, LineState
from ..models import ReportLine

WINDOW = timedelta(days=2)  # around a line's time, where amount and currency have to do
CREDITED = (DepositState.CREDITED, DepositState.REVERSED)
MATCHES = (LineState.MATCHED, LineState.DIFFERS)
DISPUTES = (LineKind.CHARGEBACK, LineKind.REINSTATED)


@dataclass(slots=True)
class Books:
    """Deposits, parts and postings that the lines may mean.

    A payment that came in another currency is one payment, and its deposit the one that was asked for: what it was credited
    as later has the same reference, and counts as a part of it.
    """

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
    suspended: dict[UUID, SuspensePayment] = field(default_factory=dict)  # by the deposit that was asked for
    given_back: dict[UUID, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))  # refund's line → amount
    sent_back: dict[UUID, list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )  # keys of what two people sent back out of suspense
    rounds: dict[UUID, list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )  # keys of reversals, in their order
    disputes: dict[tuple[UUID, str], set[int]] = field(default_factory=lambda: defaultdict(set))  # lines told of it

    def family(self, deposit: Deposit) -> list[Deposit]:
        """The deposit and, where it came in another currency, all it was credited as, in that order."""
        row = self.suspended.get(deposit.pk)
        if row is None:
            return [deposit]
        made = {one.pk: one for one in ([row.credited] if row.credited else [])}
        made |= {one.pk: one for one in sorted(row.credited_as.all(), key=lambda one: (one.created_at, one.pk))}
        return [deposit, *made.values()]

    def came(self, deposit: Deposit) -> Money | None:
        """What its clearing account was told to have got; None when nothing was booked."""
        if row := self.suspended.get(deposit.pk):
            return Money(row.amount_minor, row.currency)
        if deposit.state not in CREDITED:
            return None
        return Money(deposit.received_minor or 0, deposit.currency)

    def currency(self, deposit: Deposit) -> str:
        row = self.suspended.get(deposit.pk)
        return row.currency if row else deposit.currency

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
            if row.pk not in self.taken_deposits and (at := row.credited_at or row.closed_at) and abs(at - line.at) <= WINDOW
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def free_part(self, line: ReportLine, among: Iterable[WithdrawalPart]) -> WithdrawalPart | None:
        found = [
            row for row in among
            if row.amount_minor == -line.amount_minor and row.currency == line.currency
            and self.taken_parts.get(row.pk, line.pk) == line.pk
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def reversal_of(self, deposit: Deposit, number: int) -> str:
        """The key of a payment's round, in the order in which they were booked: before it was credited, and since."""
        booked = [key for one in self.family(deposit) for key in self.rounds[one.pk] if key in self.posted]
        return booked[number - 1] if number <= len(booked) else ""

    def refund_of(self, deposit: Deposit, line: ReportLine) -> int | None:
        """What a refund without a withdrawal took: made on the provider's pages, or decided out of suspense."""
        keys = (posting.refund_key(one, reference) for one in self.family(deposit) for reference in line.references)
        if key := next((key for key in keys if key in self.posted), None):
            return self.posted[key]
        sent = [self.posted[key] for key in self.sent_back[deposit.pk] if key in self.posted]
        told = self.given_back[deposit.pk]
        others = [minor for pk, minor in told.items() if pk != line.pk]
        if sent.count(line.amount_minor) <= others.count(line.amount_minor):
            return None
        told[line.pk] = line.amount_minor
        return line.amount_minor

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
    found = mine.filter(
        Q(payment_reference__in=references)
        | Q(provider_reference__in=references)
        | Q(pk__in=ids)
        | Q(reference__in=short)
    ).order_by("created_at", "id")
    rows = {row.pk: row for row in found}
    parents = _suspended(made, Q(deposit__in=rows) | Q(credited__in=rows) | Q(credited_as__in=rows))
    for row in rows.values():
        whole = parents.get(row.pk, row)
        for reference in (row.payment_reference, row.provider_reference):
            if reference:
                made.by_reference.setdefault(reference, whole)
        made.by_own[str(row.pk)] = made.by_own[row.reference.casefold()] = whole
    lost = [line for line in lines if line.kind == LineKind.CHARGE and made.deposit_of(line) is None]
    if lost:
        since, until = min(line.at for line in lost) - WINDOW, max(line.at for line in lost) + WINDOW
        currencies, amounts = {line.currency for line in lost}, {line.amount_minor for line in lost}
        for row in mine.filter(
            state__in=CREDITED, credited_at__range=(since, until), currency__in=currencies, received_minor__in=amounts,
            corrects=None, out_of=None,
        ):  # fmt: skip
            made.by_amount[row.received_minor or 0, row.currency].append(row)
        came = Q(created_at__range=(since, until), currency__in=currencies, amount_minor__in=amounts)
        payments = _suspended(made, came & Q(deposit__provider_account=account)).values()
        for row in {one.pk: one for one in payments}.values():
            told = made.suspended[row.pk]
            made.by_amount[told.amount_minor, told.currency].append(row)


def _suspended(made: Books, which: Q) -> dict[UUID, Deposit]:
    """Payments that came in another currency: what was asked for, by the ids of all that stands for it."""
    found: dict[UUID, Deposit] = {}
    payments = SuspensePayment.objects.filter(which).distinct().select_related("deposit", "credited")
    for row in payments.prefetch_related("credited_as").order_by("created_at", "id"):
        made.suspended[row.deposit_id] = row
        found |= {one.pk: row.deposit for one in made.family(row.deposit)}
    return found


def _deposits_known(made: Books) -> dict[UUID, Deposit]:
    """By their ids, what they were credited as included."""
    found = [*made.by_own.values(), *(row for rows in made.by_amount.values() for row in rows)]
    return {one.pk: one for row in found for one in made.family(row)}


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
    known = {one.pk for row in made.by_own.values() for one in made.family(row)}
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
    whole = {one.pk: row.deposit_id for row in made.suspended.values() for one in made.family(row.deposit)}
    deposits = _deposits_known(made)
    parts = {row.pk for row in made.parts_by_own.values()}
    rows = ReportLine.objects.filter(
        Q(deposit_id__in=deposits, kind__in=(LineKind.CHARGE, *DISPUTES))
        | Q(deposit_id__in=made.suspended, kind=LineKind.REFUND)
        | Q(part_id__in=parts),
        state__in=MATCHES,
    )
    for pk, kind, told, part_id, ours in rows.values_list("pk", "kind", "deposit_id", "part_id", "ours_minor"):
        deposit_id = whole.get(told, told)
        if part_id:
            made.taken_parts[part_id] = pk
        elif kind == LineKind.REFUND:
            made.given_back[deposit_id][pk] = ours or 0
        elif kind in DISPUTES:
            made.disputes[deposit_id, kind].add(pk)
        elif deposit_id:
            made.taken_deposits[deposit_id] = pk


def _sent_back(made: Books) -> dict[int, str]:
    """What left suspense because two people decided so, each time it did: the transfers with their keys."""
    if not made.suspended:
        return {}
    since = min(row.created_at for row in made.suspended.values())
    wanted = {str(deposit_id): deposit_id for deposit_id in made.suspended}
    out = Transfer.objects.filter(kind=posting.SUSPENSE_OUT, created_at__gte=since, data__deposit_id__in=list(wanted))
    found: dict[int, str] = {}
    for pk, key, of in out.order_by("id").values_list("pk", "key", "data__deposit_id"):
        if key.startswith(posting.sent_back_key(wanted[of])):
            found[pk] = key
            made.sent_back[wanted[of]].append(key)
    return found


def _postings(made: Books, account: ProviderAccount, lines: Sequence[ReportLine]) -> None:
    """Reversals and refunds that we booked without a withdrawal."""
    keys: list[str] = []
    deposits = _deposits_known(made)
    rows = Reversal.objects.filter(deposit__in=deposits).order_by("number")
    rounds = {
        (deposit_id, number): minor for deposit_id, number, minor in rows.values_list("deposit_id", "number", "minor")
    }
    known: dict[str, int] = {}  # what a round really took, where it was posted before anybody knew
    for deposit_id, number in sorted({*((pk, 1) for pk in deposits), *rounds}, key=lambda one: one[1]):
        key = posting.reversal_key(deposits[deposit_id], number)
        made.rounds[deposit_id].append(key)
        keys += [key, f"{key}:undone"]
        if (minor := rounds.get((deposit_id, number))) is not None:
            known[key] = minor
    for line in lines:
        if line.kind == LineKind.REFUND and (found := made.deposit_of(line)):
            family = made.family(found[0])
            keys += [posting.refund_key(one, reference) for one in family for reference in line.references]
    transfers = dict(Transfer.objects.filter(key__in=keys).values_list("pk", "key")) | _sent_back(made)
    if not transfers:
        return
    clearing = Account.objects.filter(owner=HOUSE, kind=f"clearing:{account.pk}")
    entries = Entry.objects.filter(transfer_id__in=transfers, account_id__in=clearing.values("pk"))
    for transfer_id, amount in entries.values_list("transfer_id", "amount"):
        made.posted[transfers[transfer_id]] = -known.get(transfers[transfer_id], amount)
