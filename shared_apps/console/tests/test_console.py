"""What operators see of brokerages and do to them."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from kernel import clock
from kernel.models import AuditEntry, InboxMessage, OutboxMessage
from kernel.tenancy import context, directory
from shared_apps.console import health, selectors, services
from shared_apps.operators.actors import GRANTS
from shared_apps.operators.models import OperatorAuditEntry
from shared_apps.operators.services import self_actor
from shared_apps.operators.tests import helpers
from shared_apps.tenants.errors import StateRefused
from shared_apps.tenants.models import Tenant

REASON = "Invoice 2026-11 unpaid for 40 days"


@pytest.fixture(autouse=True)
def _no_kept_health() -> None:
    with context.public():
        cache.clear()


@pytest.fixture
def actor(db: None) -> Any:
    row = helpers.operator()
    return replace(self_actor(row), grants=GRANTS[row.role])


@pytest.fixture
def browser(db: None) -> Client:
    return helpers.console(helpers.operator("browser@rialto.example"))


def dead_letter(tenant: Any) -> OutboxMessage:
    with context.use(tenant):
        return OutboxMessage.objects.create(
            name="clients.registered", aggregate="client:1", payload={}, dead_at=clock.now(), attempts=12, error="boom"
        )


def health_of(tenant: Any) -> health.Health:
    with context.public():
        cache.clear()
        return health.healths([Tenant.objects.get(pk=tenant.id)])[tenant.id]


def test_health_is_what_the_brokers_own_tables_say(tenant: Any) -> None:
    calm = health_of(tenant)
    assert (calm.lag, calm.outbox_dead, calm.inbox_dead, calm.commands_unknown) == (0.0, 0, 0, 0)
    assert calm.bytes > 100_000
    dead_letter(tenant)
    with context.use(tenant):
        late = clock.now() - timedelta(seconds=200)
        OutboxMessage.objects.create(
            name="clients.registered", aggregate="client:2", payload={}, created_at=late, available_at=late
        )
        InboxMessage.objects.create(source="stripe", event_key="evt_1", body=b"{}", dead_at=clock.now())
    sick = health_of(tenant)
    assert (sick.outbox_dead, sick.inbox_dead, sick.tone) == (1, 1, "danger")
    assert sick.lag == pytest.approx(200, abs=5)


def test_a_fact_dated_back_is_no_backlog(tenant: Any) -> None:
    with context.use(tenant):
        OutboxMessage.objects.create(
            name="clients.registered", aggregate="client:2", payload={}, created_at=clock.now() - timedelta(hours=4)
        )
    assert health_of(tenant).lag == pytest.approx(0, abs=5)
    assert health_of(tenant).tone == "success"


def test_one_brokers_trouble_is_not_anothers(tenant: Any, other_tenant: Any) -> None:
    dead_letter(tenant)
    assert health_of(other_tenant).outbox_dead == 0


def test_the_table_sorts_and_searches(tenant: Any, other_tenant: Any, browser: Client) -> None:
    dead_letter(other_tenant)
    with context.public():
        cache.clear()
        assert [row.tenant.slug for row in selectors.brokers(sort="-dead")][0] == "beta"
        assert [row.tenant.slug for row in selectors.brokers(sort="name")][:2] == ["alpha", "beta"]
        assert [row.tenant.slug for row in selectors.brokers(search="office.beta")] == ["beta"]
        assert selectors.brokers(state="suspended") == []
    page = browser.get("/?q=bet", headers={"HX-Request": "true"}).content.decode()
    assert "Beta Markets" in page
    assert "Alpha Markets" not in page
    assert "<html" not in page


@pytest.mark.parametrize(
    "path", ["/", "/?sort=-lag", "/audit/", "/operators/", "/operators/new/", "/me/", "/runs/", "/brokers/new/"]
)
def test_every_page_answers(tenant: Any, browser: Client, path: str) -> None:
    assert browser.get(path).status_code == 200


@pytest.mark.parametrize("path", ["", "state/?to=suspended", "enter/", "dead-letters/"])
def test_every_page_of_a_broker_answers(tenant: Any, browser: Client, path: str) -> None:
    dead_letter(tenant)
    assert browser.get(f"/brokers/{tenant.id}/{path}").status_code == 200


def test_suspending_is_written_into_both_trails(tenant: Any, actor: Any) -> None:
    services.state_change(actor=actor, tenant_id=tenant.id, to="suspended", reason=REASON)
    with context.public():
        ours = OperatorAuditEntry.objects.get(action="tenant.state_changed")
    with context.use(tenant):
        theirs = AuditEntry.objects.get(action="tenant.state_changed")
    assert (ours.before, ours.after) == ({"state": "active"}, {"state": "suspended"})
    assert (theirs.actor_kind, theirs.after, theirs.reason) == ("operator", {"state": "suspended"}, REASON)


def test_a_reason_is_needed_and_nothing_happens_without(tenant: Any, browser: Client) -> None:
    answer = browser.post(f"/brokers/{tenant.id}/state/", {"to": "suspended", "reason": "because"})
    assert answer.status_code == 422
    with context.public():
        assert Tenant.objects.get(pk=tenant.id).state == "active"


def test_only_moves_that_exist(tenant: Any, actor: Any) -> None:
    services.state_change(actor=actor, tenant_id=tenant.id, to="suspended", reason=REASON)
    services.state_change(actor=actor, tenant_id=tenant.id, to="active", reason=REASON)
    with context.public():
        Tenant.objects.filter(pk=tenant.id).update(state="offboarding")
    with pytest.raises(StateRefused):
        services.state_change(actor=actor, tenant_id=tenant.id, to="active", reason=REASON)


def test_a_suspended_office_is_closed_and_the_portal_says_why(tenant: Any, actor: Any) -> None:
    office, portal = Client(HTTP_HOST="office.alpha.localhost"), Client(HTTP_HOST="alpha.localhost")
    services.state_change(actor=actor, tenant_id=tenant.id, to="suspended", reason=REASON)
    directory.forget()
    closed = office.get("/login/")
    assert closed.status_code == 403
    assert "This office is closed for now" in closed.content.decode()
    assert portal.get("/login/").status_code == 200
    services.state_change(actor=actor, tenant_id=tenant.id, to="active", reason=REASON)
    directory.forget()
    assert office.get("/login/").status_code == 200


def test_an_operator_can_enter_a_suspended_office(tenant: Any, browser: Client) -> None:
    browser.post(f"/brokers/{tenant.id}/state/", {"to": "suspended", "reason": REASON})
    from shared_apps.operators.tests.test_break_glass import ask, enter, ticket_of

    inside, entered = enter(ticket_of(ask(browser, tenant)))
    assert entered.status_code == 302
    assert inside.get("/branding/").status_code == 200


def test_every_process_obeys_within_a_second_or_so(live_tenant: Any) -> None:
    """Another process that serves the same brokerage, and has it in its memory, looks at it again by itself."""
    reading, writing = os.pipe()
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            host = f"{live_tenant.slug}.localhost"
            ends = time.monotonic() + 10
            os.write(writing, b"r" if directory.by_host(host)[0].state == "active" else b"?")
            while directory.by_host(host)[0].state != "suspended" and time.monotonic() < ends:
                os.sched_yield()
            os.write(writing, f"{time.monotonic()}\n".encode())
        finally:
            os._exit(0)
    assert os.read(reading, 1) == b"r"
    with context.public():
        row = helpers.operator("live@rialto.example")
    boss = replace(self_actor(row), grants=GRANTS[row.role])
    try:
        services.state_change(actor=boss, tenant_id=live_tenant.id, to="suspended", reason=REASON)
        told = time.monotonic()
        seen = float(os.read(reading, 100))
        os.waitpid(child, 0)
        assert seen - told < 2.0
    finally:
        with context.public():
            from django.db import connection

            row.delete()
            with context.owner("public"), connections["owner"].cursor() as cursor:
                cursor.execute("DELETE FROM operators_audit WHERE tenant_id = %s", [live_tenant.id])
            assert connection is not None


def test_a_dead_letter_gets_another_life(tenant: Any, browser: Client) -> None:
    letter = dead_letter(tenant)
    browser.post(f"/brokers/{tenant.id}/dead-letters/{letter.message_id}/replay/", {"kind": "outbox"})
    with context.use(tenant):
        letter.refresh_from_db()
        assert (letter.dead_at, letter.attempts) == (None, 0)
        assert AuditEntry.objects.get(action="dead_letter.replayed").object_label == "clients.registered"


def test_a_letter_of_another_broker_is_not_found(tenant: Any, other_tenant: Any, browser: Client) -> None:
    letter = dead_letter(other_tenant)
    answer = browser.post(f"/brokers/{tenant.id}/dead-letters/{letter.message_id}/replay/", {"kind": "outbox"})
    assert answer.status_code == 404
    with context.use(other_tenant):
        letter.refresh_from_db()
        assert letter.dead_at is not None


def test_finance_sees_but_does_not_suspend(tenant: Any) -> None:
    finance = helpers.console(helpers.operator("fin@rialto.example", "finance"))
    assert finance.get("/").status_code == 200
    assert finance.post(f"/brokers/{tenant.id}/state/", {"to": "suspended", "reason": REASON}).status_code == 403


def test_a_read_only_brokerage_takes_nothing_in_its_office_nor_in_its_portal(tenant: Any, actor: Any) -> None:
    """Pages, log-in, log-out, opting out of mail and what providers tell stay; everything else is refused in words."""
    services.state_change(actor=actor, tenant_id=tenant.id, to="read_only", reason="licence expired today")
    office, portal = Client(HTTP_HOST="office.alpha.localhost"), Client(HTTP_HOST="alpha.localhost")
    writes = [(portal, "/register/"), (portal, "/cashier/withdraw/"), (portal, "/profile/password/"), (portal, "/welcome/"),
              (portal, "/password/forgot/"), (office, "/me/password/"), (office, "/password/forgot/")]  # fmt: skip
    for browser, address in writes:
        answer = browser.post(address, {})
        assert answer.status_code == 403, address
        assert "read-only for now" in answer.content.decode(), address
    assert portal.get("/verify/any/").status_code == 403
    for browser in (office, portal):
        assert browser.get("/login/").status_code == 200
        assert browser.post("/login/", {}).status_code == 422
        assert browser.post("/logout/").status_code == 302
    assert portal.post(f"/webhooks/{tenant.id}/", b"", content_type="text/plain").status_code != 403
    services.state_change(actor=actor, tenant_id=tenant.id, to="active", reason="licence is valid again")
    directory.forget()
    assert portal.post("/register/", {}).status_code == 200
