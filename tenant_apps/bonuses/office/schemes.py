"""Bonuses that are offered: the list, one version's terms with a preview, and proposing terms."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import Conflict, Invalid, NotFound
from kernel.guards import guard
from kernel.money import Money
from kernel.pages import acted, page
from tenant_apps.trading.models import AccountType
from tenant_apps.wallets.models import Decision

from ..models import SchemeVersion
from ..permissions_list import APPROVE, PROPOSE
from ..services.offers import bonus_of
from ..services.packs import choice_in_force
from ..services.schemes import scheme_approve, scheme_propose, scheme_refuse
from .forms import PreviewForm, SchemeForm


@guard("bonuses.view")
@require_GET
def index(request: Any) -> HttpResponse:
    """What holds, per bonus, and what waits. Two queries."""
    approved = SchemeVersion.objects.filter(state=Decision.APPROVED).select_related("scheme")
    held = approved.order_by("scheme_id", "-number").distinct("scheme_id")
    context = {
        "rows": sorted(held, key=lambda row: (not row.enabled, row.scheme.order, row.scheme.code)),
        "waiting": list(SchemeVersion.objects.filter(state=Decision.PROPOSED).select_related("scheme")),
        "may_propose": request.actor.may(PROPOSE), "choice": choice_in_force(), "tab": "schemes",
    }  # fmt: skip
    return page(request, "bonuses/office/schemes.html", context)


def _version(version_id: UUID) -> SchemeVersion:
    row = SchemeVersion.objects.select_related("scheme").filter(pk=version_id).first()
    if row is None:
        raise NotFound
    return row


@guard("bonuses.view")
@require_GET
def scheme(request: Any, version_id: UUID) -> HttpResponse:
    row, actor = _version(version_id), request.actor
    waits, own = row.state == Decision.PROPOSED, row.proposer_id == actor.id
    types = AccountType.objects.filter(pk__in=row.account_types).values_list("name", flat=True)
    context = {
        "row": row, "lines": _lines(row), "preview": _preview(request, row), "waits": waits, "own": waits and own,
        "types": list(types), "versions": list(row.scheme.versions.order_by("-number")[:30]),
        "may_approve": waits and not own and actor.may(APPROVE),
        "may_refuse": waits and actor.may(PROPOSE if own else APPROVE),
        "may_change": row.state == Decision.APPROVED and actor.may(PROPOSE),
        "crumbs": [(pgettext("bonus tab", "Offers"), reverse("bonuses:schemes"))],
    }  # fmt: skip
    part = "#preview" if request.htmx else ""
    return page(request, f"bonuses/office/scheme.html{part}", context)


def _lines(row: SchemeVersion) -> list[dict[str, Any]]:
    names = ("minimum", "cap", "client_cap")
    return [
        {"currency": code, "lots": row.lots_per_unit(code), **{name: row.amount_of(code, name) for name in names}}
        for code in row.currencies
    ]


def _preview(request: Any, row: SchemeVersion) -> dict[str, Any] | None:
    """`A deposit of 500 EUR would give …`: by the terms alone, without what a client has had already."""
    currency = request.GET.get("currency") or next(iter(row.currencies), "")
    if currency not in row.currencies:
        return None
    form = PreviewForm(request.GET if "amount" in request.GET else None, currency=currency)
    values: dict[str, Any] = {"form": form, "currency": currency, "codes": list(row.currencies)}
    if form.is_bound and form.is_valid():
        amount: Money = form.cleaned_data["amount"]
        given = bonus_of(row, amount)
        values |= {"amount": amount, "given": given}
        values["lots"] = given.amount * row.lots_per_unit(currency) if given else None
    return values


@guard("bonuses.propose")
def new(request: Any) -> HttpResponse:
    return _form(request, None)


@guard("bonuses.propose")
def change(request: Any, version_id: UUID) -> HttpResponse:
    """Further terms, beginning with these."""
    return _form(request, _version(version_id))


def _form(request: Any, row: SchemeVersion | None) -> HttpResponse:
    form = SchemeForm(request.POST or None, version=row)
    if request.method == "POST" and form.is_valid():
        try:
            made = scheme_propose(
                actor=request.actor, terms=form.terms(), code=form.cleaned_data.get("code", ""),
                order=form.cleaned_data.get("order", 50), scheme=row.scheme if row else None,
            )  # fmt: skip
        except (Invalid, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("bonus", "Proposed. Another person has to approve it."))
            return redirect("bonuses:scheme", made.pk)
    values = {"form": form, "row": row, "crumbs": [(pgettext("bonus tab", "Offers"), reverse("bonuses:schemes"))]}
    return page(
        request, "bonuses/office/scheme_form.html", values, status=422 if request.method == "POST" else 200
    )  # fmt: skip


@guard("bonuses.approve")
@require_POST
def approve(request: Any, version_id: UUID) -> HttpResponse:
    done = pgettext("bonus", "These terms hold from now on.")
    act = partial(scheme_approve, actor=request.actor, version_id=version_id)
    return acted(request, act, "bonuses:scheme", version_id, done=done)


@guard("bonuses.view")
@require_POST
def refuse(request: Any, version_id: UUID) -> HttpResponse:
    reason, done = request.POST.get("reason", ""), pgettext("bonus", "Closed; nothing has changed.")
    act = partial(scheme_refuse, actor=request.actor, version_id=version_id, reason=reason)
    return acted(request, act, "bonuses:scheme", version_id, done=done)
