"""Whatever reports are read in, in whatever order and however often: the books balance, and say the same in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import AppError
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.services import HOUSE, account_ensure
from tenant_apps.payments.models import Deposit
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.tests.support import SYSTEM, eur, make_client, staff
from tenant_apps.reconciliation.models import Case, Correction, ReportLine
from tenant_apps.reconciliation.permissions_list import APPROVE, WORK
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.reconciliation.services.corrections import correction_approve, correction_propose, correction_reverse

from .support import stripe, stripe_file, stripe_line, take_in

AMOUNTS = (10_000, 2_500, 777)
TOLD = (175, 0, 30)  # fees that came with the payment
LINE_FEES = (200, 60, 0)  # what the report says of them: more, new, nothing


def _money(minor: int) -> str:
    return f"{minor / 100:.2f}"


class World:
    """Three payments, their lines, and lines of no payment; the same facts in every example."""

    def __init__(self) -> None:
        self.account = stripe()
        now = clock.now()
        self.deposits = [
            Deposit.objects.create(
                client=make_client(), reference=f"DPROP{n:04}", amount_minor=amount, currency="EUR", method="card",
                provider_account=self.account, state="pending", payment_reference=f"pi_prop{n}",
            )
            for n, amount in enumerate(AMOUNTS)
        ]  # fmt: skip
        self.lines = [
            stripe_line(
                "charge", _money(amount), fee=_money(LINE_FEES[n]), intent=f"pi_prop{n}", txn=f"txn_{n}", at=now
            )
            for n, amount in enumerate(AMOUNTS)
        ]
        self.lines += [
            stripe_line("fee", "-5.00", txn="txn_fee", at=now), stripe_line("payout", "-50.00", txn="txn_payout", at=now),
            stripe_line("dispute", "-25.00", fee="15.00", intent="pi_prop1", txn="txn_dispute", at=now + timedelta(hours=1)),
            stripe_line("charge", "9.00", fee="1.00", intent="pi_nobody", txn="txn_nobody", at=now),
        ]  # fmt: skip

    def pay(self, n: int) -> None:
        fee = eur(_money(TOLD[n])) if TOLD[n] else None
        status = DepositStatus(state=PaymentState.PAID, provider_reference="", amount=self.deposits[n].amount, fee=fee)
        deposit_apply(deposit_id=self.deposits[n].pk, status=status, actor=SYSTEM)

    def do(self, step: tuple[str, Any]) -> None:
        what, value = step
        if what == "pay":
            self.pay(value)
        elif what == "read":
            take_in(self.account, stripe_file(*(self.lines[n] for n in value)))
        elif what == "compare":
            account_compare(account_id=self.account.pk)
        elif what == "correct":
            self.correct()
        else:
            self.undo()

    def correct(self) -> None:
        case = Case.objects.filter(state="open", line__line_key="txn_nobody").first()
        if case is not None:
            row = correction_propose(actor=staff(WORK), case_id=case.pk, source="clearing", target="suspense",
                                     amount=eur("9.00"), reason="there")  # fmt: skip
            correction_approve(actor=staff(APPROVE), correction_id=row.pk)

    def undo(self) -> None:
        row = Correction.objects.filter(state="posted", reverses=None).first()
        if row is None:
            return
        try:
            back = correction_reverse(actor=staff(WORK), correction_id=row.pk, reason="no")
        except AppError:
            return  # undone before
        correction_approve(actor=staff(APPROVE), correction_id=back.pk)

    def finish(self) -> None:
        for n in range(3):
            self.pay(n)
        take_in(self.account, stripe_file(*self.lines))
        for _ in range(2):
            account_compare(account_id=self.account.pk)


STEPS = st.one_of(
    st.tuples(st.just("pay"), st.integers(0, 2)),
    st.tuples(st.just("read"), st.lists(st.integers(0, 6), min_size=1, max_size=9)),
    st.tuples(st.just("compare"), st.none()),
    st.tuples(st.just("correct"), st.none()),
    st.tuples(st.just("undo"), st.none()),
)


def _house(kind: str) -> Money:
    return ledger.balance(account_ensure(owner=HOUSE, kind=kind, currency="EUR")).balance


def _proved() -> None:
    assert ledger.broken_invariants() == {}
    assert sum(minor for *_, minor in ledger.trial_balance()) == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
@example(steps=[("pay", 0), ("read", [0]), ("compare", None)])  # a payment is told again after its report
def test_the_books_balance_and_end_the_same(tenant: Any, steps: list[tuple[str, Any]]) -> None:
    with transaction.atomic():
        world = World()
        for step in steps:
            world.do(step)
            _proved()
        world.finish()
        _proved()
        standing = Correction.objects.filter(state="posted").count() % 2
        nobody = 100 if Correction.objects.filter(state="posted").exists() else 0
        fees = sum(LINE_FEES[:2]) + TOLD[2] + 500 + 1500 + nobody
        assert _house("provider_fees") == eur(_money(-fees))
        assert _house("bank") == eur("-50.00")
        assert _house("suspense") == eur("9.00") * standing
        owed = sum(AMOUNTS) - fees - 5000 + 900 * standing
        assert ledger.balance(posting.clearing(world.account, "EUR")).balance == eur(_money(-owed))
        assert ReportLine.objects.filter(provider_account=world.account).count() == 7
        assert (
            Case.objects.filter(provider_account=world.account).count()
            == Case.objects.filter(provider_account=world.account).values("fact").distinct().count()
        )
        transaction.set_rollback(True)
