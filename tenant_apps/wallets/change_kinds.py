"""What of wallets takes two people, and how it is carried out once they agree. Registered at start (`handlers.py`).

What only tightens takes one person and no time: closing the exchange, switching transfers off, taking a currency's limits
away, which ends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.utils.translation import pgettext_lazy

from kernel.actors import Actor
from kernel.money import Money

from .change_models import ProposedChange
from .models import pair_key
from .permissions_list import SETTINGS
from .services import changes, rates, transfers

Keys = Mapping[str, str]
POLICY = uuid5(NAMESPACE_OID, "wallets.exchange_policy")  # there is one
SENDING = uuid5(NAMESPACE_OID, "wallets.transfers_enabled")


def markup_id(base: str, quote: str) -> UUID:
    """Of a pair, whether it has a mark-up yet or not: one change of it waits at a time."""
    return uuid5(NAMESPACE_OID, f"wallets.markup:{pair_key(base, quote)}")


def limits_id(currency: str) -> UUID:
    return uuid5(NAMESPACE_OID, f"wallets.transfer_policy:{currency}")


def limits_values(currency: str, minimum: Money, daily: Money, approval: Money | None) -> dict[str, Any]:
    """Amounts in minor units; no approval: none is asked for."""
    return {
        "currency": currency, "minimum": minimum.minor, "daily": daily.minor,
        "approval": approval.minor if approval is not None else None,
    }  # fmt: skip


def _policy_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    rates.exchange_policy_save(actor=actor, values=row.values)


def _markup_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    rates.markup_save(actor=actor, **row.values)


def _markup_removed(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    rates.markup_remove(actor=actor, markup_id=UUID(row.values["markup_id"]))


def _switched_on(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    transfers.transfers_switch(actor=actor, on=True)


def _limits_saved(row: ProposedChange, keys: Keys, actor: Actor) -> None:
    currency, minor = row.values["currency"], row.values["approval"]
    transfers.transfer_policy_save(
        actor=actor, currency=currency, minimum=Money(row.values["minimum"], currency),
        daily=Money(row.values["daily"], currency), approval=None if minor is None else Money(minor, currency),
    )  # fmt: skip


def register() -> None:
    for code, words, act, carry_out in (
        ("exchange_rules", pgettext_lazy("change", "Rules of exchange"), "wallets.exchange_rules_saved", _policy_saved),
        ("markup", pgettext_lazy("change", "Mark-up of a pair"), "wallets.markup_saved", _markup_saved),
        ("markup_gone", pgettext_lazy("change", "Mark-up of a pair removed"), "wallets.markup_removed", _markup_removed),
        ("transfers_on", pgettext_lazy("change", "Transfers between clients"), "wallets.transfers_switched", _switched_on),
        ("transfer_limits", pgettext_lazy("change", "Limits of transfers"), "wallets.transfer_limits_saved", _limits_saved),
    ):  # fmt: skip
        changes.register(code, changes.Kind(words, act, SETTINGS, SETTINGS, carry_out, lone=True))
