"""What a bank statement says, whatever format it came in, and the rule that nothing is believed that does not add up."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
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


def numbered(lines: Iterable[Line]) -> list[Line]:
    """Two movements of a day that are alike in everything are two: the second gets a number."""
    seen: Counter[str] = Counter()
    result = []
    for line in lines:
        seen[line.key] += 1
        result.append(line if seen[line.key] == 1 else replace(line, key=f"{line.key}:{seen[line.key]}"))
    return result


def added_up(lines: Iterable[Line], opening: Money, closing: Money) -> None:
    """Raises NotAStatement unless opening balance and lines make the closing balance, all in one currency."""
    total = opening.minor
    for line in lines:
        if line.amount.currency != opening.currency:
            raise NotAStatement("more than one currency")
        total += line.amount.minor
    if closing.currency != opening.currency or total != closing.minor:
        raise NotAStatement("opening balance and entries do not add up to the closing balance")
