"""A connection of the Manager's API: hello, log-in, silence, and what is not understood."""

from __future__ import annotations

import socket
import ssl
import struct
from pathlib import Path

import pytest

from sandbox.ctrader.tests.client import MANAGER, PASSWORD, Declined, Wire, md5, pack
from sandbox.ctrader.tests.conftest import Desk, Sandbox

AUTH, HEARTBEAT, PING, TIME, ERROR = 301, 51, 52, 313, 50
GONE = (ConnectionError, ssl.SSLError)


def refused(wire: Wire) -> bool:
    """True when the server has ended the connection."""
    try:
        wire.receive()
    except GONE:
        return True
    return False


def test_hello_comes_first_and_the_log_in_tells_the_permissions(desk: Desk) -> None:
    wire = desk.connect()
    kind, hello, message_id = wire.receive()
    assert (kind, dict(hello), message_id) == (990, {}, "")
    wire.send(AUTH, [(2, desk.name), (3, "demo"), (4, MANAGER), (5, md5(PASSWORD))], "a-1")
    kind, answer, message_id = wire.receive()
    assert (kind, message_id) == (302, "a-1")
    assert {1, 2, 3, 5, 150} <= set(answer[2])


@pytest.mark.parametrize(
    ("plant", "environment", "login", "password", "code"),
    [
        (None, "demo", MANAGER, "Password2", "AUTHENTICATION_FAILED"),
        (None, "demo", 4711, PASSWORD, "AUTHENTICATION_FAILED"),
        (None, "live", MANAGER, PASSWORD, "CANT_ROUTE_REQUEST"),
        ("other", "demo", MANAGER, PASSWORD, "CANT_ROUTE_REQUEST"),
    ],
)
def test_a_wrong_log_in_is_told_and_ends_the_connection(
    desk: Desk, plant: str | None, environment: str, login: int, password: str, code: str
) -> None:
    wire = desk.connect()
    wire.receive()
    with pytest.raises(Declined, match=code):
        wire.ask(AUTH, (2, plant or desk.name), (3, environment), (4, login), (5, md5(password)))
    assert refused(wire)


def test_a_plant_may_keep_a_refused_connection(desk: Desk) -> None:
    desk.admin("PATCH", "", {"close_on_refusal": False})
    wire = desk.connect()
    with pytest.raises(Declined):
        wire.log_in(password="nonsense")
    right = ((2, desk.name), (3, "demo"), (4, MANAGER), (5, md5(PASSWORD)))
    assert wire.ask(AUTH, *right)[2]


def test_nothing_is_answered_before_the_log_in(desk: Desk) -> None:
    wire = desk.connect()
    for request in (TIME, 465, 703):
        with pytest.raises(Declined, match="NOT_ENOUGH_RIGHTS"):
            wire.ask(request)
    assert wire.ask(PING, (2, 77)).one(2) == 77
    wire.send(HEARTBEAT, [])
    wire.log_in()
    assert wire.ask(TIME).one(2) > 0


def test_a_second_log_in_is_refused(desk: Desk) -> None:
    with pytest.raises(Declined, match="ALREADY_LOGGED_IN"):
        desk.wire.ask(AUTH, (2, desk.name), (3, "demo"), (4, MANAGER), (5, md5(PASSWORD)))
    assert desk.wire.ask(TIME).one(2) > 0


def test_without_a_host_name_the_log_in_finds_the_plant(desk: Desk) -> None:
    context = ssl.create_default_context(cafile=desk.sandbox.ca)
    wire = Wire.__new__(Wire)
    plain = socket.create_connection(("127.0.0.1", desk.sandbox.port), timeout=20)
    wire.__dict__.update(desk.connect().__dict__, sock=context.wrap_socket(plain, server_hostname="127.0.0.1"))
    assert wire.log_in().ask(TIME).one(2) > 0


def test_answers_carry_the_request_s_id_and_none_when_there_was_none(desk: Desk) -> None:
    desk.wire.send(TIME, [])
    assert desk.wire.receive()[2] == ""
    desk.wire.send(TIME, [], "same")
    desk.wire.send(465, [], "same")
    assert [desk.wire.receive()[::2] for _ in range(2)] == [(314, "same"), (466, "same")]


def test_frames_may_come_in_pieces_or_together(desk: Desk) -> None:
    one = pack([(1, TIME), (3, "p")])
    data = struct.pack(">I", len(one)) + one
    for byte in data:
        desk.wire.sock.sendall(bytes([byte]))
    desk.wire.sock.sendall(data * 3)
    assert [desk.wire.receive()[2] for _ in range(4)] == ["p"] * 4


def test_what_is_not_understood_is_declined_and_the_connection_stays(desk: Desk) -> None:
    with pytest.raises(Declined, match="UNSUPPORTED_MESSAGE"):
        desk.wire.ask(4242)
    with pytest.raises(Declined, match="UNSUPPORTED_MESSAGE"):
        desk.wire.ask(300, (2, 2))
    with pytest.raises(Declined, match="INVALID_REQUEST"):
        desk.wire.ask(519, (2, 1))
    with pytest.raises(Declined, match="INVALID_REQUEST"):
        desk.wire.ask(709, (2, -1))
    assert desk.wire.ask(TIME).one(2) > 0


@pytest.mark.parametrize(
    ("data", "code"),
    [(struct.pack(">I", 2 << 20), "FRAME_TOO_LONG"), (struct.pack(">I", 3) + b"abc", "INVALID_REQUEST")],
)
def test_a_frame_that_is_none_ends_the_connection(desk: Desk, data: bytes, code: str) -> None:
    wire = desk.connect().log_in()
    wire.sock.sendall(data)
    kind, message, _ = wire.receive()
    assert (kind, message.text(2)) == (ERROR, code)
    assert refused(wire)


def test_silence_ends_a_connection_and_heartbeats_keep_it(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, "--silence", "0.6", "--heartbeat", "0.2")
    sandbox.create("strict")
    silent, lively = sandbox.connect("strict").log_in(), sandbox.connect("strict").log_in()
    beats = 0
    for _ in range(6):
        assert lively.receive()[0] == HEARTBEAT
        lively.send(HEARTBEAT, [])
        beats += 1
    heard = 0
    with pytest.raises(GONE):
        while True:
            assert silent.receive()[0] == HEARTBEAT
            heard += 1
    assert (beats, heard < beats) == (6, True)
    assert lively.ask(TIME).one(2) > 0
    assert (sandbox.stop(), sandbox.complaints) == (0, "")


def test_the_permissions_of_a_manager_bind_it(desk: Desk) -> None:
    desk.admin("PATCH", "", {"managers": [{"login": 2000, "password": "Reader", "rights": [1, 150]}]})
    trader = desk.wire.open_trader()
    reader = desk.connect().log_in(2000, "Reader")
    assert reader.permissions == [1, 150]
    assert reader.trader(trader.one(1)) == trader
    for payload, parts in (
        (519, [(2, trader.one(1)), (3, 1), (5, 0), (10, 1)]),
        (501, [(2, 5), (3, [(1, trader.one(1)), (2, 0), (3, 1), (8, 0)])]),
        (780, [(2, trader.one(1)), (3, 1), (5, 0)]),
        (407, [(3, 0), (4, 9)]),
    ):
        with pytest.raises(Declined, match="NOT_ENOUGH_RIGHTS"):
            reader.ask(payload, *parts)
    assert desk.wire.trader(trader.one(1)).one(8) == 0
