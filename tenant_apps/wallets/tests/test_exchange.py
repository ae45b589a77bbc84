"""Exchange between own wallets: exact amounts, once, in time, and never to the house's loss or the client's surprise."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import AppError, Invalid, NotFound
from kernel.models import AuditEntry, OutboxMessage
from kernel.money import Money
from kernel.tenancy import context
from kernel.tests.dying import killed_anywhere
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.errors import AccountFrozen, InsufficientFunds
from tenant_apps.ledger.models import Transfer
from tenant_apps.ledger.services import account_freeze, hold_place
from tenant_apps.payments.tests.test_pages import trader
from tenant_apps.wallets.errors import MoveRefused, QuoteExpired, RateTooOld
from tenant_apps.wallets.models import Exchange, ExchangePolicy
from tenant_apps.wallets.selectors import history, wallet_of
from tenant_apps.wallets.services import wallet_ensure
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote
from tenant_apps.wallets.services.rates import exchange_policy_save, markup_save

from .support import SYSTEM, client_actor, give, in_threads, make_client, pegged, sheet, staff


def quoted(client: Client, text: str, a: str = "EUR", b: str = "USD", *, wanted: bool = False) -> Exchange:
    amount = Money.of(text, b if wanted else a)
    return exchange_quote(actor=client_actor(client), client=client, amount=amount, give_currency=a, get_currency=b)


def confirmed(client: Client, text: str, a: str = "EUR", b: str = "USD") -> Exchange:
    return exchange_confirm(actor=client_actor(client), exchange_id=quoted(client, text, a, b).pk)


def balance(client: Client, currency: str) -> Money:
    wallet = wallet_of(client.pk, currency)
    return wallet.balance if wallet else Money.zero(currency)


def trial() -> dict[tuple[str, str, str], int]:
    return {(owner, kind, currency): minor for owner, kind, currency, minor in ledger.trial_balance()}


def test_five_legs_sum_to_zero_in_each_currency(tenant: Any) -> None:
    """100.00 EUR at 1.0835 less half a percent: 107.80825 is floored to 107.80, the mid value is 108.35."""
    sheet()
    client = make_client()
    give(client, "250")
    row = confirmed(client, "100")
    assert (row.get, row.worth, row.income) == (Money(10_780, "USD"), Money(10_835, "USD"), Money(55, "USD"))
    assert trial() == {
        ("clients", "wallet", "EUR"): 15_000, ("house", "clearing:test", "EUR"): -25_000, ("house", "fx", "EUR"): 10_000,
        ("clients", "wallet", "USD"): 10_780, ("house", "fx", "USD"): -10_835, ("house", "fx_income", "USD"): 55,
    }  # fmt: skip
    assert ledger.broken_invariants() == {}


def test_everything_that_priced_it_stays_and_everybody_is_told(tenant: Any) -> None:
    moment = clock.now() - timedelta(hours=3)
    sheet(moment)
    markup_save(actor=staff(), base="USD", quote="EUR", bps=100)
    client = make_client()
    give(client, "250")
    row = confirmed(client, "100")
    assert (row.mid, row.bps, row.applied) == (Decimal("1.0835"), 100, Decimal("1.072665"))
    assert (row.source, row.rate_at, row.expires_at - row.created_at) == ("ecb", moment, timedelta(seconds=30))
    line = history(client.pk, "USD")[0]
    assert (line.words.title, line.words.detail) == ("Exchange from EUR to USD", row.reference)
    assert TimelineEntry.objects.filter(kind="wallets.exchanged", client=client).count() == 1
    assert AuditEntry.objects.get(action="wallets.exchanged").after["get"] == "107.26 USD"
    assert OutboxMessage.objects.get(name="wallets.exchanged").payload["income"] == {"minor": 109, "currency": "USD"}


def test_an_amount_wanted_arrives_to_the_unit(tenant: Any) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    row = quoted(client, "15000", "EUR", "JPY", wanted=True)
    assert (row.give, row.get) == (Money(9_287, "EUR"), Money(15_000, "JPY"))  # 92.8650… rounded up
    exchange_confirm(actor=client_actor(client), exchange_id=row.pk)
    assert balance(client, "JPY") == Money(15_000, "JPY")


def test_currencies_of_three_and_no_decimals_by_way_of_a_peg(tenant: Any) -> None:
    """W29's shape: 7.35 USD at 0.3072 are 2.257 KWD, floored at three decimals."""
    pegged("USD", "KWD", "0.3072")
    sheet()
    exchange_policy_save(actor=staff(), values={"markup_bps": 0})
    client = make_client()
    give(client, "7.35", "USD")
    assert confirmed(client, "7.35", "USD", "KWD").get == Money(2_257, "KWD")


def test_confirmed_twice_it_happens_once(tenant: Any) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    row = quoted(client, "100")
    first = exchange_confirm(actor=client_actor(client), exchange_id=row.pk)
    again = exchange_confirm(actor=client_actor(client), exchange_id=row.pk)
    assert (first.transfer_id, Transfer.objects.filter(kind="wallets.exchange").count()) == (again.transfer_id, 1)


