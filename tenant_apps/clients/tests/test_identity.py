"""What was verified is not one person's to change, and a tag that carries money is not everybody's to set."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kernel import clock
from kernel.errors import Conflict, Forbidden, Invalid
from kernel.models import AuditEntry
from tenant_apps.accounts.models import User
from tenant_apps.accounts.services import settings_update
from tenant_apps.clients import eyes, identity_change, money_tags, services
from tenant_apps.clients.errors import MoneyTag, SamePerson
from tenant_apps.clients.models import Client
from tenant_apps.notifications.models import Mail, Notification
from tenant_apps.wallets.errors import MoveRefused
from tenant_apps.wallets.services.checks import mover_required

from .support import SYSTEM, actor, lead, log_in, staff


@pytest.fixture
def agent(tenant: Any) -> Any:
    return colleague("sales", "Sam Seller")


def colleague(role: str, name: str) -> User:
    return staff(role, name=name)


def verified(**values: Any) -> Client:
    person = lead(**values)
    services.kyc_set(client_id=person.pk, state="approved", level=2, actor=SYSTEM)
    person.refresh_from_db()
    return person


def changed_by_officer(person: Client, **changes: Any) -> Any:
    officer = colleague("compliance", "Franka First")
    services.client_update(client=person, actor=actor(officer), **(changes or {"last_name": "Newname"}))
    person.refresh_from_db()
    return officer


@pytest.mark.parametrize("change", [
    {"first_name": "Other"}, {"last_name": "Other"}, {"country": "AE"}, {"birth_date": "1990-01-01"}, {"nationality": "AE"},
    {"company": "Shell Ltd", "corporate": True}, {"latin_name": "OTHER PERSON"},
])  # fmt: skip
def test_an_agent_does_not_change_who_was_verified(agent: Any, change: dict[str, Any]) -> None:
    person = verified(owner_id=agent.pk)
    with pytest.raises(Forbidden):
        services.client_update(client=person, actor=actor(agent), **change)
    services.client_update(client=person, actor=actor(agent), time_zone="Europe/Berlin", first_name=person.first_name)
    assert not identity_change.held(Client.objects.get(pk=person.pk))


def test_a_stale_page_does_not_help(agent: Any) -> None:
    person = lead(owner_id=agent.pk)
    services.kyc_set(client_id=person.pk, state="approved", actor=SYSTEM)
    with pytest.raises(Forbidden):
        services.client_update(client=person, actor=actor(agent), country="AE")


def test_before_it_is_verified_it_is_the_agents_to_correct(agent: Any) -> None:
    person = lead(owner_id=agent.pk)
    services.client_update(client=person, actor=actor(agent), last_name="Byron")
    person.refresh_from_db()
    assert (person.last_name, identity_change.held(person)) == ("Byron", False)


def test_a_change_keeps_money_in_until_another_person_confirms_it(tenant: Any) -> None:
    second = colleague("compliance", "Sara Second")
    person = verified(email="ada@example.com")
    officer = changed_by_officer(person)
    with pytest.raises(MoveRefused) as refused:
        mover_required(person)
    assert refused.value.data["check"] == "identity"
    mail = Mail.objects.get(template="clients.identity_changed")
    assert (mail.to, "Last name" in mail.text) == ("ada@example.com", True)
    assert "Hello \u2068Ada\u2069," in mail.text
    assert list(Notification.objects.filter(kind="clients.identity_changed").values_list("user_id", flat=True)) == [
        second.pk
    ]
    with pytest.raises(SamePerson):
        identity_change.confirm(client=person, seen=person.identity_changed_at, actor=actor(officer))
    assert identity_change.held(Client.objects.get(pk=person.pk))
    identity_change.confirm(client=person, seen=person.identity_changed_at, actor=actor(second))
    mover_required(Client.objects.get(pk=person.pk))
    acts = AuditEntry.objects.filter(subject=str(person.pk), action__startswith="clients.identity").order_by("id")
    assert [one.action for one in acts] == ["clients.identity_changed", "clients.identity_confirmed"]


def test_only_what_was_looked_at_is_confirmed(tenant: Any) -> None:
    second = colleague("compliance", "Sara Second")
    person = verified()
    officer = changed_by_officer(person)
    seen = person.identity_changed_at
    services.client_update(client=person, actor=actor(officer), country="AE")
    with pytest.raises(Conflict):
        identity_change.confirm(client=person, seen=seen, actor=actor(second))


def test_who_had_a_part_in_any_change_that_waits_does_not_confirm(tenant: Any) -> None:
    second = colleague("compliance", "Sara Second")
    person = verified()
    changed_by_officer(person)
    services.client_update(client=person, actor=actor(second), country="AE")
    person.refresh_from_db()
    with pytest.raises(SamePerson):
        identity_change.confirm(client=person, seen=person.identity_changed_at, actor=actor(second))


def test_the_mail_goes_to_the_address_before_a_change_of_both(tenant: Any) -> None:
    person = verified(email="ada@example.com")
    changed_by_officer(person, last_name="Newname", email="attacker@example.com")
    assert Mail.objects.get(template="clients.identity_changed").to == "ada@example.com"


def test_the_pages(tenant: Any, agent: Any) -> None:
    person = verified(owner_id=agent.pk, last_name="Lovelace")
    page = log_in(tenant, agent)
    shown = page.get(f"/clients/{person.pk}/?tab=profile").content.decode()
    assert shown.count("disabled") >= 5
    values = {"first_name": "Ada", "last_name": "Thief", "language": person.language, "email": person.email}
    page.post(f"/clients/{person.pk}/profile/", values)
    person.refresh_from_db()
    assert person.last_name == "Lovelace"
    assert page.post(f"/clients/{person.pk}/identity/", {"seen": "2026-01-01T00:00:00Z"}).status_code == 403


def test_who_read_the_client_before_anothers_change_does_not_undo_it(agent: Any) -> None:
    person = verified(owner_id=agent.pk, last_name="Lovelace")
    read_before = Client.objects.get(pk=person.pk)
    changed_by_officer(person)
    with pytest.raises(Forbidden):
        services.client_update(client=read_before, actor=actor(agent), phone="+4915112345678", last_name="Lovelace")
    person.refresh_from_db()
    assert (person.last_name, person.phone) == ("Newname", "")


def test_an_address_verified_meanwhile_stays_verified(agent: Any) -> None:
    person = lead(owner_id=agent.pk)
    at = clock.now()
    Client.objects.filter(pk=person.pk).update(email_verified_at=at)
    services.client_update(client=person, actor=actor(agent), phone="+4915112345678")
    person.refresh_from_db()
    assert person.email_verified_at == at


def shown_profile(page: Any, person: Client) -> dict[str, str]:
    """What a browser would send of the profile's form as it was shown."""
    html = page.get(f"/clients/{person.pk}/?tab=profile").content.decode()
    found = dict(re.findall(r'<input type="hidden" name="(initial-\w+)"(?: value="([^"]*)")?', html))
    assert "initial-last_name" in found
    return found | {name.removeprefix("initial-"): value for name, value in found.items()}


