"""Whatever moves a client's payments waits for the client's turn: held elsewhere, it gives up at the lock and has changed
nothing. The turn is held by a connection of its own, as another worker would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import OperationalError, connection

from kernel import locks
from kernel.ids import uuid7
from kernel.models import AuditEntry, OutboxMessage
from tenant_apps.clients.models import Client
from tenant_apps.ledger.models import Entry, Hold
from tenant_apps.payments.models import (
    BankLine,
    BankStatement,
    Deposit,
    Freeze,
    FundsThreshold,
    PayoutBatch,
    PayoutLine,
    SuspensePayment,
    Withdrawal,
    WithdrawalPart,
)
from tenant_apps.payments.permissions_list import BANK_APPROVE, BATCH_MAKE, BATCH_RELEASE
from tenant_apps.payments.ports import PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import bank, bank_lines, batches, suspense
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.freezes import freeze_lift, freeze_more, freeze_take
from tenant_apps.payments.services.losses import deposit_refunded
from tenant_apps.payments.services.parts import part_apply
from tenant_apps.payments.services.stops import stop_now
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_cancel,
    withdrawal_check,
    withdrawal_reject,
)
from tenant_apps.wallets.models import ClientTransfer, Exchange, ExchangePolicy, TransferPolicy
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote
from tenant_apps.wallets.services.transfers import client_transfer_approve, client_transfer_send
from tenant_apps.wallets.tests.support import give, sheet

from .support import SYSTEM, client_actor, eur, make_client, staff
from .test_bank import announced, document, entry, uploaded, wire_account, wired
from .test_batches import made, report
from .test_exactly_once import pending_deposit, status
from .test_freeze_arrivals import carried_away
from .test_money_states import in_suspense
from .test_withdrawals import funded, requested

Scene = tuple[UUID, Callable[[], Any]]  # whose turn it is, and what is to be done
MOVED = (
    AuditEntry, BankLine, BankStatement, ClientTransfer, Deposit, Entry, Exchange, Freeze, Hold, OutboxMessage,
    PayoutBatch, PayoutLine, SuspensePayment, Withdrawal, WithdrawalPart,
)  # fmt: skip


@contextmanager
def turn_held(client_id: UUID) -> Iterator[None]:
    """Another connection has the client's turn; ours waits a moment only."""
    number = locks._number(f"payments.client:{client_id}")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [number])
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
        yield
        other.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0")


def rows() -> dict[str, list[Any]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in MOVED}


# --- withdrawals ----------------------------------------------------------------------------------------------------


def asking() -> Scene:
    person = funded()
    return person.pk, lambda: requested(person)


def checking() -> Scene:
    row = requested(funded())
    return row.client_id, lambda: withdrawal_check(actor=staff(), withdrawal_id=row.pk)


def approving() -> Scene:
    row = requested(funded())
    withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    return row.client_id, lambda: withdrawal_approve(actor=staff(), withdrawal_id=row.pk)


def rejecting() -> Scene:
    row = requested(funded())
    return row.client_id, lambda: withdrawal_reject(actor=staff(), withdrawal_id=row.pk, reason="origin")


def cancelling() -> Scene:
    row = requested(funded())
    return row.client_id, lambda: withdrawal_cancel(actor=client_actor(row.client), withdrawal_id=row.pk)


# --- parts and payment files ----------------------------------------------------------------------------------------


def part_told() -> Scene:
    row = wired(wire_account())
    told = RefundStatus(state=RefundState.SUCCEEDED, reference="r1", amount=eur("200"))
    return row.client_id, lambda: part_apply(part_id=row.parts.get().pk, status=told, actor=SYSTEM)


def by_hand() -> Scene:
    row = wired(wire_account())
    return row.client_id, lambda: part_sent_by_hand(actor=staff(), part_id=row.parts.get().pk, bank_reference="B1")


def bank_refused() -> Scene:
    row = wired(wire_account())
    return row.client_id, lambda: part_refused_by_bank(actor=staff(), part_id=row.parts.get().pk, reason="closed")


def sending() -> Scene:
    row = wired(wire_account())
    return row.client_id, lambda: stop_now(row.parts.get().pk)


def file_made() -> Scene:
    account = wire_account()
    first, second = wired(account), wired(account)
    return second.client_id, lambda: made(account, first, second)


def file_released() -> Scene:
    account = wire_account()
    first, second = wired(account), wired(account)
    batch = made(account, first, second)
    return second.client_id, lambda: batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)


def file_answered() -> Scene:
    account = wire_account()
    row = wired(account)
    batch = batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=made(account, row).pk)
    told = report(batch, f"{row.reference} RJCT AC04")
    return row.client_id, lambda: batches.payout_status_read(actor=staff(BATCH_MAKE), batch_id=batch.pk, data=told)


# --- deposits and statements ----------------------------------------------------------------------------------------


def deposit_told() -> Scene:
    deposit = pending_deposit()
    news = status(PaymentState.PAID)
    return deposit.client_id, lambda: deposit_apply(deposit_id=deposit.pk, status=news, actor=SYSTEM)


