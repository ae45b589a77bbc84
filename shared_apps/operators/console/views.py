"""Operators managed by owners, and everybody's own security page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel import auth
from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from shared_apps.operators import audit, services
from shared_apps.operators.forms import CodeForm, OperatorForm
from shared_apps.operators.middleware import console_url
from shared_apps.operators.models import Operator, OperatorAuditEntry, OperatorRole, OperatorSession
from shared_apps.site.services import platform_mail_queue


@guard("console.operators")
def operator_list(request: HttpRequest) -> HttpResponse:
    operators = Operator.objects.order_by("-active", "name")
    return page(request, "operators/list.html", {"operators": operators})


@guard("console.operators")
def operator_new(request: HttpRequest) -> HttpResponse:
    """Invite somebody: the mail's link sets the password, the first log-in the second factor."""
    form = OperatorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _invite(request, form)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, pgettext("operator", "The invitation is on its way."))
            return redirect("operators:list")
    status = 422 if form.errors else 200
    return page(request, "operators/new.html", {"form": form}, status=status)


@transaction.atomic
def _invite(request: HttpRequest, form: OperatorForm) -> None:
    actor = request.actor  # type: ignore[attr-defined]
    operator = services.operator_create(actor=actor, **form.cleaned_data)
    _send_invitation(operator, actor.label)


def _send_invitation(operator: Operator, invited_by: str) -> None:
    path = reverse("operators:invitation", args=[services.invitation_token(operator)])
    platform_mail_queue(
        to=operator.email,
        template="operators.invitation",
        context={"name": operator.name, "invited_by": invited_by, "url": f"{console_url()}{path}"},
        language=operator.language or "en",
    )


@guard("console.operators")
def operator_edit(request: HttpRequest, operator_id: UUID) -> HttpResponse:
    operator = get_object_or_404(Operator, pk=operator_id)
    if request.method == "POST":
        try:
            services.operator_update(
                actor=request.actor,  # type: ignore[attr-defined]
                operator=operator,
                role=request.POST.get("role", operator.role),
                active=request.POST.get("active") == "1",
            )
            messages.success(request, pgettext("operator", "Saved. The operator's sessions have ended."))
        except AppError as error:
            messages.error(request, str(error))
        return redirect("operators:list")
    values = {"operator": operator, "roles": OperatorRole.choices}
    return page(request, "operators/edit.html", values)


@guard("console.operators")
@require_POST
def operator_factor_reset(request: HttpRequest, operator_id: UUID) -> HttpResponse:
    operator = get_object_or_404(Operator, pk=operator_id)
    services.second_factor_reset(
        actor=request.actor,  # type: ignore[attr-defined]
        operator=operator,
        reason=request.POST.get("reason", ""),
    )
    messages.success(request, pgettext("operator", "At the next log-in a new second factor is set up."))
    return redirect("operators:list")


@guard("console.tenants.view")
def me(request: HttpRequest) -> HttpResponse:
    """Own account: recovery codes left, sessions, what was done lately."""
    account = request.account  # type: ignore[attr-defined]
    values = {
        "form": CodeForm(),
        "codes_left": len(account.recovery_codes),
        "sessions": OperatorSession.objects.filter(account_id=account.pk).order_by("-created_at"),
        "entries": OperatorAuditEntry.objects.filter(actor_id=str(account.pk)).order_by("-id")[:12],
    }
    return page(request, "operators/me.html", values)


@guard("console.tenants.view")
@require_POST
def me_recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, for a right code of the authenticator."""
    operator = Operator.objects.get(pk=request.account.pk)  # type: ignore[attr-defined]
    try:
        auth.check_second_factor(operator, request.POST.get("code", ""))
    except AppError as error:
        messages.error(request, str(error))
        return redirect("operators:me")
    with transaction.atomic():
        codes = auth.new_recovery_codes(operator)
        operator.save(update_fields=["recovery_codes"])
        audit.record(actor=request.actor, action="operator.recovery_codes_renewed", label=operator.email)  # type: ignore[attr-defined]
    return page(request, "operators/recovery_codes.html", {"codes": codes, "next": "/"})
