"""Reads the bank's answer to a payment file: ISO 20022 CustomerPaymentStatusReport (pain.002), any version.

A status is said of the file, of a block or of a transfer; the nearest one counts. DTDs and entities are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

LARGEST = 8_000_000
REJECTED = frozenset({"RJCT", "CANC"})
# Technically checked, profile checked, in settlement, settled, changed, credited.
ACCEPTED = frozenset({"ACTC", "ACCP", "ACSP", "ACSC", "ACWC", "ACWP", "ACCC", "ACFC"})
STATUSES = REJECTED | ACCEPTED | {"PART", "PDNG", "RCVD", "PATC"}


class NotAReport(ValueError):
    """The file is no status report that can be understood; the argument says why, for people."""


@dataclass(frozen=True, slots=True)
class Said:
    status: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    block_id: str
    instruction_id: str
    end_to_end: str
    said: Said
    amount: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class Report:
    message_id: str  # of the payment file it answers
    count: int | None  # how many transfers that file had, by the bank
    whole: Said
    blocks: dict[str, Said]
    transactions: tuple[Transaction, ...]

    def about(self, *, instruction_id: str, end_to_end: str, block_id: str) -> Said:
        """What the bank says of one transfer: of itself, else of its block, else of the file."""
        for transaction in self.transactions:
            if transaction.instruction_id == instruction_id or (
                not transaction.instruction_id and transaction.end_to_end == end_to_end
            ):
                return transaction.said
        block = self.blocks.get(block_id, Said())
        return block if block.status else self.whole


def read(data: bytes) -> Report:
    """Raises NotAReport."""
    if len(data) > LARGEST:
        raise NotAReport("larger than 8 MB")
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise NotAReport("not readable as XML") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    body = root.find("CstmrPmtStsRpt")
    if body is None:
        raise NotAReport("no payment status report inside")
    group = body.find("OrgnlGrpInfAndSts")
    message_id = _text(group, "OrgnlMsgId")
    if not message_id:
        raise NotAReport("it does not say which file it answers")
    blocks = body.findall("OrgnlPmtInfAndSts")
    count = _text(group, "OrgnlNbOfTxs")
    return Report(
        message_id=message_id,
        count=int(count) if count.isdecimal() else None,
        whole=_said(group, "GrpSts"),
        blocks={_text(block, "OrgnlPmtInfId"): _said(block, "PmtInfSts") for block in blocks},
        transactions=tuple(_transaction(block, one) for block in blocks for one in block.findall("TxInfAndSts")),
    )


def _text(element: Any, path: str) -> str:
    return str(element.findtext(path) or "").strip() if element is not None else ""


def _said(element: Any, path: str) -> Said:
    status = _text(element, path)
    if status and status not in STATUSES:
        raise NotAReport(f"an unknown status: {status[:20]}")
    words = []
    for reason in element.findall("StsRsnInf"):
        words += [_text(reason, "Rsn/Cd") or _text(reason, "Rsn/Prtry")]
        words += [str(one.text or "").strip() for one in reason.findall("AddtlInf")]
    return Said(status, " ".join(word for word in words if word)[:300])


def _transaction(block: Any, item: Any) -> Transaction:
    found = item.find("OrgnlTxRef/Amt/InstdAmt")
    try:
        amount = Decimal((found.text or "").strip()) if found is not None else None
    except InvalidOperation:
        raise NotAReport("an amount is not readable") from None
    return Transaction(
        block_id=_text(block, "OrgnlPmtInfId"),
        instruction_id=_text(item, "OrgnlInstrId"),
        end_to_end=_text(item, "OrgnlEndToEndId"),
        said=_said(item, "TxSts"),
        amount=amount,
        currency=str(found.attrib.get("Ccy", "")) if found is not None else "",
    )
