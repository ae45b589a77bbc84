"""The scene: brokerages, each with a trading server of MT5 (over HTTPS or the text protocol) or cTrader, clients, accounts
with money in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.soak.house import House
from benchmarks.soak.plan import ACCOUNTS
from benchmarks.world import BENCH, MANAGER, make_tenants
from kernel.ids import short_id
from kernel.money import Money
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.ledger import services as ledger
from tenant_apps.trading.adapters.ctrader.ledger import BALANCE_NUMBERS
from tenant_apps.trading.models import AccountType, TradingAccount, TradingServer
from tenant_apps.trading.services.accounts import account_open
from tenant_apps.trading.services.servers import server_save
from tenant_apps.trading.services.transfers import transfer_to_account

QUIET = 2.0  # seconds after which these servers surely do nothing any more for a line that was lost
WALLET, ACCOUNT = 20_000_000, 1_000_000  # minor units with which each client begins, and what goes to the account
KINDS = ("mt5", "ctrader", "raw")  # in turn


@dataclass(frozen=True, slots=True)
class Brokerage:
    """`desk` is the host its server stands in, mt5 or ctrader; `books` the server's own file."""

    ref: TenantRef
    kind: str
    server: TradingServer
    account_type: AccountType
    accounts: tuple[UUID, ...]
    books: Path

    @property
    def desk(self) -> str:
        return "ctrader" if self.kind == "ctrader" else "mt5"

    @property
    def path(self) -> str:
        """Of this server at its desk."""
        return f"/servers/{self.ref.slug}"

    def entries(self) -> dict[int, tuple[int, int, str]]:
        """Every deal in the server's own file, read beside it: login, what it did to the balance in minor units, comment."""
        with closing(sqlite3.connect(f"file:{self.books}?mode=ro", uri=True)) as db:
            comments = {}
            if self.kind == "ctrader":
                comments = dict(db.execute("SELECT id, external_id FROM cash_flows"))
            rows = db.execute("SELECT ticket, login, action, profit + storage + commission + fee, comment FROM deals")
            return {
                self._number(ticket, action): (login, total, comments.get(ticket) or comment)
                for ticket, login, action, total, comment in rows
            }

    def _number(self, ticket: int, action: int) -> int:
        return ticket + BALANCE_NUMBERS if self.kind == "ctrader" and action > 1 else ticket

    def balances(self) -> dict[int, int]:
        """Of the server's accounts by login, in minor units, from its own file."""
        with closing(sqlite3.connect(f"file:{self.books}?mode=ro", uri=True)) as db:
            return dict(db.execute("SELECT login, balance FROM accounts"))


def make(house: House, count: int) -> list[Brokerage]:
    """Accounts are asked for and money is sent to them: done once a worker has done it."""
    return [_make(house, ref, KINDS[number % len(KINDS)]) for number, ref in enumerate(make_tenants(count))]


def _make(house: House, ref: TenantRef, kind: str) -> Brokerage:
    password = f"Soak-{short_id(12)}a1"
    managers = [{"login": MANAGER, "password": password}]
    with context.use(ref):
        if kind == "ctrader":
            server, group = _plant(house, ref, managers, password), "standard"
        else:
            server, group = _access_server(house, ref, managers, password, kind), "real\\std-eur"
        account_type = AccountType.objects.create(
            name="Standard", server=server, group=group, currency="EUR", leverages=[30], leverage_default=30
        )
        accounts = tuple(_account(account_type, number).pk for number in range(ACCOUNTS))
    books = house.folder / ("ctrader" if kind == "ctrader" else "mt5") / f"{ref.slug}.sqlite3"
    return Brokerage(ref, kind, server, account_type, accounts, books)


Managers = list[dict[str, Any]]


def _access_server(house: House, ref: TenantRef, managers: Managers, password: str, kind: str) -> TradingServer:
    wanted = {"name": ref.slug, "owner": "Soak", "currency": "EUR", "managers": managers}
    made = house.admin("mt5", "POST", "/servers", wanted)
    raw = kind == "raw"
    return server_save(
        actor=BENCH, name=ref.slug, host=f"{ref.slug}.mt5.localhost", manager=MANAGER, password=password,
        port=int(made["raw_port"]) if raw else house.mt5_port,
        settings={
            "ca_file": str(house.ca_file("mt5")), "quiet_period": QUIET, "comment": "Soak",
            "transport": "raw" if raw else "https",
        },
    )  # fmt: skip


def _plant(house: House, ref: TenantRef, managers: Managers, password: str) -> TradingServer:
    house.admin("ctrader", "POST", "/servers", {"name": ref.slug, "broker": ref.slug, "managers": managers})
    return server_save(
        actor=BENCH, kind="ctrader", name=ref.slug, host=f"{ref.slug}.ctrader.localhost", port=house.ctrader_port,
        manager=MANAGER, password=password,
        settings={
            "ca_file": str(house.ca_file("ctrader")), "quiet_period": QUIET, "comment": "Soak", "plant": ref.slug,
            "environment": "demo", "broker": ref.slug, "web_host": "", "web_port": house.ctrader_web,
        },
    )  # fmt: skip


def _account(account_type: AccountType, number: int) -> TradingAccount:
    client = Client.objects.create(
        number=number + 1, stage=Stage.VERIFIED, first_name="Greta", last_name="Lindqvist",
        email=f"client{number}@example.com", language="en", country="DE", currency="EUR", kyc_state=KycState.APPROVED,
    )  # fmt: skip
    wallet = ledger.account_ensure(owner=f"client:{client.pk}", kind="wallet", currency="EUR")
    bank = ledger.account_ensure(owner="house", kind="bank", currency="EUR")
    paid = Money(WALLET, "EUR")
    legs = [ledger.Leg(bank, -paid), ledger.Leg(wallet, paid)]
    ledger.post(kind="bench.deposit", legs=legs, key=f"soak:{client.pk}", actor=BENCH)
    account = account_open(actor=BENCH, client=client, account_type=account_type)
    transfer_to_account(actor=BENCH, account=account, amount=Money(ACCOUNT, "EUR"), key=f"soak:first:{account.pk}")
    return account
