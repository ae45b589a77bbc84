"""Account types in the office: checked on the real server, changed with before and after, fixed once accounts exist."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kernel.actors import Actor, Reach
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry
from tenant_apps.trading.models import AccountType, TradingServer
from tenant_apps.trading.services.account_types import TypeValues, account_type_save, groups_on
from tenant_apps.trading.tests.conftest import World
from tenant_apps.trading.tests.test_pages import Desk

RIGHT = "trading.types.edit"
EDITOR = Actor(kind="staff", id="e", label="Editor", grants={RIGHT: Reach.ALL})
VALUES = TypeValues(
    name="ECN", group="real\\ecn-eur", currency="EUR", live=True, leverages=(30, 10, 10), leverage_default=10
)
SENT = {
    "name": "Raw", "description": "", "group": "real\\raw", "currency": "USD", "leverages": "1:50 100, ٢٠٠",
    "leverage_default": "100", "live": "on", "offered": "on", "order": "40",
}  # fmt: skip


@pytest.fixture
def desk(tenant: Any) -> Desk:
    return Desk(tenant)


def test_a_type_is_checked_on_the_trading_server(world: World) -> None:
    groups = groups_on(world.server)
    assert groups is not None
    assert "real\\ecn-eur" in {group.name for group in groups}
    kind, checked = account_type_save(actor=EDITOR, values=VALUES, server_id=world.server.pk)
    assert (checked, kind.leverages) == (True, [10, 30])
    for field, values in (
        ("group", replace(VALUES, group="real\\nonsense")),
        ("currency", replace(VALUES, group="real\\std-usd")),
        ("group", replace(VALUES, group="real\\std-eur")),  # the world's own type has it
    ):
        with pytest.raises(Invalid) as refusal:
            account_type_save(actor=EDITOR, values=values, server_id=world.server.pk)
        assert refusal.value.field == field
    assert AccountType.objects.count() == 2


def save(desk: Desk, type_id: Any = None, **changes: Any) -> AccountType:
    return account_type_save(
        actor=EDITOR, values=replace(VALUES, **changes), server_id=desk.server.pk, type_id=type_id
    )[0]  # fmt: skip


def test_a_change_is_remembered_with_before_and_after(desk: Desk) -> None:
    kind = save(desk)
    save(desk, kind.pk, leverages=(10, 30, 50), offered=False)
    save(desk, kind.pk, leverages=(10, 30, 50), offered=False)  # nothing changed: no line
    first, second = AuditEntry.objects.filter(action="trading.type_saved").order_by("id")
    assert (first.after["group"], first.after["checked"]) == ("real\\ecn-eur", False)  # this server does not answer
    assert (second.before, second.after) == (
        {"leverages": [10, 30], "offered": True},
        {"leverages": [10, 30, 50], "offered": False, "checked": False},
    )


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("leverages", {"leverages": ()}),
        ("leverages", {"leverages": (0, 10)}),
        ("leverage_default", {"leverage_default": 20}),
        ("automatic", {"live": False, "automatic": True}),
        ("currency", {"currency": "XXX"}),
        ("group", {"group": "std"}),
    ],
)
def test_types_that_cannot_be_are_refused(desk: Desk, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        save(desk, **changes)
    assert refusal.value.field == field
    assert AccountType.objects.get() == desk.kind


@pytest.mark.parametrize("changes", [{"group": "other"}, {"currency": "USD"}, {"live": False}])
def test_what_accounts_were_opened_with_stays(desk: Desk, changes: dict[str, Any]) -> None:
    base = {"group": "std", "leverages": (10, 30), "leverage_default": 30}
    with pytest.raises(Invalid) as refusal:
        save(desk, desk.kind.pk, **{**base, **changes})
    assert refusal.value.field == next(iter(changes))
    assert save(desk, desk.kind.pk, **{**base, "leverages": (30, 50)}).leverages == [30, 50]


def test_without_the_right_nothing_changes(desk: Desk) -> None:
    stranger = Actor(kind="staff", id="s", grants={"trading.servers.view": Reach.ALL})
    with pytest.raises(Forbidden):
        account_type_save(actor=stranger, values=VALUES, server_id=desk.server.pk)
    web = desk.browser(desk.staff({"trading.servers.view": Reach.ALL}), "office")
    assert web.get("/trading/types/").status_code == 200
    for path in (f"/trading/types/{desk.kind.pk}/", f"/trading/servers/{desk.server.pk}/types/new/"):
        assert (web.get(path).status_code, web.post(path, SENT).status_code) == (403, 403)
    assert AccountType.objects.count() == 1


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_office_makes_and_changes_a_type(desk: Desk, language: str) -> None:
    web = desk.browser(desk.staff({RIGHT: Reach.ALL, "trading.servers.view": Reach.ALL}), "office")
    web.cookies["language"] = language
    address = f"/trading/servers/{desk.server.pk}/types/new/"
    assert web.get(address).status_code == 200
    assert web.post(address, {**SENT, "leverages": "many"}).status_code == 422
    assert web.post(address, SENT).status_code == 302
    kind = AccountType.objects.get(group="real\\raw")
    assert (kind.leverages, kind.leverage_default, kind.server, kind.automatic) == (
        [50, 100, 200],
        100,
        desk.server,
        False,
    )
    assert web.post(f"/trading/types/{kind.pk}/", {**SENT, "name": "Rawest", "offered": ""}).status_code == 302
    kind.refresh_from_db()
    assert (kind.name, kind.offered) == ("Rawest", False)
    body = web.get("/trading/types/").content.decode()
    assert "Rawest" in body
    assert web.get(f"/trading/types/{TradingServer.objects.get().pk}/").status_code == 404
