"""Log-in, the session's life, and who may do what."""

from __future__ import annotations

import hashlib
import http.client
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.mt5 import secrets
from sandbox.mt5.tests.client import MANAGER, PASSWORD, answer_to, password_digest
from sandbox.mt5.tests.conftest import Desk, Sandbox

GONE = (http.client.RemoteDisconnected, http.client.NotConnected, ConnectionError, ssl.SSLError)


def test_published_vectors_hold_on_both_sides() -> None:
    """Password `Password1` with the vendor's two challenges."""
    secret = "904ba8ecb16273d2f0ae9c3b8a023752"
    assert password_digest("Password1").hex() == secret == secrets.manager_secret("Password1")
    for challenge, expected in (
        ("73007dc7184747ce0f7c98516ef1c851", "77fe51827f7fa69dd80fbec9aa33f1bb"),
        ("4db98fec17aab4dc5a240bdc659e8395", "1732021b1b332f51660b2b315eed3a35"),
    ):
        assert answer_to("Password1", challenge) == expected == secrets.proof(secret, challenge)


def test_auth_answers_are_flat_and_prove_the_server(desk: Desk) -> None:
    wire = desk.connect()
    start = wire.start()
    assert set(start) == {"retcode", "version_access", "srv_rand"}
    assert (start["retcode"], len(bytes.fromhex(start["srv_rand"]))) == ("0 Done", 16)
    challenge = "4db98fec17aab4dc5a240bdc659e8395"
    proof = answer_to(PASSWORD, start["srv_rand"])
    answer = wire.call("/api/auth/answer", srv_rand_answer=proof, cli_rand=challenge)
    assert set(answer) == {"retcode", "version_access", "version_trade", "cli_rand_answer"}
    assert answer["cli_rand_answer"] == "1732021b1b332f51660b2b315eed3a35"
    assert wire.call("/api/test/access") == {"retcode": "0 Done"}


def test_a_wrong_hash_is_403_and_ends_the_connection(desk: Desk) -> None:
    wire = desk.connect()
    proof = answer_to("Password2", wire.start()["srv_rand"])
    status, body = wire.raw("/api/auth/answer", srv_rand_answer=proof, cli_rand="00" * 16)
    assert (status, body) == (403, b'{"retcode": "1001 Invalid account"}')
    with pytest.raises(GONE):
        wire.raw("/api/test/access")


def test_hashing_the_hex_text_instead_of_the_bytes_is_refused(desk: Desk) -> None:
    wire = desk.connect()
    text = password_digest(PASSWORD).hex() + wire.start()["srv_rand"]
    wrong = hashlib.md5(text.encode()).hexdigest()
    assert wire.raw("/api/auth/answer", srv_rand_answer=wrong, cli_rand="00" * 16)[0] == 403


def test_a_challenge_is_good_once(desk: Desk) -> None:
    wire = desk.connect()
    proof = answer_to(PASSWORD, wire.start()["srv_rand"])
    wire.call("/api/auth/answer", srv_rand_answer=proof, cli_rand="00" * 16)
    assert wire.raw("/api/auth/answer", srv_rand_answer=proof, cli_rand="00" * 16)[0] == 403


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": 483}, 3),
        ({"agent": "two words"}, 3),
        ({"agent": ""}, 3),
        ({"login": "abc"}, 3),
        ({"type": "dealer"}, 1000),
    ],
)
def test_auth_start_is_checked(desk: Desk, change: dict[str, Any], code: int) -> None:
    query = {"version": 1290, "agent": "tests", "login": MANAGER, "type": "manager", **change}
    assert desk.connect().code("/api/auth/start", **query) == code


def test_an_unknown_manager_is_403(desk: Desk) -> None:
    wire = desk.connect()
    status, _ = wire.raw("/api/auth/start", version=1290, agent="tests", login=77, type="manager")
    assert status == 403


def test_the_session_is_the_connection(desk: Desk) -> None:
    assert desk.wire.call("/api/test/access") == {"retcode": "0 Done"}
    stranger = desk.connect()
    status, body = stranger.raw("/api/test/access")
    assert (status, body) == (403, b'{"retcode": "8 Not enough permissions"}')


