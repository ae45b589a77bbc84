"""Rules of money, provider accounts and final decisions: one proposes, another lets it take effect, or there is nobody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine

from kernel import clock, secrets
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry, Credential
from tenant_apps.accounts.holders import lately_held
from tenant_apps.accounts.models import User
from tenant_apps.accounts.services import role_delete, role_save, settings_update, user_update
from tenant_apps.accounts.tests.support import actor
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.change_kinds import limits_values
from tenant_apps.payments.errors import SamePerson, WrongState
from tenant_apps.payments.models import Freeze, ProposedChange, ProviderAccount, WithdrawalPolicy
from tenant_apps.payments.ports import PaymentState
from tenant_apps.payments.services.changes import (
    ChangeStale,
    ChangeWaits,
    change_approve,
    change_propose,
    change_refuse,
)

from .support import eur, make_account
from .test_money_states import funded_twice, tell
from .test_pages import officer

CAPS = {"daily": None, "weekly": None, "monthly": None}


def two() -> tuple[User, User]:
    return person("owner", name="Ann Miller"), person("owner", name="Bob Ross")


def limits(user: User, minimum: str = "10", object_id: UUID | None = None) -> ProposedChange:
    row = change_propose(
        actor=actor(user), kind="limits", object_id=object_id or uuid4(), title="EUR",
        values=limits_values("EUR", 0, eur(minimum), CAPS),
    )  # fmt: skip
    assert row is not None
    return row


def test_the_office_reaches_rules_and_providers_by_a_proposal_only() -> None:
    """What carries a change out is one person's act: no page may call it."""
    carried_out = (
        "approval_rule_save", "approval_rule_remove", "payout_settings_save", "withdrawal_policy_save",
        "withdrawal_policy_remove", "provider_account_save", "row_save", "row_remove",
    )  # fmt: skip
    for path in (Path(__file__).parents[1] / "office").glob("*.py"):
        text = path.read_text()
        assert not [name for name in carried_out if name in text], path.name


def acts(name: str) -> int:
    return AuditEntry.objects.filter(action=name).count()


def test_a_change_is_in_force_when_a_second_person_agrees(tenant: Any) -> None:
    ann, bob = two()
    row = limits(ann)
    assert (row.state, row.after["minimum"]) == ("waiting", "10.00 EUR")
    assert not WithdrawalPolicy.objects.exists()
    assert (acts("payments.limits_saved"), acts("payments.change_proposed")) == (0, 1)
    assert list(Notification.objects.filter(kind="payments.change_waits").values_list("user_id", flat=True)) == [bob.pk]
    with pytest.raises(SamePerson):
        change_approve(actor=actor(ann), change_id=row.pk)
    change_approve(actor=actor(bob), change_id=row.pk)
    assert WithdrawalPolicy.objects.get().minimum == eur("10")
    assert (acts("payments.limits_saved"), acts("payments.change_approved")) == (1, 1)
    with pytest.raises(WrongState):
        change_approve(actor=actor(bob), change_id=row.pk)


def test_who_stands_alone_may_and_it_is_told(tenant: Any) -> None:
    ann = person("owner", name="Ann Miller")
    person("sales")
    other = person("owner", name="Ann of the second account")  # one mailbox: the same human
    User.objects.filter(pk=other.pk).update(email=ann.email.replace("@", "+second@"))
    row = limits(ann)
    assert (row.state, row.alone, WithdrawalPolicy.objects.count()) == ("approved", True, 1)
    assert AuditEntry.objects.get(action="payments.change_approved").after["alone"] is True  # type: ignore[index]


def test_a_borrowed_name_makes_nobody_stand_alone(tenant: Any) -> None:
    ann, bob = two()
    settings_update(user=ann, language="en", time_zone="UTC", name=bob.name, actor=actor(ann))
    assert limits(User.objects.get(pk=ann.pk)).state == "waiting"
    line = AuditEntry.objects.get(action="accounts.user_updated", object_id=str(ann.pk))
    assert (line.before, line.after) == ({"name": "Ann Miller"}, {"name": "Bob Ross"})


def changed(user: User, by: User, **values: Any) -> None:
    given = {"name": user.name, "roles": ["owner"], "team": None, "languages": [], "active": True, **values}
    user_update(user=user, actor=actor(by), **given)


