"""Too little, too much, another currency, charged back, and what the provider keeps: the ledger knows all of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actors import Actor, Reach
from kernel.errors import NotFound
from kernel.models import AuditEntry, OutboxMessage
from kernel.money import Money
from tenant_apps.accounts.models import Realm, Role, User
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.errors import SamePerson, WithdrawalRefused, WrongState
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    Freeze,
    PartState,
    ProposedChange,
    Reversal,
    SuspensePayment,
    SuspenseState,
    WithdrawalState,
)
from tenant_apps.payments.ports import DepositStatus, PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import posting, suspense
from tenant_apps.payments.services.by_hand import part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.freezes import freeze_lift, freeze_take
from tenant_apps.payments.services.losses import deposit_refunded
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_cancel,
    withdrawal_check,
    withdrawal_reject,
    withdrawal_request,
)
from tenant_apps.wallets.selectors import wallet_of

from .support import SYSTEM, client_actor, eur, make_account, make_destination, staff
from .test_exactly_once import pending_deposit
from .test_pages import officer, trader
from .test_withdrawals import IBAN

USD = Money(40_000, "USD")


def news(state: PaymentState, amount: Money | None = None, **values: Any) -> DepositStatus:
    return DepositStatus(state=state, provider_reference="", amount=amount, **values)


def tell(deposit: Deposit, state: PaymentState, amount: Money | None = None, **values: Any) -> str:
    done = deposit_apply(deposit_id=deposit.pk, status=news(state, amount, **values), actor=SYSTEM)
    deposit.refresh_from_db()
    return done


def house(kind: str, currency: str = "EUR") -> Money:
    return ledger.balance(posting.account_ensure(owner=posting.HOUSE, kind=kind, currency=currency)).balance


def cleared(deposit: Deposit, currency: str = "EUR") -> Money:
    return ledger.balance(posting.clearing(deposit.provider_account, currency)).balance


def wallet(deposit: Deposit, currency: str = "EUR") -> tuple[int, int]:
    found = wallet_of(deposit.client_id, currency)
    return (found.balance.minor, found.held.minor) if found else (0, 0)


def told(name: str) -> int:
    return OutboxMessage.objects.filter(name=name).count()


def test_a_loss_named_in_the_banks_currency_is_the_whole_payment(tenant: Any) -> None:
    """Taken back and won, heard of in either order and before the payment itself: dollars are never booked."""
    for steps in (["paid", "taken"], ["taken", "paid"], ["paid", "taken", "won"], ["won", "taken", "paid"]):
        deposit, states = pending_deposit(), {"paid": PaymentState.PAID, "taken": PaymentState.REVERSED}
        for step in steps:
            state = states.get(step, PaymentState.REINSTATED)
            amount = deposit.amount if step == "paid" else Money(54_321, "USD")
            tell(deposit, state, amount, dispute="" if step == "paid" else "d1", bank_amount=step != "paid")
        kept = deposit.amount if "won" in steps else Money.zero("EUR")
        assert deposit.state == (DepositState.CREDITED if "won" in steps else DepositState.REVERSED)
        assert (cleared(deposit), cleared(deposit, "USD")) == (-kept, Money.zero("USD"))
        assert not SuspensePayment.objects.exists()


def test_a_loss_of_a_payment_in_suspense_may_be_named_in_any_currency(tenant: Any) -> None:
    deposit, row = in_suspense()
    assert tell(deposit, PaymentState.REVERSED, eur("1"), dispute="d1", bank_amount=True) == "reversed"
    row.refresh_from_db()
    assert (row.left_minor, deposit.state, cleared(deposit, "USD").minor) == (0, DepositState.REVERSED, 0)


def another(deposit: Deposit, **values: Any) -> Deposit:
    """A second pending deposit of the same client."""
    return pending_deposit(client=deposit.client, **values)


# --- amounts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minor", "code"), [(49_999, "underpaid"), (50_000, ""), (50_001, "overpaid")])
def test_too_little_and_too_much_are_told_apart(tenant: Any, minor: int, code: str) -> None:
    deposit = pending_deposit()
    assert tell(deposit, PaymentState.PAID, Money(minor, "EUR")) == "credited"
    assert (deposit.attention, wallet(deposit)) == (code, (minor, 0))


# --- another currency -----------------------------------------------------------------------------------------------


def in_suspense() -> tuple[Deposit, SuspensePayment]:
    deposit = pending_deposit()
    assert tell(deposit, PaymentState.PAID, USD) == "other currency"
    return deposit, SuspensePayment.objects.get(deposit=deposit)


def test_another_currency_waits_in_suspense_once(tenant: Any) -> None:
    deposit, row = in_suspense()
    assert tell(deposit, PaymentState.PAID, USD) == "nothing"
    assert tell(deposit, PaymentState.PAID) == "nothing"
    assert (deposit.state, row.left, house("suspense", "USD"), cleared(deposit, "USD")) == (
        DepositState.SUSPENSE, USD, USD, -USD,
    )  # fmt: skip
    assert (wallet(deposit), wallet(deposit, "USD")) == ((0, 0), (0, 0))
    assert (told("payments.deposit_suspended"), told("payments.deposit_credited")) == (1, 0)


def test_two_people_credit_it_in_its_own_currency(tenant: Any) -> None:
    deposit, row = in_suspense()
    one, two = staff(), staff()
    suspense.suspense_propose(actor=one, row_id=row.pk, decision="credit", note="The client agrees")
    with pytest.raises(SamePerson):
        suspense.suspense_approve(actor=one, row_id=row.pk)
    suspense.suspense_approve(actor=two, row_id=row.pk)
    with pytest.raises(WrongState):
        suspense.suspense_approve(actor=two, row_id=row.pk)
    row.refresh_from_db()
    made = row.credited
    assert made is not None
    assert (made.received, made.state, made.first, made.payment_reference) == (
        USD, DepositState.CREDITED, True, deposit.payment_reference,
    )  # fmt: skip
    assert (wallet(deposit, "USD"), house("suspense", "USD"), cleared(deposit, "USD")) == (
        (USD.minor, 0), Money.zero("USD"), -USD,
    )  # fmt: skip
    # A chargeback of the payment is one of what it was credited as.
    assert tell(deposit, PaymentState.REVERSED) == "reversed"
    made.refresh_from_db()
    assert (made.state, wallet(deposit, "USD"), cleared(deposit, "USD")) == (
        DepositState.REVERSED, (0, 0), Money.zero("USD"),
    )  # fmt: skip
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("amount", [None, USD])
def test_a_loss_takes_what_waits_to_be_decided_before_what_was_credited(tenant: Any, amount: Money | None) -> None:
    """A part was taken back before the decision and won after it: nobody may credit it once all of the payment is lost."""
    deposit, row = in_suspense()
    part = Money(USD.minor // 4, "USD")
    tell(deposit, PaymentState.REVERSED, part, dispute="d1")
    one, two = staff(), staff()
    decided(row, one, two)
    tell(deposit, PaymentState.REINSTATED, part, dispute="d1")
    assert (house("suspense", "USD"), wallet(deposit, "USD")[0]) == (part, (USD - part).minor)
    assert [tell(deposit, PaymentState.REVERSED, amount, dispute="d2") for _ in range(2)] == ["reversed", "nothing"]
    row.refresh_from_db()
    assert (row.left_minor, row.state) == (0, SuspenseState.TAKEN_BACK)
    assert (house("suspense", "USD"), wallet(deposit, "USD")[0], cleared(deposit, "USD").minor) == (
        Money.zero("USD"),
        0,
        0,
    )
    assert tell(deposit, PaymentState.REINSTATED, amount, dispute="d2") == "reinstated"
    assert (house("suspense", "USD"), wallet(deposit, "USD")[0]) == (part, (USD - part).minor)
    assert cleared(deposit, "USD") == -USD
    decided(row, two, one)  # whoever approved before may propose now
    assert wallet(deposit, "USD")[0] == USD.minor
    assert ledger.broken_invariants() == {}


def test_a_loss_that_names_the_payment_is_one_of_what_it_was_credited_as(tenant: Any) -> None:
    """The reference and the fee of the dispute are those of the payment, which was credited in two parts."""
    deposit, row = in_suspense()
    part, fee = Money(USD.minor // 4, "USD"), Money(1_500, "EUR")
    tell(deposit, PaymentState.REVERSED, part, dispute="d1")
    decided(row, staff(), staff())
    tell(deposit, PaymentState.REINSTATED, part, dispute="d1")
    decided(row, staff(), staff())
    status = DepositStatus(
        state=PaymentState.REVERSED, provider_reference=deposit.provider_reference, dispute="d2", fee=fee
    )
    for done in ("reversed", "nothing"):
        assert deposit_apply(deposit_id=deposit.pk, status=status, actor=SYSTEM) == done
    made = suspense.credited_as(deposit)
    deposit.refresh_from_db()
    assert {one.provider_reference for one in made} == {""}
    assert [one.state for one in made] == [DepositState.REVERSED] * 2
    assert (deposit.provider_fee, [one.provider_fee for one in made]) == (fee, [None, None])
    assert (wallet(deposit, "USD")[0], cleared(deposit, "USD").minor, cleared(deposit)) == (0, 0, fee)
    assert Freeze.objects.filter(reversal__deposit__in=made).count() == 2
    assert ledger.broken_invariants() == {}


def test_old_news_of_a_loss_takes_nothing_out_of_suspense(tenant: Any) -> None:
    """What was credited bore it; since then something else came back to be decided."""
    deposit, row = in_suspense()
    part = Money(USD.minor // 4, "USD")
    tell(deposit, PaymentState.REVERSED, part, dispute="d0")
    decided(row, staff(), staff())
    assert tell(deposit, PaymentState.REVERSED, part, dispute="d1") == "reversed"
    tell(deposit, PaymentState.REINSTATED, part, dispute="d0")
    assert (house("suspense", "USD"), wallet(deposit, "USD")[0]) == (part, USD.minor - 2 * part.minor)
    assert tell(deposit, PaymentState.REVERSED, part, dispute="d1") == "nothing"
    assert (house("suspense", "USD"), wallet(deposit, "USD")[0]) == (part, USD.minor - 2 * part.minor)


def decided(row: SuspensePayment, proposer: Actor, approver: Actor) -> None:
    suspense.suspense_propose(actor=proposer, row_id=row.pk, decision="credit")
    suspense.suspense_approve(actor=approver, row_id=row.pk)


def test_two_people_send_it_back(tenant: Any) -> None:
    deposit, row = in_suspense()
    suspense.suspense_propose(actor=staff(), row_id=row.pk, decision="credit")
    suspense.suspense_withdraw(actor=staff(), row_id=row.pk)
    suspense.suspense_propose(actor=staff(), row_id=row.pk, decision="refund")
    suspense.suspense_approve(actor=staff(), row_id=row.pk)
    assert (house("suspense", "USD"), cleared(deposit, "USD")) == (Money.zero("USD"), Money.zero("USD"))
    # The provider's own news of the refund changes nothing more.
    refund = RefundStatus(state=RefundState.SUCCEEDED, reference="r1", amount=USD)
    assert deposit_refunded(deposit_id=deposit.pk, refund=refund, actor=SYSTEM) == "nothing taken"
    assert cleared(deposit, "USD") == Money.zero("USD")


def test_a_refund_at_the_provider_leaves_suspense_and_a_failed_one_comes_back(tenant: Any) -> None:
    deposit, row = in_suspense()
    refund = RefundStatus(state=RefundState.PENDING, reference="r1", amount=USD)
    assert deposit_refunded(deposit_id=deposit.pk, refund=refund, actor=SYSTEM) == "refunded"
    assert house("suspense", "USD") == Money.zero("USD")
    failed = RefundStatus(state=RefundState.FAILED, reference="r1", amount=USD)
    assert deposit_refunded(deposit_id=deposit.pk, refund=failed, actor=SYSTEM) == "refund failed"
    assert deposit_refunded(deposit_id=deposit.pk, refund=failed, actor=SYSTEM) == "nothing"
    row.refresh_from_db()
    assert (row.state, row.left, house("suspense", "USD")) == ("open", USD, USD)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["paid", "reversed", "reinstated", "credit", "refund", "approve", "refunded", "failed", "back"]),
        min_size=1, max_size=9,
    )
)  # fmt: skip
def test_nothing_of_another_currency_is_lost(tenant: Any, steps: list[str]) -> None:
    """Whatever happens in whatever order: what the provider owes us is what suspense and wallet hold of it."""
    deposit = pending_deposit()
    before = house("suspense", "USD").minor
    refund = {"refunded": RefundState.SUCCEEDED, "failed": RefundState.FAILED}
    for step in steps:
        row = SuspensePayment.objects.filter(deposit=deposit).first()
        try:
            if step in refund:
                status = RefundStatus(state=refund[step], reference="r1", amount=USD)
                deposit_refunded(deposit_id=deposit.pk, refund=status, actor=SYSTEM)
            elif step in {"paid", "reversed", "reinstated"}:
                tell(deposit, PaymentState(step), USD)
            elif row is not None and step == "approve":
                suspense.suspense_approve(actor=staff(), row_id=row.pk)
            elif row is not None and step == "back":
                suspense.suspense_withdraw(actor=staff(), row_id=row.pk)
            elif row is not None:
                suspense.suspense_propose(actor=staff(), row_id=row.pk, decision=step)
        except WrongState:
            continue
    row = SuspensePayment.objects.filter(deposit=deposit).first()
    kept = house("suspense", "USD").minor - before
    assert -cleared(deposit, "USD").minor == kept + wallet(deposit, "USD")[0]
    assert kept == (row.left_minor if row else 0)
    assert wallet(deposit) == (0, 0)
    assert told("payments.deposit_credited") <= told("payments.deposit_suspended")
    assert ledger.broken_invariants() == {}


def test_the_list_of_other_currencies_and_who_may_decide(tenant: Any) -> None:
    deposit, row = in_suspense()
    web = officer(tenant, "payments.view", "payments.withdrawal.propose")
    assert "$400.00" in web.get("/payments/suspense/").content.decode()
    assert web.post(f"/payments/suspense/{row.pk}/propose/", {"decision": "credit"}).status_code == 302
    assert web.post(f"/payments/suspense/{row.pk}/approve/").status_code == 403
    second = officer(tenant, "payments.view", "payments.withdrawal.approve")
    assert f"/payments/suspense/{row.pk}/approve/" in second.get("/payments/suspense/").content.decode()
    assert second.post(f"/payments/suspense/{row.pk}/back/").status_code == 302
    row.refresh_from_db()
    assert row.state == "open"
    page = officer(tenant, "payments.view").get(f"/payments/deposits/{deposit.pk}/").content.decode()
    assert "$400.00" in page
    shown = trader(tenant, deposit.client).get(f"/cashier/deposits/{deposit.pk}/").content.decode()
    assert "$400.00" in shown
    assert officer(tenant, "payments.view", reach=Reach.OWN).post(
        f"/payments/suspense/{row.pk}/back/"
    ).status_code == 404  # fmt: skip


# --- chargebacks ----------------------------------------------------------------------------------------------------


def funded_twice() -> tuple[Deposit, Deposit]:
    """500 and 500 of one client in the wallet, and a bank to withdraw by."""
    first = pending_deposit()
    second = another(first)
    make_account("bank_wire", settings={"iban": IBAN})
    tell(first, PaymentState.PAID)
    tell(second, PaymentState.PAID)
    return first, second


def asked(client: Client, amount: str) -> Any:
    if not client.destinations.exists():
        make_destination(client, IBAN)
    return withdrawal_request(
        actor=client_actor(client), client=client, amount=eur(amount), iban=IBAN, holder=client.name
    )


def finance() -> User:
    role = Role.objects.create(
        name="Finance", code="finance-test", grants={"payments.withdrawal.approve": int(Reach.ALL)},
        second_factor_required=False,
    )  # fmt: skip
    user = User.objects.create(realm=Realm.STAFF, email="finance@example.com", name="Finance")
    user.roles.add(role)
    return user


def test_a_chargeback_stops_what_is_not_sent_and_freezes_what_was_lost(tenant: Any) -> None:
    one, _ = funded_twice()
    person = finance()
    waiting, ready = asked(one.client, "300"), asked(one.client, "600")
    withdrawal_check(actor=staff(), withdrawal_id=ready.pk)
    tell(one, PaymentState.REVERSED)
    for row in (waiting, ready):
        row.refresh_from_db()
        assert (row.state, row.hold_reason, row.proposer_id) == (WithdrawalState.REQUESTED, "reversal", "")
        with pytest.raises(WithdrawalRefused) as refusal:
            withdrawal_check(actor=staff(), withdrawal_id=row.pk)
        assert refusal.value.data["check"] == "held"
    freeze = Freeze.objects.get(deposit=one)
    assert (freeze.lost, freeze.uncovered, freeze.held) == (eur("500"), eur("400"), eur("0"))  # 100 were free
    assert Notification.objects.filter(user_id=person.pk, kind="payments.charged_back").count() == 1
    assert told("payments.withdrawal_held") == 2
    withdrawal_cancel(actor=client_actor(one.client), withdrawal_id=waiting.pk)
    freeze.refresh_from_db()
    assert (freeze.held, wallet(one)) == (eur("300"), (90_000, 90_000))
    with pytest.raises(WithdrawalRefused):
        asked(one.client, "10")
    withdrawal_reject(actor=staff(), withdrawal_id=ready.pk, reason="origin")
    freeze.refresh_from_db()
    assert (freeze.held, wallet(one)) == (eur("400"), (90_000, 40_000))  # no more than was lost
    freeze_take(actor=staff(), deposit_id=one.pk)
    freeze.refresh_from_db()
    assert (freeze.uncovered, wallet(one), house("suspense")) == (eur("0"), (50_000, 0), eur("0"))
    with pytest.raises(WrongState):
        freeze_take(actor=staff(), deposit_id=one.pk)
    assert ledger.broken_invariants() == {}


def test_wires_that_nobody_sent_are_called_back_and_sent_ones_not(tenant: Any) -> None:
    one, _ = funded_twice()
    rows = [asked(one.client, "100"), asked(one.client, "100")]
    for row in rows:
        withdrawal_check(actor=staff(), withdrawal_id=row.pk)
        withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    part_sent_by_hand(actor=staff(), part_id=rows[0].parts.get().pk, bank_reference="B1")
    tell(one, PaymentState.REVERSED)
    states = []
    for row in rows:
        row.refresh_from_db()
        states.append((row.state, row.hold_reason, row.parts.get().state))
    assert states == [
        (WithdrawalState.PAID, "", PartState.PAID),
        (WithdrawalState.REQUESTED, "reversal", PartState.PLANNED),
    ]
    with pytest.raises(WrongState):
        part_sent_by_hand(actor=staff(), part_id=rows[1].parts.get().pk, bank_reference="B2")
    freeze_lift(actor=staff(), deposit_id=one.pk)
    rows[1].refresh_from_db()
    assert rows[1].hold_reason == ""
    withdrawal_check(actor=staff(), withdrawal_id=rows[1].pk)
    withdrawal_approve(actor=staff(), withdrawal_id=rows[1].pk)
    part_sent_by_hand(actor=staff(), part_id=rows[1].parts.get().pk, bank_reference="B2")
    assert ledger.broken_invariants() == {}


def spend(deposit: Deposit, amount: str, key: str = "spent") -> None:
    """Out of the wallet, to where it does not come back from."""
    elsewhere = posting.account_ensure(owner=posting.HOUSE, kind="fees", currency="EUR")
    purse = posting.wallet_ensure(client_id=deposit.client_id, currency="EUR")
    legs = [posting.Leg(purse, eur(f"-{amount}")), posting.Leg(elsewhere, eur(amount))]
    posting.post(kind="test", legs=legs, key=key, actor=SYSTEM)


def test_a_payment_won_back_can_be_taken_back_again(tenant: Any) -> None:
    one, two = funded_twice()
    rounds = [{"dispute": "dp_1"}, {"dispute": "dp_2"}]
    assert [tell(one, PaymentState.REVERSED, **rounds[0]) for _ in range(2)] == ["reversed", "nothing"]
    assert wallet(one) == (50_000, 0)
    assert tell(one, PaymentState.REINSTATED, **rounds[0]) == "reinstated"
    two.refresh_from_db()
    assert (wallet(one), one.first, two.first) == ((100_000, 0), True, False)
    spend(one, "700")
    assert tell(one, PaymentState.REVERSED, **rounds[1]) == "reversed"
    two.refresh_from_db()
    assert (one.state, one.reversed_minor, wallet(one), house("suspense")) == (
        DepositState.REVERSED, 50_000, (0, 0), eur("-200"),
    )  # fmt: skip
    assert (one.first, two.first) == (False, True)
    freeze = Freeze.objects.get(deposit=one, active=True)
    assert (freeze.lost, freeze.uncovered) == (eur("500"), eur("200"))
    # Whatever is told again of either round is old news.
    for status in (PaymentState.REVERSED, PaymentState.REINSTATED):
        assert tell(one, status, **rounds[0]) == "nothing"
    assert tell(one, PaymentState.REVERSED, **rounds[1]) == "nothing"
    assert (told("payments.deposit_reversed"), told("payments.deposit_reinstated")) == (2, 1)
    assert tell(one, PaymentState.REINSTATED, **rounds[1]) == "reinstated"
    assert (one.state, wallet(one), house("suspense")) == (DepositState.CREDITED, (30_000, 0), eur("0"))
    assert not Freeze.objects.filter(active=True).exists()
    kinds = list(TimelineEntry.objects.filter(client_id=one.client_id).values_list("kind", flat=True))
    assert (kinds.count("payments.deposit_reversed"), kinds.count("payments.deposit_reinstated")) == (2, 2)
    assert ledger.broken_invariants() == {}


def test_a_won_round_lifts_its_own_freeze_and_no_other(tenant: Any) -> None:
    one, _ = funded_twice()
    spend(one, "1000")
    for reference, amount in (("dp_1", "200"), ("dp_2", "300")):
        assert tell(one, PaymentState.REVERSED, eur(amount), dispute=reference) == "reversed"
    assert house("suspense") == eur("-500")
    tell(another(one), PaymentState.PAID, eur("400"))
    assert wallet(one) == (40_000, 40_000)
    assert tell(one, PaymentState.REINSTATED, dispute="dp_1") == "reinstated"
    (left,) = Freeze.objects.filter(active=True)
    assert (left.lost, left.held, one.state) == (eur("300"), eur("300"), DepositState.REVERSED)
    assert (wallet(one), house("suspense")) == ((40_000, 30_000), eur("-300"))
    freeze_take(actor=staff(), deposit_id=one.pk)
    assert (wallet(one), house("suspense")) == ((10_000, 0), eur("0"))
    assert ledger.broken_invariants() == {}


def test_what_covers_several_rounds_is_one_line_with_the_sum(tenant: Any) -> None:
    one, _ = funded_twice()
    spend(one, "1000")
    for reference, amount in (("dp_1", "200"), ("dp_2", "300")):
        tell(one, PaymentState.REVERSED, eur(amount), dispute=reference)
    tell(another(one), PaymentState.PAID, eur("400"))
    freeze_take(actor=staff(), deposit_id=one.pk)
    line = AuditEntry.objects.get(action="payments.freeze_taken")
    assert line.after == {"taken": "400.00 EUR", "uncovered": "100.00 EUR", "lost": "500.00 EUR"}


def test_movements_without_a_common_reference_are_paired_in_their_order(tenant: Any) -> None:
    """PayPal names a reversal and the dispute that ended it differently."""
    one, _ = funded_twice()
    steps = [
        (PaymentState.REINSTATED, "PP-D-1", "reinstated"), (PaymentState.REVERSED, "rev-1", "nothing"),
        (PaymentState.REVERSED, "rev-2", "reversed"), (PaymentState.REINSTATED, "PP-D-1", "nothing"),
        (PaymentState.REVERSED, "rev-1", "nothing"), (PaymentState.REINSTATED, "PP-D-2", "reinstated"),
        (PaymentState.REVERSED, "rev-2", "nothing"), (PaymentState.REVERSED, "rev-3", "reversed"),
    ]  # fmt: skip
    assert [tell(one, state, movement=name) for state, name, _ in steps] == [done for *_, done in steps]
    assert (wallet(one), cleared(one)) == ((50_000, 0), eur("0"))


def test_a_second_chargeback_shows_that_the_first_was_won(tenant: Any) -> None:
    """Adyen's news of one dispute in any order: never more than the payment is taken."""
    one, _ = funded_twice()
    again = {"dispute": "psp:2", "follows": "psp"}
    assert tell(one, PaymentState.REVERSED, dispute="psp") == "reversed"
    assert tell(one, PaymentState.REVERSED, **again) == "reversed"
    assert (one.reversed_minor, wallet(one)) == (50_000, (50_000, 0))
    assert tell(one, PaymentState.REINSTATED, dispute="psp") == "nothing"
    assert tell(one, PaymentState.REVERSED, **again) == "nothing"
    assert (one.state, wallet(one), Freeze.objects.filter(active=True).count()) == (
        DepositState.REVERSED, (50_000, 0), 1,
    )  # fmt: skip


