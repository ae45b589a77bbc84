"""Money out: held from the request on, two pairs of eyes, back to source, one effect whatever the network does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock, commands
from kernel.actors import Actor, Reach
from kernel.errors import Forbidden, NotFound, OutcomeUnknown
from kernel.ids import uuid7
from kernel.models import AuditEntry, Command, OutboxMessage
from kernel.money import Money
from kernel.tests.dying import KILLED
from sandbox.tests.support import Sandbox
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, Role, User
from tenant_apps.clients.models import Client, KycState
from tenant_apps.ledger import selectors as ledger
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.adapters.paytabs import PayTabsProvider
from tenant_apps.payments.errors import SamePerson, WithdrawalRefused, WrongState
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    PartState,
    Withdrawal,
    WithdrawalPart,
    WithdrawalPolicy,
    WithdrawalState,
)
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.by_hand import part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.parts import parts_to_ask
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_cancel,
    withdrawal_check,
    withdrawal_reject,
    withdrawal_request,
)
from tenant_apps.payments.tasks import sweep
from tenant_apps.wallets.selectors import wallet_of

from .crash_worker import crashed
from .stripe_side import StripeSide
from .support import (
    SYSTEM,
    client_actor,
    eur,
    make_account,
    make_client,
    make_destination,
    make_rule,
    run_commands,
    run_inbox,
    staff,
)

IBAN = "DE89370400440532013000"


def funded(kind: str = "bank_wire", amount: str = "500", **client: Any) -> Client:
    """A client whose wallet holds money that came by wire (nothing to refund to)."""
    account = make_account(kind, settings={"iban": IBAN, "holder": "Broker", "bic": "X", "bank": "Bank"})
    person = make_client(**client)
    deposit = Deposit.objects.create(
        client=person, provider_account=account, reference=f"D{person.number}", method="wire", currency="EUR",
        amount_minor=eur(amount).minor, received_minor=eur(amount).minor, state=DepositState.CREDITED,
        credited_at=clock.now(),
    )  # fmt: skip
    posting.deposit_post(deposit, eur(amount), eur("0"), actor=SYSTEM)
    make_destination(person)
    return person


def requested(person: Client, amount: str = "200") -> Withdrawal:
    return withdrawal_request(
        actor=client_actor(person), client=person, amount=eur(amount), iban=IBAN, holder="VOGT Lena"
    )


def amounts(person: Client) -> tuple[Money, Money]:
    wallet = wallet_of(person.pk, "EUR")
    assert wallet is not None
    return wallet.balance, wallet.held


def test_four_eyes_from_request_to_wire(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    assert amounts(person) == (eur("500"), eur("200"))
    proposer, approver = staff(PROPOSE, APPROVE), staff(APPROVE)
    withdrawal_check(actor=proposer, withdrawal_id=row.pk)
    with pytest.raises(SamePerson):
        withdrawal_approve(actor=proposer, withdrawal_id=row.pk)
    withdrawal_approve(actor=approver, withdrawal_id=row.pk)
    with pytest.raises(WrongState):
        withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    part = row.parts.get()
    assert (part.state, part.deposit_id) == (PartState.SENDING, None)
    assert part_sent_by_hand(actor=proposer, part_id=part.pk, bank_reference="B1") == "paid"
    row.refresh_from_db()
    assert (row.state, row.paid) == (WithdrawalState.PAID, eur("200"))
    assert amounts(person) == (eur("300"), eur("0"))
    assert OutboxMessage.objects.filter(name__startswith="payments.withdrawal").order_by("id").values_list(
        "name", flat=True
    )[::1] == ["payments.withdrawal_requested", "payments.withdrawal_approved", "payments.withdrawal_paid"]
    actions = list(AuditEntry.objects.filter(subject=str(person.pk)).order_by("id").values_list("action", flat=True))
    assert actions == [
        "payments.withdrawal_requested",
        "payments.withdrawal_checked",
        "payments.withdrawal_approved",
        "payments.wire_sent",
        "payments.withdrawal_paid",
    ]
    assert ledger.broken_invariants() == {}


def test_the_database_itself_refuses_one_person_twice(tenant: Any) -> None:
    from django.db import IntegrityError, transaction

    row = requested(funded())
    with pytest.raises(IntegrityError), transaction.atomic():
        Withdrawal.objects.filter(pk=row.pk).update(proposer_id="same", approver_id="same")


def test_a_log_in_moved_lately_lets_no_money_out(tenant: Any) -> None:
    """At the request, and where the request came first: at the check and at the approval."""
    person = funded(email_verified_at=clock.now())
    early, late = requested(person), requested(person, "100")
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=early.pk)
    Client.objects.filter(pk=person.pk).update(email_changed_at=clock.now())
    person.refresh_from_db()
    attempts = (
        lambda: requested(person, "50"),
        lambda: withdrawal_check(actor=staff(PROPOSE), withdrawal_id=late.pk),
        lambda: withdrawal_approve(actor=staff(APPROVE), withdrawal_id=early.pk),
    )
    for attempt in attempts:
        with pytest.raises(WithdrawalRefused) as refused:
            attempt()
        assert refused.value.data["check"] == "address"


def test_rejecting_gives_the_money_back_with_a_reason(tenant: Any) -> None:
    person = funded()
    row = requested(person)
    withdrawal_reject(actor=staff(PROPOSE), withdrawal_id=row.pk, reason="origin", text="Payslip, please.")
    row.refresh_from_db()
    assert (row.state, row.reason) == (WithdrawalState.REJECTED, "origin")
    assert amounts(person) == (eur("500"), eur("0"))
    with pytest.raises(WrongState):
        withdrawal_cancel(actor=client_actor(person), withdrawal_id=row.pk)


def test_only_its_client_cancels_and_only_before_the_last_approval(tenant: Any) -> None:
    person, other = funded(), make_client()
    row = requested(person)
    with pytest.raises(NotFound):
        withdrawal_cancel(actor=client_actor(other), withdrawal_id=row.pk)
    assert amounts(person) == (eur("500"), eur("200"))
    withdrawal_cancel(actor=client_actor(person), withdrawal_id=row.pk)
    assert amounts(person) == (eur("500"), eur("0"))
    second = requested(person)
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=second.pk)
    withdrawal_cancel(actor=client_actor(person), withdrawal_id=second.pk)
    assert amounts(person) == (eur("500"), eur("0"))
    third = requested(person)
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=third.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=third.pk)
    with pytest.raises(WrongState):
        withdrawal_cancel(actor=client_actor(person), withdrawal_id=third.pk)


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [
        (staff("payments.view"), Forbidden),
        (staff(PROPOSE, reach=Reach.OWN), NotFound),
        (Actor(kind="visitor"), Forbidden),
    ],
)
def test_rights_are_needed_to_check(tenant: Any, actor: Actor, refusal: type[Exception]) -> None:
    row = requested(funded())
    with pytest.raises(refusal):
        withdrawal_check(actor=actor, withdrawal_id=row.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.REQUESTED


@pytest.mark.parametrize(
    ("change", "check"),
    [({"kyc_state": KycState.SUBMITTED}, "kyc"), ({"amount": "500.01"}, "funds"), ({"amount": "5"}, "limits")],
)
def test_what_cannot_be_paid_is_refused_and_nothing_is_held(tenant: Any, change: dict[str, Any], check: str) -> None:
    WithdrawalPolicy.objects.create(currency="EUR", minimum_minor=1000)
    amount = change.pop("amount", "100")
    person = funded(**change)
    with pytest.raises(WithdrawalRefused) as refused:
        requested(person, amount)
    assert refused.value.data["check"] == check
    assert amounts(person) == (eur("500"), eur("0"))
    assert Withdrawal.objects.count() == 0


def test_a_wire_in_another_name_is_refused(tenant: Any) -> None:
    from kernel.errors import Invalid

    person = funded()
    with pytest.raises(Invalid) as refused:
        withdrawal_request(
            actor=client_actor(person), client=person, amount=eur("10"), iban=IBAN, holder="Karl Vogt"
        )  # fmt: skip
    assert refused.value.field == "holder"


@pytest.fixture
def side(live_tenant: Any, portal_port: int, stripe_server: Sandbox) -> StripeSide:
    return StripeSide(stripe_server)


def paid_in(
    side: StripeSide, amount: str = "500", method: str = "card", *, webhook: bool = True, **values: Any
) -> Client:
    account = side.connect(webhook=webhook)
    make_rule(account, method)
    person = make_client()
    deposit = deposit_start(
        actor=client_actor(person), client=person, amount=eur(amount), offer_key=f"{account.pk}:{method}"
    )
    deposit = deposit_open(deposit_id=deposit.pk)
    side.pay(deposit.provider_reference, method, **values)
    deposit_ask(deposit_id=deposit.pk, actor=SYSTEM)
    return person


def approved(person: Client, amount: str = "200") -> Withdrawal:
    row = requested(person, amount)
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    return withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)


def test_back_to_the_card_it_came_from(side: StripeSide) -> None:
    person = paid_in(side)
    row = approved(person)
    assert row.iban == ""
    run_commands()
    row.refresh_from_db()
    assert (row.state, row.paid) == (WithdrawalState.PAID, eur("200"))
    refund = side.control("GET", "refunds")["data"][0]
    assert (refund["amount"], refund["metadata"]["operation_id"]) == (20_000, str(row.parts.get().pk))
    assert amounts(person) == (eur("300"), eur("0"))
    account = row.parts.get().provider_account
    assert ledger.balance(posting.clearing(account, "EUR")).balance == eur("-292.25")  # less what Stripe keeps
    run_inbox()  # refund.created says the same once more
    assert amounts(person) == (eur("300"), eur("0"))


def test_source_first_and_the_rest_by_wire(side: StripeSide) -> None:
    make_account("bank_wire", settings={"iban": IBAN})
    person = paid_in(side)
    wallet = posting.wallet_ensure(client_id=person.pk, currency="EUR")
    profit = posting.account_ensure(owner=posting.HOUSE, kind="trading_pnl", currency="EUR")
    posting.post(
        kind="test", key="profit", actor=SYSTEM,
        legs=[posting.Leg(profit, eur("-100")), posting.Leg(wallet, eur("100"))],
    )  # fmt: skip
    row = requested(person, "600")
    parts = [(part.amount.minor, part.deposit_id is None) for part in row.parts.order_by("-amount_minor")]
    assert parts == [(50_000, False), (10_000, True)]
    assert amounts(person) == (eur("600"), eur("600"))


def test_an_answer_that_got_lost_is_found_not_sent_again(side: StripeSide) -> None:
    person = paid_in(side)
    row = approved(person)
    side.faults(api_reset_after_commit=3)
    command = Command.objects.get()
    commands.run(command.pk)
    side.faults()
    Command.objects.update(available_at=clock.now(), lease_until=None)
    commands.run(command.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.PAID
    assert len(side.control("GET", "refunds")["data"]) == 1
    assert amounts(person) == (eur("300"), eur("0"))


def test_where_sending_twice_pays_twice_nothing_is_sent_again_soon(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PayTabs has no idempotency key: while a lost refund may still be under way, "not found" proves nothing."""
    account = make_account("paytabs", settings={"profile_id": "1"})
    person = make_client()
    deposit = Deposit.objects.create(
        client=person, provider_account=account, reference="D1", method="card", currency="EUR", amount_minor=50_000,
        received_minor=50_000, state=DepositState.CREDITED, credited_at=clock.now(), payment_reference="TST1",
    )  # fmt: skip
    posting.deposit_post(deposit, eur("500"), eur("0"), actor=SYSTEM)
    approved(person)
    sent: list[Any] = []

    def refund(self: Any, **order: Any) -> Any:
        sent.append(order)
        raise OutcomeUnknown

    monkeypatch.setattr(PayTabsProvider, "refund", refund)
    monkeypatch.setattr(PayTabsProvider, "find_refund", lambda *_, **__: None)
    command = Command.objects.get()
    for waited in (timedelta(0), timedelta(seconds=30), timedelta(minutes=5)):
        Command.objects.update(available_at=clock.now(), sent_at=clock.now() - waited)
        assert commands.run(command.pk) == "unknown"
    assert len(sent) == 1
    Command.objects.update(available_at=clock.now(), sent_at=clock.now() - timedelta(minutes=11))
    commands.run(command.pk)
    assert len(sent) == 2


