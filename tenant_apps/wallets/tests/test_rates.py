"""Rates from the bank's sheet and by hand: stored once, aged, refused when old, four eyes on what people set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from kernel import clock
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry, OutboxMessage
from sandbox.tests.support import Sandbox
from tenant_apps.accounts.tests.support import actor as staff_actor
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.clients.errors import SamePerson
from tenant_apps.wallets import rates, registry
from tenant_apps.wallets.adapters.ecb.source import EcbSource, latest_day, parse
from tenant_apps.wallets.errors import RateTooOld, RateUnknown, SheetRefused, WrongState
from tenant_apps.wallets.models import ManualRate, PairMarkup, Rate, SourceState
from tenant_apps.wallets.ports import Observation
from tenant_apps.wallets.services import rates as service
from tenant_apps.wallets.tasks import rates_fetch

from .support import pegged, sheet, staff

MONDAY = datetime(2026, 4, 13, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def ecb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("ecb", tmp_path_factory.mktemp("ecb"))
    yield running
    running.close()


@pytest.fixture
def bank(ecb: Sandbox, settings: Any) -> Iterator[Sandbox]:
    """The bank on the thirteenth of April, an hour after its sheet."""
    settings.SANDBOX = {"ecb_url": ecb.url}
    settings.OUTGOING_ALLOWED_HOSTS = {f"127.0.0.1:{ecb.port}"}
    given = {"moment": MONDAY.isoformat(), "fault": "none", "factors": {}}
    ecb.http.put("/_control/api/settings", json=given)
    with time_machine.travel(MONDAY, tick=False):
        yield ecb


def ask(bank: Sandbox, **values: Any) -> None:
    assert bank.http.put("/_control/api/settings", json=values).status_code == 200


def test_both_sources_are_there() -> None:
    assert {"ecb", "manual"} <= registry.sources().keys()


def test_a_sheet_is_stored_once_and_asked_for_when_a_new_one_can_be_there(tenant: Any, bank: Sandbox) -> None:
    assert rates_fetch.run() == 25
    assert rates.price_now("EUR", "USD").mid == Decimal("1.1684")
    assert rates.price_now("EUR", "USD").observed_at == datetime(2026, 4, 13, 12, 15, tzinfo=UTC)
    assert service.rates_due() == []
    assert service.rates_refresh("ecb") == 0
    assert Rate.objects.count() == 25
    with time_machine.travel(MONDAY + timedelta(days=1), tick=False):
        assert service.rates_due() == ["ecb"]


@pytest.mark.parametrize(
    "fault", ["error", "unavailable", "page", "truncated", "empty", "negative", "bomb", "other_namespace"]
)
def test_what_is_no_sheet_changes_nothing_and_is_told(tenant: Any, bank: Sandbox, fault: str) -> None:
    ask(bank, fault=fault)
    assert service.rates_refresh("ecb") == 0
    assert not Rate.objects.exists()
    state = SourceState.objects.get()
    assert (bool(state.error), state.fetched_at) == (True, None)
    ask(bank, fault="none")
    assert service.rates_refresh("ecb") == 25
    assert SourceState.objects.get().error == ""


def test_a_rate_that_leaps_is_left_out_until_people_set_it(tenant: Any, bank: Sandbox) -> None:
    sheet(MONDAY - timedelta(days=3), USD="1.17", JPY="186.00")
    ask(bank, factors={"USD": "10"})
    service.rates_refresh("ecb")
    assert rates.price_now("EUR", "USD").mid == Decimal("1.17")
    assert rates.price_now("EUR", "JPY").mid == Decimal("186.75")
    row = service.manual_rate_propose(actor=staff(), base="USD", quote="EUR", mid=Decimal("0.0856"), reason="it did")
    service.manual_rate_approve(actor=staff(), rate_id=row.pk)
    with time_machine.travel(MONDAY + timedelta(minutes=5), tick=False):
        moved = Observation("EUR", "USD", Decimal("11.7"), clock.now())
        assert service.rates_store("ecb", [moved]) == 1


def test_the_sheets_parser_takes_all_or_nothing() -> None:
    with pytest.raises(SheetRefused):
        parse(b"<a/>")
    assert EcbSource().due(None, MONDAY)


@pytest.mark.parametrize(
    ("now", "day"),
    [("2026-04-13T13:59", "2026-04-10"), ("2026-04-13T14:00", "2026-04-13"), ("2026-04-12T20:00", "2026-04-10"),
     ("2026-04-11T10:00", "2026-04-10"), ("2026-01-05T14:59", "2026-01-02"), ("2026-01-05T15:00", "2026-01-05")],
)  # fmt: skip
def test_the_sheet_to_expect_follows_the_clock_in_frankfurt(now: str, day: str) -> None:
    assert latest_day(datetime.fromisoformat(f"{now}:00+00:00")).isoformat() == day


def test_old_rates_are_not_quoted_and_pegs_do_not_age(tenant: Any) -> None:
    with time_machine.travel(datetime(2026, 4, 2, 16, tzinfo=UTC), tick=False):  # Maundy Thursday
        sheet(clock.now(), USD="1.0835")
        pegged("USD", "AED", "3.6725")
    with time_machine.travel(datetime(2026, 4, 8, 21, 59, tzinfo=UTC), tick=False):  # Wednesday, midnight in Frankfurt
        assert rates.price_now("EUR", "AED").mid == Decimal("1.0835") * Decimal("3.6725")
        assert [(one.banking_days, one.stale) for one in rates.shown_rates(rates.exchange_policy())] == [
            (2, False), (None, False),
        ]  # fmt: skip
    with time_machine.travel(datetime(2026, 4, 8, 22, tzinfo=UTC), tick=False):
        assert [one.stale for one in rates.shown_rates(rates.exchange_policy())] == [True, False]
        assert rates.price_now("USD", "AED").mid == Decimal("3.6725")
        with pytest.raises(RateTooOld):
            rates.price_now("EUR", "AED")
    with pytest.raises(RateUnknown):
        rates.price_now("EUR", "KWD")


def test_a_rate_set_by_hand_ages_by_the_clock(tenant: Any) -> None:
    moment = datetime(2026, 4, 2, 16, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        service.rates_store("manual", [Observation("EUR", "USD", Decimal("1.1"), moment)])
    with time_machine.travel(moment + timedelta(hours=96), tick=False):
        assert rates.price_now("EUR", "USD").mid == Decimal("1.1")
    with time_machine.travel(moment + timedelta(hours=96, seconds=1), tick=False), pytest.raises(RateTooOld):
        rates.price_now("EUR", "USD")


def test_a_rate_of_the_future_is_not_believed(tenant: Any) -> None:
    assert service.rates_store("ecb", [Observation("EUR", "USD", Decimal("1"), clock.now() + timedelta(hours=1))]) == 0
    assert service.rates_store("ecb", [Observation("EUR", "XXX", Decimal("1"), clock.now())]) == 0


def test_a_peg_ends_with_the_next_rate_of_its_pair_whichever_way_it_is_written(tenant: Any) -> None:
    pegged("USD", "KWD", "0.3072")
    sheet(clock.now() - timedelta(days=10), USD="1.0")
    service.rates_store("manual", [Observation("KWD", "USD", Decimal("3.25"), clock.now() - timedelta(days=9))])
    with pytest.raises(RateTooOld):
        rates.price_now("USD", "KWD")


def test_four_eyes_set_a_rate(tenant: Any) -> None:
    ann, bob = person("finance", name="Ann Miller"), person("finance", name="Bob Ross")
    values = {"base": "USD", "quote": "AED", "mid": Decimal("3.6725"), "pegged": True, "reason": "CBUAE"}
    row = service.manual_rate_propose(actor=staff_actor(ann), **values)
    assert not Rate.objects.exists()
    with pytest.raises(SamePerson):
        service.manual_rate_approve(actor=staff_actor(ann), rate_id=row.pk)
    service.manual_rate_approve(actor=staff_actor(bob), rate_id=row.pk)
    assert rates.price_now("AED", "USD").applied(0) == rates.price_now("AED", "USD").mid
    with pytest.raises(WrongState):
        service.manual_rate_approve(actor=staff_actor(bob), rate_id=row.pk)
    assert Rate.objects.count() == 1
    assert list(registry.sources()["manual"].fetch())[0].mid == Decimal("3.6725")
    acts = AuditEntry.objects.filter(action__startswith="wallets.rate").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["wallets.rate_proposed", "wallets.rate_approved"]
    assert OutboxMessage.objects.get(name="wallets.rate_set").payload["mid"] == str(ManualRate.objects.get().mid)


def test_a_proposal_is_taken_back_by_its_author_and_refused_by_others(tenant: Any) -> None:
    ann, bob = staff(), staff()
    values: dict[str, Any] = {"base": "USD", "quote": "AED", "mid": Decimal("3.7"), "reason": "a guess"}
    for decider, state in ((ann, "withdrawn"), (bob, "rejected")):
        row = service.manual_rate_propose(actor=ann, **values)
        assert service.manual_rate_reject(actor=decider, rate_id=row.pk, reason="no").state == state
        with pytest.raises(WrongState):
            service.manual_rate_approve(actor=bob, rate_id=row.pk)
    assert not Rate.objects.exists()


@pytest.mark.parametrize(
    ("field", "values"),
    [("quote", {"quote": "USD"}), ("base", {"base": "XXX"}), ("mid", {"mid": Decimal(0)}), ("reason", {"reason": " "})],
)
def test_a_rate_that_cannot_be_is_refused(tenant: Any, field: str, values: dict[str, Any]) -> None:
    given: dict[str, Any] = {"base": "USD", "quote": "AED", "mid": Decimal("3.6725"), "reason": "x"}
    with pytest.raises(Invalid) as refusal:
        service.manual_rate_propose(actor=staff(), **{**given, **values})
    assert refusal.value.field == field


def test_each_act_needs_its_right(tenant: Any) -> None:
    nobody = staff("clients.view")
    row = service.manual_rate_propose(actor=staff(), base="USD", quote="AED", mid=Decimal(4), reason="x")
    for work in (
        lambda: service.manual_rate_propose(actor=nobody, base="USD", quote="AED", mid=Decimal(4), reason="x"),
        lambda: service.manual_rate_approve(actor=nobody, rate_id=row.pk),
        lambda: service.manual_rate_reject(actor=nobody, rate_id=row.pk, reason=""),
        lambda: service.markup_save(actor=nobody, base="EUR", quote="USD", bps=1),
        lambda: service.exchange_policy_save(actor=nobody, values={"markup_bps": 1}),
    ):
        with pytest.raises(Forbidden):
            work()


def test_a_pairs_mark_up_stands_both_ways_before_the_default(tenant: Any) -> None:
    policy = service.exchange_policy_save(actor=staff(), values={"markup_bps": 70})
    row = service.markup_save(actor=staff(), base="USD", quote="EUR", bps=12)
    service.markup_save(actor=staff(), base="EUR", quote="USD", bps=13)
    assert [rates.markup_bps(*pair, policy) for pair in (("EUR", "USD"), ("USD", "EUR"), ("EUR", "JPY"))] == [
        13,
        13,
        70,
    ]
    service.markup_remove(actor=staff(), markup_id=row.pk)
    assert (rates.markup_bps("EUR", "USD", policy), PairMarkup.objects.count()) == (70, 0)
    with pytest.raises(Invalid):
        service.exchange_policy_save(actor=staff(), values={"quote_seconds": 1})


def test_a_price_costs_one_query(tenant: Any, django_assert_num_queries: Any) -> None:
    sheet()
    policy = service.exchange_policy_save(actor=staff(), values={"markup_bps": 70})
    with django_assert_num_queries(1):
        rates.edges_at(clock.now(), policy)
