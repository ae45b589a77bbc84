"""Writes the statements of :mod:`sandbox.bank.camt` as MT940, in the German manner or with SWIFT's code words.

Field layout: SWIFT Customer Statement Message; sub-fields of 86 as the German banks' (DK) annex has them, code words as
Dutch banks write them. Pending entries are left out: an MT940 tells what is booked.
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.bank.camt import Entry, Statement, _amount_text, bank_reference, render

STYLES = ("german", "swift")
WIDTH_86 = 65
WIDTH_SUBFIELD = 27


def render_mt940(
    statement: Statement, style: str = "german", *, encoding: str = "utf-8", envelope: bool = False
) -> bytes:
    """The document, lines ended by CR LF. Raises ValueError for what no bank could write."""
    if style not in STYLES:
        raise ValueError(f"unknown style: {style}; one of {', '.join(STYLES)}")
    render(statement)  # the same checks as camt.053
    lines = [
        f":20:{'STARTUMS' if style == 'german' else f'ST{statement.day:%y%m%d}{statement.number:05d}'}",
        f":25:{_account(statement, style)}",
        f":28C:{statement.number:05d}/001",
        f":60F:{_balance(statement, statement.opening)}",
    ]
    for index, entry in enumerate(statement.entries):
        if entry.status == "BOOK":
            lines += _entry(statement, entry, index, style)
    lines.append(f":62F:{_balance(statement, statement.closing)}")
    head = f"{{1:F01{statement.bic[:8]:X<12}0000000000}}{{2:I940{statement.bic[:8]:X<12}N}}{{4:"
    lines = [head, *lines, "-}"] if envelope else [*lines, "-"]
    return ("\r\n".join(lines) + "\r\n").encode(encoding, "replace")


def _account(statement: Statement, style: str) -> str:
    if style == "german" and statement.iban.startswith("DE"):
        return f"{statement.iban[4:12]}/{statement.iban[12:].lstrip('0')}"
    return f"{statement.iban}{statement.currency if style == 'swift' else ''}"


def _comma(amount: Decimal, currency: str) -> str:
    text = _amount_text(amount, currency).replace(".", ",")
    return text if "," in text else f"{text},"


def _balance(statement: Statement, amount: Decimal) -> str:
    mark = "C" if amount >= 0 else "D"
    return f"{mark}{statement.day:%y%m%d}{statement.currency}{_comma(amount, statement.currency)}"


def _entry(statement: Statement, entry: Entry, index: int, style: str) -> list[str]:
    booked = entry.booked or statement.day
    mark = "C" if entry.amount > 0 else "D"
    if entry.reversal:  # a reversed debit comes in, a reversed credit goes out
        mark = "RD" if entry.amount > 0 else "RC"
    kind = "NRTI" if entry.return_reason else "NCHG" if entry.own_charges else "NTRF"
    reference = bank_reference(statement, entry, index)[:16]
    movement = (
        f":61:{entry.value or booked:%y%m%d}{booked:%m%d}{mark}{_comma(entry.amount, statement.currency)}{kind}NONREF"
        f"//{reference}"
    )
    text = _german(entry) if style == "german" else _swift(entry)
    return [movement, *_wrapped(f":86:{text}")]


def _wrapped(text: str) -> list[str]:
    """Broken where the line is full. A line may not begin with a colon or a hyphen: it would look like the next field."""
    lines = []
    while text:
        width = WIDTH_86
        while width < len(text) and text[width] in ":-":
            width -= 1
        lines.append(text[:width])
        text = text[width:]
    return lines


def _plain(text: str, mark: str) -> str:
    return " ".join(text.replace(mark, " ").split())


def _german(entry: Entry) -> str:
    code = "159" if entry.return_reason else ("166" if entry.amount > 0 else "116")
    payment = []
    if entry.end_to_end_id != "NOTPROVIDED":
        payment += _cut(f"EREF+{entry.end_to_end_id[:35]}")
    remittance = _plain(entry.reference, "?")
    if entry.return_reason:
        remittance = f"RETOURE {entry.return_reason} {remittance}".strip()
    payment += _cut(f"SVWZ+{remittance}")
    numbers = [*range(20, 30), *range(60, 64)]
    fields = [f"?00{'GUTSCHRIFT' if entry.amount > 0 else 'UEBERWEISUNG'}", "?109251"]
    fields += [f"?{number}{part}" for number, part in zip(numbers, payment, strict=False)]
    fields += [f"?30{entry.bic}"] * bool(entry.bic) + [f"?31{entry.iban}"] * bool(entry.iban)
    name = _plain(entry.name, "?")
    fields += [f"?{number}{part}" for number, part in zip((32, 33), _cut(name), strict=False)]
    return code + "".join(fields)


def _cut(text: str) -> list[str]:
    return [text[start : start + WIDTH_SUBFIELD] for start in range(0, len(text), WIDTH_SUBFIELD)]


def _swift(entry: Entry) -> str:
    end_to_end = entry.end_to_end_id.replace("/", " ")[:35]
    party = "ORDP" if entry.amount > 0 else "BENM"
    fields = [f"/EREF/{end_to_end}", f"/{party}//NAME/{_plain(entry.name, '/')}"]
    if entry.iban:
        fields.append(f"/IBAN/{entry.iban}")
    if entry.return_reason:
        fields.append(f"/RTRN/{entry.return_reason}")
    return "".join([*fields, f"/REMI/{entry.reference[:140]}"])
