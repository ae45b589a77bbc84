"""The wizard, the way into the new office, the checklist and the console's journals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from kernel import clock
from kernel.tenancy import context, directory
from provisioning import services
from provisioning.errors import HandOverUnusable
from provisioning.executor import advance
from provisioning.models import ProvisioningRun
from provisioning.tests import helpers
from shared_apps.operators.models import OperatorAuditEntry
from shared_apps.operators.tests import helpers as operators
from shared_apps.site.models import SignUp
from tenant_apps.accounts.models import Realm, User

Runs = Callable[..., ProvisioningRun]
HOST = "localhost"


@pytest.fixture
def visitor(db: None) -> tuple[Client, SignUp]:
    """A browser whose address is verified."""
    with context.public():
        sign_up = SignUp.objects.create(email="greta@nordwind.example", verified_at=clock.now())
        from shared_apps.site.services import resume_token

        browser = Client(HTTP_HOST=HOST)
        browser.get(f"/sign-up/resume/{resume_token(sign_up)}/")
    return browser, sign_up


def walk(browser: Client) -> Any:
    """Through the wizard up to the button."""
    company = {"name": "Nordwind Markets", "slug": "nordwind", "preset": "gcc"}
    assert browser.post("/sign-up/company/", company).headers["Location"] == "/sign-up/look/"
    look = {"theme": "base", "colour": "#b45309", "languages": ["en", "ar"], "default_language": "ar"}
    assert browser.post("/sign-up/look/", look).headers["Location"] == "/sign-up/owner/"
    return browser.post("/sign-up/owner/", {"owner_name": "Greta", "password": operators.PASSWORD, "terms": "on"})


def test_the_wizard_ends_in_one_run_however_often_the_button_is_pressed(visitor: tuple[Client, SignUp]) -> None:
    browser, sign_up = visitor
    assert walk(browser).headers["Location"] == "/sign-up/progress/"
    browser.post("/sign-up/owner/", {"owner_name": "Greta", "password": operators.PASSWORD, "terms": "on"})
    with context.public():
        run = ProvisioningRun.objects.get()
        sign_up.refresh_from_db()
    assert sign_up.run_id == run.pk
    assert run.request["languages"] == ["ar", "en"]
    assert run.request["look"] == {"theme": "base", "colour": "#b45309"}
    assert operators.PASSWORD not in str(run.request)
    assert browser.get("/sign-up/company/").headers["Location"] == "/sign-up/progress/"


def test_progress_shows_each_step_and_watches_the_run(visitor: tuple[Client, SignUp]) -> None:
    browser, sign_up = visitor
    walk(browser)
    page = browser.get("/sign-up/progress/").content.decode()
    with context.public():
        sign_up.refresh_from_db()
    for words in ("Reserve the address", "Build the database", "Open the doors"):
        assert words in page
    assert f"live:provisioning:{sign_up.run_id}" in page
    assert 'data-live="' in page
    fragment = browser.get("/sign-up/progress/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("nordwind", "This address is free"),
        ("alpha", "This address is taken"),
        ("c0nsole", "looks too much like"),
        ("a", "Use 3 to 30"),
        ("admin", "This address is reserved"),
    ],
)
def test_the_address_is_checked_as_one_types(visitor: tuple[Client, SignUp], typed: str, words: str) -> None:
    assert words in visitor[0].get(f"/sign-up/slug/?slug={typed}&name=Nordwind").content.decode()


def test_an_address_is_proposed_from_the_name(visitor: tuple[Client, SignUp]) -> None:
    assert (
        'data-value="nordwind-markte"'
        in visitor[0].get("/sign-up/slug/?slug=&name=Nordwind+M%C3%A4rkte").content.decode()
    )


def test_a_taken_address_is_refused_on_submit(visitor: tuple[Client, SignUp]) -> None:
    answer = visitor[0].post("/sign-up/company/", {"name": "Alpha", "slug": "alpha", "preset": "gcc"})
    assert answer.status_code == 422


def test_a_weak_password_is_refused(visitor: tuple[Client, SignUp]) -> None:
    browser, _ = visitor
    walk_until = {"owner_name": "Greta", "password": "password123", "terms": "on"}
    browser.post("/sign-up/company/", {"name": "Nordwind", "slug": "nordwind", "preset": "gcc"})
    browser.post(
        "/sign-up/look/", {"theme": "base", "colour": "#b45309", "languages": ["ar"], "default_language": "ar"}
    )
    assert browser.post("/sign-up/owner/", walk_until).status_code == 422
    with context.public():
        assert ProvisioningRun.objects.count() == 0


def test_the_preview_frame_may_be_framed_by_us_only(visitor: tuple[Client, SignUp]) -> None:
    answer = visitor[0].get("/sign-up/look/frame/?colour=%23b45309&preset=base&mode=dark")
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    css = visitor[0].get("/sign-up/look/preview.css?colour=%23b45309&preset=base").content.decode()
    assert "--brand:#b45309" in css
    assert visitor[0].get("/sign-up/look/preview.css?colour=red;}body{}").status_code == 200


def test_the_ticket_lets_the_owner_in_once(runs: Runs) -> None:
    run = runs()
    advance(run.pk)
    with context.public():
        run.refresh_from_db()
        ticket = services.hand_over_issue(run=run)
    directory.forget()
    host = f"office.{run.request['slug']}.localhost"
    elsewhere = Client(HTTP_HOST="office.alpha.localhost", enforce_csrf_checks=True)
    assert elsewhere.post("/enter/", {"ticket": ticket}).status_code == 403
    owner = Client(HTTP_HOST=host, enforce_csrf_checks=True)
    entered = owner.post("/enter/", {"ticket": ticket})
    assert (entered.status_code, entered.headers["Location"]) == (302, "/setup/")
    assert "/second-factor/" in owner.get("/setup/").content.decode(), "the checklist asks to protect the account"
    assert owner.get("/branding/").headers["Location"] == "/second-factor/"
    assert Client(HTTP_HOST=host, enforce_csrf_checks=True).post("/enter/", {"ticket": ticket}).status_code == 403


def test_a_factor_reset_later_does_not_open_the_sign_ups_way_in_again(runs: Runs) -> None:
    run = runs()
    advance(run.pk)
    with context.public():
        run.refresh_from_db()
        ticket = services.hand_over_issue(run=run)
    ref = directory.by_id(run.tenant_id)
    assert ref is not None
    with context.use(ref):
        assert User.objects.filter(realm=Realm.STAFF, totp_confirmed_at=None).update(totp_last_step=59_000_000) == 1
    directory.forget()
    owner = Client(HTTP_HOST=f"office.{run.request['slug']}.localhost")
    assert owner.post("/enter/", {"ticket": ticket}).status_code == 403
    assert owner.get("/setup/").headers["Location"].startswith("/login/")


def test_the_ticket_is_good_for_two_minutes(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs()
    advance(run.pk)
    with context.public():
        run.refresh_from_db()
        ticket = services.hand_over_issue(run=run)
    later = clock.now() + timedelta(seconds=121)
    monkeypatch.setattr(clock, "now", lambda: later)
    ref = directory.by_id(run.tenant_id)
    assert ref is not None
    with context.use(ref), pytest.raises(HandOverUnusable):
        services.hand_over_use(ticket=ticket)


def test_there_is_no_way_in_before_it_is_done(runs: Runs) -> None:
    with pytest.raises(HandOverUnusable):
        services.hand_over_issue(run=runs())


def test_the_console_creates_brokers_by_the_same_workflow(db: None) -> None:
    browser = operators.console(operators.operator())
    form = {
        "name": "Ipek Yolu FX",
        "slug": "ipekyolu",
        "preset": "central_asia",
        "owner_name": "Aliya",
        "owner_email": "Aliya@ipek.example",
        "theme": "base",
    }
    box = re.search(r'<input[^>]*name="colour"[^>]*>', browser.get("/brokers/new/").content.decode())
    assert box is not None
    assert 'type="color"' in box[0]
    form["colour"] = box[0].partition('value="')[2].partition('"')[0]  # nobody has touched it
    answer = browser.post("/brokers/new/", form)
    with context.public():
        run = ProvisioningRun.objects.get()
        assert answer.headers["Location"] == f"/runs/{run.pk}/"
        assert OperatorAuditEntry.objects.get(action="tenant.requested").object_label == "Ipek Yolu FX"
    assert run.request["owner_email"] == "aliya@ipek.example"
    assert run.request["look"] == {"theme": "base", "colour": ""}
    assert browser.get(f"/runs/{run.pk}/").status_code == 200
    page = browser.get(f"/runs/{run.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert re.search("Reserve the address", page)
    assert helpers.OPERATOR.label not in page


def test_finance_does_not_create_brokers(db: None) -> None:
    assert operators.console(operators.operator(role="finance")).get("/brokers/new/").status_code == 403
