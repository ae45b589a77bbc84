"""Reads of the desk."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from kernel.errors import NotFound
from tenant_apps.payments.models import ProviderAccount

from .kinds import LineState
from .models import Report, ReportLine

OPEN_LINES = (LineState.PENDING, LineState.DIFFERS, LineState.ONLY_THERE)


def accounts() -> list[ProviderAccount]:
    """Accounts that report to us; bank accounts have statements of their own."""
    return list(ProviderAccount.objects.exclude(kind="bank_wire").order_by("position", "created_at"))


def bank_accounts() -> list[ProviderAccount]:
    return list(ProviderAccount.objects.filter(kind="bank_wire").order_by("position", "created_at"))


def account_get(account_id: UUID | str) -> ProviderAccount:
    """Raises NotFound, also for what is no id."""
    try:
        wanted = UUID(str(account_id))
    except ValueError:
        raise NotFound from None
    found = ProviderAccount.objects.filter(pk=wanted).first()
    if found is None:
        raise NotFound
    return found


def reports() -> QuerySet[Report]:
    """Newest first, with `open_lines`."""
    rows = Report.objects.select_related("provider_account")
    return rows.annotate(open_lines=Count("lines", filter=Q(lines__state__in=OPEN_LINES))).order_by(
        "-created_at", "-id"
    )


def report_get(report_id: UUID) -> Report:
    found = Report.objects.select_related("provider_account").filter(pk=report_id).first()
    if found is None:
        raise NotFound
    return found


def lines_of(report: Report, *, state: str = "", kind: str = "", text: str = "") -> QuerySet[ReportLine]:
    rows = ReportLine.objects.filter(report=report).select_related("deposit", "part__withdrawal")
    if state in LineState.values:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if text:
        rows = rows.filter(Q(reference__icontains=text) | Q(own__icontains=text))
    return rows


def states_of(report: Report) -> dict[str, int]:
    """How many lines stand how."""
    rows = ReportLine.objects.filter(report=report).values_list("state").annotate(n=Count("pk")).order_by()
    return dict(rows)
