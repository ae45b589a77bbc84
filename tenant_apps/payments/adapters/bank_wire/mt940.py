"""Reads MT940 statements (SWIFT Customer Statement Message), with or without the SWIFT envelope.

Fields 20, 25, 28C, 60F/60M, 61, 86, 62F/62M; the others are passed over. A statement told in several messages (60M, 62M)
is one Statement per message, each of which has to add up. What field 86 holds is read by `mt940_text`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from kernel.money import CurrencyUnknown, Money

from .mt940_text import Told, told
from .statement import LARGEST, NO_REFERENCE, Line, NotAStatement, Statement, added_up, line_key, told_apart

Field = tuple[str, str]  # tag and content, lines kept apart by \n

_FIELD = re.compile(r"^:([0-9]{2}[A-Z]?|NS):")
_START = re.compile(rb"^(?:\{4:\s*)?:20:", re.MULTILINE)
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]+,[0-9]*)")
_MOVEMENT = re.compile(
    r"(?P<value>[0-9]{6})(?P<entry>[0-9]{4})?(?P<mark>RC|RD|C|D)[A-Z]?(?P<amount>[0-9]+,[0-9]*)"
    r"(?P<type>[A-Z][A-Z0-9]{3})(?P<customer>.*?)(?://(?P<bank>.*))?"
)
_CALLED = {"CHG": "charges", "COM": "charges", "INT": "interest"}  # of the types of transaction
_GERMAN_ACCOUNT = re.compile(r"([0-9]{8})/([0-9]{1,10})")


def looks_like(data: bytes) -> bool:
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return not head.startswith(b"<") and _START.search(head) is not None


def read(data: bytes) -> list[Statement]:
    """All statements of a file. Raises NotAStatement."""
    if len(data) > LARGEST:
        raise NotAStatement("larger than 8 MB")
    try:
        found = [_statement(fields) for fields in _messages(_decoded(data))]
    except CurrencyUnknown as error:
        raise NotAStatement("an amount or currency is not readable") from error
    if not found:
        raise NotAStatement("no statement inside")
    return told_apart(found)


def _decoded(data: bytes) -> str:
    """UTF-8, else what German and Gulf banks export from Windows. Old national variants (DIN 66003) are not guessed."""
    if b"\0" in data:
        raise NotAStatement("not readable as text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _messages(text: str) -> Iterator[list[Field]]:
    """The fields of each message. A message ends at a line of "-" or "-}", or where the next begins."""
    fields: list[Field] = []
    for raw in text.splitlines():
        line = raw.rpartition("{4:")[2] if raw.startswith("{1:") else raw
        if line.strip() in {"-", "-}"} or line.startswith(":20:"):
            if fields:
                yield fields
            fields = []
        if match := _FIELD.match(line):
            fields.append((match[1], line[match.end() :]))
        elif fields and line.strip() not in {"", "-", "-}"}:
            tag, content = fields[-1]
            fields[-1] = (tag, f"{content}\n{line}")
    if fields:
        yield fields


def _one(fields: Iterable[Field], *tags: str) -> str:
    found = [content for tag, content in fields if tag in tags]
    if len(found) > 1:
        raise NotAStatement(f"field {tags[0]} twice in one message")
    return found[0].strip() if found else ""


def _statement(fields: list[Field]) -> Statement:
    opening, opened = _balance(_one(fields, "60F", "60M"))
    closing, closed = _balance(_one(fields, "62F", "62M"))
    account = _account(_one(fields, "25", "25P").split("\n")[0], opening.currency)
    if not account:
        raise NotAStatement("the account is missing")
    lines = [_line(account, opening.currency, *pair) for pair in _movements(fields)]
    added_up(lines, opening, closing)
    days = [line.booked_on for line in lines]
    return Statement(
        id=_name(fields, closed, lines),
        iban=account,
        currency=opening.currency,
        opening=opening,
        closing=closing,
        period_from=min(days, default=opened),
        period_to=max([*days, closed]),
        lines=tuple(lines),
    )


def _name(fields: list[Field], closed: date, lines: list[Line]) -> str:
    """Banks number statements (28C), or write the same number into every one of them: the day tells those apart."""
    number = "".join(_one(fields, "28C", "28").split())
    return f"{number or hashlib.sha256(repr(lines).encode()).hexdigest()[:20]}-{closed:%Y%m%d}"


def _account(text: str, currency: str) -> str:
    """An IBAN, or whatever the bank calls the account; without the currency some append. German BLZ/number: its IBAN."""
    plain = "".join(text.split()).upper().removesuffix(currency)
    if match := _GERMAN_ACCOUNT.fullmatch(plain):
        basic = match[1] + match[2].zfill(10)
        return f"DE{98 - int(f'{basic}131400') % 97:02d}{basic}"
    return plain.rpartition("/")[2]


def _balance(text: str) -> tuple[Money, date]:
    match = _BALANCE.fullmatch(text)
    if match is None:
        raise NotAStatement("opening or closing balance is missing")
    amount = _money(match[4], match[3])
    return (amount if match[1] == "C" else -amount), _day(match[2])


def _money(text: str, currency: str) -> Money:
    try:
        return Money.of(Decimal(text.replace(",", ".")), currency)
    except CurrencyUnknown:
        raise
    except ValueError as error:
        raise NotAStatement("an amount has too many decimals") from error


def _day(text: str) -> date:
    """YYMMDD of this century."""
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise NotAStatement("a date is not readable") from None


def _booked(value: date, entry: str | None) -> date:
    """The entry date has no year: of those around the value date's, the one that brings the two closest."""
    if not entry:
        return value
    near = []
    for year in (value.year - 1, value.year, value.year + 1):
        try:
            near.append(date(year, int(entry[:2]), int(entry[2:])))
        except ValueError:
            continue  # 29 February, or nonsense
    if not near:
        raise NotAStatement("a date is not readable")
    return min(near, key=lambda day: abs(day - value))


def _movements(fields: list[Field]) -> Iterator[tuple[str, str]]:
    """Each field 61 with the 86 that follows it; one after the balance is about the statement and says nothing here."""
    for index, (tag, content) in enumerate(fields):
        if tag == "61":
            after = fields[index + 1] if index + 1 < len(fields) else ("", "")
            yield content, after[1] if after[0] == "86" else ""


def _line(account: str, currency: str, movement: str, text: str) -> Line:
    first, _, supplement = movement.partition("\n")
    match = _MOVEMENT.fullmatch(first.strip())
    if match is None:
        raise NotAStatement("an entry is not readable")
    mark, amount = match["mark"], _money(match["amount"], currency)
    if mark in {"D", "RC"}:  # RC takes an earlier credit back, RD an earlier debit
        amount = -amount
    said = told(text or supplement.strip())
    booked = _booked(_day(match["value"]), match["entry"])
    reference, end_to_end = (match["bank"] or "").strip(), _end_to_end(said, match["customer"])
    return Line(
        key=line_key(account, booked, amount, reference, end_to_end, said.remittance),
        booked_on=booked,
        amount=amount,
        counterparty=said.name,
        counterparty_iban=said.account,
        remittance=said.remittance,
        end_to_end=end_to_end,
        returned=mark in {"RC", "RD"} or match["type"][1:] == "RTI" or said.returned,
        return_reason=said.return_reason,
        called=_CALLED.get(match["type"][1:], ""),
    )


def _end_to_end(said: Told, customer: str) -> str:
    return next((one for one in (said.end_to_end, customer.strip()) if one and one not in NO_REFERENCE), "")
