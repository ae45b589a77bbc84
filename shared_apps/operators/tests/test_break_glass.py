"""Into a brokerage: once, soon, from the same place, for the said time, and with lines in the broker's own trail."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from kernel import clock, sessions
from kernel.actors import Actor, Reach
from kernel.models import AuditEntry
from kernel.tenancy import context, directory
from shared_apps.operators import break_glass, services
from shared_apps.operators.models import BreakGlassEntry
from shared_apps.operators.tests import helpers

REASON = "Ticket 4711: mails do not arrive"


@pytest.fixture
def browser(tenant: Any) -> Client:
    return helpers.console(helpers.operator())


def ask(browser: Client, tenant: Any, **changes: Any) -> Any:
    data = {"reason": REASON, "minutes": "15", **changes}
    return browser.post(f"/brokers/{tenant.id}/enter/", data)


def ticket_of(answer: Any) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1]


def enter(ticket: str, host: str = "office.alpha.localhost", **extra: Any) -> tuple[Client, Any]:
    inside = Client(HTTP_HOST=host, enforce_csrf_checks=True, **extra)
    return inside, inside.post("/break-glass/", {"ticket": ticket})


def test_the_whole_way_in_and_out(browser: Client, tenant: Any) -> None:
    answer = ask(browser, tenant)
    assert "form-action 'self' http://office.alpha.localhost" in answer.headers["Content-Security-Policy"]
    inside, entered = enter(ticket_of(answer))
    assert (entered.status_code, entered.headers["Location"]) == (302, "/")
    page = inside.get("/branding/").content.decode()
    assert "You are inside as Olga Petrova of Rialto, to read only" in page
    assert REASON in page
    assert inside.post("/branding/publish/").status_code == 403
    leaving = Client(HTTP_HOST="office.alpha.localhost")
    leaving.cookies = inside.cookies
    assert leaving.post("/break-glass/leave/").headers["Location"].startswith("http://console.localhost")
    assert inside.get("/branding/").headers["Location"].startswith("/login/")
    with context.use(tenant):
        lines = list(AuditEntry.objects.filter(action__startswith="break_glass").order_by("id"))
    assert [(line.action, line.actor_kind, line.reason) for line in lines] == [
        ("break_glass.entered", "operator", REASON),
        ("break_glass.left", "operator", REASON),
    ]


def test_an_entry_closed_from_the_console_takes_its_session_and_its_streams_along(browser: Client, tenant: Any) -> None:
    inside, _ = enter(ticket_of(ask(browser, tenant)))
    key = inside.cookies["sid"].value
    with context.use(tenant):
        assert set(sessions.living([key])) == {key}
    with context.public():
        entry_id = BreakGlassEntry.objects.latest("created_at").pk
    assert browser.post(f"/entries/{entry_id}/end/").status_code == 302
    with context.use(tenant):
        assert sessions.living([key]) == {}


def test_what_is_done_inside_is_recorded_as_the_operators(browser: Client, tenant: Any) -> None:
    inside, _ = enter(ticket_of(ask(browser, tenant, write="1")))
    acting = Client(HTTP_HOST="office.alpha.localhost")
    acting.cookies = inside.cookies
    form = {
        "default_language": "ar",
        "languages": ["ar"],
        "time_zone": "Asia/Dubai",
        "base_currency": "USD",
        "currencies": ["USD"],
    }
    assert acting.post("/branding/languages/", form).status_code == 302
    with context.use(tenant):
        line = AuditEntry.objects.get(action="branding.locale_changed")
    assert (line.actor_kind, line.actor_label, line.on_behalf_of) == ("operator", "Olga Petrova (Rialto)", REASON)


def test_a_ticket_works_once(browser: Client, tenant: Any) -> None:
    ticket = ticket_of(ask(browser, tenant))
    assert enter(ticket)[1].status_code == 302
    assert enter(ticket)[1].status_code == 403


def test_a_ticket_is_good_for_a_minute(browser: Client, tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = ticket_of(ask(browser, tenant))
    later = clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert enter(ticket)[1].status_code == 403


def test_a_ticket_is_good_for_its_brokerage_only(browser: Client, tenant: Any) -> None:
    ticket = ticket_of(ask(browser, tenant))
    assert enter(ticket, "office.beta.localhost")[1].status_code == 403
    assert enter(ticket)[1].status_code == 302  # and the try elsewhere did not use it up


def test_a_ticket_is_good_from_the_same_address_only(browser: Client, tenant: Any) -> None:
    ticket = ticket_of(ask(browser, tenant))
    assert enter(ticket, REMOTE_ADDR="203.0.113.9")[1].status_code == 403


def test_an_invented_ticket_opens_nothing(tenant: Any) -> None:
    assert enter("x" * 43)[1].status_code == 403


@pytest.mark.parametrize("changes", [{"reason": "too short"}, {"minutes": "61"}, {"minutes": "0"}, {"minutes": "abc"}])
def test_what_is_not_granted(browser: Client, tenant: Any, changes: dict[str, str]) -> None:
    assert ask(browser, tenant, **changes).status_code == 422
    with context.public():
        assert BreakGlassEntry.objects.count() == 0


def test_it_ends_by_itself_and_the_trail_says_so(browser: Client, tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, _ = enter(ticket_of(ask(browser, tenant)))
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert inside.get("/branding/").headers["Location"].startswith("/login/")
    assert break_glass.end_overdue() == 1
    assert break_glass.end_overdue() == 0
    with context.use(tenant):
        assert AuditEntry.objects.get(action="break_glass.left").after == {"by": "time"}


def test_the_console_can_end_it(browser: Client, tenant: Any) -> None:
    inside, _ = enter(ticket_of(ask(browser, tenant)))
    with context.public():
        entry = BreakGlassEntry.objects.get()
    browser.post(f"/entries/{entry.pk}/end/")
    assert inside.get("/branding/").headers["Location"].startswith("/login/")


def test_support_may_read_but_not_write(tenant: Any) -> None:
    support = helpers.console(helpers.operator("sam@rialto.example", "support"))
    assert ask(support, tenant, write="1").status_code == 422
    assert ask(support, tenant).status_code == 200


def test_finance_may_not_enter(tenant: Any) -> None:
    finance = helpers.console(helpers.operator("fin@rialto.example", "finance"))
    assert ask(finance, tenant).status_code == 403


def test_an_operators_session_means_nothing_in_an_office(browser: Client, tenant: Any) -> None:
    office = Client(HTTP_HOST="office.alpha.localhost")
    office.cookies = browser.cookies
    assert office.get("/branding/").headers["Location"].startswith("/login/")
    assert directory.by_host("office.alpha.localhost") is not None


def test_another_role_ends_what_the_old_one_opened(tenant: Any) -> None:
    olga = helpers.operator()
    inside, _ = enter(ticket_of(ask(helpers.console(olga), tenant, write="1")))
    assert inside.get("/branding/").status_code == 200
    boss = Actor(kind="operator", id="1", label="Boss", grants={"console.operators": Reach.ALL})
    helpers.operator("second@rialto.example")
    services.operator_update(actor=boss, operator=olga, role="finance", active=True)
    assert inside.get("/branding/").headers["Location"].startswith("/login/")
    with context.public():
        assert not BreakGlassEntry.objects.filter(ended_at=None).exists()
