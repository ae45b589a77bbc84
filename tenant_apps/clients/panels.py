"""This app's own parts of the client's page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.panels import register
from tenant_apps.accounts.models import User
from tenant_apps.accounts.selectors import sessions_of

from . import entities, identity_change, kinds, selectors
from .changes import changes_shown
from .forms import ProfileForm
from .models import Client, Stage, TimelineEntry
from .timeline import kind_of

kinds.register_all()
PAGE = 30


def lines(entries: list[TimelineEntry]) -> list[dict[str, Any]]:
    """Timeline entries with the words and looks of their kind."""
    return [{"entry": entry, "kind": (kind := kind_of(entry)), "words": kind.words(entry)} for entry in entries]


def overview(request: HttpRequest, client: Client) -> dict[str, Any]:
    before = request.GET.get("before", "")
    entries = selectors.timeline(
        client,
        before=int(before) if before.isdecimal() else None,
        kind=request.GET.get("kind", ""),
        q=request.GET.get("find", ""),
        limit=PAGE + 1,
    )
    actor = request.actor  # type: ignore[attr-defined]
    return {
        "client": client,
        "lines": lines(entries[:PAGE]),
        "older": entries[PAGE - 1].pk if len(entries) > PAGE else None,
        "pinned": [] if before else list(selectors.pinned(client)),
        "kind": request.GET.get("kind", ""),
        "find": request.GET.get("find", ""),
        "may_note": actor.may("clients.note", client),
    }


def profile_form(client: Client, actor: Actor, data: QueryDict | None = None) -> ProfileForm:
    fixed = identity_change.FIELDS if identity_change.locked(client, actor) else frozenset()
    return ProfileForm(data, initial=ProfileForm.initial_of(client), masks=actor.masks, fixed=fixed)


def identity(request: HttpRequest, client: Client) -> dict[str, Any] | None:
    """A change of what was verified that waits for a second person; nothing is shown where none does."""
    if not identity_change.held(client):
        return None
    entries = changes_shown(identity_change.unconfirmed(client))
    actor = request.actor  # type: ignore[attr-defined]
    mine = any(entry.actor_id == actor.id for entry in entries)
    return {"client": client, "entries": entries, "may_confirm": actor.may("clients.identity") and not mine}


def profile(request: HttpRequest, client: Client) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    return {"client": client, "form": profile_form(client, actor), "may_edit": actor.may("clients.edit", client)}


def documents(request: HttpRequest, client: Client) -> dict[str, Any]:
    return {"acceptances": list(selectors.acceptances_of(client)), "missing": selectors.documents_missing(client)}


def devices(request: HttpRequest, client: Client) -> dict[str, Any] | None:
    user = User.objects.filter(pk=client.user_id).first() if client.user_id else None
    return {"user": user, "devices": sessions_of(user) if user else []}


def trail(request: HttpRequest, client: Client) -> dict[str, Any]:
    entries = selectors.audit_shown(request.actor, selectors.audit_of(client)[:100])  # type: ignore[attr-defined]
    return {"entries": changes_shown(entries)}


def facts(request: HttpRequest, client: Client) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    rows = list(entities.live()) if client.stage != Stage.LEAD else []
    return {
        "client": client,
        "may_edit": actor.may("clients.edit", client),
        "may_risk": actor.may("clients.risk"),
        "entity": client.entity or next(iter(rows), None),  # the default one comes first
        "entities": [(row.pk, row.name) for row in rows],
        "may_move": len(rows) > 1 and actor.may("clients.entity.move", client),
    }


def open_tasks(request: HttpRequest, client: Client) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    tasks = selectors.tasks_visible(actor).filter(client=client, done_at__isnull=True).order_by("due_at")[:10]
    return {"client": client, "tasks": list(tasks), "now": clock.now(), "may_task": actor.may("clients.task", client)}


def my_tasks(request: HttpRequest, subject: None) -> dict[str, Any] | None:
    actor = request.actor  # type: ignore[attr-defined]
    if actor.kind != "staff":
        return None
    tasks = selectors.tasks_visible(actor).filter(owner_id=actor.id, done_at__isnull=True).order_by("due_at")[:8]
    return {"tasks": list(tasks), "now": clock.now()}


def legal_setup(request: HttpRequest, subject: None) -> dict[str, Any]:
    """Done when the texts to start with have been replaced by the broker's own."""
    return {
        "done": selectors.legal_own(),
        "href": reverse("clients:legal-documents"),
        "text": pgettext_lazy("set-up item", "The ones to start with are a frame for your lawyer to replace."),
        "action": pgettext_lazy("set-up item", "Look"),
    }


register("client.tab", key="overview", title=pgettext_lazy("client tab", "Overview"), icon="activity",
         template="clients/panels/overview.html", context=overview, order=0)  # fmt: skip
register("client.tab", key="profile", title=pgettext_lazy("client tab", "Profile"), icon="user-round",
         template="clients/panels/profile.html", context=profile, order=10)  # fmt: skip
register("client.tab", key="documents", title=pgettext_lazy("client tab", "Documents"), icon="file-check",
         template="clients/panels/documents.html", context=documents, order=70)  # fmt: skip
register("client.tab", key="devices", title=pgettext_lazy("client tab", "Log-ins"), icon="monitor-smartphone",
         template="clients/panels/devices.html", context=devices, order=80)  # fmt: skip
register("client.tab", key="audit", title=pgettext_lazy("client tab", "Audit"), icon="scroll-text",
         permission="audit.view", template="clients/panels/audit.html", context=trail, order=90)  # fmt: skip
register("client.side", key="identity", title=pgettext_lazy("client side", "Identity changed"), icon="user-round-pen",
         template="clients/panels/identity.html", context=identity, order=-10)  # fmt: skip
register("client.side", key="facts", title=pgettext_lazy("client side", "Facts"), icon="info",
         template="clients/panels/facts.html", context=facts, order=0)  # fmt: skip
register("client.side", key="tasks", title=pgettext_lazy("client side", "Tasks"), icon="list-todo",
         permission="clients.task", template="clients/panels/tasks.html", context=open_tasks, order=10)  # fmt: skip
register("office.dashboard", key="my-tasks", title=pgettext_lazy("dashboard", "My tasks"), icon="list-todo",
         permission="clients.task", template="clients/panels/my_tasks.html", context=my_tasks, order=10)  # fmt: skip
register("office.setup", key="legal", title=pgettext_lazy("set-up item", "Publish your legal documents"), icon="scale",
         permission="clients.documents", context=legal_setup, order=27)  # fmt: skip
