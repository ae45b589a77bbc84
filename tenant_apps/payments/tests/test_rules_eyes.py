"""Rules of exchange, of transfers, of payment methods and limits of deposits: one proposes, another agrees; off takes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.models import AuditEntry
from tenant_apps import wallets
from tenant_apps.payments import registry
from tenant_apps.payments.change_kinds import row_values
from tenant_apps.payments.models import DepositLimit, MethodRule, PayoutRule, ProposedChange, VelocityRule
from tenant_apps.payments.services.changes import change_propose
from tenant_apps.wallets.models import ExchangePolicy, PairMarkup, TransferPolicy
from tenant_apps.wallets.rates import exchange_policy

from .support import make_account, make_rule, staff
from .test_pages import Browser, officer

EXCHANGE = {
    "enabled": "on", "markup_bps": "40", "max_banking_days": "3", "max_age_hours": "72", "quote_seconds": "20",
    "daily_count": "9", "minimum": "2.50",
}  # fmt: skip
WALLETS = ("wallets.settings.edit", "wallets.rates.view", "wallets.view")


def agreed(web: Browser) -> Any:
    """What waits, agreed to on the page of changes; how it ended."""
    row = ProposedChange.objects.get(state="waiting")
    assert row.title in web.get("/payments/changes/").content.decode()
    web.post(f"/payments/changes/{row.pk}/approve/")
    row.refresh_from_db()
    return row.state


def test_wallets_pages_change_their_rules_by_a_proposal_only() -> None:
    carried_out = ("exchange_policy_save", "markup_save", "markup_remove(", "transfer_policy_save", "on=True")
    for path in (Path(wallets.__file__).parent / "office").glob("*.py"):
        assert not [name for name in carried_out if name in path.read_text()], path.name


def test_rules_of_exchange_take_two_and_whoever_sets_them_reaches_the_page(tenant: Any) -> None:
    one, two = officer(tenant, *WALLETS), officer(tenant, *WALLETS)
    assert one.post("/wallets/rates/rules/", EXCHANGE).status_code == 302
    assert exchange_policy().markup_bps != 40
    assert one.post("/wallets/rates/rules/", {**EXCHANGE, "markup_bps": "50"}).status_code == 422  # one waits already
    assert agreed(one) == "waiting"
    assert "40" in two.get(f"/money/change/{ProposedChange.objects.get().pk}/").content.decode()
    assert agreed(two) == "approved"
    policy = ExchangePolicy.objects.get()
    assert (policy.markup_bps, policy.quote_seconds, policy.daily_count) == (40, 20, 9)


def test_mark_ups_and_limits_of_transfers_take_two(tenant: Any) -> None:
    one, two = officer(tenant, *WALLETS), officer(tenant, *WALLETS)
    one.post("/wallets/rates/markups/", {"base": "EUR", "quote": "USD", "bps": "35"})
    assert not PairMarkup.objects.exists()
    assert agreed(two) == "approved"
    row = PairMarkup.objects.get()
    one.post(f"/wallets/rates/markups/{row.pk}/remove/")
    assert PairMarkup.objects.get().bps == 35
    assert agreed(two) == "approved"
    assert not PairMarkup.objects.exists()
    one.post("/wallets/transfers/rules/", {"currency": "KWD", "minimum": "1.500", "daily": "100", "approval": "50"})
    assert not TransferPolicy.objects.exists()
    assert agreed(two) == "approved"
    assert TransferPolicy.objects.get().approval_minor == 50_000


def test_transfers_are_switched_on_by_two_and_off_by_one(tenant: Any) -> None:
    one, two = officer(tenant, *WALLETS), officer(tenant, *WALLETS)
    one.post("/wallets/transfers/switch/", {"on": "1"})
    assert not exchange_policy().transfers_enabled
    assert agreed(two) == "approved"
    assert exchange_policy().transfers_enabled
    one.post("/wallets/transfers/switch/", {"on": ""})
    assert not exchange_policy().transfers_enabled


def test_who_has_the_right_alone_changes_them_at_once_and_the_trail_says_so(tenant: Any) -> None:
    officer(tenant, *WALLETS).post("/wallets/rates/rules/", EXCHANGE)
    assert exchange_policy().markup_bps == 40
    assert ProposedChange.objects.get().alone
    assert AuditEntry.objects.get(action="payments.change_approved").after["alone"] is True


RULE = {
    "method": "card", "currency": "EUR", "minimum": "10", "maximum": "500", "kyc_level": "1", "fee_percent": "1.25",
    "fee_fixed": "0", "cost_percent": "0.9", "cost_fixed": "0.25", "position": "5", "enabled": "on", "tags_any": "VIP",
    "device": "phone", "hours_from": "08:00", "hours_until": "20:00",
}  # fmt: skip


def test_a_rule_of_a_method_takes_two_and_switching_it_off_one(tenant: Any) -> None:
    account = make_account(credentials={"secret_key": "sk_test_a_b"})
    one, two = (officer(tenant, "payments.provider.edit", "payments.view") for _ in range(2))
    one.post(f"/payments/providers/{account.pk}/rules/", RULE)
    assert not MethodRule.objects.exists()
    assert agreed(two) == "approved"
    rule = MethodRule.objects.get()
    kept = (str(rule.fee_percent), rule.hours_from.hour, rule.tags_any, rule.provider_account_id, rule.cost_fixed_minor)
    assert kept == ("1.250", 8, ["vip"], account.pk, 25)
    off = {name: value for name, value in RULE.items() if name != "enabled"}
    one.post(f"/payments/providers/rules/{rule.pk}/", {**off, "fee_percent": "0"})  # cheaper and off: not only off
    rule.refresh_from_db()
    assert rule.enabled
    one.post(f"/payments/changes/{ProposedChange.objects.get(state='waiting').pk}/refuse/")
    one.post(f"/payments/providers/rules/{rule.pk}/", off)
    rule.refresh_from_db()
    assert not rule.enabled
    one.post(f"/payments/providers/rules/{rule.pk}/", RULE)
    rule.refresh_from_db()
    assert not rule.enabled
    assert agreed(two) == "approved"
    rule.refresh_from_db()
    assert rule.enabled


def test_what_is_saved_as_it_was_is_no_change_that_waits(tenant: Any) -> None:
    """An empty one would stand in the way of the next that is meant."""
    settings = {one.name: "" for one in registry.capabilities("stripe").fields if not one.secret}
    account = make_account(settings=settings, credentials={"secret_key": "sk_test_a_b"})
    rule = make_rule(account, "card")
    officer(tenant, "payments.provider.edit")
    one = staff("payments.provider.edit")
    out = PayoutRule(provider_account=make_account("bank_wire"), method="wire", currency="EUR")
    out.save()
    same = {
        "name": account.name,
        "mode": account.mode,
        "settings": settings,
        "methods": account.methods,
        "enabled": True,
    }
    for kind, row, values in (
        ("method_rule", rule, row_values(rule)),
        ("payout_rule", out, row_values(out)),
        ("provider", account, {**same, "kind": "stripe"}),
    ):
        assert change_propose(actor=one, kind=kind, object_id=row.pk, title="x", values=values) is None
    assert not ProposedChange.objects.exists()
    assert not AuditEntry.objects.filter(actor_id=one.id).exists()
    keys = {"secret_key": "sk_test_c_d"}
    changed = change_propose(
        actor=one, kind="provider", object_id=account.pk, title="x", values={**same, "kind": "stripe"}, keys=keys
    )
    assert changed is not None  # another key alone is one


@pytest.mark.parametrize(
    ("other", "one_is_enough"),
    [({}, False), ({"enabled": False}, True), ({"currency": "USD"}, True), ({"method": "sepa_debit"}, True)],
)
def test_a_rule_is_switched_off_by_one_only_where_no_other_takes_its_place(
    tenant: Any, other: dict[str, Any], one_is_enough: bool
) -> None:
    account = make_account(credentials={"secret_key": "sk_test_a_b"})
    rule = make_rule(account, "card", fee_percent="5", minimum_minor=1000, maximum_minor=50_000)
    make_rule(account, **{"method": "card", **other})
    one, two = (officer(tenant, "payments.provider.edit", "payments.view") for _ in range(2))
    off = {"method": "card", "currency": "EUR", "minimum": "10", "maximum": "500", "kyc_level": "0", "fee_percent": "5",
           "fee_fixed": "0", "cost_percent": "0", "cost_fixed": "0", "position": str(rule.position)}  # fmt: skip
    one.post(f"/payments/providers/rules/{rule.pk}/", off)
    rule.refresh_from_db()
    assert rule.enabled is not one_is_enough
    if not one_is_enough:
        assert agreed(two) == "approved"
        rule.refresh_from_db()
        assert not rule.enabled


def test_a_rule_switched_off_meanwhile_is_not_switched_on_by_an_older_proposal(tenant: Any) -> None:
    rule = make_rule(make_account(credentials={"secret_key": "sk_test_a_b"}), "card")
    one, two = (officer(tenant, "payments.provider.edit", "payments.view") for _ in range(2))
    values = {**RULE, "hours_from": "", "hours_until": "", "maximum": "700"}
    one.post(f"/payments/providers/rules/{rule.pk}/", values)
    MethodRule.objects.filter(pk=rule.pk).update(enabled=False)
    assert agreed(two) == "waiting"
    rule.refresh_from_db()
    assert not rule.enabled


@pytest.mark.parametrize(
    ("path", "model", "sent"),
    [
        ("levels/new/", DepositLimit, {"currency": "EUR", "kyc_level": "1", "day": "500"}),
        ("speed/new/", VelocityRule, {"measure": "attempts", "most": "5", "hours": "24", "action": "review"}),
    ],
)
def test_limits_of_deposits_take_two(tenant: Any, path: str, model: Any, sent: dict[str, str]) -> None:
    one, two = (officer(tenant, "payments.limits.edit", "payments.view") for _ in range(2))
    answer = one.post(f"/payments/deposit-limits/{path}", sent)
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    assert not model.objects.exists()
    assert agreed(two) == "approved"
    row = model.objects.get()
    one.post(f"/payments/deposit-limits/{path.replace('new', str(row.pk))}", {"remove": "1"})
    assert model.objects.exists()
    assert agreed(two) == "approved"
    assert not model.objects.exists()
