"""Where money goes and who lets it: the clients' payout accounts, the approval rules, what is promised."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError
from kernel.guards import guard
from kernel.money import CURRENCIES
from kernel.pages import page
from kernel.tenancy import context
from tenant_apps.wallets.change_told import proposed

from .. import selectors
from ..change_kinds import SETTINGS, rule_values
from ..models import ApprovalRule, Destination, DestinationState
from ..payouts import payout_method
from ..services.chain import ANYBODY, BACK, MANAGER
from ..services.destinations import destination_refuse, destination_verify, payout_settings, usable
from .payout_forms import PromiseForm, RuleForm

PAGE = 100
PRESETS = {"manager": "minimum", "auto": "maximum"}  # which amount makes the rule what its name says


@guard("payments.destination.verify")
@require_GET
def destinations(request: Any) -> HttpResponse:
    """Those to verify first; with `view=all` everything, newest first."""
    everything = request.GET.get("view") == "all"
    rows = selectors.destinations_visible(request.actor)
    rows = (
        rows.order_by("-created_at") if everything else rows.filter(state=DestinationState.NEW).order_by("created_at")
    )
    rows = selectors.searched(rows, request.GET.get("q", ""), "label", masks=request.actor.masks)
    found = list(rows[: PAGE + 1])
    listed = {
        "rows": found[:PAGE],
        "more": len(found) > PAGE,
        "view": "all" if everything else "",
        "q": request.GET.get("q", ""),
    }
    template = "payments/office/destinations.html" + ("#rows" if request.htmx else "")
    return page(request, template, listed, live=["money"])


@guard("payments.destination.verify")
@require_GET
def destination(request: Any, destination_id: UUID) -> HttpResponse:
    row = selectors.destination_get(request.actor, destination_id)
    elsewhere, unseen = selectors.same_elsewhere(request.actor, row)
    about = {
        "row": row,
        "fields": _fields(row),
        "elsewhere": elsewhere,
        "unseen": unseen,
        "withdrawals": row.withdrawals.order_by("-created_at")[:10],
        "client": row.client,
        "back": request.GET.get("back", ""),
        "paid_from": row.usable_from if usable(row) != "new" else None,
    }
    return page(request, "payments/office/destination.html", about, live=[f"client:{row.client_id}"])


def _fields(row: Destination) -> list[tuple[str, str]]:
    method = payout_method(row.method)
    labels = {field.name: str(field.label) for field in method.fields} if method else {}
    return [(labels.get(name, name), value) for name, value in row.details.items()]


def _back(request: Any, row: Destination) -> HttpResponse:
    """To the withdrawal one came from, or to the next account to verify."""
    back = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/payments/"):
        return redirect(back)
    rest = selectors.destinations_visible(request.actor).filter(state=DestinationState.NEW)
    following = rest.exclude(pk=row.pk).order_by("created_at").first()
    return redirect("payments:destination", following.pk) if following else redirect("payments:destinations")


@guard("payments.destination.verify")
@require_POST
def verify(request: Any, destination_id: UUID) -> HttpResponse:
    row = selectors.destination_get(request.actor, destination_id)
    try:
        destination_verify(actor=request.actor, destination_id=row.pk)
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:destination", row.pk)
    messages.success(request, pgettext("payments", "Verified. Money may be paid to it."))
    return _back(request, row)


@guard("payments.destination.verify")
@require_POST
def refuse(request: Any, destination_id: UUID) -> HttpResponse:
    row = selectors.destination_get(request.actor, destination_id)
    try:
        destination_refuse(actor=request.actor, destination_id=row.pk, reason=request.POST.get("reason", ""))
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:destination", row.pk)
    messages.success(request, pgettext("payments", "Refused. Nothing is paid to it."))
    return _back(request, row)


@guard("payments.rules.edit")
def rules(request: Any) -> HttpResponse:
    """All rules in their order, and what is promised."""
    settings = payout_settings()
    form = PromiseForm(request.POST or None, stored=settings)
    if request.method == "POST" and form.is_valid() and _promised(request, form):
        return redirect("payments:approval-rules")
    status = 422 if request.method == "POST" else 200
    shown = {"rules": selectors.approval_rules(), "form": form}
    return page(request, "payments/office/approval_rules.html", shown, status=status)


def _promised(request: Any, form: PromiseForm) -> bool:
    return proposed(request, form, kind="payout_settings", object_id=SETTINGS, title="", values=form.values())


@guard("payments.rules.edit")
def rule_new(request: Any) -> HttpResponse:
    """An empty rule, or one of the presets: ask the client's manager, let small amounts through."""
    preset = request.POST.get("preset") or request.GET.get("preset", "")
    preset = preset if preset in PRESETS else ""
    return _rule_page(request, _preset(preset), preset)


@guard("payments.rules.edit")
def rule_edit(request: Any, rule_id: UUID) -> HttpResponse:
    return _rule_page(request, selectors.approval_rule_get(rule_id))


def _preset(name: str) -> ApprovalRule:
    """In the brokerage's own currency: without one a rule knows no amount, and would fit every withdrawal."""
    currency = str(context.tenant().setting("base_currency") or "EUR")
    if name == "manager":
        words = pgettext("approval preset", "Ask the client's manager")
        return ApprovalRule(name=words, currency=currency, steps=[MANAGER, ANYBODY])
    if name == "auto":
        return ApprovalRule(
            name=pgettext("approval preset", "Small amounts by themselves"), currency=currency, auto=True, position=5,
            methods=[BACK],
        )  # fmt: skip
    return ApprovalRule(name="", steps=[ANYBODY])


def _rule_page(request: Any, rule: ApprovalRule, preset: str = "") -> HttpResponse:
    wanted = request.GET.get("currency") if request.method == "GET" else request.POST.get("currency")
    if wanted is not None and wanted in ("", *CURRENCIES) and (wanted or not preset):
        rule.currency = wanted
    form = RuleForm(request.POST or None, rule=rule, needed=PRESETS.get(preset, ""))
    if request.method == "POST" and form.is_valid():
        typed = form.result()
        values = rule_values(typed)
        if proposed(request, form, kind="approval_rule", object_id=typed.pk, title=typed.name, values=values):
            return redirect("payments:approval-rules")
    stored = ApprovalRule.objects.filter(pk=rule.pk).exists()
    shown = {"form": form, "rule": rule if stored else None, "preset": preset}
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/office/approval_rule.html", shown, status=status)


@guard("payments.rules.edit")
@require_POST
def rule_remove(request: Any, rule_id: UUID) -> HttpResponse:
    rule = selectors.approval_rule_get(rule_id)
    proposed(request, kind="approval_rule_gone", object_id=rule.pk, title=rule.name, values={})
    return redirect("payments:approval-rules")
