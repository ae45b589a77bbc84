"""Log-in, second factor, reset and log-out: the same views for staff in the office and clients in the portal.

A request becomes a log-in in two steps: `authenticate` (password), then the second factor where the account has one or
a role demands it. Only `finish` binds the session to the account.
"""

from __future__ import annotations

from typing import Any

import segno
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views import View

from kernel import audit, auth, throttle
from kernel.actors import VISITOR
from kernel.auth import CodeWrong, LoginFailed
from kernel.errors import TooMany
from kernel.events import publish
from kernel.guards import open_to_all, safe_next
from kernel.pages import page
from kernel.tenancy import context

from . import services
from .actors import needs_second_factor
from .errors import LinkUnusable
from .events import LoggedIn
from .forms import CodeForm, ForgotForm, LoginForm, NewPasswordForm
from .links import link_peek
from .models import Realm, User


def finish(request: HttpRequest, user: User, *, second_factor: bool) -> None:
    """Bind the session, remember the device, write the line, tell who wants to know."""
    request.session["ip"] = request.ip  # type: ignore[attr-defined]
    request.session["user_agent"] = request.headers.get("User-Agent", "")[:300]
    with transaction.atomic():
        auth.login(request, user, second_factor=second_factor)
        request.session.save()
        actor = services.self_actor(user, request.ip)  # type: ignore[attr-defined]
        audit.record(actor=actor, action="accounts.logged_in", obj=user, after={"second_factor": second_factor})
        publish(
            LoggedIn(user_id=user.pk, realm=user.realm, ip=request.ip),  # type: ignore[attr-defined]
            aggregate=f"user:{user.pk}",
            actor=actor,
        )


class RealmView(View):
    """Base: `realm` is given by the surface's urls."""

    realm: str = Realm.STAFF


