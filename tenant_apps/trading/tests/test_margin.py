"""Margin calls and stop-outs: told once each, again only after the account has recovered, whoever dies in between."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.actors import Reach
from kernel.models import AuditEntry, OutboxMessage
from kernel.redis import client as redis_client
from kernel.relay import drain
from kernel.tests.dying import KILLED, die, forked
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.notifications.models import Mail, Notification
from tenant_apps.trading.bridge import alerts
from tenant_apps.trading.bridge.lease import _key
from tenant_apps.trading.bridge.records import AccountRef, Snapshot, accounts_of
from tenant_apps.trading.margin import MONEY, Levels
from tenant_apps.trading.models import AccountType, AlertKind, MarginAlert, TradingAccount
from tenant_apps.trading.ports import Amount, Deal, DealEntry, DealKind, DealReason, Lots
from tenant_apps.trading.tests.conftest import World
from tenant_apps.trading.tests.processes import bridge, until
from tenant_apps.trading.tests.test_bridge import trader
from tenant_apps.trading.tests.test_news import told_deal
from tenant_apps.trading.tests.test_pages import Desk, desk

__all__ = ["desk"]
PERCENT = Levels(Decimal(100), Decimal(50))


def state(level: str | None, equity: int = 100_000) -> Snapshot:
    return Snapshot(
        balance=equity, credit=0, equity=equity, margin=0 if level is None else 1, free_margin=0, floating=0,
        margin_level=None if level is None else Decimal(level), leverage=30,
    )  # fmt: skip


class Eye:
    """The bridge's look at one account."""

    def __init__(self, account: TradingAccount, levels: Levels = PERCENT) -> None:
        self.server = account.server
        (ref,) = accounts_of(account.server_id).values()
        self.ref = replace(ref, levels=levels)
        self.accounts: dict[UUID, AccountRef] = {ref.id: self.ref}

    def sees(self, level: str | None, equity: int = 100_000) -> None:
        alerts.look(self.server.pk, {self.ref.id: state(level, equity)}, {self.ref.id}, self.accounts)

    def hears(self, *after_seconds: int, reason: DealReason = DealReason.STOP_OUT) -> None:
        at = clock.now()
        deals: list[Deal] = [
            replace(
                told_deal(number), login=self.ref.login, kind=DealKind.SELL, entry=DealEntry.OUT, reason=reason,
                symbol="EURUSD", lots=Lots(Decimal(1)), profit=Amount(Decimal(-10)),
                executed_at=at + timedelta(seconds=seconds),
            )
            for number, seconds in enumerate(after_seconds)
        ]  # fmt: skip
        with transaction.atomic():
            alerts.stop_outs(deals, {self.ref.login: self.ref})


def told(name: str) -> int:
    return OutboxMessage.objects.filter(name=f"trading.{name}").count()


@pytest.fixture
def eye(desk: Desk) -> Eye:
    return Eye(desk.account)


def test_a_margin_call_is_one_until_the_account_has_recovered(eye: Eye) -> None:
    eye.sees("100.01")
    assert told("margin_call") == 0
    for level in ("100.00", "80", "104.99", "99", "101"):
        eye.sees(level)
        assert told("margin_call") == 1, level
    eye.sees("105.01")
    assert MarginAlert.objects.filter(recovered_at=None).count() == 0
    eye.sees("100")
    assert told("margin_call") == 2


def test_without_positions_or_levels_there_is_none(desk: Desk, eye: Eye) -> None:
    eye.sees("90")
    eye.sees(None)
    eye.sees(None)
    assert MarginAlert.objects.get().recovered_at is not None
    for levels in (Levels(), Levels(Decimal(0), Decimal(0))):
        Eye(desk.account, levels).sees("1")
    assert told("margin_call") == 1


def test_an_account_not_followed_any_more_has_no_open_alert(eye: Eye) -> None:
    eye.sees("90")
    alerts.look(eye.server.pk, {}, (), eye.accounts)
    assert MarginAlert.objects.filter(recovered_at=None).count() == 1
    alerts.look(eye.server.pk, {}, (), {})
    assert MarginAlert.objects.filter(recovered_at=None).count() == 0


def test_a_level_in_money_is_of_the_equity(desk: Desk) -> None:
    eye = Eye(desk.account, Levels(Decimal(500), Decimal(200), MONEY))
    eye.sees("20", equity=50_001)
    assert told("margin_call") == 0
    eye.sees("20", equity=50_000)
    assert OutboxMessage.objects.get(name="trading.margin_call").payload["value"] == "500.00"


def test_a_cascade_of_closed_positions_is_one_stop_out(eye: Eye) -> None:
    eye.hears(0, reason=DealReason.STOP_LOSS)
    assert told("stopped_out") == 0
    eye.hears(0, 1)
    eye.sees(None)  # nothing is open any more; the next deal of the same cascade came later
    eye.hears(30)
    row = MarginAlert.objects.get(kind=AlertKind.STOP_OUT)
    assert (told("stopped_out"), row.deals) == (1, 3)
    eye.hears(120)
    assert told("stopped_out") == 2


def test_looking_costs_one_query_when_nothing_happens(eye: Eye) -> None:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        eye.sees("500")
    assert len(seen) == 1