def test_a_session_is_good_for_one_trading_server_only(new_desk: Callable[..., Desk]) -> None:
    here, there = new_desk(), new_desk()
    wire = here.wire
    wire.putrequest("GET", "/api/user/total", skip_host=True)
    wire.putheader("Host", f"{there.name}.mt5.localhost:{here.sandbox.port}")
    wire.endheaders()
    assert wire.getresponse().status == 403


def test_an_unknown_host_is_404(sandbox: Sandbox) -> None:
    assert sandbox.connect("nobody").raw("/api/test/access")[0] == 404


def test_quit_ends_the_session(desk: Desk) -> None:
    assert desk.wire.call("/api/quit") == {"retcode": "0 Done"}
    with pytest.raises(GONE):
        desk.wire.raw("/api/test/access")


def test_http_keeps_the_connection_open_between_calls(desk: Desk) -> None:
    before = desk.wire.sock
    for _ in range(3):
        desk.wire.done("/api/time/server")
    assert desk.wire.sock is before


def test_an_unknown_path_is_404_and_the_session_goes_on(desk: Desk) -> None:
    assert desk.wire.raw("/api/no/such")[0] == 404
    assert desk.wire.call("/api/test/access") == {"retcode": "0 Done"}


@pytest.mark.parametrize(
    ("rights", "path", "query"),
    [
        ([1, 25], "/api/trade/balance", {"login": 1, "type": 2, "balance": 1}),
        ([1, 25], "/api/user/add", {"group": "real\\std-usd"}),
        ([1, 24], "/api/user/get", {"login": 1}),
        ([1, 24, 25], "/api/deal/get", {"ticket": 1}),
        ([24], "/api/symbol/list", {}),
    ],
)
def test_a_missing_right_is_code_8(
    new_desk: Callable[..., Desk], rights: list[int], path: str, query: dict[str, Any]
) -> None:
    desk = new_desk(managers=[{"login": MANAGER, "password": PASSWORD, "rights": rights}])
    assert desk.wire.code(path, **query) == 8


def test_without_the_right_to_details_they_come_back_empty(new_desk: Callable[..., Desk]) -> None:
    few = {"login": 1001, "password": PASSWORD, "rights": [1, 25]}
    desk = new_desk(managers=[{"login": MANAGER, "password": PASSWORD}, few])
    login = desk.wire.open_account()
    record = desk.connect().log_in(1001).done("/api/user/get", login=login)
    assert (record["Login"], record["Name"], record["Email"]) == (str(login), "", "")


def test_a_manager_sees_only_the_groups_in_the_list(new_desk: Callable[..., Desk]) -> None:
    narrow = {"login": 1001, "password": PASSWORD, "groups": ["real*", "!real\\ecn*"]}
    desk = new_desk(managers=[{"login": MANAGER, "password": PASSWORD}, narrow])
    standard, ecn = desk.wire.open_account(), desk.wire.open_account("real\\ecn-usd")
    wire = desk.connect().log_in(1001)
    assert wire.done("/api/user/get", login=standard)["Group"] == "real\\std-usd"
    assert wire.code("/api/user/get", login=ecn) == 8
    assert wire.done("/api/user/logins", group="*") == [str(standard)]
    assert wire.code("/api/user/add", group="demo\\std-usd", name="A", leverage=1) == 8


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A process with short windows."""
    running = Sandbox(tmp_path_factory.mktemp("hasty"), "--auth-window", "0.2", "--silence", "0.4")
    running.create("hasty")
    yield running
    assert (running.stop(), running.complaints) == (0, "")


def test_the_answer_must_follow_the_challenge_within_the_window(hasty: Sandbox) -> None:
    wire = hasty.connect("hasty")
    wire.start()
    with pytest.raises(GONE):
        wire.sock.recv(1) or wire.raw("/api/test/access")


def test_a_silent_client_is_dropped(hasty: Sandbox) -> None:
    wire = hasty.connect("hasty").log_in()
    with pytest.raises(GONE):
        wire.sock.recv(1) or wire.raw("/api/test/access")
