"""Account types: what clients may open, in which group of which server, with which leverages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound, Outside
from kernel.money import CURRENCIES
from tenant_apps.trading import platforms
from tenant_apps.trading.models import AccountType, Book, TradingServer
from tenant_apps.trading.permissions_list import TYPES_EDIT
from tenant_apps.trading.ports import GroupInfo

HIGHEST_LEVERAGE = 5_000
FIXED = ("server", "group", "currency", "live")  # of a type that has accounts: they were opened as it was


@dataclass(frozen=True, slots=True)
class TypeValues:
    """What an account type is made of. Leverage 100 means 1:100; `offered`: clients may open more of it."""

    name: str
    group: str
    currency: str
    live: bool
    leverages: Sequence[int]
    leverage_default: int
    description: str = ""
    automatic: bool = False
    offered: bool = True
    order: int = 50
    book: str = Book.B.value


def groups_on(server: TradingServer) -> tuple[GroupInfo, ...] | None:
    """The server's groups that our manager may see; None when it does not say. A call to the server: not in a transaction."""
    try:
        with platforms.line_for(server, sessions=1, call_seconds=8.0, connect_seconds=5.0) as line:
            return line.run(lambda platform: platform.groups())
    except Outside:
        return None


def account_type_save(
    *, actor: Actor, values: TypeValues, server_id: UUID, type_id: UUID | None = None
) -> tuple[AccountType, bool]:
    """Create or change an account type. Returns it and whether its group was found on the server.

    A group that the server does not have, or has in another currency where groups have one, is refused; where the server cannot be asked the
    type is stored unchecked. With accounts of it, server, group, currency and live stay. Raises Invalid, NotFound.
    """
    actor.require(TYPES_EDIT)
    server = TradingServer.objects.filter(pk=server_id).first()
    if server is None:
        raise NotFound
    _sound(values)
    checked = _known_there(server, values)
    with transaction.atomic():
        kind = _locked(type_id) if type_id else AccountType()
        before = _plain(kind) if type_id else {}
        _fill(kind, server, values)
        was, now = audit.changes(before, _plain(kind))
        _free(kind, now, is_new=not type_id)
        if now:
            kind.updated_at = clock.now()
            _store(kind)
            audit.record(
                actor=actor, action="trading.type_saved", obj=kind, before=was, after={**now, "checked": checked}
            )
    return kind, checked


def _sound(values: TypeValues) -> None:
    if values.currency not in CURRENCIES:
        raise Invalid(pgettext_lazy("account type", "This currency is not known."), field="currency")
    if not values.leverages or not all(1 <= one <= HIGHEST_LEVERAGE for one in values.leverages):
        raise Invalid(pgettext_lazy("account type", "Name at least one leverage, such as 30."), field="leverages")
    if values.leverage_default not in values.leverages:
        raise Invalid(
            pgettext_lazy("account type", "The usual leverage has to be one of those offered."),
            field="leverage_default",
        )
    if values.automatic and not values.live:
        raise Invalid(pgettext_lazy("account type", "Only live accounts are opened by themselves."), field="automatic")


def _known_there(server: TradingServer, values: TypeValues) -> bool:
    """Raises Invalid for a group that the server, asked now, does not have in this currency."""
    groups = groups_on(server) if server.enabled else None
    if groups is None:
        return False
    found = next((group for group in groups if group.name == values.group), None)
    if found is None:
        raise Invalid(pgettext_lazy("account type", "The trading server has no such group."), field="group")
    if platforms.adapter_of(server).groups_have_currency and found.currency != values.currency:
        problem = pgettext_lazy("account type", "On the trading server this group is in %(currency)s.")
        raise Invalid(problem, field="currency", currency=found.currency)
    return True


def _locked(type_id: UUID) -> AccountType:
    kind = AccountType.objects.select_for_update(of=("self",)).select_related("server").filter(pk=type_id).first()
    if kind is None:
        raise NotFound
    return kind


def _fill(kind: AccountType, server: TradingServer, values: TypeValues) -> None:
    kind.server, kind.name, kind.group = server, values.name, values.group
    kind.currency, kind.live, kind.description = values.currency, values.live, values.description
    kind.leverages, kind.leverage_default = sorted(set(values.leverages)), values.leverage_default
    kind.automatic, kind.offered, kind.order = values.automatic, values.offered, values.order
    kind.book = values.book


def _free(kind: AccountType, changed: dict[str, Any], *, is_new: bool) -> None:
    fixed = [name for name in FIXED if name in changed]
    if fixed and not is_new and kind.accounts.exists():
        raise Invalid(
            pgettext_lazy("account type", "Accounts of this type exist: this stays. Make another type instead."),
            field=fixed[0],
        )


def _store(kind: AccountType) -> None:
    try:
        with transaction.atomic():
            kind.save()
    except IntegrityError as error:
        raise Invalid(pgettext_lazy("account type", "Another type uses this group."), field="group") from error


def _plain(kind: AccountType) -> dict[str, Any]:
    names = ("name", "group", "currency", "live", "leverages", "leverage_default", "description", "automatic",
             "offered", "order", "book")  # fmt: skip
    return {"server": kind.server.name, **{name: getattr(kind, name) for name in names}}