def test_a_round_asked_for_or_booked_before_rounds_had_names_is_the_first_one(tenant: Any) -> None:
    one, _ = funded_twice()
    assert tell(one, PaymentState.REVERSED) == "reversed"
    Freeze.objects.update(reversal=None)
    Reversal.objects.all().delete()
    assert tell(one, PaymentState.REVERSED, dispute="dp_1") == "nothing"
    assert tell(one, PaymentState.REINSTATED, dispute="dp_1") == "reinstated"
    assert not Freeze.objects.filter(active=True).exists()
    assert tell(one, PaymentState.REVERSED) == "nothing"  # an answer that names no round cannot be told from old news
    assert tell(one, PaymentState.REVERSED, dispute="dp_2") == "reversed"
    assert wallet(one) == (50_000, 0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=14))
def test_any_order_of_rounds_takes_each_once(tenant: Any, steps: list[tuple[bool, str]]) -> None:
    """What stands in the end is what was told: a round taken and not returned, and never a round twice."""
    one = pending_deposit()
    tell(one, PaymentState.PAID)
    for taken, name in steps:
        tell(one, PaymentState.REVERSED if taken else PaymentState.REINSTATED, eur("100"), dispute=name)
    returned = {name for taken, name in steps if not taken}
    standing = {name for taken, name in steps if taken} - returned
    assert cleared(one) == -eur("500") + Money(10_000 * len(standing), "EUR")
    assert (one.reversed_minor or 0) == 10_000 * len(standing)
    assert Freeze.objects.filter(deposit=one, active=True).count() == len(standing)
    assert one.state == (DepositState.REVERSED if standing else DepositState.CREDITED)
    assert ledger.broken_invariants() == {}