def test_a_quote_ends_at_its_instant(tenant: Any) -> None:
    with time_machine.travel("2026-05-04T10:00:00+00:00", tick=False):
        sheet()
        client = make_client()
        give(client, "250")
        early, late = quoted(client, "10"), quoted(client, "10")
    with time_machine.travel("2026-05-04T10:00:29.999999+00:00", tick=False):
        exchange_confirm(actor=client_actor(client), exchange_id=early.pk)
    with time_machine.travel("2026-05-04T10:00:30+00:00", tick=False):
        with pytest.raises(QuoteExpired):
            exchange_confirm(actor=client_actor(client), exchange_id=late.pk)
        assert exchange_confirm(actor=client_actor(client), exchange_id=early.pk).state == "done"
    assert balance(client, "EUR") == Money(24_000, "EUR")


def test_rates_of_last_week_are_not_quoted(tenant: Any) -> None:
    sheet(clock.now() - timedelta(hours=96, minutes=1))
    client = make_client()
    give(client, "250")
    with pytest.raises(RateTooOld):
        quoted(client, "100")


@pytest.mark.parametrize(
    ("values", "check"),
    [({"kyc_state": "none"}, "kyc"), ({"stage": "closed"}, "kyc"), ({"email_changed_at": clock.now()}, "address")],
)
def test_who_may_not_withdraw_may_not_exchange(tenant: Any, values: dict[str, Any], check: str) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    row = quoted(client, "100")
    Client.objects.filter(pk=client.pk).update(**values)
    client.refresh_from_db()
    for work in (
        lambda: quoted(client, "1.5"),
        lambda: exchange_confirm(actor=client_actor(client), exchange_id=row.pk),
    ):
        with pytest.raises(MoveRefused) as refusal:
            work()
        assert refusal.value.data["check"] == check
    assert not Transfer.objects.filter(kind="wallets.exchange").exists()


def test_frozen_held_or_gone_money_stays(tenant: Any) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    frozen, held = quoted(client, "100"), quoted(client, "200")
    wallet = wallet_ensure(client_id=client.pk, currency="EUR")
    account_freeze(account=wallet, frozen=True)
    with pytest.raises(AccountFrozen):
        exchange_confirm(actor=client_actor(client), exchange_id=frozen.pk)
    account_freeze(account=wallet, frozen=False)
    hold_place(account=wallet, amount=Money(10_000, "EUR"), key="h", actor=SYSTEM)
    with pytest.raises(InsufficientFunds):
        exchange_confirm(actor=client_actor(client), exchange_id=held.pk)
    with pytest.raises(MoveRefused):
        quoted(client, "151")
    assert (balance(client, "EUR"), Exchange.objects.filter(state="done").count()) == (Money(25_000, "EUR"), 0)


@pytest.mark.parametrize(
    ("text", "pair"),
    [("0.99", ("EUR", "USD")), ("1.08", ("USD", "EUR")), ("160", ("JPY", "USD"))],
)
def test_dust_is_not_exchanged(tenant: Any, text: str, pair: tuple[str, str]) -> None:
    """The least amount is 1.00 EUR, whatever is given: 1.0835 USD, ¥162.34."""
    sheet()
    client = make_client()
    give(client, "100000", pair[0])
    with pytest.raises(Invalid) as refusal:
        quoted(client, text, *pair)
    assert refusal.value.field == "amount"


def test_the_count_of_a_day_and_the_switch(tenant: Any) -> None:
    sheet()
    exchange_policy_save(actor=staff(), values={"daily_count": 2})
    client = make_client()
    give(client, "250")
    waiting = quoted(client, "10")
    confirmed(client, "10")
    confirmed(client, "10")
    for work in (
        lambda: quoted(client, "10"),
        lambda: exchange_confirm(actor=client_actor(client), exchange_id=waiting.pk),
    ):
        with pytest.raises(MoveRefused):
            work()
    exchange_policy_save(actor=staff(), values={"daily_count": 50, "enabled": False})
    with pytest.raises(MoveRefused):
        quoted(client, "10")


def test_a_currency_the_brokerage_does_not_keep_is_not_quoted(live_tenants: Any) -> None:
    with context.use(live_tenants(currencies=["EUR", "USD"])):
        sheet()
        client = make_client()
        give(client, "250")
        assert quoted(client, "10").get_currency == "USD"
        with pytest.raises(Invalid) as refusal:
            quoted(client, "10", "EUR", "JPY")
        assert refusal.value.field == "get_currency"


