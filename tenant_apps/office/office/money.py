"""The money inbox: what waits of all kinds, one request beside the list, and its decisions.

Services decide who may; this page shows what they would allow and tells what they said.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import audit
from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page, wants_part
from kernel.ui.exports import download
from kernel.ui.toast import toast, trigger
from tenant_apps.leads import services as views
from tenant_apps.leads.selectors import views_of
from tenant_apps.payments.permissions_list import EXPORT
from tenant_apps.wallets.worklist.filters import Filter
from tenant_apps.wallets.worklist.listing import (
    Item,
    counters,
    everything,
    item_of,
    listed,
    neighbour,
    totals,
    with_clients,
)
from tenant_apps.wallets.worklist.registry import Decision, Said, Source, source_for

from .. import money

TOPICS = ["money", "reconciliation"]
VIEWS = "money"


def _chosen(request: Any) -> Filter:
    return Filter.parse(request.GET)


def _address(item: Item | None, chosen: Filter, after: str = "") -> str:
    """Where the list is shown with this item beside it."""
    path = reverse("office:money-item", args=[item.kind, item.id]) if item else reverse("office:money")
    more = f"&{urlencode({'after': after})}" if after else ""
    return f"{path}?{chosen.as_query()}{more}"


def _list(request: Any, chosen: Filter) -> dict[str, Any]:
    """The list with its counters. Four queries."""
    actor, query = request.actor, request.GET
    after, before = query.get("after", ""), query.get("before", "")
    rows = listed(actor, chosen, after=after, before=before)
    counts = counters(actor)
    return {
        "chosen": chosen,
        "query": chosen.as_query(),
        "rows": [(item, _address(item, chosen, after)) for item in rows.items],
        "page": rows,
        "counts": counts,
        "totals": totals(actor, chosen),
        "number": {one.source.kind: one.mine if chosen.scope == "mine" else one.open for one in counts.kinds},
        "may_export": actor.may(EXPORT),
    }


def _found(request: Any, kind: str, row_id: UUID) -> tuple[Item, Any]:
    """Raises NotFound also for what is not the actor's to know."""
    source = source_for(request.actor, kind)
    found = item_of(request.actor, source, row_id) if source else None
    if found is None:
        raise NotFound
    return found


def _item(request: Any, chosen: Filter, item: Item, row: Any) -> dict[str, Any]:
    """One item with what its decision needs, and the way to its neighbours."""
    actor = request.actor
    before, after = (neighbour(actor, chosen, item, backwards=backwards) for backwards in (True, False))
    return {
        **_stand(request, chosen, item, row),
        "before": _address(before, chosen) if before else "",
        "after": _address(after, chosen) if after else "",
        "page_url": item.source.page(row),
    }


def _stand(request: Any, chosen: Filter, item: Item, row: Any) -> dict[str, Any]:
    """What is decided on, how far it is and what one may do. It is drawn anew as a whole, so that what is shown and the
    digest of it (`seen`), which a decision brings back, are of one reading."""
    source = item.source
    with_clients([item])
    if source.whose is not None:
        item.client = source.whose(row)
    decisions = source.decisions(request.actor, row)
    is_open = source.open(request.actor).filter(pk=row.pk).exists()
    return {
        "seen": source.seen(row) if decisions else "",  # before the facts: never newer than what is shown
        "item": item,
        "facts": [(label, value) for label, value in source.facts(row) if value not in ("", None)],
        "changes": source.changes(row),
        "is_open": is_open,
        "decided_by": "" if is_open else source.decided_by(row),
        "steps": source.steps(row),
        "decisions": [(one, _decide_address(item, one, chosen)) for one in decisions],
        "item_url": _address(item, chosen),
        **money.about(request.actor, item.client),
    }


def _decide_address(item: Item, decision: Decision, chosen: Filter) -> str:
    return f"{reverse('office:money-decide', args=[item.kind, item.id, decision.key])}?{chosen.as_query()}"


def _shown(request: Any, chosen: Filter, values: dict[str, Any]) -> HttpResponse:
    if wants_part(request, "money"):
        return render(request, "office/money/_body.html", values)
    values |= {"views": views_of(request.actor, VIEWS, managing=money.MANAGING), **money.choices(request.actor, chosen)}
    return page(request, "office/money/inbox.html", values, live=TOPICS)


@guard(*money.RIGHTS)
@require_GET
def inbox(request: Any) -> HttpResponse:
    """The list. With the first of it at hand, so that J begins."""
    chosen = _chosen(request)
    values = _list(request, chosen)
    if wants_part(request, "money-list"):
        return render(request, "office/money/_list.html", values | {"open_id": request.GET.get("open", "")})
    first = values["rows"][0][1] if values["rows"] else ""
    return _shown(request, chosen, values | {"first": first})


