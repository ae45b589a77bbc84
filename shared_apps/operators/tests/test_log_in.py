"""The console opens to a password and a second factor together, and to nothing less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from django.test import Client

from kernel.errors import Forbidden
from kernel.tenancy import context
from shared_apps.operators import services
from shared_apps.operators.actors import GRANTS
from shared_apps.operators.errors import LastOwner, LinkUnusable
from shared_apps.operators.models import Operator, OperatorAuditEntry, OperatorRole
from shared_apps.operators.tests import helpers


@pytest.fixture(autouse=True)
def _public(db: None) -> Iterator[None]:
    with context.public():
        yield


def actor(row: Operator) -> Any:
    return replace(services.self_actor(row), grants=GRANTS[row.role])


def test_password_alone_opens_nothing() -> None:
    row = helpers.operator()
    browser = Client(HTTP_HOST=helpers.CONSOLE)
    answer = browser.post("/login/", {"email": row.email, "password": helpers.PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/second-factor/")
    assert browser.get("/").headers["Location"].startswith("/login/")


def test_with_both_the_console_opens_and_the_trail_says_so() -> None:
    row = helpers.operator()
    browser = helpers.console(row)
    assert browser.get("/").status_code == 200
    with context.public():
        assert OperatorAuditEntry.objects.filter(actor_id=str(row.pk), action="operator.logged_in").count() == 1


def test_a_code_works_once() -> None:
    row = helpers.operator()
    helpers.console(row)
    again = Client(HTTP_HOST=helpers.CONSOLE)
    again.post("/login/", {"email": row.email, "password": helpers.PASSWORD})
    assert again.post("/second-factor/", {"code": helpers.code()}).status_code == 422


def test_a_wrong_password_is_refused_and_remembered() -> None:
    row = helpers.operator()
    browser = Client(HTTP_HOST=helpers.CONSOLE)
    assert browser.post("/login/", {"email": row.email, "password": "wrong"}).status_code == 422
    with context.public():
        assert OperatorAuditEntry.objects.get(action="operator.login_failed").object_label == row.email


def test_the_first_log_in_enrols_and_shows_recovery_codes() -> None:
    row = helpers.operator(enrolled=False)
    browser = Client(HTTP_HOST=helpers.CONSOLE)
    browser.post("/login/", {"email": row.email, "password": helpers.PASSWORD})
    shown = browser.get("/second-factor/").content.decode()
    secret = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown)
    assert secret is not None
    answer = browser.post("/second-factor/", {"code": pyotp.TOTP(secret[0].replace(" ", "")).now()})
    codes = re.findall(r"\b[0-9a-f]{4}-[0-9a-f]{6}\b", answer.content.decode())
    assert len(set(codes)) == 8
    browser.post("/logout/")
    browser.post("/login/", {"email": row.email, "password": helpers.PASSWORD})
    assert browser.post("/second-factor/", {"code": codes[0]}).status_code == 302


def test_an_invitation_works_once() -> None:
    owner = helpers.operator()
    with context.public():
        made = services.operator_create(actor=actor(owner), email="Sam@rialto.example", name="Sam", role="support")
        token = services.invitation_token(made)
        assert services.invitation_accept(token=token, password="another good pass").pk == made.pk
        with pytest.raises(LinkUnusable):
            services.invitation_accept(token=token, password="yet another pass")


def test_support_may_not_manage_operators() -> None:
    support = helpers.operator(role=OperatorRole.SUPPORT)
    with pytest.raises(Forbidden):
        services.operator_create(actor=actor(support), email="x@rialto.example", name="X", role="owner")
    assert helpers.console(support).get("/operators/").status_code == 403


def test_the_last_owner_stays() -> None:
    owner = helpers.operator()
    with context.public():
        Operator.objects.exclude(pk=owner.pk).delete()
    with pytest.raises(LastOwner):
        services.operator_update(actor=actor(owner), operator=owner, role="support", active=True)


def test_a_locked_operator_is_out_at_once() -> None:
    owner, other = helpers.operator(), helpers.operator("sam@rialto.example", OperatorRole.SUPPORT)
    browser = helpers.console(other)
    services.operator_update(actor=actor(owner), operator=other, role="support", active=False)
    assert browser.get("/").headers["Location"].startswith("/login/")


@pytest.mark.parametrize("path", ["/", "/operators/", "/audit/", "/runs/", "/brokers/new/", "/me/"])
def test_nothing_of_the_console_is_open(path: str) -> None:
    assert Client(HTTP_HOST=helpers.CONSOLE).get(path).headers["Location"].startswith("/login/")


def test_pages_forbid_inline_code() -> None:
    policy = Client(HTTP_HOST=helpers.CONSOLE).get("/login/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
