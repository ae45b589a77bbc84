"""What was approved and is stopped since does not go out by any door, and goes on by itself when the stop is lifted."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from kernel import clock, commands
from kernel.models import Command, CommandState
from kernel.tests.dying import KILLED
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments import selectors
from tenant_apps.payments.errors import BatchRefused, WithdrawalRefused
from tenant_apps.payments.models import (
    BatchState,
    Deposit,
    Destination,
    DestinationState,
    PartState,
    PayoutBatch,
    PayoutLine,
    PayoutSettings,
    ProviderAccount,
    Withdrawal,
    WithdrawalPart,
    WithdrawalState,
)
from tenant_apps.payments.permissions_list import BATCH_MAKE, BATCH_RELEASE, DESTINATIONS, PROPOSE
from tenant_apps.payments.ports import PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import batches
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.destinations import destination_refuse
from tenant_apps.payments.services.freezes import freeze_lift
from tenant_apps.payments.services.parts import part_apply, part_ask
from tenant_apps.payments.services.stops import free_to_go, stop_of
from tenant_apps.payments.tasks import sweep

from .crash_worker import crashed
from .praxis_side import PraxisSide
from .stripe_side import StripeSide
from .support import SYSTEM, eur, run_commands, staff
from .test_bank import account, stands, wired
from .test_batches import made
from .test_exactly_once import pending_deposit, status
from .test_pages import officer
from .test_payouts_out import arrived, held, praxis, receiver, sent_to_the_page, servers
from .test_withdrawals import amounts, approved, funded, paid_in, requested, side

__all__ = ["account", "praxis", "receiver", "servers", "side"]  # the fixtures


def charged_back(person: Client) -> Deposit:
    """Another deposit of theirs came and was taken back: whatever was not sent stops."""
    deposit = pending_deposit(client=person)
    for news in (PaymentState.PAID, PaymentState.REVERSED):
        deposit_apply(deposit_id=deposit.pk, status=status(news), actor=SYSTEM)
    return deposit


def lifted(deposit: Deposit) -> None:
    freeze_lift(actor=staff(), deposit_id=deposit.pk)


def again() -> None:
    """Later, when commands that wait are looked at again; what was sent long ago has been there for a while."""
    Command.objects.exclude(sent_at=None).update(sent_at=clock.now() - timedelta(days=1))
    Command.objects.update(available_at=clock.now(), lease_until=None)
    run_commands()


# --- payment files --------------------------------------------------------------------------------------------------


def test_a_stopped_wire_is_in_no_file_until_the_stop_is_lifted(account: ProviderAccount) -> None:
    row, other = wired(account), wired(account)
    batch = made(account, row, other)
    loss = charged_back(row.client)
    assert stands(row)[:2] == ("sending", "sending")  # in a file, so nobody called it back
    with pytest.raises(BatchRefused) as refused:
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    assert f"{row.reference} is stopped for now. Cancel the file" in str(refused.value)
    batch.refresh_from_db()
    assert (batch.state, batch.file) == (BatchState.MADE, None)
    batches.payout_batch_cancel(actor=staff(BATCH_MAKE), batch_id=batch.pk, reason="stopped")
    (group,) = selectors.wires_to_send()
    assert [one.withdrawal_id for one in group.parts] == [other.pk]
    with pytest.raises(BatchRefused) as refused:
        made(account, row, other)
    assert f"{row.reference} is stopped for now. Take it out" in str(refused.value)
    assert not PayoutLine.objects.filter(live=True).exists()
    lifted(loss)
    assert len(selectors.wires_to_send()[0].parts) == 2
    again_made = made(account, row, other)
    assert batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=again_made.pk).state == BatchState.RELEASED


def test_nothing_is_paid_to_an_account_that_was_refused_meanwhile(account: ProviderAccount) -> None:
    row = wired(account)
    batch = made(account, row)
    destination_refuse(actor=staff(DESTINATIONS), destination_id=row.destination_id, reason="not theirs")
    with pytest.raises(BatchRefused, match=row.reference):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    batches.payout_batch_cancel(actor=staff(BATCH_MAKE), batch_id=batch.pk, reason="refused")
    assert selectors.wires_to_send() == []
    with pytest.raises(BatchRefused, match=row.reference):
        made(account, row)
    part = row.parts.get()
    with pytest.raises(WithdrawalRefused) as refusal:
        part_sent_by_hand(actor=staff(PROPOSE), part_id=part.pk, bank_reference="B1")
    assert refusal.value.data["check"] == "destination"
    assert part_refused_by_bank(actor=staff(PROPOSE), part_id=part.pk, reason="account refused") == "failed"
    assert stands(row) == ("failed", "failed", eur("500"))


def test_the_files_page_says_what_is_stopped(tenant: Any, account: ProviderAccount) -> None:
    row, other = wired(account), wired(account)
    batch = made(account, row, other)
    web = officer(tenant, "payments.batch.view", BATCH_MAKE, BATCH_RELEASE)
    page = web.get(f"/payments/batches/{batch.pk}/").content.decode()
    assert "Stopped" not in page
    assert f"/payments/batches/{batch.pk}/release/" in page
    charged_back(row.client)
    page = web.get(f"/payments/batches/{batch.pk}/").content.decode()
    assert (page.count(">Stopped"), "This file cannot be released" in page) == (1, True)
    assert f"/payments/batches/{batch.pk}/release/" not in page
    PayoutBatch.objects.update(state=BatchState.RELEASED)
    assert "Ask the bank not to carry it out" in web.get(f"/payments/batches/{batch.pk}/").content.decode()
    desk = web.get("/payments/batches/").content.decode()
    assert str(row.parts.get().pk) not in desk


def test_what_was_approved_for_somebody_who_became_another_waits(account: ProviderAccount) -> None:
    row = wired(account)
    assert len(selectors.wires_to_send()) == 1
    Client.objects.filter(pk=row.client_id).update(identity_changed_at=clock.now())
    assert selectors.wires_to_send() == []
    with pytest.raises(BatchRefused):
        made(account, row)
    with pytest.raises(WithdrawalRefused):
        part_sent_by_hand(actor=staff(), part_id=row.parts.get().pk, bank_reference="B1")
    Client.objects.filter(pk=row.client_id).update(identity_confirmed_at=clock.now())
    assert len(selectors.wires_to_send()) == 1
    assert stop_of(WithdrawalPart.objects.get(withdrawal=row)) == ""


@pytest.mark.parametrize("verify", [True, False])
def test_what_is_offered_is_exactly_what_nothing_stops(tenant: Any, verify: bool) -> None:
    PayoutSettings.objects.create(verify_destinations=verify)
    person = funded()
    row = requested(person)
    times = (None, clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1))
    offered = 0
    for state, usable_from, hold in itertools.product(DestinationState, times, ("", "reversal")):
        Destination.objects.update(state=state, usable_from=usable_from)
        Withdrawal.objects.update(hold_reason=hold)
        part = WithdrawalPart.objects.select_related("withdrawal__destination").get()
        found = WithdrawalPart.objects.filter(free_to_go()).exists()
        assert found == (not stop_of(part)), (state, usable_from, hold)
        offered += found
    assert offered == (2 if verify else 4)
    Withdrawal.objects.update(hold_reason="", destination=None)
    assert WithdrawalPart.objects.filter(free_to_go(), withdrawal=row).exists()


# --- commands -------------------------------------------------------------------------------------------------------


def refunds(side: StripeSide) -> int:
    return len(side.control("GET", "refunds")["data"])


def test_a_refund_that_was_not_sent_waits_and_goes_out_when_the_stop_is_lifted(side: StripeSide) -> None:
    person = paid_in(side)
    row = approved(person)
    loss = charged_back(person)
    for _ in range(3):
        again()
    command = Command.objects.get()
    assert (command.state, command.attempts, refunds(side)) == (CommandState.PENDING, 0, 0)
    row.refresh_from_db()
    assert (row.state, row.parts.get().state, amounts(person)[1]) == ("sending", "sending", eur("200"))
    lifted(loss)
    again()
    row.refresh_from_db()
    assert (row.state, refunds(side), amounts(person)) == (WithdrawalState.PAID, 1, (eur("300"), eur("0")))
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("arrived_", [True, False])
def test_a_refund_whose_outcome_is_unknown_is_asked_about_while_it_is_stopped(side: StripeSide, arrived_: bool) -> None:
    """Lost on the way there it waits; lost on the way back it is found. Sent a second time it never is."""
    person = paid_in(side)
    row = approved(person)
    if arrived_:
        commands.type_of("payments.refund").send(Command.objects.get())  # and the worker never learned of it
    Command.objects.update(state=CommandState.UNKNOWN, attempts=1, sent_at=clock.now())
    assert (Command.objects.get().state, refunds(side)) == (CommandState.UNKNOWN, int(arrived_))
    loss = charged_back(person)
    for _ in range(3):
        again()
    expected = CommandState.SUCCEEDED if arrived_ else CommandState.UNKNOWN
    assert (Command.objects.get().state, refunds(side)) == (expected, int(arrived_))
    lifted(loss)
    again()
    row.refresh_from_db()
    assert (row.state, refunds(side), amounts(person)) == (WithdrawalState.PAID, 1, (eur("300"), eur("0")))


@pytest.mark.slow
def test_a_worker_killed_before_the_call_sends_nothing_while_it_is_stopped(side: StripeSide) -> None:
    person = paid_in(side)
    row = approved(person)
    point = "tenant_apps.payments.adapters.stripe.provider.StripeProvider.refund:before"
    assert crashed("command", Command.objects.get().pk, point) == KILLED
    loss = charged_back(person)
    Command.objects.update(available_at=clock.now(), lease_until=clock.now(), sent_at=clock.now() - commands.LEASE)
    run_commands()
    assert (Command.objects.get().state, refunds(side)) == (CommandState.UNKNOWN, 0)
    lifted(loss)
    again()
    row.refresh_from_db()
    assert (row.state, refunds(side)) == (WithdrawalState.PAID, 1)


# --- a payout that the payee finishes -------------------------------------------------------------------------------


def out(side: PraxisSide) -> list[str]:
    return [one["transaction_status"] for one in side.control("GET", "transactions")["data"]]


def test_a_payout_is_looked_at_and_not_completed_while_it_is_stopped(praxis: PraxisSide) -> None:
    person, row = sent_to_the_page(praxis)
    part = row.parts.get()
    loss = charged_back(person)
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    assert [part_ask(part_id=part.pk, actor=SYSTEM) for _ in range(2)] == ["pending", "pending"]
    assert (out(praxis), sweep.run()) == (["requested"], 0)
    lifted(loss)
    assert sweep.run() == 1  # without waiting for the provider's silence to end
    row.refresh_from_db()
    assert (row.state, out(praxis)) == (WithdrawalState.PAID, ["approved"])
    assert held(person, "EUR") == (eur("300"), eur("0"))


def test_a_payout_of_unknown_outcome_is_looked_at_and_not_completed(praxis: PraxisSide) -> None:
    person, row = sent_to_the_page(praxis)
    part = row.parts.get()
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    Command.objects.update(state=CommandState.UNKNOWN, result=None, finished_at=None)
    charged_back(person)
    again()
    assert (Command.objects.get().state, out(praxis)) == (CommandState.SUCCEEDED, ["requested"])
    assert row.parts.get().state == PartState.SENDING


def test_a_payout_that_has_failed_is_not_completed(praxis: PraxisSide) -> None:
    """The money is in the wallet again, whatever the payee still does on the old page."""
    _, row = sent_to_the_page(praxis)
    part = row.parts.get()
    failed = RefundStatus(state=RefundState.FAILED, reference="", amount=part.amount, failure_text="no")
    assert part_apply(part_id=part.pk, status=failed, actor=SYSTEM) == "failed"
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    part_ask(part_id=part.pk, actor=SYSTEM)
    assert (row.parts.get().state, out(praxis)) == (PartState.FAILED, ["requested"])


def test_a_payout_to_an_account_refused_meanwhile_is_not_completed(praxis: PraxisSide) -> None:
    _, row = sent_to_the_page(praxis)
    part = row.parts.get()
    destination_refuse(actor=staff(DESTINATIONS), destination_id=row.destination_id, reason="not theirs")
    praxis.control("POST", f"sessions/{part.pk}/withdraw", {"account": "lena@example.com"})
    arrived(part.pk, "requested")
    assert (part_ask(part_id=part.pk, actor=SYSTEM), out(praxis)) == ("pending", ["requested"])
