"""Reading a provider's report in: whole or not at all, once, however often it is asked for.

`report_take` writes down that a file is to be read; `report_work` reads it, in one transaction. Killed anywhere, the row
still waits and the sweep takes it up. A file that is here already is the report that is here already; a row that another
file brought before is left alone, and counted when it now says something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from kernel import audit, clock, files, locks
from kernel.actors import Actor
from kernel.live import publish as live
from kernel.models import StoredFile
from kernel.money import Money
from tenant_apps.payments.models import ProviderAccount

from ..errors import ReportRefused
from ..models import Case, CaseKind, CaseNote, Report, ReportLine, ReportMapping, ReportState
from ..permissions_list import IMPORT
from ..reading.formats import FORMATS, format_get
from ..reading.layout import Layout, fitting
from ..reading.rows import NotReadable, Row, RowError, header_of, read
from ..words import file_problem

FILE = "reconciliation_report"
CHUNK = 2000
SHOWN = 100  # rows with errors that are kept and shown
LOOKED_AT = 20_000  # rows of a preview: two seconds; reading in looks at all of them
TOPIC = "reconciliation"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file would be read: by a format of ours, by the account's saved mapping, or not yet (None)."""

    header: list[str]
    code: str
    layout: Layout | None


def layout_for(account: ProviderAccount, data: bytes) -> Reading:
    """The account's own mapping where the file has its header, else the format that fits. Raises ReportRefused."""
    saved = ReportMapping.objects.filter(provider_account=account).first()
    layout = _saved(saved)
    try:
        header = header_of(
            data,
            list(saved.header) if saved and layout else None,
            encoding=layout.encoding if layout else "",
            delimiter=layout.delimiter if layout else "",
        )
        if saved and layout and list(saved.header) == header:
            return Reading(header, "", layout)
        for item in sorted(FORMATS, key=lambda item: item.code != account.kind):
            header = header_of(data, list(item.signature))
            if fitting(header, [item]):
                return Reading(header, item.code, item.layout)
        return Reading(header_of(data), "", None)
    except NotReadable as error:
        raise ReportRefused(file_problem(error.code, **error.data), field="file") from error


def _saved(row: ReportMapping | None) -> Layout | None:
    if row is None or not row.layout:
        return None
    try:
        return Layout.from_json(row.layout)
    except (TypeError, ValueError):
        return None


@dataclass(slots=True)
class Preview:
    """What reading a file would bring, without storing anything. Totals in minor units by (kind, currency)."""

    rows: list[Row] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    error_count: int = 0
    count: int = 0
    known: int = 0
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    fees: Counter[str] = field(default_factory=Counter)
    since: datetime | None = None
    until: datetime | None = None
    problem: str = ""
    partial: bool = False  # there are more rows than were looked at

    @property
    def good(self) -> bool:
        return not self.problem and not self.error_count and self.count > 0

    @property
    def sums(self) -> list[tuple[str, int, Money]]:
        """(kind, rows, sum), for people."""
        return [
            (kind, self.counts[kind, code], Money(minor, code)) for (kind, code), minor in sorted(self.totals.items())
        ]

    @property
    def fee_sums(self) -> list[Money]:
        return [Money(minor, code) for code, minor in sorted(self.fees.items()) if minor]


def report_preview(account: ProviderAccount, data: bytes, layout: Layout, *, shown: int = 25) -> Preview:
    """Read a file, to its end or as far as a page can wait, and say what it holds, row errors included."""
    made = Preview()
    try:
        for chunk in _chunks(read(data, layout)):
            rows = [item for item in chunk if isinstance(item, Row)]
            _count(made, rows)
            made.known += len(_known(account, rows))
            made.rows += rows[: max(0, shown - len(made.rows))]
            errors = [item for item in chunk if isinstance(item, RowError)]
            made.error_count += len(errors)
            made.errors += errors[: max(0, SHOWN - len(made.errors))]
            if made.count + made.error_count >= LOOKED_AT:
                made.partial = True
                break
    except NotReadable as error:
        made.problem = file_problem(error.code, **error.data)
    if not made.problem and not made.count and not made.error_count:
        made.problem = file_problem("empty")
    return made


