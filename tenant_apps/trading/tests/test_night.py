"""What the nightly comparison keeps for the daily close: once per server and day, whatever it found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.utils import ProgrammingError

from kernel import clock
from kernel.money import Money
from kernel.redis import client as redis_client
from kernel.redis import tenant_key
from tenant_apps.trading import night
from tenant_apps.trading.compare import Findings
from tenant_apps.trading.models import Case, Comparison, Deal, TradingAccount, TradingServer
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tasks import compare_server
from tenant_apps.trading.tests.conftest import TEST, World
from tenant_apps.trading.tests.test_bridge import trader
from tenant_apps.trading.tests.test_compare import of_states, shift

GRACE = night.GRACE


@pytest.fixture
def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The night is over whenever the tests run, soon after midnight too. The clock stays: the server's must agree with it."""
    monkeypatch.setattr(night, "GRACE", timedelta(0))
    return world


def synced(world: World, **values: Any) -> TradingAccount:
    """An account with 10,000.00 that the bridge has read, opened before yesterday ended."""
    account = trader(world)
    changes = {"history_synced_at": clock.now(), "created_at": clock.now() - timedelta(days=2), **values}
    TradingAccount.objects.filter(pk=account.pk).update(**changes)
    account.refresh_from_db()
    return account


def kept() -> list[dict[str, Any]]:
    row = Comparison.objects.order_by("-at").first()
    assert row is not None
    assert row.day == row.at.date() - timedelta(days=1)
    return list(row.figures)


def figures(**values: int) -> dict[str, Any]:
    names = ("platform", "mirror", "difference", "in_transit", "accounts", "differing", "unsettled", "missing")
    plain = dict.fromkeys(names, 0)
    return {"currency": "EUR", **plain, **values}


def test_a_night_is_kept_once_with_both_sides(world: World) -> None:
    synced(world)
    assert len(night.compare_night()) == 1
    assert night.compare_night() == []
    assert Comparison.objects.count() == 1
    assert kept() == [figures(platform=1_000_000, mirror=1_000_000, accounts=1)]


def test_a_difference_is_kept_and_a_later_comparison_of_the_day_too(world: World) -> None:
    account = synced(world)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "7.50"})
    night.compare_night()
    assert kept() == [figures(platform=1_000_750, mirror=1_000_000, difference=750, accounts=1, differing=1)]
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "-7.50"})
    compare_server.run(str(world.server.pk))
    assert kept() == [figures(platform=1_000_000, mirror=1_000_000, accounts=1)]
    assert Comparison.objects.count() == 2


def test_a_comparison_of_the_last_days_does_not_stand_for_the_night(world: World) -> None:
    """What was removed on the server long ago is found, although somebody compared the last days after midnight."""
    synced(world)
    compare_server.run(str(world.server.pk))
    Deal.objects.update(executed_at=clock.now() - timedelta(days=30))
    world.admin("POST", "/faults", {"kind": "delete_deal", "deal": Deal.objects.get().deal})
    compare_server.run(str(world.server.pk))
    assert list(Comparison.objects.values_list("whole", flat=True)) == [False, False]
    assert [found.deleted for found in night.compare_night()] == [1]
    assert night.compare_night() == []
    assert Comparison.objects.filter(whole=True).count() == 1


def under_way(world: World, account: TradingAccount, minor: int) -> None:
    """Money to the account that the server has not spoken of yet."""
    world.funds(account.client, minor)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(minor, "EUR"), key=f"under way {minor}")


def test_what_is_on_its_way_is_no_difference(world: World) -> None:
    account = synced(world)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "30"})
    under_way(world, account, 3_000)
    night.compare_night()
    assert kept() == [figures(platform=1_003_000, mirror=1_000_000, in_transit=3_000, accounts=1)]


def test_what_is_on_its_way_hides_no_difference_that_it_does_not_explain(world: World) -> None:
    account = synced(world)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "7.50"})
    under_way(world, account, 3_000)
    night.compare_night()
    assert kept() == [figures(platform=1_000_750, mirror=1_000_000, difference=750, accounts=1, differing=1)]
    assert Case.objects.get().amount_minor == 750


