"""Accounts at providers: connecting, keys, testing, and the adapter for one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, http, secrets
from kernel.actors import Actor
from kernel.errors import AppError, Invalid, Outside
from kernel.logs import log
from kernel.money import Money
from kernel.tasks import going_on

from .. import addresses, permissions_list, registry
from ..actors import SWEEP
from ..errors import ProviderOff
from ..models import MethodRule, PayoutRule, ProviderAccount
from ..ports import Capabilities, ConnectionReport, Method, PaymentProvider, PayoutMethod, ProviderConfig, Subscribing

ADDRESS = (
    "base_url"  # the setting by which calls, and the keys with them, go somewhere else than the provider's own host
)


def provider_of(account: ProviderAccount) -> PaymentProvider:
    """The adapter with the account's settings and keys, read now and kept for this call only."""
    config = ProviderConfig(
        account_id=account.pk,
        mode=account.mode,
        settings=account.settings,
        secrets=secrets.credentials_of(account.secrets_owner),
        webhook_url=addresses.webhook_url(account.pk),
    )
    return registry.adapter_class(account.kind)(config)


def provider_at_work(account: ProviderAccount) -> PaymentProvider:
    """As `provider_of`, for new payments. Raises ProviderOff when the account is switched off."""
    if not account.enabled:
        raise ProviderOff
    return provider_of(account)


def provider_account_save(
    *,
    actor: Actor,
    account: ProviderAccount | None = None,
    new_id: UUID | None = None,
    kind: str,
    name: str,
    mode: str,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
    methods: Sequence[str],
    enabled: bool,
    payouts: Sequence[str] = (),
    backoff_after: int | None = None,
    backoff_hides: bool | None = None,
    refund_days: Mapping[str, int] | None = None,
) -> ProviderAccount:
    """Create or change an account. `refund_days`: after how many days nothing goes back by a method (1 to the adapter's
    own limit; a method left out has that). An empty credential keeps the stored one, except with another API address: whoever
    may point the calls elsewhere must not thereby be sent the stored keys. Raises Invalid for a missing key.
    """
    actor.require(permissions_list.PROVIDERS)
    capabilities = registry.capabilities(kind)
    row = account or (ProviderAccount(pk=new_id, kind=kind) if new_id else ProviderAccount(kind=kind))
    known = secrets.hints_of(row.secrets_owner)
    if actor.kind != "system":
        _address_checked(row, settings.get(ADDRESS, ""), [
            field.name for field in capabilities.fields
            if field.secret and field.name in known and not credentials.get(field.name)
        ])  # fmt: skip
    for field in capabilities.fields:
        given = credentials.get(field.name) if field.secret else settings.get(field.name)
        if enabled and field.required and not given and not (field.secret and field.name in known):
            raise Invalid(pgettext_lazy("payments error", "This is needed before the account can be switched on."),
                          field=field.name)  # fmt: skip
    before = {"name": row.name, "mode": row.mode, "settings": row.settings, "methods": row.methods, "payouts": row.payouts,
              "refund_days": row.refund_days, "enabled": row.enabled, **_backoff(row)} if account else {}  # fmt: skip
    row.refund_days = row.refund_days if refund_days is None else _days(capabilities, refund_days)
    row.backoff_after = row.backoff_after if backoff_after is None else backoff_after
    row.backoff_hides = row.backoff_hides if backoff_hides is None else backoff_hides
    row.name, row.mode, row.enabled = name, mode, enabled
    row.settings = {field.name: settings.get(field.name, "") for field in capabilities.fields if not field.secret}
    row.methods = [method.code for method in capabilities.methods if method.code in methods]
    row.payouts = [method.code for method in capabilities.payout_methods if method.code in payouts]
    changed = sorted(field.name for field in capabilities.fields if field.secret and credentials.get(field.name))
    after = {"name": name, "mode": mode, "settings": row.settings, "methods": row.methods, "payouts": row.payouts,
             "refund_days": row.refund_days, "enabled": enabled, **_backoff(row)}  # fmt: skip
    was, now = audit.changes(before, after)
    now |= {"keys_changed": changed} if changed else {}
    if not now:
        return row
    row.updated_at = clock.now()
    with transaction.atomic():
        row.save()
        for field_name in changed:
            secrets.credential_set(owner=row.secrets_owner, name=field_name, value=credentials[field_name])
        audit.record(actor=actor, action="payments.provider_saved", obj=row, before=was, after=now)
    return row


