"""A client's payments: page by page, of one kind or all, and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from kernel import throttle
from kernel.guards import client_only
from kernel.pages import page
from kernel.ui.exports import Cells, download

from ..movements import KINDS, Mark, Movement, all_movements, movements
from ..words import method_name

PAGE = 50
TABS = [
    ("", pgettext_lazy("cashier history", "All")),
    ("deposit", pgettext_lazy("cashier history", "Deposits")),
    ("withdrawal", pgettext_lazy("cashier history", "Withdrawals")),
]


def _kind(request: Any) -> str:
    wanted = request.GET.get("kind", "")
    return wanted if wanted in KINDS else ""


@client_only
@require_GET
def history(request: Any) -> HttpResponse:
    """Live on its first page; further ones stay as they were turned to."""
    kind, before = _kind(request), Mark.read(request.GET.get("before", ""))
    found = movements(request.client.pk, limit=PAGE + 1, before=before, kind=kind)
    context = {
        "movements": found[:PAGE], "older": str(found[PAGE - 1].mark) if len(found) > PAGE else "",
        "first": before is None, "kind": kind, "tabs": TABS,
    }  # fmt: skip
    template = "payments/portal/history.html#rows" if request.htmx else "payments/portal/history.html"
    return page(request, template, context, live=[f"client:{request.client.pk}"])


@client_only
@require_GET
def export(request: Any) -> HttpResponseBase:
    """All of it, or of one kind, newest first; amounts as plain decimals in their currency, times in the reader's zone."""
    throttle.check("payments.history", str(request.client.pk), burst=10, per_minute=6)
    client, kind = request.client, _kind(request)
    return download(
        request, f"payments-{client.number}", _head(), lambda: _rows(all_movements(client.pk, kind=kind)),
        zone=timezone.get_current_timezone(), dated=False,
    )  # fmt: skip


def _head() -> Cells:
    return (
        pgettext("cashier history", "Time"), pgettext("cashier history", "What"), pgettext("cashier history", "Reference"),
        pgettext("cashier history", "Method"), pgettext("cashier history", "State"), pgettext("cashier history", "Amount"),
        pgettext("cashier history", "Fee"), pgettext("cashier history", "Amount received or sent"),
        pgettext("cashier history", "Currency"),
    )  # fmt: skip


def _rows(found: Iterator[Movement]) -> Iterator[Cells]:
    for one in found:
        row, deposit = one.row, one.kind == "deposit"
        what = pgettext("cashier history", "Deposit") if deposit else pgettext("cashier history", "Withdrawal")
        arrived = one.signed if deposit and row.state == "credited" else "" if deposit else row.paid
        yield (
            one.at, what, row.reference, method_name(row.method) if row.method else "", row.get_state_display(), row.amount,
            row.fee, arrived, row.currency,
        )  # fmt: skip
