"""Payment files at the bank: what it takes, what it refuses and why, and what it books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.tests.support import Sandbox

BROKER = "DE89370400440532013000"
CLIENT = "AT611904300234573201"
OTHER = "NL91ABNA0417164300"
URL = f"/api/accounts/{BROKER}"


def tomorrow() -> str:
    """A day that a bank takes even if midnight falls between the writing of a file and its arrival."""
    return (datetime.now(UTC).date() + timedelta(days=1)).isoformat()


def payment(reference: str = "W1", amount: str = "10.00", iban: str = CLIENT, name: str = "Lena Vogt") -> str:
    return (
        f"<CdtTrfTxInf><PmtId><InstrId>I-{reference}</InstrId><EndToEndId>{reference}</EndToEndId></PmtId>"
        f'<Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt><Cdtr><Nm>{name}</Nm></Cdtr>'
        f"<CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct><RmtInf><Ustrd>Withdrawal {reference}</Ustrd></RmtInf></CdtTrfTxInf>"
    )


def file(*payments: str, count: str = "", total: str = "10.00", message: str = "P1", day: str = "") -> str:
    items = payments or (payment(),)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">'
        f"<CstmrCdtTrfInitn><GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-11-23T09:00:00</CreDtTm>"
        f"<NbOfTxs>{count or len(items)}</NbOfTxs><CtrlSum>{total}</CtrlSum><InitgPty><Nm>Nordwind</Nm></InitgPty></GrpHdr>"
        "<PmtInf><PmtInfId>B1</PmtInfId><PmtMtd>TRF</PmtMtd><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>"
        f"<ReqdExctnDt><Dt>{day or tomorrow()}</Dt></ReqdExctnDt><Dbtr><Nm>Nordwind</Nm></Dbtr>"
        f"<DbtrAcct><Id><IBAN>{BROKER}</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId>"
        f"</DbtrAgt><ChrgBr>SLEV</ChrgBr>{''.join(items)}</PmtInf></CstmrCdtTrfInitn></Document>"
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    running = Sandbox("bank", tmp_path)
    running.http.put(URL, json={"currency": "EUR", "owner": "Nordwind"})
    yield running
    running.close()


def hand_in(server: Sandbox, text: str) -> str:
    answer = server.http.post(f"{URL}/payments", content=text.encode())
    assert answer.status_code == 200, answer.text
    return answer.text


def waiting(server: Sandbox) -> list[tuple[str, str, str]]:
    found = server.http.get(URL).json()["waiting"]
    return [(one["amount"], one["end_to_end_id"], one["return_reason"]) for one in found]


def test_a_file_is_booked_once_and_its_answer_kept(server: Sandbox) -> None:
    two = file(payment("W1"), payment("W2", "5.50", OTHER), total="15.50")
    first = hand_in(server, two)
    assert "<GrpSts>ACSP</GrpSts>" in first
    assert waiting(server) == [("-10.00", "W1", ""), ("-5.50", "W2", "")]
    server.kill()
    server.start()
    assert server.http.get(f"{URL}/payments/P1").text == first
    again = hand_in(server, two)
    assert "<GrpSts>RJCT</GrpSts>" in again
    assert "<Cd>AM05</Cd>" in again
    assert len(waiting(server)) == 2
    statement = server.http.post(f"{URL}/statements", json={}).text
    assert "<EndToEndId>W2</EndToEndId>" in statement


def test_rejections_and_returns_on_demand(server: Sandbox) -> None:
    server.http.put(f"{URL}/rejections/{OTHER}", json={"reason": "AC04"})
    answer = hand_in(server, file(payment("W1"), payment("W2", "5.50", OTHER), total="15.50"))
    assert "<GrpSts>PART</GrpSts>" in answer
    assert answer.count("<TxSts>RJCT</TxSts>") == answer.count("<Cd>AC04</Cd>") == 1
    assert waiting(server) == [("-10.00", "W1", "")]
    assert server.http.post(f"{URL}/returns/W2", json={}).status_code == 400
    assert server.http.post(f"{URL}/returns/W1", json={"reason": "AC06"}).status_code == 201
    assert server.http.post(f"{URL}/returns/W1", json={}).status_code == 400
    assert waiting(server) == [("-10.00", "W1", ""), ("10.00", "W1", "AC06")]
    server.http.put(f"{URL}/rejections/{OTHER}", json={"reason": ""})
    assert "<GrpSts>ACSP</GrpSts>" in hand_in(server, file(payment("W2", iban=OTHER), message="P2"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (file(count="2"), "AM18"),
        (file(total="10.01"), "AM10"),
        (file(day="2020-01-01"), "DT01"),
        (file().replace(f"<IBAN>{BROKER}", f"<IBAN>{OTHER}"), "AC01"),
        (file().replace("<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>SHAR</ChrgBr>"), "FF01"),
        (file().replace("<PmtMtd>TRF</PmtMtd>", ""), "FF01"),
        (file().replace("<Nm>Nordwind</Nm></Dbtr>", "<Nm>Nordwind</Nm><Foo>1</Foo></Dbtr>"), "FF01"),
        (file(payment(name="Jürgen")), "RR10"),
        (file(payment(name="x" * 71)), "FF01"),
        (file(payment(), payment(), total="20.00"), "AM05"),
        (file(payment(amount="ten"), total="10.00"), "FF01"),
        (file().replace("001.09", "001.07"), "FF01"),
        (file().replace("COBADEFFXXX", "COBA"), "FF01"),
        (file()[:-20], "FF01"),
        (file().replace("<Document", "<!DOCTYPE a [<!ENTITY e 'x'>]><Document"), "FF01"),
    ],
)
def test_a_wrong_file_is_refused_whole_with_its_reason(server: Sandbox, wrong: str, code: str) -> None:
    answer = hand_in(server, wrong)
    assert "<GrpSts>RJCT</GrpSts>" in answer
    assert f"<Cd>{code}</Cd>" in answer
    assert waiting(server) == []
    assert server.http.get(f"{URL}/payments").json() == {"files": [], "payments": []}


def test_a_wrong_payment_is_rejected_alone(server: Sandbox) -> None:
    answer = hand_in(server, file(payment("W1"), payment("W2", iban="AT001904300234573201"), total="20.00"))
    assert "<Cd>AC01</Cd>" in answer
    assert waiting(server) == [("-10.00", "W1", "")]
    for amount, code in (("0", "AM09"), ("1.001", "CH20")):
        told = file(payment(f"X{code}", amount), total=amount, message=code)
        assert f"<Cd>{code}</Cd>" in hand_in(server, told)
    far = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    assert "ACSP" in hand_in(server, file(payment("W9"), message="P9", day=far))


def test_what_has_no_name_or_account_has_no_answer(server: Sandbox) -> None:
    assert server.http.post(f"{URL}/payments", content=b"hello").status_code == 400
    assert server.http.post(f"/api/accounts/{OTHER}/payments", content=file().encode()).status_code == 400
    assert server.http.get(f"{URL}/payments/P1").status_code == 404
    assert server.http.put(f"{URL}/rejections/XX", json={"reason": "AC04"}).status_code == 400


def test_pages(server: Sandbox) -> None:
    answer = server.http.post(f"/accounts/{BROKER}/payments", data={"file": file()})
    assert answer.headers["content-disposition"] == 'attachment; filename="pain002-P1.xml"'
    page = server.http.get(f"/accounts/{BROKER}").text
    assert f"{URL}/payments/P1" in page
    assert server.http.post(f"/accounts/{BROKER}/returns", data={"reference": "W1"}).status_code == 303
    assert server.http.post(f"/accounts/{BROKER}/returns", data={"reference": "W1"}).status_code == 422
    assert server.http.post(f"/accounts/{BROKER}/payments", data={"file": "x"}).status_code == 422