def _days(capabilities: Capabilities, given: Mapping[str, int]) -> dict[str, int]:
    """Only what is shorter than the adapter's own limit is kept. Raises Invalid at the method's field."""
    kept: dict[str, int] = {}
    for method in capabilities.methods:
        days = given.get(method.code)
        if days is None:
            continue
        if days < 1:
            raise Invalid(pgettext_lazy("payments error", "Enter at least one day."), field=f"days_{method.code}")
        if days < method.refund_days:
            kept[method.code] = days
    return kept


def _backoff(row: ProviderAccount) -> dict[str, Any]:
    return {"backoff_after": row.backoff_after, "backoff_hides": row.backoff_hides}


def _address_checked(row: ProviderAccount, address: str, kept: Sequence[str]) -> None:
    """Refuse an API address that keys would travel to in the clear, and a new one that stored keys would be sent to."""
    parts = urlsplit(address)
    if address and not (parts.scheme == "https" or http.is_exempt(parts.hostname or "", parts.port or 80)):
        raise Invalid(pgettext_lazy("payments error", "The address has to begin with https://."), field=ADDRESS)
    if kept and address.rstrip("/") != str(row.settings.get(ADDRESS, "")).rstrip("/"):
        raise Invalid(
            pgettext_lazy("payments error", "Another address needs the keys again: the stored ones stay here."),
            field=kept[0],
        )


def provider_account_test(*, actor: Actor, account: ProviderAccount) -> ConnectionReport:
    """Call the provider with the stored keys and remember what came of it."""
    actor.require(permissions_list.PROVIDERS)
    try:
        report = provider_of(account).test_connection()
    except AppError as error:
        report = ConnectionReport(good=False, details=(str(error),))
    words = " · ".join([report.account, *report.details]).strip(" ·")
    ProviderAccount.objects.filter(pk=account.pk).update(
        tested_at=clock.now(), test_good=report.good, test_words=words[:300]
    )
    return report


def provider_webhook_register(*, actor: Actor, account: ProviderAccount) -> None:
    """Tell the provider our webhook address and keep the signing secret it answers with, where it can be told."""
    actor.require(permissions_list.PROVIDERS)
    register: Any = getattr(provider_of(account), "register_webhook", None)
    if register is None:
        raise Invalid(
            pgettext_lazy("payments error", "This provider takes the webhook address in its own back office.")
        )
    secret = register(addresses.webhook_url(account.pk))
    with transaction.atomic():
        secrets.credential_set(owner=account.secrets_owner, name="webhook_secret", value=secret)
        audit.record(actor=actor, action="payments.webhook_registered", obj=account)


def webhooks_keep() -> int:
    """Complete the webhooks that were registered before we listened to all that we listen to now. Returns how many were.

    Not inside a transaction: it asks each provider. One that does not answer is asked the next time."""
    accounts = ProviderAccount.objects.filter(enabled=True, kind__in=registry.adapters()).order_by("created_at")
    done = 0
    for account in accounts:
        with going_on("webhook_not_kept", account=account.pk):
            done += _webhook_kept(account)
    return done


def _webhook_kept(account: ProviderAccount) -> bool:
    """Whether something was missing."""
    provider = provider_of(account)
    if not isinstance(provider, Subscribing):
        return False
    try:
        added = provider.webhook_keep(addresses.webhook_url(account.pk))
    except Outside as error:
        log.warning("webhook_not_kept", account=str(account.pk), error=str(error))
        return False
    if added:
        audit.record(actor=SWEEP, action="payments.webhook_completed", obj=account, after={"events": added})
    return bool(added)


