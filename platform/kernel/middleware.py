"""Request-wide matters after the tenant is known: request id, actor, language, time zone, headers, errors."""

from __future__ import annotations

import re
import secrets
import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string
from django.utils.translation import pgettext_lazy

from kernel.actors import VISITOR, Actor
from kernel.errors import AppError, Invalid
from kernel.logs import log, path_shown, request_id

Next = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"[0-9a-zA-Z-]{8,40}")

# No inline script or style anywhere: everything comes from our own origin as files. Live pages connect to 'self'.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
    ]
)


class RequestIdMiddleware:
    """Gives each request an id that logs, audit lines and events carry."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "") if settings.BEHIND_PROXY else ""
        chosen = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        token = request_id.set(chosen)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response.headers["X-Request-Id"] = chosen
        return response


class SecurityHeadersMiddleware:
    """Deny by default in the browser too. A view may loosen `frame-ancestors` and form targets for what it needs."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        ancestors = getattr(response, "frame_ancestors", "'none'")
        targets = getattr(response, "form_targets", "'self'")
        response.headers.setdefault(
            "Content-Security-Policy",
            f"{CONTENT_SECURITY_POLICY}; form-action {targets}; frame-ancestors {ancestors}",
        )
        response.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), camera=(self)")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response


def client_ip(request: HttpRequest) -> str | None:
    """The peer's address; behind our own proxy, the last hop that it added."""
    if settings.BEHIND_PROXY and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR")):
        return forwarded.split(",")[-1].strip()
    return request.META.get("REMOTE_ADDR") or None


class ActorMiddleware:
    """`request.actor` (never None) and `request.account` (None for visitors), by the surface's resolver, lazily."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.resolvers = {surface: import_string(path) for surface, path in settings.ACTOR_RESOLVERS.items()}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.ip = client_ip(request)  # type: ignore[attr-defined]
        resolve = self.resolvers.get(getattr(request, "surface", ""))
        found: list[tuple[Any, Actor]] = []

        def once() -> tuple[Any, Actor]:
            if not found:
                found.append(resolve(request) if resolve else (None, VISITOR))
            return found[0]

        request.account = SimpleLazyObject(lambda: once()[0])  # type: ignore[attr-defined]
        request.actor = SimpleLazyObject(lambda: once()[1])  # type: ignore[attr-defined]
        return self.get_response(request)


class LocaleMiddleware:
    """Language and time zone: the account's, else the cookie's, else the browser's, within what the brokerage offers."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = self._language(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
            with timezone.override(self._zone(request)):
                response = self.get_response(request)
            response.headers.setdefault("Content-Language", language)
            return response

    def _language(self, request: HttpRequest) -> str:
        offered = offered_languages(request)
        account = getattr(request, "account", None)
        wanted = [request.COOKIES.get("language", "")]
        wanted.append(account.language if account else "")
        wanted += [tag.split(";")[0].strip().lower() for tag in request.headers.get("Accept-Language", "").split(",")]
        for tag in wanted:
            for candidate in (tag, tag.split("-")[0]):
                if candidate in offered:
                    return candidate
        return offered[0]

    def _zone(self, request: HttpRequest) -> zoneinfo.ZoneInfo:
        account = getattr(request, "account", None)
        name = (account.time_zone if account else "") or request.COOKIES.get("time_zone", "")
        try:
            return zoneinfo.ZoneInfo(name or settings.TIME_ZONE)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # "Europe" is a folder
            return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def offered_languages(request: HttpRequest) -> list[str]:
    """The brokerage's languages, its default first; all of ours on the vendor's pages and in every office."""
    known = [code for code, _ in settings.LANGUAGES]
    tenant = getattr(request, "tenant", None)
    if tenant is None:
        return known
    own = [code for code in tenant.setting("languages", []) if code in known]
    if getattr(request, "surface", "") == "office":
        own += [code for code in known if code not in own]
    return own or known


class ErrorMiddleware:
    """Translates `AppError` once, at the edge: a page, a fragment for htmx, or a problem document for the API."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError | UnicodeEncodeError | ValidationError | OverflowError):
            # What the database cannot hold (NUL bytes, half characters, numbers and days without end, ids that are none) came from outside: nothing
            # was written, and whoever sent it is told so. Logged, because a form should have said it in better words.
            log.warning("unstorable_input", path=path_shown(request.path), exc_info=error)
            return error_response(request, Unstorable())
        return error_response(request, error) if isinstance(error, AppError) else None


class Unstorable(Invalid):
    code = "unstorable"
    message = pgettext_lazy("error", "This contains characters or numbers that cannot be stored.")


def storable(value: Any) -> bool:
    """Whether the database could hold this JSON value's texts: without NUL bytes and half characters."""
    if isinstance(value, dict):
        return all(storable(key) and storable(one) for key, one in value.items())
    if isinstance(value, list):
        return all(storable(one) for one in value)
    return not isinstance(value, str) or not ("\0" in value or any("\ud800" <= char <= "\udfff" for char in value))


class CleanTextMiddleware:
    """Refuses NUL bytes in what is read before any view: address, query, cookies. Forms are the views' and the edge's."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = (text for key, values in request.GET.lists() for text in (key, *values))
        if any("\0" in text for text in (request.path_info, *query, *request.COOKIES.values())):
            return HttpResponse("Bad request", status=400, content_type="text/plain")
        return self.get_response(request)


def error_response(request: HttpRequest, error: AppError) -> HttpResponse:
    """How this request is told of an error. Also for middlewares, whose own exceptions `process_exception` never sees."""
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse(
            {"code": error.code, "title": str(error), "field": error.field},
            status=error.status,
            content_type="application/problem+json",
        )
    else:
        template = "errors/fragment.html" if getattr(request, "htmx", False) else "errors/page.html"
        response = render(request, template, {"error": error, "status": error.status}, status=error.status)
    if retry := error.data.get("retry_after"):
        response.headers["Retry-After"] = str(retry)
    return response
