"""The banks' statements of the seed: the day before can be closed, but for the one charge that people have to explain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kernel import clock
from kernel.money import Money
from provisioning.demo import cashier, statements
from provisioning.demo.brokers import ALNOOR, NORDWIND, Broker
from sandbox.tests.support import Sandbox
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.payments.models import BankLine, BankStatement, ProviderAccount
from tenant_apps.payments.services.bank_lines import line_ignore
from tenant_apps.payments.services.posting import clearing
from tenant_apps.payments.services.statement_chain import gaps
from tenant_apps.payments.tests.support import SYSTEM, staff
from tenant_apps.payments.tests.test_bank import wire_account
from tenant_apps.reconciliation.services.close import figures_of, shown

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def bank(tmp_path: Path, settings: Any) -> Iterator[Sandbox]:
    running = Sandbox("bank", tmp_path)
    settings.DEMO, settings.SANDBOX = True, {"bank_url": running.url}
    settings.OUTGOING_ALLOWED_HOSTS = {f"127.0.0.1:{running.port}"}
    yield running
    running.close()


@pytest.fixture
def account(tenant: Any, bank: Sandbox) -> ProviderAccount:
    """The brokerage's own 1,000, at its bank for a month."""
    made = wire_account()
    own = account_ensure(owner=HOUSE, kind="own_funds", currency="EUR")
    with clock.frozen_at(clock.now() - timedelta(days=30)):
        held = Money.of("1000", "EUR")
        post(kind="house.own_funds", legs=[Leg(clearing(made, "EUR"), -held), Leg(own, held)], key="own", actor=SYSTEM)
    return made


def book_of(broker: Broker) -> Any:
    people = [staff(), staff()]
    return SimpleNamespace(broker=broker, staff=lambda role, number=0: number, actor=lambda number: people[number])


def unproved() -> list[str]:
    (figures,) = shown(figures_of(clock.today() - timedelta(days=1)))
    return sorted(figures.unproved)


def test_the_day_before_adds_up(account: ProviderAccount) -> None:
    assert unproved() == ["bank"]
    for _ in range(2):
        statements.write(book_of(ALNOOR))
    row = BankStatement.objects.get()
    assert (row.state, row.opening, row.closing) == ("approved", Money.of("1000", "EUR"), Money.of("1000", "EUR"))
    assert row.period_to == clock.today() - timedelta(days=1)
    assert unproved() == []


def test_nordwinds_charge_waits_for_somebody_to_say_what_it_is(account: ProviderAccount) -> None:
    statements.write(book_of(NORDWIND))
    line = BankLine.objects.get()
    assert (line.state, line.amount, line.reasons) == ("unmatched", Money.of("-12.50", "EUR"), ["charges"])
    assert unproved() == ["bank"]
    line_ignore(actor=staff(), line_id=line.pk, note="Fees of the account")
    assert unproved() == []


def test_a_seed_that_was_killed_takes_the_same_statement(account: ProviderAccount, bank: Sandbox) -> None:
    day = clock.today() - timedelta(days=1)
    (drawn,) = statements._drawn(account, day, "12.50")
    statements.write(book_of(NORDWIND))
    assert statements._drawn(account, day, "12.50") == [drawn]
    assert BankLine.objects.count() == 1


def test_the_banks_next_statement_follows_also_after_it_started_over(
    account: ProviderAccount, bank: Sandbox, tmp_path: Path
) -> None:
    statements.write(book_of(ALNOOR))
    iban = account.settings["iban"]
    bank.kill()
    (tmp_path / "bank.sqlite3").unlink()
    bank.start()
    cashier.open_bank_account(iban, "EUR", "Nordwind", opening=cashier._last_closing(iban))
    assert cashier.ask_bank("GET", iban).json()["balance"] == "1000.00"
    assert gaps([account.pk]) == []
