"""What is owed and since when; platforms against the mirror; the three sides."""

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
from tenant_apps.payments.tests.support import SYSTEM, eur, make_account, make_client, staff
from tenant_apps.payments.tests.test_pages import officer
from tenant_apps.reconciliation import sides, standing
from tenant_apps.reconciliation.errors import ReasonMissing
from tenant_apps.reconciliation.permissions_list import CLOSE, SIGN, VIEW
from tenant_apps.reconciliation.services.close import close_prepare, close_sign, figures_of
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.trading.models import AccountType, CaseKind, Comparison, TradingAccount, TradingServer, Transfer
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


def test_the_trial_balance_is_that_of_the_ledger_for_who_may_see_the_books(tenant: Any) -> None:
    tab = 'class="ui-tab" href="/wallets/trial-balance/"'
    assert tab in officer(tenant, VIEW, "ledger.view").get("/reconciliation/").content.decode()
    assert tab not in officer(tenant, VIEW).get("/reconciliation/").content.decode()


def test_pages_open_and_cost_the_same_however_much_there_is(tenant: Any) -> None:
    office, account = log_in(tenant, person("finance")), stripe()
    make_account("bank_wire", settings={})
    pages = (
        "/reconciliation/clearing/", f"/reconciliation/clearing/{account.pk}/EUR/", "/reconciliation/trading/",
        "/reconciliation/sides/",
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


# --- after each day


def night(server: TradingServer, days: int = 1, **values: int) -> Comparison:
    """A comparison after a day so many days ago."""
    plain = {
        "platform": 500,
        "mirror": 500,
        "difference": 0,
        "in_transit": 0,
        "accounts": 1,
        "differing": 0,
        "unsettled": 0,
        "missing": 0,
    }
    day = clock.today() - timedelta(days=days)
    return Comparison.objects.create(server=server, day=day, figures=[{"currency": "EUR", **plain, **values}])


def proved(days: int = 1) -> tuple[list[int] | None, bool]:
    """The proof of the trading side for the day's close: [platform, ledger], and whether it holds."""
    (one,) = figures_of(clock.today() - timedelta(days=days))
    return one["proofs"].get("trading"), "trading" not in one.get("unproved", ())


def earlier(account: TradingAccount) -> TradingAccount:
    """Opened before yesterday ended."""
    TradingAccount.objects.filter(pk=account.pk).update(created_at=clock.now() - timedelta(days=3))
    return account


def test_a_day_is_proved_by_the_newest_comparison_after_it(tenant: Any) -> None:
    server = earlier(trading_account(500, 500, 2001)).server
    assert proved() == ([0, 0], False)  # nobody has compared
    night(server, days=2)
    assert proved() == ([0, 0], False)  # of another day
    night(server, platform=570, difference=50, in_transit=20, differing=1)
    assert proved() == ([570, 520], False)
    night(server)
    assert proved() == ([500, 500], True)


def test_two_servers_whose_differences_cancel_out_prove_nothing(tenant: Any) -> None:
    one = earlier(trading_account(500, 500, 2002)).server
    other = TradingServer.objects.create(name="Second", kind="mt5", manager=1)
    night(one, platform=510, difference=10, differing=1)
    assert proved() == ([510, 500], False)
    night(other, platform=490, difference=-10, differing=1)
    assert proved() == ([1000, 1000], False)


def test_a_server_that_did_not_speak_of_all_its_accounts_proves_nothing(tenant: Any) -> None:
    night(earlier(trading_account(500, 500, 2003)).server, missing=1)
    assert proved() == ([500, 500], False)


def test_a_difference_that_changed_while_compared_proves_nothing(tenant: Any) -> None:
    """What is on its way is what the difference leaves: the sums agree by construction."""
    night(earlier(trading_account(510, 500, 2008)).server, platform=510, in_transit=10, unsettled=1)
    assert proved() == ([510, 510], False)
    body = log_in(tenant, person("finance")).get("/reconciliation/trading/").content.decode()
    assert "1 changed while compared" in body


def test_a_server_that_stands_still_is_red_beside_one_that_agrees(tenant: Any) -> None:
    first = earlier(trading_account(500, 500, 2004)).server
    second = TradingServer.objects.create(name="Second", kind="mt5", manager=1)
    account = earlier(trading_account(500, 500, 2005))
    TradingAccount.objects.filter(pk=account.pk).update(server=second)
    night(first)
    assert proved() == ([500, 500], False)
    night(second)
    assert proved() == ([1000, 1000], True)


def test_whoever_signs_a_day_whose_platforms_differ_says_why(tenant: Any) -> None:
    server = earlier(trading_account(500, 500, 2006)).server
    day = clock.today() - timedelta(days=1)
    close_prepare(actor=staff(CLOSE), day=day)
    with pytest.raises(ReasonMissing):
        close_sign(actor=staff(SIGN), day=day)
    row = close_sign(actor=staff(SIGN), day=day, note="The server was down all night")
    assert row.figures[0]["unproved"] == ["trading"]
    night(server)
    body = log_in(tenant, person("finance")).get(f"/reconciliation/close/{day.isoformat()}/").content.decode()
    assert "Not proved" in body  # as it was signed


def test_the_comparisons_are_shown_with_their_days(tenant: Any) -> None:
    server = trading_account(500, 500, 2007).server
    night(server, platform=570, difference=50, in_transit=20, differing=1, missing=2)
    body = log_in(tenant, person("finance")).get("/reconciliation/trading/").content.decode()
    assert "Compared after each day" in body
    assert "2 not told of" in body
    assert "€0.50" in body


# --- the three sides


def test_the_three_sides_of_a_currency_stand_beside_each_other(tenant: Any) -> None:
    credited(stripe(), "100.00")
    account = earlier(trading_account(700, 650, 3001))
    Transfer.objects.create(
        account=account, client=account.client, direction="in", amount_minor=400, currency="EUR", key="t:1"
    )
    (one,) = sides.sides()
    assert dict(one.places) == {"providers": eur("100"), "banks": eur("0")}
    assert dict(one.owners) == {
        "wallets": eur("100"), "to_trading": eur("0"), "trading": eur("6.50"),
    }  # fmt: skip
    assert (one.clients, one.cover, one.told_by_banks) == (eur("106.50"), eur("-6.50"), None)
    assert one.platform is not None
    assert (one.platform.platform, one.platform.difference) == (eur("7"), eur("0.50"))
    assert one.under_way == [("to_accounts", eur("4"))]
    body = log_in(tenant, person("finance")).get("/reconciliation/sides/").content.decode()
    assert "Not covered" in body
    assert "Wallet to trading account" in body


def test_a_client_who_owes_us_covers_no_other(tenant: Any) -> None:
    credited(stripe(), "100.00")
    trading_account(-650, -650, 3002)
    (one,) = sides.sides()
    assert (one.clients, one.requirement, one.cover) == (eur("93.50"), eur("100"), eur("0"))
    (day,) = figures_of(clock.today())
    assert (day["closing"], day["requirement"]) == (9_350, 10_000)


def test_the_three_sides_do_not_read_the_whole_ledger(tenant: Any) -> None:
    """What clients have stands in running balances; of providers' accounts only what moved since the last snapshot is read."""
    credited(stripe(), "100.00")
    with CaptureQueriesContext(connection) as queries:
        sides.sides()
    asked = [one["sql"] for one in queries if "ledger_entry" in one["sql"] and "payments_bank_line" not in one["sql"]]
    assert ['"account_id" IN (' in sql for sql in asked] == [True]


def test_without_any_money_the_three_sides_are_an_empty_page(tenant: Any) -> None:
    assert (
        "Nothing has been posted yet"
        in log_in(tenant, person("finance")).get("/reconciliation/sides/").content.decode()
    )
