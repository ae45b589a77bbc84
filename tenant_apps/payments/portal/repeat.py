"""What a returning payer sees first: the last payment to repeat, those under way, amounts to tap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from kernel import clock
from kernel.money import Money, minor_units

from ..models import OPEN_DEPOSITS, Deposit, DepositState
from ..services.routing import Offer

# Major units that people pay in, by currency; others by the size of their unit.
QUICK: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("EUR", "USD", "GBP", "CHF", "AUD", "CAD"), (100, 250, 500, 1000)),
    **dict.fromkeys(("KWD", "BHD", "OMR", "JOD"), (25, 50, 100, 250)),
    **dict.fromkeys(("AED", "SAR", "QAR", "ILS", "PLN", "RON"), (500, 1000, 2500, 5000)),
    **dict.fromkeys(("KZT", "RUB", "INR", "PKR", "THB", "EGP"), (10_000, 25_000, 50_000, 100_000)),
    **dict.fromkeys(("UZS", "IDR", "VND"), (1_000_000, 2_500_000, 5_000_000, 10_000_000)),
    **dict.fromkeys(("BTC",), ()),
    **dict.fromkeys(("ETH",), (1, 2, 5)),
}
SHOWN_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The last payment that came through, as it could be made again now."""

    offer: Offer
    amount: Money
    target: UUID | None

    @property
    def fee(self) -> Money:
        return self.offer.fee(self.amount)

    @property
    def passed_on(self) -> Money:
        return self.offer.passed_on(self.amount)

    @property
    def arrives(self) -> Money:
        return self.amount - self.fee


def last_payment(client_id: UUID, currency: str) -> Deposit | None:
    """The last that came through, else the last started: what is remembered of a payer."""
    rows = Deposit.objects.filter(client_id=client_id, currency=currency).order_by("-created_at")
    good = rows.filter(state__in=[DepositState.CREDITED, DepositState.DELAYED]).first()
    return good or rows.first()


def repeat_of(last: Deposit | None, offers: list[Offer]) -> Repeat | None:
    """None where nothing came through before, or it could not be paid like that now."""
    if last is None or last.state not in (DepositState.CREDITED, DepositState.DELAYED):
        return None
    offer = remembered(last, offers)
    if offer is None or not offer.takes(last.amount):
        return None
    return Repeat(offer, last.amount, last.target_trading_account_id)


def remembered(last: Deposit | None, offers: list[Offer]) -> Offer | None:
    """The same method at the same account, else at another."""
    if last is None:
        return None
    same = [offer for offer in offers if offer.method.code == last.method]
    exact = [offer for offer in same if offer.account.pk == last.provider_account_id]
    return next(iter(exact + same), None)


def quick_amounts(offer: Offer | None, currency: str) -> list[Money]:
    """What may be paid by this method; multiples of its minimum where the usual amounts do not fit."""
    if offer is None:
        return []
    usual = QUICK.get(currency, (100, 250, 500, 1000) if minor_units(currency) else (10_000, 25_000, 50_000, 100_000))
    fitting = [money for money in (Money.of(value, currency) for value in usual) if offer.takes(money)]
    if len(fitting) >= 2:
        return fitting
    least = offer.minimum.minor
    return [money for money in (Money(least * times, currency) for times in (1, 2, 5, 10)) if offer.takes(money)]


def under_way(client_id: UUID) -> list[Any]:
    """Payments that are not finished, newest first: the payer sees what each waits for."""
    states = [*OPEN_DEPOSITS, DepositState.SUSPENSE]
    rows = Deposit.objects.filter(client_id=client_id, state__in=states, created_at__gte=clock.now() - SHOWN_FOR)
    return list(rows.order_by("-created_at")[:3])
