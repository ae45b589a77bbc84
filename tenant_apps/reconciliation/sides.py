"""The three sides of each currency on one page: where the money is, whose it is, what the platforms have, and what is on its way.

Reads only. Where two sides tell of the same money the difference stands beside it; the ledger is the one in the middle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Sum

from kernel import clock
from kernel.money import Money
from tenant_apps.payments.models import Deposit, DepositState, PartState, WithdrawalPart
from tenant_apps.trading.models import Direction, Transfer, TransferState

from . import banks, standing

PLACES = ("providers", "banks", "gone")
OWNERS = ("wallets", "to_trading", "trading", "copying")
ON_THE_WAY = ("deposits", "withdrawals", "to_accounts", "to_wallets", "lines")


@dataclass(slots=True)
class Sides:
    """One currency. `minor` by name, of PLACES (positive: it is there; `gone`: left a bank and was not posted), OWNERS, ON_THE_WAY
    and `requirement`."""

    currency: str
    minor: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    stands: list[banks.Stand] = field(default_factory=list)
    platform: standing.Platform | None = None

    def _money(self, *names: str) -> Money:
        return Money(sum(self.minor[name] for name in names), self.currency)

    @property
    def places(self) -> list[tuple[str, Money]]:
        return [(name, self._money(name)) for name in PLACES if name != "gone" or self.minor[name]]

    @property
    def owners(self) -> list[tuple[str, Money]]:
        return [(name, self._money(name)) for name in OWNERS if name != "copying" or self.minor[name]]

    @property
    def under_way(self) -> list[tuple[str, Money]]:
        return [(name, self._money(name)) for name in ON_THE_WAY if self.minor[name]]

    @property
    def there(self) -> Money:
        return self._money(*PLACES)

    @property
    def clients(self) -> Money:
        return self._money(*OWNERS)

    @property
    def requirement(self) -> Money:
        """Clients' money to be covered: more than all of it where a client owes us."""
        return self._money("requirement")

    @property
    def cover(self) -> Money:
        """What is there beyond that; negative is a shortfall."""
        return self.there - self.requirement

    @property
    def told_by_banks(self) -> Money | None:
        """The banks' last closing balances, added up; None where no bank of this currency has told anything."""
        return Money(sum(one.bank for one in self.stands), self.currency) if self.stands else None

    @property
    def unexplained(self) -> Money:
        return Money(sum(abs(one.rest.minor) for one in self.stands), self.currency)


def sides() -> list[Sides]:
    """Every currency that any side knows. A fixed number of queries."""
    found: dict[str, Sides] = {}

    def of(currency: str) -> Sides:
        return found.setdefault(currency, Sides(currency))

    for bank, money in standing.there():
        of(money.currency).minor["banks" if bank else "providers"] += money.minor
    for currency, name, minor in standing.clients_money():
        of(currency).minor[name] += minor
    for stand in banks.stands(until=clock.today()):
        of(stand.currency).stands.append(stand)
        of(stand.currency).minor["lines"] += stand.explained["unassigned"]
        of(stand.currency).minor["gone"] += stand.gone
    for platform in standing.platforms():
        of(platform.currency).platform = platform
    for name, rows in _moving():
        for currency, minor in rows:
            of(currency).minor[name] += int(minor)
    return [found[currency] for currency in sorted(found)]


def _moving() -> Iterable[tuple[str, Iterable[tuple[str, int]]]]:
    """What has left one side and is not known to have arrived on the other."""
    transfers = Transfer.objects.filter(state=TransferState.PENDING)
    yield "deposits", _sums(Deposit.objects.filter(state__in=[DepositState.AUTHORISED, DepositState.DELAYED]))
    yield "withdrawals", _sums(WithdrawalPart.objects.filter(state=PartState.SENDING))
    yield "to_accounts", _sums(transfers.filter(direction=Direction.TO_ACCOUNT))
    yield "to_wallets", _sums(transfers.filter(direction=Direction.TO_WALLET))


def _sums(rows: Any) -> Iterable[tuple[str, int]]:
    return list(rows.order_by().values_list("currency").annotate(minor=Sum("amount_minor")))
