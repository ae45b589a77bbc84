"""Field 86 of an MT940: the German sub-fields (?20-?29, ?60-?63, ?30-?33), SWIFT code words (/EREF/, /ORDP/), or plain text.

Payers write into this field too. Name and account are therefore believed only where the payer's own words cannot stand:
before the remittance of code words, and never when told twice, as they would be if a payer had written "/NAME/Somebody"
or "?32Somebody" into a text. Without a name a line waits for people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_GERMAN = re.compile(r"(?P<code>[0-9]{3})(?P<mark>[^0-9A-Za-z\s/])(?=[0-9]{2})")
_SEPA = re.compile(r"(EREF|KREF|MREF|BREF|RREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC)\+")
_RETURNS = frozenset(
    {"108", "109", "159"}
)  # German business codes (GVC): direct debits and a credit transfer sent back
_ISO_REASON = re.compile(r"\b(?:A[CGM]|B[EO]|C[NU]|D[TU]|E[DR]|F[FO]|MS|N[AO]|R[CR]|SL|T[MS])[0-9]{2}\b")
_WORDS = (
    "ADDR", "BENM", "BIC", "CHGS", "CNTP", "CSID", "EREF", "EXCH", "IBAN", "ID", "INIT", "ISDT", "KREF", "MARF", "NAME",
    "OCMT", "ORDP", "PREF", "PURP", "REMI", "RTRN", "SVCL", "TRCD", "TRTP", "ULTB", "ULTC", "ULTD",
)  # fmt: skip
_WORD = re.compile(rf"/({'|'.join(_WORDS)})/")


@dataclass(frozen=True, slots=True)
class Told:
    """What a field 86 says of a movement; empty where it does not say."""

    name: str = ""
    account: str = ""
    remittance: str = ""
    end_to_end: str = ""
    returned: bool = False
    return_reason: str = ""


def told(text: str) -> Told:
    joined = text.replace("\n", "")  # banks break lines anywhere, in the middle of a word too
    if match := _GERMAN.match(joined):
        return _german(joined[match.end() - 1 :], match["code"], match["mark"])
    if _WORD.match(joined):
        return _code_words(joined)
    return Told(remittance=" ".join(text.split()))


def _german(text: str, code: str, mark: str) -> Told:
    fields: dict[str, list[str]] = {}
    for number, content in re.findall(rf"{re.escape(mark)}([0-9]{{2}})([^{re.escape(mark)}]*)", text):
        fields.setdefault(number, []).append(content)
    numbers = [*range(20, 30), *range(60, 64)]
    payment = "".join("".join(fields.get(str(number), [])) for number in numbers)
    words = _sepa_words(payment)
    return Told(
        name=(_once(fields, "32") + _once(fields, "33")).strip() if len(fields.get("33", [])) < 2 else "",
        account=_once(fields, "31").strip(),
        remittance=(words.get("SVWZ") or words.get("", "")).strip() if words else payment.strip(),
        end_to_end=(words.get("EREF") or words.get("KREF", "")).strip(),
        returned=code in _RETURNS,
        return_reason=next(iter(_ISO_REASON.findall(payment)), "") if code in _RETURNS else "",
    )


def _once(fields: dict[str, list[str]], number: str) -> str:
    found = fields.get(number, [])
    return found[0] if len(found) == 1 else ""


def _sepa_words(payment: str) -> dict[str, str]:
    """EREF+…SVWZ+…: nothing when there are none. What follows SVWZ+ is the payer's own, whatever it looks like."""
    found: dict[str, str] = {}
    own = payment.find("SVWZ+")
    head, remittance = (payment[:own], payment[own + 5 :]) if own >= 0 else (payment, "")
    pieces = _SEPA.split(head)
    if len(pieces) == 1 and own < 0:
        return {}
    for word, content in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(word, content)
    return {**found, "": pieces[0], **({"SVWZ": remittance} if own >= 0 else {})}


def _code_words(text: str) -> Told:
    pieces = _WORD.split(text)
    pairs = list(zip(pieces[1::2], pieces[2::2], strict=True))
    words = [word for word, _ in pairs]
    own = words.index("REMI") if "REMI" in words else len(pairs)
    fields: dict[str, list[str]] = {}
    for word, content in pairs[:own]:
        fields.setdefault(word, []).append(content.strip("/ "))
    name, account = _once(fields, "NAME"), _once(fields, "IBAN")
    if party := _once(fields, "CNTP"):  # account/BIC/name/town in one
        account, _, name, *_ = [*(one.strip() for one in party.split("/")), "", "", ""]
    after = dict(reversed(pairs[own + 1 :]))
    return Told(
        name=name,
        account=account,
        remittance=_own_words(pairs, own),
        end_to_end=_once(fields, "EREF") or ("" if "EREF" in fields else after.get("EREF", "").strip("/ ")),
        returned="RTRN" in words,
        return_reason=next((content.strip("/ ") for word, content in pairs if word == "RTRN"), ""),
    )


def _own_words(pairs: list[tuple[str, str]], own: int) -> str:
    """The remittance; USTD//text and STRD/CUR/text have the text last."""
    content = pairs[own][1].strip("/ ") if own < len(pairs) else ""
    return re.sub(r"^(USTD//|STRD/(CUR|ISO)/)", "", content)
