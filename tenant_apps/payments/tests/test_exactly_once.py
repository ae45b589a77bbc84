"""One effect each, whatever the order, however often, wherever the worker dies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import inbox
from kernel.models import InboxMessage, OutboxMessage
from kernel.money import Money
from kernel.tests.dying import KILLED
from tenant_apps.clients.models import TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.models import Deposit, DepositState
from tenant_apps.payments.ports import DepositStatus, PaymentState, RefundState, RefundStatus
from tenant_apps.payments.selectors import client_totals, day_figures
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.services.losses import deposit_refunded
from tenant_apps.payments.services.sources import returnable
from tenant_apps.wallets.selectors import wallet_of

from .crash_worker import crashed
from .support import SYSTEM, eur, make_account, make_client, staff


def pending_deposit(**values: Any) -> Deposit:
    account = make_account("stripe", credentials={"webhook_secret": "whsec_x", "secret_key": "sk_test_a_b"})
    fields: dict[str, Any] = {
        "amount_minor": 50_000,
        "currency": "EUR",
        "method": "card",
        "state": DepositState.PENDING,
    }
    number = Deposit.objects.count()
    fields["client"] = values.pop("client", None) or make_client()
    return Deposit.objects.create(
        provider_account=account,
        reference=f"D{number}{account.pk.hex[-8:]}",
        provider_reference=f"cs_{account.pk.hex}",
        **{**fields, **values},
    )


def status(state: PaymentState, minor: int = 50_000) -> DepositStatus:
    amount = eur("0") + eur("0.01") * minor
    return DepositStatus(state=state, provider_reference="", payment_reference="pi_1", amount=amount)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(news=st.lists(st.sampled_from(list(PaymentState)), min_size=1, max_size=10))
def test_any_order_of_news_has_one_effect(tenant: Any, news: list[PaymentState]) -> None:
    """Paid somewhere in the news means credited once; reversed means nothing is left, unless that was decided for us;
    otherwise nothing happened."""
    deposit = pending_deposit()
    for item in news:
        deposit_apply(deposit_id=deposit.pk, status=status(item), actor=SYSTEM)
    deposit.refresh_from_db()
    wallet = wallet_of(deposit.client_id, "EUR")
    balance = wallet.balance if wallet else eur("0")
    cleared = ledger.balance(posting.clearing(deposit.provider_account, "EUR")).balance
    credited = OutboxMessage.objects.filter(
        name="payments.deposit_credited", payload__deposit_id=str(deposit.pk)
    ).count()
    if PaymentState.REINSTATED in news:
        assert (deposit.state, balance, cleared, credited) == (DepositState.CREDITED, eur("500"), eur("-500"), 1)
    elif PaymentState.REVERSED in news:
        assert (deposit.state, balance, cleared, credited) == (DepositState.REVERSED, eur("0"), eur("0"), 1)
    elif PaymentState.PAID in news:
        assert (deposit.state, balance, cleared, credited) == (DepositState.CREDITED, eur("500"), eur("-500"), 1)
    else:
        assert (balance, cleared, credited) == (eur("0"), eur("0"), 0)
    assert ledger.broken_invariants() == {}


def test_what_came_is_credited_not_what_was_asked(tenant: Any) -> None:
    deposit = pending_deposit(fee_minor=1_000)
    assert deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID, 25_000), actor=SYSTEM) == "credited"
    deposit.refresh_from_db()
    assert (deposit.received_minor, deposit.fee_minor, deposit.attention) == (25_000, 500, "underpaid")
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("245.00")


def test_another_currency_credits_nothing(tenant: Any) -> None:
    from kernel.money import Money

    deposit = pending_deposit()
    paid = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=Money(50_000, "USD"))
    assert deposit_apply(deposit_id=deposit.pk, status=paid, actor=SYSTEM) == "other currency"
    deposit.refresh_from_db()
    assert (deposit.state, deposit.attention) == (DepositState.SUSPENSE, "currency")
    assert wallet_of(deposit.client_id, "EUR") is None


def test_a_reversal_the_wallet_cannot_bear_is_the_houses(tenant: Any) -> None:
    deposit = pending_deposit()
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    wallet = posting.wallet_ensure(client_id=deposit.client_id, currency="EUR")
    elsewhere = posting.account_ensure(owner=posting.HOUSE, kind="fees", currency="EUR")
    legs = [posting.Leg(wallet, eur("-400")), posting.Leg(elsewhere, eur("400"))]
    posting.post(kind="test", legs=legs, key="spent", actor=SYSTEM)
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.REVERSED), actor=SYSTEM)
    deposit.refresh_from_db()
    assert deposit.attention == "reversed_uncovered"
    assert balances(deposit) == (eur("0"), eur("-400"), eur("0"))


def balances(deposit: Deposit) -> tuple[Money, Money, Money]:
    """Of the client's wallet, the house's suspense and the provider's clearing account."""
    wallet = posting.wallet_ensure(client_id=deposit.client_id, currency="EUR")
    suspense = posting.account_ensure(owner=posting.HOUSE, kind="suspense", currency="EUR")
    clearing = posting.clearing(deposit.provider_account, "EUR")
    one, two, three = (ledger.balance(account).balance for account in (wallet, suspense, clearing))
    return one, two, three