def test_a_save_changes_only_what_was_typed_over_what_was_shown(tenant: Any) -> None:
    person = verified(last_name="Lovelace", country="DE")
    services.client_update(client=person, actor=SYSTEM, address={"line1": "Elbe 1", "city": "Hamburg"})
    page = log_in(tenant, colleague("compliance", "Sara Second"))
    values = shown_profile(page, person)
    changed_by_officer(person, last_name="Newname", address={"line1": "Elbe 2", "city": "Hamburg"})
    answer = page.post(
        f"/clients/{person.pk}/profile/", values | {"phone": "+4915112345678", "city": "Altona"}, HTTP_HX_REQUEST="true"
    )
    person.refresh_from_db()
    assert (person.last_name, person.phone) == ("Newname", "+4915112345678")
    assert person.address == {"line1": "Elbe 2", "city": "Altona"}
    assert 'name="initial-phone" value="+4915112345678"' in answer.content.decode()
    line = AuditEntry.objects.filter(action="clients.updated", subject=str(person.pk)).latest("id")
    assert sorted(line.after) == ["address", "phone"]


def test_another_officer_confirms_on_the_clients_page(tenant: Any) -> None:
    second = colleague("compliance", "Sara Second")
    person = verified()
    changed_by_officer(person)
    page = log_in(tenant, second)
    shown = page.get(f"/clients/{person.pk}/").content.decode()
    assert [words in shown for words in ("Before", "After", "<bdi>Lovelace</bdi>", ">Newname</bdi>")] == [True] * 4
    assert "Confirm the change" in shown
    page.post(f"/clients/{person.pk}/identity/", {"seen": person.identity_changed_at.isoformat()})
    assert not identity_change.held(Client.objects.get(pk=person.pk))
    assert "Confirm the change" not in page.get(f"/clients/{person.pk}/").content.decode()


# --- tags -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def vip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(money_tags._sources, "test", lambda: ["VIP "])


