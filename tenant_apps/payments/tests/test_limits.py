"""Limits of withdrawals: who may set them, what is remembered of a change, and that clients meet them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.html import strip_tags

from kernel import clock
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry
from kernel.money import Money
from tenant_apps.payments import selectors
from tenant_apps.payments.errors import WithdrawalRefused
from tenant_apps.payments.models import WithdrawalPolicy
from tenant_apps.payments.services import checks
from tenant_apps.payments.services.limits import withdrawal_policy_remove, withdrawal_policy_save
from tenant_apps.payments.services.withdrawals import withdrawal_request

from .support import client_actor, eur, make_account, make_client, make_rule, staff
from .test_pages import officer, trader
from .test_withdrawals import IBAN, funded

RIGHT = "payments.limits.edit"


def save(**values: Any) -> WithdrawalPolicy:
    fields: dict[str, Any] = {"currency": "EUR", "minimum": eur("20"), "daily": eur("500")}
    return withdrawal_policy_save(actor=staff(RIGHT), **{**fields, **values})


def test_a_change_is_remembered_with_before_and_after(tenant: Any) -> None:
    policy = save()
    save(policy_id=policy.pk, daily=None)
    save(policy_id=policy.pk, daily=None)  # nothing changed: no line
    withdrawal_policy_remove(actor=staff(RIGHT), policy_id=policy.pk)
    lines = AuditEntry.objects.filter(action__startswith="payments.limits").order_by("id")
    assert [(line.action, line.before, line.after) for line in lines] == [
        (
            "payments.limits_saved",
            {"currency": None, "kyc_level": None, "minimum": None, "daily": None},
            {"currency": "EUR", "kyc_level": 0, "minimum": "20.00 EUR", "daily": "500.00 EUR"},
        ),
        ("payments.limits_saved", {"daily": "500.00 EUR"}, {"daily": None}),
        (
            "payments.limits_removed",
            {"currency": "EUR", "kyc_level": 0, "minimum": "20.00 EUR", "daily": None, "weekly": None, "monthly": None},
            {},
        ),
    ]
    assert not WithdrawalPolicy.objects.exists()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("daily", {"daily": eur("19.99")}),
        ("minimum", {"minimum": eur("0")}),
        ("currency", {"minimum": Money(1000, "KWD"), "daily": None}),
        ("currency", {}),  # there is a row of this currency already
        ("weekly", {"kyc_level": 1, "weekly": eur("499")}),  # less than in a day
        ("monthly", {"kyc_level": 1, "daily": None, "weekly": eur("900"), "monthly": eur("899")}),
    ],
)
def test_limits_that_cannot_be_are_refused(tenant: Any, field: str, values: dict[str, Any]) -> None:
    save()
    with pytest.raises(Invalid) as refusal:
        save(**values)
    assert refusal.value.field == field
    assert (WithdrawalPolicy.objects.count(), AuditEntry.objects.filter(action="payments.limits_saved").count()) == (
        1,
        1,
    )


def test_without_the_right_nothing_changes(tenant: Any) -> None:
    policy = save()
    stranger = staff("payments.provider.edit", "payments.withdrawal.approve")
    with pytest.raises(Forbidden):
        withdrawal_policy_save(actor=stranger, policy_id=policy.pk, currency="EUR", minimum=eur("1"), daily=None)
    with pytest.raises(Forbidden):
        withdrawal_policy_remove(actor=stranger, policy_id=policy.pk)
    assert WithdrawalPolicy.objects.get().minimum == eur("20")
    web = officer(tenant, "payments.provider.edit")
    for path in ("/payments/limits/", "/payments/limits/new/", f"/payments/limits/{policy.pk}/"):
        assert web.get(path).status_code == 403
    assert web.post(f"/payments/limits/{policy.pk}/remove/").status_code == 403


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_office_sets_changes_and_removes_them(tenant: Any, language: str) -> None:
    web = officer(tenant, RIGHT)
    web.cookies["language"] = language
    assert web.get("/payments/limits/").status_code == 200
    assert 'value="KWD" selected' in web.get("/payments/limits/new/?currency=KWD").content.decode()
    sent = {"currency": "KWD", "minimum": "10.500", "daily": "٧٥٠"}
    assert web.post("/payments/limits/new/", sent).status_code == 302
    policy = WithdrawalPolicy.objects.get()
    assert (policy.minimum, policy.daily) == (Money(10_500, "KWD"), Money(750_000, "KWD"))
    assert web.get(f"/payments/limits/{policy.pk}/").status_code == 200
    assert web.post(f"/payments/limits/{policy.pk}/", {"minimum": "20", "daily": "10"}).status_code == 422
    assert web.post(f"/payments/limits/{policy.pk}/", {"minimum": "20", "daily": ""}).status_code == 302
    policy.refresh_from_db()
    assert (policy.minimum, policy.daily) == (Money(20_000, "KWD"), None)
    assert web.get(f"/payments/limits/{policy.pk}/remove/").status_code == 405
    assert web.post(f"/payments/limits/{policy.pk}/remove/").status_code == 302
    assert not WithdrawalPolicy.objects.exists()


def test_clients_read_and_meet_the_limits_at_once(tenant: Any) -> None:
    person = funded()
    save(minimum=eur("40"), daily=eur("60"))
    body = trader(tenant, person).get("/cashier/withdraw/?currency=EUR").content.decode()
    assert "At least €40.00, at most €60.00 within 24 hours." in strip_tags(body)
    for amount in ("39.99", "60.01"):
        with pytest.raises(WithdrawalRefused):
            withdrawal_request(
                actor=client_actor(person), client=person, amount=eur(amount), iban=IBAN, holder="Lena Vogt"
            )


def test_the_row_of_the_highest_level_reached_counts(tenant: Any) -> None:
    save(daily=eur("100"))
    save(kyc_level=2, daily=eur("300"))
    first, second = funded(kyc_level=1), funded(kyc_level=2)
    for person, most in ((first, "100"), (second, "300")):
        assert checks.within_limits(person, eur(most))
        assert not checks.within_limits(person, eur(most) + eur("0.01"))


def test_what_was_asked_for_in_a_week_and_a_month_counts(tenant: Any, settings: Any) -> None:
    settings.DEMO = True
    save(daily=eur("100"), weekly=eur("150"), monthly=eur("200"))
    person, now = funded(), clock.now()
    for days, amount in ((20, "50"), (3, "80")):
        with clock.frozen_at(now - timedelta(days=days)):
            withdrawal_request(
                actor=client_actor(person), client=person, amount=eur(amount), iban=IBAN, holder="Lena Vogt"
            )
    assert checks.within_limits(person, eur("70"))  # 150 of the week, 200 of the month
    assert not checks.within_limits(person, eur("70.01"))
    with clock.frozen_at(now + timedelta(days=5)):  # the 80 are of last week, the 50 of this month still
        assert checks.within_limits(person, eur("70"))
        assert not checks.within_limits(person, eur("70.01"))
    with clock.frozen_at(now + timedelta(days=11)):
        assert checks.within_limits(person, eur("100"))


def test_the_owner_is_told_which_currencies_have_none(tenant: Any) -> None:
    account = make_account("stripe", credentials={"secret_key": "sk_test_a_b"})
    make_rule(account, "card", "EUR")
    make_rule(account, "card", "USD")
    make_client()
    save()
    assert selectors.unlimited_currencies() == ["USD"]
    assert "/payments/limits/new/?currency=USD" in officer(tenant, RIGHT).get("/payments/limits/").content.decode()
