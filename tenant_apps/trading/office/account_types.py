"""Account types in the office: what clients may open."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.trading import selectors
from tenant_apps.trading.forms import TypeForm
from tenant_apps.trading.models import AccountType, TradingServer
from tenant_apps.trading.permissions_list import SERVERS_VIEW, TYPES_EDIT
from tenant_apps.trading.services.account_types import account_type_save, groups_on


@guard(SERVERS_VIEW)
@require_GET
def index(request: Any) -> HttpResponse:
    """Types in the order in which clients see them, with the number of accounts."""
    types = list(selectors.account_types())
    values = {
        "types": types,
        "uncalled": any(one.stop_out and not one.margin_call for one in types),
        "servers": selectors.servers(),
        "may_edit": request.actor.may(TYPES_EDIT),
    }
    return page(request, "trading/office/types.html", values)


@guard(TYPES_EDIT)
def new(request: Any, server_id: UUID) -> HttpResponse:
    server = selectors.servers().filter(pk=server_id).first()
    if server is None:
        raise NotFound
    return _form_page(request, server, None)


@guard(TYPES_EDIT)
def edit(request: Any, type_id: UUID) -> HttpResponse:
    kind = selectors.account_types().filter(pk=type_id).first()
    if kind is None:
        raise NotFound
    return _form_page(request, kind.server, kind)


def _form_page(request: Any, server: TradingServer, kind: AccountType | None) -> HttpResponse:
    form = TypeForm(request.POST or None, kind=kind)
    if request.method == "POST" and form.is_valid() and _saved(request, form, server, kind):
        return redirect("trading:office-types")
    values = {"form": form, "server": server, "kind": kind, "groups": groups_on(server) if server.enabled else None,
              "used": bool(kind and kind.accounts.exists())}  # fmt: skip
    return page(request, "trading/office/type.html", values, status=422 if request.method == "POST" else 200)


def _saved(request: Any, form: TypeForm, server: TradingServer, kind: AccountType | None) -> bool:
    try:
        _, checked = account_type_save(
            actor=request.actor, values=form.values(), server_id=server.pk, type_id=kind.pk if kind else None
        )
    except AppError as error:
        form.refuse(error)
        return False
    if checked:
        messages.success(request, pgettext("account type", "Saved. The trading server has this group."))
    else:
        messages.warning(
            request, pgettext("account type", "Saved. The trading server could not be asked whether it has this group.")
        )
    return True