def test_money_that_comes_later_is_set_aside_and_a_won_dispute_undoes_all(tenant: Any) -> None:
    one, two = funded_twice()
    elsewhere = posting.account_ensure(owner=posting.HOUSE, kind="fees", currency="EUR")
    purse = posting.wallet_ensure(client_id=one.client_id, currency="EUR")
    legs = [posting.Leg(purse, eur("-800")), posting.Leg(elsewhere, eur("800"))]
    posting.post(kind="test", legs=legs, key="spent", actor=SYSTEM)
    tell(one, PaymentState.REVERSED)
    assert (wallet(one), house("suspense")) == ((0, 0), eur("-300"))
    third = another(one)
    tell(third, PaymentState.PAID, eur("200"))
    assert wallet(one) == (20_000, 20_000)
    freeze_take(actor=staff(), deposit_id=one.pk)
    fourth = another(one)
    tell(fourth, PaymentState.PAID, eur("150"))
    assert (wallet(one), house("suspense")) == ((15_000, 10_000), eur("-100"))
    assert tell(one, PaymentState.REINSTATED) == "reinstated"
    assert tell(one, PaymentState.REINSTATED) == "nothing"
    assert (wallet(one), house("suspense")) == ((55_000, 0), eur("0"))
    assert not Freeze.objects.filter(active=True).exists()
    assert ledger.broken_invariants() == {}


