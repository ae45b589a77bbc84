"""Every view says who may call it; one that does not is refused (deny by default).

    @guard("clients.view")                 office and console: a signed-in actor who holds the right
    @guard("payments.view", "kyc.view")    a page of several kinds of work: any one of the rights
    @client_only                           portal: a signed-in client
    @open_to_all("the log-in page itself") no account needed; the reason is for the reader and the isolation test
    @signed_in                             any account of the surface, before its second factor

The object-level check stays the service's or selector's: guards see the address, not the object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from kernel.errors import AppError, Forbidden, NoRights

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Guard:
    kind: str  # "permission", "client", "signed_in", "open"
    permissions: tuple[str, ...] = ()  # any one of them
    reason: str = ""


def _mark(view: View, rule: Guard) -> View:
    view.guard = rule  # type: ignore[attr-defined]
    return view


def guard(*permissions: str) -> Callable[[View], View]:
    """Any one of the rights lets in; what is shown then is each right's own."""
    assert permissions, "a guard without a right would let everybody in"
    return lambda view: _mark(view, Guard("permission", permissions))


def client_only(view: View) -> View:
    return _mark(view, Guard("client"))


def signed_in(view: View) -> View:
    return _mark(view, Guard("signed_in"))


def open_to_all(reason: str) -> Callable[[View], View]:
    return lambda view: _mark(view, Guard("open", reason=reason))


def guard_of(view: Any) -> Guard | None:
    """The guard of a view function, class-based view or partial."""
    for candidate in (view, getattr(view, "view_class", None), getattr(view, "func", None)):
        if rule := getattr(candidate, "guard", None):
            return rule
    return None


class GuardMiddleware:
    """Asks the guard before the view runs. Placed after the actor is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if getattr(view, "__module__", "").startswith("django.contrib.staticfiles"):
            return None
        from kernel.middleware import error_response

        try:
            return self._asked(request, view)
        except AppError as error:
            return error_response(request, error)

    def _asked(self, request: HttpRequest, view: Any) -> HttpResponse | None:
        rule = guard_of(view)
        if rule is None:
            raise Forbidden(view=getattr(view, "__name__", "?"))
        if rule.kind == "open":
            return None
        actor, account = request.actor, request.account  # type: ignore[attr-defined]
        if actor.kind == "visitor":
            return self._to_log_in(request)
        if rule.kind == "client" and actor.client_id is None:
            return self._to_log_in(request)
        if rule.kind == "permission":
            if account is not None and not actor.grants and getattr(account, "realm", "staff") != "client":
                return no_rights(request)
            if not any(actor.may(code) for code in rule.permissions):
                actor.require(rule.permissions[0])
        return None

    def _to_log_in(self, request: HttpRequest) -> HttpResponse:
        here = quote(request.get_full_path() if request.method == "GET" else "/", safe="/")
        address = f"{settings.LOGIN_URL}?next={here}"
        if getattr(request, "htmx", False):
            response = HttpResponse(status=401)
            response.headers["HX-Redirect"] = address
            return response
        if request.path.startswith("/api/"):
            return HttpResponse(status=401)
        return redirect(address)


def no_rights(request: HttpRequest) -> HttpResponse:
    """For an account that may nothing: on to its second factor while that is due, else a plain word. Raises NoRights."""
    if getattr(request, "second_factor_due", False):
        return redirect(settings.SECOND_FACTOR_URL)
    raise NoRights


def safe_next(request: HttpRequest, default: str = "/") -> str:
    """Where to go after log-in: a path of this very host, never another site."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    # Django's check drops what browsers drop too: with a tab inside, "/\t/evil.example" is another host.
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return target
    return default
