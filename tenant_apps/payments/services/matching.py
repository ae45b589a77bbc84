"""Whose payment a bank's line is, with the reasons.

A line is sure when it carries our reference, or comes from an account the client has paid from before with the expected
amount, and the payer is the client. Everything else waits for two people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kernel.money import Money
from tenant_apps.clients.models import Client

from ..adapters.bank_wire.statement import Line, Statement
from ..models import BankLine, Deposit, DepositState, PartState, ProviderAccount, WithdrawalPart
from .checks import same_name

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


def statement_preview(account: ProviderAccount, statement: Statement) -> list[Match]:
    """How each line would be matched, without storing anything. A wire leaves once and comes back once: the first line
    of the statement that says so is it, and another one waits for people."""
    keys = [line.key for line in statement.lines]
    known = set(BankLine.objects.filter(line_key__in=keys).values_list("line_key", flat=True))
    found, seen = [], set()
    for line in statement.lines:
        match = _match(account, line, known=line.key in known)
        if match.part and not match.known:
            movement = (match.part.pk, line.amount.minor < 0)
            match = _taken(match) if movement in seen else match
            seen.add(movement)
        found.append(match)
    return found


def _taken(match: Match) -> Match:
    return replace(match, part=None, sure=False, reasons=(*match.reasons, "taken"))


def _match(account: ProviderAccount, line: Line, *, known: bool = False) -> Match:
    references = references_in(line.end_to_end, line.remittance)
    if line.returned:
        return _returned(account, line, references, known)
    if not line.amount.minor:
        return Match(line, None, None, None, ("none",), False, known)
    if line.amount.minor < 0:
        return _sent(account, line, references, known)
    deposit = (
        Deposit.objects.filter(reference__in=references, provider_account__kind="bank_wire")
        .select_related("client")
        .first()
    )
    if deposit is not None:
        return _by_reference(account, line, deposit, known)
    return _by_account(account, line, known)


def _by_reference(account: ProviderAccount, line: Line, deposit: Deposit, known: bool) -> Match:
    reasons = ["reference"]
    if deposit.state not in WAITING:
        return Match(line, None, None, deposit.client, (*reasons, "taken"), False, known)
    if deposit.currency != line.amount.currency:
        return Match(line, deposit, None, deposit.client, (*reasons, "currency"), False, known)
    reasons.append("amount" if deposit.amount == line.amount else "amount_differs")
    own = same_name(line.counterparty, deposit.client.name)
    reasons.append("name" if own else "other_name")
    if deposit.provider_account_id != account.pk:  # credited as announced, it would stand in another account's books
        return Match(line, None, None, deposit.client, (*reasons, "other_account"), False, known)
    return Match(line, deposit, None, deposit.client, tuple(reasons), own, known)


def _by_account(account: ProviderAccount, line: Line, known: bool) -> Match:
    """No reference: an account the client has paid from before, and one open deposit of that very amount."""
    before = None
    if line.counterparty_iban:
        before = (
            BankLine.objects.filter(
                counterparty_iban=line.counterparty_iban, deposit__isnull=False, deposit__state=DepositState.CREDITED
            )
            .select_related("deposit__client")
            .order_by("-booked_on")
            .first()
        )
    if before is None or before.deposit is None:
        return Match(line, None, None, None, ("none",), False, known)
    client = before.deposit.client
    waiting = list(
        Deposit.objects.filter(
            client=client, provider_account=account, state__in=[DepositState.CREATED, DepositState.PENDING],
            currency=line.amount.currency, amount_minor=line.amount.minor,
        )[:2]
    )  # fmt: skip
    own = same_name(line.counterparty, client.name)
    if _told_before(account, line):
        return Match(line, None, None, client, ("iban", "alike"), False, known)
    if len(waiting) == 1 and own:
        return Match(line, waiting[0], None, client, ("iban", "amount", "name"), True, known)
    return Match(line, None, None, client, ("iban", "name" if own else "other_name"), False, known)


def _told_before(account: ProviderAccount, line: Line) -> bool:
    """Another statement has a payment like it: the same one in another format, perhaps, whose keys differ."""
    return BankLine.objects.filter(
        statement__provider_account=account, booked_on=line.booked_on, counterparty_iban=line.counterparty_iban,
        amount_minor=line.amount.minor, currency=line.amount.currency,
    ).exists()  # fmt: skip


def _sent(account: ProviderAccount, line: Line, references: list[str], known: bool) -> Match:
    """Money that left: a wire of ours, once, be it one that we hold for paid already, or for refused: the bank's word counts
    (`parts._paid_late`). A statement that has it again may mean that it was sent twice; what is none of our wires, that
    somebody takes our money: people say what it is, what the bank calls its charges included."""
    part = _part(account, references, -line.amount, PartState.SENDING)
    part = part or _part(account, references, -line.amount, PartState.PAID, PartState.FAILED)
    if part is None:
        return Match(line, None, None, None, (line.called or "no_order",), False, known)
    if part.state != PartState.SENDING and part.bank_lines.filter(amount_minor__lt=0).exists():
        return Match(line, None, None, None, ("reference", "amount", "taken"), False, known)
    return Match(line, None, part, None, ("reference", "amount"), True, known)


def _returned(account: ProviderAccount, line: Line, references: list[str], known: bool) -> Match:
    """A wire of ours that came back whole, be it one that the bank had refused before and sent all the same. One that came
    back for less, and what the bank corrects, waits for people."""
    part = None
    if line.amount.minor > 0:
        part = _part(account, references, line.amount, PartState.PAID, PartState.SENDING)
        part = part or _part(account, references, line.amount, PartState.FAILED)
    if part is None:
        return Match(line, None, None, None, ("returned",), False, known)
    if part.state == PartState.FAILED and part.bank_lines.filter(amount_minor__gt=0).exists():
        return Match(line, None, None, None, ("returned", "taken"), False, known)
    return Match(line, None, part, part.withdrawal.client, ("returned", "reference", "amount"), True, known)


def _part(account: ProviderAccount, references: list[str], amount: Money, *states: PartState) -> WithdrawalPart | None:
    """The wire of ours with this reference and amount."""
    return (
        WithdrawalPart.objects.select_related("withdrawal__client")
        .filter(
            withdrawal__reference__in=references,
            provider_account=account,
            deposit=None,
            state__in=states,
            amount_minor=amount.minor,
            currency=amount.currency,
        )
        .order_by("created_at", "id")
        .first()
    )
