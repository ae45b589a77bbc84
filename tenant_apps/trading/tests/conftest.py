"""A real sandbox server process, and a brokerage whose trading server it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kernel import clock, commands
from kernel.actors import system
from kernel.money import Money
from kernel.relay import drain
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.ledger import services as ledger
from tenant_apps.trading import platforms
from tenant_apps.trading.adapters.mt5.tests.sandbox import MANAGER, PASSWORD, SandboxProcess
from tenant_apps.trading.models import AccountType, TradingAccount, TradingServer
from tenant_apps.trading.services import servers

TEST = system("tests")
names = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox process for all tests; each test makes servers of its own in it."""
    process = SandboxProcess(tmp_path_factory.mktemp("mt5"), "--raw-port", "0")
    process.start()
    yield process
    process.stop()


@dataclass
class World:
    """A brokerage with a trading server."""

    process: SandboxProcess
    server: TradingServer
    account_type: AccountType

    def admin(self, method: str, path: str, data: object = None) -> Any:
        return self.process.admin(method, f"/servers/{self.server.host.partition('.')[0]}{path}", data)

    def on_server(self, login: int) -> dict[str, Any]:
        return self.admin("GET", f"/accounts/{login}")

    def client(self, email: str = "", *, currency: str = "EUR", verified: bool = True, **changes: Any) -> Client:
        changes.setdefault("country", "DE")
        number = next(names)
        return Client.objects.create(
            number=number,
            stage=Stage.VERIFIED if verified else Stage.REGISTERED,
            first_name="Greta",
            last_name="Lindqvist",
            email=email or f"client{number}@example.com",
            language="de",
            currency=currency,
            kyc_state=KycState.APPROVED if verified else KycState.SUBMITTED,
            **changes,
        )

    def funds(self, client: Client, minor: int, currency: str = "EUR") -> ledger.Account:
        """Put money into the wallet, as a deposit would."""
        wallet = ledger.account_ensure(owner=f"client:{client.pk}", kind="wallet", currency=currency)
        bank = ledger.account_ensure(owner="house", kind="bank", currency=currency)
        amount = Money(minor, currency)
        ledger.post(
            kind="test.deposit",
            legs=[ledger.Leg(bank, -amount), ledger.Leg(wallet, amount)],
            key=f"test:{next(names)}",
            actor=TEST,
        )
        return wallet

    def open_account(self, client: Client) -> TradingAccount:
        from tenant_apps.trading.services.accounts import account_open

        account = account_open(actor=TEST, client=client, account_type=self.account_type)
        settle()
        account.refresh_from_db()
        return account


def settle(limit: int = 50) -> None:
    """Carry out what is due, as relay and worker would, until nothing is due any more."""
    for _ in range(limit):
        moved = drain()
        for row in commands.due():
            moved += commands.run(row.pk) != "not due"
        if not moved:
            return


def make_world(process: SandboxProcess, *, quiet_period: float = 2.0, **settings: Any) -> World:
    """A new sandbox server, and the present brokerage's row for it."""
    name = f"srv{clock.now():%H%M%S%f}{next(names)}"
    process.admin(
        "POST",
        "/servers",
        {
            "name": name,
            "owner": "Test Markets",
            "currency": "EUR",
            "currencies": ["EUR", "USD", "KWD"],
            "managers": [{"login": MANAGER, "password": PASSWORD}],
            **settings,
        },
    )
    server = servers.server_save(
        actor=TEST,
        name=name[:40],
        host=f"{name}.mt5.localhost",
        port=process.port,
        manager=MANAGER,
        password=PASSWORD,
        settings={"ca_file": str(process.ca_file), "quiet_period": quiet_period, "comment": "Rialto"},
    )
    account_type = AccountType.objects.create(
        name="Standard",
        server=server,
        group="real\\std-eur",
        currency="EUR",
        leverages=[10, 20, 30],
        leverage_default=30,
        automatic=True,
    )
    return World(process, server, account_type)


@pytest.fixture
def world(live_tenant: Any, sandbox: SandboxProcess) -> Iterator[World]:
    yield make_world(sandbox)
    platforms.close_all()


@pytest.fixture
def make(sandbox: SandboxProcess) -> Iterator[Callable[..., World]]:
    """`make()` gives the brokerage entered a server of its own."""
    yield lambda **settings: make_world(sandbox, **settings)
    platforms.close_all()
