"""What the demo prints: everybody's log-in, and the same tour as the README's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyotp
import pytest

from launcher.layout import ROOT
from provisioning.demo import accounts, guide
from provisioning.demo.brokers import BROKERS, OPERATORS, Broker
from provisioning.demo.codes import RECOVERY_CODES, code_now
from sandbox.mailbox import codes


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_every_seat_of_every_brokerage_is_printed(broker: Broker) -> None:
    text = guide.guide()
    assert broker.trader[0] in text
    for role, wanted in (("sales", 1), ("compliance", 2), ("finance", 2), ("owner", 1)):
        people = broker.with_role(role)[:wanted]
        assert [broker.email(one) in text for one in people] == [True] * wanted


def test_the_page_of_codes_is_printed(settings: Any) -> None:
    settings.SANDBOX = {"mailbox_url": "http://127.0.0.1:8422"}
    assert "http://127.0.0.1:8422/codes" in guide.guide()


def test_the_readme_tells_the_same_tour() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| `(\S+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert rows == [(stop.seat, f"{stop.host}.localhost:8000{stop.path}") for stop in guide.stops()]


def test_the_sandboxs_authenticator_knows_everybody_with_a_second_factor(tmp_path: Path) -> None:
    path = tmp_path / "mailbox" / "codes.json"
    accounts.write(path)
    accounts.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["codes.json"]
    known = codes.read(path)
    assert len(known) == sum(len(broker.staff) for broker in BROKERS) + len(OPERATORS)
    assert known[0].recovery == RECOVERY_CODES
    assert len(json.loads(path.read_text())["accounts"]) == len({one.email for one in known})
    one = known[3]
    # Both ways of computing it, at one and the same moment.
    assert codes.code_at(one.secret, 1_800_000_000) == pyotp.TOTP(one.secret).at(1_800_000_000)
    assert len(code_now(one.email)[0]) == codes.DIGITS
