"""The brokerage's own money at the banks that hold its clients': what its clients have won by trading is paid out of it."""

from __future__ import annotations

from kernel import clock
from kernel.money import Money

from .book import SEED, Book

DEPOSITS = 50  # as many usual deposits of a client; the day's close then finds clients' money covered


def write(book: Book) -> None:
    """Paid in before the first client came, at each bank account in its currency. Once, by the posting's key."""
    from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
    from tenant_apps.payments.models import ProviderAccount
    from tenant_apps.payments.services.posting import clearing

    begun = min(life.created_at for life in book.lives)
    for account in ProviderAccount.objects.filter(kind="bank_wire").order_by("created_at", "pk"):
        for currency in account.currencies:
            amount = Money.of(str(book.broker.deposit * book.broker.rates[currency] * DEPOSITS), currency)
            own = account_ensure(owner=HOUSE, kind="own_funds", currency=currency)
            with clock.frozen_at(begun):
                post(
                    kind="house.own_funds", legs=[Leg(clearing(account, currency), -amount), Leg(own, amount)],
                    key=f"demo.own_funds:{account.pk}:{currency}", actor=SEED,
                )  # fmt: skip
