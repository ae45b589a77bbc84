"""Deals as the bridge stores them, with all that follows from them, beside COPY of the finished rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import connection, connections, transaction

from kernel import clock
from kernel.money import Money
from kernel.tenancy import context, schemas
from kernel.tenancy.context import TenantRef

from .measure import Result, compare
from .world import make_tenants, signed_in

EACH, ACCOUNTS = 2_000, 50  # deals at once, as after a minute's gap of a busy server
GOAL = 0.5
# The same table without what looks things up elsewhere: foreign keys.
TABLE = """CREATE TABLE bench_deal (LIKE trading_deal INCLUDING ALL); GRANT ALL ON bench_deal TO "r_{schema}";
           GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{schema}" TO "r_{schema}" """


def run(rounds: int) -> Result:
    """`store_deals` of new deals of fifty accounts, half of them closing positions: rows, ledger, events, watermark."""
    (ref,) = make_tenants(1)
    with context.owner(ref.schema), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(TABLE.format(schema=ref.schema))
    with context.use(ref):
        return _compare(rounds, *_scene(ref))


def _compare(rounds: int, server: Any, accounts: dict[int, Any]) -> Result:
    from tenant_apps.trading.bridge.ingest import copy_new, store_deals
    from tenant_apps.trading.bridge.records import DEAL_COLUMNS, deal_row

    waiting: list[list[Any]] = []
    deals = _deals(server, list(accounts))

    def prepare(_: int) -> None:
        waiting[:] = [[next(deals) for _ in range(EACH)] for _ in range(3)]

    def by_service(_: int) -> None:
        assert len(store_deals(server, waiting[0], accounts).new) == EACH

    def by_copy(_: int) -> None:
        columns, now = ", ".join(f'"{name}"' for name in DEAL_COLUMNS), clock.now()
        with connection.cursor() as cursor, cursor.copy(f"COPY bench_deal ({columns}) FROM STDIN") as copy:
            for deal in waiting[1]:
                copy.write_row(deal_row(deal, server.pk, accounts[deal.login], now))

    def by_rows(_: int) -> None:
        with transaction.atomic():
            assert len(copy_new(server.pk, waiting[2], accounts)) == EACH

    result = compare(
        f"{EACH:,} deals of {len(accounts)} accounts at once",
        [
            ("COPY of the rows, nothing else", by_copy),
            ("the rows, new ones only, with foreign keys", by_rows),
            ("bridge.ingest.store_deals", by_service),
        ],
        rounds=rounds, each=EACH, unit="deal", before=prepare,
    )  # fmt: skip
    copied, rows, stored = (1 / one.median for one in result.series)
    result.note = (
        f"the rows alone {rows / copied:.2f} of COPY's {copied:,.0f} deals/s (goal {GOAL}); {stored:,.0f} deals/s, {stored / copied:.2f},"
        " with the ledger's mirrors, an event for each account that closed positions, stop-outs, the watermark"
    )
    return result


def _scene(ref: TenantRef) -> tuple[Any, dict[int, Any]]:
    from tenant_apps.trading.bridge.records import accounts_of
    from tenant_apps.trading.models import AccountType, TradingAccount, TradingServer

    server = TradingServer.objects.create(name="bench", host="bench.example", manager=1)
    kind = AccountType.objects.create(server=server, name="Standard", group="real", currency="EUR")
    for login in range(1, ACCOUNTS + 1):
        client, _ = signed_in(login)
        TradingAccount.objects.create(
            client=client, server=server, account_type=kind, login=login, ledger_kind=f"trading:{login}", state="open",
            currency="EUR", leverage=30, history_synced_at=clock.now(), live=True,
        )  # fmt: skip
    return server, accounts_of(server.pk)


def _deals(server: Any, logins: list[int]) -> Iterator[Any]:
    """Without end: each account opens and closes in turn."""
    from tenant_apps.trading.ports import Amount, Deal, DealEntry, DealKind, DealReason, Lots, Price, Rate

    one, none = Decimal(1), Amount(Decimal(0))
    first = Deal(
        server=server.name, deal=0, login=0, order=1, position=1, external_id=str(uuid4()), kind=DealKind.BUY,
        entry=DealEntry.IN, reason=DealReason.CLIENT, symbol="EURUSD", lots=Lots(one), closed_lots=Lots(Decimal(0)),
        price=Price(Decimal("1.08351")), position_price=Price(Decimal("1.08351")), bid=None, ask=None,
        gateway_price=None, contract_size=Decimal(100_000), profit=none, swap=none, commission=none, fee=none,
        profit_rate=Rate(one), margin_rate=Rate(one), digits=2, executed_at=clock.now(), comment="", raw={},
    )  # fmt: skip
    number = 0
    while True:
        for login in logins:
            number += 2
            at = first.executed_at + timedelta(milliseconds=number)
            yield replace(first, deal=number, login=login, position=number, executed_at=at)
            yield replace(
                first, deal=number + 1, login=login, position=number, kind=DealKind.SELL, entry=DealEntry.OUT,
                closed_lots=Lots(one), profit=Amount(Money(number % 700 - 350, "EUR").amount), executed_at=at,
            )  # fmt: skip
