"""What a new brokerage starts with, by preset. Idempotent: what is there already is left as it is.

`ensure` writes rows and calls nobody, since it runs in a transaction of its caller; `connect` then tells providers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import secrets
from kernel.actors import named, system
from kernel.errors import AppError
from kernel.ids import short_id
from kernel.logs import log
from kernel.money import Money
from kernel.tenancy import context

from .models import (
    ApprovalRule,
    DepositLimit,
    FundsThreshold,
    Measure,
    MethodRule,
    ProviderAccount,
    VelocityAction,
    VelocityRule,
    WithdrawalPolicy,
)
from .services.chain import ANYBODY, MANAGER
from .services.providers import provider_webhook_register

APPROVAL_LAST = 50  # behind whatever the owner adds
ACTOR = system(named("payments defaults", pgettext_lazy("system actor", "Set-up")))


@dataclass(frozen=True, slots=True)
class Offered:
    """A rule to start with: limits in major units of the currency."""

    method: str
    currency: str
    minimum: str
    maximum: str
    fee_percent: str = "0"
    cost_percent: str = "0"  # what the provider is expected to charge


@dataclass(frozen=True, slots=True)
class Preset:
    provider: str  # the hosted one
    offered: tuple[Offered, ...]
    wires: tuple[Offered, ...]  # empty: the bank account is for withdrawals only
    currencies: tuple[str, ...]
    bank: tuple[str, str, str]  # bank, BIC, country of the account
    payouts: tuple[str, ...] = ()  # ways the hosted one pays out by


PRESETS = {
    "eu_retail": Preset(
        provider="stripe",
        offered=(
            Offered("card", "EUR", "20", "20000", cost_percent="1.4"),
            Offered("klarna", "EUR", "20", "5000", cost_percent="2.9"),
            Offered("ideal", "EUR", "20", "20000"),
            Offered("eps", "EUR", "20", "20000"),
            Offered("sepa_debit", "EUR", "50", "10000"),
        ),
        wires=(),
        currencies=("EUR",),
        bank=("Nordbank AG", "NBAGDEFFXXX", "DE"),
    ),
    "gcc": Preset(
        provider="paytabs",
        offered=(
            Offered("card", "USD", "25", "25000"),
            Offered("card", "AED", "100", "90000"),
            Offered("card", "KWD", "10.000", "7500.000"),
            Offered("knet", "KWD", "10.000", "5000.000"),
        ),
        wires=(),
        currencies=("USD", "AED", "KWD"),
        bank=("Gulf Commercial Bank", "GUCBAEADXXX", "AE"),
    ),
    "central_asia": Preset(
        provider="stripe",
        offered=(Offered("card", "USD", "20", "15000", "1.5"), Offered("card", "KZT", "10000", "7000000", "1.5")),
        wires=(Offered("wire", "USD", "100", "500000"), Offered("wire", "KZT", "50000", "250000000")),
        currencies=("USD", "KZT"),
        bank=("Steppe Bank JSC", "STBKKZKAXXX", "KZ"),
    ),
    "latin_america": Preset(
        provider="dlocal",
        offered=(
            Offered("card", "USD", "20", "15000", cost_percent="3.5"),
            Offered("card", "MXN", "400", "250000", cost_percent="3.5"),
            Offered("spei", "MXN", "400", "400000", cost_percent="1.2"),
            Offered("oxxo", "MXN", "400", "20000", cost_percent="3"),
            Offered("card", "COP", "80000", "60000000", cost_percent="3.5"),
            Offered("pse", "COP", "80000", "80000000", cost_percent="1.9"),
            Offered("efecty", "COP", "80000", "8000000", cost_percent="3.4"),
        ),
        wires=(),
        currencies=("USD", "MXN", "COP"),
        bank=("Istmo Bank S.A.", "ISTMCRSJXXX", "CR"),
        payouts=("spei", "bank_co"),
    ),
}


def ensure(preset: str) -> list[ProviderAccount]:
    """Accounts, rules and withdrawal limits of a preset ("eu_retail", "gcc", "central_asia", "latin_america") for the present tenant.

    Where sandbox servers are configured the accounts point at them and are switched on; otherwise they wait, switched
    off, for the owner's keys. Raises KeyError for an unknown preset.
    """
    chosen = PRESETS[preset]
    hosted = _hosted(chosen)
    bank = _bank(chosen)
    with transaction.atomic():
        _rules(hosted, chosen.offered)
        _rules(bank, chosen.wires)
        for currency in chosen.currencies:
            _policy(currency, chosen)
            _deposit_limits(currency, chosen)
        _approval(chosen)
        _velocity()
    return [hosted, bank]


def connect(preset: str) -> None:
    """Have the preset's provider call our webhook address. Calls the provider: never within a transaction.

    Killed between the provider's answer and our storing its secret, the next call replaces what it registered. A provider
    that is down is logged and does not hold up the set-up: the office registers the address by a button.
    """
    for account in ProviderAccount.objects.filter(kind=PRESETS[preset].provider):
        _webhook(account)


def _account(kind: str, name: str, *, enabled: bool, position: int, **values: Any) -> tuple[ProviderAccount, bool]:
    return ProviderAccount.objects.get_or_create(
        kind=kind, defaults={"name": name, "enabled": enabled, "position": position, **values}
    )


def _unique(rules: Sequence[Offered]) -> list[str]:
    return list(dict.fromkeys(rule.method for rule in rules))


def _hosted(chosen: Preset) -> ProviderAccount:
    sandbox = settings.SANDBOX.get(f"{chosen.provider}_url", "")
    label, arranged = _HOSTED[chosen.provider]
    plain, keys = arranged(sandbox)
    with transaction.atomic():
        account, made = _account(
            chosen.provider,
            label,
            enabled=bool(sandbox),
            position=10,
            settings=plain,
            methods=_unique(chosen.offered),
            payouts=list(chosen.payouts),
        )
        if made and sandbox:
            for name, value in keys.items():
                secrets.credential_set(owner=account.secrets_owner, name=name, value=value)
    return account


def _stripe(sandbox: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"base_url": sandbox}, {"secret_key": f"sk_test_{context.tenant().slug}_{short_id(24)}"}


def _paytabs(sandbox: str) -> tuple[dict[str, str], dict[str, str]]:
    profile = 10_000 + int.from_bytes(hashlib.sha256(context.tenant().id.bytes).digest()[:4], "big") % 9_000_000
    key = "-".join(short_id(10).upper() for _ in range(3))
    return {"profile_id": str(profile), "region": "ARE", "base_url": sandbox}, {"server_key": key}


def _dlocal(sandbox: str) -> tuple[dict[str, str], dict[str, str]]:
    """The sandbox takes any login with these keys."""
    plain = {"x_login": context.tenant().slug if sandbox else "", "payout_purpose": "OTHER", "base_url": sandbox}
    return plain, {"x_trans_key": "sandbox-trans-key", "secret_key": "sandbox-secret-key"}


_HOSTED = {"stripe": ("Stripe", _stripe), "paytabs": ("PayTabs", _paytabs), "dlocal": ("dLocal", _dlocal)}


def iban_for(country: str, seed: bytes) -> str:
    """A well-formed account number of that country, the same for the same seed; it exists at no bank."""
    digest = hashlib.sha256(seed).digest()
    length = {"DE": 18, "AE": 19, "KZ": 16, "CR": 18}[country]
    body = "".join(str(byte % 10) for byte in digest)[:length]
    number = int("".join(str(int(char, 36)) for char in f"{body}{country}00"))
    return f"{country}{98 - number % 97:02d}{body}"


def _bank(chosen: Preset) -> ProviderAccount:
    """The brokerage's own bank account: for withdrawals by wire everywhere, for deposits where the preset says so."""
    tenant = context.tenant()
    name, bic, country = chosen.bank
    demo = bool(settings.DEMO or settings.SANDBOX.get("stripe_url"))
    plain = {"holder": tenant.name, "iban": iban_for(country, tenant.id.bytes), "bic": bic, "bank": name, "address": ""}
    account, _ = _account(
        "bank_wire",
        name if demo else "Bank",
        enabled=demo,
        position=20,
        settings=plain if demo else {},
        methods=_unique(chosen.wires),
    )
    return account


