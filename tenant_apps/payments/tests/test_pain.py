"""Payment files and the bank's answers as messages: what is written, what is read, what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from lxml import etree

from kernel.letters import latin_writable, sepa_text
from kernel.money import Money
from sandbox.bank import pain
from tenant_apps.payments.adapters.bank_wire import pain001, pain002

OURS = "DE89370400440532013000"
TODAY = date(2026, 11, 23)


def wire(number: int = 1, amount: str = "100.50", **values: str) -> pain001.Transfer:
    told = {"name": "Lena Vogt", "iban": "AT611904300234573201", "country": "AT", **values}
    return pain001.Transfer(f"{number:032x}", f"W{number:08d}", Money.of(amount, "EUR"), **told)


def order(*transfers: pain001.Transfer, **values: object) -> pain001.Order:
    told = {
        "message_id": "P1A2B3C4D", "created_at": datetime(2026, 11, 23, 9, 30, tzinfo=UTC), "execution_on": TODAY,
        "holder": "Nordwind Märkte GmbH & Co", "iban": OURS, "bic": "COBADEFFXXX", "currency": "EUR",
        "transfers": transfers or (wire(),),
    }  # fmt: skip
    return pain001.Order(**{**told, **values})  # type: ignore[arg-type]


def texts(data: bytes, path: str) -> list[str]:
    root = etree.fromstring(data)
    names = "/".join(f"*[local-name()='{name}']" for name in path.split("/"))
    return [str(one.text) for one in root.xpath(f".//{names}")]


def taken(data: bytes, currency: str = "EUR") -> pain.Initiation:
    return pain.read(data, iban=OURS, currency=currency, today=TODAY)


@pytest.mark.parametrize("version", pain001.VERSIONS)
def test_a_file_as_the_bank_takes_it(version: str) -> None:
    data = pain001.build(order(wire(1), wire(2, "0.01", name="Юлия Жукова", bank="BKAUATWW"), version=version))
    assert f"pain.001.001.{version}".encode() in data
    assert texts(data, "GrpHdr/NbOfTxs") + texts(data, "GrpHdr/CtrlSum") == ["2", "100.51"]
    assert texts(data, "PmtInf/NbOfTxs") + texts(data, "PmtInf/CtrlSum") == ["2", "100.51"]
    assert texts(data, "PmtId/EndToEndId") == ["W00000001", "W00000002"]
    assert texts(data, "Cdtr/Nm") == ["Lena Vogt", "Iuliia Zhukova"]
    assert texts(data, "Dbtr/Nm") == ["Nordwind Markte GmbH + Co"]
    assert texts(data, "CdtrAgt/FinInstnId/" + {"03": "BIC", "09": "BICFI"}[version]) == ["BKAUATWW"]
    assert texts(data, "ReqdExctnDt" if version == "03" else "ReqdExctnDt/Dt") == ["2026-11-23"]
    assert texts(data, "SvcLvl/Cd") + texts(data, "PmtInf/ChrgBr") == ["SEPA", "SLEV"]
    assert [one.reason for one in taken(data).payments] == ["", ""]


def test_the_same_order_is_the_same_bytes() -> None:
    assert pain001.build(order(wire(1), wire(2))) == pain001.build(order(wire(1), wire(2)))


def test_what_is_not_sepa_is_a_block_of_its_own() -> None:
    turkish = wire(2, iban="TR330006100519786457841326", country="TR", bank="Ziraat Bankası")
    data = pain001.build(order(wire(1), turkish))
    assert texts(data, "PmtInf/PmtInfId") == ["P1A2B3C4D-SEPA", "P1A2B3C4D-INTL"]
    assert texts(data, "PmtInf/ChrgBr") == ["SLEV", "SHAR"]
    assert texts(data, "PmtInf/CtrlSum") == ["100.50", "100.50"]
    assert texts(data, "Cdtr/PstlAdr/Ctry") == ["TR"]
    assert texts(data, "CdtrAgt/FinInstnId/Nm") == ["Ziraat Bankasi"]
    assert [one.block for one in taken(data).payments] == ["P1A2B3C4D-SEPA", "P1A2B3C4D-INTL"]


@pytest.mark.parametrize(("currency", "amount"), [("KWD", "1.500"), ("JPY", "5000"), ("USD", "10.00")])
def test_other_currencies_have_their_decimals(currency: str, amount: str) -> None:
    one = replace(wire(), amount=Money.of(amount, currency))
    data = pain001.build(order(one, currency=currency))
    assert texts(data, "Amt/InstdAmt") == [amount]
    assert texts(data, "SvcLvl/Cd") == []
    assert [str(one.amount) for one in taken(data, currency).payments] == [amount]


@pytest.mark.parametrize(
    "transfer",
    [wire(name="لينا"), wire(name="  "), wire(iban=""), wire(iban="X1"), wire(amount="0"), wire(name="中文")],
)
def test_what_no_bank_could_pay_is_refused(transfer: pain001.Transfer) -> None:
    with pytest.raises(pain001.NotPayable) as refused:
        pain001.build(order(wire(7), transfer))
    assert refused.value.args[0] == "W00000001"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("José Núñez", "Jose Nunez"), ("Größe & Söhne", "Grosse + Sohne"), ("ŁUKASZ Żak", "LUKASZ Zak"),
        ("Щукин", "Shchukin"), ("A//B/", "A/B"), ("a_b;c<d>", "a-b c d"), ("محمد", ""), ("x" * 80, "x" * 70),
    ],
)  # fmt: skip
def test_the_letters_banks_take(text: str, written: str) -> None:
    assert sepa_text(text, 70) == written


def test_an_account_without_iban_or_bic() -> None:
    data = pain001.build(order(iban="0011223344", bic=""))
    assert texts(data, "DbtrAcct/Id/Othr/Id") == ["0011223344"]
    assert texts(data, "DbtrAgt/FinInstnId/Othr/Id") == ["NOTPROVIDED"]
    assert texts(data, "SvcLvl/Cd") == []


# --- pain.002


def answer(version: str = "09", **reasons: str) -> bytes:
    initiation = taken(
        pain001.build(order(wire(1), wire(2), wire(3, iban="TR330006100519786457841326"), version=version))
    )
    payments = tuple(replace(one, reason=reasons.get(one.end_to_end, "")) for one in initiation.payments)
    return pain.report(replace(initiation, payments=payments), datetime(2026, 11, 23, tzinfo=UTC), number=1)


@pytest.mark.parametrize("version", pain001.VERSIONS)
def test_an_answer_says_it_of_each_transfer(version: str) -> None:
    report = pain002.read(answer(version, W00000002="AC04"))
    assert (report.message_id, report.count, report.whole.status) == ("P1A2B3C4D", 3, "PART")
    said = [report.about(instruction_id=f"{n:032x}", end_to_end=f"W{n:08d}", block_id="") for n in (1, 2, 3)]
    assert [(one.status, one.reason) for one in said] == [("ACSP", ""), ("RJCT", "AC04"), ("ACSP", "")]
    assert str(report.transactions[0].amount) == "100.50"


def test_the_nearest_status_counts() -> None:
    body = (
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        b"<OrgnlMsgId>P1</OrgnlMsgId><GrpSts>ACTC</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>"
        b"<OrgnlPmtInfId>P1-SEPA</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Cd>AM04</Cd></Rsn>"
        b"<AddtlInf>no cover</AddtlInf></StsRsnInf></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )
    report = pain002.read(body)
    assert report.about(instruction_id="a", end_to_end="b", block_id="P1-SEPA") == pain002.Said("RJCT", "AM04 no cover")
    assert report.about(instruction_id="a", end_to_end="b", block_id="P1-INTL").status == "ACTC"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"hello", b"<Document/>", answer()[:200], answer().replace(b"ACSP", b"GOOD"),
        answer().replace(b"<OrgnlMsgId>P1A2B3C4D</OrgnlMsgId>", b""), answer().replace(b">100.50<", b">ten<"),
        b'<!DOCTYPE x [<!ENTITY a "b">]><Document>&a;</Document>',
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_understood_is_refused(data: bytes) -> None:
    with pytest.raises(pain002.NotAReport):
        pain002.read(data)


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("Łukasz Weiß", True),
        ("Тимур Садыков", True),
        ("ليلى العمري", False),
        ("ليلى Omari", False),
        ("", False),
        ("- 1", False),
    ],
)
def test_a_name_is_written_whole_or_not_at_all(name: str, whole: bool) -> None:
    assert latin_writable(name) is whole
    if not whole:
        with pytest.raises(pain001.NotPayable):
            pain001.build(order(wire(name=name)))
