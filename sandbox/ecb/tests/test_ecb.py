"""The sandbox as a process: real rates under today's date, faults on demand, settings that survive a kill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sandbox.ecb.sheets import Archive
from sandbox.tests.support import Sandbox

DAILY = "/stats/eurofxref/eurofxref-daily.xml"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    running = Sandbox("ecb", tmp_path)
    yield running
    running.close()


def put(server: Sandbox, **values: object) -> int:
    return server.http.put("/_control/api/settings", json=values).status_code


def day_of(server: Sandbox, path: str = DAILY) -> list[str]:
    return re.findall(r"time='([0-9-]+)'", server.http.get(path).text)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-04-13T13:59:59+00:00", "2026-04-10"),  # 15:59:59 in Frankfurt: Friday's still
        ("2026-04-13T14:00:00+00:00", "2026-04-13"),
        ("2026-04-12T12:00:00+00:00", "2026-04-10"),
        ("2026-04-06T20:00:00+00:00", "2026-04-02"),  # Easter Monday
    ],
)
def test_a_sheet_comes_at_four_in_frankfurt_on_working_days(server: Sandbox, moment: str, day: str) -> None:
    assert put(server, moment=moment) == 200
    assert day_of(server) == [day]


def test_the_rates_are_the_banks_own(server: Sandbox) -> None:
    put(server, moment="2026-04-13T15:00:00+00:00")
    text = server.http.get(DAILY).text
    assert '<Cube currency="USD" rate="1.1684"/>' in text
    assert '<Cube currency="JPY" rate="186.75"/>' in text
    assert len(day_of(server, "/stats/eurofxref/eurofxref-hist-90d.xml")) == 64


def test_later_days_show_the_same_weekday_of_the_year_before() -> None:
    archive = Archive()
    assert archive.of(date(2026, 11, 20)) == archive.real[date(2025, 11, 21)]
    assert archive.of(date(2031, 11, 21)) is not None
    assert archive.newest(datetime(2026, 11, 22, 12, tzinfo=UTC))[0] == date(2026, 11, 20)


def test_faults_and_settings_survive_a_kill(server: Sandbox) -> None:
    assert put(server, fault="error", moment="2026-04-13T15:00:00+00:00") == 200
    server.kill()
    server.start()
    assert server.http.get(DAILY).status_code == 500
    put(server, fault="page")
    assert server.http.get(DAILY).text.startswith("<!doctype html>")
    assert put(server, fault="nonsense") == 400
    assert put(server, moment="2026-04-13T15:00:00") == 400
    assert put(server, what="else") == 400


def test_the_control_page_works_without_script_and_refuses_other_sites(server: Sandbox) -> None:
    page = server.http.get("/_control").text
    assert "Reference rates of" in page
    assert "<script" not in page
    foreign = {"sec-fetch-site": "cross-site"}
    assert server.http.post("/_control", data={"fault": "error"}, headers=foreign).status_code == 403
    assert server.http.post("/_control", data={"fault": "empty"}).status_code == 303
    assert server.http.get("/_control/api/settings").json()["fault"] == "empty"