def _rules(account: ProviderAccount, rules: Sequence[Offered]) -> None:
    """Only for an account that has none yet: the owner's own rules are never touched."""
    if account.rules.exists():
        return
    for position, rule in enumerate(rules, start=1):
        MethodRule.objects.create(
            provider_account=account,
            method=rule.method,
            currency=rule.currency,
            minimum_minor=Money.of(rule.minimum, rule.currency).minor,
            maximum_minor=Money.of(rule.maximum, rule.currency).minor,
            kyc_level=1,
            fee_percent=rule.fee_percent,
            cost_percent=rule.cost_percent,
            position=account.position * 10 + position,
        )


def _policy(currency: str, chosen: Preset) -> None:
    offered = [rule for rule in (*chosen.offered, *chosen.wires) if rule.currency == currency]
    least = min(Money.of(rule.minimum, currency).minor for rule in offered)
    most = max(Money.of(rule.maximum, currency).minor for rule in offered)
    WithdrawalPolicy.objects.get_or_create(
        currency=currency, defaults={"minimum_minor": least, "daily_minor": most * 2}
    )


def _approval(chosen: Preset) -> None:
    """From half of the largest payment in on the client's manager is asked before the last approval. Only where there is no
    rule yet: the owner's own are never touched."""
    if ApprovalRule.objects.exists():
        return
    words = pgettext("approval preset", "Ask the client's manager")
    for position, currency in enumerate(chosen.currencies):
        offered = [rule for rule in (*chosen.offered, *chosen.wires) if rule.currency == currency]
        most = max(Money.of(rule.maximum, currency).minor for rule in offered)
        ApprovalRule.objects.create(
            name=f"{words}, {currency}", currency=currency, minimum_minor=most // 2,
            steps=[MANAGER, ANYBODY], position=APPROVAL_LAST + position,
        )  # fmt: skip


