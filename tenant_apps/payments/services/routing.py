"""Who may pay with what, when, and in which order: one judgement for the cashier, for paying and for the rule tester.

A rule is looked at against a `Situation` and gets every reason that speaks against it, not only the first. What is left
is ordered by the rules, accounts that are held back (services.health) come last, or not at all where they say so and
another account can serve the method.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import ROUND_UP, Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q

from kernel import clock
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.clients import entities
from tenant_apps.clients.models import Client, KycState

from .. import registry
from ..errors import AmountNotPayable, AmountOutOfLimits
from ..models import Device, Maintenance, MethodRule, PayoutRule, ProviderAccount
from ..ports import Method, ProviderConfig
from . import health

_PHONES = re.compile(r"android|iphone|ipad|ipod|mobile|phone|silk|kindle", re.IGNORECASE)


def device_of(user_agent: str) -> str:
    """What the browser says it runs on; a computer where it says nothing."""
    return Device.PHONE if _PHONES.search(user_agent) else Device.DESKTOP


def level_of(client: Client) -> int:
    return max(client.kyc_level, 1) if client.kyc_state == KycState.APPROVED else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Who wants to pay, in what, from where and when. `at` is UTC; without an amount the bands are not looked at.

    `entity` is the id of the client's legal entity as text; empty is the default one (`among`)."""

    currency: str
    country: str
    level: int
    at: datetime
    tags: frozenset[str] = frozenset()
    device: str = Device.DESKTOP
    amount: Money | None = None
    entity: str = ""

    @classmethod
    def of(cls, client: Client, currency: str, *, device: str = "", amount: Money | None = None) -> Situation:
        return cls(
            currency=currency, country=client.country, level=level_of(client), at=clock.now(),
            tags=frozenset(client.tags or ()), device=device or Device.DESKTOP, amount=amount,
            entity=str(client.entity_id or ""),
        )  # fmt: skip

    def among(self, rules: Iterable[MethodRule | PayoutRule]) -> Situation:
        """With the default entity where none is said and one of these rules asks: elsewhere nobody has to be asked."""
        if self.entity or not any(rule.entities for rule in rules):
            return self
        default = entities.live().filter(is_default=True).first()
        return replace(self, entity=str(default.pk)) if default else self


@dataclass(frozen=True, slots=True)
class Offer:
    """A method at an account, with the rules that fit as its bands of amounts, the first of them deciding."""

    bands: tuple[MethodRule, ...]
    account: ProviderAccount
    method: Method
    held_back: bool = False

    @property
    def key(self) -> str:
        return f"{self.account.pk}:{self.method.code}"

    @property
    def rule(self) -> MethodRule:
        return self.bands[0]

    @property
    def minimum(self) -> Money:
        return min((rule.minimum for rule in self.bands), key=lambda money: money.minor)

    @property
    def maximum(self) -> Money:
        return max((rule.maximum for rule in self.bands), key=lambda money: money.minor)

    @property
    def fee_fixed(self) -> Money:
        return Money(self.rule.fee_fixed_minor, self.rule.currency)

    @property
    def at_once(self) -> bool:
        """Whether the money is there as soon as it is paid: neither a debit that takes days nor a transfer by hand."""
        return not self.method.delayed and registry.capabilities(self.account.kind).hosted_page

    def rule_for(self, amount: Money) -> MethodRule | None:
        return next((rule for rule in self.bands if rule.minimum <= amount <= rule.maximum), None)

    def fee(self, amount: Money) -> Money:
        """What the brokerage keeps of a deposit; never in the client's disfavour by more than one minor unit."""
        return fee_of(self.rule_for(amount) or self.rule, amount)

    def passed_on(self, amount: Money) -> Money:
        """What the provider charges the payer on top."""
        return passed_on_of(self.rule_for(amount) or self.rule, amount)

    def takes(self, amount: Money) -> bool:
        try:
            self.check(amount)
        except (AmountOutOfLimits, AmountNotPayable):
            return False
        return True

    def check(self, amount: Money) -> None:
        """Raises AmountOutOfLimits or AmountNotPayable."""
        rule = self.rule_for(amount)
        if rule is None or not fee_of(rule, amount) < amount:
            raise AmountOutOfLimits(field="amount", minimum=self.minimum, maximum=self.maximum)
        step = step_of(self.account, amount.currency)
        if not step or amount.minor % step:
            raise AmountNotPayable(field="amount", step=step)


def fee_of(rule: MethodRule, amount: Money) -> Money:
    """The client's fee: rounded up to the minor unit."""
    return share(amount, rule.fee_percent, rule.fee_fixed_minor)


def cost_of(rule: MethodRule, amount: Money) -> Money:
    """What the provider is expected to charge the brokerage: an estimate until it tells its own."""
    return share(amount, rule.cost_percent, rule.cost_fixed_minor)


def passed_on_of(rule: MethodRule, amount: Money) -> Money:
    """What the provider or network charges the payer on top of the deposit: shown, and never booked by us."""
    return share(amount, rule.passed_on_percent, rule.passed_on_fixed_minor)


def share(amount: Money, percent: Decimal, fixed: int) -> Money:
    return amount.scaled(Decimal(percent) / Decimal(100), rounding=ROUND_UP) + Money(fixed, amount.currency)


