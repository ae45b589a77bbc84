"""What a withdrawal costs the client: the fee that fits each way out, and how much of an amount is sent.

Of the amount that goes by one way the brokerage keeps a fixed part and a share, at least the least and at most the most,
once however many deposits it is spread over. What is kept never exceeds the amount: where it would, nothing is sent.

Invariants. What is taken from the wallet is what is sent and what is kept, to the unit. What is sent can be said in the
provider's own units: where the share leaves what cannot be, the client gets the rest of the step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.models import Client

from .. import registry
from ..errors import WithdrawalRefused
from ..models import WithdrawalFee
from ..permissions_list import PROVIDERS
from .routing import level_of, share


def fees_in_force(currency: str) -> list[WithdrawalFee]:
    """Those of a currency, in their order. One query."""
    rows = WithdrawalFee.objects.filter(enabled=True, currency=currency)
    return list(rows.order_by("position", "created_at", "id"))


def fee_for(rows: Iterable[WithdrawalFee], client: Client, account_id: UUID, method: str) -> WithdrawalFee | None:
    """The first that fits the way and the client."""
    level = level_of(client)
    for row in rows:
        here = not row.countries or client.country in row.countries
        if row.provider_account_id == account_id and row.method == method and here and level >= row.kyc_level:
            return row
    return None


def fee_of(row: WithdrawalFee | None, amount: Money) -> Money:
    """What is kept of an amount asked for, its share rounded up to the minor unit. It may be more than the amount."""
    if row is None:
        return Money.zero(amount.currency)
    kept = max(share(amount, row.percent, row.fixed_minor).minor, row.minimum_minor)
    return Money(kept if row.maximum_minor is None else min(kept, row.maximum_minor), amount.currency)


def passed_on_of(row: WithdrawalFee | None, sent: Money) -> Money:
    """What the provider or network takes of what is sent, by the rule; never more than that."""
    if row is None:
        return Money.zero(sent.currency)
    return min(share(sent, row.passed_on_percent, row.passed_on_fixed_minor), sent)


@dataclass(slots=True)
class Way:
    """One way out of a withdrawal and what goes by it so far, in minor units: asked for (`gross`), and sent of it."""

    row: WithdrawalFee | None
    currency: str
    gross: int = 0
    sent: int = 0

    def more(self, gross: int) -> int:
        """What could be sent of so much more asked for: never falls when that grows. Below one when the fee takes it all."""
        whole = self.gross + gross
        return whole - fee_of(self.row, Money(whole, self.currency)).minor - self.sent

    def take(self, left: int, *, most: int | None, step: int) -> tuple[int, int]:
        """How much of `left` goes by this way, and what of it is sent: at most `most`, a multiple of `step`. (0, 0): nothing."""
        rest = self.more(left)
        if most is not None and rest > most:
            sent = most - most % step
        else:
            up = rest + -rest % step  # the client's favour: what is kept is less by it
            sent = up if up <= (left if most is None else min(left, most)) else rest - rest % step
            if sent == up and sent > 0:
                return self._taken(left, sent)
        if sent <= 0:
            return 0, 0
        return self._taken(bisect_left(range(left + 1), sent, key=self.more), sent)

    def _taken(self, gross: int, sent: int) -> tuple[int, int]:
        self.gross, self.sent = self.gross + gross, self.sent + sent
        return gross, sent


def eaten_words(fee: Money, left: Money) -> str:
    """Why an amount cannot be asked for: nothing would be left of it, or of what goes by one of its ways."""
    words = pgettext(
        "payments error",
        "Our fee of %(fee)s would take all of the %(left)s that go by this way. Ask for another amount.",
    )
    return words % {"fee": money_isolated(fee), "left": money_isolated(left)}


def fee_seen(fee: Money, shown: Money | None) -> None:
    """Raises WithdrawalRefused where more would be kept than was shown; `shown` None: nobody was shown anything."""
    if shown is not None and fee > shown:
        words = pgettext("payments error", "Our fee is %(fee)s. Look at what is sent, and ask again if you agree.")
        raise WithdrawalRefused(words % {"fee": money_isolated(fee)}, field="amount", check="fee")


def withdrawal_fee_save(*, actor: Actor, row: WithdrawalFee) -> WithdrawalFee:
    """Store a fee made or changed in the office. Raises Invalid at the field that cannot be."""
    actor.require(PROVIDERS)
    _sound(row)
    with transaction.atomic():
        stored = WithdrawalFee.objects.select_for_update().filter(pk=row.pk).first()
        was, now = audit.changes(_facts(stored) if stored else {}, _facts(row))
        if now:
            row.updated_at = clock.now()
            row.save()
            audit.record(actor=actor, action="payments.withdrawal_fee_saved", obj=row, before=was, after=now)
    return row


def ways_of(kind: str) -> list[str]:
    """Methods of an adapter that money can leave by: back to a deposit, or paid out."""
    capabilities = registry.capabilities(kind)
    back = [one.code for one in capabilities.methods if capabilities.refunds and one.refundable]
    return list(dict.fromkeys([*back, *(one.code for one in capabilities.payout_methods)]))


def _sound(row: WithdrawalFee) -> None:
    if row.method not in ways_of(row.provider_account.kind):
        raise Invalid(pgettext_lazy("payments error", "This provider has no such method."), field="method")
    if not 0 <= row.percent < 100:
        raise Invalid(pgettext_lazy("payments error", "Enter a share below a hundred percent."), field="percent")
    if row.maximum_minor is not None and row.maximum_minor < max(row.minimum_minor, row.fixed_minor):
        raise Invalid(
            pgettext_lazy("payments error", "The most is below the least, or below the fixed part."), field="maximum"
        )


def _facts(row: WithdrawalFee) -> dict[str, object]:
    """What the audit trail keeps: amounts with their currency, as people read them."""
    return {
        "provider": str(row.provider_account),
        "method": row.method,
        "currency": row.currency,
        "countries": list(row.countries),
        "kyc_level": row.kyc_level,
        "fee_percent": f"{Decimal(row.percent).normalize():f}",
        "fee_fixed": str(row.fixed),
        "fee_minimum": str(row.minimum),
        "fee_maximum": None if row.maximum is None else str(row.maximum),
        "passed_on_percent": f"{Decimal(row.passed_on_percent).normalize():f}",
        "passed_on_fixed": str(row.passed_on_fixed),
        "position": row.position,
        "enabled": row.enabled,
    }
