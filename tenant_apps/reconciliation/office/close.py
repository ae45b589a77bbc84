"""The daily close: days, a day's figures to prepare, sign, print and export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel import audit, clock
from kernel.errors import NotFound
from kernel.guards import guard
from kernel.pages import acted, page
from kernel.ui.exports import Cells, download

from ..models import DayClose, PreparedClose
from ..permissions_list import CLOSE, SIGN
from ..services import close as service
from ..words import CLOSE_LINES, PROOF_WORDS

SHOWN = 31
EXPLAINED = {"bank": "reconciliation:clearing", "trading": "reconciliation:platforms"}  # where a proof's parts are


@dataclass(frozen=True, slots=True)
class Day:
    """A day in the list: signed, prepared or neither."""

    day: date
    prepared: PreparedClose | None
    signed: DayClose | None


def days(count: int = SHOWN) -> list[Day]:
    """The last days that are over, newest first. Two queries."""
    wanted = [clock.today() - timedelta(days=n) for n in range(1, count + 1)]
    prepared = {row.day: row for row in PreparedClose.objects.filter(day__in=wanted).defer("figures")}
    signed = {row.day: row for row in DayClose.objects.filter(day__in=wanted).defer("figures")}
    return [Day(one, prepared.get(one), signed.get(one)) for one in wanted]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotFound from None
    if day.year < 2000 or day > clock.today():
        raise NotFound
    return day


@guard("reconciliation.view")
@require_GET
def index(request: Any) -> HttpResponse:
    return page(
        request, "reconciliation/closes.html", {"rows": days(), "broken": service.chain_broken(), "tab": "close"}
    )


def _stand(day: date) -> tuple[DayClose | None, PreparedClose | None, list[service.Figures]]:
    """The signed row's figures, else the prepared ones, else those of now."""
    signed = DayClose.objects.filter(day=day).first()
    prepared = PreparedClose.objects.filter(day=day).first()
    stored = signed or prepared
    return signed, prepared, service.shown(stored.figures if stored else service.figures_of(day))


def _lines(one: service.Figures) -> list[tuple[str, Any]]:
    return [(str(words), one.values[name]) for name, words in CLOSE_LINES.items() if name in one.values]


@guard("reconciliation.view")
@require_GET
def close(request: Any, day: str) -> HttpResponse:
    wanted = _day(day)
    signed, prepared, figures = _stand(wanted)
    actor, over = request.actor, wanted < clock.today()
    context = {
        "day": wanted, "signed": signed, "prepared": prepared, "tab": "close",
        "figures": [
            {"one": one, "lines": _lines(one),
             "proofs": [(PROOF_WORDS[name], told, posted, less, name in one.unproved, EXPLAINED.get(name, ""))
                        for name, told, posted, less in one.proofs]}
            for one in figures
        ],
        "may_prepare": over and not signed and actor.may(CLOSE), "over": over,
        "may_sign": bool(prepared and not signed and actor.may(SIGN) and prepared.preparer_id != actor.id),
        "right": all(one.right and one.cover.minor >= 0 for one in figures),
        "crumbs": [(pgettext("reconciliation tab", "Daily close"), reverse("reconciliation:closes"))],
    }  # fmt: skip
    return page(request, "reconciliation/close.html", context)


def _act(request: Any, day: str, act: Callable[[date], Any]) -> HttpResponse:
    wanted = _day(day)
    return acted(request, lambda: act(wanted), "reconciliation:close", wanted.isoformat())


@guard("reconciliation.close")
@require_POST
def prepare(request: Any, day: str) -> HttpResponse:
    note = request.POST.get("note", "")
    return _act(request, day, lambda wanted: service.close_prepare(actor=request.actor, day=wanted, note=note))


@guard("reconciliation.sign")
@require_POST
def sign(request: Any, day: str) -> HttpResponse:
    note = request.POST.get("note", "")
    return _act(request, day, lambda wanted: service.close_sign(actor=request.actor, day=wanted, note=note))


def _export_header() -> list[str]:
    return [
        pgettext("reconciliation column", "Currency"), pgettext("reconciliation column", "Line"),
        pgettext("report column", "Amount"), pgettext("reconciliation column", "Told elsewhere"),
        pgettext("reconciliation column", "Difference"),
    ]  # fmt: skip


def _export_rows(figures: list[service.Figures]) -> Iterator[Cells]:
    for one in figures:
        for words, amount in _lines(one):
            yield [one.currency, words, amount, "", ""]
        for name, told, posted, less in one.proofs:
            words = str(PROOF_WORDS[name])
            if name in one.unproved:
                words = f"{words} ({pgettext('daily close', 'not proved')})"
            yield [one.currency, words, posted, told, less]


@guard("reconciliation.view")
@require_GET
def export(request: Any, day: str) -> StreamingHttpResponse:
    wanted = _day(day)
    figures = _stand(wanted)[2]
    audit.record(actor=request.actor, action="reconciliation.close_exported", label=wanted.isoformat())
    name = f"daily-close-{wanted.isoformat()}"
    return download(request, name, _export_header(), lambda: _export_rows(figures), dated=False)