def test_two_chargebacks_hold_until_both_are_settled(tenant: Any) -> None:
    one, two = funded_twice()
    row = asked(one.client, "1000")
    tell(one, PaymentState.REVERSED)
    tell(two, PaymentState.REVERSED)
    tell(one, PaymentState.REINSTATED)
    row.refresh_from_db()
    assert row.hold_reason == "reversal"
    with pytest.raises(NotFound):
        freeze_lift(actor=staff(), deposit_id=one.pk)
    tell(two, PaymentState.REINSTATED)
    row.refresh_from_db()
    assert row.hold_reason == ""
    assert wallet(one) == (100_000, 100_000)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["paid", "reversed", "reinstated", "ask", "cancel", "take", "lift"]), st.integers(0, 2)
        ),
        max_size=14,
    )
)
def test_histories_of_chargebacks_leave_every_cent_accounted_for(tenant: Any, steps: list[tuple[str, int]]) -> None:
    """What came and was not taken back = the wallet less what the house carries; holds are never more than the loss."""
    deposits = [pending_deposit()]
    deposits += [another(deposits[0]) for _ in range(2)]
    client = deposits[0].client
    make_account("bank_wire", settings={"iban": IBAN})
    before, chief = house("suspense").minor, staff()
    asks: list[Any] = []
    for step, place in steps:
        deposit = deposits[place]
        try:
            if step in {"paid", "reversed", "reinstated"}:
                tell(deposit, PaymentState(step))
            elif step == "ask":
                asks.append(asked(client, "400"))
            elif step == "cancel" and asks:
                withdrawal_cancel(actor=client_actor(client), withdrawal_id=asks.pop().pk)
            elif step == "take":
                freeze_take(actor=chief, deposit_id=deposit.pk)
            elif step == "lift":
                freeze_lift(actor=chief, deposit_id=deposit.pk)
        except (WithdrawalRefused, NotFound, WrongState):
            continue
    provider = sum(-cleared(deposit).minor for deposit in deposits)
    balance, held = wallet(deposits[0])
    assert provider == balance + house("suspense").minor - before
    assert 0 <= held <= balance
    for freeze in Freeze.objects.filter(active=True):
        assert freeze.held.minor <= freeze.uncovered_minor
    firsts = Deposit.objects.filter(client=client, first=True)
    client.refresh_from_db()
    assert firsts.count() == (client.ftd_at is not None)
    assert all(one.state == DepositState.CREDITED for one in firsts)
    assert ledger.broken_invariants() == {}


