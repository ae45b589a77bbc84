"""Payment providers of a brokerage: accounts at the sandboxes, what they offer to whom, and where they send their webhooks."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from kernel import http
from kernel.actors import Actor
from kernel.errors import Unavailable
from kernel.money import Money, minor_units

from .book import SEED, Book
from .brokers import Broker, Provider

# What providers charge a brokerage: percent of the payment and minor units per payment, by method.
COSTS = {"card": ("1.4", 25), "klarna": ("2.9", 30), "ideal": ("0", 29), "eps": ("0.8", 25), "sepa_debit": ("0", 35),
         "spei": ("1.2", 0), "oxxo": ("3.0", 0), "pse": ("1.9", 0), "efecty": ("3.4", 0)}  # fmt: skip
WEBHOOK = "demo.webhook"  # where the register of this brokerage remembers the address told to the provider


def _base_url(kind: str) -> str:
    return str(settings.SANDBOX.get(f"{kind}_url") or "")


def _settings(provider: Provider) -> dict[str, str]:
    base = _base_url(provider.kind)
    return {**provider.settings, **({"base_url": base} if base else {})}


def connect(book: Book) -> None:
    """Connect each provider as the owner would: keys, methods, rules by currency, webhook, and a test of the connection."""
    from tenant_apps.payments.models import ProviderAccount
    from tenant_apps.payments.services.providers import provider_account_test

    owner = book.actor(book.broker.owner)
    _leave_out(book.broker)
    for place, provider in enumerate(book.broker.providers, start=1):
        account = _account(owner, provider, others=[one.name for one in book.broker.providers])
        own = list(provider.limits) if provider.kind == "bank_wire" else []
        type(account).objects.filter(pk=account.pk).update(position=10 * place, currencies=own)
        _rules(owner, account, provider, after=100 * place)
        if provider.kind == "stripe":
            _tell_address(owner, account)
    open_bank_accounts(book.broker)
    for account in ProviderAccount.objects.filter(enabled=True):
        provider_account_test(actor=owner, account=account)


def _leave_out(broker: Broker) -> None:
    """Without the account that the preset brought, where this brokerage has another provider. Nobody has paid by it yet."""
    from tenant_apps.payments.models import MethodRule, ProviderAccount

    others = ProviderAccount.objects.exclude(kind__in=[provider.kind for provider in broker.providers])
    MethodRule.objects.filter(provider_account__in=others).delete()
    others.delete()


def bank_url() -> str:
    """Of the sandbox's bank; empty where none runs."""
    return _base_url("bank").rstrip("/")


def open_bank_accounts(broker: Broker) -> int:
    """Have the brokerage's accounts at the bank of the sandbox, which then writes their statements. Idempotent.

    How many; none where no bank runs. Raises Unavailable when it refuses.
    """
    wires = [provider for provider in broker.providers if provider.kind == "bank_wire"] if bank_url() else []
    for wire in wires:
        (currency,) = wire.limits
        iban = wire.settings["iban"]
        open_bank_account(iban, currency, wire.settings["holder"], opening=_last_closing(iban))
    return len(wires)


def _last_closing(iban: str) -> Money | None:
    """What a bank that has started over goes on with."""
    from tenant_apps.payments.models import BankStatement, StatementState

    told = BankStatement.objects.filter(iban=iban, state=StatementState.APPROVED)
    last = told.order_by("-period_to", "-created_at").first()
    return last.closing if last else None


def open_bank_account(iban: str, currency: str, owner: str, *, opening: Money | None) -> None:
    """One account; `opening` counts until something moves on it. Raises Unavailable."""
    values = {"currency": currency, "owner": owner, "opening": str(opening.amount) if opening else ""}
    ask_bank("PUT", iban, **values)


def ask_bank(method: str, path: str, **values: object) -> Any:
    """Raises Unavailable when the bank refuses."""
    repeats = method in ("GET", "PUT")
    address = f"{bank_url()}/api/accounts/{path}"
    answer = http.request(method, address, json=values or None, safe_to_repeat=repeats)
    if answer.status_code >= 400:
        raise Unavailable(f"sandbox bank: {answer.status_code} {answer.text[:300]}")
    return answer


def _account(owner: Actor, provider: Provider, *, others: list[str]) -> Any:
    """The account by its name, or the one that the brokerage began with, which takes the name then."""
    from tenant_apps.payments.models import ProviderAccount
    from tenant_apps.payments.services.providers import provider_account_save

    found = ProviderAccount.objects.filter(kind=provider.kind)
    return provider_account_save(
        actor=owner,
        account=found.filter(name=provider.name).first() or found.exclude(name__in=others).first(),
        kind=provider.kind,
        name=provider.name,
        mode="test",
        settings=_settings(provider),
        credentials=provider.credentials,
        methods=list(provider.methods),
        payouts=list(provider.payouts),
        enabled=True,
    )


def _rules(owner: Actor, account: Any, provider: Provider, *, after: int) -> None:
    """The methods in the order of providers and of what they offer, numbered as a brokerage's first rules are."""
    from tenant_apps.payments import registry
    from tenant_apps.payments.models import MethodRule
    from tenant_apps.payments.services.providers import method_rule_save

    capabilities = registry.capabilities(provider.kind)
    if provider.kind == "bank_wire":  # a bank's account is in one currency; the brokerage began with one for all
        MethodRule.objects.filter(provider_account=account).exclude(currency__in=provider.limits).delete()
    for currency, (least, most) in provider.limits.items():
        unit = 10 ** minor_units(currency)
        for position, code in enumerate(provider.methods, start=1):
            method = capabilities.method(code)
            if method is None or (method.currencies is not None and currency not in method.currencies):
                continue
            if MethodRule.objects.filter(provider_account=account, method=code, currency=currency).exists():
                continue
            percent, fixed = COSTS.get(code, ("0", 0))
            rule = MethodRule(
                cost_percent=percent,
                cost_fixed_minor=fixed,
                provider_account=account,
                method=code,
                currency=currency,
                minimum_minor=least * unit,
                maximum_minor=most * unit,
                position=after + position,
            )
            method_rule_save(actor=owner, rule=rule)


def _tell_address(actor: Actor, account: Any) -> bool:
    """Register our webhook address at the provider, once per address. True when it was told."""
    from tenant_apps.payments import addresses
    from tenant_apps.payments.models import ProviderAccount
    from tenant_apps.payments.services.providers import provider_webhook_register

    address = addresses.webhook_url(account.pk)
    fresh = ProviderAccount.objects.get(pk=account.pk)
    if fresh.settings.get(WEBHOOK) == address:
        return False
    provider_webhook_register(actor=actor, account=fresh)
    ProviderAccount.objects.filter(pk=account.pk).update(settings={**fresh.settings, WEBHOOK: address})
    return True


def follow_ports(broker: Broker) -> bool:
    """Correct the addresses of sandboxes and of our webhook after a start on other ports. True when something changed."""
    from tenant_apps.payments.models import ProviderAccount

    changed = False
    open_bank_accounts(broker)  # a demo of before the bank was there, or a bank that started over
    for account in ProviderAccount.objects.filter(enabled=True).exclude(kind="bank_wire"):
        base = _base_url(account.kind)
        if base and account.settings.get("base_url") not in ("", None, base):
            account.settings = {**account.settings, "base_url": base}
            ProviderAccount.objects.filter(pk=account.pk).update(settings=account.settings)
            changed = True
        if account.kind == "stripe" and account.settings.get(WEBHOOK):
            changed |= _tell_address(SEED, account)
    return changed
