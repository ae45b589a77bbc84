"""Routing: which rules let whom pay with what, in which order, what maintenance and silent providers change, and where a
declined payment goes next."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import Forbidden, Invalid, Unavailable
from kernel.models import AuditEntry
from kernel.money import Money
from tenant_apps.payments.errors import AmountOutOfLimits, MethodNotOffered
from tenant_apps.payments.models import Deposit, DepositState, Maintenance, MethodRule, ProviderAccount
from tenant_apps.payments.services import health, offers, routing
from tenant_apps.payments.services.deposits import deposit_open, deposit_start
from tenant_apps.payments.services.maintenance import maintenance_begin, maintenance_end

from .support import client_actor, eur, make_account, make_client, make_rule, staff
from .test_pages import deposit_of, officer, trader

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def situation(**values: Any) -> routing.Situation:
    return routing.Situation(**{"currency": "EUR", "country": "DE", "level": 1, "at": clock.now(), **values})


def reasons(found: list[routing.Verdict]) -> dict[str, tuple[str, ...]]:
    return {one.rule.method: one.against for one in found}


@pytest.mark.parametrize(
    ("rule", "who", "reason"),
    [
        ({"kyc_level": 2}, {"level": 1}, "level"),
        ({"countries": ["AT"]}, {}, "country"),
        ({"excluded_countries": ["DE"]}, {}, "country"),
        ({"tags_any": ["vip", "old"]}, {"tags": frozenset({"new"})}, "tags_any"),
        ({"tags_none": ["risky"]}, {"tags": frozenset({"risky", "vip"})}, "tags_none"),
        ({"device": "phone"}, {"device": "desktop"}, "device"),
        ({"entities": ["one", "other"]}, {"entity": "third"}, "entity"),
        ({"entities": ["one"]}, {}, "entity"),
        ({"hours_from": time(9), "hours_until": time(12)}, {"at": NOON}, "hours"),
        ({"minimum_minor": 5000}, {"amount": eur("49.99")}, "amount"),
        ({"fee_fixed_minor": 5000}, {"amount": eur("50")}, "fee"),
        ({"enabled": False}, {}, "off"),
    ],
)
def test_each_condition_leaves_a_rule_out_and_says_so(
    tenant: Any, rule: dict[str, Any], who: dict[str, Any], reason: str
) -> None:
    account = make_account()
    make_rule(account, "card", **rule)
    make_rule(account, "klarna")
    found = routing.verdicts(situation(**who), all_of_them=True)
    assert reasons(found) == {"card": (reason,), "klarna": ()}
    assert [offer.method.code for offer in routing.offers_in(found)] == ["klarna"]


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ({"tags_any": ["vip"], "tags_none": ["risky"]}, {"tags": frozenset({"vip", "x"})}),
        ({"device": "phone"}, {"device": "phone"}),
        ({"hours_from": time(22), "hours_until": time(13, 1)}, {"at": NOON}),
        ({"kyc_level": 2}, {"level": 2}),
        ({"minimum_minor": 5000}, {"amount": eur("50")}),
    ],
)
def test_the_same_conditions_let_others_through(tenant: Any, rule: dict[str, Any], who: dict[str, Any]) -> None:
    make_rule(make_account(), "card", **rule)
    assert reasons(routing.verdicts(situation(**who))) == {"card": ()}


def test_hours_are_the_brokerages(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoneinfo import ZoneInfo

    monkeypatch.setattr(routing, "brokerage_zone", lambda: ZoneInfo("Asia/Almaty"))  # five hours ahead of UTC
    assert routing.within_hours(time(17), time(18), NOON)
    assert not routing.within_hours(time(12), time(13), NOON)


@given(begin=st.times(), end=st.times(), at=st.times())
def test_hours_and_their_opposite_share_the_day(begin: time, end: time, at: time) -> None:
    """Every moment lies in the hours or in those from their end to their begin, never in both; bounds are half-open."""
    from unittest.mock import patch

    moment = datetime.combine(NOON.date(), at, tzinfo=UTC)
    with patch.object(routing, "brokerage_zone", lambda: UTC):
        inside = routing.within_hours(begin, end, moment)
        outside = routing.within_hours(end, begin, moment)
    assert inside != outside or begin == end


def test_rules_of_one_method_are_bands_of_amounts(tenant: Any) -> None:
    account = make_account()
    make_rule(
        account, "card", minimum_minor=1000, maximum_minor=50_000, fee_percent="2", cost_percent="1.4", position=1
    )
    make_rule(account, "card", minimum_minor=50_001, maximum_minor=900_000, cost_fixed_minor=25, position=2)
    (offer,) = offers.offers_for(make_client(), "EUR")
    assert (offer.minimum, offer.maximum) == (eur("10"), eur("9000"))
    assert (offer.fee(eur("500")), offer.fee(eur("500.01"))) == (eur("10"), eur("0"))
    with pytest.raises(AmountOutOfLimits):
        offer.check(eur("9.99"))
    person = make_client()
    small = deposit_start(actor=client_actor(person), client=person, amount=eur("100"), offer_key=offer.key)
    large = deposit_start(actor=client_actor(person), client=person, amount=eur("600"), offer_key=offer.key)
    assert (small.fee_minor, small.cost_minor, large.fee_minor, large.cost_minor) == (200, 140, 0, 25)


@given(amount=st.integers(1, 10**9), percent=st.decimals(0, 50, places=3), fixed=st.integers(0, 10_000))
def test_a_fee_is_never_a_whole_unit_too_much(amount: int, percent: Any, fixed: int) -> None:
    rule = MethodRule(currency="KWD", fee_percent=percent, fee_fixed_minor=fixed)
    fee = routing.fee_of(rule, Money(amount, "KWD"))
    exact = amount * percent / 100 + fixed
    assert exact <= fee.minor < exact + 1


def test_maintenance_hides_a_method_and_leaves_open_payments_alone(tenant: Any) -> None:
    account, other = make_account(), make_account("stripe", name="Second")
    for one in (account, other):
        make_rule(one, "card")
        make_rule(one, "klarna")
    person, chief = make_client(), staff("payments.provider.edit")
    open_one = deposit_of(person, DepositState.PENDING)
    keys = {offer.key for offer in offers.offers_for(person, "EUR")}
    of_method = maintenance_begin(actor=chief, account=account, method="card", words="New contract")
    assert keys - {offer.key for offer in offers.offers_for(person, "EUR")} == {f"{account.pk}:card"}
    everywhere = maintenance_begin(actor=chief, account=None, method="klarna")
    assert {offer.key for offer in offers.offers_for(person, "EUR")} == {f"{other.pk}:card"}
    whole = maintenance_begin(actor=chief, account=other)
    assert offers.offers_for(person, "EUR") == []
    with pytest.raises(MethodNotOffered):
        deposit_start(actor=client_actor(person), client=person, amount=eur("50"), offer_key=f"{other.pk}:card")
    open_one.refresh_from_db()
    assert open_one.state == DepositState.PENDING
    for row in (of_method, everywhere, whole):
        maintenance_end(actor=chief, maintenance_id=row.pk)
        maintenance_end(actor=chief, maintenance_id=row.pk)  # again: nothing
    assert {offer.key for offer in offers.offers_for(person, "EUR")} == keys
    assert AuditEntry.objects.filter(action="payments.maintenance_ended").count() == 3


def test_maintenance_has_a_begin_and_an_end(tenant: Any) -> None:
    account, chief, now = make_account(), staff("payments.provider.edit"), clock.now()
    make_rule(account, "card")
    maintenance_begin(
        actor=chief, account=account, starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2)
    )
    at = [reasons(routing.verdicts(situation(at=now + timedelta(minutes=m))))["card"] for m in (59, 60, 119, 120)]
    assert at == [(), ("maintenance",), ("maintenance",), ()]
    with pytest.raises(Invalid):
        maintenance_begin(actor=chief, account=None)
    with pytest.raises(Invalid):
        maintenance_begin(actor=chief, account=account, ends_at=now - timedelta(minutes=1))
    with pytest.raises(Forbidden):
        maintenance_begin(actor=staff("payments.view"), account=account)


def silent(account: ProviderAccount, times: int) -> None:
    for _ in range(times):
        health.call_failed(account.pk)
    account.refresh_from_db()


def test_a_silent_provider_comes_last_until_it_answers(tenant: Any) -> None:
    first, second = make_account(name="First"), make_account(name="Second")
    make_rule(first, "card", position=1)
    make_rule(first, "klarna", position=2)
    make_rule(second, "card", position=3)
    person = make_client()
    silent(first, 2)
    assert first.backed_off_at is None
    silent(first, 1)
    assert AuditEntry.objects.filter(action="payments.provider_held_back").count() == 1
    order = [(offer.account.name, offer.method.code, offer.held_back) for offer in offers.offers_for(person, "EUR")]
    assert order == [("Second", "card", False), ("First", "card", True), ("First", "klarna", True)]
    ProviderAccount.objects.filter(pk=first.pk).update(backoff_hides=True)
    order = [(offer.account.name, offer.method.code, offer.held_back) for offer in offers.offers_for(person, "EUR")]
    assert order == [("Second", "card", False), ("First", "klarna", True)]  # nobody else has Klarna
    health.call_worked(first.pk)
    assert [offer.account.name for offer in offers.offers_for(person, "EUR")] == ["First", "First", "Second"]


def test_holding_back_ends_with_time_or_by_hand_and_zero_means_never(tenant: Any) -> None:
    account = make_account(backoff_after=1)
    silent(account, 1)
    assert health.held_back(account, clock.now())
    assert not health.held_back(account, clock.now() + health.HELD_BACK_FOR)
    ProviderAccount.objects.filter(pk=account.pk).update(backed_off_at=clock.now() - health.HELD_BACK_FOR)
    silent(account, 1)  # tried again, and still silent
    assert health.held_back(account, clock.now())
    health.back_off_lift(actor=staff("payments.provider.edit"), account_id=account.pk)
    account.refresh_from_db()
    assert (account.backed_off_at, account.failures) == (None, 0)
    never = make_account(backoff_after=0)
    silent(never, 9)
    assert never.backed_off_at is None


def test_opening_a_payment_counts(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenant_apps.payments.adapters.stripe import StripeProvider

    def dead(*_: Any) -> Any:
        raise Unavailable

    monkeypatch.setattr(StripeProvider, "create_deposit", dead)
    account = make_account(credentials={"secret_key": "sk_test_a_b"}, backoff_after=2)
    make_rule(account, "card")
    person = make_client()
    for expected in (1, 2):
        started = deposit_start(
            actor=client_actor(person), client=person, amount=eur("50"), offer_key=f"{account.pk}:card"
        )
        with pytest.raises(Unavailable):
            deposit_open(deposit_id=started.pk)
        account.refresh_from_db()
        assert account.failures == expected
    assert account.backed_off_at is not None


def test_after_a_decline_another_account_is_tried_and_none_twice(tenant: Any) -> None:
    """The same method elsewhere first, then another method; never an account of this row of tries."""
    one, two, three = (make_account(name=name) for name in ("One", "Two", "Three"))
    make_rule(one, "card", position=1)
    make_rule(one, "klarna", position=2)
    make_rule(two, "klarna", position=3)
    make_rule(three, "card", position=4)
    person = make_client()
    actor = client_actor(person)
    first = deposit_start(actor=actor, client=person, amount=eur("50"), offer_key=f"{one.pk}:card")
    tried, last = [first.provider_account.name], first
    while offer := offers.next_best(person, last):
        last = deposit_start(actor=actor, client=person, amount=eur("50"), offer_key=offer.key, instead_of=last)
        tried.append(f"{last.provider_account.name} {last.method}")
    assert tried == ["One", "Three card", "Two klarna"]
    assert set(Deposit.objects.exclude(pk=first.pk).values_list("attempt", flat=True)) == {first.pk}
    for account in (one, two, three):
        with pytest.raises(MethodNotOffered):
            deposit_start(
                actor=actor, client=person, amount=eur("50"), offer_key=f"{account.pk}:klarna", instead_of=last
            )
    stranger = make_client()
    with pytest.raises(MethodNotOffered):
        deposit_start(
            actor=client_actor(stranger), client=stranger, amount=eur("50"), offer_key=f"{two.pk}:klarna",
            instead_of=first,
        )  # fmt: skip


def test_the_next_best_takes_the_amount(tenant: Any) -> None:
    one, two = make_account(name="One"), make_account(name="Two")
    make_rule(one, "card")
    make_rule(two, "card", minimum_minor=10_000)
    person = make_client()
    small = deposit_start(actor=client_actor(person), client=person, amount=eur("99.99"), offer_key=f"{one.pk}:card")
    assert offers.next_best(person, small) is None


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_tester_tells_what_would_be_offered_and_why_not(tenant: Any, language: str) -> None:
    account = make_account(name="Bluebank")
    make_rule(account, "card", fee_percent="1.5", cost_percent="0.9")
    make_rule(account, "klarna", tags_any=["vip"])
    maintenance_begin(actor=staff("payments.provider.edit"), account=account, method="ideal", words="Moving house")
    make_rule(account, "ideal", countries=["NL"])
    person = make_client(tags=["vip"])
    web = officer(tenant, "payments.provider.edit", "payments.view")
    web.cookies["language"] = language
    assert web.get("/payments/routing/").status_code == 200
    asked = {"currency": "EUR", "amount": "100", "client": str(person.number), "device": "phone"}
    body = web.get("/payments/routing/", asked).content.decode()
    assert "Moving house" in body
    assert str(person.number) in body
    if language == "en":
        assert "€1.50" in body
        assert "€0.90" in body
        assert body.index("Klarna") < body.index("Not offered")
        assert body.index("Not for this country") > body.index("Not offered")
    asked = {
        "currency": "EUR",
        "amount": "100",
        "country": "DE",
        "level": "0",
        "tags": "VIP ,x",
        "client": "nobody@x.de",
    }
    assert web.get("/payments/routing/", asked).status_code == 200


def test_the_office_plans_maintenance_and_lifts_a_back_off(tenant: Any) -> None:
    account = make_account(backoff_after=1)
    make_rule(account, "card")
    silent(account, 1)
    web = officer(tenant, "payments.provider.edit")
    assert "Held back" in web.get("/payments/providers/").content.decode()
    assert "Offer it as before" in web.get(f"/payments/providers/{account.pk}/").content.decode()
    assert web.post(f"/payments/providers/{account.pk}/lift/").status_code == 302
    sent = {"what": f"{account.pk}:card", "words": "A new key"}
    assert web.get(f"/payments/routing/maintenance/?account={account.pk}").status_code == 200
    assert web.post("/payments/routing/maintenance/", {**sent, "ends_at": "2020-01-01T10:00"}).status_code == 422
    assert web.post("/payments/routing/maintenance/", sent).status_code == 302
    row = Maintenance.objects.get()
    assert "A new key" in web.get(f"/payments/providers/{account.pk}/").content.decode()
    assert web.post(f"/payments/routing/maintenance/{row.pk}/end/").status_code == 302
    stranger = officer(tenant, "payments.view")
    assert stranger.get("/payments/routing/").status_code == 403
    assert stranger.post(f"/payments/providers/{account.pk}/lift/").status_code == 403


def test_the_office_saves_what_a_rule_asks_for(tenant: Any) -> None:
    account = make_account(credentials={"secret_key": "sk_test_a_b"})
    web = officer(tenant, "payments.provider.edit")
    sent = {
        "method": "card", "currency": "EUR", "minimum": "10", "maximum": "500", "kyc_level": "1", "fee_percent": "1",
        "fee_fixed": "0", "cost_percent": "0,9", "cost_fixed": "0.25", "position": "5", "enabled": "on",
        "tags_any": "VIP, old", "tags_none": "risky", "device": "phone", "hours_from": "08:00", "hours_until": "20:00",
    }  # fmt: skip
    assert web.post(f"/payments/providers/{account.pk}/rules/", sent).status_code == 302
    rule = MethodRule.objects.get()
    assert (rule.tags_any, rule.tags_none, rule.device) == (["old", "vip"], ["risky"], "phone")
    assert (rule.hours_from, rule.hours_until, rule.cost_fixed_minor) == (time(8), time(20), 25)
    assert web.post(f"/payments/providers/rules/{rule.pk}/", {**sent, "hours_until": ""}).status_code == 422
    assert web.get(f"/payments/providers/rules/{rule.pk}/").status_code == 200


def test_the_failed_page_offers_the_next_way_in_one_click(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenant_apps.payments.adapters.stripe import StripeProvider
    from tenant_apps.payments.ports import Redirect

    monkeypatch.setattr(
        StripeProvider, "create_deposit",
        lambda self, order: Redirect(url="https://pay.example/x", provider_reference=f"cs_{order.deposit_id}"),
    )  # fmt: skip
    one = make_account(credentials={"secret_key": "sk_test_a_b"})
    make_rule(one, "card", position=90)
    person = make_client()
    failed = deposit_of(person, DepositState.FAILED, failure="insufficient_funds")
    web = trader(tenant, person)
    body = web.get(f"/cashier/deposits/{failed.pk}/").content.decode()
    assert "There was not enough money" in body
    assert f"/cashier/deposits/{failed.pk}/retry/" in body
    answer = web.post(f"/cashier/deposits/{failed.pk}/retry/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "https://pay.example/x"
    again = Deposit.objects.exclude(pk=failed.pk).get()
    assert (again.provider_account_id, again.attempt, again.amount) == (one.pk, failed.pk, failed.amount)
    assert web.post(f"/cashier/deposits/{failed.pk}/retry/").status_code == 302  # nothing left to try
    assert Deposit.objects.count() == 2
    assert trader(tenant, make_client()).post(f"/cashier/deposits/{failed.pk}/retry/").status_code == 404
