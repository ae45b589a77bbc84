"""Whose payment a bank's line is, with the reasons.

A line is sure when it carries our reference, or comes from an account the client has paid from before with the expected
amount, and the payer is the client. Everything else waits for two people.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from kernel.money import Money
from tenant_apps.clients.models import Client

from ..adapters.bank_wire.statement import Line, Statement
from ..models import BankLine, Deposit, DepositState, PartState, ProviderAccount, WithdrawalPart
from .checks import own_name

_REFERENCE = re.compile(r"(?=([DW][0-9A-Z]{8}))")
WAITING = (DepositState.CREATED, DepositState.PENDING, DepositState.FAILED, DepositState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Match:
    """What a line seems to be. `sure` matches credit by themselves; others are suggestions."""

    line: Line
    deposit: Deposit | None
    part: WithdrawalPart | None
    client: Client | None
    reasons: tuple[str, ...]
    sure: bool
    known: bool = False  # imported before


def references_in(*texts: str) -> list[str]:
    """Our references in a payment's text, however banks broke or dashed it."""
    found: list[str] = []
    for text in texts:
        plain = re.sub(r"[^0-9A-Z]", "", text.upper())
        found += [reference for reference in _REFERENCE.findall(plain) if reference not in found]
    return found


Read = list[tuple[Line, list[str]]]  # lines with our references in them


@dataclass(frozen=True, slots=True)
class _There:
    """What the lines of a statement may be about, read for all of them at once: a statement has thousands."""

    known: set[str]
    deposits: dict[str, Deposit]  # by reference
    wires: dict[str, list[WithdrawalPart]]  # of the account, by reference
    told: set[tuple[UUID, bool]]  # wires that a line told of before, and whether it said that they left
    payers: dict[str, Client]  # by the account they last paid from
    waiting: dict[tuple[UUID, Money], list[Deposit]]  # what the payers announced to this account
    alike: set[tuple[date, str, Money]]  # what other statements of it tell of the payers' accounts


def statement_preview(account: ProviderAccount, statement: Statement) -> list[Match]:
    """How each line would be matched, without storing anything. A wire leaves once and comes back once: the first line
    of the statement that says so is it, and another one waits for people. Seven queries at most."""
    lines = [(line, references_in(line.end_to_end, line.remittance)) for line in statement.lines]
    there = _there(account, lines)
    found, seen = [], set()
    for line, references in lines:
        match = _match(account, line, references, there)
        if match.part and not match.known:
            movement = (match.part.pk, line.amount.minor < 0)
            match = _taken(match) if movement in seen else match
            seen.add(movement)
        found.append(match)
    return found


def _there(account: ProviderAccount, lines: Read) -> _There:
    references = {reference for _, found in lines for reference in found}
    announced = Deposit.objects.filter(reference__in=references, provider_account__kind="bank_wire")
    deposits = {deposit.reference: deposit for deposit in announced.select_related("client")}
    wires = _wires(account, references)
    parts = [wire.pk for found in wires.values() for wire in found]
    told = BankLine.objects.filter(part__in=parts).values_list("part_id", "amount_minor")
    unnamed = [line for line, found in lines if _came(line) and not deposits.keys() & set(found)]
    payers = _payers({line.counterparty_iban for line in unnamed} - {""})
    return _There(
        known=set(
            BankLine.objects.filter(line_key__in=[line.key for line, _ in lines]).values_list("line_key", flat=True)
        ),
        deposits=deposits,
        wires=wires,
        told={(part, minor < 0) for part, minor in told if part},
        payers=payers,
        waiting=_waiting(account, payers.values()),
        alike=_alike(account, [line for line in unnamed if line.counterparty_iban in payers]),
    )


def _came(line: Line) -> bool:
    return line.amount.minor > 0 and not line.returned


def _wires(account: ProviderAccount, references: Iterable[str]) -> dict[str, list[WithdrawalPart]]:
    rows = WithdrawalPart.objects.select_related("withdrawal__client")
    rows = rows.filter(withdrawal__reference__in=references, provider_account=account, deposit=None)
    found: dict[str, list[WithdrawalPart]] = defaultdict(list)
    for part in rows:
        found[part.withdrawal.reference].append(part)
    return found


def _payers(ibans: Iterable[str]) -> dict[str, Client]:
    """Who paid from each account before: the last who did."""
    rows = BankLine.objects.filter(counterparty_iban__in=ibans, deposit__state=DepositState.CREDITED)
    rows = rows.order_by("counterparty_iban", "-booked_on", "-id").distinct("counterparty_iban")
    return {row.counterparty_iban: row.deposit.client for row in rows.select_related("deposit__client") if row.deposit}


def _waiting(account: ProviderAccount, clients: Iterable[Client]) -> dict[tuple[UUID, Money], list[Deposit]]:
    rows = Deposit.objects.filter(
        client__in={client.pk for client in clients}, provider_account=account,
        state__in=[DepositState.CREATED, DepositState.PENDING],
    )  # fmt: skip
    found: dict[tuple[UUID, Money], list[Deposit]] = defaultdict(list)
    for deposit in rows:
        found[deposit.client_id, deposit.amount].append(deposit)
    return found


