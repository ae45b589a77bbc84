"""On a broker's page in the console: the journal. On the overview: how long set-ups take."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from kernel.panels import register

from . import selectors


def journal(request: HttpRequest, tenant: Any) -> dict[str, Any] | None:
    runs = list(selectors.runs_of_tenant(tenant.pk)[:3])
    return {"runs": [selectors.progress_of(run) for run in runs]} if runs else None


def timing(request: HttpRequest, _: Any) -> dict[str, Any]:
    return {"timing": selectors.timing(), "open": selectors.open_runs().count(), "recent": selectors.recent_seconds()}


register(
    "console.tenant",
    key="provisioning",
    title=pgettext_lazy("console", "Set-up journal"),
    icon="list-checks",
    permission="console.tenants.view",
    template="provisioning/console_journal.html",
    context=journal,
    order=20,
)
register(
    "console.overview",
    key="provisioning",
    title=pgettext_lazy("console", "Set-up time"),
    icon="timer",
    permission="console.tenants.view",
    template="provisioning/console_timing.html",
    context=timing,
    order=20,
)