# --- the first deposit ----------------------------------------------------------------------------------------------


def facts(client: Client) -> tuple[Any, ...]:
    client.refresh_from_db()
    return (client.ftd_minor, client.ftd_currency, client.stage)


def test_a_reversed_first_deposit_is_the_first_no_more(tenant: Any) -> None:
    one = pending_deposit()
    tell(one, PaymentState.PAID)
    assert facts(one.client) == (50_000, "EUR", "funded")
    tell(one, PaymentState.REVERSED)
    assert facts(one.client) == (None, "", "funded")
    two = another(one)
    tell(two, PaymentState.PAID, eur("70"))
    assert (two.first, facts(one.client)[0]) == (True, 7_000)
    tell(one, PaymentState.REINSTATED)
    two.refresh_from_db()
    assert (one.first, two.first, facts(one.client)[0]) == (True, False, 50_000)
    changes = OutboxMessage.objects.filter(name="payments.first_deposit_changed").order_by("id")
    told_ = [(row.payload["deposit_id"], row.payload["previous_deposit_id"]) for row in changes]
    assert told_ == [(None, str(one.pk)), (str(one.pk), str(two.pk))]


def test_the_next_that_is_there_takes_its_place_and_a_part_leaves_it(tenant: Any) -> None:
    one, two = funded_twice()
    refund = RefundStatus(state=RefundState.SUCCEEDED, reference="r1", amount=eur("100"))
    deposit_refunded(deposit_id=one.pk, refund=refund, actor=SYSTEM)
    one.refresh_from_db()
    assert one.first
    tell(one, PaymentState.REVERSED)
    two.refresh_from_db()
    assert (one.first, two.first, facts(one.client)[0]) == (False, True, 50_000)


