"""Writes camt.053 statements as banks write them, and some as they should not.

Element names and their order: ISO 20022 message definition BankToCustomerStatement, versions .001.02 and
.001.08 (iso20022.org). Amounts are decimals of the currency, never floats.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from xml.etree import ElementTree as ET

DECIMALS = {
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "PYG": 0, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0,
}  # fmt: skip
STATUSES = ("BOOK", "PDNG", "INFO")
# What the two versions call the same thing.
BIC_TAG = {2: "BIC", 8: "BICFI"}
USTRD_LENGTH = 140


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement. A negative amount leaves the account (DBIT)."""

    amount: Decimal
    name: str = ""
    reference: str = ""
    iban: str = ""
    bic: str = ""
    status: str = "BOOK"
    end_to_end_id: str = "NOTPROVIDED"
    bank_reference: str = ""
    # Earlier booking taken back: the sign is that of the correction itself.
    reversal: bool = False
    # ISO external return reason, for example AC04 (account closed); makes it a returned payment.
    return_reason: str = ""
    # Taken off by the bank on the way; the booked amount is what is left.
    charges: Decimal = Decimal(0)
    # Taken by the bank for itself: booked under its code for charges.
    own_charges: bool = False
    booked: date | None = None
    value: date | None = None
    # Banks break remittance text into lines of 27, 35 or 70 characters; 0 leaves it whole.
    split: int = 35
    structured: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One day of one account. ``opening`` is the balance before the first entry."""

    iban: str
    currency: str
    entries: list[Entry]
    opening: Decimal = Decimal(0)
    day: date = field(default_factory=lambda: datetime.now(UTC).date())
    owner: str = ""
    bic: str = "SNDBDEFFXXX"
    number: int = 1
    version: int = 8

    @property
    def closing(self) -> Decimal:
        """Opening plus what is booked; pending entries do not count."""
        return self.opening + sum((e.amount for e in self.entries if e.status == "BOOK"), Decimal(0))


def iban_valid(iban: str) -> bool:
    """ISO 13616: length, alphabet and check digits."""
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum() and iban[:2].isalpha()):
        return False
    return int("".join(str(int(char, 36)) for char in (iban[4:] + iban[:4]).upper())) % 97 == 1


def render(statement: Statement) -> bytes:
    """The document. Raises ValueError for what no bank could write."""
    _check(statement)
    namespace = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{statement.version:02d}"
    root = ET.Element("Document", {"xmlns": namespace})
    message = _add(root, "BkToCstmrStmt")
    created = datetime.combine(statement.day, time(23, 30), UTC).isoformat()
    identifier = f"{statement.iban[-10:]}-{statement.day:%Y%m%d}-{statement.number:05d}"
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", f"CAMT053-{identifier}"[:35])
    _add(header, "CreDtTm", created)
    body = _add(message, "Stmt")
    _add(body, "Id", identifier)
    _add(body, "ElctrncSeqNb", str(statement.number))
    _add(body, "CreDtTm", created)
    _account(body, statement)
    _balance(body, "OPBD", statement.opening, statement)
    _balance(body, "CLBD", statement.closing, statement)
    for index, entry in enumerate(statement.entries):
        _entry(body, statement, entry, index)
    ET.indent(root)
    xml: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml + b"\n"


def _check(statement: Statement) -> None:
    if not iban_valid(statement.iban):
        raise ValueError(f"not an IBAN: {statement.iban}")
    if len(statement.currency) != 3 or not statement.currency.isupper():
        raise ValueError(f"not a currency code: {statement.currency}")
    if statement.version not in BIC_TAG:
        raise ValueError(f"version {statement.version} is not written here, only 2 and 8")
    for entry in statement.entries:
        if entry.status not in STATUSES:
            raise ValueError(f"not an entry status: {entry.status}")
        if entry.iban and not iban_valid(entry.iban):
            raise ValueError(f"not an IBAN: {entry.iban}")
        if entry.amount == 0:
            raise ValueError("an entry moves something")
        for amount in (entry.amount, entry.charges):
            _amount_text(amount, statement.currency)


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _amount_text(amount: Decimal, currency: str) -> str:
    digits = DECIMALS.get(currency, 2)
    rounded = abs(amount).quantize(Decimal(1).scaleb(-digits))
    if rounded != abs(amount):
        raise ValueError(f"{amount} has more decimals than {currency}")
    return f"{rounded:f}"


def _amount(parent: ET.Element, tag: str, amount: Decimal, currency: str) -> None:
    _add(parent, tag, _amount_text(amount, currency), Ccy=currency)


def _account(body: ET.Element, statement: Statement) -> None:
    account = _add(body, "Acct")
    _add(_add(account, "Id"), "IBAN", statement.iban)
    _add(account, "Ccy", statement.currency)
    if statement.owner:
        _add(_add(account, "Ownr"), "Nm", statement.owner)
    institution = _add(_add(account, "Svcr"), "FinInstnId")
    _add(institution, BIC_TAG[statement.version], statement.bic)


def _balance(body: ET.Element, code: str, amount: Decimal, statement: Statement) -> None:
    balance = _add(body, "Bal")
    _add(_add(_add(balance, "Tp"), "CdOrPrtry"), "Cd", code)
    _amount(balance, "Amt", amount, statement.currency)
    _add(balance, "CdtDbtInd", "CRDT" if amount >= 0 else "DBIT")
    _add(_add(balance, "Dt"), "Dt", statement.day.isoformat())


def bank_reference(statement: Statement, entry: Entry, index: int) -> str:
    """The bank's own reference: the same entry of the same statement always has the same one."""
    if entry.bank_reference:
        return entry.bank_reference
    seed = f"{statement.iban}|{statement.day}|{statement.number}|{index}"
    return f"SB{hashlib.sha256(seed.encode()).hexdigest()[:14].upper()}"


