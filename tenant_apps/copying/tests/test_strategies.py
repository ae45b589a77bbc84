"""Offering and releasing: by whom, of what, and what stays when it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kernel.actors import Actor, Reach
from kernel.errors import AppError, Forbidden, Invalid, NotFound
from kernel.ids import uuid7
from kernel.models import AuditEntry
from tenant_apps.accounts.actors import actor_for
from tenant_apps.clients.errors import SamePerson, ShownDiffers
from tenant_apps.clients.eyes import shown
from tenant_apps.copying import selectors
from tenant_apps.copying.errors import AccountUnfit, NameTaken, NoConsent, WrongState
from tenant_apps.copying.models import Strategy, StrategyState
from tenant_apps.copying.services.strategies import (
    strategy_end,
    strategy_offer,
    strategy_reject,
    strategy_release,
    strategy_show,
    strategy_suspend,
)
from tenant_apps.copying.services.sweeping import sweep
from tenant_apps.notifications.models import Notification
from tenant_apps.trading.models import AccountState, TradingAccount
from tenant_apps.trading.tests.test_pages import Desk

from .conftest import TERMS, client_actor, record, trades

VISITOR = Actor(kind="client", id="other", label="Another", client_id=uuid7())
RIGHTS = {"copying.view": Reach.ALL, "copying.release": Reach.ALL}


def staff(desk: Desk) -> Actor:
    return actor_for(desk.staff(RIGHTS))


def offered(desk: Desk, **values: Any) -> Strategy:
    row = strategy_offer(actor=client_actor(desk), account=desk.account, terms=replace(TERMS, **values), consent=True)
    row.refresh_from_db()
    return row


def acts() -> list[str]:
    return list(
        AuditEntry.objects.filter(object_type="copying.strategy").order_by("id").values_list("action", flat=True)
    )


def test_what_is_offered_waits_and_is_told(desk: Desk) -> None:
    colleague = desk.staff(RIGHTS)
    row = offered(desk)
    assert (row.state, row.released_at) == (StrategyState.WAITING, None)
    assert row.stats.growth is None
    told = Notification.objects.get(user_id=colleague.pk)
    assert (told.kind, told.link, told.body) == ("copying.waits", f"/copying/{row.pk}/", "Calm trend")
    line = AuditEntry.objects.get(action="copying.offered")
    assert line.subject == str(desk.client.pk)
    assert line.after is not None
    assert (line.after["performance_fee"], line.after["minimum"]) == ("20%", "0.00 EUR")


@pytest.mark.parametrize("change", [{"live": False}, {"state": AccountState.ARCHIVED}, {"state": AccountState.OPENING}])
def test_practice_and_closed_accounts_are_no_strategy(desk: Desk, change: dict[str, Any]) -> None:
    TradingAccount.objects.filter(pk=desk.account.pk).update(**change)
    desk.account.refresh_from_db()
    with pytest.raises(AccountUnfit):
        offered(desk)
    assert not Strategy.objects.exists()


def test_nothing_without_consent(desk: Desk) -> None:
    with pytest.raises(NoConsent):
        strategy_offer(actor=client_actor(desk), account=desk.account, terms=TERMS, consent=False)
    assert not Strategy.objects.exists()


def test_nobody_offers_anothers_account(desk: Desk) -> None:
    other = desk.account_of(desk.person("o@example.com", number=2), 502)
    for actor in (client_actor(desk), staff(desk)):
        with pytest.raises(NotFound):
            strategy_offer(actor=actor, account=other, terms=TERMS, consent=True)


def test_a_name_is_one_strategys(desk: Desk, strategy: Callable[..., Strategy]) -> None:
    strategy("CALM Trend", state=StrategyState.ENDED)
    with pytest.raises(NameTaken):
        offered(desk)
    row = offered(desk, name="Other")
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    offered(desk, name="Third")
    assert Strategy.objects.get(pk=row.pk).wanted["name"] == "Third"
    another = desk.account_of(desk.client, 503)
    with pytest.raises(NameTaken):
        strategy_offer(actor=client_actor(desk), account=another, terms=replace(TERMS, name="third"), consent=True)


def test_release_shows_it(desk: Desk) -> None:
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk, seen=shown(row))
    row.refresh_from_db()
    assert (row.state, row.on_board, row.released_at is not None) == (StrategyState.LISTED, True, True)
    assert Notification.objects.get(user_id=desk.user.pk).link == "/strategies/mine/"
    with pytest.raises(WrongState):
        strategy_release(actor=staff(desk), strategy_id=row.pk)
    assert acts() == ["copying.offered", "copying.released"]


def test_what_was_not_shown_is_not_released(desk: Desk) -> None:
    row = offered(desk)
    seen = shown(row)
    offered(desk, description="Something else")
    with pytest.raises(ShownDiffers):
        strategy_release(actor=staff(desk), strategy_id=row.pk, seen=seen)
    row.refresh_from_db()
    assert row.state == StrategyState.WAITING


def test_nobody_releases_their_own(desk: Desk) -> None:
    row = offered(desk)
    one = desk.staff(RIGHTS)
    one.email = desk.client.email
    one.save()
    with pytest.raises(SamePerson):
        strategy_release(actor=actor_for(one), strategy_id=row.pk)
    with pytest.raises(Forbidden):
        strategy_release(actor=actor_for(desk.staff({"copying.view": Reach.ALL})), strategy_id=row.pk)
    row.refresh_from_db()
    assert row.state == StrategyState.WAITING


def test_changes_of_a_released_one_wait_behind_it(desk: Desk) -> None:
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    offered(desk, description="Gold only", performance_fee=Decimal(35))
    row.refresh_from_db()
    assert (row.state, row.description, row.performance_fee) == (StrategyState.LISTED, TERMS.description, 20)
    line = AuditEntry.objects.get(action="copying.changed")
    assert (line.before, line.after) == (
        {"description": TERMS.description, "performance_fee": "20%"},
        {"description": "Gold only", "performance_fee": "35%"},
    )
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    row.refresh_from_db()
    assert (row.description, row.performance_fee, row.wanted) == ("Gold only", 35, None)


def test_rejecting_a_change_leaves_what_is_shown(desk: Desk) -> None:
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    offered(desk, description="Guaranteed profit!")
    strategy_reject(actor=staff(desk), strategy_id=row.pk, reason="Promises")
    row.refresh_from_db()
    assert (row.state, row.description, row.wanted, row.note) == ("listed", TERMS.description, None, "Promises")


def test_the_same_again_is_no_change(desk: Desk) -> None:
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    offered(desk, performance_fee=Decimal("20.00"))
    row.refresh_from_db()
    assert row.wanted is None
    assert acts() == ["copying.offered", "copying.released"]


@pytest.mark.parametrize("act", [strategy_reject, strategy_suspend])
def test_a_no_has_a_reason(desk: Desk, act: Any) -> None:
    row = offered(desk)
    with pytest.raises(Invalid):
        act(actor=staff(desk), strategy_id=row.pk, reason="  ")
    row.refresh_from_db()
    assert (row.state, row.note) == (StrategyState.WAITING, "")


def test_rejected_is_offered_again(desk: Desk) -> None:
    row = offered(desk)
    strategy_reject(actor=staff(desk), strategy_id=row.pk, reason="A name of a bank")
    assert Notification.objects.get(user_id=desk.user.pk).body == "Calm trend: A name of a bank"
    again = offered(desk, name="Calmer")
    assert (again.pk, again.state, again.note) == (row.pk, StrategyState.WAITING, "")


def test_what_was_shown_is_not_forgotten(desk: Desk) -> None:
    """Hidden, suspended, ended or offered anew: gone from the board, and counted among those that are gone."""
    row = offered(desk)
    assert selectors.survivorship().gone == 0
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    assert (selectors.survivorship().gone, selectors.gone().count()) == (0, 0)
    mine = client_actor(desk)
    steps: list[Callable[[], object]] = [
        lambda: strategy_show(actor=mine, strategy_id=row.pk, visible=False),
        lambda: strategy_show(actor=mine, strategy_id=row.pk, visible=True),
        lambda: strategy_suspend(actor=staff(desk), strategy_id=row.pk, reason="A complaint"),
        lambda: strategy_release(actor=staff(desk), strategy_id=row.pk),
        lambda: strategy_end(actor=mine, strategy_id=row.pk),
        lambda: offered(desk),
    ]
    counts = []
    for step in steps:
        step()
        counts.append((selectors.survivorship().gone, selectors.gone().count()))
    assert counts == [(1, 1), (0, 0), (1, 1), (0, 0), (1, 1), (1, 1)]


def test_what_is_offered_anew_is_read_by_nobody_before_its_release(desk: Desk) -> None:
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    strategy_end(actor=client_actor(desk), strategy_id=row.pk)
    again = offered(desk, name="Call 555 1234")
    assert (again.pk, again.state, again.name) == (row.pk, StrategyState.WAITING, "Calm trend")
    assert (selectors.gone().get().name, selectors.strategy_for(VISITOR, row.pk).name) == ("Calm trend", "Calm trend")
    strategy_reject(actor=staff(desk), strategy_id=row.pk, reason="A phone number")
    assert selectors.strategy_for(VISITOR, row.pk).name == "Calm trend"
    offered(desk, name="Calmer")
    released = strategy_release(actor=staff(desk), strategy_id=row.pk)
    assert (released.on_board, released.name, released.wanted) == (True, "Calmer", None)


def test_ending_a_suspended_one_shows_its_name_to_nobody(desk: Desk) -> None:
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    strategy_suspend(actor=staff(desk), strategy_id=row.pk, reason="Names a bank")
    steps: list[Callable[[], object]] = [
        lambda: strategy_end(actor=client_actor(desk), strategy_id=row.pk),
        lambda: offered(desk),
    ]
    for step in steps:
        step()
        assert selectors.gone().get().nameless
        with pytest.raises(NotFound):
            selectors.strategy_for(VISITOR, row.pk)
        assert selectors.strategy_for(client_actor(desk), row.pk).pk == row.pk
    assert not strategy_release(actor=staff(desk), strategy_id=row.pk).nameless
    assert selectors.strategy_for(VISITOR, row.pk).pk == row.pk


def test_medians_are_of_what_is_known(strategy: Callable[..., Strategy]) -> None:
    for number, last in enumerate((150_000, 90_000, 50_000)):
        strategy(f"Gone {number}", (100_000, last), state=StrategyState.ENDED)
    strategy("Unknown", (), state=StrategyState.ENDED)
    strategy("Here", (100_000, 130_000))
    found = selectors.survivorship()
    assert (found.gone, found.gone_median, found.shown_median) == (4, Decimal("-0.1"), Decimal("0.3"))


def test_others_do_not_touch_it(desk: Desk, strategy: Callable[..., Strategy]) -> None:
    row = strategy("Another's")
    for act in (
        lambda: strategy_end(actor=client_actor(desk), strategy_id=row.pk),
        lambda: strategy_show(actor=client_actor(desk), strategy_id=row.pk, visible=False),
        lambda: strategy_end(actor=staff(desk), strategy_id=row.pk),
    ):
        with pytest.raises(AppError) as refused:
            act()
        assert isinstance(refused.value, NotFound)
    row.refresh_from_db()
    assert row.on_board


def test_a_closed_account_ends_its_strategy_with_its_last_figures(desk: Desk) -> None:
    record(desk.account, [100_000, 120_000])
    row = offered(desk)
    strategy_release(actor=staff(desk), strategy_id=row.pk)
    assert sweep() == 1
    TradingAccount.objects.filter(pk=desk.account.pk).update(state=AccountState.ARCHIVED)
    assert sweep() == 1
    row.refresh_from_db()
    assert (row.state, row.ended_at is not None, row.stats.growth) == (StrategyState.ENDED, True, Decimal("0.2"))
    trades(desk.account, 5, 0)
    assert sweep() == 0
    row.stats.refresh_from_db()
    assert row.stats.trades == 0
    assert AuditEntry.objects.get(action="copying.ended").actor_kind == "system"