# --- the provider's fee ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_fee_is_booked_once_before_or_after_the_credit(tenant: Any, order: tuple[bool, bool]) -> None:
    deposit = pending_deposit()
    fee = eur("7.25")
    for with_fee in (*order, True):
        state = PaymentState.AUTHORISED if with_fee and order[0] and deposit.state == "pending" else PaymentState.PAID
        tell(deposit, state, fee=fee if with_fee else None)
    assert (deposit.state, deposit.provider_fee) == (DepositState.CREDITED, fee)
    assert (house("provider_fees"), cleared(deposit), wallet(deposit)) == (-fee, eur("-492.75"), (50_000, 0))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fees=st.lists(
        st.one_of(st.none(), st.tuples(st.integers(0, 900), st.sampled_from(["EUR", "USD", "KWD"]))), max_size=7
    )
)
def test_the_last_fee_told_is_the_one_booked(tenant: Any, fees: list[tuple[int, str] | None]) -> None:
    deposit = pending_deposit()
    currencies = ("EUR", "USD", "KWD")
    before = {currency: house("provider_fees", currency).minor for currency in currencies}
    for fee in fees:
        tell(deposit, PaymentState.OPEN, fee=Money(*fee) if fee else None)
    last = next((fee for fee in reversed(fees) if fee), None)
    for currency in currencies:
        expected = last[0] if last and last[1] == currency else 0
        assert before[currency] - house("provider_fees", currency).minor == expected
        assert cleared(deposit, currency).minor == expected
    assert ledger.broken_invariants() == {}


