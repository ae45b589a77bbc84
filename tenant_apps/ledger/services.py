"""Moving money. Every function here is one call of a database function, which locks, checks and writes (models.py).

Each is safe to repeat with the same key and arguments: the first call's effect stands and is returned. A call that fails
has written nothing, and leaves the caller's transaction usable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from django.db import connection

from kernel import clock
from kernel.actors import Actor
from kernel.errors import AppError
from kernel.events import as_plain
from kernel.ids import uuid7
from kernel.money import Money, minor_units

from .errors import (
    AccountClosed,
    AccountFrozen,
    AlreadyReversed,
    HoldResolved,
    InsufficientFunds,
    KeyReused,
    PeriodClosed,
    Unbalanced,
)
from .models import Account, Entry, Hold, Period, Transfer

CLIENT = "client:"  # an owner's name begins with it where it is a client
HOUSE = "house"
_REFUSALS: dict[str, type[AppError]] = {
    "conflict": KeyReused,
    "insufficient": InsufficientFunds,
    "frozen": AccountFrozen,
    "closed": AccountClosed,
    "hold": HoldResolved,
    "reversed": AlreadyReversed,
    "period": PeriodClosed,
}
MOST_LEGS = 2_000  # of one batch: larger ones keep their locks so long that others wait (money.md, 1.6)


@dataclass(frozen=True, slots=True)
class Leg:
    """What one account gets (positive) or gives (negative), in the account's currency."""

    account: Account
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One transfer of a batch: what `post` takes, but for actor and time, which the batch has."""

    kind: str
    legs: Sequence[Leg]
    key: str
    data: Mapping[str, Any] = field(default_factory=dict)


def account_ensure(*, owner: str, kind: str, currency: str, overdraft: bool = False) -> Account:
    """The account of an owner for a purpose in a currency, made on first use. House accounts keep no running balance."""
    minor_units(currency)
    house = owner == HOUSE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger_account_ensure(%s, %s, %s, %s, %s, %s)",
            [owner, kind, currency, not house, overdraft or house, clock.now()],
        )
        account_id = cursor.fetchone()[0]
    return Account.objects.get(pk=account_id)


def client_owner(client_id: UUID) -> str:
    return f"{CLIENT}{client_id}"


def post(
    *,
    kind: str,
    legs: Sequence[Leg],
    key: str,
    actor: Actor,
    effective_at: datetime | None = None,
    data: Mapping[str, Any] | None = None,
    reverses: Transfer | None = None,
) -> Transfer:
    """Move money between accounts; legs sum to zero per currency.

    Raises InsufficientFunds, AccountFrozen, AccountClosed, KeyReused, AlreadyReversed; Unbalanced for a defect.
    """
    return _post(kind, legs, key, actor, effective_at, data, reverses, None)


def hold_capture(
    *, hold: Hold, kind: str, legs: Sequence[Leg], key: str, actor: Actor, data: Mapping[str, Any] | None = None
) -> Transfer:
    """Turn a hold into a transfer. What the legs take less than the hold's amount is released. Raises HoldResolved."""
    return _post(kind, legs, key, actor, None, data, None, hold.pk)


