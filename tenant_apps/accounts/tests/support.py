"""Staff and logged-in browsers for tests."""

from __future__ import annotations

from typing import Any

import pyotp
from django.test import Client as Browser

from kernel.actors import Actor, system
from kernel.auth import totp_secret
from kernel.ids import short_id
from tenant_apps.accounts import services as accounts
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.defaults import roles_ensure
from tenant_apps.accounts.models import Realm, Team, User

SYSTEM = system("tests")
PASSWORD = "violet-tandem-orchard"


def staff(role: str, *, team: Team | None = None, name: str = "", **more: Any) -> User:
    """A member of staff with a default role and a fresh address, so that rate limits of tests do not meet."""
    roles_ensure()
    return accounts.user_create(
        realm=Realm.STAFF,
        email=f"{role}-{short_id(8)}@example.com",
        name=name or role.title(),
        password=PASSWORD,
        roles=[role],
        team=team,
        actor=SYSTEM,
        **more,
    )


def actor(user: User) -> Actor:
    """The rights of a member of staff, as a request would have them."""
    return actor_for(User.objects.prefetch_related("roles").select_related("team").get(pk=user.pk))


def browser(tenant: Any, surface: str = "office") -> Browser:
    """A browser at the brokerage's office or portal."""
    host = f"{tenant.slug}.localhost"
    return Browser(HTTP_HOST=f"office.{host}" if surface == "office" else host)


def log_in(tenant: Any, user: User) -> Browser:
    """A browser that went through log-in and enrolment of the second factor."""
    page = browser(tenant)
    assert page.post("/login/", {"email": user.email, "password": PASSWORD}).status_code == 302
    page.get("/second-factor/")
    user.refresh_from_db()
    assert page.post("/second-factor/", {"code": pyotp.TOTP(totp_secret(user)).now()}).status_code == 200
    return page
