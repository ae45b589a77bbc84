"""Reads camt.053 bank statements (ISO 20022 BankToCustomerStatement, versions .001.02 to .001.11).

Namespaces are ignored, so one reader takes all versions. Nothing is believed that does not add up: opening balance plus
booked entries must be the closing balance, in one currency, or the file is refused as a whole. DTDs and entities are
refused by defusedxml. Amounts are decimals of the currency and never rounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from kernel.money import CurrencyUnknown, Money

from .statement import LARGEST, NO_REFERENCE, Line, NotAStatement, Statement, added_up, line_key, told_apart

# Of the ISO bank transaction codes, those of the bank's own charges and interest.
CALLED = {**dict.fromkeys(("CHRG", "FEES", "COMM", "COME", "COMI"), "charges"), "INTR": "interest"}
_SUB_FAMILY = "BkTxCd/Domn/Fmly/SubFmlyCd"


def read(data: bytes) -> list[Statement]:
    """All statements of a file. Raises NotAStatement."""
    if len(data) > LARGEST:
        raise NotAStatement("larger than 8 MB")
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise NotAStatement("not readable as XML") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    found = root.findall("BkToCstmrStmt/Stmt")
    if not found:
        raise NotAStatement("no statement inside")
    try:
        return told_apart([_statement(item) for item in found])
    except (InvalidOperation, CurrencyUnknown, KeyError) as error:
        raise NotAStatement("an amount or currency is not readable") from error


def _text(element: Any, *paths: str) -> str:
    for path in paths:
        found = element.findtext(path)
        if found and found.strip():
            return str(found).strip()
    return ""


def _money(element: Any, path: str) -> Money:
    found = element.find(path)
    if found is None or not (found.text or "").strip():
        raise NotAStatement("an amount is missing")
    try:
        amount = Money.of(Decimal(found.text.strip()), found.attrib["Ccy"])
    except ValueError as error:
        raise NotAStatement("an amount has too many decimals") from error
    if amount.minor < 0:
        raise NotAStatement("a negative amount")
    return amount


def _signed(element: Any) -> Money:
    direction = _text(element, "CdtDbtInd")
    if direction not in {"CRDT", "DBIT"}:
        raise NotAStatement("an entry without direction")
    amount = _money(element, "Amt")
    return amount if direction == "CRDT" else -amount


def _date(element: Any, path: str) -> date | None:
    text = _text(element, f"{path}/Dt", f"{path}/DtTm", path)
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).date() if text else None
    except ValueError:
        raise NotAStatement("a date is not readable") from None


def _balances(statement: Any) -> tuple[Money, Money, date | None]:
    """Opening, closing, and the day at whose end the closing balance stood."""
    found: dict[str, Any] = {}
    for item in statement.findall("Bal"):
        found.setdefault(_text(item, "Tp/CdOrPrtry/Cd"), item)
    opening, closing = found.get("OPBD", found.get("PRCD")), found.get("CLBD")
    if opening is None or closing is None:
        raise NotAStatement("opening or closing balance is missing")
    return _signed(opening), _signed(closing), _date(closing, "Dt")


def _statement(item: Any) -> Statement:
    account = _text(item, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
    if not account:
        raise NotAStatement("the account is missing")
    opening, closing, closed = _balances(item)
    lines = [line for entry in item.findall("Ntry") for line in _entry(account, entry)]
    added_up(lines, opening, closing)
    return Statement(
        id=_text(item, "Id") or hashlib.sha256(repr(lines).encode()).hexdigest()[:20],
        iban=account,
        currency=opening.currency,
        opening=opening,
        closing=closing,
        period_from=_date(item, "FrToDt/FrDtTm") or min((line.booked_on for line in lines), default=closed),
        period_to=closed or _date(item, "FrToDt/ToDtTm") or max((line.booked_on for line in lines), default=None),
        lines=tuple(lines),
    )


def _entry(account: str, entry: Any) -> Iterator[Line]:
    """An entry is one line, or one per transaction where a batch says what each was worth."""
    status = _text(entry, "Sts/Cd", "Sts/Prtry", "Sts")
    if status != "BOOK":
        return
    amount = _signed(entry)
    details = entry.findall("NtryDtls/TxDtls")
    parts = _batch(details, amount)
    if parts is None:
        yield _line(account, entry, details[0] if details else entry, amount)
        return
    for detail, share in parts:
        yield _line(account, entry, detail, share)


def _batch(details: list[Any], amount: Money) -> list[tuple[Any, Money]] | None:
    """The shares of a batch, if they are all stated and add up; otherwise it stays one line."""
    if len(details) < 2:
        return None
    shares = []
    for detail in details:
        path = "Amt" if detail.find("Amt") is not None else "AmtDtls/TxAmt/Amt"
        if detail.find(path) is None:
            return None
        share = _money(detail, path)
        shares.append(-share if amount.minor < 0 else share)
    if sum(share.minor for share in shares) != amount.minor:
        return None
    return list(zip(details, shares, strict=True))


def _line(account: str, entry: Any, detail: Any, amount: Money) -> Line:
    booked = _date(entry, "BookgDt") or _date(entry, "ValDt")
    if booked is None:
        raise NotAStatement("a booked entry without a date")
    side = "Dbtr" if amount.minor > 0 else "Cdtr"
    parts = [element.text or "" for element in detail.findall("RmtInf/Ustrd")]
    parts += [_text(item, "CdtrRefInf/Ref") for item in detail.findall("RmtInf/Strd")]
    remittance = "".join(parts) or _text(entry, "AddtlNtryInf")
    reference = _text(detail, "Refs/AcctSvcrRef", "AcctSvcrRef") or _text(entry, "AcctSvcrRef")
    end_to_end = _text(detail, "Refs/EndToEndId")
    return Line(
        key=line_key(account, booked, amount, reference, end_to_end, remittance),
        booked_on=booked,
        amount=amount,
        counterparty=_text(detail, f"RltdPties/{side}/Pty/Nm", f"RltdPties/{side}/Nm"),
        counterparty_iban=_text(detail, f"RltdPties/{side}Acct/Id/IBAN", f"RltdPties/{side}Acct/Id/Othr/Id"),
        remittance=remittance,
        end_to_end="" if end_to_end in NO_REFERENCE else end_to_end,
        returned=detail.find("RtrInf") is not None or _text(entry, "RvslInd") in {"true", "1"},
        return_reason=_text(detail, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry", "RtrInf/AddtlInf"),
        called=CALLED.get(_text(detail, _SUB_FAMILY) or _text(entry, _SUB_FAMILY), ""),
    )
