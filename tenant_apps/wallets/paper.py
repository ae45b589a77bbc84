"""Statements leaving the house: CSV and XLSX as a stream, PDF on the brand's paper, both in a chosen language and time zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import get_language, get_language_bidi, pgettext

from kernel import clock, files, paper
from kernel.errors import Invalid
from kernel.models import StoredFile
from kernel.paper import Brand, Cell, Column, Row, Sheet
from kernel.tenancy import context
from kernel.ui.exports import Cells, Rows, download
from kernel.ui.formatting import date_text, money_text, time_text

from .statements import Books, Statement, StatementLine

MOST_LINES = 5_000  # on paper, some five seconds; a CSV has as many as there are


def file_answer(request: HttpRequest, name: str, zone: tzinfo, header: Cells, rows: Rows) -> StreamingHttpResponse:
    """CSV or XLSX, as `format` says, streamed as it is read; in the active language and the given zone."""
    return download(request, name, header, rows, zone=zone, dated=False)


def statement_head() -> Cells:
    return (
        pgettext("statement", "Time"), pgettext("statement", "What"), pgettext("statement", "Reference"),
        pgettext("statement", "Amount"), pgettext("statement", "Balance"), pgettext("statement", "Currency"),
    )  # fmt: skip


def statement_rows(statement: Statement) -> Iterator[Cells]:
    """Opening, lines, closing."""
    currency, period = statement.currency, statement.period
    yield period.start, pgettext("statement", "Opening balance"), "", "", statement.opening, currency
    for line in statement.lines():
        yield line.at, line.words.title, line.words.detail, line.amount, line.balance, currency
    yield period.end, pgettext("statement", "Closing balance"), "", "", statement.closing, currency


def books_head() -> Cells:
    return (
        pgettext("trial balance", "Currency"), pgettext("trial balance", "Owner"), pgettext("trial balance", "Account"),
        pgettext("trial balance", "Balance"),
    )  # fmt: skip


def books_rows(books: Sequence[Books]) -> Iterator[Cells]:
    for book in books:
        for line in book.lines:
            owner = pgettext("trial balance", "Clients") if line.clients else pgettext("trial balance", "House")
            yield book.currency, owner, line.name, line.amount
        yield book.currency, pgettext("trial balance", "Sum"), "", book.difference


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
        title=Cell(f"{statement.title} {statement.currency}"),
        facts=[
            *(_client_facts(statement.client) if statement.client else [(pgettext("paper", "Account"), Cell(statement.name))]),
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
