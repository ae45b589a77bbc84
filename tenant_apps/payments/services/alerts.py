"""Who hears of something that went wrong with a client's money: risk and finance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenant_apps.accounts.telling import staff_told
from tenant_apps.clients.models import Client
from tenant_apps.clients.permissions_list import RISK

from ..permissions_list import APPROVE


def alert(client: Client, *, kind: str, words: Callable[[], tuple[str, str]], link: str, **data: Any) -> None:
    """`words` gives title and text, called once per reader in their language. In the transaction that made the fact."""
    staff_told(
        lambda reader: reader.may(APPROVE, client) or reader.may(RISK, client),
        kind=kind, words=words, link=link, data=data,
    )  # fmt: skip
