"""Histories of a whole brokerage: whatever happens in whatever order, everybody has what is theirs.

Hypothesis invents histories of two clients in four currencies: deposits at three providers and by wire, webhooks late,
twice, forged and out of order, refunds and chargebacks, withdrawals through both pairs of eyes, exchanges, money sent to
the other client, adjustments, transfers to the trading server and back with answers that get lost, statements and reports,
the close of the books. Any step may be killed (SIGKILL, a process of its own) after any of its database statements. The
other sides are servers; they are asked after every step what really happened there (`histories/oracle.py`).

RIALTO_BROKERAGE_HISTORIES: how many histories (default 2, always the same ones); RIALTO_STEPS: steps in each; RIALTO_SEED: other
ones than the default's, printed when one fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from kernel import clock, commands
from kernel.models import Command, OutboxMessage
from kernel.money import Money
from kernel.relay import drain
from sandbox.tests.support import Sandbox
from tenant_apps.payments import tasks
from tenant_apps.payments.models import DepositState, PartState, WithdrawalPart
from tenant_apps.payments.services.deposits import deposit_ask
from tenant_apps.payments.services.parts import part_ask
from tenant_apps.payments.tests.support import SYSTEM
from tenant_apps.trading import compare, ledgers, platforms
from tenant_apps.trading.adapters.mt5.tests.sandbox import SandboxProcess
from tenant_apps.trading.models import Case, Transfer, TransferState
from tenant_apps.trading.tests.conftest import make_world

from .histories.brokerage import brokerage_open
from .histories.money_in import MoneyIn
from .histories.money_out import MoneyOut
from .histories.oracle import Oracle
from .histories.work import Work

SEED = os.environ.get("RIALTO_SEED")
PROFILE = settings(
    max_examples=int(os.environ.get("RIALTO_BROKERAGE_HISTORIES", "2")),
    stateful_step_count=int(os.environ.get("RIALTO_STEPS", "45")),
    derandomize=SEED is None,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a history is long to replay; its last steps tell enough
)


class Histories(MoneyIn, MoneyOut, Work, Oracle):
    """All of it: how each history begins, and how it ends."""

    ended = 0  # histories whose end was looked at

    @initialize(fee=st.sampled_from(["0", "1.5"]))
    def begin(self, fee: str) -> None:
        """Both clients have money already, of two providers, and one was paid out some of it, at a cost that was told."""
        self.set_up(fee)
        for who, provider, offer in ((0, 0, 0), (1, 1, 3)):
            self.deposit(who=who, offer=offer, size=50_000, to_account=False, kill=0)
            self.pay(provider=provider, pick=0, how=0)
            for news in self.providers[provider].news():
                self.providers[provider].hear(news)
        assert len(self.deposits(DepositState.CREDITED)) == 2
        self.want_out(who=0, currency="EUR", size=5_000, kill=0)
        self.first_eyes(pick=0, kill=0, go_on=True)
        self.second_eyes(pick=0, kill=0, go_on=True)
        for row in commands.due():
            commands.run(row.pk)
        self.cost_is_told(pick=0, fee=40, own=True, kill=0)
        assert WithdrawalPart.objects.get(provider_account=self.stripe.account).provider_fee == Money(47, "EUR")

    def teardown(self) -> None:
        """Everything is heard and worked off; then both sides agree to the unit and nothing is left on its way."""
        if not hasattr(self, "sent"):
            return
        for _ in range(12):
            self.worked_off()
            if self.quiet():
                break
        self.the_ledger_is_sound()
        self.everybody_has_what_is_theirs()
        self.nothing_is_booked_that_did_not_happen()
        self.what_is_set_aside_is_on_its_way()
        self.nothing_is_free_that_covers_a_loss()
        for there in self.providers:
            moved = there.moved()
            booked = self.booked(there.account, moved)
            left = (
                moved - booked
            )  # a refund of ours that failed while it was held: out and in again there, nothing here
            for currency in {currency for currency, _ in left}:
                rest = sum(minor * times for (code, minor), times in left.items() if code == currency)
                assert rest == 0, (there.account.kind, currency, left)
        for person in self.people:
            assert not Transfer.objects.filter(account=person.account, state=TransferState.PENDING).exists()
            assert self.on_server(person) == ledgers.mirror(person.account).balance
            assert ledgers.in_transit(person.account).balance == 0
        type(self).ended += 1
        compare.compare(self.world.server, since=clock.now() - timedelta(hours=2))
        assert list(Case.objects.values_list("dedupe_key", flat=True)) == []

    def worked_off(self) -> None:
        for there in self.providers:
            there.settle()
        self.time_passes()
        drain(500)
        for there in self.providers:
            for news in there.news():
                if not there.heard(news):
                    there.hear(news)
        for row in commands.due():
            commands.run(row.pk)
        for deposit in self.still_open():
            if deposit.provider_account_id != self.by_hand.account.pk:
                deposit_ask(deposit_id=deposit.pk, actor=SYSTEM)
        clients = [one.client for one in self.people]
        for part in WithdrawalPart.objects.filter(withdrawal__client__in=clients, state=PartState.SENDING):
            part_ask(part_id=part.pk, actor=SYSTEM)
        tasks.sweep.run()

    def quiet(self) -> bool:
        open_ones = Command.objects.filter(state__in=commands.OPEN).exists()
        undelivered = OutboxMessage.objects.filter(delivered_at=None, dead_at=None).exists()
        return not open_ones and not undelivered


@pytest.fixture(scope="module")
def tap_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("tap", tmp_path_factory.mktemp("tap"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def bank_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("bank", tmp_path_factory.mktemp("bank"))
    yield running
    running.close()


def machine_of(stripe: Sandbox, tap: Sandbox, bank: Sandbox, server: SandboxProcess) -> type[Histories]:
    brokerage_open()
    sides = {"stripe_server": stripe, "tap_server": tap, "bank_server": bank}
    return type("Histories", (Histories,), {"world": make_world(server), **sides})


@pytest.mark.slow
def test_a_withdrawal_that_costs_something_is_re_added_to_the_unit(
    live_tenant: Any, stripe_server: Sandbox, tap_server: Sandbox, bank_server: Sandbox, trading_process: SandboxProcess
) -> None:
    """The history that few of the invented ones come to: asked for, decided by two, sent back to the card, its fee kept."""
    history = machine_of(stripe_server, tap_server, bank_server, trading_process)()
    try:
        history.begin(fee="1.5")
        history.want_out(who=0, currency="EUR", size=20_000, kill=0)
        history.what_is_set_aside_is_on_its_way()
        history.first_eyes(pick=0, kill=0, go_on=True)
        history.second_eyes(pick=0, kill=0, go_on=True)
        history.teardown()
        part = WithdrawalPart.objects.get(withdrawal__amount_minor=20_000)
        assert (part.state, part.amount_minor, part.fee_minor) == (PartState.PAID, 19_805, 195)
        history.the_house_has_what_it_earned()
    finally:
        platforms.close_all()


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_history_ends_with_both_sides_agreeing(
    live_tenant: Any, stripe_server: Sandbox, tap_server: Sandbox, bank_server: Sandbox, trading_process: SandboxProcess
) -> None:
    machine = machine_of(stripe_server, tap_server, bank_server, trading_process)
    run = seed(int(SEED))(machine) if SEED else machine
    try:
        run_state_machine_as_test(run, settings=PROFILE)
    finally:
        platforms.close_all()
    assert run.ended, "no history was led to its end"
