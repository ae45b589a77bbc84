"""Numbers of the dashboard, within the actor's reach; one query each, bounded by date."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.ui.charts import Chart, Series
from tenant_apps.clients.models import Stage
from tenant_apps.clients.selectors import clients_visible

DAYS = 30


def funnel(actor: Actor) -> dict[str, int]:
    """Of those created in the last 30 days: how many registered, were verified, deposited."""
    since = clock.now() - timedelta(days=DAYS)
    return (
        clients_visible(actor)
        .filter(created_at__gte=since)
        .aggregate(
            leads=Count("pk"),
            registered=Count("pk", filter=Q(registered_at__isnull=False)),
            verified=Count("pk", filter=Q(verified_at__isnull=False)),
            funded=Count("pk", filter=Q(ftd_at__isnull=False)),
        )
    )


def funnel_chart(numbers: dict[str, int]) -> Chart:
    """Lead → registered → verified → funded."""
    labels = [
        pgettext("funnel", "Leads"), pgettext("funnel", "Registered"), pgettext("funnel", "Verified"),
        pgettext("funnel", "Funded"),
    ]  # fmt: skip
    values = [numbers[name] for name in ("leads", "registered", "verified", "funded")]
    return Chart(
        kind="funnel", x=labels, places=0, x_label=pgettext_lazy("funnel", "Stage"),
        series=[Series(name=pgettext_lazy("funnel", "Clients"), values=values)],
    )  # fmt: skip


def per_day(actor: Actor) -> dict[str, dict[date, int]]:
    """Leads and registrations per UTC day of the last 30."""
    since = clock.now() - timedelta(days=DAYS)
    rows = clients_visible(actor).order_by()
    leads = rows.filter(created_at__gte=since).values_list(TruncDate("created_at")).annotate(Count("pk"))
    registered = rows.filter(registered_at__gte=since).values_list(TruncDate("registered_at")).annotate(Count("pk"))
    return {"leads": dict(leads), "registered": dict(registered)}


def per_day_chart(numbers: dict[str, dict[date, int]]) -> Chart:
    """Stacked columns per day; days without anything stay in, as zero."""
    today = clock.today()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return Chart(
        kind="bar", x=days, places=0, zero=True, x_label=pgettext_lazy("chart", "Day"),
        series=[
            Series(name=pgettext_lazy("chart", "Leads"), values=[numbers["leads"].get(day, 0) for day in days]),
            Series(
                name=pgettext_lazy("chart", "Registrations"),
                values=[numbers["registered"].get(day, 0) for day in days],
                tone="muted",
            ),
        ],
    )  # fmt: skip


def today_counts(actor: Actor) -> dict[str, int]:
    """Since midnight UTC: new leads (and how many of them are clients by now, so no longer in the list of leads),
    registrations, first deposits; and leads that nobody is responsible for.
    """
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = clients_visible(actor)
    recent = rows.filter(Q(created_at__gte=midnight) | Q(registered_at__gte=midnight) | Q(ftd_at__gte=midnight))
    counts = recent.aggregate(
        leads=Count("pk", filter=Q(created_at__gte=midnight)),
        won=Count("pk", filter=Q(created_at__gte=midnight) & ~Q(stage=Stage.LEAD)),
        registered=Count("pk", filter=Q(registered_at__gte=midnight)),
        ftd=Count("pk", filter=Q(ftd_at__gte=midnight)),
    )
    counts["pool"] = rows.filter(stage=Stage.LEAD, owner_id__isnull=True)[:1001].count()
    return counts