def _alike(account: ProviderAccount, lines: Sequence[Line]) -> set[tuple[date, str, Money]]:
    """Payments that another statement has: the same ones in another format, perhaps, whose keys differ."""
    rows = BankLine.objects.filter(
        statement__provider_account=account, booked_on__in={line.booked_on for line in lines},
        counterparty_iban__in={line.counterparty_iban for line in lines},
    )  # fmt: skip
    return {(row.booked_on, row.counterparty_iban, row.amount) for row in rows}


def _taken(match: Match) -> Match:
    return replace(match, part=None, sure=False, reasons=(*match.reasons, "taken"))


def _match(account: ProviderAccount, line: Line, references: Sequence[str], there: _There) -> Match:
    known = line.key in there.known
    if line.returned:
        return _returned(line, references, there, known)
    if not line.amount.minor:
        return Match(line, None, None, None, ("none",), False, known)
    if line.amount.minor < 0:
        return _sent(line, references, there, known)
    named = [there.deposits[reference] for reference in references if reference in there.deposits]
    if named:
        return _by_reference(account, line, min(named, key=lambda deposit: deposit.pk), known)
    return _by_account(line, there, known)


def _by_reference(account: ProviderAccount, line: Line, deposit: Deposit, known: bool) -> Match:
    reasons = ["reference"]
    if deposit.state not in WAITING:
        return Match(line, None, None, deposit.client, (*reasons, "taken"), False, known)
    if deposit.currency != line.amount.currency:
        return Match(line, deposit, None, deposit.client, (*reasons, "currency"), False, known)
    reasons.append("amount" if deposit.amount == line.amount else "amount_differs")
    own = own_name(line.counterparty, deposit.client)
    reasons.append("name" if own else "other_name")
    if deposit.provider_account_id != account.pk:  # credited as announced, it would stand in another account's books
        return Match(line, None, None, deposit.client, (*reasons, "other_account"), False, known)
    return Match(line, deposit, None, deposit.client, tuple(reasons), own, known)


def _by_account(line: Line, there: _There, known: bool) -> Match:
    """No reference: an account the client has paid from before, and one open deposit of that very amount."""
    client = there.payers.get(line.counterparty_iban)
    if client is None:
        return Match(line, None, None, None, ("none",), False, known)
    waiting = there.waiting.get((client.pk, line.amount), [])
    own = own_name(line.counterparty, client)
    if (line.booked_on, line.counterparty_iban, line.amount) in there.alike:
        return Match(line, None, None, client, ("iban", "alike"), False, known)
    if len(waiting) == 1 and own:
        return Match(line, waiting[0], None, client, ("iban", "amount", "name"), True, known)
    return Match(line, None, None, client, ("iban", "name" if own else "other_name"), False, known)


def _sent(line: Line, references: Sequence[str], there: _There, known: bool) -> Match:
    """Money that left: a wire of ours, once, be it one that we hold for paid already, or for refused: the bank's word counts
    (`parts._paid_late`). A statement that has it again may mean that it was sent twice; what is none of our wires, that
    somebody takes our money: people say what it is, what the bank calls its charges included."""
    part = _part(there, references, -line.amount, PartState.SENDING)
    part = part or _part(there, references, -line.amount, PartState.PAID, PartState.FAILED)
    if part is None:
        return Match(line, None, None, None, (line.called or "no_order",), False, known)
    if part.state != PartState.SENDING and (part.pk, True) in there.told:
        return Match(line, None, None, None, ("reference", "amount", "taken"), False, known)
    return Match(line, None, part, None, ("reference", "amount"), True, known)


def _returned(line: Line, references: Sequence[str], there: _There, known: bool) -> Match:
    """A wire of ours that came back whole, be it one that the bank had refused before and sent all the same. One that came
    back for less, and what the bank corrects, waits for people."""
    part = None
    if line.amount.minor > 0:
        part = _part(there, references, line.amount, PartState.PAID, PartState.SENDING)
        part = part or _part(there, references, line.amount, PartState.FAILED)
    if part is None:
        return Match(line, None, None, None, ("returned",), False, known)
    if part.state == PartState.FAILED and (part.pk, False) in there.told:
        return Match(line, None, None, None, ("returned", "taken"), False, known)
    return Match(line, None, part, part.withdrawal.client, ("returned", "reference", "amount"), True, known)


def _part(there: _There, references: Sequence[str], amount: Money, *states: PartState) -> WithdrawalPart | None:
    """The wire of ours with this reference and amount, the oldest of them."""
    named = [wire for reference in references for wire in there.wires.get(reference, [])]
    found = [wire for wire in named if wire.state in states and wire.amount == amount]
    return min(found, key=lambda wire: (wire.created_at, wire.pk), default=None)