@pytest.mark.parametrize("away", [{"active": False}, {"roles": ["sales"]}])
def test_a_colleague_put_out_of_the_way_still_counts(tenant: Any, away: dict[str, Any]) -> None:
    ann, bob = two()
    person("sales")
    changed(bob, ann, **away)
    assert limits(ann).state == "waiting"
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        assert limits(User.objects.get(pk=ann.pk)).state == "approved"


def test_a_role_that_lost_the_right_or_is_gone_still_counts(tenant: Any) -> None:
    ann, bob = two()
    desk = role_save(
        role=None, name="Desk", grants={"payments.limits.edit": 3}, masks=[], second_factor_required=False,
        actor=actor(ann),
    )  # fmt: skip
    changed(bob, ann, roles=[desk.code])
    role_save(role=desk, name="Desk", grants={}, masks=[], second_factor_required=False, actor=actor(ann))
    assert bob.pk in {one.pk for one in lately_held("payments.limits.edit")}
    changed(bob, ann, roles=[])
    role_delete(role=desk, actor=actor(ann))
    assert bob.pk in {one.pk for one in lately_held("payments.limits.edit")}


def test_what_could_not_be_carried_out_is_not_proposed(tenant: Any) -> None:
    ann, _ = two()
    with pytest.raises(Invalid) as refusal:
        limits(ann, "0")
    assert refusal.value.field == "minimum"
    with pytest.raises(Forbidden):
        limits(person("sales"))
    assert not ProposedChange.objects.exists()


def test_one_change_of_a_thing_waits_at_a_time_and_is_taken_back_or_refused(tenant: Any) -> None:
    ann, bob = two()
    first = limits(ann)
    with pytest.raises(ChangeWaits):
        limits(bob, "20", first.object_id)
    with pytest.raises(Invalid):
        change_refuse(actor=actor(bob), change_id=first.pk)
    change_refuse(actor=actor(ann), change_id=first.pk)
    second = limits(bob, "20", first.object_id)
    change_refuse(actor=actor(ann), change_id=second.pk, reason="too much")
    assert list(ProposedChange.objects.order_by("created_at").values_list("state", flat=True)) == [
        "withdrawn", "refused",
    ]  # fmt: skip
    assert not WithdrawalPolicy.objects.exists()


def test_what_has_changed_since_is_not_carried_out(tenant: Any) -> None:
    ann, bob = two()
    policy = WithdrawalPolicy.objects.create(currency="EUR", minimum_minor=500)
    row = limits(ann, "10", policy.pk)
    assert (row.before, row.after) == ({"minimum": "5.00 EUR"}, {"minimum": "10.00 EUR"})
    WithdrawalPolicy.objects.update(minimum_minor=700)
    with pytest.raises(ChangeStale):
        change_approve(actor=actor(bob), change_id=row.pk)
    row.refresh_from_db()
    assert (row.state, WithdrawalPolicy.objects.get().minimum) == ("waiting", eur("7"))


def test_keys_wait_sealed_and_are_shown_to_nobody(tenant: Any) -> None:
    ann, bob = two()
    account = make_account(credentials={"secret_key": "sk_test_1"})
    values = {
        "kind": "stripe", "name": "Stripe", "mode": "test", "settings": {}, "methods": ["card"], "payouts": [],
        "enabled": True, "backoff_after": None, "backoff_hides": None,
    }  # fmt: skip
    row = change_propose(
        actor=actor(ann), kind="provider", object_id=account.pk, title="Stripe", values=values,
        keys={"secret_key": "sk_test_new", "webhook_secret": ""},
    )  # fmt: skip
    assert row is not None
    assert row.after["keys_changed"] == ["secret_key"]
    assert "sk_test_new" not in f"{row.before}{row.after}{row.values}{list(AuditEntry.objects.values_list('after'))}"
    assert secrets.credentials_of(account.secrets_owner)["secret_key"] == "sk_test_1"
    change_approve(actor=actor(bob), change_id=row.pk)
    assert secrets.credentials_of(account.secrets_owner)["secret_key"] == "sk_test_new"
    assert not Credential.objects.filter(owner=f"payments.change:{row.pk}").exists()


