"""The console's door: password, then always the second factor; the first log-in enrols it."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views import View
from django.views.decorators.http import require_POST

from kernel import auth, throttle
from kernel.auth import CodeWrong, LoginFailed, PasswordWeak
from kernel.errors import TooMany
from kernel.guards import open_to_all, safe_next
from kernel.pages import page
from shared_apps.operators import audit, services
from shared_apps.operators.forms import CodeForm, LoginForm, PasswordForm
from shared_apps.operators.models import Operator


@open_to_all("the log-in page itself")
class LoginView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        if request.actor.grants:  # type: ignore[attr-defined]
            return redirect(safe_next(request))
        return self._show(request, LoginForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = LoginForm(request.POST)
        if not form.is_valid():
            return self._show(request, form, 422)
        email = form.cleaned_data["email"].lower()
        candidate = Operator.objects.filter(email=email).first()
        try:
            operator = auth.authenticate(
                candidate,
                email=f"operator:{email}",
                password=form.cleaned_data["password"],
                ip=request.ip,  # type: ignore[attr-defined]
            )
        except (LoginFailed, TooMany) as error:
            if candidate is not None and (times := throttle.worth_a_line("login-failed", str(candidate.pk))):
                audit.record(
                    actor=_self(request, candidate), action="operator.login_failed", label=email, reason=error.code,
                    after={"times": times},
                )  # fmt: skip
            form.add_error(None, str(error))
            return self._show(request, form, error.status)
        auth.login_pending(request, operator)
        request.session["next"] = safe_next(request)
        return redirect("/second-factor/")

    def _show(self, request: HttpRequest, form: LoginForm, status: int = 200) -> HttpResponse:
        return page(request, "operators/login.html", {"form": form, "next": safe_next(request, "")}, status=status)


def _self(request: HttpRequest, operator: Operator) -> Any:
    return services.self_actor(operator, request.ip)  # type: ignore[attr-defined]


@open_to_all("the second step of logging in: the session says whose")
class SecondFactorView(View):
    """Asks for a code, or enrols at the first log-in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        operator = self._pending(request)
        return self._show(request, operator, CodeForm()) if operator else redirect("/login/")

    def post(self, request: HttpRequest) -> HttpResponse:
        operator = self._pending(request)
        if operator is None:
            return redirect("/login/")
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self._show(request, operator, form, 422)
        try:
            return self._accept(request, operator, form.cleaned_data["code"])
        except (CodeWrong, TooMany) as error:
            if isinstance(error, CodeWrong) and operator.factor_locked_until:
                after = {"wrong_codes": operator.factor_failures}
                actor = _self(request, operator)
                audit.record(actor=actor, action="operator.second_factor_locked", label=operator.email, after=after)
            form.add_error("code", str(error))
            return self._show(request, operator, form, error.status)

    def _pending(self, request: HttpRequest) -> Operator | None:
        pending = auth.pending_account_id(request)
        operator = Operator.objects.filter(pk=pending, active=True).first() if pending else None
        return operator if operator and auth.still_pending(request, operator) else None

    def _accept(self, request: HttpRequest, operator: Operator, code: str) -> HttpResponse:
        target = request.session.get("next", "/")
        if operator.second_factor:
            auth.check_second_factor(operator, code)
            self._finish(request, operator, "operator.logged_in")
            return redirect(target)
        with transaction.atomic():
            codes = auth.confirm_second_factor(operator, code)
            self._finish(request, operator, "operator.second_factor_enrolled")
        return page(request, "operators/recovery_codes.html", {"codes": codes, "next": target})

    @transaction.atomic
    def _finish(self, request: HttpRequest, operator: Operator, action: str) -> None:
        request.session.pop("next", None)
        auth.login(request, operator, second_factor=True)
        request.session.set_expiry(12 * 3600)
        audit.record(actor=_self(request, operator), action=action, label=operator.email)

    def _show(self, request: HttpRequest, operator: Operator, form: CodeForm, status: int = 200) -> HttpResponse:
        if operator.second_factor:
            return page(request, "operators/second_factor.html", {"form": form}, status=status)
        fresh = not operator.totp_sealed
        secret = auth.totp_secret(operator)
        if fresh:
            operator.save(update_fields=["totp_sealed"])
        uri = auth.totp_uri(operator, "Rialto console")
        values = {
            "form": form,
            "qr": segno.make(uri, error="m").svg_data_uri(scale=5, border=2, dark="#111", light="#fff"),
            "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        }
        return page(request, "operators/enrol.html", values, status=status)


@open_to_all("ends whatever session there is")
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    if request.account:  # type: ignore[attr-defined]
        audit.record(actor=request.actor, action="operator.logged_out", label=request.account.email)  # type: ignore[attr-defined]
    auth.logout(request)
    return redirect("/login/")


@open_to_all("the mailed link is the proof")
class InvitationView(View):
    """The first password of an invited operator."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._show(request, token, PasswordForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        form = PasswordForm(request.POST)
        if not form.is_valid():
            return self._show(request, token, form, 422)
        try:
            services.invitation_accept(token=token, password=form.cleaned_data["password"])
        except PasswordWeak as error:
            form.add_error("password", str(error))
            return self._show(request, token, form, 422)
        messages.success(request, pgettext("log-in", "Your password is set. Log in with it."))
        return redirect("/login/")

    def _show(self, request: HttpRequest, token: str, form: PasswordForm, status: int = 200) -> HttpResponse:
        values = {"form": form, "operator": services.invited(token)}
        return page(request, "operators/invitation.html", values, status=status)