def _entry(body: ET.Element, statement: Statement, entry: Entry, index: int) -> None:
    reference = bank_reference(statement, entry, index)
    direction = "CRDT" if entry.amount > 0 else "DBIT"
    item = _add(body, "Ntry")
    _add(item, "NtryRef", str(index + 1))
    _amount(item, "Amt", entry.amount, statement.currency)
    _add(item, "CdtDbtInd", direction)
    if entry.reversal:
        _add(item, "RvslInd", "true")
    if statement.version >= 8:
        _add(_add(item, "Sts"), "Cd", entry.status)
    else:
        _add(item, "Sts", entry.status)
    booked = entry.booked or statement.day
    if entry.status == "BOOK":
        _add(_add(item, "BookgDt"), "Dt", booked.isoformat())
    _add(_add(item, "ValDt"), "Dt", (entry.value or booked).isoformat())
    _add(item, "AcctSvcrRef", reference)
    _bank_code(item, entry)
    if entry.charges:
        _charges(item, entry, statement.currency)
    _details(item, statement, entry, direction, reference)
    if entry.name:
        _add(item, "AddtlNtryInf", "SEPA-Gutschrift" if direction == "CRDT" else "SEPA-Überweisung")


def _bank_code(item: ET.Element, entry: Entry) -> None:
    """ISO bank transaction code: received or issued credit transfers, and their returns; charges."""
    domain = _add(_add(item, "BkTxCd"), "Domn")
    _add(domain, "Cd", "ACMT" if entry.own_charges else "PMNT")
    family = _add(domain, "Fmly")
    if entry.own_charges:
        _add(family, "Cd", "MDOP")
        _add(family, "SubFmlyCd", "CHRG")
        return
    incoming = (entry.amount > 0) != bool(entry.return_reason)
    _add(family, "Cd", "RCDT" if incoming else "ICDT")
    _add(family, "SubFmlyCd", "RRTN" if entry.return_reason else "ESCT")


def _charges(item: ET.Element, entry: Entry, currency: str) -> None:
    charges = _add(item, "Chrgs")
    _amount(charges, "TtlChrgsAndTaxAmt", entry.charges, currency)
    record = _add(charges, "Rcrd")
    _amount(record, "Amt", entry.charges, currency)
    _add(record, "CdtDbtInd", "DBIT")
    _add(record, "ChrgInclInd", "true")