def test_another_clients_quote_does_not_exist(tenant: Any) -> None:
    sheet()
    client, other = make_client(), make_client()
    give(client, "250")
    row = quoted(client, "100")
    with pytest.raises(NotFound):
        exchange_confirm(actor=client_actor(other), exchange_id=row.pk)
    with pytest.raises(NotFound):
        exchange_confirm(actor=staff(), exchange_id=row.pk)


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["EUR", "USD", "JPY", "GBP"]), st.integers(1, 10_000)), min_size=2, max_size=8
    ),
    bps=st.sampled_from([0, 0, 10, 50]),
)
def test_no_history_of_exchanges_gains(tenant: Any, steps: list[tuple[str, int]], bps: int) -> None:
    """Whatever shares go wherever, then all back to euros: never more than at the start; the house's books stay even."""
    sheet()
    policy = ExchangePolicy.objects.first() or ExchangePolicy()
    policy.markup_bps, policy.minimum_minor, policy.daily_count = bps, 1, 10_000
    policy.save()
    client = make_client()
    give(client, "100")
    at = "EUR"

    def move(at: str, share: int, to: str) -> None:
        wallet = wallet_of(client.pk, at)
        amount = wallet.available.scaled(Decimal(share) / 10_000, rounding="ROUND_FLOOR") if wallet else Money.zero(at)
        if at != to and amount:
            try:
                exchange_confirm(actor=client_actor(client), exchange_id=quoted(client, str(amount.amount), at, to).pk)
            except AppError:
                return

    for to, share in steps:
        move(at, share, to)
        at = to
    for at in ("USD", "JPY", "GBP"):
        move(at, 10_000, "EUR")
    assert balance(client, "EUR").minor <= 10_000
    sums: Counter[str] = Counter()
    for (_, kind, currency), minor in trial().items():
        sums[currency] += minor
        assert kind != "fx_income" or minor >= 0
    assert set(sums.values()) <= {0}


def test_many_confirm_at_once_and_one_happens(live_tenant: Any) -> None:
    sheet()
    client = make_client()
    give(client, "100")
    row, rival = quoted(client, "100"), quoted(client, "100")
    targets = itertools.cycle([row.pk, rival.pk])
    wanted = [next(targets) for _ in range(12)]
    answers = in_threads(
        lambda number: exchange_confirm(actor=client_actor(client), exchange_id=wanted[number]).pk, 12, live_tenant
    )
    winners = [answer for answer in answers if answer is not InsufficientFunds]
    assert (len(winners), len(set(winners))) == (6, 1)
    assert (balance(client, "EUR"), balance(client, "USD")) == (Money(0, "EUR"), Money(10_780, "USD"))
    assert ledger.broken_invariants() == {}


def test_killed_between_any_two_statements_it_is_whole_or_not_there(live_tenant: Any) -> None:
    sheet()
    client = make_client()
    give(client, "100")
    exchange_policy_save(actor=staff(), values={"quote_seconds": 600})
    row = quoted(client, "100")
    actor = client_actor(client)

    def whole() -> None:
        done = Exchange.objects.get(pk=row.pk).state == "done"
        moved = Transfer.objects.filter(kind="wallets.exchange").count()
        told = OutboxMessage.objects.filter(name="wallets.exchanged").count()
        lines = AuditEntry.objects.filter(action="wallets.exchanged").count()
        assert (moved, told, lines) == ((1, 1, 1) if done else (0, 0, 0))
        assert balance(client, "EUR") == Money(0 if done else 10_000, "EUR")

    assert killed_anywhere(lambda: exchange_confirm(actor=actor, exchange_id=row.pk), whole) > 10
    assert Exchange.objects.get(pk=row.pk).state == "done"
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("language", ["en", "ar", "de"])
def test_the_pages_lead_from_two_wallets_to_the_result(tenant: Any, language: str) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    give(client, "5", "USD")
    web = trader(tenant, client)
    web.cookies["language"] = language
    form = {"give": "EUR", "get": "USD", "side": "give", "amount": "100"}
    assert web.get("/wallets/exchange/").status_code == 200
    shown = web.get("/wallets/exchange/", {**form, "part": "form"}, headers={"hx-request": "true"}).content.decode()
    assert "107.80" in shown or "107,80" in shown
    assert not Exchange.objects.exists()
    assert web.post("/wallets/exchange/", {**form, "amount": "1000"}).status_code == 422
    place = web.post("/wallets/exchange/", form).headers["Location"]
    assert 'data-seconds="2' in web.get(place).content.decode()
    assert web.post(f"{place}confirm/").headers["Location"] == place
    assert web.post(f"{place}confirm/").headers["Location"] == place
    assert balance(client, "USD") == Money(11_280, "USD")
    assert web.get(place).status_code == 200
    stranger = trader(tenant, make_client())
    assert (stranger.get(place).status_code, stranger.post(f"{place}confirm/").status_code) == (404, 404)


def test_an_expired_quotes_page_says_so_and_offers_another(tenant: Any) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    web = trader(tenant, client)
    row = quoted(client, "10")
    Exchange.objects.filter(pk=row.pk).update(expires_at=clock.now())
    assert web.post(f"/wallets/exchange/{row.pk}/confirm/").status_code == 422
    assert "expired" in web.get(f"/wallets/exchange/{row.pk}/").content.decode()
    assert balance(client, "EUR") == Money(25_000, "EUR")


def test_the_pages_cost_the_same_with_a_long_history(tenant: Any, django_assert_max_num_queries: Any) -> None:
    sheet()
    client = make_client()
    give(client, "250")
    web = trader(tenant, client)
    web.get("/wallets/exchange/")
    for _ in range(3):
        confirmed(client, "10")
    with django_assert_max_num_queries(24):
        web.get("/wallets/exchange/?give=EUR&get=USD&side=give&amount=10")