def _count(made: Preview, rows: list[Row]) -> None:
    made.count += len(rows)
    for row in rows:
        made.totals[row.kind, row.currency] += row.amount
        made.counts[row.kind, row.currency] += 1
        made.fees[row.fee_currency] += row.fee
        made.since = row.at if made.since is None else min(made.since, row.at)
        made.until = row.at if made.until is None else max(made.until, row.at)


def _chunks(items: Iterable[Row | RowError]) -> Iterator[list[Row | RowError]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _known(account: ProviderAccount, rows: list[Row]) -> dict[str, str]:
    """Keys of rows that an earlier file brought, with what they said."""
    keys = [row.key for row in rows]
    return dict(
        ReportLine.objects.filter(provider_account=account, line_key__in=keys).values_list("line_key", "digest")
    )


def report_take(
    *, actor: Actor, account: ProviderAccount, stored: StoredFile, code: str = "", layout: Layout | None = None
) -> Report:
    """Write down that an uploaded file is to be read, by the format `code` or by `layout`. Raises ReportRefused."""
    actor.require(IMPORT)
    known = format_get(code)
    chosen = known.layout if known else layout
    if chosen is None:
        raise ReportRefused(file_problem("layout"), field="file")
    with transaction.atomic():
        report, made = Report.objects.select_for_update().get_or_create(
            provider_account=account,
            sha256=stored.sha256,
            defaults={"name": stored.name[:200], "file_id": stored.pk, "format": code, "layout": chosen.as_json(),
                      "imported_by": actor.label[:160]},
        )  # fmt: skip
        if not made and report.state != ReportState.REFUSED:
            return report
        report.state, report.file_id, report.format, report.layout = (
            ReportState.WAITING,
            stored.pk,
            code,
            chosen.as_json(),
        )
        report.problems, report.finished_at, report.imported_by = [], None, actor.label[:160]
        report.updated_at = clock.now()
        report.save()
        audit.record(actor=actor, action="reconciliation.report_taken", obj=report, after={"provider": account.name})
    return report


def mapping_save(
    *, actor: Actor, account: ProviderAccount, layout: Layout, header: list[str], bank_account: ProviderAccount | None
) -> ReportMapping:
    """Keep what the columns of an account's files mean, for the next one."""
    actor.require(IMPORT)
    with transaction.atomic():
        row, _ = ReportMapping.objects.select_for_update().get_or_create(provider_account=account)
        before = {"layout": row.layout}
        row.layout, row.header, row.bank_account = layout.as_json(), header, bank_account
        row.saved_by, row.updated_at = actor.label[:160], clock.now()
        row.save()
        audit.record(actor=actor, action="reconciliation.mapping_saved", obj=row, label=account.name, before=before,
                     after={"layout": row.layout})  # fmt: skip
    return row


def bank_choose(*, actor: Actor, account: ProviderAccount, bank_account: ProviderAccount | None) -> None:
    """Where a provider's payouts arrive."""
    actor.require(IMPORT)
    with transaction.atomic():
        row, _ = ReportMapping.objects.select_for_update().get_or_create(provider_account=account)
        if row.bank_account_id == (bank_account.pk if bank_account else None):
            return
        row.bank_account, row.saved_by, row.updated_at = bank_account, actor.label[:160], clock.now()
        row.save()
        audit.record(actor=actor, action="reconciliation.mapping_saved", obj=row, label=account.name,
                     after={"bank": bank_account.name if bank_account else ""})  # fmt: skip


class _Refused(Exception):
    """Rolls back what was stored of a file; carries why."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__()
        self.problems = problems


def report_work(*, report_id: UUID) -> Report:
    """Read a waiting report. Any number of times, from any number of places: it is read once."""
    with transaction.atomic():
        report = (
            Report.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("provider_account")
            .filter(pk=report_id, state=ReportState.WAITING)
            .first()
        )
        if report is None:
            return Report.objects.get(pk=report_id)
        locks.hold(f"reconciliation:{report.provider_account_id}")
        try:
            with transaction.atomic():
                _store(report)
            report.state = ReportState.DONE
        except _Refused as refused:
            report.state, report.problems = ReportState.REFUSED, refused.problems
            report.lines_total = report.lines_new = report.lines_changed = 0
            report.period_from = report.period_to = None
        report.finished_at = report.updated_at = clock.now()
        report.save()
        live.publish(TOPIC, {"report": str(report.pk), "state": report.state})
    return report


def _store(report: Report) -> None:
    stored = StoredFile.objects.filter(pk=report.file_id, kind=FILE).first() if report.file_id else None
    if stored is None:
        raise _Refused([{"file": "gone"}])
    errors: list[dict[str, Any]] = []
    seen = Preview()
    try:
        for chunk in _chunks(read(files.read(stored), Layout.from_json(report.layout))):
            errors += [_plain(item) for item in chunk if isinstance(item, RowError)]
            rows = [item for item in chunk if isinstance(item, Row)]
            _count(seen, rows)
            if not errors:
                _keep(report, rows)
    except NotReadable as error:
        raise _Refused([{"file": error.code, "data": error.data}]) from None
    if errors:
        raise _Refused(errors[:SHOWN])
    if not seen.count:
        raise _Refused([{"file": "empty"}])
    report.lines_total, report.period_from, report.period_to = seen.count, seen.since, seen.until


def _plain(error: RowError) -> dict[str, Any]:
    return {"row": error.number, "code": error.code, "column": error.column, "value": error.value}


def _keep(report: Report, rows: list[Row]) -> None:
    known = _known(report.provider_account, rows)
    changed = [row for row in rows if row.key in known and known[row.key] != row.digest]
    if changed:
        report.lines_changed += len(changed)
        _changed(report, changed)
    fresh = [row for row in rows if row.key not in known]
    ReportLine.objects.bulk_create([_line(report, row) for row in fresh])
    report.lines_new += len(fresh)


def _changed(report: Report, rows: list[Row]) -> None:
    """A line that was read in before and now says something else is a case of its own; the line stays as it was."""
    keys = [row.key for row in rows]
    before = ReportLine.objects.filter(provider_account=report.provider_account, line_key__in=keys)
    lines = {line.line_key: line for line in before}
    for row in rows:
        line = lines[row.key]
        same = line.currency == row.currency
        case, made = Case.objects.get_or_create(
            fact=f"changed:{line.pk}:{row.digest[:16]}",
            defaults={
                "provider_account": report.provider_account, "kind": CaseKind.DIFFERS, "happened_at": row.at,
                "label": (row.reference or row.own or row.key)[:120], "deposit_id": line.deposit_id,
                "part_id": line.part_id, "currency": row.currency, "theirs_minor": row.amount,
                "ours_minor": line.amount_minor if same else None,
            },
        )  # fmt: skip
        if made:
            CaseNote.objects.create(case=case, at=clock.now(), author="", text="changed")


def _line(report: Report, row: Row) -> ReportLine:
    return ReportLine(
        report=report, provider_account=report.provider_account, number=row.number, line_key=row.key, digest=row.digest,
        kind=row.kind, reference=row.reference, references=list(row.references), own=row.own, amount_minor=row.amount,
        currency=row.currency, fee_minor=row.fee, fee_currency=row.fee_currency, at=row.at, text=row.text,
    )  # fmt: skip


def problems_of(report: Report) -> list[Mapping[str, Any]]:
    """Problems with words: `{"row", "words", "column", "value"}`; a row of 0 is the file as a whole."""
    from ..words import row_problem

    told: list[Mapping[str, Any]] = []
    for item in report.problems:
        if "file" in item:
            told.append(
                {"row": 0, "words": file_problem(item["file"], **item.get("data", {})), "column": "", "value": ""}
            )
        else:
            told.append({**item, "words": row_problem(item["code"])})
    return told
