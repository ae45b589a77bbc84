"""The audit trail: filter, verify the chain, export."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_POST

from kernel import audit, audit_words, clock, throttle
from kernel.actors import Actor
from kernel.guards import guard
from kernel.models import AuditBlock, AuditEntry
from kernel.pages import page, wants_part
from kernel.tenancy import context
from kernel.ui.tables import Column, TableSpec, build_table, export_value
from tenant_apps.clients.changes import changes_shown
from tenant_apps.clients.selectors import audit_shown

TABLE = TableSpec(
    default_sort="-id",
    page_size=50,
    columns=[Column(key="id", label=pgettext_lazy("audit", "Line"), sort="id")],
)
COLUMNS = (
    "id", "at", "actor_kind", "actor_id", "actor_label", "on_behalf_of", "ip", "user_agent", "request_id", "action",
    "object_type", "object_id", "object_label", "subject", "reason", "before", "after",
)  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _filtered(request: HttpRequest) -> tuple[QuerySet[AuditEntry], dict[str, str]]:
    names = ("actor", "action", "object", "since", "until")
    wanted = {name: request.GET.get(name, "").strip()[:100] for name in names}
    rows = AuditEntry.objects.all()
    if wanted["actor"]:
        rows = rows.filter(actor_label__icontains=wanted["actor"])
    if wanted["action"]:
        rows = rows.filter(action__startswith=wanted["action"])
    if wanted["object"]:
        rows = rows.filter(object_label__icontains=wanted["object"])
    if since := _day(wanted["since"]):
        rows = rows.filter(at__gte=datetime.combine(since, time.min, UTC))
    if until := _day(wanted["until"]):
        rows = rows.filter(at__lte=datetime.combine(until, time.max, UTC))
    return rows, wanted


@guard("audit.view")
def trail(request: HttpRequest) -> HttpResponse:
    """The lines, newest first, and how far the chain is sealed."""
    rows, wanted = _filtered(request)
    table = build_table(TABLE, rows, request, keyset=True)
    values: dict[str, Any] = {
        "table": table,
        "entries": changes_shown(audit_shown(request.actor, table.page.rows)),  # type: ignore[attr-defined]
        "wanted": wanted,
        "acts": audit_words.choices(),
    }
    if wants_part(request, "trail"):
        return render(request, "office/_audit_rows.html", values)
    values["last_block"] = AuditBlock.objects.order_by("-id").first()
    return page(request, "office/audit.html", values)


@guard("audit.view")
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Recompute the chain now."""
    throttle.check("audit-verify", str(request.actor.id), burst=5, per_minute=5)  # type: ignore[attr-defined]
    audit.seal_all()
    return render(request, "office/_audit_verdict.html", {"verdict": audit.verify()})


CHUNK = 1000


def _chunk(scope: context.Scope, actor: Actor, rows: QuerySet[AuditEntry], after: int) -> tuple[str, int]:
    """The next lines as CSV and the last one's number, 0 at the end. A query of its own: nothing stays open between."""
    token = context.enter(scope)  # the stream is read after the request's own scope has ended
    try:
        entries = audit_shown(actor, rows.filter(id__gt=after).order_by("id")[:CHUNK])
    finally:
        context.leave(token)
    out = io.StringIO()
    writer = csv.writer(out)
    if not after:
        writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([export_value(_cell(getattr(entry, name))) for name in COLUMNS])
    return out.getvalue(), entries[-1].id if entries else 0


def _stream(scope: context.Scope, actor: Actor, rows: QuerySet[AuditEntry]) -> Iterator[str]:
    text, after = _chunk(scope, actor, rows, 0)
    yield text
    while after:
        text, after = _chunk(scope, actor, rows, after)
        yield text


async def _stream_async(scope: context.Scope, actor: Actor, rows: QuerySet[AuditEntry]) -> AsyncIterator[str]:
    chunk = sync_to_async(_chunk)
    text, after = await chunk(scope, actor, rows, 0)
    yield text
    while after:
        text, after = await chunk(scope, actor, rows, after)
        yield text


@guard("audit.view")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered lines as CSV, streamed; cells are guarded against formulas. That it was taken is a line itself."""
    rows, wanted = _filtered(request)
    audit.record(actor=request.actor, action="audit.exported", label="audit trail", after=wanted)  # type: ignore[attr-defined]
    stream = _stream_async if isinstance(request, ASGIRequest) else _stream
    lines = stream(context.scope(), request.actor, rows)  # type: ignore[attr-defined]
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{clock.today():%Y-%m-%d}.csv"'
    return response


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value
