"""Takes pain.001 payment files as a strict bank does, and writes its pain.002 answers.

Element names, their order and how often they may come: ISO 20022 message definitions pain.001.001.03 and .09 (the parts
that banks take of them), pain.002.001.03 and .10. Reasons are ISO external codes: AC01 account, AM04 funds, AM05
duplicate, AM09 wrong amount, AM10 control sum, AM18 number of transactions, CH20 decimals, CURR currency, DT01 date,
FF01 file format, RR10 characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from sandbox.bank.camt import DECIMALS, iban_valid

NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:pain\.001\.001\.(03|09)\}Document")
TEXT = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]+")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")

# Children of each element in their order: name, then ? (optional), + (one or more) or nothing (exactly one).
PARTY = "Nm PstlAdr?"
SHAPES: dict[str, str] = {
    "Document": "CstmrCdtTrfInitn",
    "CstmrCdtTrfInitn": "GrpHdr PmtInf+",
    "GrpHdr": "MsgId CreDtTm NbOfTxs CtrlSum? InitgPty",
    "InitgPty": "Nm",
    "PmtInf": "PmtInfId PmtMtd BtchBookg? NbOfTxs? CtrlSum? PmtTpInf? ReqdExctnDt Dbtr DbtrAcct DbtrAgt ChrgBr? CdtTrfTxInf+",
    "PmtTpInf": "SvcLvl",
    "SvcLvl": "Cd",
    "Dbtr": PARTY,
    "Cdtr": PARTY,
    "PstlAdr": "Ctry",
    "DbtrAcct": "Id Ccy?",
    "CdtrAcct": "Id",
    "DbtrAgt": "FinInstnId",
    "CdtrAgt": "FinInstnId",
    "CdtTrfTxInf": "PmtId Amt CdtrAgt? Cdtr CdtrAcct RmtInf?",
    "PmtId": "InstrId? EndToEndId",
    "Amt": "InstdAmt",
    "RmtInf": "Ustrd",
}
BY_VERSION = {
    "03": {"ReqdExctnDt": "", "FinInstnId": "BIC? Nm? Othr?"},
    "09": {"ReqdExctnDt": "Dt", "FinInstnId": "BICFI? Nm? Othr?"},
}
LENGTHS = {"MsgId": 35, "PmtInfId": 35, "InstrId": 35, "EndToEndId": 35, "Nm": 140, "Ustrd": 140}


class Refused(ValueError):
    """The whole file, with a reason code; raised before anything is booked."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Payment:
    block: str
    instruction: str
    end_to_end: str
    amount: Decimal
    currency: str
    name: str
    iban: str
    remittance: str
    reason: str = ""  # why it is rejected; empty: accepted


@dataclass(frozen=True, slots=True)
class Initiation:
    version: str
    message_id: str
    control_sum: Decimal
    payments: tuple[Payment, ...]


def message_id(data: bytes) -> str:
    """Of a file that may otherwise be wrong; empty when even that cannot be read."""
    found = re.search(rb"<MsgId>([A-Za-z0-9/\-?:().,'+ ]{1,35})</MsgId>", data)
    return found[1].decode() if found else ""


def read(data: bytes, *, iban: str, currency: str, today: date) -> Initiation:
    """The file's payments; single ones may carry a reason of rejection. Raises Refused for the file as a whole."""
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise Refused("FF01", "not XML") from error
    match = NAMESPACE.fullmatch(root.tag)
    if match is None:
        raise Refused("FF01", "neither pain.001.001.03 nor .09")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    _shape(root, match[1])
    message = root[0]
    payments = [one for block in message.findall("PmtInf") for one in _block(block, match[1], iban, currency, today)]
    header = message[0]
    _totals(header, [one.amount for one in payments])
    if len({one.end_to_end for one in payments}) != len(payments):
        raise Refused("AM05", "an EndToEndId twice")
    return Initiation(
        match[1], _text(header, "MsgId"), sum((one.amount for one in payments), Decimal(0)), tuple(payments)
    )


