"""One of each thing that can be stuck, as old as `at`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from kernel.ids import short_id
from tenant_apps.bonuses.models import Grant, GrantState, Scheme, SchemeVersion
from tenant_apps.payments.models import (
    BankLine,
    BankStatement,
    Deposit,
    DepositState,
    PayoutBatch,
    SuspensePayment,
    Withdrawal,
)
from tenant_apps.payments.tests.support import make_account, make_client
from tenant_apps.reconciliation.models import Report
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    CaseKind,
    Deal,
    Direction,
    TradingAccount,
    TradingServer,
    Transfer,
)
from tenant_apps.trading.models import Case as TradingCase
from tenant_apps.wallets.models import ProposedChange

numbers = itertools.count(1)
MONEY: dict[str, Any] = {"amount_minor": 500, "currency": "EUR"}


def trading_account() -> TradingAccount:
    number = next(numbers)
    server, _ = TradingServer.objects.get_or_create(name="mt5", defaults={"host": "mt5.example", "manager": 1})
    kind, _ = AccountType.objects.get_or_create(
        name="Standard", server=server, currency="EUR",
        defaults={"group": "std", "leverages": [30], "leverage_default": 30},
    )  # fmt: skip
    return TradingAccount.objects.create(
        client=make_client(), server=server, account_type=kind, login=number, currency="EUR", leverage=30,
        state=AccountState.OPEN, ledger_kind=f"trading:{number}", dedupe_key=str(number),
    )  # fmt: skip


def transfer(at: datetime, **values: Any) -> Transfer:
    account = trading_account()
    fields = {"direction": Direction.TO_ACCOUNT, "key": str(uuid4()), "created_at": at, **MONEY}
    return Transfer.objects.create(account=account, client=account.client, **{**fields, **values})


def overdue(at: datetime) -> Withdrawal:
    return Withdrawal.objects.create(client=make_client(), reference=f"W{short_id(8)}", due_at=at, **MONEY)


def deposit(**values: Any) -> Deposit:
    return Deposit.objects.create(
        client=make_client(), reference=f"D{short_id(8)}", method="card", provider_account=make_account("stripe"),
        **{**MONEY, **values},
    )  # fmt: skip


def suspense(at: datetime) -> SuspensePayment:
    row = deposit(state=DepositState.SUSPENSE)
    return SuspensePayment.objects.create(deposit=row, currency="USD", amount_minor=500, left_minor=400, created_at=at)


def statement(at: datetime, **values: Any) -> BankStatement:
    return BankStatement.objects.create(
        provider_account=make_account("bank_wire", settings={}), name="x.xml", sha256=short_id(64), iban="",
        statement_id=f"S{next(numbers)}", currency="EUR", opening_minor=0, closing_minor=0, imported_by="Ann",
        created_at=at, **values,
    )  # fmt: skip


def line(at: datetime) -> BankLine:
    return BankLine.objects.create(
        statement=statement(at), position=1, line_key=str(uuid4()), booked_on=(at - timedelta(days=1)).date(), **MONEY
    )


def waiting_statement(at: datetime) -> BankStatement:
    return statement(at, state="waiting")


def batch(at: datetime) -> PayoutBatch:
    return PayoutBatch.objects.create(
        provider_account=make_account("bank_wire", settings={}), reference=f"P{short_id(8)}", currency="EUR",
        execution_on=at.date(), total_minor=500, count=1, maker_id="ann", maker_label="Ann", created_at=at,
    )  # fmt: skip


def change(at: datetime, kind: str = "limits") -> ProposedChange:
    return ProposedChange.objects.create(
        kind=kind, object_id=uuid4(), title="EUR", proposer_id="ann", proposer_label="Ann", created_at=at
    )


def report(at: datetime) -> Report:
    return Report.objects.create(
        provider_account=make_account("stripe"), name="r.csv", sha256=short_id(64), created_at=at,
        imported_by="Ann",
    )  # fmt: skip


def trading_case(at: datetime) -> TradingCase:
    account = trading_account()
    return TradingCase.objects.create(
        kind=CaseKind.MISMATCH, server=account.server, account=account, dedupe_key=str(uuid4()), created_at=at, **MONEY
    )


def bonus(at: datetime, *, traded_at: datetime | None = None) -> Grant:
    """Earned at that moment: one lot was needed and one was traded, and trading went on since."""
    account, begun = trading_account(), at - timedelta(days=1)
    version = SchemeVersion.objects.create(
        scheme=Scheme.objects.create(code=f"welcome {next(numbers)}"), number=1, percent=50, starts_at=begun,
        state="approved", proposer_id="one", decider_id="two", currencies={},
    )  # fmt: skip
    grant = Grant.objects.create(
        client=account.client, version=version, account=account, deposit=deposit(state=DepositState.CREDITED),
        reference=f"B{next(numbers)}", amount_minor=10_000, credit_minor=10_000, currency="EUR",
        lots_per_unit=Decimal("0.01"), state=GrantState.ACTIVE, pack="offshore", active_at=begun,
    )  # fmt: skip
    for moment in (traded_at or at, at + timedelta(days=30)):
        closed(account, moment)
    TradingAccount.objects.filter(pk=account.pk).update(last_deal_at=at + timedelta(days=30))
    return grant


def closed(account: TradingAccount, at: datetime) -> Deal:
    number = next(numbers)
    return Deal.objects.create(
        server=account.server, deal=number, account=account, login=account.login, order=number, position=number,
        kind="buy", entry="out", reason="client", symbol="EURUSD", lots=1, closed_lots=1, price=1, position_price=1,
        contract_size=1, profit_minor=0, swap_minor=0, commission_minor=0, result_minor=0, currency="EUR", digits=5,
        executed_at=at, stored_at=at,
    )  # fmt: skip


ONE_OF_EACH: dict[str, tuple[str, Callable[[datetime], Any]]] = {
    "transfer_hours": ("transfer", transfer),
    "overdue_hours": ("overdue", overdue),
    "suspense_days": ("suspense", suspense),
    "line_days": ("bank_line", line),
    "second_hours": ("second", waiting_statement),
    "report_hours": ("report", report),
    "trading_case_days": ("trading_case", trading_case),
    "bonus_days": ("bonus", bonus),
}
