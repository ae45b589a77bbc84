"""Statements leaving the house: CSV as a stream, PDF on the brand's paper, both in a chosen language and time zone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language, get_language_bidi, override, pgettext

from kernel import clock, files, pdf
from kernel.errors import Invalid
from kernel.models import StoredFile
from kernel.tenancy import context
from kernel.ui.tables import export_value

from .statements import Books, Statement
from .words import account_words

CSS = Path(__file__).parent / "paper.css"
MOST_LINES = 300  # on paper, some five seconds; a CSV has as many as there are


class _Echo:
    def write(self, value: str) -> str:
        return value


def csv_answer(rows: Callable[[], Iterable[Sequence[object]]], name: str, zone: tzinfo) -> StreamingHttpResponse:
    """Stream rows as they are read. They leave after the view has returned, so scope, language and zone are kept."""
    scope, language = context.scope(), get_language()

    def streamed() -> Iterator[str]:
        token = context.enter(scope)
        try:
            with override(language), timezone.override(zone):
                writer: Any = csv.writer(_Echo())
                yield "\ufeff"
                for row in rows():
                    yield writer.writerow([_cell(cell) for cell in row])
        finally:
            context.leave(token)

    response = StreamingHttpResponse(streamed(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _cell(value: object) -> object:
    """An amount as plain decimals, its minus included; text that no spreadsheet runs as a formula."""
    return f"{value:f}" if isinstance(value, Decimal) else export_value(value)


def statement_rows(statement: Statement) -> Iterator[Sequence[object]]:
    """Head, opening, lines, closing: amounts as plain decimals, times as ISO in the zone of the reader."""
    yield (
        pgettext("statement", "Time"), pgettext("statement", "What"), pgettext("statement", "Reference"),
        pgettext("statement", "Amount"), pgettext("statement", "Balance"), pgettext("statement", "Currency"),
    )  # fmt: skip
    currency = statement.currency
    start, end = statement.period.start, statement.period.end
    yield _iso(start), pgettext("statement", "Opening balance"), "", "", statement.opening.amount, currency
    for line in statement.lines():
        title, detail = line.words.title, line.words.detail
        yield _iso(line.at), title, detail, line.amount.amount, line.balance.amount, currency
    yield _iso(end), pgettext("statement", "Closing balance"), "", "", statement.closing.amount, currency


def books_rows(books: Sequence[Books]) -> Iterator[Sequence[object]]:
    yield (
        pgettext("trial balance", "Currency"), pgettext("trial balance", "Owner"), pgettext("trial balance", "Account"),
        pgettext("trial balance", "Balance"),
    )  # fmt: skip
    for book in books:
        for line in book.lines:
            owner = pgettext("trial balance", "Clients") if line.clients else pgettext("trial balance", "House")
            yield book.currency, owner, account_words(line.kind), line.amount.amount
        yield book.currency, pgettext("trial balance", "Sum"), "", book.difference.amount


def _iso(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds")


def statement_pdf(statement: Statement, zone: tzinfo) -> bytes:
    """Raises Invalid for more lines than fit on paper, PdfMissing."""
    lines = []
    for line in statement.lines():
        lines.append(line)
        if len(lines) > MOST_LINES:
            raise Invalid(
                pgettext("statement", "These are too many lines for paper. Choose a shorter period or take the CSV.")
            )
    return _pdf(
        "wallets/paper/statement.html", {"statement": statement, "lines": lines, "client": statement.client}, zone
    )


def balances_pdf(client: Any, balances: Sequence[Any], moment: datetime, zone: tzinfo) -> bytes:
    return _pdf("wallets/paper/balances.html", {"client": client, "balances": balances, "moment": moment}, zone)


def _pdf(template: str, values: dict[str, Any], zone: tzinfo) -> bytes:
    with timezone.override(zone):
        frame = {
            "brand": _brand(), "lang": get_language() or "en", "dir": "rtl" if get_language_bidi() else "ltr",
            "made_at": clock.now(), "zone": str(zone),
        }  # fmt: skip
        html = render_to_string(template, {**frame, **values})
    return pdf.render(html, CSS.read_text(encoding="utf-8"))


def _brand() -> dict[str, Any]:
    """The brand's name, logo (as data) and legal line in the active language."""
    tenant = context.tenant()
    entry: dict[str, Any] = tenant.setting("brand") or {}
    texts = entry.get("legal_footer") or {}
    legal = texts.get(get_language() or "en") or texts.get("en") or next(iter(texts.values()), "")
    return {"name": entry.get("name") or tenant.name, "logo": _logo(str(entry.get("logo_url") or "")), "legal": legal}


def _logo(url: str) -> str:
    """A published logo's bytes: `/brand/logo-<hash>.png`. Paper is white whatever the reader's mode."""
    digest = url.rpartition("-")[2].partition(".")[0]
    row = StoredFile.objects.filter(kind="brand.logo", sha256__startswith=digest).first() if digest else None
    return pdf.data_url(files.read(row), row.content_type) if row else ""


def pdf_answer(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response["Cache-Control"] = "no-store"
    return response
