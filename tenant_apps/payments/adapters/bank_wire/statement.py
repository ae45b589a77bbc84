"""What a bank statement says, whatever format it came in, and the rule that nothing is believed that does not add up."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from kernel.money import Money

LARGEST = 8_000_000  # bytes of a file
NO_REFERENCE = frozenset({"NOTPROVIDED", "NONREF", "NOREF"})  # what banks write where there is none


class NotAStatement(ValueError):
    """The file is not a statement that can be trusted; the argument says why, for people."""


@dataclass(frozen=True, slots=True)
class Line:
    """A booked movement. `amount` is positive for money that came in. `key` is the same whenever it is told again."""

    key: str
    booked_on: date
    amount: Money
    counterparty: str
    counterparty_iban: str
    remittance: str
    end_to_end: str
    returned: bool  # a transfer of ours that came back, or a correction: not a client's payment
    return_reason: str = ""  # the bank's code or words for why, AC04 (account closed) for example
    called: str = ""  # what the bank itself calls it, where that is "charges" or "interest"


@dataclass(frozen=True, slots=True)
class Statement:
    id: str
    iban: str
    currency: str
    opening: Money
    closing: Money
    period_from: date | None
    period_to: date | None
    lines: tuple[Line, ...]


def line_key(account: str, booked_on: date, amount: Money, *told: str) -> str:
    """The same for the same movement in every file of a format; `told` is what else the bank says of it."""
    place = "|".join([account, str(booked_on), str(amount.minor), *told])
    return f"{account}:{hashlib.sha256(place.encode()).hexdigest()[:40]}"


def told_apart(statements: Iterable[Statement]) -> list[Statement]:
    """The statements of one file, every movement with a key and every statement with an id of its own."""
    return list(_named_apart(_numbered_on(statements)))


def _numbered_on(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Movements that are alike in everything are counted on from statement to statement where one begins with the balance
    that the one before ended with: another page, or the next of a day. A statement told twice is not another page."""
    chain: list[Statement] = []
    for statement in statements:
        if chain and not _goes_on(chain[-1], statement):
            yield from _numbered(chain)
            chain = []
        chain.append(statement)
    yield from _numbered(chain)


def _goes_on(before: Statement, statement: Statement) -> bool:
    same_account = (before.iban, before.currency) == (statement.iban, statement.currency)
    return same_account and before.closing == statement.opening and before.opening != statement.opening


def _numbered(chain: Iterable[Statement]) -> Iterator[Statement]:
    """Two movements that are alike in everything are two: the second gets a number."""
    seen: Counter[str] = Counter()
    for statement in chain:
        lines = []
        for line in statement.lines:
            seen[line.key] += 1
            lines.append(line if seen[line.key] == 1 else replace(line, key=f"{line.key}:{seen[line.key]}"))
        yield replace(statement, lines=tuple(lines))


def _named_apart(statements: Iterable[Statement]) -> Iterator[Statement]:
    seen: Counter[str] = Counter()
    for statement in statements:
        seen[statement.id] += 1
        again = seen[statement.id]
        yield statement if again == 1 else replace(statement, id=f"{statement.id}#{again}")


def added_up(lines: Iterable[Line], opening: Money, closing: Money) -> None:
    """Raises NotAStatement unless opening balance and lines make the closing balance, all in one currency."""
    total = opening.minor
    for line in lines:
        if line.amount.currency != opening.currency:
            raise NotAStatement("more than one currency")
        total += line.amount.minor
    if closing.currency != opening.currency or total != closing.minor:
        raise NotAStatement("opening balance and entries do not add up to the closing balance")
