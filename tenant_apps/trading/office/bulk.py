"""Bulk changes of trading accounts in the office: the list, a new one, and one from its preview to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel import audit, throttle
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import acted, page, wants_part
from kernel.ui.exports import download
from kernel.ui.formatting import number_text
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.clients.eyes import shown
from tenant_apps.trading import bulk_selectors
from tenant_apps.trading.account_filter import AccountFilter, words
from tenant_apps.trading.bulk_models import reason_words
from tenant_apps.trading.forms import BulkForm
from tenant_apps.trading.models import (
    AccountType,
    BulkChange,
    BulkPurpose,
    BulkRowState,
    BulkState,
    BulkWhat,
)
from tenant_apps.trading.permissions_list import BULK_APPROVE, BULK_EDIT, BULK_VIEW, VIEW
from tenant_apps.trading.selectors import accounts_visible
from tenant_apps.trading.services import bulk as service
from tenant_apps.trading.services import bulk_running
from tenant_apps.wallets.change_told import told
from tenant_apps.wallets.models import ChangeState, ProposedChange

CHANGES = TableSpec(
    default_sort="-when",
    page_size=50,
    columns=[
        Column(key="what", label=pgettext_lazy("bulk change", "What")),
        Column(key="when", label=pgettext_lazy("bulk change", "When"), sort="created_at"),
        Column(key="who", label=pgettext_lazy("bulk change", "Who")),
        Column(key="accounts", label=pgettext_lazy("bulk change", "Accounts"), sort="accounts", align="num"),
        Column(key="changing", label=pgettext_lazy("bulk change", "To be changed"), sort="changing", align="num"),
        Column(key="state", label=pgettext_lazy("bulk change", "State"), align="end"),
    ],
)
ROWS = TableSpec(
    page_size=50,
    columns=[
        Column(key="login", label=pgettext_lazy("trading account", "Login")),
        Column(key="client", label=pgettext_lazy("trading account", "Client")),
        Column(key="before", label=pgettext_lazy("bulk change", "Before")),
        Column(key="after", label=pgettext_lazy("bulk change", "After")),
        Column(key="state", label=pgettext_lazy("bulk change", "Result"), align="end"),
    ],
)
TONES = {"planned": "neutral", "waiting": "warning", "running": "info", "done": "success", "stopped": "warning"}
ROW_TONES = {"waiting": "neutral", "sent": "info", "done": "success", "refused": "danger", "skipped": "neutral"}


def _stand(change: Any) -> Any:
    """With words and tone of where it stands, as the templates show it."""
    change.stand, change.tone = BulkState(change.standing).label, TONES.get(change.standing, "neutral")
    return change


@guard(BULK_VIEW, BULK_APPROVE)
@require_GET
def index(request: Any) -> HttpResponse:
    rows = bulk_selectors.bulk_visible(request.actor)
    standing = request.GET.get("state", "")
    if standing in BulkState.values:
        rows = rows.filter(standing=standing)
    table = build_table(CHANGES, rows, request)
    values = {
        "table": table, "rows": [_stand(row) for row in table.page.rows], "states": BulkState.choices, "state": standing,
        "may_edit": request.actor.may(BULK_EDIT),
    }  # fmt: skip
    if request.htmx:
        return render(request, "trading/office/bulks.html#rows", values)
    return page(request, "trading/office/bulks.html", values)


@guard(BULK_EDIT)
def new(request: Any) -> HttpResponse:
    """What all accounts of a filter get; the preview comes next, and nothing changes before it is begun."""
    actor, wanted = request.actor, AccountFilter.parse(request.GET)
    what = request.GET.get("what", "")
    what = what if what in BulkWhat.values else BulkWhat.LEVERAGE.value
    types = AccountType.objects.select_related("server").order_by("server__name", "order", "name", "currency")
    form = BulkForm(request.POST or None, what=what, types=types)
    if request.method == "POST" and form.is_valid():
        throttle.check("trading.bulk", actor.id, burst=10, per_minute=5)
        try:
            planned = service.plan(actor=actor, query=wanted.as_query(), **form.target)
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("trading:office-bulk", planned.pk)
    values = {
        "form": form, "what": what, "facts": words(wanted), "query": wanted.as_query(),
        "count": wanted.apply(accounts_visible(actor, BULK_EDIT), masks=actor.masks).count(),
        "crumbs": [(pgettext("navigation", "Trading accounts"), f"{reverse('trading:office-accounts')}?{wanted.as_query()}")],
    }  # fmt: skip
    return page(request, "trading/office/bulk_new.html", values, status=422 if request.method == "POST" else 200)


@guard(BULK_VIEW, BULK_APPROVE)
@require_GET
def change(request: Any, bulk_id: UUID) -> HttpResponse:
    """One of them: as a preview, while it runs, and what came of it."""
    found = _stand(bulk_selectors.bulk_get(request.actor, bulk_id))
    if request.htmx and request.GET.get("part") == "head":
        return render(request, "trading/office/bulk.html#head", _head(request.actor, found))
    values = _rows(request, found)
    if wants_part(request, "rows"):
        return render(request, "trading/office/bulk.html#rows", values)
    values |= _head(request.actor, found)
    return page(request, "trading/office/bulk.html", values, live=[found.topic])


def _rows(request: Any, found: BulkChange) -> dict[str, Any]:
    query = request.GET
    wanted = {
        "text": query.get("q", "").strip()[:80],
        "state": query.get("state", ""),
        "reason": query.get("reason", ""),
    }
    table = build_table(ROWS, bulk_selectors.rows_of(request.actor, found, **wanted), request, keyset=True)
    rows = bulk_selectors.worded(found, table.page.rows)
    for row in rows:
        row.tone = ROW_TONES[row.state]  # type: ignore[attr-defined]
    return {
        "change": found, "table": table, "rows": rows, "wanted": wanted, "row_states": BulkRowState.choices,
        "may_account": request.actor.may(VIEW), "filtered": any(wanted.values()),
    }  # fmt: skip


def _head(actor: Any, found: Any) -> dict[str, Any]:
    counts = bulk_selectors.counts_of(found)
    planned, ended = found.state == BulkState.PLANNED, found.finished_at is not None and found.state in service.ENDED
    own, may_edit = found.proposer_id == actor.id, actor.may(BULK_EDIT)
    over = found.changing - counts["waiting"] - counts["sent"]
    return {
        "change": found, "counts": counts, "over": over, "left": found.accounts - found.changing, "reasons": _reasons(counts),
        "facts": words(AccountFilter.parse_text(found.query)),
        "may_start": planned and own and may_edit and found.standing == BulkState.PLANNED,
        "takes_two": planned and own and service.takes_two(found), "most_words": number_text(service.alone_most()),
        "may_stop": found.state == BulkState.RUNNING and (may_edit or actor.may(BULK_APPROVE)),
        "undoable": ended and may_edit and counts["done"],
        "retryable": ended and may_edit and service.followable(found, BulkPurpose.RETRY).count(),
        "progress_words": f"\u2066{number_text(over)} / {number_text(found.changing)}\u2069",
        "sent_words": number_text(counts["sent"]),
        "followers": list(found.followers.exclude(state=BulkState.DROPPED).select_related("account_type").order_by("created_at")),
        **(_proposal(actor, found) if planned else {}),
    }  # fmt: skip


def _reasons(counts: dict[str, int]) -> list[tuple[str, str, int]]:
    """`(code, words, accounts)`, the most first."""
    found = []
    for key, count in counts.items():
        _, colon, code = key.partition(":")
        if colon:
            found.append((code, reason_words(code), count))
    return sorted(found, key=lambda line: -line[2])


def _proposal(actor: Any, found: BulkChange) -> dict[str, Any]:
    """What waits for a second person, or what the last one said of it."""
    row: ProposedChange | None = bulk_selectors.proposal_of(found.pk)
    if row is None or row.state != ChangeState.WAITING:
        return {"refusal": row if row is not None and row.state == ChangeState.REFUSED else None}
    own, agrees = row.proposer_id == actor.id, actor.may(BULK_APPROVE)
    return {
        "proposal": row,
        "own": own,
        "may_approve": agrees and not own,
        "may_refuse": agrees or own,
        "seen": shown(row),
    }


@guard(BULK_VIEW, BULK_APPROVE)
@require_GET
def file(request: Any, bulk_id: UUID) -> HttpResponseBase:
    """All of its accounts that the actor may see, as a table to take along."""
    found, actor = bulk_selectors.bulk_get(request.actor, bulk_id), request.actor
    rows = bulk_selectors.rows_of(actor, found, state=request.GET.get("state", ""))
    header = [column.label for column in ROWS.columns] + [
        pgettext("bulk change", "Reason"),
        pgettext("bulk change", "When"),
    ]
    audit.record(actor=actor, action="trading.bulk_exported", obj=found)
    return download(request, "bulk-change", header, lambda: bulk_selectors.lines_of(found, rows))


def _act(request: Any, bulk_id: UUID, act: Callable[[], Any], done: str = "") -> HttpResponse:
    found = bulk_selectors.bulk_get(request.actor, bulk_id)
    return acted(request, act, "trading:office-bulk", found.pk, done=done)


@guard(BULK_EDIT)
@require_POST
def start(request: Any, bulk_id: UUID) -> HttpResponse:
    """At once, or proposed for a second person."""
    found = bulk_selectors.bulk_get(request.actor, bulk_id)
    try:
        row = service.start(actor=request.actor, bulk_id=found.pk, reason=request.POST.get("reason", ""))
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
    else:
        if row is None:
            messages.success(request, pgettext("bulk change", "Begun. The page follows it."))
        else:
            told(request, row)
    return redirect("trading:office-bulk", found.pk)


@guard(BULK_EDIT)
@require_POST
def drop(request: Any, bulk_id: UUID) -> HttpResponse:
    done = pgettext("bulk change", "Dropped. No account was changed.")
    return _act(request, bulk_id, lambda: service.drop(actor=request.actor, bulk_id=bulk_id), done)


@guard(BULK_APPROVE)
@require_POST
def approve(request: Any, bulk_id: UUID) -> HttpResponse:
    seen, done = request.POST.get("seen", ""), pgettext("bulk change", "Begun. The page follows it.")
    return _act(request, bulk_id, lambda: service.approve(actor=request.actor, bulk_id=bulk_id, seen=seen), done)


@guard(BULK_EDIT, BULK_APPROVE)
@require_POST
def refuse(request: Any, bulk_id: UUID) -> HttpResponse:
    """Another's proposal, with the reason; one's own is taken back."""
    reason, done = request.POST.get("reason", ""), pgettext("bulk change", "Not begun. It is a preview again.")
    return _act(request, bulk_id, lambda: service.refuse(actor=request.actor, bulk_id=bulk_id, reason=reason), done)


@guard(BULK_EDIT, BULK_APPROVE)
@require_POST
def stop(request: Any, bulk_id: UUID) -> HttpResponse:
    done = pgettext("bulk change", "Stopped. What is on its way arrives.")
    return _act(request, bulk_id, lambda: bulk_running.stop(actor=request.actor, bulk_id=bulk_id), done)


@guard(BULK_EDIT)
@require_POST
def undo(request: Any, bulk_id: UUID) -> HttpResponse:
    return _follow(request, bulk_id, service.plan_undo)


@guard(BULK_EDIT)
@require_POST
def retry(request: Any, bulk_id: UUID) -> HttpResponse:
    return _follow(request, bulk_id, service.plan_retry)


def _follow(request: Any, bulk_id: UUID, plan: Callable[..., BulkChange]) -> HttpResponse:
    """Another plan, made of this one; its preview is shown."""
    throttle.check("trading.bulk", request.actor.id, burst=10, per_minute=5)
    try:
        planned = plan(actor=request.actor, bulk_id=bulk_id)
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
        return redirect("trading:office-bulk", bulk_id)
    return redirect("trading:office-bulk", planned.pk)