def test_a_refused_refund_releases_the_money(side: StripeSide) -> None:
    person = paid_in(side)
    row = approved(person)
    charge = side.control("GET", "charges")["data"][0]
    side.control("POST", f"charges/{charge['id']}/dispute", {})
    run_commands()
    row.refresh_from_db()
    assert row.state == WithdrawalState.FAILED
    assert "charged back" in row.parts.get().failure_text
    assert amounts(person)[1] == eur("0")


def test_a_refund_nobody_told_us_about_is_asked_after(live_tenant: Any, stripe_server: Sandbox) -> None:
    """A bank's refund is pending for days; the news of its end may never reach us, and the money is held meanwhile."""
    side = StripeSide(stripe_server)
    side.settings(refund_settle_seconds=None)
    person = paid_in(side, webhook=False, number="4000000000007726")
    row = approved(person)
    run_commands()
    part = row.parts.get()
    assert (part.state, amounts(person)) == (PartState.SENDING, (eur("500"), eur("200")))
    refund = side.control("GET", "refunds")["data"][0]
    side.control("POST", f"refunds/{refund['id']}/settle", {"outcome": "succeed"})
    assert parts_to_ask() == []
    row.parts.update(updated_at=clock.now() - timedelta(hours=7))
    sweep.run()
    row.refresh_from_db()
    assert (row.state, amounts(person)) == (WithdrawalState.PAID, (eur("300"), eur("0")))
    assert parts_to_ask() == []


