"""Operators for tests, and browsers that are logged in."""

from __future__ import annotations

from typing import Any

import pyotp
from django.test import Client

from kernel import auth
from kernel.tenancy import context
from shared_apps.operators.models import Operator, OperatorRole

CONSOLE = "console.localhost"
PASSWORD = "correct horse battery"  # noqa: S105
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105


def operator(email: str = "olga@rialto.example", role: str = OperatorRole.OWNER, *, enrolled: bool = True) -> Operator:
    with context.public():
        row = Operator(email=email, name="Olga Petrova", role=role)
        row.set_password(PASSWORD)
        if enrolled:
            auth.totp_set(row, SECRET)
        row.save()
    return row


def code() -> str:
    return pyotp.TOTP(SECRET).now()


def console(row: Operator, **extra: Any) -> Client:
    """A browser logged in at the console, through both steps."""
    browser = Client(HTTP_HOST=CONSOLE, **extra)
    with context.public():
        Operator.objects.filter(pk=row.pk).update(totp_last_step=0)
    browser.post("/login/", {"email": row.email, "password": PASSWORD})
    answer = browser.post("/second-factor/", {"code": code()})
    assert answer.status_code == 302, answer.content[:300]
    return browser
