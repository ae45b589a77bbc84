"""The office's own parts of the dashboard: charts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from kernel.panels import register

from . import selectors


def funnel(request: HttpRequest, subject: None) -> dict[str, Any]:
    numbers = selectors.funnel(request.actor)  # type: ignore[attr-defined]
    return {"chart": selectors.funnel_chart(numbers), "numbers": numbers}


def per_day(request: HttpRequest, subject: None) -> dict[str, Any]:
    return {"chart": selectors.per_day_chart(selectors.per_day(request.actor))}  # type: ignore[attr-defined]


register("office.dashboard", key="funnel", title=pgettext_lazy("dashboard", "From lead to funded, last 30 days"),
         icon="funnel", permission="clients.view", template="office/panels/funnel.html", context=funnel, order=30)  # fmt: skip
register("office.dashboard", key="per-day", title=pgettext_lazy("dashboard", "Leads and registrations per day"),
         icon="chart-column", permission="clients.view", template="office/panels/per_day.html", context=per_day,
         order=40)  # fmt: skip
