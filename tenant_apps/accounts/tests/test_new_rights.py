"""A release brings rights: untouched default roles get them, edited ones are asked about, and nothing happens twice."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.models import AuditEntry
from tenant_apps.accounts import services
from tenant_apps.accounts.defaults import DEFAULTS, grants_of, roles_ensure
from tenant_apps.accounts.models import Role
from tenant_apps.accounts.new_rights import roles_catch_up
from tenant_apps.notifications.models import Notification

from .support import actor, log_in, staff

NEW = "payments.export"  # stands for a right of the release


def role_of(code: str) -> Role:
    return Role.objects.get(code=code)


def before_the_release(code: str, **changes: Any) -> Role:
    """The role as the release before left it, with `changes` on top."""
    role = roles_ensure()[code]
    role.grants = {right: reach for right, reach in role.grants.items() if right != NEW}
    role.preset_grants = dict(role.grants)
    for name, value in changes.items():
        setattr(role, name, value)
    role.save()
    return role


def acts(name: str) -> int:
    return AuditEntry.objects.filter(action=f"accounts.{name}").count()


@pytest.mark.parametrize("code", ["finance", "owner", "auditor"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_role_nobody_edited_gets_what_its_default_has(tenant: Any, code: str, legacy: bool) -> None:
    role = before_the_release(code, **({"preset_grants": None} if legacy else {}))
    assert roles_catch_up() == 1
    role.refresh_from_db()
    default = next(one for one in DEFAULTS if one.code == code)
    assert role.grants == role.preset_grants == grants_of(default)
    assert AuditEntry.objects.get(action="accounts.rights_added").after == {"grants": {NEW: role.grants[NEW]}}
    assert (roles_catch_up(), acts("rights_added")) == (0, 1)


def test_an_edited_role_keeps_what_it_has_and_is_asked_about(tenant: Any) -> None:
    owner = staff("owner")
    role = before_the_release("finance")
    role.grants.pop("payments.rules.edit")
    role.save()
    assert roles_catch_up() == 1
    role.refresh_from_db()
    assert (role.undecided, NEW in role.grants) == ([NEW], False)
    assert "payments.rules.edit" not in role.grants
    assert (acts("rights_to_decide"), acts("rights_added")) == (1, 0)
    assert Notification.objects.filter(user_id=owner.pk, kind="accounts.new_rights").count() == 1
    assert (roles_catch_up(), acts("rights_to_decide")) == (0, 1)
    services.role_save(
        role=role, name=role.name, grants={**role.grants, NEW: 3}, masks=[], second_factor_required=True,
        actor=actor(owner),
    )  # fmt: skip
    role.refresh_from_db()
    assert (role.undecided, role.grants[NEW]) == (None, 3)


def test_what_was_taken_from_a_role_before_does_not_come_back(tenant: Any) -> None:
    """Of a role edited before releases were written down: the trail tells what it once had."""
    owner = staff("owner")
    role = roles_ensure()["finance"]
    fewer = {right: reach for right, reach in role.grants.items() if right != "payments.rules.edit"}
    services.role_save(
        role=role, name=role.name, grants=fewer, masks=[], second_factor_required=True, actor=actor(owner)
    )  # fmt: skip
    Role.objects.filter(pk=role.pk).update(
        preset_grants=None, grants={right: reach for right, reach in fewer.items() if right != "wallets.view"}
    )
    roles_catch_up()
    role.refresh_from_db()
    assert role.undecided is None  # both were its own once
    Role.objects.filter(pk=role.pk).update(preset_grants=dict(role.preset_grants or {}) | {"gone.right": 3})
    assert roles_catch_up() == 0
    assert "payments.rules.edit" not in role_of("finance").grants


def test_a_brokers_own_role_is_left_alone(tenant: Any) -> None:
    own = Role.objects.create(code="role_x", name="X", grants={"payments.view": 3})
    roles_ensure()
    roles_catch_up()
    own.refresh_from_db()
    assert (own.grants, own.undecided, own.preset_grants) == ({"payments.view": 3}, None, None)


def test_the_page_says_which_rights_are_new(tenant: Any) -> None:
    web = log_in(tenant, staff("owner"))
    role = before_the_release("finance")
    Role.objects.filter(pk=role.pk).update(undecided=[NEW])
    assert "New rights to decide on" in web.get("/staff/roles/").content.decode()
    assert "New rights to decide on" in web.get(f"/staff/roles/{role.pk}/").content.decode()
