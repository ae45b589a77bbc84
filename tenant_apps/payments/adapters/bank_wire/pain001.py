"""Writes payment files: ISO 20022 CustomerCreditTransferInitiation, pain.001.001.09 or, for older banks, .03.

Element order is the message definition's. Euros between two accounts of SEPA follow the SEPA rulebook (service level
SEPA, charges SLEV, its characters); everything else is an international transfer (charges SHAR, the payee's country).
Each kind is a payment block of its own, because these are said per block. Names that cannot be written are refused: a
wire with half a name comes back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.etree import ElementTree as ET

from kernel.letters import latin_writable, sepa_text
from kernel.money import Money, total

VERSIONS = ("09", "03")
# Countries by the first two letters of an IBAN: the EEA and the other territories of the scheme (EPC409-09).
_COUNTRIES = (
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI "
    "SK SM VA"
)
SEPA = frozenset(_COUNTRIES.split())
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


class NotPayable(ValueError):
    """A transfer that cannot be written into a payment file; the arguments are its reference and why, for people."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`instruction_id` is unique in the file (35 characters at most), `end_to_end` travels to the payee."""

    instruction_id: str
    end_to_end: str
    amount: Money
    name: str
    iban: str
    bank: str = ""  # the payee's bank: a BIC or its name, where known
    country: str = ""  # of the payee, two letters


@dataclass(frozen=True, slots=True)
class Order:
    message_id: str
    created_at: datetime
    execution_on: date
    holder: str
    iban: str  # or whatever the bank calls the account
    bic: str
    currency: str
    transfers: Sequence[Transfer]
    version: str = "09"


def is_sepa(order_iban: str, transfer: Transfer) -> bool:
    return transfer.amount.currency == "EUR" and order_iban[:2] in SEPA and transfer.iban[:2] in SEPA


def checked(transfer: Transfer) -> Transfer:
    """Raises NotPayable for what no bank would take."""
    if not latin_writable(transfer.name):
        raise NotPayable(transfer.end_to_end, "the holder's name cannot be written in Latin letters")
    if not _IBAN.fullmatch(transfer.iban):
        raise NotPayable(transfer.end_to_end, "the IBAN is missing or malformed")
    if transfer.amount.minor <= 0:
        raise NotPayable(transfer.end_to_end, "the amount is not above zero")
    return transfer


def build(order: Order) -> bytes:
    """The file. The same order always gives the same bytes. Raises NotPayable."""
    root = ET.Element("Document", {"xmlns": f"urn:iso:std:iso:20022:tech:xsd:pain.001.001.{order.version}"})
    message = _add(root, "CstmrCdtTrfInitn")
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", order.message_id)
    _add(header, "CreDtTm", order.created_at.strftime("%Y-%m-%dT%H:%M:%S"))
    _totals(header, order, order.transfers)
    _add(_add(header, "InitgPty"), "Nm", sepa_text(order.holder, 70))
    transfers = [checked(transfer) for transfer in order.transfers]
    for sepa in (True, False):
        block = [transfer for transfer in transfers if is_sepa(order.iban, transfer) is sepa]
        if block:
            _block(message, order, block, sepa)
    ET.indent(root)
    xml: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml + b"\n"


def block_id(message_id: str, *, sepa: bool) -> str:
    return f"{message_id}-{'SEPA' if sepa else 'INTL'}"


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _totals(parent: ET.Element, order: Order, transfers: Sequence[Transfer]) -> None:
    _add(parent, "NbOfTxs", str(len(transfers)))
    whole = total([transfer.amount for transfer in transfers], order.currency)
    _add(parent, "CtrlSum", f"{whole.amount:f}")


def _block(message: ET.Element, order: Order, transfers: Sequence[Transfer], sepa: bool) -> None:
    block = _add(message, "PmtInf")
    _add(block, "PmtInfId", block_id(order.message_id, sepa=sepa))
    _add(block, "PmtMtd", "TRF")
    _add(block, "BtchBookg", "false")  # one entry per transfer on the statement, each with its reference
    _totals(block, order, transfers)
    if sepa:
        _add(_add(_add(block, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    when = _add(block, "ReqdExctnDt")
    if order.version == "03":
        when.text = order.execution_on.isoformat()
    else:
        _add(when, "Dt", order.execution_on.isoformat())
    _add(_add(block, "Dbtr"), "Nm", sepa_text(order.holder, 70))
    account = _add(block, "DbtrAcct")
    _account_id(account, order.iban)
    _add(account, "Ccy", order.currency)
    _agent(_add(block, "DbtrAgt"), order.bic, "", order.version)
    _add(block, "ChrgBr", "SLEV" if sepa else "SHAR")
    for transfer in transfers:
        _transfer(block, order, transfer, sepa)


def _account_id(account: ET.Element, number: str) -> None:
    identity = _add(account, "Id")
    if _IBAN.fullmatch(number):
        _add(identity, "IBAN", number)
    else:
        _add(_add(identity, "Othr"), "Id", number[:34])


def _agent(agent: ET.Element, bic: str, name: str, version: str) -> None:
    institution = _add(agent, "FinInstnId")
    plain = "".join(bic.split()).upper()
    if _BIC.fullmatch(plain):
        _add(institution, "BIC" if version == "03" else "BICFI", plain)
    elif written := sepa_text(name, 70):
        _add(institution, "Nm", written)
    else:
        _add(_add(institution, "Othr"), "Id", "NOTPROVIDED")


def _transfer(block: ET.Element, order: Order, transfer: Transfer, sepa: bool) -> None:
    item = _add(block, "CdtTrfTxInf")
    identity = _add(item, "PmtId")
    _add(identity, "InstrId", transfer.instruction_id)
    _add(identity, "EndToEndId", transfer.end_to_end)
    amount = transfer.amount
    _add(_add(item, "Amt"), "InstdAmt", f"{amount.amount:f}", Ccy=amount.currency)
    bic = _BIC.fullmatch("".join(transfer.bank.split()).upper())
    if bic or (transfer.bank and not sepa):
        _agent(_add(item, "CdtrAgt"), transfer.bank, transfer.bank, order.version)
    payee = _add(item, "Cdtr")
    _add(payee, "Nm", sepa_text(transfer.name, 70))
    if not sepa and re.fullmatch("[A-Z]{2}", transfer.country):
        _add(_add(payee, "PstlAdr"), "Ctry", transfer.country)
    _account_id(_add(item, "CdtrAcct"), transfer.iban)
    _add(_add(item, "RmtInf"), "Ustrd", f"Withdrawal {transfer.end_to_end}")