def test_a_fee_does_not_shield_the_wallet_from_a_chargeback(tenant: Any) -> None:
    """The wallet got 490 of 500; it gives back what it has, and the house bears its fee alone."""
    deposit = pending_deposit(fee_minor=1_000)
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.REVERSED), actor=SYSTEM)
    assert balances(deposit) == (eur("0"), eur("-10"), eur("0"))
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize(
    "news",
    [
        [PaymentState.PAID, PaymentState.REVERSED, PaymentState.REINSTATED],
        [PaymentState.PAID, PaymentState.REINSTATED, PaymentState.REVERSED],
        [PaymentState.REINSTATED, PaymentState.REVERSED, PaymentState.PAID, PaymentState.REINSTATED],
    ],
)
def test_a_dispute_won_gives_the_money_back_once(tenant: Any, news: list[PaymentState]) -> None:
    deposit = pending_deposit(fee_minor=1_000)
    for item in news:
        deposit_apply(deposit_id=deposit.pk, status=status(item), actor=SYSTEM)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reversed_minor) == (DepositState.CREDITED, 0)
    assert balances(deposit) == (eur("490"), eur("0"), eur("-500"))
    assert OutboxMessage.objects.filter(name="payments.deposit_credited").count() == 1
    assert ledger.broken_invariants() == {}


def test_a_dispute_about_money_given_back_before_takes_nothing(tenant: Any) -> None:
    """A bank may dispute a charge that was refunded in whole: its amount is what is left of it, nothing."""
    deposit = pending_deposit()
    for news in (status(PaymentState.PAID), status(PaymentState.REVERSED, 0), status(PaymentState.REINSTATED, 0)):
        deposit_apply(deposit_id=deposit.pk, status=news, actor=SYSTEM)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reversed_minor, deposit.attention) == (DepositState.CREDITED, None, "reversed")
    assert balances(deposit) == (eur("500"), eur("0"), eur("-500"))


@pytest.mark.parametrize(("came", "fee"), [(30_000, 600), (80_000, 1_600)])
@pytest.mark.parametrize("loss_first", [False, True])
def test_a_loss_heard_of_before_the_amount_leaves_nothing_that_never_came(
    tenant: Any, came: int, fee: int, loss_first: bool
) -> None:
    """500 were asked for, with a fee of 2 %; what came is told only after it was taken back, or before."""
    deposit = pending_deposit(fee_minor=1_000)
    news = [status(PaymentState.PAID, came), status(PaymentState.REVERSED, came)]
    for item in [*(reversed(news) if loss_first else news), *news]:
        deposit_apply(deposit_id=deposit.pk, status=item, actor=SYSTEM)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.received_minor, deposit.fee_minor) == (DepositState.REVERSED, came, fee)
    wallet, suspense, clearing = balances(deposit)
    assert clearing == eur("0")
    assert wallet + suspense == -deposit.fee
    assert wallet <= eur("300")  # what more came after the loss was booked; a freeze sets it aside
    assert wallet_of_available(deposit) == eur("0")
    assert ledger.broken_invariants() == {}


def wallet_of_available(deposit: Deposit) -> Money:
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    return wallet.available


def test_a_payment_voided_after_it_was_credited_is_taken_back(tenant: Any) -> None:
    deposit = pending_deposit()
    voided = DepositStatus(state=PaymentState.FAILED, provider_reference="", failure="voided", amount=eur("500"))
    for news in (status(PaymentState.PAID), voided, voided, status(PaymentState.PAID)):
        deposit_apply(deposit_id=deposit.pk, status=news, actor=SYSTEM)
    deposit.refresh_from_db()
    assert deposit.state == DepositState.REVERSED
    assert balances(deposit) == (eur("0"), eur("0"), eur("0"))


def test_a_payment_voided_before_we_heard_of_it_is_never_credited(tenant: Any) -> None:
    deposit = pending_deposit()
    voided = DepositStatus(state=PaymentState.FAILED, provider_reference="", failure="voided", amount=eur("500"))
    for news in (voided, status(PaymentState.PAID)):
        deposit_apply(deposit_id=deposit.pk, status=news, actor=SYSTEM)
    assert balances(deposit) == (eur("0"), eur("0"), eur("0"))


def refund(state: RefundState, reference: str = "re_1", minor: int = 20_000) -> RefundStatus:
    return RefundStatus(state=state, reference=reference, amount=Money(minor, "EUR"), payment_reference="pi_1")


