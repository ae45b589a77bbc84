"""Where histories happen: two clients, three providers, a bank, a trading server and the people of the office.

The brokerage is shared by all histories of a run; clients and the accounts at the other sides are each history's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from kernel.actors import Actor
from kernel.errors import AppError
from kernel.ids import uuid7
from kernel.money import Money
from kernel.tests.dying import KILLED, after_statements, forked
from sandbox.tests.support import Sandbox
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import Deposit, FundsThreshold, ProviderAccount, WithdrawalFee
from tenant_apps.payments.tests.support import (
    client_actor,
    make_account,
    make_client,
    make_destination,
    make_rule,
    staff,
)
from tenant_apps.trading import platforms
from tenant_apps.trading.models import AccountType, TradingAccount
from tenant_apps.trading.tests.conftest import World
from tenant_apps.wallets.models import ExchangePolicy, TransferPolicy
from tenant_apps.wallets.tests.support import sheet

from .providers import Moved, Provider, StripeThere, TapThere, played_by_hand

CURRENCIES = ("EUR", "JPY", "KWD", "USD")
# After so many database statements the step's process is killed; 0 lets it live.
KILL = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3, 5, 8, 13, 21, 34])
PICK = st.integers(0, 20)
WHO = st.integers(0, 1)
SIZE = st.integers(1_000, 60_000)  # minor units of whatever currency: 10 to 600 euros, 1 to 60 dinars


def brokerage_open() -> None:
    """What the whole brokerage has: rules of moving money inside, rates, thresholds."""
    ExchangePolicy.objects.create(quote_seconds=86_400, transfers_enabled=True, minimum_minor=1)
    for currency in CURRENCIES:
        TransferPolicy.objects.create(
            currency=currency, minimum_minor=1, daily_minor=10**9, approval_minor=20_000
        )  # fmt: skip
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000)
    sheet(USD="1.0835", JPY="162.34", KWD="0.3312")


@dataclass
class Person:
    client: Client
    actor: Actor
    account: TradingAccount


@dataclass
class BankThere:
    """The brokerage's account at a bank that is a server; what moved on it is what its statements tell."""

    server: Sandbox
    iban: str
    account: ProviderAccount
    moved_: Moved = field(default_factory=Moved)

    def transfer(self, minor: int, **entry: Any) -> None:
        amount = str(Decimal(minor).scaleb(-2))
        answer = self.server.http.post(f"/api/accounts/{self.iban}/transfers", json={"amount": amount, **entry})
        assert answer.status_code == 201, answer.text
        self.moved_["EUR", minor] += 1

    def statement(self) -> bytes:
        answer = self.server.http.post(f"/api/accounts/{self.iban}/statements", json={})
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    def moved(self) -> Moved:
        said = self.server.http.get(f"/api/accounts/{self.iban}").json()["balance"]
        assert Money.of(said, "EUR").minor == sum(minor * times for (_, minor), times in self.moved_.items())
        return self.moved_


def iban_of(number: int) -> str:
    """A valid German IBAN (ISO 13616: modulo 97)."""
    bban = f"37040044{number:010}"
    return f"DE{98 - int(bban + '131400') % 97:02}{bban}"


class Brokerage(RuleBasedStateMachine):
    """The beginning of every history, and how a step of it is taken."""

    world: ClassVar[World]
    stripe_server: ClassVar[Sandbox]
    tap_server: ClassVar[Sandbox]
    bank_server: ClassVar[Sandbox]
    numbers: ClassVar[Iterator[int]] = itertools.count(1)

    def set_up(self, fee: str) -> None:
        ProviderAccount.objects.update(enabled=False)
        self.stripe, self.tap = StripeThere(self.stripe_server, fee), TapThere(self.tap_server, fee)
        self.by_hand = played_by_hand(fee)
        self.providers: tuple[Provider, ...] = (self.stripe, self.tap, self.by_hand)
        self.bank = self.bank_open()
        self.withdrawals_cost()
        self.people = (self.person("EUR"), self.person("KWD"))
        self.officers = (staff(), staff())
        self.sent: dict[UUID, int] = {}  # wires that left the bank, by part, whether we know it yet or not

    def withdrawals_cost(self) -> None:
        """By every way: a share, at least a little and at most something."""
        for account, method, currency in self.offers():
            WithdrawalFee.objects.create(
                provider_account=account, method=method, currency=currency, percent="0.8", fixed_minor=35,
                minimum_minor=90, maximum_minor=700,
            )  # fmt: skip

    def bank_open(self) -> BankThere:
        iban = iban_of(next(self.numbers))
        self.bank_server.http.put(f"/api/accounts/{iban}", json={"currency": "EUR", "owner": "Broker"})
        details = {"iban": iban, "holder": "Broker", "bic": "X", "bank": "Bank"}
        account = make_account("bank_wire", settings=details, currencies=["EUR"])
        make_rule(account, "wire", "EUR")
        return BankThere(self.bank_server, iban, account)

    def person(self, currency: str) -> Person:
        client = make_client(user_id=uuid7())
        make_destination(client)
        self.world.account_type = AccountType.objects.get_or_create(
            server=self.world.server, group=f"real\\std-{currency.lower()}",
            defaults={"name": currency, "currency": currency, "leverages": [30], "leverage_default": 30, "automatic": True},
        )[0]  # fmt: skip
        return Person(client, client_actor(client), self.world.open_account(client))

    # --- taking a step -------------------------------------------------------------------------------------------------

    def do(self, work: Callable[[], object], kill: int) -> None:
        """One step; refusals are answers, and a killed step has none."""

        def answered() -> None:
            with suppress(AppError):
                work()

        def deadly() -> None:
            with after_statements(kill):
                answered()

        if kill:
            platforms.close_all()  # its thread would not survive the fork
            assert forked(deadly) in (0, KILLED)
        else:
            answered()

    def offers(self) -> list[tuple[ProviderAccount, str, str]]:
        found = [(one.account, method, currency) for one in self.providers for method, currency in one.methods]
        return [*found, (self.bank.account, "wire", "EUR")]

    def mine(self, rows: type[Model], **wanted: Any) -> list[Any]:
        """Rows of this history's clients, oldest first."""
        clients = [one.client for one in self.people]
        return list(rows._default_manager.filter(client__in=clients, **wanted).order_by("created_at", "pk"))

    def books(self) -> list[tuple[ProviderAccount, Moved]]:
        return [(one.account, one.moved()) for one in (*self.providers, self.bank)]

    @staticmethod
    def one_of(rows: list[Any], pick: int) -> Any:
        return rows[pick % len(rows)] if rows else None

    def deposits(self, *states: str) -> list[Deposit]:
        return self.mine(Deposit, **({"state__in": states} if states else {}))


__all__ = ["KILL", "PICK", "SIZE", "WHO", "Brokerage", "Person", "brokerage_open"]
