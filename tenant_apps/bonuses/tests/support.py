"""A brokerage with a real (sandbox) trading server, a bonus two people agreed to, and clients who deposit."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from kernel import clock
from kernel.events import publish
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.payments import events as payment_events
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.tests.support import make_account, staff
from tenant_apps.trading import compare, platforms
from tenant_apps.trading.bridge import ingest
from tenant_apps.trading.bridge.records import snapshot_of
from tenant_apps.trading.models import TradingAccount
from tenant_apps.trading.tests.conftest import World, settle

from ..models import Grant, SchemeVersion
from ..services.packs import choice_approve, choice_propose
from ..services.schemes import Terms, scheme_approve, scheme_propose
from ..services.waiting import judge_waiting

_numbers = itertools.count(1)


def eur(text: str) -> Money:
    return Money.of(text, "EUR")


def rules(default: str = "offshore", **countries: str) -> None:
    choice = choice_propose(actor=staff(), default=default, countries=countries, reason="Licence")
    choice_approve(actor=staff(), choice_id=choice.pk)


def terms(**values: Any) -> Terms:
    """50 % of at least 100 EUR, at most 250 per bonus and 400 per client, 0.0005 lots per euro, at once."""
    euro = {"minimum": 10_000, "cap": 25_000, "client_cap": 40_000, "lots": "0.0005"}
    fields: dict[str, Any] = {
        "names": {"en": "Welcome bonus"}, "percent": Decimal(50), "currencies": {"EUR": euro},
        "starts_at": clock.now() - timedelta(days=1), "opt_in": False,
    }  # fmt: skip
    return Terms(**{**fields, **values})


def scheme(code: str = "", **values: Any) -> SchemeVersion:
    version = scheme_propose(actor=staff(), code=code or f"welcome {next(_numbers)}", terms=terms(**values))
    return scheme_approve(actor=staff(), version_id=version.pk)


def deposit(
    client: Client, amount: Money, account: TradingAccount | None, *, first: bool = False, **values: Any
) -> Deposit:
    """A credited deposit with its event; the wallet's money is put there by `World.funds`."""
    number = next(_numbers)
    row = Deposit.objects.create(
        client=client, provider_account=make_account("stripe"), reference=f"D{number}{client.number}"[:12],
        amount_minor=amount.minor, currency=amount.currency, received_minor=amount.minor, method="card",
        state=DepositState.CREDITED, credited_at=values.pop("at", clock.now()), first=first,
        target_trading_account_id=account.pk if account else None, **values,
    )  # fmt: skip
    fact = payment_events.DepositCredited(
        deposit_id=row.pk, client_id=client.pk, amount=amount, provider="stripe", method="card", first=first,
        trading_account_id=account.pk if account else None,
    )  # fmt: skip
    with transaction.atomic():
        publish(fact, aggregate=f"deposit:{row.pk}")
    return row


def paid_in(world: World, account: TradingAccount, text: str, **values: Any) -> Grant | None:
    """A deposit that has arrived on the account with everything that follows; its bonus, if it brought one."""
    world.funds(account.client, eur(text).minor)
    row = deposit(account.client, eur(text), account, **values)
    settle()
    seen_by_the_bridge(world)
    return Grant.objects.filter(deposit=row).first()


def seen_by_the_bridge(world: World) -> None:
    """The bridge reads the accounts after what was booked, and the sweep takes up what waited for that."""
    states(world)
    judge_waiting()
    settle()


def reverse(row: Deposit) -> None:
    """The deposit's event of being taken back; what the ledger does about it is payments' own."""
    Deposit.objects.filter(pk=row.pk).update(state=DepositState.REVERSED)
    fact = payment_events.DepositReversed(
        deposit_id=row.pk, client_id=row.client_id, amount=row.amount, provider="stripe", method="card"
    )
    with transaction.atomic():
        publish(fact, aggregate=f"deposit:{row.pk}")
    settle()


def follow(world: World) -> None:
    """Read deals and money from the server, as the bridge does."""
    compare.compare(world.server, since=clock.now() - timedelta(days=2))
    states(world)


def long_ago(account: TradingAccount) -> None:
    """The server's last word is too old for us to refuse a transfer by: the server itself will."""
    TradingAccount.objects.filter(pk=account.pk).update(seen_at=clock.now() - timedelta(days=1))


def states(world: World) -> None:
    """Read the accounts' numbers from the server."""
    accounts = {row.login: row for row in TradingAccount.objects.filter(server=world.server, login__isnull=False)}
    logins = tuple(login for login in accounts if login)
    states = platforms.ask(world.server, lambda one: one.account_states(logins=logins))
    ingest.store_states(
        {accounts[state.login].pk: snapshot_of(state, accounts[state.login].currency) for state in states}, curve=False
    )


def trade(world: World, account: TradingAccount, lots: str, symbol: str = "EURUSD") -> int:
    """Open and close; the number of the closing deal."""
    opened = world.admin("POST", "/orders", {"login": account.login, "symbol": symbol, "side": "buy", "lots": lots})
    closed = world.admin("POST", "/orders", {"position": int(opened["deal"]["PositionID"])})
    follow(world)
    return int(closed["deal"]["Deal"])


def on_server(world: World, account: TradingAccount) -> tuple[str, str]:
    """Balance and credit as the server shows them."""
    found = world.on_server(int(account.login or 0))
    return str(found["balance"]), str(found["credit"])
