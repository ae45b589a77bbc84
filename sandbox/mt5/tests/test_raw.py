"""The text protocol over TCP: framing, encryption, the session's life, faults."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.mt5 import commands
from sandbox.mt5.raw import keystream, names, packets, text
from sandbox.mt5.tests.client import MANAGER, PASSWORD, answer_to, password_digest
from sandbox.mt5.tests.conftest import Sandbox
from sandbox.mt5.tests.raw_client import PING, RawWire, Stream, chain

RANDOM = bytes(range(256))
TIME = "TIME_SERVER|\r\n".encode("utf-16-le")
# A busy machine is no failure.
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
GONE = (ConnectionError, BrokenPipeError)


# -- without a process ---------------------------------------------------------------------------------------


def test_the_published_sequence_and_the_computed_keystream_hold_on_both_sides() -> None:
    digest = password_digest("Password1")
    vectors = chain(digest, RANDOM)
    assert [one.hex() for one in (*vectors[:4], vectors[15])] == [
        "b0ed3aa00c46c12260202166f8484536",
        "8f57767e6a2ca7a54c85776325f7677e",
        "1b6493c551ce24e2746982f0a15dc916",
        "57c68578ca6d4196107f83e6a8f4b48f",
        "70c65d37748166f082270af669327005",
    ]
    ours, theirs = keystream.directions(digest, RANDOM)[0], Stream(vectors[0] + vectors[1], vectors[2])
    for expected in (
        "1ef546fe150c6454a300777b6b86f8b60f4db44cb60af1463cb77366",
        "2ed701bf01511f4cfda0972758e5913bf03baa047b6d6a5df641f282",
    ):
        assert ours.cross(TIME).hex() == theirs.cross(TIME).hex() == expected


@any_speed
@given(st.lists(st.binary(max_size=70), max_size=10))
def test_both_sides_have_the_same_keystream_in_both_directions(bodies: list[bytes]) -> None:
    digest = password_digest(PASSWORD)
    vectors = chain(digest, RANDOM)
    for server, start in zip(keystream.directions(digest, RANDOM), vectors[2:4], strict=True):
        client = Stream(vectors[0] + vectors[1], start)
        assert [client.cross(server.cross(body)) for body in bodies] == bodies


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@any_speed
@given(st.dictionaries(st.text("ABCXYZ_", min_size=1), WORDS, max_size=5), st.none() | st.lists(WORDS, max_size=3))
def test_every_value_survives_its_escapes(parameters: dict[str, str], below: list[str] | None) -> None:
    line = text.read_line(text.write_line("USER_GET", parameters, below))
    assert (line.name, line.parameters, line.json()) == ("USER_GET", parameters, below)


@any_speed
@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.booleans(), st.binary(max_size=40)), max_size=6), st.data())
def test_a_stream_may_be_cut_at_any_byte(sent: list[tuple[int, bool, bytes]], data: st.DataObject) -> None:
    whole = b"".join(packets.header_of(one[0], len(one[2]), extended=one[1]) + one[2] for one in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))

    async def read() -> list[packets.Packet]:
        reader = asyncio.StreamReader()
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            if start < end:
                reader.feed_data(whole[start:end])
        return [await packets.read_packet(reader) for _ in sent]

    assert asyncio.run(read()) == [packets.Packet(*one) for one in sent]


@any_speed
@given(st.binary(max_size=100), st.integers(1, 40))
def test_pieces_are_the_message(message: bytes, size: int) -> None:
    found = packets.pieces(message, size)
    assert b"".join(found) == message
    assert all(1 <= len(piece) <= size for piece in found) or found == [b""]


def test_every_command_has_one_raw_name() -> None:
    paths = sorted(path for path, _ in names.COMMANDS.values())
    assert paths == sorted({*commands.COMMANDS, "/api/auth/start", "/api/auth/answer", "/api/test/access", "/api/quit"})


# -- with one ------------------------------------------------------------------------------------------------


class Quay:
    """A trading server of a test's own, and the connections it made to it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.path = f"/servers/raw-{next(_numbers)}"
        sandbox.create(self.path.rpartition("/")[2])
        self.port = sandbox.admin("GET", self.path)["raw_port"]
        self.wires: list[RawWire] = []

    def connect(self) -> RawWire:
        """Another connection, not logged in."""
        self.wires.append(RawWire(self.port))
        return self.wires[-1]

    def arm(self, kind: str, **more: Any) -> None:
        """Arm a fault."""
        self.sandbox.admin("POST", f"{self.path}/faults", {"kind": kind, **more})


