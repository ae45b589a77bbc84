"""What was answered survives kill -9."""

from __future__ import annotations

import http.client
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.mt5.tests.client import Wire
from sandbox.mt5.tests.conftest import Desk, Sandbox
from sandbox.mt5.tests.test_session import GONE


def deposit_until_cut(wire: Wire, login: int, prefix: str) -> list[str]:
    """Deposit one by one; the comments of those that were answered before the server died."""
    done: list[str] = []
    try:
        while True:
            comment = f"{prefix}-{len(done)}"
            wire.done("/api/trade/balance", login=login, type=2, balance="1.01", comment=comment)
            done.append(comment)
    except GONE:
        return done


def test_every_acknowledged_operation_is_there_after_kill_9(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.create("tough")
    login = Desk(sandbox, "tough").wire.open_account()
    acknowledged: list[str] = []
    for life in range(3):
        wires = [sandbox.connect("tough").log_in() for _ in range(2)]
        with ThreadPoolExecutor() as pool:
            work = [pool.submit(deposit_until_cut, wire, login, f"{life}{n}") for n, wire in enumerate(wires)]
            seen = sandbox.admin("GET", "/servers/tough/events?timeout=0&order=latest&limit=1")["last"]
            while sandbox.admin("GET", f"/servers/tough/events?after={seen + 20}&timeout=30")["events"] == []:
                continue
            assert sandbox.stop(signal.SIGKILL) == -signal.SIGKILL
            acknowledged += [comment for one in work for comment in one.result()]
        sandbox.start()
    wire = sandbox.connect("tough").log_in()
    deals = wire.deals(login)
    comments = [deal["Comment"] for deal in deals]
    assert len(acknowledged) >= 60
    assert set(acknowledged) <= set(comments)
    # At most the one operation each connection was waiting for may be there unanswered.
    assert len(comments) - len(acknowledged) <= 6
    assert len(set(comments)) == len(comments)
    cents = 101 * len(deals)
    assert wire.balance(login) == f"{cents // 100}.{cents % 100:02d}"
    assert sandbox.stop() == 0


def test_sigterm_ends_quietly_with_connections_open(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.create("quiet")
    wire = sandbox.connect("quiet").log_in()
    waiting = http.client.HTTPConnection("127.0.0.1", sandbox.admin_port)
    waiting.request("GET", "/servers/quiet/events?after=99&timeout=60")
    assert wire.done("/api/user/total") == {"Total": "0"}
    assert (sandbox.stop(), sandbox.complaints) == (0, "")
    waiting.close()


def test_positions_robots_time_and_settings_survive_a_restart(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.create("steady", timezone_minutes=345)
    desk = Desk(sandbox, "steady")
    login = desk.wire.open_account(deposit="1000")
    desk.price("EURUSD", "1.10000", "1.10010")
    opened = desk.trade(login, "EURUSD", "buy", "0.10", sl="1.00000")
    desk.admin("POST", "/robots", {"login": login, "habit": "sleeper"})
    sandbox.admin("POST", "/clock", {"advance_seconds": 7200})
    before = sandbox.admin("GET", "/clock")["utc_ms"]
    sandbox.stop(signal.SIGKILL)
    sandbox.start()
    again = sandbox.connect("steady").log_in()
    held = again.done("/api/position/get", login=login, symbol="EURUSD")
    assert (held["Position"], held["PriceOpen"]) == (opened["PositionID"], "1.10016")
    assert sandbox.admin("GET", "/servers/steady/robots")["robots"][0]["habit"] == "sleeper"
    assert sandbox.admin("GET", "/clock")["utc_ms"] >= before
    assert again.done("/api/time/get")["TimeZone"] == "345"
    assert sandbox.stop() == 0
