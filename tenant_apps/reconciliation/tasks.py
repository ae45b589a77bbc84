"""What waits and what recurs: reports to read, lines to compare."""

from __future__ import annotations

from uuid import UUID

from kernel.schedule import every_for_tenants
from kernel.tasks import enqueue, task

from .models import Report, ReportLine, ReportState
from .services.alarms import alarms_run
from .services.compare import OPEN, account_compare, accounts_waiting
from .services.reports import report_work


@task(name="reconciliation.report", queue="reports")
def report_read(report_id: str) -> str:
    """Read a report, then compare its account."""
    report = report_work(report_id=UUID(report_id))
    if report.state == ReportState.DONE:
        enqueue(compare, str(report.provider_account_id), once=True)
    return report.state


@task(name="reconciliation.compare", queue="reports")
def compare(account_id: str) -> int:
    """Compare what is open, some thousand lines at a time; the rest in a task of its own."""
    done = account_compare(account_id=UUID(account_id))
    if done.more:
        enqueue(compare, account_id, once=True)
    return done.looked_at


@every_for_tenants(60, "reconciliation.sweep", queue="reports")
def sweep() -> int:
    """Take up reports whose task was lost, and accounts that were not compared to the end."""
    waiting = list(
        Report.objects.filter(state=ReportState.WAITING).order_by("created_at").values_list("pk", flat=True)[:5]
    )
    for report_id in waiting:
        report_work(report_id=report_id)
    for account_id in accounts_waiting():
        enqueue(compare, str(account_id), once=True)
    return len(waiting)


@every_for_tenants(900, "reconciliation.again", queue="reports")
def again() -> int:
    """Look at open lines again: what was only at the provider may have come to us meanwhile."""
    accounts = ReportLine.objects.filter(state__in=OPEN).order_by("provider_account_id")
    found = list(accounts.values_list("provider_account_id", flat=True).distinct())
    for account_id in found:
        enqueue(compare, str(account_id), once=True)
    return len(found)


@every_for_tenants(300, "reconciliation.alarms")
def alarms() -> int:
    """Find what is stuck; returns how many alarms are new."""
    return alarms_run()
