"""MT940 as banks write it, and what payers and broken files try with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from kernel.money import Money
from sandbox.bank import camt
from sandbox.bank.mt940 import STYLES, render_mt940
from tenant_apps.payments.adapters.bank_wire import mt940, reader
from tenant_apps.payments.adapters.bank_wire.mt940_text import told
from tenant_apps.payments.adapters.bank_wire.statement import Line, NotAStatement

IBAN = "DE89370400440532013000"
GERMAN = """:20:STARTUMS
:25:37040044/532013000
:28C:00231/001
:60F:C261231EUR1000,00
:61:2612310102C500,NTRFNONREF//BANK-1
:86:166?00GUTSCHRIFT?109251?20EREF+E2E-4711?21SVWZ+Einzahlung D7K2M9A
?22B4 danke?30BKAUATWWXXX?31AT611904300234573201?32Lena-Sophie Vogt von de
?33r Au
:61:261231D12,5NMSCNONREF
:86:805?00ENTGELT?20Kontofuehrung
:62F:C270102EUR1487,50
:64:C270102EUR1487,50
:86:Hinweis der Bank
-
"""


def one(text: str) -> tuple[Line, ...]:
    (statement,) = mt940.read(text.encode())
    return statement.lines


def message(
    *movements: str, opening: str = "C261120EUR100,00", closing: str = "C261120EUR100,00", account: str = IBAN
) -> str:
    return "\r\n".join([":20:X", f":25:{account}", ":28C:1", f":60F:{opening}", *movements, f":62F:{closing}", "-", ""])


def test_the_german_form() -> None:
    (statement,) = mt940.read(GERMAN.encode())
    assert (statement.id, statement.iban, statement.currency) == ("00231/001-20270102", IBAN, "EUR")
    assert (statement.opening, statement.closing) == (Money.of("1000", "EUR"), Money.of("1487.50", "EUR"))
    paid, fee = statement.lines
    assert paid.amount == Money.of("500", "EUR")
    assert paid.booked_on == date(2027, 1, 2)  # entered two days after its value, over the year's end
    assert (paid.counterparty, paid.counterparty_iban) == ("Lena-Sophie Vogt von der Au", "AT611904300234573201")
    assert (paid.end_to_end, paid.remittance) == ("E2E-4711", "Einzahlung D7K2M9AB4 danke")
    assert (fee.amount, fee.remittance, fee.returned) == (Money.of("-12.50", "EUR"), "Kontofuehrung", False)
    assert (statement.period_from, statement.period_to) == (date(2026, 12, 31), date(2027, 1, 2))


@pytest.mark.parametrize(
    ("field", "booked"),
    [("2612310102", (2027, 1, 2)), ("2701021231", (2026, 12, 31)), ("261120", (2026, 11, 20)), ("2803010229", (2028, 2, 29))],
)  # fmt: skip
def test_the_year_of_an_entry_date_is_the_nearest(field: str, booked: tuple[int, int, int]) -> None:
    (line,) = one(message(f":61:{field}C1,NTRFX", closing="C261120EUR101,"))
    assert line.booked_on == date(*booked)


@pytest.mark.parametrize(
    ("mark", "minor", "returned"),
    [("C", 500, False), ("D", -500, False), ("RC", -500, True), ("RD", 500, True), ("CR", 500, False), ("RDR", 500, True)],
)  # fmt: skip
def test_debits_credits_their_reversals_and_funds_codes(mark: str, minor: int, returned: bool) -> None:
    closing = f"C261120EUR{(10000 + minor) // 100},00"
    (line,) = one(message(f":61:2611201120{mark}5,00NTRFNONREF//B", closing=closing))
    assert (line.amount.minor, line.returned) == (minor, returned)


@pytest.mark.parametrize(
    ("movement", "text"),
    [
        (":61:261120C5,NRTINONREF", ":86:plain"),
        (":61:261120C5,NTRFNONREF", ":86:159?00RUECKUEBERWEISUNG?20SVWZ+RETOURE AC04 W7K2M9AB4"),
        (":61:261120C5,NTRFNONREF", ":86:/EREF/W7K2M9AB4//ORDP//NAME/Nordwind/RTRN/AC04/REMI/back"),
    ],
)
def test_a_returned_transfer_says_so_in_one_of_three_places(movement: str, text: str) -> None:
    (line,) = one(message(movement, text, closing="C261120EUR105,"))
    assert line.returned


def test_code_words() -> None:
    said = told("/EREF/E2E-1//ORDP//NAME/Lena Vogt/IBAN/AT611904300234573201/BIC/BKAUATWW/REMI/Deposit D7K2M\n9AB4")
    assert (said.name, said.account, said.end_to_end) == ("Lena Vogt", "AT611904300234573201", "E2E-1")
    assert said.remittance == "Deposit D7K2M9AB4"
    dutch = told("/TRTP/SEPA OVERBOEKING/IBAN/NL44RABO0123456789/BIC/RABONL2U/NAME/J DE VRIES/REMI/x/EREF/E9")
    assert (dutch.name, dutch.account, dutch.remittance, dutch.end_to_end) == (
        "J DE VRIES", "NL44RABO0123456789", "x", "E9",
    )  # fmt: skip
    ing = told("/EREF/E1//CNTP/NL32INGB0000012345/INGBNL2A/ING BANK NV INZAKE/AMSTERDAM///REMI/USTD//D7K2M9AB4/")
    assert (ing.name, ing.account, ing.remittance) == ("ING BANK NV INZAKE", "NL32INGB0000012345", "D7K2M9AB4")


@pytest.mark.parametrize(
    "text",
    [
        "/EREF/x/NAME/Lena Vogt//ORDP//NAME/Karl Anders/REMI/D7K2M9AB4",
        "/ORDP//NAME/Karl Anders/REMI/D7K2M9AB4 /NAME/Lena Vogt/IBAN/AT611904300234573201",
        "166?00X?20SVWZ+D7K2M9AB4?32Lena Vogt?31AT611904300234573201?31DE1?32Karl Anders",
        "D7K2M9AB4 /NAME/Lena Vogt",
    ],
)
def test_a_payer_cannot_write_a_name_into_the_text(text: str) -> None:
    said = told(text)
    assert "Lena" not in said.name
    assert said.account != "AT611904300234573201"


@pytest.mark.parametrize(
    ("account", "iban"),
    [
        (IBAN, IBAN), (f"{IBAN}EUR", IBAN), (f"{IBAN} EUR", IBAN), ("37040044/0532013000", IBAN),
        ("37040044/532013000EUR", IBAN), ("COBADEFF/0011223344", "0011223344"),
    ],
)  # fmt: skip
def test_the_account_however_the_bank_writes_it(account: str, iban: str) -> None:
    (statement,) = mt940.read(message(account=account).encode())
    assert (statement.iban, statement.lines) == (iban, ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings(encoding: str) -> None:
    text = message(":61:261120C5,NTRFNONREF", ":86:166?20SVWZ+Für D1?32Jürgen Groß", closing="C261120EUR105,")
    (statement,) = reader.read(text.encode(encoding))
    assert (statement.lines[0].counterparty, statement.lines[0].remittance) == ("Jürgen Groß", "Für D1")


def test_an_envelope_line_ends_and_several_messages_make_no_difference() -> None:
    body = message(":61:261120C5,NTRFA//B", ":86:plain words\r\nin two lines", closing="C261120EUR105,")
    inside = "{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n" + body.removesuffix("-\r\n") + "-}\r\n"
    plain, wrapped, unix = (mt940.read(one.encode()) for one in (body, inside, body.replace("\r\n", "\n")))
    assert plain == wrapped == unix
    assert plain[0].lines[0].remittance == "plain words in two lines"
    both = mt940.read((body + body).encode())
    assert [one.id for one in both] == ["1-20261120", "1-20261120#2"]
    assert both[0].lines == both[1].lines


def test_a_statement_in_two_messages_adds_up_in_each() -> None:
    first = message(":61:261120C5,NTRFA", closing="C261120EUR105,").replace(":62F:", ":62M:")
    second = message(":61:261120C5,NTRFB", opening="C261120EUR105,", closing="C261120EUR110,").replace(":60F:", ":60M:")
    assert len(mt940.read((first + second).replace(":28C:1", ":28C:1/1", 1).encode())) == 2


@pytest.mark.parametrize("tag", [":60M:", ":60F:"])
def test_payments_alike_on_two_pages_are_two(tag: str) -> None:
    alike = ":61:261120C5,NTRFNONREF"
    first = message(alike, closing="C261120EUR105,")
    second = message(alike, opening="C261120EUR105,", closing="C261120EUR110,").replace(":60F:", tag)
    pages = mt940.read((first + second).encode())
    assert len({line.key for page in pages for line in page.lines}) == 2
    assert [page.lines for page in mt940.read((first + second).encode())] == [page.lines for page in pages]


@pytest.mark.parametrize(("currency", "text", "minor"), [("KWD", "1,500", 1500), ("JPY", "5000,", 5000)])
def test_decimals_of_the_currency(currency: str, text: str, minor: int) -> None:
    opening, closing = f"C261120{currency}0,", f"C261120{currency}{text}"
    (line,) = one(message(f":61:261120C{text}NTRFX", opening=opening, closing=closing))
    assert line.amount == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        message(":61:261120C5,NTRFX"),  # does not add up
        message(":61:261120C5,001NTRFX", closing="C261120EUR105,"),
        message(":61:261320C5,NTRFX", closing="C261120EUR105,"),
        message(":61:261120X5,NTRFX", closing="C261120EUR105,"),
        message(":61:261120EC5,NTRFX", closing="C261120EUR105,"),  # expected, not booked
        message(opening="C261120XXQ0,", closing="C261120XXQ0,"),
        message(closing="C261120USD100,"),
        message().replace(":62F:", ":64:"),
        message().replace(":60F:", ":61:"),
        message().replace(f":25:{IBAN}", ":25:"),
        message().replace(":62F:", ":60F:C261120EUR100,00\r\n:62F:"),
        ":20:STARTUMS\r\n:25:10020030/1234567\r\n",
        "hello",
        "",
    ],
)
def test_what_cannot_be_trusted_is_refused(text: str) -> None:
    with pytest.raises(NotAStatement):
        reader.read(text.encode())


def test_content_decides_not_the_name() -> None:
    entry = camt.Entry(Decimal("500"), "Lena Vogt", "D7K2M9AB4", "AT611904300234573201")
    made = camt.Statement(IBAN, "EUR", [entry], day=date(2026, 11, 20))
    xml, text = camt.render(made), render_mt940(made)
    assert not mt940.looks_like(xml)
    assert not mt940.looks_like(xml.replace(b"D7K2M9AB4", b"\n:20:D7K2M9AB4"))
    assert [one.iban for one in reader.read(xml)] == [one.iban for one in reader.read(text)] == [IBAN]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("envelope", [False, True])
def test_what_the_sandbox_bank_writes_is_read_as_its_camt_is(style: str, envelope: bool) -> None:
    entries = [
        camt.Entry(Decimal("500"), "Lena-Marie Vogt-Größe " * 2, "Deposit D7K2M9AB4 " * 5, "AT611904300234573201"),
        camt.Entry(Decimal("20.5"), "Lena", "W7K2M9AB4", return_reason="AC04", end_to_end_id="W7K2M9AB4"),
        camt.Entry(Decimal("-7"), "Fee", "Fees", reversal=True),
        camt.Entry(Decimal("3"), status="PDNG"),
    ]
    made = camt.Statement(IBAN, "EUR", entries, Decimal("-10"), day=date(2026, 12, 31), number=7)
    (xml,), (text,) = reader.read(camt.render(made)), reader.read(render_mt940(made, style, envelope=envelope))
    assert (text.opening, text.closing, text.iban) == (xml.opening, xml.closing, xml.iban)
    for ours, theirs in zip(text.lines, xml.lines, strict=True):
        assert (ours.amount, ours.booked_on, ours.returned) == (theirs.amount, theirs.booked_on, theirs.returned)
        assert ours.counterparty_iban == theirs.counterparty_iban
        assert ours.counterparty.strip() == theirs.counterparty.strip()
        assert "".join(theirs.remittance.split()) in "".join(ours.remittance.split())
        assert (ours.end_to_end or "W7K2M9AB4") == (theirs.end_to_end or "W7K2M9AB4")
