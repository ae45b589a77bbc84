"""MT940: the same statement as the camt.053, within the widths SWIFT allows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.bank.camt import Entry, Statement
from sandbox.bank.mt940 import STYLES, render_mt940
from sandbox.tests.support import Sandbox

BROKER = "DE89370400440532013000"
CLIENT = "AT611904300234573201"


def made(*entries: Entry, **changes: object) -> Statement:
    values = {"iban": BROKER, "currency": "EUR", "entries": list(entries), "opening": Decimal("10.00")}
    return Statement(**{"day": date(2026, 11, 20), **values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("style", STYLES)
def test_widths_and_order(style: str) -> None:
    entry = Entry(Decimal("500"), "Lena-Marie " * 12, "Deposit:D7K2M9AB4-" * 7, CLIENT, end_to_end_id="E" * 35)
    lines = render_mt940(made(entry), style).decode().split("\r\n")
    assert max(map(len, lines)) <= 65
    assert [line[:5].rstrip("C") for line in lines if line.startswith(":")] == [
        ":20:S", ":25:3" if style == "german" else ":25:D", ":28C:", ":60F:", ":61:2", ":86:1"[:4] + lines[5][4], ":62F:",
    ]  # fmt: skip
    assert lines[3:5] == [":60F:C261120EUR10,00", lines[4]]
    assert lines[-3:] == [":62F:C261120EUR510,00", "-", ""]
    assert not [line for line in lines[6:-3] if line[0] in ":-"]


def test_marks_and_amounts() -> None:
    entries = [Entry(Decimal("5")), Entry(Decimal("-2")), Entry(Decimal("2"), reversal=True),
               Entry(Decimal("-5"), reversal=True), Entry(Decimal("9"), status="PDNG")]  # fmt: skip
    lines = render_mt940(made(*entries, currency="JPY", opening=Decimal(-1))).decode().split("\r\n")
    assert [line[14:].split("N")[0] for line in lines if line.startswith(":61:")] == ["C5,", "D2,", "RD2,", "RC5,"]
    assert lines[3] == ":60F:D261120JPY1,"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    running = Sandbox("bank", tmp_path)
    yield running
    running.close()


def test_a_drawn_statement_in_every_format_and_after_kill_9(server: Sandbox) -> None:
    url = f"/api/accounts/{BROKER}"
    server.http.put(url, json={"currency": "EUR", "owner": "Nordwind"})
    server.http.post(
        f"{url}/transfers", json={"amount": "250.00", "name": "Anna", "reference": "RLT-1", "iban": CLIENT}
    )
    drawn = server.http.post(f"{url}/statements", json={"format": "mt940-swift", "day": "2026-12-31"})
    assert drawn.headers["content-type"] == "text/plain; charset=utf-8"
    assert ":62F:C261231EUR250,00" in drawn.text
    server.kill()
    server.start()
    assert server.http.get(f"{url}/statements/1?format=mt940-swift").content == drawn.content
    assert ":25:37040044/532013000" in server.http.get(f"{url}/statements/1?format=mt940-german").text
    assert server.http.get(f"{url}/statements/1").content.startswith(b"<?xml")
    assert server.http.get(f"{url}/statements/1?format=csv").status_code == 400
    assert server.http.post(f"{url}/statements", json={"format": "csv"}).status_code == 400
    assert len(server.http.get(f"{url}/statements").json()["statements"]) == 1