def _post(
    kind: str,
    legs: Sequence[Leg],
    key: str,
    actor: Actor,
    effective_at: datetime | None,
    data: Mapping[str, Any] | None,
    reverses: Transfer | None,
    hold_id: UUID | None,
) -> Transfer:
    _balanced(legs, key)
    accounts = [leg.account.pk for leg in legs]
    amounts = [leg.amount.minor for leg in legs]
    request = [kind, accounts, amounts, reverses.pk if reverses else None, str(hold_id) if hold_id else None]
    now = clock.now()
    row: dict[str, Any] = {
        "key": key,
        "request_hash": _hash(request),
        "kind": kind,
        "created_at": now,
        "effective_at": effective_at or now,
        "data": json.dumps(as_plain(dict(data or {}))),
        "actor": json.dumps(actor.as_json()),
        "reverses_id": reverses.pk if reverses else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT result, transfer FROM ledger_post(
                %(key)s, %(request_hash)s, %(kind)s, %(accounts)s::bigint[], %(amounts)s::bigint[],
                %(created_at)s, %(effective_at)s, %(data)s, %(actor)s, %(reverses_id)s, %(hold)s)""",
            {**row, "accounts": accounts, "amounts": amounts, "hold": hold_id},
        )
        result, transfer_id = cursor.fetchone()
    if result == "posted":
        return _written(transfer_id, row)
    if result != "exists":
        _refuse(result, key)
    return Transfer.objects.get(pk=transfer_id)


def _balanced(legs: Sequence[Leg], key: str) -> None:
    """Legs in their accounts' currencies that sum to zero in each. The database refuses the rest too, less politely."""
    sums: dict[str, int] = {}
    for leg in legs:
        currency = leg.amount.currency
        if leg.account.currency != currency:
            raise Unbalanced(f"{leg.amount} on an account in {leg.account.currency}")
        sums[currency] = sums.get(currency, 0) + leg.amount.minor
    if len(legs) < 2 or any(sums.values()):
        raise Unbalanced(f"{key}: the legs do not sum to zero per currency")


def post_many(*, postings: Sequence[Posting], actor: Actor) -> int:
    """Post transfers in one round trip, all or none, in their order; returns how many were new.

    One that is there already under its key and with the same legs is passed over, so a batch may be sent again whole or
    cut differently. At no point of the order may an account be short. Settlements of many accounts go in batches of at
    most MOST_LEGS legs, each in a transaction of its own, or clients wait for their money while it runs.
    Raises what `post` raises, with `key` naming the transfer at fault; then nothing of the batch was posted.
    """
    if not postings:
        return 0
    places = [place for place, posting in enumerate(postings, 1) for _ in posting.legs]
    if len(places) > MOST_LEGS:
        raise ValueError(f"{len(places)} legs in one batch; at most {MOST_LEGS}")
    for posting in postings:
        _balanced(posting.legs, posting.key)
    legs = [leg for posting in postings for leg in posting.legs]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT result, refused, posted FROM ledger_post_many(
                %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::integer[], %s::bigint[], %s::bigint[], %s, %s)""",
            [
                [posting.key for posting in postings],
                _array(_posting_hash(posting) for posting in postings),
                [posting.kind for posting in postings],
                [json.dumps(as_plain(dict(posting.data))) if posting.data else "{}" for posting in postings],
                _array(places),
                _array(leg.account.pk for leg in legs),
                _array(leg.amount.minor for leg in legs),
                clock.now(),
                json.dumps(actor.as_json()),
            ],
        )
        result, refused, posted = cursor.fetchone()
    if result != "posted":
        _refuse(result, postings[(refused or 1) - 1].key)
    return int(posted)


def _array(values: Iterable[int | str]) -> str:
    """An array as PostgreSQL reads it, of numbers or hexadecimal digits, which need no quotes: the driver looks for some
    in every element, and that was a third of a batch's CPU time on our side."""
    return "{" + ",".join(map(str, values)) + "}"


def _posting_hash(posting: Posting) -> str:
    """As of a single transfer: posted alone or in a batch, a key means the same request."""
    accounts = [leg.account.pk for leg in posting.legs]
    return _hash([posting.kind, accounts, [leg.amount.minor for leg in posting.legs], None, None])


def period_close(*, until: datetime, actor: Actor) -> Period | None:
    """Close the books up to `until` and write down each balance at it; None when they are closed that far already.

    Waits for postings under way and is waited for by new ones, for as long as summing the period's entries takes.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT result, period FROM ledger_close(%s, %s, %s)", [until, clock.now(), json.dumps(actor.as_json())]
        )
        result, period_id = cursor.fetchone()
    return Period.objects.get(pk=period_id) if result == "closed" else None


def _written(transfer_id: int, row: dict[str, Any]) -> Transfer:
    """The row that was just written, without reading it back: a second round trip costs as much as the transfer."""
    values = {**row, "id": transfer_id, "data": json.loads(row["data"]), "actor": json.loads(row["actor"])}
    names = [field.attname for field in Transfer._meta.concrete_fields]
    return Transfer.from_db(connection.alias, names, [values[name] for name in names])


def reverse(*, transfer: Transfer, key: str, actor: Actor, data: Mapping[str, Any] | None = None) -> Transfer:
    """The exact mirror of a transfer's stored legs, as a new transfer. Raises AlreadyReversed or InsufficientFunds."""
    entries = list(Entry.objects.filter(transfer_id=transfer.pk).order_by("id"))
    accounts = Account.objects.in_bulk([entry.account_id for entry in entries])
    legs = [Leg(accounts[entry.account_id], accounts[entry.account_id].money(-entry.amount)) for entry in entries]
    return post(kind=f"{transfer.kind}.reversal", legs=legs, key=key, actor=actor, data=data, reverses=transfer)


def hold_place(
    *, account: Account, amount: Money, key: str, actor: Actor, data: Mapping[str, Any] | None = None
) -> Hold:
    """Set an amount aside: it stays in the balance but is no longer available. Raises InsufficientFunds and the like."""
    if account.currency != amount.currency:
        raise Unbalanced(f"{amount} on an account in {account.currency}")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT result, hold FROM ledger_hold_place(%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                uuid7(),
                key,
                _hash([account.pk, amount.minor]),
                account.pk,
                amount.minor,
                clock.now(),
                json.dumps(as_plain(dict(data or {}))),
                json.dumps(actor.as_json()),
            ],
        )
        result, hold_id = cursor.fetchone()
    if result not in {"placed", "exists"}:
        _refuse(result, key)
    return Hold.objects.get(pk=hold_id)


def hold_void(*, hold: Hold) -> Hold:
    """Release a hold in whole. Voiding twice is fine; voiding a captured one raises HoldResolved."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_hold_void(%s, %s)", [hold.pk, clock.now()])
        result = cursor.fetchone()[0]
    if result == "hold":
        _refuse(result, hold.key)
    return Hold.objects.get(pk=hold.pk)


def account_freeze(*, account: Account, frozen: bool) -> None:
    """A frozen account receives but does not pay; holds on it can still be voided."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_account_flag(%s, %s, %s, %s)", [account.pk, frozen, False, clock.now()])


def _refuse(result: str, key: str) -> NoReturn:
    refusal = _REFUSALS.get(result)
    if refusal is None:
        raise Unbalanced(f"{key}: the legs do not sum to zero per currency")
    raise refusal(key=key)


def _hash(request: list[Any]) -> str:
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()