def _shape(element: Any, version: str) -> None:
    """Names, order and number of children; what is not in the tables has no children."""
    wanted = BY_VERSION[version].get(element.tag, SHAPES.get(element.tag))
    if element.tag == "Id":
        wanted = "IBAN" if element.find("IBAN") is not None else "Othr"
    if element.tag == "Othr":
        wanted = "Id"
    if wanted is None or (element.tag == "Id" and len(element) == 0):
        wanted = ""
    rest = [child.tag for child in element]
    for item in wanted.split():
        name = item.rstrip("?+")
        count = 0
        while rest and rest[0] == name and (count == 0 or item.endswith("+")):
            rest.pop(0)
            count += 1
        if count == 0 and not item.endswith("?"):
            raise Refused("FF01", f"{element.tag} lacks {name}, or has it in the wrong place")
    if rest:
        raise Refused("FF01", f"{rest[0]} is not expected in {element.tag}")
    if not wanted:
        _leaf(element)
    for child in element:
        _shape(child, version)


def _leaf(element: Any) -> None:
    text = element.text or ""
    if not text.strip():
        raise Refused("FF01", f"{element.tag} is empty")
    if element.attrib and element.tag != "InstdAmt":
        raise Refused("FF01", f"{element.tag} has attributes")
    if element.tag in LENGTHS:
        if not TEXT.fullmatch(text):
            raise Refused("RR10", f"characters in {element.tag}")
        if len(text) > LENGTHS[element.tag]:
            raise Refused("FF01", f"{element.tag} is too long")
        if element.tag in {"MsgId", "EndToEndId"} and ("//" in text or text[0] == "/" or text[-1] == "/"):
            raise Refused("RR10", f"slashes in {element.tag}")


def _text(element: Any, path: str) -> str:
    return str(element.findtext(path) or "").strip()


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,5})?", text):
        raise Refused("FF01", f"not an amount: {text[:20]}")
    return Decimal(text)


def _totals(element: Any, amounts: list[Decimal]) -> None:
    count, control = _text(element, "NbOfTxs"), _text(element, "CtrlSum")
    if count and count != str(len(amounts)):
        raise Refused("AM18", f"NbOfTxs {count}, but {len(amounts)} transactions")
    if control and _decimal(control) != sum(amounts, Decimal(0)):
        raise Refused("AM10", f"CtrlSum {control} is not the sum")


def _block(block: Any, version: str, iban: str, currency: str, today: date) -> list[Payment]:
    if _text(block, "PmtMtd") != "TRF":
        raise Refused("FF01", "only PmtMtd TRF is taken")
    if _text(block, "DbtrAcct/Id/IBAN") != iban:
        raise Refused("AC01", "the debtor's account is another one")
    if _text(block, "DbtrAcct/Ccy") not in {"", currency}:
        raise Refused("CURR", "the debtor's account is kept in another currency")
    day = _text(block, "ReqdExctnDt" if version == "03" else "ReqdExctnDt/Dt")
    if not DAY.fullmatch(day) or not 0 <= (date.fromisoformat(day) - today).days <= 365:
        raise Refused("DT01", f"execution date {day}")
    sepa = _text(block, "PmtTpInf/SvcLvl/Cd") == "SEPA"
    if sepa and (_text(block, "ChrgBr") != "SLEV" or currency != "EUR"):
        raise Refused("FF01", "SEPA is in EUR, with charges SLEV")
    for bic in [*block.iter("BIC"), *block.iter("BICFI")]:
        if not BIC.fullmatch(bic.text or ""):
            raise Refused("FF01", f"not a BIC: {bic.text}")
    payments = [_payment(_text(block, "PmtInfId"), item, currency) for item in block.findall("CdtTrfTxInf")]
    _totals(block, [one.amount for one in payments])
    if sepa and any(len(_text(item, "Cdtr/Nm")) > 70 for item in block.findall("CdtTrfTxInf")):
        raise Refused("FF01", "a name of SEPA has 70 characters at most")
    return payments


