"""How a trading server does: how fast it answers, when it last did, and what it refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel.guards import guard
from kernel.pages import page
from tenant_apps.trading import latency
from tenant_apps.trading.bridge import metrics
from tenant_apps.trading.models import Deal, TradingServer
from tenant_apps.trading.permissions_list import SERVERS_EDIT, SERVERS_VIEW


@guard(SERVERS_VIEW)
@require_GET
def index(request: Any, server_id: UUID) -> HttpResponse:
    """One hour or one day."""
    server = get_object_or_404(TradingServer, pk=server_id)
    chosen = request.GET.get("window", "")
    window = latency.WINDOWS.get(chosen, latency.WINDOWS["1h"])
    found = latency.latencies(server, window)
    values = {
        "server": server,
        "health": metrics.read(server.pk),
        "chosen": chosen if chosen in latency.WINDOWS else "1h",
        "windows": [
            ("1h", pgettext("server health", "Last hour")),
            ("24h", pgettext("server health", "Last 24 hours")),
        ],
        "longest": latency.BUCKETS[-1],
        "all": found[0] if found else None,
        "kinds": found[1:],
        "troubles": latency.troubles(server, window),
        "last_deal": Deal.objects.filter(server=server).order_by("-executed_at").first(),
        "may_edit": request.actor.may(SERVERS_EDIT),
    }
    return page(request, "trading/office/health.html", values)
