"""What other pages show of the check."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext, pgettext_lazy

from kernel.panels import register
from tenant_apps.clients.timeline import register_kind

from . import selectors
from .permissions_list import VIEW


def client_tab(request: HttpRequest, client: Any) -> dict[str, Any]:
    cases = list(client.kyc_cases.order_by("-created_at")[:10])
    return {"cases": [(case, selectors.documents_of(case)) for case in cases]}


def office_dashboard(request: Any, _: Any) -> dict[str, Any]:
    return {"waiting": selectors.queue(request.actor).count(), "oldest": selectors.queue(request.actor).first()}


register(
    "client.tab",
    key="kyc",
    title=pgettext_lazy("client tab", "Verification"),
    icon="shield-check",
    permission=VIEW,
    template="kyc/office/client_tab.html",
    context=client_tab,
    order=40,
)
register(
    "office.dashboard",
    key="kyc",
    title=pgettext_lazy("dashboard", "Verification"),
    icon="shield-check",
    permission=VIEW,
    template="kyc/office/dashboard.html",
    context=office_dashboard,
    order=40,
)
register_kind(
    "kyc.submitted", icon="file-up", words=lambda _: pgettext("timeline", "Documents submitted"), for_client=True
)
register_kind(
    "kyc.proposed",
    icon="shield-question-mark",
    words=lambda _: pgettext("timeline", "Approval proposed by a first officer"),
)
register_kind(
    "kyc.approved",
    icon="shield-check",
    tone="success",
    words=lambda _: pgettext("timeline", "Identity verified"),
    for_client=True,
)
register_kind(
    "kyc.more_needed",
    icon="shield-alert",
    tone="warning",
    words=lambda _: pgettext("timeline", "More documents needed"),
    for_client=True,
)
register_kind(
    "kyc.rejected", icon="shield-x", tone="danger", words=lambda _: pgettext("timeline", "Verification rejected")
)