def test_those_silent_longest_are_asked_about_first(tenant: Any) -> None:
    """Whatever the reason: silence, or two words of one part; one that has both is asked about once."""
    now = clock.now()
    rows = [requested(funded()).parts.get() for _ in range(3)]
    for part, hours in zip(rows, (8, 9, 10), strict=True):
        Command.objects.create(id=part.pk, kind="payments.payout", aggregate="x", state="succeeded")
        WithdrawalPart.objects.filter(pk=part.pk).update(state="sending", updated_at=now - timedelta(hours=hours))
    first, second, third = (part.pk for part in rows)
    WithdrawalPart.objects.filter(pk=second).update(state="failed", doubted_at=now)
    WithdrawalPart.objects.filter(pk=third).update(doubted_at=now)
    assert parts_to_ask() == [third, second, first]
    Command.objects.update(state="pending")
    assert parts_to_ask() == [third, second]


def test_a_refund_that_fails_days_later_comes_back(side: StripeSide) -> None:
    side.settings(refund_settle_seconds=None)
    person = paid_in(side, number="4000000000005126")
    row = approved(person)
    run_commands()
    assert amounts(person) == (eur("300"), eur("0"))
    refund = side.control("GET", "refunds")["data"][0]
    side.control("POST", f"refunds/{refund['id']}/settle", {"outcome": "fail"})
    from .test_stripe_deposit import delivered

    delivered("refund.failed")
    run_inbox()
    row.refresh_from_db()
    assert (row.state, row.paid) == (WithdrawalState.FAILED, eur("0"))
    assert amounts(person) == (eur("500"), eur("0"))
    assert ledger.broken_invariants() == {}


