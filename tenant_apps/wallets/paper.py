"""Statements leaving the house: CSV as a stream, PDF on the brand's paper, both in a chosen language and time zone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import get_language, get_language_bidi, override, pgettext

from kernel import clock, files, paper
from kernel.errors import Invalid
from kernel.models import StoredFile
from kernel.paper import Brand, Cell, Column, Row, Sheet
from kernel.tenancy import context
from kernel.ui.formatting import date_text, money_text, time_text
from kernel.ui.tables import export_value

from .statements import Books, Statement, StatementLine
from .words import account_words

MOST_LINES = 5_000  # on paper, some five seconds; a CSV has as many as there are


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
    """Raises Invalid for more lines than fit on paper, PaperFailed."""
    with timezone.override(zone):
        return paper.render(_statement_sheet(statement, zone))


def balances_pdf(client: Any, balances: Sequence[Any], moment: datetime, zone: tzinfo) -> bytes:
    """Raises PaperFailed."""
    with timezone.override(zone):
        return paper.render(_balances_sheet(client, balances, moment, zone))


def _statement_sheet(statement: Statement, zone: tzinfo) -> Sheet:
    opening, closing = pgettext("statement", "Opening balance"), pgettext("statement", "Closing balance")
    lines = [
        Row((_at(line.at), line.words.title, line.words.detail, money_text(line.amount, signed=True), money_text(line.balance)))
        for line in _few(statement)
    ]  # fmt: skip
    return Sheet(
        **_frame(zone),
        title=Cell(f"{pgettext('wallet', 'Wallet statement')} {statement.currency}"),
        facts=[
            *_client_facts(statement.client),
            (pgettext("paper", "From"), Cell(_at(statement.period.start))),
            (pgettext("paper", "Until"), Cell(_at(statement.period.end))),
        ],
        columns=[
            Column(pgettext("wallet", "Time")), Column(pgettext("wallet", "What")), Column(pgettext("wallet", "Reference")),
            Column(pgettext("wallet", "Amount"), amount=True), Column(pgettext("wallet", "Balance"), amount=True),
        ],
        rows=[
            Row((opening, money_text(statement.opening)), sum=True),
            *lines,
            Row((closing, money_text(statement.closing)), sum=True),
        ],
    )  # fmt: skip


def _few(statement: Statement) -> Iterator[StatementLine]:
    """Raises Invalid at the line that is one too many."""
    for number, line in enumerate(statement.lines(), start=1):
        if number > MOST_LINES:
            raise Invalid(
                pgettext("statement", "These are too many lines for paper. Choose a shorter period or take the CSV.")
            )
        yield line


def _balances_sheet(client: Any, balances: Sequence[Any], moment: datetime, zone: tzinfo) -> Sheet:
    return Sheet(
        **_frame(zone),
        title=Cell(pgettext("statement", "All wallets")),
        facts=[*_client_facts(client), (pgettext("paper", "As of"), Cell(_at(moment)))],
        columns=[Column(pgettext("wallet", "Wallet")), Column(pgettext("wallet", "Balance"), amount=True)],
        rows=[Row((balance.currency, money_text(balance))) for balance in balances],
        empty=pgettext("statement", "There was no wallet yet."),
    )


def _client_facts(client: Any) -> list[tuple[str, Cell]]:
    return [
        (pgettext("paper", "Client"), Cell(client.name)),
        (pgettext("paper", "Client number"), Cell(str(client.number), code=True)),
    ]


def _at(moment: datetime) -> str:
    return f"{date_text(moment)} {time_text(moment, seconds=True)}"


def _frame(zone: tzinfo) -> dict[str, Any]:
    """What every sheet has: brand, language, and when it was made by whose clock."""
    made = (Cell(pgettext("paper", "Made")), Cell(_at(clock.now())), Cell(f"({zone})", code=True))
    return {"brand": _brand(), "language": get_language() or "en", "rtl": get_language_bidi(), "made": made}


def _brand() -> Brand:
    """The brand's name, colour, logo and its legal line in the active language."""
    tenant = context.tenant()
    entry: dict[str, Any] = tenant.setting("brand") or {}
    texts = entry.get("legal_footer") or {}
    legal = texts.get(get_language() or "en") or texts.get("en") or next(iter(texts.values()), "")
    logo = _logo(str(entry.get("logo_url") or ""))
    return Brand(entry.get("name") or tenant.name, str(entry.get("colour") or ""), logo, legal)


def _logo(url: str) -> tuple[bytes, str] | None:
    """A published logo's bytes and kind: `/brand/logo-<hash>.png`. Paper is white whatever the reader's mode."""
    digest = url.rpartition("-")[2].partition(".")[0]
    row = StoredFile.objects.filter(kind="brand.logo", sha256__startswith=digest).first() if digest else None
    return (files.read(row), row.content_type) if row else None


def pdf_answer(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response["Cache-Control"] = "no-store"
    return response
