"""The handshake, frames, rights, requests that are none."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.mt5_manager.handshake import prove
from sandbox.mt5_manager.tests.client import MANAGER, SECRET
from sandbox.mt5_manager.tests.conftest import Sandbox, Server


def test_the_proofs_are_those_of_the_contract_s_vectors() -> None:
    first: dict[str, Any] = {
        "version": 1,
        "manager": 1000,
        "certificate": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "said": (
            "00112233445566778899aabbccddeeff" * 2, "2026-03-02T09:00:00.000Z",
            "ffeeddccbbaa99887766554433221100" * 2, "2026-03-02T09:00:00.250Z",
        ),
    }  # fmt: skip
    secret = "an example of a shared secret, 32+ characters"
    assert [prove(secret, side=side, **first) for side in ("client", "service")] == [
        "999313f4175915c3ad6f2189f248473b6656448ddcda326d4c976e0568129fc8",
        "58ab173b1f5908badb9aad4220e99b4783725bcfc3cd7960e420e89c6174a917",
    ]


def test_both_sides_prove_themselves(server: Server) -> None:
    wire = server.connect()
    assert (wire.hello["contract"], wire.hello["versions"], len(wire.hello["nonce"])) == ("rialto-mt5-manager", [1], 64)
    welcome = wire.login()
    assert welcome == {"type": "welcome", "heartbeat_seconds": 15, "proof": wire.proof("service", wire.own, SECRET)}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"secret": SECRET + "x"}, "authentication_failed"),
        ({"manager": 4711}, "authentication_failed"),
        ({"nonce": "0" * 64}, "authentication_failed"),
        ({"nonce": "short"}, "authentication_failed"),
        ({"proof": None}, "authentication_failed"),
        ({"type": "request"}, "authentication_failed"),
        ({"version": 2}, "version_unsupported"),
        ({"time": "2020-01-01T00:00:00.000Z"}, "clock_differs"),
        ({"time": "now"}, "authentication_failed"),
    ],
)
def test_whoever_cannot_prove_it_is_refused(server: Server, changes: dict[str, Any], name: str) -> None:
    wire = server.connect()
    answer = wire.login(**changes)
    assert (answer["type"], answer["error"]["name"]) == ("refused", name)
    with pytest.raises(ConnectionError):
        wire.read()


def test_the_service_s_proof_given_back_is_not_the_client_s(server: Server) -> None:
    wire = server.connect()
    wire.login(proof="0" * 64)
    again = server.connect()
    again.own = {"manager": MANAGER, "nonce": "1" * 64, "time": again.hello["time"], "type": "login", "version": 1}
    again.send({**again.own, "proof": again.proof("service", again.own, SECRET)})
    assert again.read()["error"]["name"] == "authentication_failed"


@pytest.mark.parametrize("garbage", [b"", b"[]", b"{", b"\xff", b'{"type": "login"' + b" " * 20_000 + b"}"])
def test_garbage_ends_the_connection(server: Server, garbage: bytes) -> None:
    wire = server.connect()
    wire.send(garbage)
    message = wire.read()
    assert message["type"] == "bye"
    with pytest.raises(ConnectionError):
        wire.read()


def test_silence_instead_of_a_log_in_ends_the_connection(server: Server) -> None:
    with pytest.raises(ConnectionError):
        server.connect().read()


def test_pings_are_answered_and_unknown_messages_are_not(server: Server) -> None:
    wire = server.wire()
    wire.send({"type": "tomorrow"})
    wire.send({"type": "ping", "n": 5})
    assert wire.read() == {"type": "pong", "n": 5}


@pytest.mark.parametrize(
    ("call", "args", "name"),
    [
        ("accounts.get", {}, "invalid_parameters"),
        ("accounts.get", {"login": "1"}, "invalid_parameters"),
        ("accounts.get", {"login": 2**63}, "invalid_parameters"),
        ("accounts.get", {"login": 1}, "not_found"),
        ("accounts.states", {"limit": 10}, "invalid_parameters"),
        ("accounts.states", {"logins": [1], "group": "*", "limit": 10}, "invalid_parameters"),
        ("accounts.states", {"group": "*", "limit": 1001}, "invalid_parameters"),
        ("deals.list", {"group": "*", "since": "now", "until": "later", "limit": 1}, "invalid_parameters"),
        ("symbols.list", {"names": ["NONE"], "limit": 1}, "not_found"),
        ("orders.invent", {}, "unsupported"),
    ],
)
def test_what_is_wrong_has_a_name(server: Server, call: str, args: dict[str, Any], name: str) -> None:
    assert server.wire().refused(call, **args) == name


def test_rights_and_groups_bound_what_a_manager_sees(sandbox: Sandbox) -> None:
    managers = [{"login": MANAGER, "secret": SECRET}]
    managers += [{"login": MANAGER + 1, "secret": SECRET, "rights": [1, 25]}]  # type: ignore[dict-item]
    managers += [{"login": MANAGER + 2, "secret": SECRET, "groups": ["demo\\*"]}]  # type: ignore[dict-item]
    server = sandbox.create(managers=managers)
    login = server.wire().open_account("a-1")["result"]["account"]["login"]
    looks, elsewhere = server.wire(MANAGER + 1), server.wire(MANAGER + 2)
    seen = looks.done("accounts.get", login=login)["account"]
    assert (seen["login"], seen["name"], seen["email"], seen["external_id"]) == (login, None, None, None)
    assert looks.refused("positions.list", group="*", limit=1) == "no_permission"
    assert looks.refused("accounts.archive", "x", login=login) == "no_permission"
    assert elsewhere.refused("accounts.get", login=login) == "not_found"
    assert elsewhere.done("accounts.states", logins=[login], limit=1) == {"states": [], "next": None}
    groups = elsewhere.done("groups.list", mask="*", limit=10)["groups"]
    assert [group["name"] for group in groups] == ["demo\\std-usd"]
