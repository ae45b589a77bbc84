"""Legal entities of the brokerage: the list, one of them, and its archive. What steers money or rules takes two people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.clients import entities
from tenant_apps.clients.models import LegalEntity
from tenant_apps.clients.rule_packs import packs
from tenant_apps.wallets.change_selectors import changes_visible
from tenant_apps.wallets.change_told import proposed

from ..change_kinds import GONE, SAVED, entity_values
from ..forms import EntityForm


@guard("clients.entities")
@require_GET
def index(request: Any) -> HttpResponse:
    rows = list(LegalEntity.objects.order_by("-is_default", "name", "pk"))
    values = {
        "rows": [(row, packs().get(row.pack)) for row in rows if row.archived_at is None],
        "archived": [row for row in rows if row.archived_at is not None],
        "waiting": changes_visible(request.actor).filter(kind__in=[SAVED, GONE], state="waiting").exists(),
    }
    return page(request, "office/entities.html", values)


@guard("clients.entities")
def new(request: Any) -> HttpResponse:
    return _page(request, LegalEntity(), known=False)


@guard("clients.entities")
def entity(request: Any, entity_id: UUID) -> HttpResponse:
    return _page(request, _live(entity_id), known=True)


def _live(entity_id: UUID) -> LegalEntity:
    found = entities.live().filter(pk=entity_id).first()
    if found is None:
        raise NotFound
    return found


def _page(request: Any, row: LegalEntity, *, known: bool) -> HttpResponse:
    values: dict[str, Any] = {"entity": row if known else None, "name": row.name, "default": row.is_default}
    form = EntityForm(request.POST or None, entity=row)
    if request.method == "POST" and form.is_valid() and _saved(request, form):
        return redirect("office:entities")
    values |= {
        "form": form,
        "crumbs": [(pgettext("navigation", "Legal entities"), reverse("office:entities"))],
    }
    return page(request, "office/entity.html", values, status=422 if request.method == "POST" else 200)


def _saved(request: Any, form: EntityForm) -> bool:
    """Words take one person; what steers money or rules takes two."""
    row = form.result()
    if not entities.only_words(row):
        return proposed(
            request, form, kind=SAVED, object_id=row.pk, title=row.name, values=entity_values(row)
        )  # fmt: skip
    try:
        entities.entity_save(actor=request.actor, entity=row)
    except AppError as error:
        form.refuse(error)
        return False
    messages.success(request, pgettext("client", "Saved."))
    return True


@guard("clients.entities")
@require_POST
def archive(request: Any, entity_id: UUID) -> HttpResponse:
    row = _live(entity_id)
    try:
        proposed(request, kind=GONE, object_id=row.pk, title=row.name, values={})
    except AppError as error:
        messages.error(request, str(error))
    return redirect("office:entities")
