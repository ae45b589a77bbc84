"""The authenticator beside the mailbox: the RFC's own numbers, and what it tells of a list of accounts."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.mailbox import codes
from sandbox.tests.support import Sandbox

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(moment: int, code: str) -> None:
    assert codes.code_at(SECRET, moment) == code


def test_a_secret_needs_no_padding() -> None:
    assert codes.code_at("JBSWY3DPEE", 59) == codes.code_at("JBSWY3DPEE======", 59)


def _file(tmp_path: Path) -> Path:
    row = {"group": "Nordwind", "label": "أمل <b>", "email": "anna@nordwind.example", "secret": SECRET}
    path = tmp_path / "codes.json"
    path.write_text(json.dumps({"accounts": [{**row, "recovery": ["ab12-cd34ef"]}]}))
    return path


def test_the_page_shows_the_accounts_once_the_file_is_there(tmp_path: Path) -> None:
    server = Sandbox("mailbox", tmp_path / "state", "--smtp-port", "0", "--codes", str(tmp_path / "codes.json"))
    try:
        assert "No accounts yet" in server.http.get("/codes").text
        _file(tmp_path)
        page = server.http.get("/codes")
        answer = server.http.get("/api/codes").json()
    finally:
        server.close()
    assert 'data-email="anna@nordwind.example"' in page.text
    assert "أمل &lt;b&gt;" in page.text
    assert "ab12-cd34ef" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert 0 < answer["seconds"] <= 30
    (one,) = answer["accounts"]
    assert one["code"].isdecimal()
    assert "secret" not in one


def test_one_code_on_the_terminal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.mailbox.codes", str(_file(tmp_path))]
    told = subprocess.run([*command, "Anna@nordwind.example"], capture_output=True, text=True, check=True).stdout
    assert told[:6].isdecimal()
    unknown = subprocess.run([*command, "nobody@nordwind.example"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 1
    assert "nobody@nordwind.example" in unknown.stderr