def test_a_difference_that_changed_while_compared_is_unsettled_and_nothing_on_its_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is traded on, so no two looks in a row say the same before the last."""
    account = synced(world)
    shift(world, account, "13.00")
    changes = ["-3.00"]

    def traded_on(answer: Any) -> Any:
        for amount in changes:
            shift(world, account, amount)
        changes.clear()
        return answer

    of_states(monkeypatch, traded_on)
    night.compare_night()
    assert kept() == [figures(platform=1_001_000, mirror=1_000_000, in_transit=1_000, accounts=1, unsettled=1)]
    assert not Case.objects.exists()


def test_a_difference_that_went_while_compared_is_settled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = synced(world)
    shift(world, account, "13.00")
    changes = ["-3.00", "-10.00"]

    def traded_on(answer: Any) -> Any:
        if changes:
            shift(world, account, changes.pop(0))
        return answer

    of_states(monkeypatch, traded_on)
    night.compare_night()
    assert kept() == [figures(platform=1_000_000, mirror=1_000_000, accounts=1)]


def test_an_account_that_was_not_compared_is_missing(world: World) -> None:
    synced(world)
    synced(world, history_synced_at=None)
    synced(world, history_synced_at=None, created_at=clock.now())  # opened since: of no consequence for yesterday
    night.compare_night()
    assert kept() == [figures(platform=1_000_000, mirror=1_000_000, accounts=1, missing=1)]


def test_a_server_that_cannot_be_asked_is_asked_again(world: World) -> None:
    synced(world)
    port = world.server.port
    TradingServer.objects.filter(pk=world.server.pk).update(port=1)
    assert night.compare_night() == []
    assert not Comparison.objects.exists()
    TradingServer.objects.filter(pk=world.server.pk).update(port=port)
    assert len(night.compare_night()) == 1


def test_one_that_is_under_way_is_left_alone_and_one_whose_process_died_is_not(world: World) -> None:
    synced(world)
    key = tenant_key("trading", "night", world.server.pk)
    redis_client().set(key, "1", nx=True, ex=60)
    assert night.compare_night() == []
    redis_client().delete(key)  # what its end does after an hour
    assert len(night.compare_night()) == 1
    assert not redis_client().exists(key)


def test_a_lease_that_ran_out_and_is_anothers_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    synced(world)
    key = tenant_key("trading", "night", world.server.pk)
    real = night.compare

    def too_long(server: TradingServer, **values: Any) -> Findings:
        redis_client().set(key, "another", ex=60)
        return real(server, **values)

    monkeypatch.setattr(night, "compare", too_long)
    assert len(night.compare_night()) == 1
    assert redis_client().get(key) == "another"


def test_a_server_that_another_run_has_done_meanwhile_is_not_compared_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.server
    TradingServer.objects.create(name="Second", kind=first.kind, host=first.host, port=first.port, manager=1)
    compared: list[TradingServer] = []
    real = night.compare

    def beside_another(server: TradingServer, **values: Any) -> Findings:
        compared.append(server)
        for other in TradingServer.objects.exclude(pk=server.pk):
            Comparison.objects.create(server=other, day=values["day"], whole=True)
        return real(server, **values)

    monkeypatch.setattr(night, "compare", beside_another)
    night.compare_night()
    assert len(compared) == 1


def test_a_server_without_live_accounts_is_done_too_and_nothing_changes_a_comparison(world: World) -> None:
    night.compare_night()
    assert kept() == []
    with pytest.raises(ProgrammingError, match="permission denied"):
        Comparison.objects.update(figures=[{}])


def test_shortly_after_midnight_nothing_is_compared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(night, "GRACE", GRACE)
    midnight = clock.present().replace(hour=0, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: midnight + GRACE - timedelta(seconds=1))
    assert night.compare_night() == []
    assert not Comparison.objects.exists()