@open_to_all("the log-in page itself")
class LoginView(RealmView):
    def get(self, request: HttpRequest) -> HttpResponse:
        if request.actor.kind != VISITOR.kind and request.actor.kind != "":  # type: ignore[attr-defined]
            return redirect(safe_next(request))
        return self._show(request, LoginForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = LoginForm(request.POST)
        if not form.is_valid():
            return self._show(request, form, 422)
        email, password = form.cleaned_data["email"].lower(), form.cleaned_data["password"]
        candidate = User.objects.filter(realm=self.realm, email=email).prefetch_related("roles").first()
        try:
            user = auth.authenticate(
                candidate,
                email=f"{self.realm}:{email}",
                password=password,
                ip=request.ip,  # type: ignore[attr-defined]
            )
        except (LoginFailed, TooMany) as error:
            if candidate is not None and (times := throttle.worth_a_line("login-failed", str(candidate.pk))):
                actor = services.self_actor(candidate, request.ip)  # type: ignore[attr-defined]
                audit.record(
                    actor=actor, action="accounts.login_failed", obj=candidate, reason=error.code,
                    after={"times": times},
                )  # fmt: skip
            form.add_error(None, str(error))
            return self._show(request, form, error.status)
        assert isinstance(user, User)
        return self._next_step(request, user)

    def _next_step(self, request: HttpRequest, user: User) -> HttpResponse:
        target = safe_next(request)
        if user.second_factor:
            auth.login_pending(request, user)
            request.session["next"] = target
            return redirect("/second-factor/")
        finish(request, user, second_factor=False)
        if needs_second_factor(user):
            request.session["next"] = target
            return redirect("/second-factor/")
        return redirect(target)

    def _show(self, request: HttpRequest, form: LoginForm, status: int = 200) -> HttpResponse:
        values = {"form": form, "realm": self.realm, "next": safe_next(request, "")}
        return page(request, "accounts/login.html", values, status=status)


@open_to_all("the second step of logging in: the session says whose")
class SecondFactorView(RealmView):
    """Asks for a code; enrols an account that has no second factor yet but needs or wants one."""

    def _account(self, request: HttpRequest) -> tuple[User | None, bool]:
        """The account at stake and whether it still has to be asked for its existing factor."""
        pending = auth.pending_account_id(request)
        if pending:
            user = User.objects.filter(pk=pending, realm=self.realm, active=True).first()
            return (user, True) if user and auth.still_pending(request, user) else (None, True)
        account = request.account  # type: ignore[attr-defined]
        return (User.objects.get(pk=account.pk), False) if account else (None, False)

    def get(self, request: HttpRequest) -> HttpResponse:
        user, pending = self._account(request)
        if user is None:
            return redirect("/login/")
        if user.second_factor and not pending and request.session.get("second_factor"):
            return redirect(safe_next(request))
        return self._show(request, user, CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        user, _ = self._account(request)
        if user is None:
            return redirect("/login/")
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self._show(request, user, form, 422)
        try:
            if user.second_factor:
                auth.check_second_factor(user, form.cleaned_data["code"])
                finish(request, user, second_factor=True)
                return redirect(request.session.pop("next", "/"))
            return self._enrol(request, user, form.cleaned_data["code"])
        except (CodeWrong, TooMany) as error:
            if isinstance(error, CodeWrong) and user.factor_locked_until:
                self._note_lock(request, user)
            form.add_error("code", str(error))
            return self._show(request, user, form, error.status)

    def _note_lock(self, request: HttpRequest, user: User) -> None:
        actor = services.self_actor(user, request.ip)  # type: ignore[attr-defined]
        after = {"wrong_codes": user.factor_failures, "until": str(user.factor_locked_until)}
        audit.record(actor=actor, action="accounts.second_factor_locked", obj=user, after=after)

    def _enrol(self, request: HttpRequest, user: User, code: str) -> HttpResponse:
        with transaction.atomic():
            codes = auth.confirm_second_factor(user, code)
            actor = services.self_actor(user, request.ip)  # type: ignore[attr-defined]
            audit.record(actor=actor, action="accounts.second_factor_enrolled", obj=user)
        finish(request, user, second_factor=True)
        values = {"codes": codes, "next": request.session.pop("next", "/")}
        return page(request, "accounts/recovery_codes.html", values)

    def _show(self, request: HttpRequest, user: User, form: CodeForm, status: int = 200) -> HttpResponse:
        values: dict[str, Any] = {"form": form, "user": user}
        if user.second_factor:
            return page(request, "accounts/second_factor.html", values, status=status)
        fresh = not user.totp_sealed
        secret = auth.totp_secret(user)
        if fresh:
            user.save(update_fields=["totp_sealed"])
        uri = auth.totp_uri(user, context.tenant().name)
        values["qr"] = segno.make(uri, error="m").svg_data_uri(scale=5, border=2, dark="#111", light="#fff")
        values["secret"] = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
        return page(request, "accounts/enrol.html", values, status=status)


@open_to_all("ends whatever session there is")
class LogoutView(RealmView):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.account:  # type: ignore[attr-defined]
            audit.record(actor=request.actor, action="accounts.logged_out", obj=request.account._wrapped)  # type: ignore[attr-defined]
        auth.logout(request)
        return redirect("/login/")


@open_to_all("who forgot the password is not logged in")
class ForgotView(RealmView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return page(request, "accounts/forgot.html", {"form": ForgotForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ForgotForm(request.POST)
        if not form.is_valid():
            return page(request, "accounts/forgot.html", {"form": form}, status=422)
        email = form.cleaned_data["email"].lower()
        throttle.check("reset", f"{self.realm}:{email}", burst=3, per_minute=0.2)
        throttle.check("reset-ip", throttle.place(request.ip), burst=20, per_minute=5)  # type: ignore[attr-defined]
        services.password_reset_request(realm=self.realm, email=email)
        return page(request, "accounts/forgot.html", {"sent_to": email})


@open_to_all("the mailed link is the proof")
class ResetView(RealmView):
    """Set a password by a mailed link: `purpose` is reset or invite."""

    purpose = "reset"

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._show(request, token, NewPasswordForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        form = NewPasswordForm(request.POST)
        if not form.is_valid():
            return self._show(request, token, form, 422)
        password = form.cleaned_data["password"]
        try:
            if self.purpose == "invite":
                services.invitation_accept(token=token, password=password)
            else:
                services.password_reset(realm=self.realm, token=token, password=password)
        except auth.PasswordWeak as error:
            form.refuse(error)
            return self._show(request, token, form, 422)
        except LinkUnusable:
            return self._show(request, token, form)
        messages.success(request, pgettext("log-in", "Your password is set. Log in with it."))
        return redirect("/login/")

    def _show(self, request: HttpRequest, token: str, form: NewPasswordForm, status: int = 200) -> HttpResponse:
        try:
            user = link_peek(token=token, purpose=self.purpose, realm=self.realm)
        except LinkUnusable as error:
            return page(request, "accounts/link_unusable.html", {"error": error}, status=410)
        values = {"form": form, "user": user, "purpose": self.purpose}
        return page(request, "accounts/reset.html", values, status=status)
