"""The invented past is the same at every seed and never contradicts itself."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from provisioning.demo.afterwards import facts_of
from provisioning.demo.brokers import BROKERS, Broker
from provisioning.demo.codes import code_now, totp_secret
from provisioning.demo.plan import lives
from provisioning.demo.small_print import FOOTERS, RISKS

UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_lives_are_the_same_and_in_order(broker: Broker) -> None:
    first, second = lives(broker, 120, UNTIL), lives(broker, 120, UNTIL)

    assert first == second
    assert len({life.email for life in first}) == 120
    assert [life.known for life in first].count(True) == 1
    for life in first:
        steps = [life.created_at, life.registered_at, life.submitted_at, life.verified_at, life.first_deposit_at]
        reached = [moment for moment in steps if moment]
        assert reached == sorted(reached)
        assert max(reached) < UNTIL
        seen = life.last_seen(UNTIL)
        assert (seen is None) == (life.registered_at is None)
        if seen is not None and life.registered_at is not None:
            own = [life.registered_at, life.submitted_at, *(paid.at for paid in life.deposits)]
            assert max(moment for moment in own if moment) <= seen <= UNTIL


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_nobody_passes_on_or_takes_out_more_than_came_in(broker: Broker) -> None:
    for life in lives(broker, 120, UNTIL):
        paid_in = sum(paid.minor for paid in life.deposits)
        gone = sum(paid.to_account for paid in life.deposits) + sum(paid.minor for paid in life.withdrawals)
        assert gone <= paid_in


@pytest.mark.parametrize("size", [20, 120, 300])
@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_no_bank_pays_out_more_than_came_in_there(broker: Broker, size: int) -> None:
    """Else the day's close shows clients' money at a bank that was never there."""
    moves = []
    for life in lives(broker, size, UNTIL):
        moves += [(paid.at, paid.currency, paid.minor) for paid in life.deposits if paid.provider == "bank_wire"]
        moves += [(paid.at, paid.currency, -paid.minor) for paid in life.withdrawals]
    stand: dict[str, int] = defaultdict(int)
    for _, currency, minor in sorted(moves):
        stand[currency] += minor
        assert stand[currency] >= 0


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_everybody_holds_a_currency_of_their_country(broker: Broker) -> None:
    for life in lives(broker, 120, UNTIL):
        assert life.currency in (life.country.currencies or broker.currencies)
        assert life.known == (life.email == broker.trader[0])


def test_a_code_follows_from_the_address() -> None:
    email = "anna.agent@nordwind.example"

    assert totp_secret(email) == totp_secret(email.upper())
    assert totp_secret(email) != totp_secret("arne.agent@nordwind.example")
    assert len(code_now(email)[0]) == 6


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_nobody_has_anothers_name(broker: Broker) -> None:
    names = [life.name for life in lives(broker, 300, UNTIL)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_who_waits_for_the_desk_has_waited_for_days_at_most(broker: Broker) -> None:
    for life in lives(broker, 300, UNTIL):
        if life.kyc in {"submitted", "needs_more"}:
            assert life.submitted_at is not None
            assert UNTIL - life.submitted_at < timedelta(days=9)


@pytest.mark.parametrize("count", [20, 300])
@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_the_documented_client_has_enough_to_trade_with(broker: Broker, count: int) -> None:
    known = next(life for life in lives(broker, count, UNTIL) if life.known)
    assert known.trades
    assert known.deposits[0].to_account >= 5 * broker.deposit * broker.rates[known.currency] * 100
    assert known.first_deposit_at is not None
    assert UNTIL - known.first_deposit_at > timedelta(days=60)


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_every_language_has_its_legal_lines(broker: Broker) -> None:
    for language in broker.languages:
        assert FOOTERS[broker.slug][language]
        assert RISKS[language]


@pytest.mark.parametrize("broker", BROKERS, ids=lambda broker: broker.slug)
def test_the_dry_run_of_a_rule_finds_what_the_lives_tell(broker: Broker) -> None:
    """Whoever paid in, paid in first once, at the moment that the client's page names."""
    for life in lives(broker, 120, UNTIL):
        facts = facts_of(life)
        first = [at for name, at, more in facts if name == "payments.deposit_credited" and more["first"]]
        assert first == ([life.first_deposit_at] if life.first_deposit_at else [])
        assert [at for name, at, _ in facts if name == "clients.registered"] == [life.registered_at] * bool(
            life.registered_at
        )
