"""Strategies in the office: what waits for release, what is shown, and deciding about one."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel.guards import guard
from kernel.models import AuditEntry
from kernel.pages import acted, page, wants_part
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.clients.changes import differences
from tenant_apps.clients.eyes import is_own, shown

from .. import pages, selectors
from ..models import Strategy, StrategyState
from ..permissions_list import RELEASE, VIEW
from ..services.strategies import plain, strategy_reject, strategy_release, strategy_suspend, told

TABLE = TableSpec(
    default_sort="-offered",
    columns=[
        Column(key="name", label=pgettext_lazy("strategy", "Strategy"), sort="name"),
        Column(key="client", label=pgettext_lazy("strategy", "Client")),
        Column(key="state", label=pgettext_lazy("strategy", "State")),
        Column(key="growth", label=pgettext_lazy("strategy", "Return"), align="num"),
        Column(key="drawdown", label=pgettext_lazy("strategy", "Largest drawdown"), align="num"),
        Column(key="trades", label=pgettext_lazy("strategy", "Trades"), align="num"),
        Column(key="age", label=pgettext_lazy("strategy", "Record, days"), align="num"),
        Column(key="offered", label=pgettext_lazy("strategy", "Offered"), sort="created_at", align="end"),
    ],
)
WORDS = {
    "waiting": pgettext_lazy("strategy view", "Waiting"),
    "shown": pgettext_lazy("strategy view", "On the board"),
    "gone": pgettext_lazy("strategy view", "Gone"),
    "all": pgettext_lazy("strategy view", "All"),
}


@guard(VIEW)
@require_GET
def index(request: Any) -> HttpResponse:
    view = request.GET.get("view", "")
    view = view if view in selectors.VIEWS else "waiting"
    rows = selectors.strategies_visible(request.actor).filter(selectors.VIEWS[view])
    values = {"table": build_table(TABLE, rows, request), "view": view, "views": WORDS.items()}
    if wants_part(request, "rows"):
        return render(request, "copying/office/strategies.html#rows", values)
    return page(request, "copying/office/strategies.html", values)


@guard(VIEW)
@require_GET
def strategy(request: Any, strategy_id: UUID) -> HttpResponse:
    row = selectors.strategy_get(request.actor, strategy_id)
    may = request.actor.may(RELEASE)
    theirs = may and is_own(request.actor, [row.account.client])
    values = pages.shown(row) | {
        "seen": shown(row),
        "theirs": theirs,
        "changes": _changes(row),
        "may_release": may and not theirs and (row.waits or row.state == StrategyState.SUSPENDED),
        "may_reject": may and row.waits,
        "may_suspend": may and row.state == StrategyState.LISTED,
        "acts": AuditEntry.objects.filter(object_type="copying.strategy", object_id=str(row.pk)).order_by("-id")[:30],
    }
    return page(request, "copying/office/strategy.html", values)


def _changes(row: Strategy) -> list[Any]:
    """What would be shown instead, field by field."""
    if not row.wanted:
        return []
    before, after = (told(values, row.account.currency) for values in (plain(row), row.wanted))
    names = [name for name, value in after.items() if before.get(name) != value]
    return differences(
        "copying.changed", {name: before.get(name) for name in names}, {name: after[name] for name in names}
    )


@guard(RELEASE)
@require_POST
def release(request: Any, strategy_id: UUID) -> HttpResponse:
    selectors.strategy_get(request.actor, strategy_id)
    seen = request.POST.get("seen", "")
    act = partial(strategy_release, actor=request.actor, strategy_id=strategy_id, seen=seen)
    done = pgettext("strategy", "Released. Other clients see it now.")
    return acted(request, act, "copying:office-strategy", strategy_id, done=done)


@guard(RELEASE)
@require_POST
def reject(request: Any, strategy_id: UUID) -> HttpResponse:
    return _with_reason(
        request, strategy_id, strategy_reject, pgettext("strategy", "Not released. The client is told why.")
    )


@guard(RELEASE)
@require_POST
def suspend(request: Any, strategy_id: UUID) -> HttpResponse:
    return _with_reason(request, strategy_id, strategy_suspend, pgettext("strategy", "Suspended. It is off the board."))


def _with_reason(request: Any, strategy_id: UUID, service: Any, done: str) -> HttpResponse:
    selectors.strategy_get(request.actor, strategy_id)
    reason = request.POST.get("reason", "")
    act = partial(service, actor=request.actor, strategy_id=strategy_id, reason=reason)
    return acted(request, act, "copying:office-strategy", strategy_id, done=done)
