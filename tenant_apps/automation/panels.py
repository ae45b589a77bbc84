"""The words of rules' lines on a client's timeline."""

from __future__ import annotations

from django.utils.translation import pgettext

from tenant_apps.clients.models import TimelineEntry
from tenant_apps.clients.timeline import register_kind


def _ran(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Rule ran: %(rule)s") % {"rule": entry.data.get("rule", "")}


register_kind("automation.rule", icon="workflow", tone="info", words=_ran)