def _deposit_limits(currency: str, chosen: Preset) -> None:
    """Before the identity is known a little (where a rule lets anybody pay at all), afterwards what the methods take."""
    if DepositLimit.objects.filter(currency=currency).exists():
        return
    most = max(Money.of(rule.maximum, currency).minor for rule in chosen.offered if rule.currency == currency)
    DepositLimit.objects.create(currency=currency, kyc_level=0, day_minor=most // 20, total_minor=most // 10)
    DepositLimit.objects.create(
        currency=currency, kyc_level=1, day_minor=most * 5, week_minor=most * 10, month_minor=most * 25
    )
    FundsThreshold.objects.get_or_create(currency=currency, defaults={"amount_minor": most * 10})


def _velocity() -> None:
    if VelocityRule.objects.exists():
        return
    VelocityRule.objects.create(measure=Measure.DECLINED, most=6, hours=1, action=VelocityAction.REFUSE)
    VelocityRule.objects.create(measure=Measure.INSTRUMENTS, most=4, hours=24, action=VelocityAction.REVIEW)
    VelocityRule.objects.create(measure=Measure.ATTEMPTS, most=30, hours=24, action=VelocityAction.REVIEW)


def _webhook(account: ProviderAccount) -> None:
    """Register our address where that can be done by API and has not been done."""
    has_secret = "webhook_secret" in secrets.hints_of(account.secrets_owner)
    if account.kind != "stripe" or not account.enabled or has_secret:
        return
    try:
        provider_webhook_register(actor=ACTOR, account=account)
    except AppError as error:
        log.warning("webhook_not_registered", account=str(account.pk), error=str(error))