def _payment(block: str, item: Any, currency: str) -> Payment:
    found = item.find("Amt/InstdAmt")
    amount = _decimal((found.text or "").strip())
    payment = Payment(
        block, _text(item, "PmtId/InstrId"), _text(item, "PmtId/EndToEndId"), amount, found.attrib.get("Ccy", ""),
        _text(item, "Cdtr/Nm"), _text(item, "CdtrAcct/Id/IBAN"), _text(item, "RmtInf/Ustrd"),
    )  # fmt: skip
    exponent = amount.as_tuple().exponent
    if payment.currency != currency:
        return replace(payment, reason="CURR")
    if amount <= 0:
        return replace(payment, reason="AM09")
    if isinstance(exponent, int) and -exponent > DECIMALS.get(currency, 2):
        return replace(payment, reason="CH20")
    return payment if iban_valid(payment.iban) else replace(payment, reason="AC01")


# --- pain.002


def report(initiation: Initiation, created: datetime, *, number: int) -> bytes:
    """The answer to a file that was taken: accepted (in settlement), partly, or every payment rejected."""
    rejected = [one for one in initiation.payments if one.reason]
    status = "ACSP" if not rejected else "RJCT" if len(rejected) == len(initiation.payments) else "PART"
    root, group = _head(initiation.message_id, initiation.version, created, number)
    _add(group, "OrgnlNbOfTxs", str(len(initiation.payments)))
    _add(group, "OrgnlCtrlSum", f"{initiation.control_sum:f}")
    _add(group, "GrpSts", status)
    for block in dict.fromkeys(one.block for one in initiation.payments):
        element = _add(root[0], "OrgnlPmtInfAndSts")
        _add(element, "OrgnlPmtInfId", block)
        for payment in initiation.payments:
            if payment.block == block:
                _status(element, payment)
    return _written(root)


def refusal(message: str, refused: Refused, created: datetime, *, number: int) -> bytes:
    """The answer to a file that was not taken."""
    root, group = _head(message, "09", created, number)
    _add(group, "GrpSts", "RJCT")
    _reason(group, refused.code, str(refused))
    return _written(root)


def _head(message: str, version: str, created: datetime, number: int) -> tuple[ET.Element, ET.Element]:
    answer = {"03": "03", "09": "10"}[version]
    root = ET.Element("Document", {"xmlns": f"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{answer}"})
    body = _add(root, "CstmrPmtStsRpt")
    header = _add(body, "GrpHdr")
    _add(header, "MsgId", f"PSR{created:%Y%m%d}{number:06d}")
    _add(header, "CreDtTm", created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    group = _add(body, "OrgnlGrpInfAndSts")
    _add(group, "OrgnlMsgId", message)
    _add(group, "OrgnlMsgNmId", f"pain.001.001.{version}")
    return root, group


def _status(block: ET.Element, payment: Payment) -> None:
    item = _add(block, "TxInfAndSts")
    if payment.instruction:
        _add(item, "OrgnlInstrId", payment.instruction)
    _add(item, "OrgnlEndToEndId", payment.end_to_end)
    _add(item, "TxSts", "RJCT" if payment.reason else "ACSP")
    if payment.reason:
        _reason(item, payment.reason, "")
    reference = _add(_add(item, "OrgnlTxRef"), "Amt")
    _add(reference, "InstdAmt", f"{payment.amount:f}", Ccy=payment.currency)


def _reason(parent: ET.Element, code: str, words: str) -> None:
    reason = _add(parent, "StsRsnInf")
    _add(_add(reason, "Rsn"), "Cd", code)
    if words:
        _add(reason, "AddtlInf", words[:105])


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    xml: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml + b"\n"
