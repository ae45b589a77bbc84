"""Money in: pages opened and paid, news in any order, taken back and won, wires with and without a reference."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kernel.money import Money
from tenant_apps.payments.models import (
    BankLine,
    BankStatement,
    Deposit,
    DepositState,
    Freeze,
    FundsRequest,
    LineState,
    StatementState,
    SuspensePayment,
)
from tenant_apps.payments.ports import SignatureInvalid
from tenant_apps.payments.services import bank, bank_lines, freezes, funds, suspense
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.payments.tests.support import SYSTEM

from .brokerage import KILL, PICK, SIZE, WHO, Brokerage

WIRED = ("as announced", "in part", "too much", "no reference", "a stranger's")


class MoneyIn(Brokerage):
    @rule(who=WHO, offer=PICK, size=SIZE, to_account=st.booleans(), kill=KILL)
    def deposit(self, who: int, offer: int, size: int, to_account: bool, kill: int) -> None:
        person = self.people[who]
        account, method, currency = self.one_of(self.offers(), offer)
        target = person.account.pk if to_account and person.account.currency == currency else None

        def work() -> None:
            row = deposit_start(
                actor=person.actor, client=person.client, amount=Money(size, currency),
                offer_key=f"{account.pk}:{method}", target_trading_account_id=target,
            )  # fmt: skip
            if account != self.by_hand.account:
                deposit_open(deposit_id=row.pk)

        self.do(work, kill)

    @rule(provider=st.integers(0, 2), pick=PICK, how=st.integers(0, 11))
    def pay(self, provider: int, pick: int, how: int) -> None:
        there = self.providers[provider]
        page = self.one_of(there.open_pages(), pick)
        if page is not None:
            there.pay(page, how)

    @rule(provider=st.integers(0, 2), pick=PICK)
    def page_expires(self, provider: int, pick: int) -> None:
        there: Any = self.providers[provider]
        page = self.one_of(there.open_pages(), pick)
        if page is not None:
            there.expire(page)

    @rule(provider=st.integers(0, 1), pick=PICK, good=st.booleans())
    def bank_decides(self, provider: int, pick: int, good: bool) -> None:
        """A debit on its way, or a refund, gets its last word."""
        self.providers[provider].bank_decides(pick, good)

    @rule(by_hand=st.booleans(), pick=PICK)
    def chargeback(self, by_hand: bool, pick: int) -> None:
        (self.by_hand if by_hand else self.stripe).chargeback(pick)

    @rule(by_hand=st.booleans(), pick=PICK, won=st.booleans())
    def dispute_closed(self, by_hand: bool, pick: int, won: bool) -> None:
        (self.by_hand if by_hand else self.stripe).dispute_closed(pick, won)

    @rule(pick=PICK, amount=st.integers(100, 30_000))
    def refunded_at_the_provider(self, pick: int, amount: int) -> None:
        self.stripe.refund_by_hand(pick, amount)

    # --- news ----------------------------------------------------------------------------------------------------------

    @rule(provider=st.integers(0, 2), pick=PICK, again=st.booleans(), kill=KILL)
    def hear(self, provider: int, pick: int, again: bool, kill: int) -> None:
        """Any news, also heard before, also before its elders."""
        there = self.providers[provider]
        news = self.one_of(there.news(), pick)
        if news is not None:
            self.do(lambda: there.hear(news, again=again), kill)

    @rule(provider=st.integers(0, 1), pick=PICK)
    def forged(self, provider: int, pick: int) -> None:
        """Who has no key is not heard."""
        account = self.providers[provider].account
        try:
            webhook_receive(account_id=account.pk, headers={"Stripe-Signature": "t=1,v1=00"}, body=b'{"id": "evt_1"}')
        except SignatureInvalid:
            return
        raise AssertionError("a forged webhook was taken in")

    @rule(pick=PICK, kill=KILL)
    def ask(self, pick: int, kill: int) -> None:
        rows = [row for row in self.deposits() if row.provider_account_id != self.by_hand.account.pk]
        row = self.one_of(rows, pick)
        if row is not None:
            self.do(lambda: deposit_ask(deposit_id=row.pk, actor=SYSTEM), kill)

    # --- wires ---------------------------------------------------------------------------------------------------------

    @rule(pick=PICK, how=st.sampled_from(WIRED))
    def wired(self, pick: int, how: str) -> None:
        rows = Deposit.objects.filter(provider_account=self.bank.account).order_by("created_at")
        row = self.one_of(list(rows), pick)
        if row is None:
            return
        minor = {"in part": row.amount_minor // 2, "too much": row.amount_minor * 2}.get(how, row.amount_minor)
        self.bank.transfer(
            minor, name="Karl Anders" if how == "a stranger's" else row.client.name, iban="AT611904300234573201",
            reference="" if how == "no reference" else row.reference,
        )  # fmt: skip

    @rule(kill=KILL)
    def statement_comes(self, kill: int) -> None:
        """Uploaded by one; nothing moves yet."""
        data = self.bank.statement()
        self.do(
            lambda: bank.statement_import(actor=self.officers[0], account=self.bank.account, name="s.xml", data=data),
            kill,
        )

    @rule(pick=PICK, kill=KILL)
    def statement_approved(self, pick: int, kill: int) -> None:
        rows = BankStatement.objects.filter(provider_account=self.bank.account, state=StatementState.WAITING)
        row = self.one_of(list(rows.order_by("created_at")), pick)
        if row is not None:
            self.do(lambda: bank.statement_approve(actor=self.officers[1], statement_id=row.pk), kill)

    @rule(pick=PICK, who=WHO, agreed=st.booleans(), kill=KILL)
    def line_given_to_a_client(self, pick: int, who: int, agreed: bool, kill: int) -> None:
        wanted = LineState.PROPOSED if agreed else LineState.UNMATCHED
        rows = BankLine.objects.filter(statement__provider_account=self.bank.account, state=wanted, amount_minor__gt=0)
        row, number = self.one_of(list(rows.order_by("pk")), pick), self.people[who].client.number
        if row is None:
            return
        if agreed:
            self.do(lambda: bank_lines.line_approve(actor=self.officers[1], line_id=row.pk), kill)
        else:
            propose = bank_lines.line_propose
            self.do(lambda: propose(actor=self.officers[0], line_id=row.pk, client_number=number), kill)

    # --- what people decide of it --------------------------------------------------------------------------------------

    @rule(pick=PICK, credit=st.booleans(), agreed=st.booleans(), kill=KILL)
    def suspense_decided(self, pick: int, credit: bool, agreed: bool, kill: int) -> None:
        rows = SuspensePayment.objects.filter(deposit__client__in=[one.client for one in self.people])
        row = self.one_of(list(rows.order_by("created_at")), pick)
        if row is None:
            return
        if agreed:
            # Sent back by the house: the provider's books have to show it, and here they are ours to write.
            self.do(lambda: self._suspense_approve(row.pk), kill)
        else:
            decision = "credit" if credit else "refund"
            self.do(lambda: suspense.suspense_propose(actor=self.officers[0], row_id=row.pk, decision=decision), kill)

    def _suspense_approve(self, row_id: Any) -> None:
        row = SuspensePayment.objects.get(pk=row_id)
        if row.decision == "credit":
            suspense.suspense_approve(actor=self.officers[1], row_id=row_id)

    @rule(who=WHO, accepted=st.booleans(), kill=KILL)
    def source_of_funds(self, who: int, accepted: bool, kill: int) -> None:
        row = FundsRequest.objects.filter(client=self.people[who].client).first()
        if row is not None:
            reason = "" if accepted else "more"
            self.do(
                lambda: funds.decide(actor=self.officers[0], request_id=row.pk, accepted=accepted, reason=reason), kill
            )

    @rule(pick=PICK, take=st.booleans(), kill=KILL)
    def freeze_settled(self, pick: int, take: bool, kill: int) -> None:
        """What two people agreed to: the loss is covered with what was set aside, or withdrawals go on."""
        row = self.one_of(self.mine(Freeze, active=True), pick)
        if row is not None:
            settle = freezes.freeze_take if take else freezes.freeze_lift
            self.do(lambda: settle(actor=self.officers[1], deposit_id=row.deposit_id), kill)

    def still_open(self) -> list[Deposit]:
        return self.deposits(DepositState.CREATED, DepositState.PENDING, DepositState.DELAYED)
