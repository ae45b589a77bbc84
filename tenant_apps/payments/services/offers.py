"""What a client may pay with now: the cashier shows these and nothing else."""

from __future__ import annotations

from uuid import UUID

from tenant_apps.clients.models import Client

from ..errors import MethodNotOffered
from ..models import Deposit, MethodRule
from .routing import Offer, Situation, Verdict, level_of, offers_in, verdicts

__all__ = ["Offer", "deposit_currencies", "level_of", "locked_for", "next_best", "offer_for", "offers_for"]


def offers_for(client: Client, currency: str, *, device: str = "") -> list[Offer]:
    """Offers in the order of rules; one per provider account and method. Two queries."""
    return offers_in(verdicts(Situation.of(client, currency, device=device)))


def cashier_for(client: Client, currency: str, *, device: str = "") -> tuple[list[Offer], list[Verdict]]:
    """The offers, and the rules whose method a higher level would open: one of each method that is not offered anyway."""
    judged = verdicts(Situation.of(client, currency, device=device))
    offers = offers_in(judged)
    return offers, locked_for(judged, offers)


def locked_for(judged: list[Verdict], offers: list[Offer]) -> list[Verdict]:
    known = {offer.method.code for offer in offers}
    found: dict[str, Verdict] = {}
    for one in judged:
        if one.against == ("level",) and one.rule.method not in known:
            lowest = found.get(one.rule.method)
            if lowest is None or one.rule.kyc_level < lowest.rule.kyc_level:
                found[one.rule.method] = one
    return list(found.values())


def offer_for(client: Client, currency: str, key: str, *, device: str = "") -> Offer:
    """The offer of that key, asked again at the moment of paying. Raises MethodNotOffered."""
    for offer in offers_for(client, currency, device=device):
        if offer.key == key:
            return offer
    raise MethodNotOffered(field="method")


def deposit_currencies() -> list[str]:
    """Currencies with at least one enabled rule."""
    rules = MethodRule.objects.filter(enabled=True, provider_account__enabled=True)
    return sorted(rules.values_list("currency", flat=True).distinct())


def tried_accounts(deposit: Deposit) -> set[UUID]:
    """Accounts that the row of tries at this payment has been to."""
    first = deposit.attempt or deposit.pk
    mine = Deposit.objects.filter(client_id=deposit.client_id)
    later = set(mine.filter(attempt=first).values_list("provider_account_id", flat=True))
    return (
        later | {deposit.provider_account_id} | set(mine.filter(pk=first).values_list("provider_account_id", flat=True))
    )


def next_best(client: Client, deposit: Deposit, *, device: str = "") -> Offer | None:
    """Where to go on after a payment that did not come through: the same method elsewhere before another method, never an
    account that this row of tries has been to."""
    tried, amount = tried_accounts(deposit), deposit.amount
    open_ones = [
        offer for offer in offers_for(client, deposit.currency, device=device)
        if offer.account.pk not in tried and offer.takes(amount)
    ]  # fmt: skip
    same = [offer for offer in open_ones if offer.method.code == deposit.method]
    return next(iter(same + open_ones), None)


def other_method(client: Client, deposit: Deposit, *, device: str = "") -> Offer | None:
    """Another method for the same amount, wherever it is served: for the cashier, where the payer chooses again."""
    found = offers_for(client, deposit.currency, device=device)
    others = [offer for offer in found if offer.method.code != deposit.method and offer.takes(deposit.amount)]
    return next(iter(others), None)
