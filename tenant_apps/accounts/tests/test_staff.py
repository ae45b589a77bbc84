"""Roles, staff and teams: who may change what, and what stands in the audit trail."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kernel.actors import Actor, Reach
from kernel.errors import Forbidden
from kernel.models import AuditEntry
from tenant_apps.accounts import services
from tenant_apps.accounts.defaults import DEFAULTS, roles_ensure
from tenant_apps.accounts.errors import EmailTaken, GrantsTooWide, LastOwner, RoleInUse
from tenant_apps.accounts.models import Role, User
from tenant_apps.accounts.tests.support import actor, log_in, staff


def test_default_roles_are_made_once_and_edits_stay(tenant: Any) -> None:
    roles_ensure()
    Role.objects.filter(code="support").update(grants={})
    roles_ensure()
    assert set(Role.objects.values_list("code", flat=True)) >= {one.code for one in DEFAULTS}
    assert Role.objects.get(code="support").grants == {}


def test_reach_of_the_default_roles(tenant: Any) -> None:
    roles = roles_ensure()
    assert roles["owner"].grants["clients.view"] == Reach.ALL
    assert roles["desk_manager"].grants["clients.view"] == Reach.TEAM
    assert roles["sales"].grants["clients.view"] == Reach.OWN
    assert "clients.edit" not in roles["auditor"].grants
    assert roles["auditor"].grants["audit.view"] == Reach.ALL
    assert not any(code.startswith("console.") for code in roles["owner"].grants)
    desk = {code for code, role in roles.items() if "trading.dealing" in role.grants}
    assert desk == {"owner", "compliance", "dealing", "finance", "auditor"}


def test_an_agent_cannot_make_staff(tenant: Any) -> None:
    with pytest.raises(Forbidden):
        services.user_create(realm="staff", email="x@example.com", name="X", actor=actor(staff("sales")))
    assert not User.objects.filter(email="x@example.com").exists()


def test_nobody_grants_beyond_their_own_reach(tenant: Any) -> None:
    roles_ensure()
    half = Actor(kind="staff", id="1", grants={"accounts.staff.edit": Reach.ALL, "accounts.staff.view": Reach.ALL})
    with pytest.raises(GrantsTooWide):
        services.user_create(realm="staff", email="x@example.com", name="X", roles=["owner"], actor=half)
    with pytest.raises(GrantsTooWide):
        services.role_save(
            role=None, name="Sneaky", grants={"audit.view": 3}, masks=[], second_factor_required=True, actor=half
        )
    assert not Role.objects.filter(name="Sneaky").exists()


def test_the_last_owner_stays(tenant: Any) -> None:
    owner = staff("owner")
    with pytest.raises(LastOwner):
        services.user_update(
            user=owner, name="O", roles=["owner"], team=None, languages=[], active=False, actor=actor(owner)
        )
    assert User.objects.get(pk=owner.pk).active


def test_an_address_is_used_once_per_realm(tenant: Any) -> None:
    owner = staff("owner")
    with pytest.raises(EmailTaken):
        services.user_create(realm="staff", email=owner.email.upper(), name="X", actor=actor(owner))


def test_a_held_role_is_not_deleted(tenant: Any) -> None:
    owner, agent = staff("owner"), staff("sales")
    with pytest.raises(RoleInUse):
        services.role_delete(role=Role.objects.get(code="sales"), actor=actor(owner))
    assert agent.roles.count() == 1


def test_changes_are_written_with_before_and_after(tenant: Any) -> None:
    owner, agent = staff("owner"), staff("sales", name="Jonas")
    services.user_update(
        user=agent, name="Jonas W.", roles=["retention"], team=None, languages=["de"], active=True, actor=actor(owner)
    )
    line = AuditEntry.objects.get(action="accounts.user_updated")
    assert line.before == {"name": "Jonas", "languages": [], "roles": ["sales"]}
    assert line.after == {"name": "Jonas W.", "languages": ["de"], "roles": ["retention"]}
    assert line.actor_id == str(owner.pk)


def test_switching_somebody_off_ends_their_session(tenant: Any) -> None:
    owner, agent = staff("owner"), staff("sales")
    page = log_in(tenant, agent)
    assert page.get("/me/").status_code == 200
    services.user_update(
        user=agent, name="A", roles=["sales"], team=None, languages=[], active=False, actor=actor(owner)
    )
    assert page.get("/me/")["Location"].startswith("/login/")


def test_the_pages_of_staff_administration(tenant: Any) -> None:
    owner = staff("owner")
    page = log_in(tenant, owner)
    role = Role.objects.get(code="sales")
    for path in ("/staff/", "/staff/invite/", f"/staff/{owner.pk}/", "/staff/teams/", "/staff/teams/new/",
                 "/staff/roles/", "/staff/roles/new/", f"/staff/roles/{role.pk}/", "/me/"):  # fmt: skip
        assert page.get(path).status_code == 200, path
    assert page.post("/staff/teams/new/", {"name": "Desk", "languages": ["de"]}).status_code == 302
    answer = page.post(f"/staff/roles/{role.pk}/", {"name": "Agents", "reach:clients.view": "2", "mask:phone": "on"})
    assert answer.status_code == 302
    role.refresh_from_db()
    assert (role.name, role.grants, role.masks, role.second_factor_required) == (
        "Agents", {"clients.view": 2}, ["phone"], False,
    )  # fmt: skip


def test_agents_do_not_see_staff_administration(tenant: Any) -> None:
    page = log_in(tenant, staff("sales"))
    assert page.get("/staff/").status_code == 403
    assert page.get("/audit/").status_code == 403


def personnel(masks: frozenset[str] = frozenset()) -> Actor:
    """Somebody who looks after staff and nothing else."""
    grants = {"accounts.staff.edit": Reach.ALL, "accounts.staff.view": Reach.ALL, "clients.view": Reach.ALL}
    return Actor(kind="staff", id="1", grants=grants, masks=masks)


def test_who_may_less_cannot_take_an_owners_second_factor_or_lock_them_out(tenant: Any) -> None:
    staff("owner")
    boss = staff("owner")
    with pytest.raises(GrantsTooWide):
        services.second_factor_reset(user=boss, reason="lost", actor=personnel())
    with pytest.raises(GrantsTooWide):
        services.user_update(
            user=boss, name="B", roles=["owner"], team=None, languages=[], active=False, actor=personnel()
        )
    boss.refresh_from_db()
    assert boss.active


def test_who_may_less_cannot_weaken_a_wider_role(tenant: Any) -> None:
    role = roles_ensure()["owner"]
    before = dict(role.grants)
    for grants, demanded in (({"clients.view": 3}, True), (before, False)):
        with pytest.raises(GrantsTooWide):
            services.role_save(
                role=role, name="Owner", grants=grants, masks=[], second_factor_required=demanded, actor=personnel()
            )
    role.refresh_from_db()
    assert (role.grants, role.second_factor_required) == (before, True)


def test_nobody_moves_themselves_to_another_desk_to_see_its_clients(tenant: Any) -> None:
    staff("owner")
    there = services.team_save(team=None, name="There", languages=[], actor=actor(staff("owner")))
    head = staff("desk_manager")
    head.roles.add(Role.objects.create(code="people", name="People", grants={"accounts.staff.edit": 3}))
    for user, refused in ((head, True), (staff("desk_manager"), False)):
        try:
            services.user_update(
                user=user, name="H", roles=[one.code for one in user.roles.all()], team=there, languages=[],
                active=True, actor=actor(head),
            )  # fmt: skip
        except GrantsTooWide:
            assert refused
        else:
            assert not refused


def test_who_sees_a_field_masked_opens_it_for_nobody(tenant: Any) -> None:
    masked = personnel(frozenset({"email", "phone"}))
    role = Role.objects.create(code="desk", name="Desk", grants={"clients.view": 3}, masks=["email", "phone"])
    for target, masks in ((role, ["email"]), (None, [])):
        with pytest.raises(GrantsTooWide):
            services.role_save(
                role=target, name="Desk", grants={"clients.view": 3}, masks=masks, second_factor_required=True,
                actor=masked,
            )  # fmt: skip
    Role.objects.create(code="plain", name="Plain", grants={"clients.view": 1}, masks=[])
    with pytest.raises(GrantsTooWide):
        services.user_create(realm="staff", email="y@example.com", name="Y", roles=["plain"], actor=masked)
    services.user_create(realm="staff", email="y@example.com", name="Y", roles=["desk"], actor=masked)


@pytest.mark.parametrize("other", [{}, {"audit.view": 3}, {"payments.view": 3}])
def test_a_role_about_something_else_unmasks_nothing(tenant: Any, other: dict[str, int]) -> None:
    agent = staff("sales")
    agent.roles.add(Role.objects.create(code="more", name="More", grants=other, masks=[]))
    assert actor(agent).masks == {"email", "phone"}
    agent.roles.add(Role.objects.create(code="desk", name="Desk", grants={"clients.view": 1}, masks=["phone"]))
    assert actor(agent).masks == {"phone"}


def test_a_new_role_masks_until_somebody_decides_otherwise(tenant: Any) -> None:
    assert Role.objects.create(code="new", name="New").masks == ["email", "phone"]
    agent = staff("sales")
    agent.roles.clear()
    assert actor(agent).masks == {"email", "phone"}
    form = log_in(tenant, staff("owner")).get("/staff/roles/new/").content.decode()
    assert re.search(r'name="mask:email"[^>]*checked', form) or re.search(r'checked[^>]*name="mask:email"', form)


def test_names_are_shown_as_text_wherever_a_component_takes_them(tenant: Any) -> None:
    name = "<img src=x onerror=alert(1)>\"'{{ 7|add:7 }}"
    person = staff("owner", name=name)
    browser = log_in(tenant, person)
    for address in ("/staff/", f"/staff/{person.pk}/", "/me/", "/audit/"):
        answer = browser.get(address)
        assert answer.status_code == 200, address
        assert "<img src=x" not in answer.content.decode(), address
        assert "onerror=alert(1)&gt;" in answer.content.decode() or address == "/me/", address
