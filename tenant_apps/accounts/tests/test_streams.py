"""A live stream lasts as long as the log-in that opened it, whatever ended that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock, sessions
from kernel.live import watch
from kernel.sessions import SessionStore
from kernel.tenancy import context
from tenant_apps.accounts import services
from tenant_apps.accounts.models import SIGHT, Role, Team, User
from tenant_apps.accounts.tests.support import PASSWORD, actor, staff


def logged_in(user: User, **more: Any) -> str:
    session = SessionStore()
    session["account_id"], session["epoch"] = str(user.pk), user.auth_epoch
    session.update(more)
    session.save()
    return str(session.session_key)


def lock(user: User) -> None:
    services.user_update(
        user=user, name=user.name, roles=["sales"], team=None, languages=[], active=False, actor=actor(staff("owner"))
    )


def password(user: User) -> None:
    services.password_change(user=user, current=PASSWORD, new="another-set-of-words", actor=actor(user))


def everywhere(user: User) -> None:
    services.sign_out_everywhere(user=user, actor=actor(user))


def expired(user: User) -> None:
    SessionStore().model.objects.update(expire_date=clock.now() - timedelta(seconds=1))


@pytest.mark.parametrize("ending", [lock, password, everywhere, expired])
def test_what_ends_a_log_in_ends_its_sessions_stand(tenant: Any, ending: Callable[[User], None]) -> None:
    user, other = staff("sales"), staff("sales")
    key = logged_in(user)
    assert set(sessions.living([key])) == {key}
    ending(user)
    kept = logged_in(other)
    assert set(sessions.living([key, kept])) == {kept}


def fewer_rights(user: User, role: Role) -> None:
    role.grants = {code: reach for code, reach in role.grants.items() if code != SIGHT}
    role.save()


def more_masks(user: User, role: Role) -> None:
    role.masks = ["email", "phone"] if role.masks != ["email", "phone"] else []
    role.save()


def another_team(user: User, role: Role) -> None:
    services.user_update(
        user=user, name=user.name, roles=["sales"], team=Team.objects.create(name="Desk"), languages=[], active=True,
        actor=actor(staff("owner")),
    )  # fmt: skip


def another_role(user: User, role: Role) -> None:
    user.roles.set(Role.objects.filter(code="compliance"))


@pytest.mark.parametrize("change", [fewer_rights, more_masks, another_team, another_role])
def test_other_rights_are_another_stamp(tenant: Any, change: Callable[[User, Role], None]) -> None:
    user, bystander = staff("sales"), staff("owner")
    key, other = logged_in(user), logged_in(bystander)
    before = sessions.living([key, other])
    assert before[key] == User.objects.get(pk=user.pk).rights_stamp() != ""
    change(user, Role.objects.get(code="sales"))
    after = sessions.living([key, other])
    assert after[key] != before[key]
    assert after[other] == before[other]


def test_the_stands_of_many_take_three_queries(tenant: Any, django_assert_num_queries: Any) -> None:
    keys = [logged_in(staff("sales")) for _ in range(5)]
    with django_assert_num_queries(3):
        assert len(sessions.living(keys)) == 5


def test_signing_out_ends_it_and_strangers_keys_never_stood(tenant: Any) -> None:
    key = logged_in(staff("sales"))
    SessionStore(key).flush()
    assert sessions.living([key, "a" * 32]) == {}


def test_an_entry_of_an_operator_ends_at_its_hour(tenant: Any) -> None:
    session = SessionStore()
    session["break_glass"] = {"until": clock.now().timestamp() - 1, "entry_id": str(staff("sales").pk)}
    session.save()
    assert sessions.living([str(session.session_key)]) == {}


def test_the_watch_ends_the_streams_of_those_who_left_and_no_others(
    tenant: Any, other_tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    here, there = context.tenant_scope(tenant), context.tenant_scope(other_tenant)

    async def ask(owner: context.Scope, keys: set[str]) -> dict[str, str]:
        if owner == there:
            raise OSError("its database is away")
        return {key: "rights" for key in keys if key != "left"}

    monkeypatch.setattr(watch, "ask", ask)
    one = watch.Watch()
    for owner, key, rights in (
        (here, "stays", "rights"), (here, "left", "rights"), (here, "lost a right", "more rights"), (there, "unknown", "rights"),
    ):  # fmt: skip
        one.streams.add(watch.Stream(owner, key, rights, lambda key=key: ended.append(key)))  # type: ignore[misc]
    asyncio.run(one.check())
    assert sorted(ended) == ["left", "lost a right"]


def test_moving_the_demos_clock_ends_no_session(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key, later = logged_in(staff("sales")), clock.now() + timedelta(days=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert set(sessions.living([key])) == {key}
