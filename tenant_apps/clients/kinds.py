"""Words, icons and colours of the lines that this app and its neighbours write on the timeline."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext, pgettext_lazy

from .models import Stage, TimelineEntry
from .timeline import register_kind


def _stage(entry: TimelineEntry) -> str:
    label = dict(Stage.choices).get(entry.data.get("stage", ""), "")
    return pgettext("timeline", "Is now: %(stage)s") % {"stage": label}


def _source(entry: TimelineEntry) -> str:
    source = entry.data.get("source", {}).get("utm_source", "")
    words = pgettext("timeline", "Lead created")
    return f"{words} · {source}" if source else words


def _entity(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Contract with %(entity)s") % {"entity": f"\u2068{entry.data.get('entity', '')}\u2069"}


def _titled(words: Any) -> Any:
    return lambda entry: f"{words}: {entry.data.get('title', '')}"


def _plain(words: Any) -> Any:
    return lambda entry: words


def _owner(entry: TimelineEntry) -> str:
    if entry.data.get("owner_id"):
        return pgettext("timeline", "Responsible person changed")
    return pgettext("timeline", "Nobody is responsible any more")


# name, icon, colour, words, whether the client sees it too
_PLAIN = (
    ("clients.lead_returned", "repeat", "info", pgettext_lazy("timeline", "Sent a form again"), False),
    ("clients.updated", "pencil", "neutral", pgettext_lazy("timeline", "Profile changed"), False),
    ("clients.note", "sticky-note", "warning", pgettext_lazy("timeline", "Note"), False),
    ("clients.registered", "user-plus", "success", pgettext_lazy("timeline", "Registered in the portal"), True),
    ("clients.email_verified", "mail-check", "success", pgettext_lazy("timeline", "E-mail address verified"), True),
    (
        "clients.documents_accepted",
        "file-check",
        "neutral",
        pgettext_lazy("timeline", "Legal documents accepted"),
        True,
    ),
)


def register_all() -> None:
    """Called once at start (panels.py)."""
    for name, icon, tone, words, for_client in _PLAIN:
        register_kind(name, icon=icon, tone=tone, words=_plain(words), for_client=for_client)
    task, done = pgettext_lazy("timeline", "Task"), pgettext_lazy("timeline", "Task done")
    register_kind("clients.lead_created", icon="sparkles", tone="info", words=_source)
    register_kind("clients.owner_set", icon="user-round-check", words=_owner)
    register_kind("clients.entity_set", icon="building-2", words=_entity, for_client=True)
    register_kind("clients.stage_changed", icon="milestone", tone="success", words=_stage)
    register_kind("clients.task_added", icon="list-todo", words=_titled(task))
    register_kind("clients.task_done", icon="check", tone="success", words=_titled(done))
