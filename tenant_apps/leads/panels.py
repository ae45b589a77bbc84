"""What sales work adds to the client's page and the dashboard."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext, pgettext_lazy

from kernel.panels import register
from tenant_apps.accounts.selectors import agents
from tenant_apps.clients.models import Client, Stage, TimelineEntry
from tenant_apps.clients.selectors import clients_visible
from tenant_apps.clients.timeline import register_kind

from . import selectors
from .models import Call, Outcome


def _call(entry: TimelineEntry) -> str:
    outcome = dict(Outcome.choices).get(entry.data.get("outcome", ""), "")
    minutes = int(entry.data.get("seconds", 0)) // 60
    words = pgettext("timeline", "Call: %(outcome)s") % {"outcome": outcome}
    if not minutes:
        return words
    return pgettext("timeline", "%(call)s · %(minutes)d min") % {"call": words, "minutes": minutes}


def _status(entry: TimelineEntry) -> str:
    code = entry.data.get("status", "")
    from .models import PipelineStatus

    row = PipelineStatus.objects.filter(code=code).first()
    return pgettext("timeline", "Status: %(status)s") % {"status": row.label if row else code}


register_kind("leads.call", icon="phone", tone="brand", words=_call)
register_kind("leads.status_set", icon="kanban", words=_status)
register_kind(
    "leads.invited", icon="send", tone="info", words=lambda entry: pgettext("timeline", "Invited to register")
)


def head(request: HttpRequest, client: Client) -> dict[str, Any] | None:
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.may("leads.work", client):
        return None
    return {
        "client": client,
        "statuses": [(status.code, status.label) for status in selectors.statuses()],
        "people": [(str(user.pk), user.name) for user in agents(actor)] if actor.may("clients.assign", client) else [],
        "calls": Call.objects.filter(client=client).count(),
        "is_lead": client.stage == Stage.LEAD,
    }


def new_leads(request: HttpRequest, subject: None) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    rows = clients_visible(actor).filter(stage=Stage.LEAD).order_by("-created_at")[:8]
    return {"leads": selectors.dressed(actor, rows)}


register("client.head", key="leads", title=pgettext_lazy("client head", "Sales"), template="leads/panels/head.html",
         context=head, permission="leads.work", order=10)  # fmt: skip
register("office.dashboard", key="new-leads", title=pgettext_lazy("dashboard", "New leads"), icon="funnel",
         permission="clients.view", template="leads/panels/new_leads.html", context=new_leads, order=20)  # fmt: skip
