"""Trading accounts with a past: put on the brokerage's server in the sandbox, and written down here as the same accounts.

Logins and operation ids follow from brokerage and client, so a second try after a kill finds on the server what the first
one has put there, and every balance deal of the past names the transfer that made it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings

from kernel import http
from kernel.errors import Unavailable
from kernel.money import Money

from . import ctrader
from .book import BATCH, SEED, Book
from .brokers import Broker
from .plan import Life

FIRST_LOGIN = 500_001
AT_ONCE = 40  # accounts in one import


def admin(method: str, path: str, data: Any = None) -> Any:
    """One call to the control desk of the trading sandbox. Raises Unavailable."""
    base = str(settings.SANDBOX["mt5_admin_url"]).rstrip("/")
    response = http.request(method, base + path, json=data, safe_to_repeat=method == "GET", timeout=120.0)
    if response.status_code >= 400:
        raise Unavailable(f"trading sandbox: {response.status_code} {response.text[:300]}")
    return response.json()


def clocks_advance(seconds: float) -> None:
    """Move the clocks of all trading sandboxes. Raises Unavailable."""
    admin("POST", "/clock", {"advance_seconds": seconds})
    if settings.SANDBOX.get("ctrader_admin_url"):
        ctrader.admin("POST", "/clock", {"advance_seconds": seconds})


def command_id(broker: Broker, life: Life, number: int) -> UUID:
    """The id of the operation that passed a deposit on to the account; the same at every try."""
    return uuid5(NAMESPACE_URL, f"https://{broker.domain}/demo/{life.index}/{number}")


def server_of(broker: Broker) -> Any:
    from tenant_apps.trading.models import TradingServer

    return TradingServer.objects.get(name=broker.slug)


def write(book: Book) -> None:
    """An account for everybody verified; funded ones with deposits, trades, and some with a robot."""
    from tenant_apps.trading.models import AccountType, TradingAccount

    server = server_of(book.broker)
    types = {
        one.currency: one
        for one in AccountType.objects.filter(server=server, live=True, automatic=True).order_by("-order")
    }
    wanted = [life for life in book.lives if life.has_account]
    balances = _import(book, types, wanted)
    rows = [_account(book, server, types[life.currency], life, balances) for life in wanted]
    TradingAccount.objects.bulk_create(rows, batch_size=BATCH)
    _transfers(book, {row.login: row for row in rows}, wanted)
    book.trail.write()


def login_of(life: Life) -> int:
    return FIRST_LOGIN + life.index


def _import(book: Book, types: dict[str, Any], wanted: list[Life]) -> dict[int, str]:
    """Put the accounts on the server that are not there yet; balances in major units by login."""
    path = f"/servers/{book.broker.slug}"
    found = admin("GET", f"{path}/accounts?offset=0&limit=5000")
    known = {int(one["login"]): str(one["balance"]) for one in found["accounts"]}
    missing = [life for life in wanted if login_of(life) not in known]
    for at in range(0, len(missing), AT_ONCE):
        chunk = missing[at : at + AT_ONCE]
        data = {"accounts": [_past(book, types[life.currency].group, life) for life in chunk]}
        answer = admin("POST", f"{path}/history", data)
        known.update({int(one["login"]): str(one["balance"]) for one in answer["accounts"]})
    return known


def _past(book: Book, group: str, life: Life) -> dict[str, Any]:
    from tenant_apps.trading.operations import operation_id

    assert life.verified_at is not None
    note = str(server_of(book.broker).settings.get("comment", ""))[:7]
    past: dict[str, Any] = {
        "login": login_of(life),
        "group": group,
        "name": life.latin,
        "leverage": life.leverage,
        "registered": int(life.verified_at.timestamp()),
        "Email": life.email,
        "Country": life.country.code,
        "Comment": f"#{book.clients[life.index].number}",
        "deals": [
            {
                "type": "balance",
                "amount": str(Money(paid.to_account, paid.currency).amount),
                "at": int(_arrives(paid.at).timestamp()),
                "comment": f"{operation_id(command_id(book.broker, life, number))} {note}",
            }
            for number, paid in enumerate(life.deposits)
            if paid.to_account
        ],
    }
    if life.trades and life.deposits:
        begins, ends = _arrives(life.deposits[0].at) + timedelta(minutes=20), book.until - timedelta(minutes=2)
        if ends - begins > timedelta(hours=2):
            past["generate"] = {"trades": life.trades, "from": int(begins.timestamp()), "to": int(ends.timestamp())}
    if life.robot:
        past["robot"] = life.robot
    return past


def _arrives(paid_at: Any) -> Any:
    """When a deposit passed on stands on the server."""
    return paid_at + timedelta(seconds=40)


def _account(book: Book, server: Any, account_type: Any, life: Life, balances: dict[int, str]) -> Any:
    from tenant_apps.trading.models import AccountState, TradingAccount

    client, login = book.clients[life.index], login_of(life)
    opened = life.verified_at + timedelta(seconds=30) if life.verified_at else book.until
    minor = Money.of(balances[login], life.currency).minor if login in balances else 0
    row = TradingAccount(
        client=client,
        server=server,
        account_type=account_type,
        login=login,
        currency=life.currency,
        leverage=life.leverage,
        live=True,
        state=AccountState.OPEN,
        ledger_kind=f"trading:{login}",
        balance_minor=minor,
        equity_minor=minor,
        free_margin_minor=minor,
        opened_at=opened,
        history_synced_at=book.until,
        dedupe_key=f"first:{client.pk}",
        created_at=opened,
        updated_at=opened,
    )
    book.trail.line(
        client.pk, "trading.account_opened", opened, SEED, login=str(login), type=str(account_type), live=True
    )
    book.trail.act("trading.account_requested", opened, SEED, row, client.pk, type=str(account_type))
    return row


def _transfers(book: Book, accounts: dict[int, Any], wanted: list[Life]) -> None:
    """The operations that passed deposits on, finished; the ledger's side is posted in the order of time later."""
    from tenant_apps.trading.models import Direction, Transfer, TransferState

    rows = []
    for life in wanted:
        account = accounts[login_of(life)]
        for number, paid in enumerate(life.deposits):
            if not paid.to_account:
                continue
            amount = Money(paid.to_account, paid.currency)
            arrived = _arrives(paid.at)
            rows.append(
                Transfer(
                    account=account, client_id=account.client_id, direction=Direction.TO_ACCOUNT,
                    amount_minor=amount.minor, currency=amount.currency, state=TransferState.DONE,
                    command_id=command_id(book.broker, life, number), key=f"demo:{life.index}:{number}",
                    finished_at=arrived, created_at=paid.at, updated_at=arrived,
                )
            )  # fmt: skip
            book.trail.line(
                account.client_id, "trading.transfer_done", arrived, SEED, amount=amount, login=str(account.login),
                direction="in", problem="",
            )  # fmt: skip
    Transfer.objects.bulk_create(rows, batch_size=BATCH)


def follow_ports(broker: Broker) -> bool:
    """Correct the server's port and certificate after a start on other ports. True when something changed."""
    from tenant_apps.trading.models import TradingServer
    from tenant_apps.trading.services.servers import server_save

    address, ca_file = urlsplit(settings.SANDBOX.get("mt5_url") or ""), settings.SANDBOX.get("mt5_ca") or ""
    row = TradingServer.objects.filter(name=broker.slug, host__endswith=".mt5.localhost").first()
    if row is None or address.port is None or (row.port == address.port and row.settings.get("ca_file") == ca_file):
        return False
    server_save(
        actor=SEED,
        name=row.name,
        host=row.host,
        port=address.port,
        manager=row.manager,
        settings={"ca_file": ca_file},
        enabled=row.enabled,
        server_id=row.pk,
    )
    return True
