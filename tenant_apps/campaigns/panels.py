"""What campaigns show on the client's page, and the words of their lines on the timeline."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext, pgettext_lazy

from kernel.panels import register
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.clients.timeline import register_kind

from . import selectors, series


def campaigns(request: HttpRequest, client: Client) -> dict[str, Any]:
    return {
        "client": client,
        "enrolments": selectors.enrolments_of(client.pk),
        "mails": selectors.mails_of(client.pk),
        "suppressed": series.suppressed(client.email),
        "may_stop": request.actor.may("campaigns.send"),  # type: ignore[attr-defined]
    }


def segments(request: HttpRequest, client: Client) -> dict[str, Any] | None:
    rows = selectors.segments_of(client.pk)
    return {"members": rows} if rows else None


register("client.tab", key="campaigns", title=pgettext_lazy("client tab", "Campaigns"), icon="mails",
         permission="clients.view", template="campaigns/panels/client_tab.html", context=campaigns, order=60)  # fmt: skip
register("client.side", key="segments", title=pgettext_lazy("client side", "Segments"), icon="users-round",
         permission="clients.view", template="campaigns/panels/segments.html", context=segments, order=20)  # fmt: skip


def _mail(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Mail sent: %(subject)s") % {"subject": entry.data.get("subject", "")}


def _entered(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Entered the segment %(segment)s") % {"segment": entry.data.get("segment", "")}


def _left(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Left the segment %(segment)s") % {"segment": entry.data.get("segment", "")}


def _enrolled(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Mail series %(series)s began") % {"series": entry.data.get("series", "")}


def _unsubscribed(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Unsubscribed from campaigns")


register_kind("campaigns.mail", icon="mail", words=_mail)
register_kind("campaigns.segment_entered", icon="users-round", tone="info", words=_entered)
register_kind("campaigns.segment_left", icon="users-round", words=_left)
register_kind("campaigns.enrolled", icon="mails", tone="info", words=_enrolled)
register_kind("campaigns.unsubscribed", icon="mail-x", tone="warning", words=_unsubscribed)