def _details(item: ET.Element, statement: Statement, entry: Entry, direction: str, reference: str) -> None:
    details = _add(_add(item, "NtryDtls"), "TxDtls")
    references = _add(details, "Refs")
    _add(references, "AcctSvcrRef", reference)
    _add(references, "EndToEndId", entry.end_to_end_id[:35])
    if statement.version >= 8:
        _amount(details, "Amt", entry.amount, statement.currency)
        _add(details, "CdtDbtInd", direction)
    if entry.charges:
        # What the payer sent, before the banks on the way helped themselves.
        instructed = _add(_add(details, "AmtDtls"), "InstdAmt")
        _amount(instructed, "Amt", abs(entry.amount) + entry.charges, statement.currency)
    _parties(details, statement, entry, direction)
    _remittance(details, entry)
    if entry.return_reason:
        _add(_add(_add(details, "RtrInf"), "Rsn"), "Cd", entry.return_reason)


def _parties(details: ET.Element, statement: Statement, entry: Entry, direction: str) -> None:
    role = "Dbtr" if direction == "CRDT" else "Cdtr"
    if entry.name or entry.iban:
        parties = _add(details, "RltdPties")
        if entry.name:
            party = _add(parties, role)
            _add(_add(party, "Pty") if statement.version >= 8 else party, "Nm", entry.name[:140])
        if entry.iban:
            _add(_add(_add(parties, f"{role}Acct"), "Id"), "IBAN", entry.iban)
    if entry.bic:
        institution = _add(_add(_add(details, "RltdAgts"), f"{role}Agt"), "FinInstnId")
        _add(institution, BIC_TAG[statement.version], entry.bic)


def _remittance(details: ET.Element, entry: Entry) -> None:
    if not entry.reference:
        return
    remittance = _add(details, "RmtInf")
    if entry.structured:
        _add(_add(_add(remittance, "Strd"), "CdtrRefInf"), "Ref", entry.reference[:35])
        return
    width = entry.split or USTRD_LENGTH
    for line in _lines(entry.reference, min(width, USTRD_LENGTH)):
        _add(remittance, "Ustrd", line)


def _lines(text: str, width: int) -> list[str]:
    """Broken where the line is full, in the middle of a word if need be, as banks do."""
    return [text[start : start + width] for start in range(0, len(text), width)]


# What an importer must refuse, or take without harm.
CORRUPTIONS = (
    "truncated", "wrong_closing", "entity_bomb", "external_entity", "other_currency", "no_account",
    "not_xml", "duplicate_reference", "wrong_encoding", "negative_amount",
)  # fmt: skip


def corrupt(document: bytes, how: str) -> bytes:
    """A document made by :func:`render`, spoilt. Raises ValueError for an unknown way."""
    text = document.decode()
    head, _, rest = text.partition("\n")
    if how == "truncated":
        return document[: len(document) * 2 // 3]
    if how == "wrong_closing":
        before, _, after = text.rpartition("<Cd>CLBD</Cd>")
        start = after.index('">') + 2
        end = after.index("</Amt>")
        return f"{before}<Cd>CLBD</Cd>{after[:start]}{Decimal(after[start:end]) + 1}{after[end:]}".encode()
    if how == "entity_bomb":
        levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<!DOCTYPE Document [<!ENTITY e0 "ha">{levels}]>\n'
        return (head + "\n" + bomb + rest.replace("<MsgId>", "<MsgId>&e9;", 1)).encode()
    if how == "external_entity":
        entity = '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
        return (head + "\n" + entity + rest.replace("<MsgId>", "<MsgId>&x;", 1)).encode()
    return _corrupt_content(text, document, how)


def _corrupt_content(text: str, document: bytes, how: str) -> bytes:
    if how == "other_currency":
        before, found, after = text.partition("<Ntry>")
        return (before + found + re.sub(r'Ccy="..."', 'Ccy="XAU"', after, count=1)).encode()
    if how == "no_account":
        start, end = text.index("<Acct>"), text.index("</Acct>") + len("</Acct>")
        return (text[:start] + text[end:]).encode()
    if how == "not_xml":
        return b":20:STARTUMS\r\n:25:10020030/1234567\r\n"
    if how == "duplicate_reference":
        start, end = text.index("<Ntry>"), text.index("</Ntry>") + len("</Ntry>")
        return (text[:end] + text[start:]).encode()
    if how == "wrong_encoding":
        return text.replace("<MsgId>", "<MsgId>Ü", 1).encode("latin-1", "replace")
    if how == "negative_amount":
        before, found, after = text.partition("<Ntry>")
        return (before + found + after.replace('">', '">-', 1)).encode()
    raise ValueError(f"unknown corruption: {how}; one of {', '.join(CORRUPTIONS)}")
