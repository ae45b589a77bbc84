"""The deposit's page when there is an address to send coins to: it has to be right, alone, and easy to copy."""

from __future__ import annotations

from typing import Any

import pytest

from tenant_apps.payments.models import DepositState

from .support import make_client
from .test_pages import deposit_of, trader

TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
USDT = {"amount_minor": 250_500_000, "currency": "USDT", "payment_url": ""}


def page_of(tenant: Any, language: str = "en", **values: Any) -> str:
    person = make_client(currency="USDT")
    deposit = deposit_of(person, **{**USDT, **values})
    web = trader(tenant, person)
    web.cookies["language"] = language
    answer = web.get(f"/cashier/deposits/{deposit.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_address_is_shown_with_its_network_a_picture_and_a_button(tenant: Any, language: str) -> None:
    shown = page_of(tenant, language, instructions={"address": TRON, "network": "TRON (TRC-20)"})
    assert f'data-copy="{TRON}"' in shown
    assert "TRON (TRC-20)" in shown
    assert 'src="data:image/svg+xml' in shown
    assert 'data-copy="250.5' in shown
    assert "IBAN" not in shown


def test_a_tag_is_shown_and_warned_of(tenant: Any) -> None:
    plain = page_of(tenant, instructions={"address": TRON, "network": "TRON (TRC-20)"})
    tagged = page_of(tenant, instructions={"address": TRON, "network": "TRON (TRC-20)", "tag": "memo-7"})
    warning = "Without this tag the coins cannot be found."
    assert (warning in plain, warning in tagged, 'data-copy="memo-7"' in tagged) == (False, True, True)


def test_while_the_network_confirms_no_bank_is_blamed(tenant: Any) -> None:
    instructions = {"address": TRON, "network": "TRON (TRC-20)"}
    shown = page_of(tenant, instructions=instructions, state=DepositState.DELAYED)
    assert "The network is confirming it." in shown
    assert "Your bank needs" not in shown
    assert TRON not in shown


def test_a_wire_stays_as_it_was(tenant: Any) -> None:
    wire = {"iban": "DE89370400440532013000", "holder": "Broker", "address": "Bankweg 1", "reference": "D1"}
    shown = page_of(tenant, instructions=wire)
    assert "Bankweg 1" in shown
    assert "Transfer from your bank" in shown
    assert "data:image/svg+xml" not in shown
    assert "Your bank needs" in page_of(tenant, instructions=wire, state=DepositState.DELAYED)
