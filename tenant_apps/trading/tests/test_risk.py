"""Signs that money passes through: no trade since it came, and trades that only undo each other."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel import clock
from kernel.actors import system
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.trading.models import AccountType, Deal, Position, TradingAccount, TradingServer
from tenant_apps.trading.risk import hedged_across_accounts, no_trade_since_deposit
from tenant_apps.wallets import risk_signs
from tenant_apps.wallets.services import wallet_ensure

AMOUNT = Money(100, "EUR")


@pytest.fixture
def accounts(tenant: Any) -> list[TradingAccount]:
    """Two live accounts of one client."""
    client = Client.objects.create(
        number=1, first_name="Greta", last_name="Lind", email="g@example.com", currency="EUR"
    )
    server = TradingServer.objects.create(name="MT5", host="mt5.example", manager=1)
    kind = AccountType.objects.create(server=server, name="Standard", group="real", currency="EUR")
    return [
        TradingAccount.objects.create(
            client=client, server=server, account_type=kind, login=login, currency="EUR", leverage=100, state="open"
        )
        for login in (1, 2)
    ]


def deposited(account: TradingAccount) -> None:
    wallet = wallet_ensure(client_id=account.client_id, currency="EUR")
    house = account_ensure(owner=HOUSE, kind="clearing:x", currency="EUR")
    post(
        kind="payments.deposit", legs=[Leg(house, -AMOUNT), Leg(wallet, AMOUNT)], key="d", actor=system("test"), data={}
    )


def deal(account: TradingAccount, number: int, **values: Any) -> Deal:
    zero = dict.fromkeys(("lots", "closed_lots", "price", "position_price", "contract_size"), Decimal(1))
    plain = dict.fromkeys(("profit_minor", "swap_minor", "commission_minor", "result_minor"), 0)
    given = {"kind": "buy", "executed_at": clock.now(), **values}
    return Deal.objects.create(
        server=account.server, account=account, deal=number, login=account.login or 0, order=1, position=1,
        reason="client", currency="EUR", digits=2, stored_at=clock.now(), **zero, **plain, **given,
    )  # fmt: skip


def held(account: TradingAccount, number: int, symbol: str, side: str) -> None:
    Position.objects.create(
        server=account.server, account=account, position=number, symbol=symbol, side=side, lots=1, price_open=1,
        price_current=1, profit_minor=0, swap_minor=0, currency="EUR", opened_at=clock.now(), seen_at=clock.now(),
    )  # fmt: skip


def test_a_deposit_without_a_trade_since_is_a_sign(accounts: list[TradingAccount]) -> None:
    one = accounts[0]
    assert not no_trade_since_deposit(one.client_id, AMOUNT)  # nothing came
    deal(one, 1, executed_at=clock.now() - timedelta(days=1))
    deposited(one)
    assert no_trade_since_deposit(one.client_id, AMOUNT)
    deal(one, 2, kind="balance")
    deal(one, 3, deleted_at=clock.now())
    assert no_trade_since_deposit(one.client_id, AMOUNT)
    deal(one, 4)
    assert not no_trade_since_deposit(one.client_id, AMOUNT)


def test_opposite_sides_on_two_accounts_are_a_sign_and_on_one_they_are_not(accounts: list[TradingAccount]) -> None:
    one, two = accounts
    held(one, 1, "EURUSD", "buy")
    held(one, 2, "EURUSD", "sell")
    held(two, 3, "GBPUSD", "sell")
    assert not hedged_across_accounts(one.client_id, AMOUNT)
    held(two, 4, "EURUSD", "sell")
    assert hedged_across_accounts(one.client_id, AMOUNT)
    TradingAccount.objects.filter(pk=two.pk).update(live=False)
    assert not hedged_across_accounts(one.client_id, AMOUNT)


def test_both_count_in_the_score_of_a_withdrawal(tenant: Any) -> None:
    assert {"no_trade": 25, "hedged": 15}.items() <= {one.code: one.points for one in risk_signs.registered()}.items()
