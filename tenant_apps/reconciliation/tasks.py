"""What waits and what recurs: reports to read."""

from __future__ import annotations

from uuid import UUID

from kernel.schedule import every_for_tenants
from kernel.tasks import task

from .models import Report, ReportState
from .services.reports import report_work


@task(name="reconciliation.report", queue="reports")
def report_read(report_id: str) -> str:
    return report_work(report_id=UUID(report_id)).state


@every_for_tenants(60, "reconciliation.sweep", queue="reports")
def sweep() -> int:
    """Take up reports whose task was lost."""
    waiting = list(
        Report.objects.filter(state=ReportState.WAITING).order_by("created_at").values_list("pk", flat=True)[:5]
    )
    for report_id in waiting:
        report_work(report_id=report_id)
    return len(waiting)