_numbers = itertools.count(1)
CUT_SMALL = ("--raw-port", "0", "--raw-ping", "0.02", "--raw-packet", "333")


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A process with raw ports, small packets and frequent pings."""
    running = Sandbox(tmp_path_factory.mktemp("raw"), *CUT_SMALL)
    yield running
    assert (running.stop(), running.complaints) == (0, "")


@pytest.fixture
def quay(process: Sandbox) -> Iterator[Quay]:
    """A fresh trading server."""
    made = Quay(process)
    yield made
    for wire in made.wires:
        wire.close()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quay]:
    """One in a process with short windows."""
    running = Sandbox(tmp_path_factory.mktemp("hasty"), *CUT_SMALL, "--auth-window", "0.4", "--silence", "1")
    yield Quay(running)
    assert (running.stop(), running.complaints) == (0, "")


def test_each_server_has_a_port_of_its_own_and_the_desk_tells_it(process: Sandbox) -> None:
    made = [process.admin("POST", "/servers", {"name": f"port-{number}"})["raw_port"] for number in range(2)]
    listed = {one["name"]: one["raw_port"] for one in process.admin("GET", "/servers")["servers"]}
    assert [listed["port-0"], listed["port-1"]] == made
    assert len({*made, 0}) == 3
    assert process.ask("PATCH", "/servers/port-0", {"raw_port": 5})[0] == 409


def test_ports_are_counted_from_the_first(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        first = probe.getsockname()[1]
    running = Sandbox(tmp_path, "--raw-port", str(first))
    assert running.admin("POST", "/servers", {"name": "one"})["raw_port"] == first
    assert (running.stop(), running.complaints) == (0, "")


@pytest.mark.parametrize("method", ["AES256OFB", "NONE"])
def test_a_day_at_the_counter(quay: Quay, method: str) -> None:
    wire = quay.connect().log_in(method=method)
    login = wire.open_account()
    ticket = wire.done("TRADE_BALANCE", LOGIN=login, TYPE=2, BALANCE="12.50", COMMENT="a\\=b")["TICKET"]
    user = wire.done("USER_GET", LOGIN=login)
    assert (user["Name"], user["Group"], user["Balance"]) == ("Zoë | Doe", "real\\std-usd", "12.50")
    (deal,) = wire.done("DEAL_GET_PAGE", LOGIN=login, FROM=0, TO=1 << 33, OFFSET=0, TOTAL=10)
    assert (deal["Deal"], deal["Comment"]) == (ticket, "a=b")
    assert wire.done("DEAL_GET_TOTAL", LOGIN=login, FROM=0, TO=1 << 33) == {"Total".upper(): "1"}
    assert wire.code("USER_PASS_CHECK", LOGIN=login, TYPE="MAIN", PASSWORD="1Ar#pqkj") == 0
    assert wire.code("USER_PASS_CHECK", LOGIN=login, TYPE="MAIN", PASSWORD="2Ar#pqkj") == 3006
    assert wire.done("TIME_SERVER")["TIME"].split()[0].isdigit()
    assert wire.done("USER_LOGINS", GROUP="*") == [str(login)]
    assert wire.code("USER_GET", LOGIN=7) == 13
    assert wire.code("NO_SUCH", LOGIN=7) == 3
    assert wire.done("QUIT") == {}
    with pytest.raises(GONE):
        wire.packet()


def test_long_answers_come_in_many_packets_of_one_serial_with_pings_between(quay: Quay) -> None:
    wire = quay.connect().log_in()
    assert len(wire.done("SYMBOL_LIST")) > 20
    for _ in range(20):
        wire.done("GROUP_GET", MASK="*")
    parts = [one for one in wire.packets if one[0] == wire._serial]
    assert len(parts) > 3
    assert [flag for _, flag, _ in parts] == [1] * (len(parts) - 1) + [0]
    assert all(len(body) <= 333 for _, _, body in wire.packets)
    pings = [serial for serial, _, body in wire.packets if not body]
    assert pings[:2] == [0x4000, 0x4001]


def test_a_command_may_come_in_many_packets(quay: Quay) -> None:
    wire = quay.connect().log_in()
    serial = wire.send("TIME_SERVER|\r\n", size=3)
    assert wire.message(serial).startswith("TIME_SERVER|RETCODE=0 Done|TIME=")
    assert wire.message(wire.send("TIME_SERVER|", size=5)).startswith("TIME_SERVER|RETCODE=0 Done|")


def test_a_clients_pings_may_stand_between_its_packets(quay: Quay) -> None:
    wire = quay.connect()
    wire.start()
    first, second = TIME[:6], TIME[6:]
    sent = [b"000600051" + first, PING, b"000600000|\0\r\0\n\0", PING, b"%04x00050" % len(second) + second]
    wire.sock.sendall(b"".join(sent))
    assert wire.message(5) == "TIME_SERVER|RETCODE=8 Not enough permissions|\r\n"


def test_clients_pings_are_swallowed_and_end_the_silence(hasty: Quay) -> None:
    wire = hasty.connect().log_in(method="NONE")
    started = time.monotonic()
    while time.monotonic() - started < 1.5:
        wire.sock.sendall(PING)
        wire.sock.sendall(b"000600000|\0\r\0\n\0")
        wire.packet()  # the server's own ping: it paces the loop
    assert wire.code("TIME_SERVER") == 0


def test_a_silent_client_is_dropped_whatever_the_server_pings(hasty: Quay) -> None:
    wire = hasty.connect().log_in()
    with pytest.raises(GONE):
        while True:
            wire.packet()


def test_pings_do_not_put_off_the_answer_to_the_challenge(hasty: Quay) -> None:
    wire = hasty.connect()
    wire.start()
    with pytest.raises(GONE):
        while True:
            wire.sock.sendall(PING)
            wire.packet()


def test_a_wrong_hash_is_refused_and_ends_the_connection(quay: Quay) -> None:
    wire = quay.connect()
    proof = answer_to("Password2", wire.start()["SRV_RAND"])
    assert wire.code("AUTH_ANSWER", SRV_RAND_ANSWER=proof, CLI_RAND="00" * 16) == 1001
    with pytest.raises(GONE):
        wire.code("TIME_SERVER")


def test_without_a_log_in_nothing_is_answered(quay: Quay) -> None:
    wire = quay.connect()
    assert wire.code("TIME_SERVER") == 8
    with pytest.raises(GONE):
        wire.code("TIME_SERVER")


@pytest.mark.parametrize(
    ("change", "code"),
    [({"CRYPT_METHOD": "ROT13"}, 3), ({"VERSION": 483}, 3), ({"TYPE": "DEALER"}, 1000), ({"LOGIN": 77}, 1001)],
)
def test_auth_start_is_checked(quay: Quay, change: dict[str, Any], code: int) -> None:
    assert int(quay.connect().start(**change)["RETCODE"].split()[0]) == code


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"MT5WEBAPIhello world",
        b"MT5WEBAPI000240000ab",
        b"MT5WEBAPI000100010\0",
        b"MT5WEBAPI000200011ab000200021ab",
    ],
    ids=["no greeting", "no header", "a server's serial", "half a character", "two serials at once"],
)
def test_garbage_ends_the_connection(quay: Quay, wire: bytes) -> None:
    stranger = quay.connect()
    with pytest.raises(GONE):
        stranger.sock.sendall(wire)
        while True:
            stranger.packet()


# -- faults --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "balance"), [("drop_after_commit", "5.00"), ("drop_before_commit", "0.00")])
def test_a_dropped_deposit_is_booked_or_not_but_never_answered(quay: Quay, kind: str, balance: str) -> None:
    wire = quay.connect().log_in()
    login = wire.open_account()
    quay.arm(kind, path="/api/trade")
    with pytest.raises(GONE):
        wire.ask("TRADE_BALANCE", LOGIN=login, TYPE=2, BALANCE=5, COMMENT="op-1")
    assert quay.connect().log_in().done("USER_ACCOUNT_GET", LOGIN=login)["Balance"] == balance


def test_missing_rights_are_code_8_for_the_faults_path_only(quay: Quay) -> None:
    wire = quay.connect().log_in()
    quay.arm("rights_missing", path="/api/symbol/total")
    assert [wire.code(name) for name in ("TIME_SERVER", "SYMBOL_TOTAL", "SYMBOL_TOTAL")] == [0, 8, 0]


def test_the_wrong_hash_exposes_an_impostor(quay: Quay) -> None:
    quay.arm("wrong_hash")
    wire, challenge = quay.connect(), "00" * 16
    proof = answer_to(PASSWORD, wire.start(MANAGER)["SRV_RAND"])
    found, _ = wire.ask("AUTH_ANSWER", SRV_RAND_ANSWER=proof, CLI_RAND=challenge)
    assert found["RETCODE"] == "0 Done"
    assert found["CLI_RAND_ANSWER"] != answer_to(PASSWORD, challenge)


def test_a_slow_answer_comes_late_and_pings_come_meanwhile(quay: Quay) -> None:
    wire = quay.connect().log_in()
    quay.arm("slow", path="/api/time", seconds=0.3)
    before, started = len(wire.packets), time.monotonic()
    assert wire.code("TIME_SERVER") == 0
    assert time.monotonic() - started >= 0.3
    assert len(wire.packets) - before > 2


def test_a_half_open_socket_never_answers(quay: Quay) -> None:
    wire = quay.connect().log_in()
    quay.arm("half_open")
    wire.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        wire.code("TIME_SERVER")


def test_a_server_keeps_its_port_and_its_book_over_a_kill(tmp_path: Path) -> None:
    running = Sandbox(tmp_path, "--raw-port", "0")
    running.create("killed")
    port = running.admin("GET", "/servers/killed")["raw_port"]
    login = RawWire(port).log_in().open_account()
    running.stop(signal.SIGKILL)
    running.start()
    try:
        wire = RawWire(port).log_in()
        assert wire.done("USER_GET", LOGIN=login)["Login"] == str(login)
        wire.close()
    finally:
        assert (running.stop(), running.complaints) == (0, "")


def test_without_the_option_there_is_no_port(sandbox: Sandbox) -> None:
    sandbox.create("no-raw")
    assert sandbox.admin("GET", "/servers/no-raw")["raw_port"] == 0
