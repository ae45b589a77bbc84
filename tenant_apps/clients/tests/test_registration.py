"""From a link to an open account: steps, documents, verification, and what a client may see and change."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.actors import VISITOR
from kernel.errors import Invalid, NotFound
from kernel.ids import short_id
from kernel.models import AuditEntry, OutboxMessage
from kernel.tenancy import context
from tenant_apps.accounts.models import User
from tenant_apps.clients import address_change, handlers, legal, registration, selectors, services
from tenant_apps.clients.errors import AddressUnproven
from tenant_apps.clients.models import Acceptance, Client, LegalDocument
from tenant_apps.clients.registration import invitation_address
from tenant_apps.clients.tests.support import PASSWORD, SYSTEM, actor, browser, lead, log_in, staff
from tenant_apps.notifications.models import Mail

PERSON = {"kind": "person", "first_name": "Lina", "last_name": "Haddad", "country": "AE", "phone": "+971501234567"}


@pytest.fixture(autouse=True)
def _documents(tenant: Any) -> None:
    legal.legal_defaults_ensure()


def register(tenant: Any, email: str, *, start: str = "/register/", **changes: str) -> Any:
    """Go through the three steps with a browser from a network of its own."""
    page = browser(tenant, "portal")
    network = short_id(4).translate(str.maketrans("ghjkmnpqrstvwxyz", "0123456789abcdef"))
    page.defaults["REMOTE_ADDR"] = f"2001:db8:0:{network}::1"
    page.get(start)
    assert page.post("/register/", PERSON | {"email": email} | changes)["Location"] == "/register/documents/"
    boxes = {f"accept:{one.pk}": "on" for one in LegalDocument.objects.filter(language="en")}
    assert page.post("/register/documents/", boxes)["Location"] == "/register/password/"
    page.last = page.post("/register/password/", {"password": PASSWORD})
    return page


def test_a_stranger_registers_and_is_logged_in(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    assert page.last["Location"] == "/"
    client = Client.objects.get()
    assert (client.stage, client.name, client.phone, client.status) == (
        "registered", "Lina Haddad", "+971501234567", "converted",
    )  # fmt: skip
    assert sorted(Acceptance.objects.values_list("document__kind", "document__version")) == [
        ("privacy", 1), ("risk", 1), ("terms", 1),
    ]  # fmt: skip
    assert page.get("/").status_code == 200
    assert OutboxMessage.objects.get(name="clients.registered").payload["client_id"] == str(client.pk)


def test_the_password_never_waits_in_the_session(tenant: Any) -> None:
    page = register(tenant, "lina@example.com", kind="person")
    assert PASSWORD not in str(dict(page.session))


def test_an_invited_lead_keeps_number_agent_and_history(tenant: Any) -> None:
    agent = staff("sales")
    invited = lead(email="lead@example.com", owner_id=agent.pk)
    path = invitation_address(invited).partition(f"{tenant.slug}.localhost")[2]
    path = path[path.index("/register/") :]
    first = browser(tenant, "portal").get(path).content.decode()
    assert 'value="lead@example.com"' in first
    register(tenant, "own.address@example.com", start=path)
    invited.refresh_from_db()
    assert (invited.email, invited.stage, invited.owner_id) == ("own.address@example.com", "registered", agent.pk)
    assert Client.objects.count() == 1


def test_an_invitation_of_another_brokerage_fills_nothing_in(tenant: Any, other_tenant: Any) -> None:
    with context.use(other_tenant):
        path = invitation_address(lead(email="foreign@example.com"))
    path = path[path.index("/register/") :]
    answer = browser(tenant, "portal").get(path)
    assert answer.status_code == 200
    assert "foreign@example.com" not in answer.content.decode()


def test_documents_are_all_needed(tenant: Any) -> None:
    page = browser(tenant, "portal")
    page.post("/register/", PERSON | {"email": "lina@example.com"})
    one = LegalDocument.objects.filter(kind="terms").get()
    assert page.post("/register/documents/", {f"accept:{one.pk}": "on"}).status_code == 422
    assert page.get("/register/password/")["Location"] == "/register/documents/"


def test_an_address_registers_once(tenant: Any) -> None:
    register(tenant, "lina@example.com")
    again = register(tenant, "LINA@example.com")
    assert again.last.status_code == 422
    assert Client.objects.count() == 1
    assert User.objects.filter(realm="client").count() == 1


def test_a_weak_password_opens_nothing(tenant: Any) -> None:
    page = browser(tenant, "portal")
    page.post("/register/", PERSON | {"email": "lina@example.com"})
    page.post("/register/documents/", {f"accept:{one.pk}": "on" for one in LegalDocument.objects.all()})
    assert page.post("/register/password/", {"password": "aaaaaaaaaaaa"}).status_code == 422
    assert Client.objects.count() == 0


def test_the_mailed_link_verifies_the_address_and_may_be_opened_twice(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    mail = Mail.objects.get(template="clients.verify_email")
    found = re.search(r"/verify/[\w-]+/", mail.text)
    assert found is not None
    assert [page.get(found.group()).status_code for _ in range(2)] == [302, 302]
    assert Client.objects.get().email_verified_at is not None
    assert OutboxMessage.objects.filter(name="clients.email_verified").count() == 1
    assert page.get("/verify/nonsense/").status_code == 410


def test_a_newer_link_replaces_the_older(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    page.post("/verify-again/")
    old, new = (re.search(r"/verify/[\w-]+/", one.text).group() for one in Mail.objects.order_by("created_at"))  # type: ignore[union-attr]
    assert page.get(old).status_code == 410
    assert page.get(new).status_code == 302


def test_logging_in_counts_as_an_active_day(tenant: Any) -> None:
    register(tenant, "lina@example.com")
    from kernel.events import Envelope

    row = OutboxMessage.objects.filter(name="accounts.logged_in").latest("id")
    envelope = Envelope(row.message_id, row.name, row.aggregate, row.payload, row.created_at, row.headers)
    handlers.on_logged_in(envelope)
    handlers.on_logged_in(envelope)
    client = Client.objects.get()
    assert (client.active_days, client.last_active_on) == (1, clock.today())


def test_a_new_version_asks_again(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    client = Client.objects.get()
    owner = actor(staff("owner"))
    tomorrow = clock.now() + timedelta(days=1)
    legal.legal_publish(kind="terms", texts={"en": legal.Text("Terms", "New")}, effective_at=tomorrow, actor=owner)
    assert selectors.documents_missing(client) == []
    newest = legal.legal_publish(kind="terms", texts={"en": legal.Text("Terms", "Newer")}, actor=owner)[0]
    assert newest.version == 3
    assert page.get("/")["Location"] == "/accept/"
    assert page.post("/accept/", {f"accept:{newest.pk}": "on"}).status_code == 302
    assert page.get("/").status_code == 200
    assert Acceptance.objects.get(document=newest).sha256 == newest.sha256


def test_a_document_in_the_clients_language_comes_before_english(tenant: Any) -> None:
    owner = actor(staff("owner"))
    english = LegalDocument.objects.get(kind="terms")
    legal.legal_translate(document_id=english.pk, language="de", text=legal.Text("Bedingungen", "…"), actor=owner)
    assert [one.title for one in selectors.documents_current("de") if one.kind == "terms"] == ["Bedingungen"]
    assert [one.title for one in selectors.documents_current("ar") if one.kind == "terms"] == ["Client agreement"]


def test_pages_of_the_portal(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    for path in ("/", "/profile/", "/activity/", "/legal/", "/legal/terms/", "/accept/"):
        assert page.get(path).status_code == 200, path
    assert page.post("/profile/contact/", {"phone": "+971 50 765 4321"}).status_code == 302
    assert page.post("/profile/", {"language": "de", "time_zone": "Asia/Dubai"}).status_code == 302
    assert page.post("/profile/password/", {"current": "wrong", "password": "another-set-of-words"}).status_code == 422
    client = Client.objects.get()
    assert (client.phone, client.language, client.time_zone) == ("+971507654321", "de", "Asia/Dubai")


def test_visitors_are_sent_to_log_in(tenant: Any) -> None:
    for path in ("/", "/profile/", "/activity/", "/accept/"):
        assert browser(tenant, "portal").get(path)["Location"].startswith("/login/"), path


def test_a_client_has_no_business_in_the_office(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    page.defaults["HTTP_HOST"] = f"office.{tenant.slug}.localhost"
    assert page.get("/leads/")["Location"].startswith("/login/")


def test_a_client_changes_only_own_rows(tenant: Any) -> None:
    register(tenant, "lina@example.com")
    client, other = Client.objects.get(), lead()
    from kernel.actors import Actor

    self_actor = Actor(kind="client", id=str(client.user_id), client_id=client.pk)
    with pytest.raises(NotFound):
        services.client_update(client=other, phone="+971507654321", actor=self_actor)
    with pytest.raises(NotFound):
        services.client_update(client=client, email="new@example.com", actor=self_actor)


def test_closed_clients_cannot_come_in(tenant: Any) -> None:
    page = register(tenant, "lina@example.com")
    Client.objects.update(stage="closed")
    assert page.get("/")["Location"].startswith("/login/")


def test_the_office_shows_accepted_documents_and_the_trail(tenant: Any) -> None:
    register(tenant, "lina@example.com")
    client = Client.objects.get()
    page = log_in(tenant, staff("owner"))
    assert "Client agreement" in page.get(f"/clients/{client.pk}/?tab=documents").content.decode()
    assert "clients.documents_accepted" in page.get(f"/clients/{client.pk}/?tab=audit").content.decode()
    answer = page.post(f"/clients/{client.pk}/profile/", {
        "first_name": "Lina", "last_name": "Haddad-Berg", "email": "lina.berg@example.com", "language": "de",
        "phone": "+971501234567", "country": "AE",
    })  # fmt: skip
    assert answer.status_code == 302
    client.refresh_from_db()
    assert (client.name, client.email, client.email_verified_at) == ("Lina Haddad-Berg", "lina.berg@example.com", None)
    assert User.objects.get(pk=client.user_id).email == "lina.berg@example.com"
    line = AuditEntry.objects.filter(action="clients.updated", subject=str(client.pk)).latest("id")
    assert line.before["last_name"] == "Haddad"
    assert SYSTEM.kind == "system"


# --- staff change the address to log in with --------------------------------------------------------------------------


def moved_by_staff(tenant: Any, to: str = "attacker@example.com") -> tuple[Any, Client]:
    """A registered client whose address a member of staff changed; with the browser the client was logged in with."""
    page = register(tenant, "lina@example.com")
    client = Client.objects.get()
    page.post("/password/forgot/", {"email": "lina@example.com"})
    services.client_update(client=client, email=to, actor=actor(staff("compliance")))
    client.refresh_from_db()
    return page, client


def test_a_moved_log_in_is_told_to_both_addresses_and_ends_sessions_and_links(tenant: Any) -> None:
    page, client = moved_by_staff(tenant)
    told = dict(Mail.objects.filter(template="clients.email_changed").values_list("to", "text"))
    assert list(told) == ["lina@example.com"]
    assert "a•••@example.com" in told["lina@example.com"]
    assert Mail.objects.filter(template="clients.verify_email", to="attacker@example.com").count() == 1
    assert page.get("/")["Location"].startswith("/login/")
    reset = re.search(r"/password/reset/[\w-]+/", Mail.objects.get(template="accounts.password_reset").text)
    assert reset is not None
    assert page.get(reset.group()).status_code == 410
    line = AuditEntry.objects.get(action="clients.log_in_moved", subject=str(client.pk))
    assert (line.before, line.after["email"]) == ({"email": "lina@example.com"}, "attacker@example.com")


def test_a_moved_log_in_holds_payouts_until_time_and_confirmation_agree(tenant: Any) -> None:
    _, client = moved_by_staff(tenant)
    assert address_change.payout_held(client)
    client.email_verified_at = clock.now()
    assert address_change.payout_held(client)
    client.email_changed_at = clock.now() - timedelta(hours=73)
    assert not address_change.payout_held(client)
    client.email_verified_at = None
    assert address_change.payout_held(client)


def test_the_brokerage_says_how_long_a_moved_log_in_holds_payouts(tenant: Any) -> None:
    from dataclasses import replace

    _, client = moved_by_staff(tenant)
    client.email_verified_at = clock.now()
    with context.use(replace(tenant, settings=(("email_change_hold_hours", 0),))):
        assert not address_change.payout_held(client)


def test_an_address_of_a_lead_or_of_nobody_new_holds_nothing(tenant: Any) -> None:
    register(tenant, "lina@example.com")
    client, someone = Client.objects.get(), lead(email="lead@example.com")
    officer = actor(staff("compliance"))
    services.client_update(client=client, email="Lina@example.com", first_name="Lena", actor=officer)
    services.client_update(client=someone, email="other@example.com", actor=officer)
    assert not any(address_change.payout_held(one) for one in Client.objects.all())
    assert not Mail.objects.filter(template="clients.email_changed").exists()


# --- a lead's address is not yet a proof ------------------------------------------------------------------------------


def test_knowing_a_leads_address_does_not_make_one_the_lead(tenant: Any) -> None:
    """Neither by the form nor past it: the lead stays as it is, and the link goes to whoever reads its mail."""
    known = lead(email="lina@example.com", first_name="Lina")
    page = browser(tenant, "portal")
    page.defaults["REMOTE_ADDR"] = "2001:db8:1:9::1"
    answer = page.post("/register/", PERSON | {"email": "Lina@example.com", "first_name": "Mallory"})
    assert answer.status_code == 422
    assert "have sent a link to it" in answer.content.decode()
    with pytest.raises(AddressUnproven):
        registration.client_register(
            email="LINA@example.com", password=PASSWORD, first_name="Mallory", last_name="M",
            documents=[one.pk for one in LegalDocument.objects.all()], actor=VISITOR,
        )  # fmt: skip
    known.refresh_from_db()
    assert (known.first_name, known.stage, known.user_id) == ("Lina", "lead", None)
    assert User.objects.filter(realm="client").count() == 0
    mail = Mail.objects.get(template="clients.continue_registration")
    assert mail.to == "lina@example.com"
    found = re.search(r"/register/\?invitation=[^\s]+", mail.text)
    assert found is not None
    register(tenant, "lina@example.com", start=found.group())
    known.refresh_from_db()
    assert known.stage == "registered"


def test_a_lead_made_between_the_steps_is_not_taken_over_either(tenant: Any) -> None:
    page = browser(tenant, "portal")
    page.defaults["REMOTE_ADDR"] = "2001:db8:1:10::1"
    page.post("/register/", PERSON | {"email": "lina@example.com"})
    lead(email="lina@example.com")
    page.post("/register/documents/", {f"accept:{one.pk}": "on" for one in LegalDocument.objects.all()})
    answer = page.post("/register/password/", {"password": PASSWORD})
    assert (answer.status_code, Client.objects.get().stage) == (422, "lead")


# --- names begin mails to addresses that nobody has confirmed ------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Win at https://evil.example", "www.evil.example", "a@evil.example", "Ann\r\nBcc: x", "<b>Ann", "\u202ennA"],
)
def test_a_name_is_no_advertisement(tenant: Any, name: str) -> None:
    page = browser(tenant, "portal")
    page.defaults["REMOTE_ADDR"] = "2001:db8:1:11::1"
    assert page.post("/register/", PERSON | {"email": "victim@example.com", "first_name": name}).status_code == 422
    with pytest.raises(Invalid):
        lead(email="victim@example.com", first_name=name)
    assert not Client.objects.exists()
    assert not Mail.objects.exists()


@pytest.mark.parametrize(
    "name", ["Anna-Maria", "O\u2019Neill", "St. John", "J. R.", "v.d. Berg", "\u0644\u064a\u0644\u0649"]
)
def test_a_name_is_kept_as_people_write_it(tenant: Any, name: str) -> None:
    assert lead(first_name=name).first_name == name
