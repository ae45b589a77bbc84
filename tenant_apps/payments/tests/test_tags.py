"""Who may not let money out may neither set the tag that lets it out, nor become whose account it goes to."""

from __future__ import annotations

from typing import Any

import pytest

from tenant_apps.accounts.tests.support import actor
from tenant_apps.accounts.tests.support import staff as colleague
from tenant_apps.clients import identity_change
from tenant_apps.clients.errors import MoneyTag
from tenant_apps.clients.models import Client
from tenant_apps.clients.services import client_update, tags_set
from tenant_apps.payments.errors import WithdrawalRefused
from tenant_apps.payments.models import ApprovalRule, MethodRule
from tenant_apps.payments.services.withdrawals import withdrawal_check

from .support import make_account, staff
from .test_withdrawals import PROPOSE, funded, requested


def rule(where: str) -> Any:
    if where == "approval":
        return ApprovalRule.objects.create(name="Small", tags=["vip"], steps=[])
    MethodRule.objects.all().delete()
    return MethodRule.objects.create(
        provider_account=make_account("stripe"), method="card", currency="EUR", minimum_minor=100, maximum_minor=200,
        **{where: ["vip"]},
    )  # fmt: skip


@pytest.mark.parametrize("where", ["approval", "tags_any", "tags_none"])
def test_a_tag_of_an_enabled_rule_is_not_an_agents_to_set(tenant: Any, where: str) -> None:
    row, person = rule(where), funded()
    agent = colleague("sales")
    Client.objects.filter(pk=person.pk).update(owner_id=agent.pk)
    person.refresh_from_db()
    with pytest.raises(MoneyTag):
        tags_set(client=person, tags=["VIP"], actor=actor(agent))
    type(row).objects.filter(pk=row.pk).update(enabled=False)
    tags_set(client=person, tags=["VIP"], actor=actor(agent))


def test_a_changed_identity_keeps_withdrawals_from_being_asked_for_and_from_being_sent(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    client_update(client=person, actor=actor(colleague("compliance", name="Carl One")), last_name="Thief")
    person.refresh_from_db()
    with pytest.raises(WithdrawalRefused) as refused:
        requested(person, "10")
    assert refused.value.data["check"] == "identity"
    with pytest.raises(WithdrawalRefused):
        withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    client_update(client=person, actor=actor(colleague("compliance", name="Dora Two")), last_name=row.holder.split()[0])
    person.refresh_from_db()
    third = actor(colleague("compliance", name="Emil Three"))
    identity_change.confirm(client=person, seen=person.identity_changed_at, actor=third)
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
