"""Two brokerages that are really committed, populated and staffed, and ways to call their pages as anybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.test import Client

from kernel import auth
from kernel.sessions import SessionStore
from kernel.tenancy import context

from .factories import Population, populate

VISITOR = "visitor"
CLIENT = "client"


@dataclass(slots=True)
class Brokerage:
    """One brokerage: `own` is the population its log-ins belong to, `foreign` another client's at the same place."""

    ref: Any
    own: Population
    foreign: Population
    grants: dict[str, dict[str, int]] = field(default_factory=dict)  # role code → rights
    cookies: dict[str, str] = field(default_factory=dict)  # role code, or CLIENT → session key

    def host(self, surface: str) -> str:
        return f"{'office.' if surface == 'office' else ''}{self.ref.slug}.{settings.PLATFORM_DOMAIN}"


def build(ref: Any, seed: int) -> Brokerage:
    """Rows, roles, one member of staff per default role, and a client who can log in."""
    from tenant_apps.accounts.defaults import DEFAULTS, roles_ensure
    from tenant_apps.ledger.services import account_ensure

    with context.use(ref):
        made = Brokerage(ref, populate(Population(seed)), populate(Population(seed + 1)))
        for population in (made.own, made.foreign):
            account_ensure(owner=f"client:{population.uuid}", kind="wallet", currency="EUR")
        roles = roles_ensure()
        for code in [default.code for default in DEFAULTS]:
            role = roles[code]
            made.grants[code] = role.grants
            made.cookies[code] = _staff(code, role)
        made.cookies[CLIENT] = _client(made.own)
    return made


def _staff(code: str, role: Any) -> str:
    from tenant_apps.accounts.models import Realm, User

    user = User.objects.create(realm=Realm.STAFF, email=f"{code}@staff.example", name=code, active=True)
    auth.totp_set(user, "JBSWY3DPEHPK3PXP")
    user.save()
    user.roles.add(role)
    return session_of(user)


def _client(own: Population) -> str:
    from tenant_apps.accounts.models import Realm, User
    from tenant_apps.clients.models import Client as ClientRow

    user = User.objects.create(realm=Realm.CLIENT, email=f"client{own.seed}@example.com", name="A client", active=True)
    ClientRow.objects.filter(pk=own.uuid).update(user_id=user.pk)
    return session_of(user)


def session_of(account: Any) -> str:
    """Log in as the pages do, second factor shown; returns the cookie's value."""
    request = HttpRequest()
    request.session = SessionStore()
    auth.login(request, account, second_factor=True)
    request.session.save()
    return str(request.session.session_key)


def caller(cookie: str = "", **extra: Any) -> Client:
    """A browser with a session cookie, or none. Errors come back as responses, not as exceptions."""
    browser = Client(raise_request_exception=False, enforce_csrf_checks=False, **extra)
    if cookie:
        browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return browser


def to_log_in(response: Any) -> bool:
    """Whether the guard sent a visitor away: to the log-in page with the way back, or with 401."""
    location = response.headers.get("Location", "")
    return response.status_code == 401 or location.startswith(f"{settings.LOGIN_URL}?next=")


@contextmanager
def operators() -> Iterator[dict[str, str]]:
    """Cookies of one operator of each role, and of one who has not shown a second factor."""
    from shared_apps.operators.models import Operator, OperatorRole, OperatorSession

    with context.public():
        made = []
        cookies = {}
        for role in OperatorRole.values:
            operator = Operator(role=role, email=f"{role}@isolation.example", name=role, active=True)
            auth.totp_set(operator, "JBSWY3DPEHPK3PXP")
            operator.save()
            made.append(operator)
            cookies[role] = session_of(operator)
    try:
        yield cookies
    finally:
        with context.public():
            OperatorSession.objects.filter(account_id__in=[operator.pk for operator in made]).delete()
            Operator.objects.filter(pk__in=[operator.pk for operator in made]).delete()
