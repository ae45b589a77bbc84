"""Proofs of a day by what others say of the same money: the banks' closing balances, the trading platforms."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from tenant_apps.trading.models import AccountState, Comparison, TradingAccount

from .. import banks


@dataclass(slots=True)
class Told:
    """What others say of one currency: proof → [as they tell it, as posted] in minor units.

    `unproved`: proofs that do not hold although the sums may agree, because somebody has not said anything of the day yet,
    or because two differences cancel each other out.
    """

    proofs: dict[str, list[int]] = field(default_factory=dict)
    unproved: set[str] = field(default_factory=set)
    gone: int = 0  # minor units, negative: what the ledger has at banks and the banks no longer have

    def add(self, proof: str, told: int, posted: int) -> None:
        before = self.proofs.setdefault(proof, [0, 0])
        self.proofs[proof] = [before[0] + told, before[1] + posted]
        if told != posted:
            self.unproved.add(proof)

    def nothing(self, proof: str) -> None:
        """Nobody said anything."""
        self.add(proof, 0, 0)
        self.unproved.add(proof)


def told_of(day: date) -> dict[str, Told]:
    """By currency; nothing of a currency in which there is nothing to prove. A fixed number of queries."""
    found: dict[str, Told] = defaultdict(Told)
    _banks(day, found)
    _trading(day, found)
    return dict(found)


def _banks(day: date, found: dict[str, Told]) -> None:
    """Each bank's closing balance against its clearing account and what explains itself, at its last statement's end. A line
    that nobody has looked at explains nothing where it took money away."""
    for one in banks.stands(until=day):
        told = found[one.currency]
        told.add("bank", one.bank, one.bank - one.rest.minor)
        told.gone += one.gone
        if one.missing or one.unexplained.minor or one.unseen or not banks.up_to_date(one, day):
            told.unproved.add("bank")
    for currency in banks.untold(day):
        found[currency].nothing("bank")


def comparisons(day: date) -> list[Comparison]:
    """The newest of each server that counts for this day. One query."""
    rows = Comparison.objects.filter(day=day).select_related("server")
    return list(rows.order_by("server", "-at", "-id").distinct("server"))


def _trading(day: date, found: dict[str, Told]) -> None:
    """The platforms' balances against the ledger's mirror and what is on its way, server by server; a server that was not
    compared after the day, or has not spoken of all its accounts, proves nothing, nor does one with a difference that
    changed while it was compared: whatever nobody explains would be on its way."""
    spoken: set[tuple[UUID, str]] = set()
    for row in comparisons(day):
        for one in row.figures:
            told = found[one["currency"]]
            told.add("trading", one["platform"], one["mirror"] + one["in_transit"])
            spoken.add((row.server_id, one["currency"]))
            if one["differing"] or one["missing"] or one.get("unsettled"):
                told.unproved.add("trading")
    accounts = TradingAccount.objects.filter(
        live=True, state=AccountState.OPEN, login__isnull=False, created_at__lt=banks.day_end(day)
    )
    for server, currency in accounts.values_list("server", "currency").order_by("server", "currency").distinct():
        if (server, currency) not in spoken:
            found[currency].nothing("trading")