def test_a_new_provider_account_is_made_by_two(tenant: Any) -> None:
    ann, bob = two()
    values = {
        "kind": "bank_wire", "name": "Bank", "mode": "live", "settings": {"iban": "DE89370400440532013000"},
        "methods": [], "payouts": [], "enabled": False, "backoff_after": None, "backoff_hides": None,
    }  # fmt: skip
    row = change_propose(actor=actor(ann), kind="provider", object_id=uuid4(), title="Bank", values=values)
    assert row is not None
    assert not ProviderAccount.objects.filter(name="Bank").exists()
    change_approve(actor=actor(bob), change_id=row.pk)
    assert ProviderAccount.objects.get(name="Bank").pk == row.object_id


def test_a_clients_money_always_takes_two(tenant: Any) -> None:
    one, _ = funded_twice()
    tell(one, PaymentState.REVERSED)
    ann = person("finance", name="Ann Miller")
    row = change_propose(
        actor=actor(ann), kind="freeze_lift", object_id=one.pk, title=one.reference, values={}, client=one.client
    )
    assert row is not None
    assert row.state == "waiting"  # nobody else has the right, and still it waits
    with pytest.raises(SamePerson):
        change_approve(actor=actor(ann), change_id=row.pk)
    assert Freeze.objects.filter(active=True).exists()
    change_approve(actor=actor(person("finance", name="Bob Ross")), change_id=row.pk)
    assert not Freeze.objects.filter(active=True).exists()


def test_what_was_agreed_to_for_one_round_does_not_lift_the_next(tenant: Any) -> None:
    """Both are covered: nothing tells them apart but what was lost."""
    one, _ = funded_twice()
    tell(one, PaymentState.REVERSED, eur("30"), dispute="d1")
    row = change_propose(
        actor=actor(person("finance", name="Ann Miller")), kind="freeze_lift", object_id=one.pk, title=one.reference,
        values={}, client=one.client,
    )  # fmt: skip
    assert row is not None
    tell(one, PaymentState.REVERSED, eur("40"), dispute="d2")
    with pytest.raises(ChangeStale):
        change_approve(actor=actor(person("finance", name="Bob Ross")), change_id=row.pk)
    assert Freeze.objects.filter(active=True).count() == 2


def test_a_deposits_page_says_that_its_settlement_waits(tenant: Any) -> None:
    one, _ = funded_twice()
    tell(one, PaymentState.REVERSED)
    page, propose = f"/payments/deposits/{one.pk}/", f"/payments/deposits/{one.pk}/freeze/lift/"
    mine, theirs = (officer(tenant, "payments.view", "payments.withdrawal.approve") for _ in range(2))
    looker = officer(tenant, "payments.view")
    assert (propose in mine.get(page).content.decode(), propose in looker.get(page).content.decode()) == (True, False)
    assert mine.post(propose).status_code == 302
    row = ProposedChange.objects.get()
    for web, word in ((mine, "Open"), (theirs, "Decide"), (looker, "Open")):
        shown = web.get(page).content.decode()
        assert propose not in shown
        assert "Waiting for a second person" in shown
        assert "Let withdrawals go on after a chargeback" in shown
        assert row.proposer_label in shown
        assert f'<a class="link" href="/payments/changes/">{word}</a>' in shown
    assert mine.post(f"/payments/changes/{row.pk}/refuse/").status_code == 302
    shown = mine.get(page).content.decode()
    assert (propose in shown, "Waiting for a second person" in shown) == (True, False)


def test_the_page_shows_what_changes_and_takes_the_decision(tenant: Any) -> None:
    ann, _ = two()
    row = limits(ann)
    web = officer(tenant, "payments.view", "payments.limits.edit")
    shown = web.get("/payments/changes/").content.decode()
    assert "€10.00" in shown
    assert "Ann Miller" in shown
    assert "€10.00" not in officer(tenant, "payments.view").get("/payments/changes/").content.decode()
    assert officer(tenant, "payments.view").post(f"/payments/changes/{row.pk}/approve/").status_code == 404
    assert web.post(f"/payments/changes/{row.pk}/approve/").status_code == 302
    assert WithdrawalPolicy.objects.exists()
    sent = {"currency": "USD", "kyc_level": "0", "minimum": "20", "daily": "", "weekly": "", "monthly": ""}
    assert web.post("/payments/limits/new/", sent).status_code == 302
    assert WithdrawalPolicy.objects.count() == 1  # it waits: the owners have the right too