def step_of(account: ProviderAccount, currency: str) -> int:
    """The provider's smallest step, by its own table: no keys are needed for it."""
    config = ProviderConfig(account_id=account.pk, mode=account.mode, settings=account.settings)
    return registry.adapter_class(account.kind)(config).amount_step(currency)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a rule in a situation: offered, or why not (codes of words.ROUTING). `notes` change the order only."""

    rule: MethodRule
    against: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    maintenance: Maintenance | None = None

    @property
    def good(self) -> bool:
        return not self.against


def rules_of(currency: str, *, all_of_them: bool = False) -> list[MethodRule]:
    """The rules of a currency in their order; those that are switched off only for the tester."""
    rules = MethodRule.objects.filter(currency=currency).select_related("provider_account")
    if not all_of_them:
        rules = rules.filter(enabled=True, provider_account__enabled=True)
    return list(rules.order_by("position", "created_at", "id"))


def maintenance_at(at: datetime) -> list[Maintenance]:
    return list(Maintenance.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at))


def verdicts(situation: Situation, *, all_of_them: bool = False) -> list[Verdict]:
    """Each rule of the currency with what speaks against it, in the order of the cashier. Two queries; one more where
    rules ask for the entity of a client with whom none was written down."""
    pauses = maintenance_at(situation.at)
    rules = rules_of(situation.currency, all_of_them=all_of_them)
    situation = situation.among(rules)
    judged = [_verdict(rule, situation, pauses) for rule in rules]
    return _ordered(judged, situation)


def _verdict(rule: MethodRule, situation: Situation, pauses: Iterable[Maintenance]) -> Verdict:
    account = rule.provider_account
    against = [] if rule.enabled else ["off"]
    against += [] if account.enabled else ["account_off"]
    method = _method(rule)
    if method is None:
        against.append("method_off")
    pause = next((one for one in pauses if one.covers(account.pk, rule.method)), None)
    against += ["maintenance"] if pause else []
    against += _who(rule, method, situation)
    against += _amount(rule, situation)
    return Verdict(rule, tuple(against), maintenance=pause)


def _method(rule: MethodRule) -> Method | None:
    account = rule.provider_account
    if rule.method not in account.methods or account.kind not in registry.adapters():
        return None
    if account.currencies and rule.currency not in account.currencies:
        return None
    method = registry.capabilities(account.kind).method(rule.method)
    if method is None or (method.currencies is not None and rule.currency not in method.currencies):
        return None
    return method


def _who(rule: MethodRule, method: Method | None, situation: Situation) -> list[str]:
    known = method is None or method.countries is None or situation.country in method.countries
    against = audience_against(rule, situation)
    against += [] if known or "country" in against else ["country"]
    return against + ([] if rule.device in ("", situation.device) else ["device"])


def audience_against(rule: MethodRule | PayoutRule, situation: Situation) -> list[str]:
    """Whom a rule is not for, or not now: the same of money in and out."""
    country = situation.country
    here = not rule.countries or country in rule.countries
    checks = {
        "country": here and country not in rule.excluded_countries,
        "level": situation.level >= rule.kyc_level,
        "tags_any": not rule.tags_any or bool(situation.tags & set(rule.tags_any)),
        "tags_none": not situation.tags & set(rule.tags_none),
        "hours": within_hours(rule.hours_from, rule.hours_until, situation.at),
        "entity": not rule.entities or situation.entity in rule.entities,
    }
    return [code for code, good in checks.items() if not good]


def _amount(rule: MethodRule, situation: Situation) -> list[str]:
    amount = situation.amount
    if amount is None:
        return []
    if not rule.minimum <= amount <= rule.maximum:
        return ["amount"]
    if not fee_of(rule, amount) < amount:
        return ["fee"]
    account = rule.provider_account
    step = step_of(account, amount.currency) if account.kind in registry.adapters() else 0
    return [] if step and not amount.minor % step else ["step"]


def within_hours(begin: time | None, end: time | None, at: datetime) -> bool:
    """Whether a moment lies in the hours of the brokerage's own clock; from ten in the evening to six passes midnight."""
    if begin is None or end is None or begin == end:
        return True
    local = at.astimezone(brokerage_zone()).time()
    return begin <= local < end if begin < end else local >= begin or local < end


def brokerage_zone() -> ZoneInfo:
    return ZoneInfo(str(context.tenant().setting("time_zone") or "UTC"))


def brokerage_today() -> date:
    """The day it is at the brokerage; `clock.today()` is the day in UTC."""
    return clock.now().astimezone(brokerage_zone()).date()


def _ordered(judged: list[Verdict], situation: Situation) -> list[Verdict]:
    """Held-back accounts behind the others; hidden where they say so and another account serves the method."""
    back = {one.rule.provider_account_id for one in judged if health.held_back(one.rule.provider_account, situation.at)}
    serving = {one.rule.method for one in judged if one.good and one.rule.provider_account_id not in back}
    front, behind = [], []
    for one in judged:
        account = one.rule.provider_account
        if account.pk not in back:
            front.append(one)
        elif account.backoff_hides and one.rule.method in serving:
            behind.append(Verdict(one.rule, (*one.against, "backed_off"), one.notes, one.maintenance))
        else:
            behind.append(Verdict(one.rule, one.against, (*one.notes, "backed_off_last"), one.maintenance))
    return front + behind


def offers_in(judged: Iterable[Verdict]) -> list[Offer]:
    """What is offered, in order: rules of one account and method become its bands."""
    bands: dict[tuple[object, str], list[Verdict]] = {}
    for one in judged:
        if one.good:
            bands.setdefault((one.rule.provider_account_id, one.rule.method), []).append(one)
    found = []
    for ones in bands.values():
        account = ones[0].rule.provider_account
        method = registry.capabilities(account.kind).method(ones[0].rule.method)
        assert method is not None  # `_method` has asked
        found.append(Offer(tuple(one.rule for one in ones), account, method, bool(ones[0].notes)))
    return found
