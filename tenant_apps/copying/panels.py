"""The way to the board, on the portal's page of trading accounts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from kernel.panels import register


def portal_trading(request: HttpRequest, client: Any) -> dict[str, Any]:
    return {}


register(
    "portal.trading", key="copying", title=pgettext_lazy("navigation", "Strategies"), icon="trophy",
    template="copying/portal/way.html", context=portal_trading,
)  # fmt: skip
