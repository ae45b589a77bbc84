"""Through which account money goes out: one judgement for the request, the sending, the next try and the office's page.

Like deposits (routing.py): each account gets every reason that speaks against it. What rules name comes first, in the
rules' order, then accounts that no rule names, the one made for the currency before the others. Held-back accounts
(health.py) come last, or not at all where they say so and another account can pay. Parts that go back to the source of a
deposit are not routed: a refund is the business of whoever took the payment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kernel import audit
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.models import Command, CommandState
from kernel.money import Money
from tenant_apps.clients.models import Client

from .. import registry
from ..models import Destination, Maintenance, PartState, PayoutRule, ProviderAccount, WithdrawalPart
from ..payouts import uses
from ..ports import PayoutMethod
from . import health
from .destinations import checked_details, mode_of
from .routing import Situation, audience_against, maintenance_at, step_of

FOR_NOW = frozenset({"maintenance", "hours"})  # what passes by itself: the money waits for its turn


@dataclass(frozen=True, slots=True)
class Way:
    """An account for a payout, by the rule that names it, and what speaks against it (codes of words.ROUTING)."""

    account: ProviderAccount
    rule: PayoutRule | None
    against: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    maintenance: Maintenance | None = None

    @property
    def good(self) -> bool:
        return not self.against

    @property
    def later(self) -> bool:
        """Whether only what passes speaks against it."""
        return bool(self.against) and set(self.against) <= FOR_NOW


@dataclass(frozen=True, slots=True)
class Board:
    """Accounts, rules and maintenance of one currency, read once. Three queries, and the default entity's (`among`)."""

    situation: Situation
    accounts: tuple[ProviderAccount, ...]
    rules: tuple[PayoutRule, ...]
    pauses: tuple[Maintenance, ...]

    @classmethod
    def of(cls, situation: Situation) -> Board:
        currency = situation.currency
        accounts = list(ProviderAccount.objects.order_by("position", "created_at"))
        accounts.sort(key=lambda account: currency not in account.currencies)
        rules = tuple(PayoutRule.objects.filter(currency=currency).order_by("position", "created_at", "id"))
        return cls(situation.among(rules), tuple(accounts), rules, tuple(maintenance_at(situation.at)))

    def ways(self, method: str, *, country: str = "", details: Mapping[str, str] | None = None) -> list[Way]:
        """Each account that knows the method, good or not, in the order they are tried. `country` is where the account
        is that is paid to, `details` what is known of it; without them neither is looked at."""
        found = [way for one in self.accounts for way in self.ways_by(one, method, country=country, details=details)]
        places = {rule.pk: at for at, rule in enumerate(self.rules)}
        found.sort(key=lambda way: places[way.rule.pk] if way.rule else len(places))
        return self._ordered(found)

    def ways_by(
        self, account: ProviderAccount, method: str, *, country: str, details: Mapping[str, str] | None
    ) -> list[Way]:
        """Those of one account, as it stands by itself: one for each of its rules, or the one without."""
        if account.kind not in registry.adapters():
            return []
        known = registry.capabilities(account.kind).payout_method(method)
        if known is None:
            return []
        always = self._account(account, known, country, details)
        own = [rule for rule in self.rules if rule.provider_account_id == account.pk and rule.method == method]
        named: list[PayoutRule | None] = [*own] or [None]
        return [self._way(account, rule, always, method) for rule in named]

    def _account(
        self, account: ProviderAccount, known: PayoutMethod, country: str, details: Mapping[str, str] | None
    ) -> list[str]:
        currency, amount = self.situation.currency, self.situation.amount
        takes = known.currencies is None or currency in known.currencies
        there = not country or known.countries is None or country in known.countries
        step = 1 if amount is None else step_of(account, currency)
        checks = {
            "account_off": account.enabled,
            "method_off": uses(account, known.code) and takes and currency in (account.currencies or [currency]),
            "destination_country": there,
            "details": details is None or fits(known, details, mode_of(self.accounts, known.code)),
            "step": amount is None or bool(step and not amount.minor % step),
        }
        return [code for code, good in checks.items() if not good]

    def _way(self, account: ProviderAccount, rule: PayoutRule | None, always: list[str], method: str) -> Way:
        against = list(always)
        pause = next((one for one in self.pauses if one.covers(account.pk, method)), None)
        against += ["maintenance"] if pause else []
        if rule is not None:
            against += [] if rule.enabled else ["off"]
            against += audience_against(rule, self.situation)
            amount = self.situation.amount
            against += [] if amount is None or rule.holds(amount) else ["amount"]
        return Way(account, rule, tuple(against), maintenance=pause)

    def _ordered(self, ways: list[Way]) -> list[Way]:
        at = self.situation.at
        back = {way.account.pk for way in ways if health.held_back(way.account, at)}
        served = any(way.good and way.account.pk not in back for way in ways)
        front = [way for way in ways if way.account.pk not in back]
        behind = [
            replace(way, against=(*way.against, "backed_off")) if way.account.backoff_hides and served
            else replace(way, notes=("payout_last",))
            for way in ways if way.account.pk in back
        ]  # fmt: skip
        return front + behind