@guard(*money.RIGHTS)
@require_GET
def one(request: Any, work: str, row_id: UUID) -> HttpResponse:
    """One item beside the list."""
    chosen = _chosen(request)
    item, row = _found(request, work, row_id)
    if wants_part(request, "money-stand"):
        return render(request, "office/money/_stand.html", _stand(request, chosen, item, row))
    values = _list(request, chosen) | _item(request, chosen, item, row)
    return _shown(request, chosen, values | {"open_id": str(item.id)})


@guard(*money.RIGHTS)
@require_POST
def decide(request: Any, work: str, row_id: UUID, decision: str) -> HttpResponse:
    """Carry a decision out, then show the next item. What somebody else has decided meanwhile is said so."""
    chosen = _chosen(request)
    item, row = _found(request, work, row_id)
    decisions = {one.key: one for one in item.source.decisions(request.actor, row)}
    wanted = decisions.get(decision)
    if wanted is None:
        return _answer(request, chosen, item, _already(item.source, row), "warning")
    following = neighbour(request.actor, chosen, item) or neighbour(request.actor, chosen, item, backwards=True)
    try:
        wanted.act(
            request.actor, row, Said(**{name: request.POST.get(name, "") for name in ("reason", "text", "seen")})
        )
    except NotFound:
        raise
    except AppError as error:
        return _answer(request, chosen, item, _refusal(request, item, decision, error), "danger")
    return _answer(request, chosen, following, str(wanted.done), "success")


def _already(source: Source, row: Any) -> str:
    """Why there is nothing to decide, naming who decided it."""
    name = source.decided_by(row)
    if name:
        return pgettext("work", "Already decided by %(name)s.") % {"name": f"\u2068{name}\u2069"}
    return pgettext("work", "This is not for you to decide now.")


def _refusal(request: Any, item: Item, decision: str, error: AppError) -> str:
    """The service's words; or who was faster, when somebody was."""
    _, row = _found(request, item.kind, item.id)
    if decision not in {one.key for one in item.source.decisions(request.actor, row)} and item.source.decided_by(row):
        return _already(item.source, row)
    return str(error)


def _answer(request: Any, chosen: Filter, item: Item | None, words: str, tone: Any) -> HttpResponse:
    """The list with `item` beside it, and what happened in words that are said aloud."""
    there = _address(item, chosen)
    if not request.htmx:
        messages.add_message(request, messages.SUCCESS if tone == "success" else messages.WARNING, words)
        return redirect(there)
    values = _list(request, chosen)
    if item is not None:
        fresh, row = _found(request, item.kind, item.id)
        values |= _item(request, chosen, fresh, row) | {"open_id": str(item.id)}
    response = render(request, "office/money/_body.html", values)
    response.headers["HX-Push-Url"] = there
    return toast(trigger(response, "modal:close"), words, tone)


# --- saved views and exports


@guard(*money.RIGHTS)
@require_POST
def view_save(request: Any) -> HttpResponse:
    chosen = Filter.parse(QueryDict(request.POST.get("query", "")))
    views.view_save(
        page=VIEWS, name=request.POST.get("name", ""), query=chosen.as_query(),
        shared=bool(request.POST.get("shared")), actor=request.actor,
    )  # fmt: skip
    return redirect(_address(None, chosen))


@guard(*money.RIGHTS)
@require_POST
def view_delete(request: Any, view_id: UUID) -> HttpResponse:
    views.view_delete(view_id=view_id, actor=request.actor, pages=[VIEWS], managing=money.MANAGING)
    return redirect("office:money")


@guard("payments.export")
@require_GET
def export(request: Any) -> StreamingHttpResponse:
    """What the filter shows, as far as the right to export reaches."""
    chosen, actor = _chosen(request), money.exporter(request.actor)
    audit.record(actor=request.actor, action="office.work_exported", label="work")
    return download(request, "money-inbox", _header(), lambda: map(_cells, everything(actor, chosen)))


def _header() -> list[str]:
    return [
        pgettext("work column", "Kind"), pgettext("work column", "Reference"), pgettext("work column", "Client"),
        pgettext("work column", "Client number"), pgettext("work column", "State"), pgettext("work column", "Amount"),
        pgettext("work column", "Currency"), pgettext("work column", "Waiting since"),
        pgettext("work column", "Promised for"), pgettext("work column", "Late"),
    ]  # fmt: skip


def _cells(item: Item) -> list[object]:
    late = pgettext("work column", "yes") if item.late else ""
    return [
        str(item.source.label), item.reference, item.client.name if item.client else "",
        item.client.number if item.client else "", str(item.stand), item.amount if item.amount is not None else "",
        item.amount.currency if item.amount is not None else "", item.since, item.due, late,
    ]  # fmt: skip
