"""Which round of a dispute news is about. A payment can be taken back, won, and taken back again, and again.

Invariant. A round is booked once and comes back once, whatever is repeated and in whichever order it is heard of. What
identifies it is the provider's reference (`DepositStatus.dispute`); where a provider has none that binds the two
movements, each movement's own; where it tells neither, there is one round and no more, because a second taking could not
be told from the first one told again. All of it under the deposit's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kernel.money import Money

from ..models import Deposit, Reversal
from ..ports import DepositStatus
from . import posting


def key_of(row: Reversal) -> str:
    return posting.reversal_key(row.deposit, row.number)


def is_over(row: Reversal) -> bool:
    """What it took came back."""
    return posting.posted(f"{key_of(row)}:undone") is not None


def rounds_of(deposit: Deposit) -> list[Reversal]:
    """The rounds booked, oldest first. One booked before rounds were counted gets its row here."""
    rows = list(Reversal.objects.filter(deposit=deposit).order_by("number"))
    if not rows and posting.posted(posting.reversal_key(deposit)):
        rows = [Reversal.objects.create(deposit=deposit, number=1)]
    for row in rows:
        row.deposit = deposit
    return rows


def has(deposit: Deposit, status: DepositStatus) -> bool:
    """Whether a round of this deposit is the one that is named, and has not come back."""
    named = _short(status.dispute)
    return any(row.dispute == named and not is_over(row) for row in rounds_of(deposit))


def told_before(deposit: Deposit, status: DepositStatus) -> bool:
    """Whether a round of this deposit has the name of this taking, come back or not."""
    named = {_short(status.dispute), _short(status.movement)} - {""}
    return any({row.dispute, row.taken_by} & named for row in rounds_of(deposit))


def standing(deposit: Deposit) -> bool:
    """A round has taken money that has not come back, or not all of it."""
    return any(not is_over(row) or row.lost > 0 for row in rounds_of(deposit))


def whole_standing(deposit: Deposit, more: Money) -> Reversal | None:
    """The round that took all there was, nobody having said how much that is, and that `more` (or less) has to follow."""
    rows = [row for row in rounds_of(deposit) if row.whole and not is_over(row)]
    return next((row for row in rows if (row.minor or 0) + more.minor > 0), None)


def corrected(row: Reversal, more: Money) -> None:
    """What it took was known wrongly."""
    row.minor = (row.minor or 0) + more.minor
    row.save(update_fields=["minor"])


def came_back(row: Reversal, amount: Money) -> None:
    row.minor = row.minor or amount.minor
    row.returned_minor = amount.minor
    row.save(update_fields=["minor", "returned_minor"])


def round_next(deposit: Deposit, status: DepositStatus, *, returned: bool = False) -> Reversal:
    """Not saved: it is written when something of it is booked."""
    row = Reversal(deposit=deposit, number=len(rounds_of(deposit)) + 1, dispute=_short(status.dispute))
    _signed(row, status, returned=returned)
    return row


def round_taken(deposit: Deposit, status: DepositStatus) -> Reversal | None:
    """The round that this taking is news of, with what it tells of it; None when it is another one."""
    rows = rounds_of(deposit)
    if not status.dispute and not status.movement:
        return rows[0] if rows else None
    found = _known(rows, status, "taken_by")
    if found is None and status.dispute:  # first heard of without its reference
        found = _first(rows, lambda row: not _named(row) and not is_over(row))
    elif found is None:  # its return was heard of first
        found = _first(rows, lambda row: not row.dispute and not row.taken_by and (row.returned_by or not is_over(row)))
    return _told(found, status, returned=False)


def round_returned(deposit: Deposit, status: DepositStatus) -> Reversal | None:
    """The round whose money this says comes back; None when its taking was not heard of yet."""
    rows = rounds_of(deposit)
    open_rows = [row for row in rows if not is_over(row)]
    if not status.dispute and not status.movement:
        return next(iter([*open_rows, *rows]), None)
    found = _known(rows, status, "returned_by")
    if found is None:
        found = _first(open_rows, lambda row: not row.returned_by and not (status.dispute and _named(row)))
    return _told(found, status, returned=True)


def _known(rows: list[Reversal], status: DepositStatus, field: str) -> Reversal | None:
    dispute, movement = _short(status.dispute), _short(status.movement)
    if dispute:
        return _first(rows, lambda row: row.dispute == dispute)
    return _first(rows, lambda row: getattr(row, field) == movement)


def _named(row: Reversal) -> bool:
    return bool(row.dispute or row.taken_by or row.returned_by)


def _told(row: Reversal | None, status: DepositStatus, *, returned: bool) -> Reversal | None:
    """Names are kept when first heard of."""
    if row is not None:
        row.dispute = row.dispute or _short(status.dispute)
        _signed(row, status, returned=returned)
        row.save(update_fields=["dispute", "taken_by", "returned_by"])
    return row


def _signed(row: Reversal, status: DepositStatus, *, returned: bool) -> None:
    if returned:
        row.returned_by = row.returned_by or _short(status.movement)
    else:
        row.taken_by = row.taken_by or _short(status.movement)


def _short(reference: str) -> str:
    return reference[:120]


def _first(rows: Iterable[Reversal], fits: Callable[[Reversal], object]) -> Reversal | None:
    return next((row for row in rows if fits(row)), None)
