"""What an instance remembers."""

from __future__ import annotations

import base64
import os
import socket
from pathlib import Path

import pytest

from launcher.console import LauncherError
from launcher.demo import reset
from launcher.state import HOST, PORT_RANGE, State


def test_secrets_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    first = State(tmp_path / "state").secrets()
    assert State(tmp_path / "state").secrets() == first
    assert (tmp_path / "state" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(first["RIALTO_MASTER_KEY"], validate=True)) == 32
    assert len(set(first.values())) == 6


def test_ports_are_remembered_and_differ(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    ports = [state.port(name) for name in ("postgres", "valkey", "mt5")]
    assert len(set(ports)) == 3
    assert all(port in PORT_RANGE for port in ports)
    assert [State(tmp_path / "state").port(name) for name in ("postgres", "valkey", "mt5")] == ports


def test_a_port_somebody_else_took_is_changed_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = State(tmp_path / "state")
    port = state.port("web")
    with socket.create_server((HOST, port)):
        other = state.usable_port("web")
        assert other != port
    assert f"Port {port} is taken by another program; web is now on {other}" in capsys.readouterr().out
    assert state.port("web") == other


def test_the_preferred_port_or_the_next_free_one(tmp_path: Path) -> None:
    base = State(tmp_path / "one").port("any")
    with socket.create_server((HOST, base)):
        assert State(tmp_path / "two").port("web", preferred=base) > base
    assert State(tmp_path / "three").port("web", preferred=base) == base


def test_reset_deletes_our_state_and_keeps_the_tests(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    State(folder).prepare()
    for name in ("pgdata", "sandbox/mt5", "test", "test-2", "bench"):
        (folder / name).mkdir(parents=True)
    reset(folder)
    assert {path.name for path in folder.iterdir()} == {"lock", "test", "test-2", "bench"}
    reset(folder)


def test_reset_refuses_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(LauncherError, match="does not look like a state folder"):
        reset(tmp_path)
    assert os.listdir(tmp_path) == ["diary.txt"]