def test_a_refund_made_at_the_provider_leaves_the_wallet_once(tenant: Any) -> None:
    deposit = pending_deposit()
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    for state in (RefundState.PENDING, RefundState.SUCCEEDED, RefundState.SUCCEEDED):
        deposit_refunded(deposit_id=deposit.pk, refund=refund(state), actor=SYSTEM)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reversed_minor, deposit.attention) == (DepositState.CREDITED, 20_000, "refunded")
    assert [total.deposits for total in client_totals(deposit.client_id)] == [eur("300")]
    assert [day.deposits for day in day_figures(staff())] == [eur("300")]
    assert balances(deposit) == (eur("300"), eur("0"), eur("-300"))
    assert [(found.pk, most) for found, most in returnable(deposit.client_id, "EUR")] == [(deposit.pk, eur("300"))]
    deposit_refunded(deposit_id=deposit.pk, refund=refund(RefundState.SUCCEEDED, "re_2", 30_000), actor=SYSTEM)
    deposit.refresh_from_db()
    assert deposit.state == DepositState.REVERSED
    assert balances(deposit) == (eur("0"), eur("0"), eur("0"))


@pytest.mark.parametrize(
    "news", [[RefundState.SUCCEEDED, RefundState.FAILED], [RefundState.FAILED, RefundState.SUCCEEDED]]
)
def test_a_refund_that_fails_at_the_provider_comes_back(tenant: Any, news: list[RefundState]) -> None:
    deposit = pending_deposit()
    for state in news:  # heard of before the payment itself
        deposit_refunded(deposit_id=deposit.pk, refund=refund(state), actor=SYSTEM)
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reversed_minor) == (DepositState.CREDITED, 0)
    assert balances(deposit) == (eur("500"), eur("0"), eur("-500"))


def test_the_first_deposit_is_marked_once_per_client(tenant: Any) -> None:
    first = pending_deposit()
    second = pending_deposit(client=first.client)
    deposit_apply(deposit_id=first.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    deposit_apply(deposit_id=second.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    assert list(Deposit.objects.filter(first=True).values_list("pk", flat=True)) == [first.pk]


POINTS = [
    "tenant_apps.payments.services.posting.deposit_post:before",
    "tenant_apps.payments.services.posting.deposit_post:after",
    "tenant_apps.payments.services.crediting.ftd_set:after",
    "tenant_apps.payments.services.crediting._announce_credit:after",
    "tenant_apps.payments.services.deposit_rows.tell:after",
]


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_crediting_leaves_one_credit(live_tenant: Any, point: str) -> None:
    deposit = pending_deposit()
    session = {
        "id": deposit.provider_reference,
        "payment_status": "paid",
        "amount_total": 50_000,
        "currency": "eur",
        "payment_intent": "pi_1",
        "client_reference_id": str(deposit.pk),
    }
    body = json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session}}).encode()
    message, _ = inbox.receive(
        source=f"payments.stripe:{deposit.provider_account_id}", event_key="evt_1", headers={}, body=body
    )
    assert crashed("inbox", message.pk, point) == KILLED
    deposit.refresh_from_db()
    assert deposit.state == DepositState.PENDING
    assert wallet_of(deposit.client_id, "EUR") is None
    assert InboxMessage.objects.get().processed_at is None

    assert crashed("inbox", message.pk, "") == 0
    assert crashed("inbox", message.pk, "") == 0
    deposit.refresh_from_db()
    assert (deposit.state, deposit.first) == (DepositState.CREDITED, True)
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("500")
    assert OutboxMessage.objects.filter(name="payments.deposit_credited").count() == 1
    assert TimelineEntry.objects.filter(kind="payments.deposit_credited").count() == 1
    assert ledger.broken_invariants() == {}


def in_threads(tenant: Any, count: int, work: Any) -> list[Any]:
    """Run `work(number)` at once in so many threads, each in the tenant's scope; results or errors in any order."""
    import threading
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    from kernel.tenancy import context

    gate = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            with context.use(tenant):
                gate.wait()
                return work(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_eight_workers_with_the_same_news_credit_once(live_tenant: Any) -> None:
    deposit = pending_deposit()
    done = in_threads(
        live_tenant,
        8,
        lambda _: deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM),
    )
    assert sorted(map(str, done)) == ["credited", *["nothing"] * 7]
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert wallet.balance == eur("500")
    assert ledger.broken_invariants() == {}


def test_two_withdrawals_at_once_cannot_take_the_same_money(live_tenant: Any) -> None:
    from tenant_apps.payments.models import Withdrawal
    from tenant_apps.payments.services.withdrawals import withdrawal_request

    from .support import client_actor

    deposit = pending_deposit()
    deposit_apply(deposit_id=deposit.pk, status=status(PaymentState.PAID), actor=SYSTEM)
    done = in_threads(
        live_tenant,
        4,
        lambda _: (
            withdrawal_request(
                actor=client_actor(deposit.client), client=deposit.client, amount=eur("300")
            ).amount_minor
        ),
    )
    assert sum(1 for result in done if result == 30_000) == 1
    assert Withdrawal.objects.count() == 1
    wallet = wallet_of(deposit.client_id, "EUR")
    assert wallet is not None
    assert (wallet.balance, wallet.held) == (eur("500"), eur("300"))