def fits(method: PayoutMethod, details: Mapping[str, str], mode: str | None = None) -> bool:
    """Whether what was verified of an account is what this adapter asks for, in its own words: what people verified is the
    account, so another provider may pay it, but nothing is left out of it, added or read in another way."""
    try:
        wanted = checked_details(method, details, mode=mode)
    except Invalid:
        return False
    return all(details.get(name) == value for name, value in wanted.items())


def accounts_of(ways: list[Way]) -> list[ProviderAccount]:
    """Those that would take it now, each once, in order."""
    return list({way.account.pk: way.account for way in ways if way.good}.values())


def payout_ways(client: Client, amount: Money, method: str, destination: Destination | None) -> list[Way]:
    """How a payout of this client stands now."""
    board = Board.of(Situation.of(client, amount.currency, amount=amount))
    known = destination if destination is not None and destination.method == method else None
    return board.ways(method, country=known.country if known else "", details=known.details if known else None)


def accounts_paying(
    client: Client,
    currency: str,
    method: str,
    destination: Destination | None,
    *,
    sends: Callable[[ProviderAccount], Money],
) -> list[ProviderAccount]:
    """Whom a payout may be planned with: those that take it now, then those that will when a time has passed.

    `sends`: what an account would have to send, which its fee decides. Those that would send nothing come last: the plan
    says why."""
    board = Board.of(Situation.of(client, currency))
    known = destination if destination is not None and destination.method == method else None
    about: dict[str, Any] = {"country": known.country if known else "", "details": known.details if known else None}
    ways = board.ways(method, **about)
    found: list[ProviderAccount] = []
    eaten: list[ProviderAccount] = []
    for account in dict.fromkeys(accounts_of(ways) + [way.account for way in ways if way.later]):
        amount = sends(account)
        exact = replace(board, situation=replace(board.situation, amount=amount))
        if amount.minor <= 0:
            eaten.append(account)
        elif any(way.good or way.later for way in exact.ways_by(account, method, **about)):
            found.append(account)
    return found + eaten


def rests(part: WithdrawalPart) -> str:
    """What keeps a payout from being sent now and passes by itself: maintenance of its account, or the hours of its rules.
    "" for none. What else speaks against the account by now does not: it was planned, and agreed to, with it."""
    withdrawal = part.withdrawal
    ways = payout_ways(withdrawal.client, part.amount, withdrawal.method, withdrawal.destination)
    reasons = [set(way.against) - {"backed_off"} for way in ways if way.account.pk == part.provider_account_id]
    if not all(reasons):
        return ""
    if any("maintenance" in codes for codes in reasons):
        return "maintenance"
    return "hours" if {"hours"} in reasons else ""


def resting(parts: Iterable[WithdrawalPart]) -> dict[UUID, str]:
    """Which of the parts of a withdrawal wait to be sent until something passes, and what (`rests`)."""
    payouts = {part.pk: part for part in parts if part.deposit_id is None and part.state == PartState.SENDING}
    waiting = Command.objects.filter(pk__in=payouts, kind="payments.payout", state=CommandState.PENDING)
    unsent = waiting.values_list("pk", flat=True) if payouts else []
    return {pk: code for pk in unsent if (code := rests(payouts[pk]))}


def methods_offered(client: Client, currency: str) -> list[PayoutMethod]:
    """Ways out for a client with a wallet in a currency, each once; what rests for a while is offered all the same."""
    board = Board.of(Situation.of(client, currency))
    found: dict[str, PayoutMethod] = {}
    for account in board.accounts:
        if not account.enabled or account.kind not in registry.adapters():
            continue
        for method in registry.capabilities(account.kind).payout_methods:
            here = method.countries is None or client.country in method.countries
            if here and method.code not in found and any(way.good or way.later for way in board.ways(method.code)):
                found[method.code] = method
    return list(found.values())


def rule_currencies() -> list[str]:
    """Currencies to try the rules in: those that rules or accounts name."""
    named: set[Any] = set(PayoutRule.objects.values_list("currency", flat=True))
    for currencies in ProviderAccount.objects.values_list("currencies", flat=True):
        named.update(currencies or ())
    return sorted(named)


def payout_rerouted(part: WithdrawalPart, actor: Actor) -> None:
    """In the transaction of the last approval: where the account it was planned with does not take it any more (maintenance,
    held back, another rule) and another does, that one pays. Where none does, it stays as planned."""
    withdrawal = part.withdrawal
    fitting = accounts_of(payout_ways(withdrawal.client, part.amount, withdrawal.method, withdrawal.destination))
    if not fitting or part.provider_account_id in {account.pk for account in fitting}:
        return
    planned, part.provider_account = part.provider_account, fitting[0]
    part.save(update_fields=["provider_account"])
    audit.record(
        actor=actor, action="payments.payout_rerouted", obj=withdrawal, subject=withdrawal.client_id,
        before={"provider": str(planned)}, after={"provider": str(fitting[0]), "amount": str(part.amount)},
    )  # fmt: skip