def test_the_groups_levels_are_kept_as_the_server_says_them(world: World) -> None:
    from tenant_apps.trading import platforms

    groups = platforms.ask(world.server, lambda platform: platform.groups(world.account_type.group))
    alerts.levels_store(world.server.pk, groups)
    kept = AccountType.objects.get(pk=world.account_type.pk)
    assert (kept.margin_call, kept.stop_out, kept.stop_out_unit) == (100, 50, "percent")


def test_a_bridge_killed_while_it_tells_tells_once(live_tenant: Any) -> None:
    eye = Eye(Desk(live_tenant).account)

    def killed() -> None:
        with transaction.atomic():
            eye.sees("90")
            die()

    assert forked(killed) == KILLED
    assert (told("margin_call"), MarginAlert.objects.count()) == (0, 0)
    eye.sees("90")
    eye.sees("90")
    assert (told("margin_call"), MarginAlert.objects.count()) == (1, 1)


def test_from_the_market_to_the_bell(world: World, tmp_path: Path) -> None:
    """A falling price, a margin call, a bridge that dies, and the stop-out: each told once."""
    account = trader(world, 120_000)
    _prices(world, "1.10000")
    world.admin("POST", "/orders", {"login": account.login, "symbol": "EURUSD", "side": "buy", "lots": "0.30"})
    with bridge(tmp_path) as process:
        until(lambda: AccountType.objects.filter(margin_call=100).exists(), "the group's levels")
        _prices(world, "1.09000")
        until(lambda: told("margin_call") == 1, "the margin call")
        process.stop(signal.SIGKILL)
        redis_client().delete(_key(world.server.pk))
        process.start()
        _prices(world, "1.07000")
        until(lambda: told("stopped_out") == 1, "the stop-out")
        until(lambda: not MarginAlert.objects.filter(recovered_at=None).exists(), "the end of both")
    assert told("margin_call") == 1
    drain()
    assert Mail.objects.filter(client_id=account.client_id, template="campaign").count() >= 2
    kinds = TimelineEntry.objects.filter(client_id=account.client_id).values_list("kind", flat=True)
    assert {"trading.margin_call", "trading.stopped_out"} <= set(kinds)


def _prices(world: World, price: str) -> None:
    world.admin("POST", "/prices", {"EURUSD": {"bid": price, "ask": price}})


# --- who is told


def _called(desk: Desk) -> None:
    Mail.objects.all().delete()
    Eye(desk.account).sees("90.57")
    drain()
    drain()


def _margin_mails() -> int:
    return Mail.objects.filter(subject__contains="Margin").count()


def test_client_manager_and_timeline_hear_of_it(desk: Desk) -> None:
    agent = desk.staff({"trading.view": Reach.OWN})
    Client.objects.filter(pk=desk.client.pk).update(owner_id=agent.pk)
    _called(desk)
    bells = {row.user_id: row for row in Notification.objects.filter(kind="trading.margin_call")}
    assert set(bells) == {desk.user.pk, agent.pk}
    assert "90.6%" in bells[desk.user.pk].body
    assert desk.client.name in bells[agent.pk].body
    assert desk.browser(agent, "office").get(bells[agent.pk].link).status_code == 200
    assert desk.browser(desk.user, "portal").get(bells[desk.user.pk].link).status_code == 200
    assert _margin_mails() == 1
    assert TimelineEntry.objects.filter(kind="trading.margin_call", client_id=desk.client.pk).count() == 1
    page = desk.browser(agent, "office").get(f"/trading/accounts/{desk.account.pk}/")
    assert page.status_code == 200


def test_a_manager_without_the_right_hears_nothing(desk: Desk) -> None:
    agent = desk.staff({"clients.view": Reach.ALL})
    Client.objects.filter(pk=desk.client.pk).update(owner_id=agent.pk)
    _called(desk)
    assert not Notification.objects.filter(user_id=agent.pk).exists()


def test_of_a_demo_account_the_portal_alone_tells(desk: Desk) -> None:
    agent = desk.staff({"trading.view": Reach.ALL})
    Client.objects.filter(pk=desk.client.pk).update(owner_id=agent.pk)
    TradingAccount.objects.update(live=False)
    _called(desk)
    assert [row.user_id for row in Notification.objects.filter(kind="trading.margin_call")] == [desk.user.pk]
    assert _margin_mails() == 0


def test_who_wants_no_mails_gets_none(desk: Desk) -> None:
    browser = desk.browser(desk.user, "portal")
    assert b"Tell me by mail" in browser.get("/accounts/").content
    assert browser.post("/accounts/margin-mails/", {}).status_code == 302
    assert AuditEntry.objects.filter(action="trading.margin_mails").count() == 1
    _called(desk)
    assert (_margin_mails(), Notification.objects.filter(user_id=desk.user.pk).count()) == (0, 1)
    browser.post("/accounts/margin-mails/", {"wanted": "1"})
    Eye(desk.account).sees("500")
    _called(desk)
    assert _margin_mails() == 1


@pytest.mark.parametrize("language", ["de", "ar", "es", "ru"])
def test_it_is_said_in_the_clients_language(desk: Desk, language: str) -> None:
    Client.objects.filter(pk=desk.client.pk).update(language=language)
    _called(desk)
    mail = Mail.objects.get(client_id=desk.client.pk)
    assert (mail.language, "501" in mail.subject) == (language, True)
