"""Who hears of what waits on the desk: each who may do the next thing, once, in their own language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import pgettext

from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.accounts.telling import staff_told


def tell_those_who_may(
    code: str, what: str, label: str, amount: Money | None, *, link: str, besides: Iterable[str] = ()
) -> None:
    """A line under the bell of everybody who holds `code`. Called in the transaction of what happened: told once."""

    def words() -> tuple[str, str]:
        titles = {
            "correction": pgettext("notification", "A correcting entry waits for your approval"),
            "alarm": pgettext("notification", "Something is stuck in payments"),
            "close": pgettext("notification", "A day's close waits for your signature"),
        }
        told = f"{money_isolated(amount)} \u00b7 " if amount is not None else ""
        return titles[what], f"{told}\u2068{label}\u2069"

    staff_told(lambda reader: reader.may(code), kind=f"reconciliation.{what}", words=words, link=link, besides=besides)
