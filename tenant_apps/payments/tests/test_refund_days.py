"""How long money can go back by a method: the adapter's limit, or the account's own where that is shorter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.html import strip_tags

from kernel import clock
from kernel.errors import Invalid
from tenant_apps.payments import registry
from tenant_apps.payments.models import Deposit, ProposedChange, ProviderAccount
from tenant_apps.payments.ports import PaymentState
from tenant_apps.payments.services.providers import provider_account_save
from tenant_apps.payments.services.sources import returnable

from .support import make_account, staff
from .test_exactly_once import pending_deposit
from .test_money_states import tell
from .test_pages import officer

CARD = 180  # Stripe's own limit for cards


def back_after(deposit: Deposit, age: timedelta) -> bool:
    Deposit.objects.filter(pk=deposit.pk).update(credited_at=clock.now() - age)
    return [one.pk for one, _ in returnable(deposit.client_id, "EUR")] == [deposit.pk]


@pytest.mark.parametrize(
    ("set_to", "days"), [({}, CARD), ({"card": 90}, 90), ({"card": 1}, 1), ({"card": 365}, CARD), ({"klarna": 9}, CARD)]
)
def test_the_smaller_of_the_two_holds_to_the_last_second(
    tenant: Any, monkeypatch: pytest.MonkeyPatch, set_to: dict[str, int], days: int
) -> None:
    one = pending_deposit(payment_reference="pi_1")
    tell(one, PaymentState.PAID)
    assert registry.capabilities("stripe").method("card").refund_days == CARD  # type: ignore[union-attr]
    ProviderAccount.objects.update(refund_days=set_to)
    now = clock.present()
    monkeypatch.setattr(clock, "now", lambda: now)
    second = timedelta(seconds=1)
    assert back_after(one, timedelta(days=days) - second)
    assert back_after(one, timedelta(days=days))  # the whole of the last day
    assert not back_after(one, timedelta(days=days) + second)


VALUES = {"name": "Stripe", "mode": "test", "methods": ["card"], "set_secret_key": "", "backoff_after": "3"}


def test_it_is_set_by_two_people_with_the_account(tenant: Any) -> None:
    account = make_account(credentials={"secret_key": "sk_test_a_b"}, methods=["card"])
    one, two = (officer(tenant, "payments.provider.edit", "payments.view") for _ in range(2))
    page = one.get(f"/payments/providers/{account.pk}/").content.decode()
    assert 'name="days_card"' in page
    assert one.post(f"/payments/providers/{account.pk}/", {**VALUES, "days_card": "90"}).status_code == 302
    waiting = ProposedChange.objects.get()
    assert "90" in strip_tags(two.get("/payments/changes/").content.decode())
    account.refresh_from_db()
    assert account.refund_days == {}
    two.post(f"/payments/changes/{waiting.pk}/approve/")
    account.refresh_from_db()
    assert account.refund_days == {"card": 90}
    assert 'value="90"' in one.get(f"/payments/providers/{account.pk}/").content.decode()
    for wrong in ("0", str(CARD + 1)):
        assert one.post(f"/payments/providers/{account.pk}/", {**VALUES, "days_card": wrong}).status_code == 422


def test_what_does_not_name_them_leaves_them_and_no_day_is_no_limit(tenant: Any) -> None:
    account = make_account(credentials={"secret_key": "sk_test_a_b"}, refund_days={"card": 90})
    values: dict[str, Any] = {
        "actor": staff(), "account": account, "kind": "stripe", "name": "Stripe", "mode": "test", "settings": {},
        "credentials": {}, "methods": ["card"], "enabled": False,
    }  # fmt: skip
    provider_account_save(**values)
    assert account.refund_days == {"card": 90}
    provider_account_save(**values, refund_days={"card": CARD})
    assert account.refund_days == {}
    with pytest.raises(Invalid) as refused:
        provider_account_save(**values, refund_days={"card": 0})
    assert refused.value.field == "days_card"
