"""Who hears that something of a client's waits for a decision: each who may take it, once, in their own language."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.accounts.telling import staff_told
from tenant_apps.clients.models import Client


def staff_tell(
    *, right: str, client: Client, kind: str, title: Callable[[], str], amount: Money, reference: str, link: str,
    besides: Iterable[str] = (),
) -> None:  # fmt: skip
    """A line under the bell of everybody who holds `right` over the client, but those in `besides` (ids)."""
    staff_told(
        lambda reader: reader.may(right, client), kind=kind, link=link, data={"reference": reference}, besides=besides,
        words=lambda: (title(), f"{client.name} \u00b7 {money_isolated(amount)} \u00b7 \u2066{reference}\u2069"),
    )  # fmt: skip
