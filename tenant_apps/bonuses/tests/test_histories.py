"""Any history of deposits, trades, deals taken back, transfers out, losses, reversals and lost answers keeps B1 to B4."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import AppError
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.services import HOUSE, account_ensure
from tenant_apps.trading.models import Deal, TradingAccount, Transfer, TransferState
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST, World, settle
from tenant_apps.trading.tests.test_kill import recover

from ..models import ENDED, Burn, Grant, SchemeVersion
from ..services import proof
from ..services.packs import choice_in_force
from ..services.sweeping import sweep
from .support import eur, follow, on_server, paid_in, reverse, rules, scheme, trade

keys = itertools.count()
STEPS = st.one_of(
    st.tuples(st.just("deposit"), st.sampled_from(["100", "333.33", "1000"])),
    st.tuples(st.just("out"), st.sampled_from(["0.01", "77.77", "5000"])),
    st.tuples(st.just("trade"), st.sampled_from(["0.03", "0.1"])),
    st.tuples(st.just("undo"), st.none()),
    st.tuples(st.just("poor"), st.none()),
    st.tuples(st.just("reverse"), st.none()),
    st.tuples(st.just("lost"), st.sampled_from(["drop_after_commit", "drop_before_commit"])),
)


class History:
    """One client's account and what is done to it. Nothing waits for the outcome of the step before, but reading it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.account: TradingAccount = world.open_account(world.client(country="AE"))

    def deposit(self, text: str) -> None:
        paid_in(self.world, self.account, text)

    def out(self, text: str) -> None:
        key = f"out {next(keys)}"
        try:
            transfers.transfer_to_wallet(actor=TEST, account=self.account, amount=eur(text), key=key)
        except AppError:
            return

    def trade(self, lots: str) -> None:
        if float(on_server(self.world, self.account)[0]) > 90:
            try:
                trade(self.world, self.account, lots)
            except OSError:
                return  # the margin does not suffice: the server said no, nothing was opened

    def undo(self, _: None) -> None:
        deal = Deal.objects.filter(account=self.account, entry="out", deleted_at=None).order_by("-deal").first()
        if deal is not None:
            self.world.admin("POST", "/faults", {"kind": "delete_deal", "deal": deal.deal})
            follow(self.world)

    def poor(self, _: None) -> None:
        TradingAccount.objects.filter(pk=self.account.pk, credit_minor__gt=0).update(
            equity_minor=1, seen_at=clock.now()
        )
        sweep()

    def reverse(self, _: None) -> None:
        grant = Grant.objects.filter(account=self.account).order_by("created_at").first()
        if grant is not None:
            reverse(grant.deposit)

    def lost(self, kind: str) -> None:
        self.world.admin("POST", "/faults", {"kind": kind, "path": "/api/trade/balance"})

    def check(self) -> None:
        """Now that everything has come to rest."""
        self.world.admin("DELETE", "/faults")
        recover()
        settle()
        follow(self.world)
        assert proof.broken() == {}
        assert proof.compare() == 0
        assert ledger.broken_invariants() == {}
        grants = list(Grant.objects.filter(account=self.account))
        assert float(on_server(self.world, self.account)[1]) == sum(grant.credit_minor for grant in grants) / 100
        assert all(grant.credit_minor == 0 for grant in grants if grant.state in ENDED)
        assert all(grant.paid_minor <= grant.amount_minor for grant in grants)
        spent = ledger.balance(account_ensure(owner=HOUSE, kind="bonus", currency="EUR")).balance
        assert spent.minor == -sum(Grant.objects.values_list("paid_minor", flat=True))
        assert not Transfer.objects.filter(account=self.account, state=TransferState.PENDING).exists()


@pytest.mark.timeout(900)
@settings(
    max_examples=8, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(steps=st.lists(STEPS, min_size=3, max_size=8), share=st.booleans())
def test_any_history_keeps_the_invariants(world: World, steps: list[tuple[str, Any]], share: bool) -> None:
    _terms(share)
    history = History(world)
    history.deposit("500")
    for name, value in steps:
        getattr(history, name)(value)
    history.check()
    sweep()
    history.check()


def _terms(share: bool) -> None:
    """Of this example alone; earlier ones are switched off."""
    if choice_in_force() is None:
        rules()
    SchemeVersion.objects.update(enabled=False)
    scheme(burn=Burn.SHARE if share else Burn.ALL)