def test_the_deposits_page_shows_the_freeze_and_finance_settles_it(tenant: Any) -> None:
    one, _ = funded_twice()
    row = asked(one.client, "900")
    tell(one, PaymentState.REVERSED)
    web = officer(tenant, "payments.view", "payments.withdrawal.approve", "payments.withdrawal.propose")
    assert "€400.00" in web.get(f"/payments/deposits/{one.pk}/").content.decode()
    shown = web.get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert one.reference in shown
    assert "Stopped" in web.get("/payments/").content.decode()
    assert "longer than usual" in trader(tenant, one.client).get(f"/cashier/withdrawals/{row.pk}/").content.decode()
    assert officer(tenant, "payments.view").post(f"/payments/deposits/{one.pk}/freeze/lift/").status_code == 403
    assert web.post(f"/payments/deposits/{one.pk}/freeze/take/").status_code == 302  # nothing is set aside yet
    assert web.post(f"/payments/deposits/{one.pk}/freeze/lift/").status_code == 302
    assert Freeze.objects.filter(active=True).exists()  # until a second person agrees
    second = officer(tenant, "payments.view", "payments.withdrawal.approve")
    assert second.post(f"/payments/changes/{ProposedChange.objects.get().pk}/approve/").status_code == 302
    assert not Freeze.objects.filter(active=True).exists()


def test_only_finance_settles_a_freeze(tenant: Any) -> None:
    one, _ = funded_twice()
    tell(one, PaymentState.REVERSED)
    stranger: Actor = staff("payments.view")
    from kernel.errors import Forbidden

    for act in (freeze_take, freeze_lift):
        with pytest.raises(Forbidden):
            act(actor=stranger, deposit_id=one.pk)