def charged_back() -> Scene:
    deposit = pending_deposit()
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    news = status(PaymentState.REVERSED)
    return deposit.client_id, lambda: deposit_apply(deposit_id=deposit.pk, status=news, actor=SYSTEM)


def given_back_there() -> Scene:
    deposit = pending_deposit()
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    refund = RefundStatus(state=RefundState.SUCCEEDED, reference="r1", amount=eur("100"))
    return deposit.client_id, lambda: deposit_refunded(deposit_id=deposit.pk, refund=refund, actor=SYSTEM)


def statement_taken_in() -> Scene:
    """By one person, where the account wants no second."""
    account = wire_account()
    account.settings = {**account.settings, "statement_eyes": "one"}
    account.save()
    deposit = announced(account)
    return deposit.client_id, lambda: uploaded(account, document(entry("500", deposit.reference)))


def statement_approved() -> Scene:
    account = wire_account()
    deposit = announced(account)
    row = uploaded(account, document(entry("500", deposit.reference))).statements[0]
    return deposit.client_id, lambda: bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=row.pk)


def line_assigned() -> Scene:
    account, person = wire_account(), make_client()
    uploaded_ = uploaded(account, document(entry("500", "nobody knows")))
    bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=uploaded_.statements[0].pk)
    line = BankLine.objects.get()
    bank_lines.line_propose(actor=staff(), line_id=line.pk, client_number=person.number)
    return person.pk, lambda: bank_lines.line_approve(actor=staff(), line_id=line.pk)


# --- freezes and suspense -------------------------------------------------------------------------------------------


def set_aside() -> Scene:
    deposit, _ = carried_away()
    give(deposit.client, "100")
    return deposit.client_id, lambda: freeze_more(deposit.client_id, "EUR")


def covered() -> Scene:
    deposit, _ = carried_away()
    give(deposit.client, "100")
    freeze_more(deposit.client_id, "EUR")
    return deposit.client_id, lambda: freeze_take(actor=staff(), deposit_id=deposit.pk)


def lifting() -> Scene:
    deposit, _ = carried_away()
    return deposit.client_id, lambda: freeze_lift(actor=staff(), deposit_id=deposit.pk)


def suspense_proposed() -> Scene:
    deposit, row = in_suspense()
    return deposit.client_id, lambda: suspense.suspense_propose(actor=staff(), row_id=row.pk, decision="credit")


def _proposed() -> tuple[Deposit, SuspensePayment]:
    deposit, row = in_suspense()
    suspense.suspense_propose(actor=staff(), row_id=row.pk, decision="credit")
    return deposit, row


def suspense_withdrawn() -> Scene:
    deposit, row = _proposed()
    return deposit.client_id, lambda: suspense.suspense_withdraw(actor=staff(), row_id=row.pk)


def suspense_approved() -> Scene:
    deposit, row = _proposed()
    return deposit.client_id, lambda: suspense.suspense_approve(actor=staff(), row_id=row.pk)


# --- wallets --------------------------------------------------------------------------------------------------------


def _two(approval: int | None = None) -> tuple[Client, Client]:
    ExchangePolicy.objects.create(transfers_enabled=True)
    TransferPolicy.objects.create(currency="EUR", minimum_minor=1, daily_minor=10**9, approval_minor=approval)
    FundsThreshold.objects.create(currency="EUR", amount_minor=10**9)
    sheet()
    one, two = make_client(user_id=uuid7()), make_client(user_id=uuid7())
    give(one, "500")
    return one, two


def _sent(one: Client, two: Client) -> ClientTransfer:
    return client_transfer_send(
        actor=client_actor(one), client=one, number=two.number, email=two.email, amount=eur("100"), key="one"
    )


def sent_to_a_client() -> Scene:
    one, two = _two()
    return one.pk, lambda: _sent(one, two)


def transfer_agreed_to() -> Scene:
    one, two = _two(approval=1)
    row = _sent(one, two)
    return one.pk, lambda: client_transfer_approve(actor=staff(), client_transfer_id=row.pk)


def exchange_carried_out() -> Scene:
    one, _ = _two()
    row = exchange_quote(
        actor=client_actor(one), client=one, amount=eur("100"), give_currency="EUR", get_currency="USD"
    )
    return one.pk, lambda: exchange_confirm(actor=client_actor(one), exchange_id=row.pk)


SCENES = (
    asking, checking, approving, rejecting, cancelling, part_told, by_hand, bank_refused, sending, file_made,
    file_released, file_answered, deposit_told, charged_back, given_back_there, statement_taken_in, statement_approved,
    line_assigned, set_aside, covered, lifting, suspense_proposed, suspense_withdrawn, suspense_approved, sent_to_a_client,
    transfer_agreed_to, exchange_carried_out,
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_it_waits_for_the_clients_turn(
    tenant: Any, scene: Callable[[], Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = locks._number
    with monkeypatch.context() as before_it:
        # The turns that the scene takes last as long as the test's transaction: they are taken under other numbers.
        before_it.setattr(locks, "_number", lambda name: number(f"scene:{name}"))
        client_id, act = scene()
    before = rows()
    with turn_held(client_id), pytest.raises(OperationalError, match="lock timeout"):
        act()
    assert rows() == before
    act()  # and once the turn is free, it goes through
