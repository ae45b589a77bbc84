"""What is owed and since when; platforms against the mirror; the trial balance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.money import Money
from tenant_apps.accounts.tests.support import log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, client_owner, post
from tenant_apps.payments.tests.support import SYSTEM, eur, make_account, make_client
from tenant_apps.reconciliation import standing
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.trading.models import AccountType, CaseKind, TradingAccount, TradingServer
from tenant_apps.trading.models import Case as TradingCase

from .support import credited, stripe, stripe_file, stripe_line, take_in


def at(days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be some days ago; 0 is now again."""
    real = clock.present()
    monkeypatch.setattr(clock, "now", lambda: real - timedelta(days=days))


def test_what_is_owed_is_the_newest_that_no_payout_has_settled(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    account = stripe()
    old, late = [], []
    for days, amount, into in ((40, "100.00", old), (10, "50.00", late), (3, "30.00", late), (0, "20.00", late)):
        at(days, monkeypatch)
        into.append(credited(account, amount))
    take_in(account, stripe_file(stripe_line("payout", "-110.00")))
    account_compare(account_id=account.pk)
    row = next(row for row in standing.owed() if row.account == str(account.pk))
    assert (row.owed, row.bank) == (eur("90.00"), False)
    assert row.ages == [eur("20.00"), eur("30.00"), eur("40.00"), eur("0")]
    made = standing.making_up(account.pk, "EUR")
    assert [(one.deposit_id, one.rest) for one in made] == [
        (str(late[0].pk), eur("40.00")), (str(late[1].pk), eur("30.00")), (str(late[2].pk), eur("20.00")),
    ]  # fmt: skip
    assert next(row for row in standing.owed() if not row.account).owed == eur("110.00")


def test_a_provider_that_paid_too_much_is_owed(tenant: Any) -> None:
    account = stripe()
    take_in(account, stripe_file(stripe_line("payout", "-5.00")))
    account_compare(account_id=account.pk)
    row = next(row for row in standing.owed() if row.account == str(account.pk))
    assert (row.owed, row.ages) == (eur("-5.00"), [eur("0")] * 4)


def trading_account(platform: int, mirror: int, login: int) -> TradingAccount:
    client = make_client()
    server = TradingServer.objects.first() or TradingServer.objects.create(name="Live", kind="mt5", manager=1)
    kind = AccountType.objects.first() or AccountType.objects.create(
        server=server, name="Raw", group="real", currency="EUR"
    )
    row = TradingAccount.objects.create(
        client=client, server=server, account_type=kind, login=login, currency="EUR", leverage=100, state="open",
        ledger_kind=f"trading:{login}", balance_minor=platform, seen_at=clock.now(),
    )  # fmt: skip
    own = account_ensure(owner=client_owner(client.pk), kind=row.ledger_kind, currency="EUR", overdraft=True)
    legs = [
        Leg(own, Money(mirror, "EUR")),
        Leg(account_ensure(owner=HOUSE, kind="trading-pnl", currency="EUR"), Money(-mirror, "EUR")),
    ]
    post(kind="test", legs=legs, key=f"test:{login}", actor=SYSTEM)
    return row


def test_platforms_are_shown_against_the_mirror_and_tradings_own_cases(tenant: Any) -> None:
    good, apart = trading_account(500, 500, 1001), trading_account(700, 650, 1002)
    TradingCase.objects.create(
        kind=CaseKind.MISMATCH, server=apart.server, account=apart, amount_minor=50, currency="EUR", dedupe_key="m:1"
    )
    (row,) = standing.platforms()
    assert (row.accounts, row.platform, row.mirror, row.differing) == (2, eur("12.00"), eur("11.50"), 1)
    assert [(one.account.pk, one.difference) for one in standing.accounts_apart()] == [(apart.pk, eur("0.50"))]
    body = log_in(tenant, person("finance")).get("/reconciliation/trading/").content.decode()
    assert "1002" in body
    assert str(good.login) not in body
    assert "Balance differs from the ledger" in body


def test_each_currency_of_the_trial_balance_comes_to_zero(tenant: Any) -> None:
    credited(stripe(), "100.00", status={"fee": eur("1.00")})
    trading_account(500, 500, 1003)
    (one,) = standing.trial()
    assert (one.currency, one.total) == ("EUR", eur("0"))
    told = {(row.owner, row.kind.partition(":")[0]): row.amount for row in one.rows}
    assert told["clients", "wallet"] == eur("100.00")
    assert told["clients", "trading"] == eur("5.00")
    assert told["house", "clearing"] == eur("-99.00")
    assert told["house", "provider_fees"] == eur("-1.00")


def test_pages_open_and_cost_the_same_however_much_there_is(tenant: Any) -> None:
    office, account = log_in(tenant, person("finance")), stripe()
    make_account("bank_wire", settings={})
    pages = (
        "/reconciliation/clearing/", f"/reconciliation/clearing/{account.pk}/EUR/", "/reconciliation/trading/",
        "/reconciliation/trial-balance/", "/reconciliation/trial-balance/export/",
    )  # fmt: skip
    counts: list[list[int]] = []
    for size in (1, 8):
        for n in range(size):
            credited(account)
            trading_account(100, 90, size * 100 + n)
        counts.append([])
        for path in pages:
            office.get(path)
            with CaptureQueriesContext(connection) as queries:
                assert office.get(path).status_code == 200, path
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
    assert office.get(f"/reconciliation/clearing/{account.pk}/XXQ/").status_code == 404
