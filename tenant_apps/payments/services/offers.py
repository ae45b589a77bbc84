"""What a client may pay with now: the cashier shows these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from kernel.money import Money
from tenant_apps.clients.models import Client, KycState

from .. import registry
from ..errors import AmountNotPayable, AmountOutOfLimits, MethodNotOffered
from ..models import MethodRule, ProviderAccount
from ..ports import Method
from .providers import provider_of


@dataclass(frozen=True, slots=True)
class Offer:
    """A method this client can use in a currency, under the first rule that fits."""

    rule: MethodRule
    account: ProviderAccount
    method: Method

    @property
    def key(self) -> str:
        return f"{self.account.pk}:{self.method.code}"

    def fee(self, amount: Money) -> Money:
        """What the brokerage keeps of a deposit; never in the client's disfavour by more than one minor unit."""
        percent = amount.scaled(self.rule.fee_percent / Decimal(100), rounding=ROUND_UP)
        return percent + Money(self.rule.fee_fixed_minor, amount.currency)

    def check(self, amount: Money) -> None:
        """Raises AmountOutOfLimits or AmountNotPayable."""
        if not self.rule.minimum <= amount <= self.rule.maximum or not self.fee(amount) < amount:
            raise AmountOutOfLimits(field="amount", minimum=self.rule.minimum, maximum=self.rule.maximum)
        step = provider_of(self.account).amount_step(amount.currency)
        if not step or amount.minor % step:
            raise AmountNotPayable(field="amount", step=step)


def level_of(client: Client) -> int:
    return max(client.kyc_level, 1) if client.kyc_state == KycState.APPROVED else 0


def offers_for(client: Client, currency: str) -> list[Offer]:
    """Offers in the order of rules; one per provider account and method. Two queries."""
    rules = (
        MethodRule.objects.filter(currency=currency, enabled=True, provider_account__enabled=True)
        .select_related("provider_account")
        .order_by("position", "created_at")
    )
    found: dict[str, Offer] = {}
    for rule in rules:
        offer = _offer(rule, client)
        if offer is not None:
            found.setdefault(offer.key, offer)
    return list(found.values())


def _offer(rule: MethodRule, client: Client) -> Offer | None:
    account = rule.provider_account
    if rule.method not in account.methods or account.kind not in registry.adapters():
        return None
    method = registry.capabilities(account.kind).method(rule.method)
    if method is None or level_of(client) < rule.kyc_level:
        return None
    if account.currencies and rule.currency not in account.currencies:
        return None
    if method.currencies is not None and rule.currency not in method.currencies:
        return None
    country = client.country
    allowed = method.countries is None or country in method.countries
    if not allowed or (rule.countries and country not in rule.countries) or country in rule.excluded_countries:
        return None
    return Offer(rule, account, method)


def offer_for(client: Client, currency: str, key: str) -> Offer:
    """The offer of that key, asked again at the moment of paying. Raises MethodNotOffered."""
    for offer in offers_for(client, currency):
        if offer.key == key:
            return offer
    raise MethodNotOffered(field="method")


def deposit_currencies() -> list[str]:
    """Currencies with at least one enabled rule."""
    rules = MethodRule.objects.filter(enabled=True, provider_account__enabled=True)
    return sorted(rules.values_list("currency", flat=True).distinct())


def next_best(client: Client, currency: str, *, tried: str, amount: Money) -> Offer | None:
    """Another method for the same amount, after one that failed."""
    for offer in offers_for(client, currency):
        if offer.key != tried and offer.rule.minimum <= amount <= offer.rule.maximum:
            return offer
    return None
