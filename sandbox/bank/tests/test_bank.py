"""Statements: what is in them, that they add up, and the ways they are spoilt."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from sandbox.bank.camt import CORRUPTIONS, Entry, Statement, corrupt, render
from sandbox.tests.support import ROOT, Sandbox

BROKER = "DE89370400440532013000"
CLIENT = "AT611904300234573201"
NS = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}


def read(xml: bytes) -> etree._Element:
    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))


def texts(root: etree._Element, path: str) -> list[str]:
    return [node.text for node in root.iterfind(path, NS)]


def statement(*entries: Entry, **changes: object) -> Statement:
    values = {"iban": BROKER, "currency": "EUR", "entries": list(entries), "opening": Decimal("10.00")}
    return Statement(**{"day": date(2026, 11, 20), **values, **changes})  # type: ignore[arg-type]


def test_a_transfer_as_a_bank_writes_it() -> None:
    reference = "Deposit RLT-7K2M-99 for the account of Anna Beispiel"
    entry = Entry(Decimal("500"), "Anna Beispiel", reference, CLIENT, bic="BKAUATWW", end_to_end_id="E2E-1")
    root = read(render(statement(entry)))
    assert texts(root, ".//c:Ntry/c:Amt") == ["500.00"]
    assert root.find(".//c:Ntry/c:Amt", NS).get("Ccy") == "EUR"
    assert texts(root, ".//c:Ntry/c:CdtDbtInd") == ["CRDT"]
    assert texts(root, ".//c:Ntry/c:Sts/c:Cd") == ["BOOK"]
    assert texts(root, ".//c:BookgDt/c:Dt") == ["2026-11-20"]
    assert texts(root, ".//c:Refs/c:EndToEndId") == ["E2E-1"]
    assert texts(root, ".//c:Dbtr/c:Pty/c:Nm") == ["Anna Beispiel"]
    assert texts(root, ".//c:DbtrAcct/c:Id/c:IBAN") == [CLIENT]
    assert texts(root, ".//c:DbtrAgt/c:FinInstnId/c:BICFI") == ["BKAUATWW"]
    lines = texts(root, ".//c:RmtInf/c:Ustrd")
    assert len(lines) == 2
    assert "".join(lines) == reference


def test_order_of_an_entrys_elements_is_the_schemas() -> None:
    entry = Entry(Decimal("90"), "A", "B", CLIENT, reversal=True, charges=Decimal("10"), return_reason="AC04")
    item = read(render(statement(entry))).find(".//c:Ntry", NS)
    assert [etree.QName(child).localname for child in item] == [
        "NtryRef", "Amt", "CdtDbtInd", "RvslInd", "Sts", "BookgDt", "ValDt", "AcctSvcrRef", "BkTxCd", "Chrgs",
        "NtryDtls", "AddtlNtryInf",
    ]  # fmt: skip
    details = item.find(".//c:TxDtls", NS)
    assert [etree.QName(child).localname for child in details] == [
        "Refs", "Amt", "CdtDbtInd", "AmtDtls", "RltdPties", "RmtInf", "RtrInf",
    ]  # fmt: skip
    assert texts(item, ".//c:InstdAmt/c:Amt") == ["100.00"]
    assert texts(item, "c:Chrgs/c:TtlChrgsAndTaxAmt") == ["10.00"]
    assert texts(item, ".//c:RtrInf/c:Rsn/c:Cd") == ["AC04"]


def test_balances_add_up_and_pending_entries_do_not_count() -> None:
    entries = [Entry(Decimal("500")), Entry(Decimal("-120.50")), Entry(Decimal("77"), status="PDNG")]
    root = read(render(statement(*entries)))
    assert texts(root, ".//c:Bal/c:Tp/c:CdOrPrtry/c:Cd") == ["OPBD", "CLBD"]
    assert texts(root, ".//c:Bal/c:Amt") == ["10.00", "389.50"]
    assert len(texts(root, ".//c:BookgDt/c:Dt")) == 2
    overdrawn = read(render(statement(Entry(Decimal("-60")))))
    assert texts(overdrawn, ".//c:Bal/c:Amt") == ["10.00", "50.00"]
    assert texts(overdrawn, ".//c:Bal/c:CdtDbtInd") == ["CRDT", "DBIT"]


@pytest.mark.parametrize(("currency", "amount", "text"), [("KWD", "1.5", "1.500"), ("JPY", "5000", "5000")])
def test_amounts_have_the_currencys_decimals(currency: str, amount: str, text: str) -> None:
    root = read(render(statement(Entry(Decimal(amount)), currency=currency, opening=Decimal(0))))
    assert texts(root, ".//c:Ntry/c:Amt") == [text]


def test_the_same_entry_always_has_the_same_bank_reference() -> None:
    entries = [Entry(Decimal(1)), Entry(Decimal(1))]
    first, second = (texts(read(render(statement(*entries))), ".//c:Ntry/c:AcctSvcrRef") for _ in range(2))
    assert first == second
    assert len(set(first)) == 2


def test_the_older_version_differs_where_it_should() -> None:
    root = read(render(statement(Entry(Decimal(1), "A", bic="BKAUATWW"), version=2)))
    old = {"c": NS["c"].replace("08", "02")}
    assert root.find(".//c:Ntry/c:Sts", old).text == "BOOK"
    assert root.find(".//c:Dbtr/c:Nm", old).text == "A"
    assert root.find(".//c:DbtrAgt/c:FinInstnId/c:BIC", old).text == "BKAUATWW"


@pytest.mark.parametrize(
    "wrong",
    [
        statement(iban="DE00370400440532013000"),
        statement(currency="euro"),
        statement(Entry(Decimal("1.001"))),
        statement(Entry(Decimal(0))),
        statement(Entry(Decimal(1), status="MAYBE")),
        statement(Entry(Decimal(1), iban="XX")),
        statement(version=11),
    ],
)
def test_what_no_bank_could_write_is_refused(wrong: Statement) -> None:
    with pytest.raises(ValueError):
        render(wrong)


@pytest.mark.parametrize("how", CORRUPTIONS)
def test_every_corruption_changes_the_document(how: str) -> None:
    whole = render(statement(Entry(Decimal("500"), "Anna", "RLT-1", CLIENT)))
    spoilt = corrupt(whole, how)
    assert spoilt != whole
    # libxml2 itself refuses to be blown up; an importer must do so too.
    broken = {"truncated", "not_xml", "wrong_encoding", "entity_bomb"}
    if how in broken:
        with pytest.raises(etree.XMLSyntaxError):
            read(spoilt)
        return
    root = read(spoilt)
    amounts = texts(root, ".//c:Bal/c:Amt")
    references = texts(root, ".//c:Ntry/c:AcctSvcrRef")
    found = {
        "wrong_closing": amounts == ["10.00", "511.00"],
        "external_entity": b"file:///etc/passwd" in spoilt,
        "other_currency": root.find(".//c:Ntry/c:Amt", NS).get("Ccy") == "XAU",
        "no_account": root.find(".//c:Acct", NS) is None,
        "duplicate_reference": len(references) == 2 and len(set(references)) == 1,
        "negative_amount": texts(root, ".//c:Ntry/c:Amt") == ["-500.00"],
    }
    assert found[how]


def test_the_command_line() -> None:
    command = [sys.executable, "-m", "sandbox.bank", "--iban", BROKER, "--currency", "EUR", "--opening", "5"]
    command += [
        "--entry",
        f"100.00;Anna Beispiel;RLT-1;{CLIENT};end_to_end_id=E1;split=27",
        "--entry=-3;Fee",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    root = read(done.stdout)
    assert texts(root, ".//c:Bal/c:Amt") == ["5.00", "102.00"]
    assert texts(root, ".//c:Refs/c:EndToEndId") == ["E1", "NOTPROVIDED"]
    wrong = subprocess.run([*command, "--entry", "1;A;B;XX"], cwd=ROOT, capture_output=True, check=False)
    assert (wrong.returncode, b"not an IBAN" in wrong.stderr) == (1, True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    running = Sandbox("bank", tmp_path)
    yield running
    running.close()


def test_statements_follow_each_other_and_survive_kill_9(server: Sandbox) -> None:
    url = f"/api/accounts/{BROKER}"
    assert server.http.put(url, json={"currency": "EUR", "owner": "Nordwind"}).status_code == 200
    body = {"amount": "250.00", "name": "Anna", "reference": "RLT-1", "iban": CLIENT}
    assert server.http.post(f"{url}/transfers", json=body).status_code == 201
    first = server.http.post(f"{url}/statements", json={})
    assert texts(read(first.content), ".//c:Bal/c:Amt") == ["0.00", "250.00"]
    server.http.post(f"{url}/transfers", json={"amount": "-50"})
    server.kill()
    server.start()
    second = server.http.post(f"{url}/statements", json={"version": 8})
    assert texts(read(second.content), ".//c:Bal/c:Amt") == ["250.00", "200.00"]
    assert texts(read(second.content), ".//c:ElctrncSeqNb") == ["2"]
    assert server.http.get(f"{url}/statements/1").content == first.content
    numbers = [item["number"] for item in server.http.get(f"{url}/statements").json()["statements"]]
    assert numbers == [2, 1]


def test_an_account_opens_with_what_it_holds_until_something_moves(server: Sandbox) -> None:
    url = f"/api/accounts/{BROKER}"
    server.http.put(url, json={"currency": "EUR"})
    assert server.http.put(url, json={"currency": "EUR", "opening": "1000.00"}).json()["balance"] == "1000.00"
    drawn = server.http.post(f"{url}/statements", json={})
    assert texts(read(drawn.content), ".//c:Bal/c:Amt") == ["1000.00", "1000.00"]
    assert server.http.put(url, json={"currency": "EUR", "opening": "5.00"}).json()["balance"] == "1000.00"
    assert server.http.put(url, json={"currency": "EUR", "opening": 0.5}).status_code == 400


def test_what_the_bank_refuses(server: Sandbox) -> None:
    url = f"/api/accounts/{BROKER}"
    assert server.http.put("/api/accounts/DE1", json={}).status_code == 400
    server.http.put(url, json={"currency": "EUR"})
    assert server.http.put(url, json={"currency": "USD"}).status_code == 400
    for body in ({"amount": 1.5}, {"amount": "x"}, {}, {"amount": "1", "colour": "red"}, {"amount": "1.001"}):
        assert server.http.post(f"{url}/transfers", json=body).status_code == 400
    assert server.http.get(url).json()["waiting"] == []


def test_pages(server: Sandbox) -> None:
    form = {"iban": BROKER, "currency": "EUR", "owner": "Nordwind <Markets>"}
    assert server.http.post("/accounts", data=form).headers["location"] == f"/accounts/{BROKER}"
    transfer = {"amount": "10", "name": "Anna", "reference": "RLT-1", "iban": ""}
    assert server.http.post(f"/accounts/{BROKER}/transfers", data=transfer).status_code == 303
    bad = server.http.post(f"/accounts/{BROKER}/transfers", data={"amount": "ten"})
    assert (bad.status_code, 'role="alert"' in bad.text) == (422, True)
    assert server.http.post(f"/accounts/{BROKER}/statements").status_code == 303
    page = server.http.get(f"/accounts/{BROKER}").text
    assert "Nordwind &lt;Markets&gt;" in page
    assert f"/api/accounts/{BROKER}/statements/1" in page
    assert server.stop() == 0