POINTS = [
    "tenant_apps.payments.adapters.stripe.provider.StripeProvider.refund:before",
    "tenant_apps.payments.adapters.stripe.provider.StripeProvider.refund:after",
    "tenant_apps.payments.services.posting.part_capture:after",
    "tenant_apps.payments.services.parts._announce_paid:after",
]


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_paying_out_pays_once(side: StripeSide, live_tenant: Any, point: str) -> None:
    person = paid_in(side)
    row = approved(person)
    command = Command.objects.get()
    assert crashed("command", command.pk, point) == KILLED
    Command.objects.update(available_at=clock.now(), lease_until=clock.now(), sent_at=clock.now() - commands.LEASE)
    commands.run(command.pk)
    row.refresh_from_db()
    assert row.state == WithdrawalState.PAID
    assert len(side.control("GET", "refunds")["data"]) == 1
    assert amounts(person) == (eur("300"), eur("0"))
    assert ledger.broken_invariants() == {}


def test_those_who_may_take_the_next_step_hear_of_it_once(tenant: Any) -> None:
    checker, approver, both, idle = (
        _finance("payments.withdrawal.propose"), _finance("payments.withdrawal.approve"),
        _finance("payments.withdrawal.propose", "payments.withdrawal.approve"), _finance("payments.view"),
    )  # fmt: skip
    person = funded()
    asked = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    told = Notification.objects.filter(data__withdrawal_id=str(asked.pk))
    assert set(told.values_list("user_id", flat=True)) == {checker.pk, both.pk}
    withdrawal_check(actor=actor_for(both), withdrawal_id=asked.pk)
    waits = told.filter(title="A withdrawal waits for your approval")
    assert list(waits.values_list("user_id", "link")) == [(approver.pk, f"/payments/withdrawals/{asked.pk}/")]
    assert told.count() == 3
    assert not told.filter(user_id=idle.pk).exists()


def _finance(*codes: str) -> User:
    role = Role.objects.create(
        name=str(uuid7()), code=str(uuid7()), grants=dict.fromkeys(codes, int(Reach.ALL)), second_factor_required=False
    )
    user = User.objects.create(realm=Realm.STAFF, email=f"{uuid7()}@example.com", name="Finance", language="en")
    user.roles.add(role)
    return user
