"""What was answered survives kill -9."""

from __future__ import annotations

import signal
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.ctrader.tests.client import FOREVER, TRADER_PASSWORD, Web, Wire, md5
from sandbox.ctrader.tests.conftest import Desk, Sandbox

GONE = (ConnectionError, ssl.SSLError)


def deposit_until_cut(wire: Wire, trader_id: int, prefix: str) -> list[str]:
    """Deposit one by one; the external ids of those that were answered before the plant died."""
    done: list[str] = []
    try:
        while True:
            name = f"{prefix}-{len(done)}"
            wire.deposit(trader_id, 101, (9, name))
            done.append(name)
    except GONE:
        return done


def test_every_acknowledged_operation_is_there_after_kill_9(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.create("tough")
    trader = Desk(sandbox, "tough").wire.open_trader().one(1)
    acknowledged: list[str] = []
    for life in range(3):
        wires = [sandbox.connect("tough").log_in() for _ in range(2)]
        with ThreadPoolExecutor() as pool:
            work = [pool.submit(deposit_until_cut, wire, trader, f"{life}{n}") for n, wire in enumerate(wires)]
            seen = sandbox.admin("GET", "/servers/tough/events?timeout=0&order=latest&limit=1")["last"]
            while sandbox.admin("GET", f"/servers/tough/events?after={seen + 20}&timeout=30")["events"] == []:
                continue
            assert sandbox.stop(signal.SIGKILL) == -signal.SIGKILL
            acknowledged += [name for one in work for name in one.result()]
        sandbox.start()
    wire = sandbox.connect("tough").log_in()
    rows = wire.ask(417, (2, trader), (3, 0), (4, FOREVER)).inners(3)
    names = [row.text(15) for row in rows]
    assert len(acknowledged) >= 60
    assert set(acknowledged) <= set(names)
    # At most the one operation each connection was waiting for may be there unanswered.
    assert len(names) - len(acknowledged) <= 6
    assert len(set(names)) == len(names)
    assert wire.trader(trader).numbers(8, 30) == (101 * len(rows), len(rows))
    assert sorted(row.one(9) for row in rows) == list(range(1, len(rows) + 1))
    assert sandbox.stop() == 0


def test_positions_their_commission_tokens_and_people_survive(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.create("steady", environment="live", broker="Nordwind")
    wire, web = (
        sandbox.connect("steady").log_in(environment="live"),
        Web(sandbox.web_port, sandbox.ca, "steady").log_in(),
    )
    trader = wire.open_trader((10, "Jane"), group=2, balance=1_000_000)
    prices = {"EURUSD": {"bid": "1.10000", "ask": "1.10000"}}
    sandbox.admin("POST", "/servers/steady/prices", prices)
    order = {"login": trader.one(2), "symbol": "EURUSD", "side": "buy", "lots": "1.00"}
    opened = sandbox.admin("POST", "/servers/steady/orders", order)["deal"]
    person = web.call("POST", "/cid/ctid/create", {"email": "jane@example.com", "brokerName": "Nordwind"})
    last = max(event.one(9) for kind, event in [*wire.events, (300, wire.execution(3))] if kind == 300)
    assert sandbox.stop(signal.SIGKILL) == -signal.SIGKILL
    sandbox.start()
    sandbox.admin("POST", "/servers/steady/freeze", {"frozen": True})
    sandbox.admin("POST", "/servers/steady/prices", prices)
    again, token = sandbox.connect("steady").log_in(environment="live"), web.token
    web = Web(sandbox.web_port, sandbox.ca, "steady")
    web.token = token
    assert again.trader(trader.one(1)) == trader
    again.ask(307, (2, trader.one(1)), (3, md5(TRADER_PASSWORD)))
    assert web.call("GET", f"/v2/webserv/traders/{trader.one(2)}")["name"] == "Jane"
    known = web.call("POST", "/cid/ctid/create", {"email": "jane@example.com", "brokerName": "Nordwind"})
    assert known == {"userId": person["userId"]}
    (held,) = again.ask(407, (2, trader.one(1)), (3, 0), (4, FOREVER)).inners(3)
    assert held.numbers(1, 5, 13) == (opened["positionId"], 0, -350)
    closed = sandbox.admin("POST", "/servers/steady/orders", {"position": opened["positionId"]})["deal"]
    assert closed["closePositionDetail"]["netProfit"] == -700
    assert closed["dealId"] > opened["dealId"]
    assert again.execution(3).one(9) > last
    assert (sandbox.stop(), sandbox.complaints) == (0, "")


def test_sigterm_ends_quietly_with_connections_open(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.create("quiet")
    wire = sandbox.connect("quiet").log_in()
    wire.ask(601, (3, 1))
    wire.event(3)
    assert (sandbox.stop(), sandbox.complaints) == (0, "")