def method_rule_save(*, actor: Actor, rule: MethodRule) -> MethodRule:
    """Store a rule made or changed in the office. Raises Invalid for limits or currencies that cannot be."""
    actor.require(permissions_list.PROVIDERS)
    method = registry.capabilities(rule.provider_account.kind).method(rule.method)
    _sound(rule, method, limits=0 < rule.minimum_minor <= rule.maximum_minor)
    with transaction.atomic():
        stored = MethodRule.objects.select_for_update().filter(pk=rule.pk).first()
        was, now = audit.changes(_rule_facts(stored) if stored else {}, _rule_facts(rule))
        if now:
            rule.updated_at = clock.now()
            rule.save()
            audit.record(actor=actor, action="payments.rule_saved", obj=rule, before=was, after=now)
    return rule


def payout_rule_save(*, actor: Actor, rule: PayoutRule) -> PayoutRule:
    """Store a rule of where money goes out. Raises Invalid at the field that cannot be."""
    actor.require(permissions_list.PROVIDERS)
    method = registry.capabilities(rule.provider_account.kind).payout_method(rule.method)
    _sound(rule, method, limits=rule.maximum_minor is None or rule.minimum_minor <= rule.maximum_minor)
    with transaction.atomic():
        stored = PayoutRule.objects.select_for_update().filter(pk=rule.pk).first()
        was, now = audit.changes(_facts(stored) if stored else {}, _facts(rule))
        if now:
            rule.updated_at = clock.now()
            rule.save()
            audit.record(actor=actor, action="payments.payout_rule_saved", obj=rule, before=was, after=now)
    return rule


def _sound(rule: MethodRule | PayoutRule, method: Method | PayoutMethod | None, *, limits: bool) -> None:
    if method is None:
        raise Invalid(pgettext_lazy("payments error", "This provider has no such method."), field="method")
    if method.currencies is not None and rule.currency not in method.currencies:
        raise Invalid(pgettext_lazy("payments error", "This method does not take this currency."), field="currency")
    if not limits:
        raise Invalid(pgettext_lazy("payments error", "The maximum is below the minimum."), field="maximum")
    if (rule.hours_from is None) != (rule.hours_until is None):
        raise Invalid(pgettext_lazy("payments error", "Give both hours, or none."), field="hours_until")


def _rule_facts(rule: MethodRule) -> dict[str, Any]:
    return {
        **_facts(rule),
        "fee_percent": f"{Decimal(rule.fee_percent).normalize():f}",
        "fee_fixed": str(Money(rule.fee_fixed_minor, rule.currency)),
        "cost_percent": f"{Decimal(rule.cost_percent).normalize():f}",
        "cost_fixed": str(Money(rule.cost_fixed_minor, rule.currency)),
        "passed_on_percent": f"{Decimal(rule.passed_on_percent).normalize():f}",
        "passed_on_fixed": str(Money(rule.passed_on_fixed_minor, rule.currency)),
        "device": rule.device,
    }


def _facts(rule: MethodRule | PayoutRule) -> dict[str, Any]:
    """What the audit trail keeps of a rule: amounts with their currency, as people read them."""
    return {
        "provider": str(rule.provider_account),
        "method": rule.method,
        "currency": rule.currency,
        "countries": list(rule.countries),
        "excluded_countries": list(rule.excluded_countries),
        "minimum": str(rule.minimum),
        "maximum": None if rule.maximum is None else str(rule.maximum),
        "kyc_level": rule.kyc_level,
        "tags_any": list(rule.tags_any),
        "tags_none": list(rule.tags_none),
        "entities": list(rule.entities) or None,  # none: as those of before the column
        "hours": _hours(rule),
        "position": rule.position,
        "enabled": rule.enabled,
    }


def _hours(rule: MethodRule | PayoutRule) -> str:
    if rule.hours_from is None or rule.hours_until is None:
        return ""
    return f"{rule.hours_from:%H:%M}-{rule.hours_until:%H:%M}"