def test_a_tag_that_carries_money_takes_a_right_to_set_and_to_remove(agent: Any, vip: None) -> None:
    person = verified(owner_id=agent.pk)
    with pytest.raises(MoneyTag):
        services.tags_set(client=person, tags=["vip"], actor=actor(agent))
    services.tags_set(client=person, tags=["calls back"], actor=actor(agent))
    services.tags_set(client=person, tags=["calls back", "vip"], actor=actor(staff("compliance")))
    services.tags_set(client=person, tags=["vip"], actor=actor(agent))  # it stays as it is
    with pytest.raises(MoneyTag):
        services.tags_set(client=person, tags=[], actor=actor(agent))
    person.refresh_from_db()
    assert person.tags == ["vip"]


def test_a_tag_added_brings_none_back_that_was_taken_away(agent: Any, vip: None) -> None:
    person = lead(owner_id=agent.pk)
    services.tags_set(client=person, tags=["vip", "calls back"], actor=SYSTEM)
    read_before = Client.objects.get(pk=person.pk)
    services.tags_set(client=person, tags=["calls back"], actor=actor(staff("compliance")))
    services.tag_add(client=read_before, tag="New ", actor=SYSTEM)
    person.refresh_from_db()
    assert (person.tags, read_before.tags) == (["calls back", "new"], ["calls back", "new"])
    with pytest.raises(MoneyTag):
        services.tag_add(client=person, tag="vip", actor=actor(agent))


def test_who_changes_tags_undoes_nothing_that_was_changed_since_they_were_shown(agent: Any) -> None:
    person = lead(owner_id=agent.pk)
    services.tags_set(client=person, tags=["old", "quiet"], actor=SYSTEM)
    services.tags_set(client=person, tags=["quiet", "watch"], actor=SYSTEM)  # by a colleague, meanwhile
    services.tags_set(client=person, tags=["old", "mine"], shown=["old", "quiet"], actor=actor(agent))
    person.refresh_from_db()
    assert person.tags == ["mine", "watch"]


# --- names of another day ---------------------------------------------------------------------------------------------


def test_who_takes_another_name_for_a_moment_is_who_they_were(tenant: Any) -> None:
    one = colleague("finance", "Nora Neumann")
    other = colleague("finance", "Nora Neumann")
    settings_update(user=other, language="en", time_zone="UTC", name="Someone Else", actor=actor(other))
    with pytest.raises(SamePerson):
        eyes.others_required(actor(other), str(one.pk))


@pytest.mark.parametrize("change", [{"email": "elsewhere@example.com"}, {"first_name": "Another"}])
def test_a_client_renamed_for_a_moment_is_who_they_were(tenant: Any, change: dict[str, str]) -> None:
    own = colleague("finance", "Olga Owen")
    User.objects.filter(pk=own.pk).update(email="own@example.com", **({"name": "Other"} if "email" in change else {}))
    person = lead(
        email="own@example.com" if "email" in change else "x@example.com", first_name="Olga", last_name="Owen"
    )
    services.client_update(client=person, actor=SYSTEM, **change)
    services.client_update(client=person, actor=SYSTEM, last_name="Later")
    with pytest.raises(SamePerson):
        eyes.others_required(actor(own), client=person)


def test_a_namesake_of_one_word_proves_nothing(tenant: Any) -> None:
    own = colleague("finance", "Olga")
    assert eyes.others_required(actor(own), client=lead(first_name="Olga", last_name="")) == frozenset()


def test_the_latin_spelling_is_the_letters_of_a_passport(tenant: Any) -> None:
    person = lead(first_name="ليلى", last_name="العمري")
    services.client_update(client=person, actor=SYSTEM, latin_name=" ALOMARI<<LAYLA<< ")
    person.refresh_from_db()
    assert (person.latin_name, person.bank_name, person.names) == (
        "ALOMARI LAYLA",
        "ALOMARI LAYLA",
        (person.name, "ALOMARI LAYLA"),
    )
    with pytest.raises(Invalid) as refused:
        services.client_update(client=person, actor=SYSTEM, latin_name="ليلى العمري")
    assert refused.value.field == "latin_name"
    person.company, person.corporate = "شركة العمري", True
    assert person.names == ("شركة العمري",), "a company's account is not its director's"


def test_nobody_decides_about_who_bears_their_name_in_latin_letters(tenant: Any) -> None:
    person = lead(first_name="ليلى", last_name="العمري")
    officer = actor(colleague("compliance", "Layla Alomari"))
    assert not eyes.is_own(officer, [person])
    person.latin_name = "ALOMARI LAYLA"
    assert eyes.is_own(officer, [person])
