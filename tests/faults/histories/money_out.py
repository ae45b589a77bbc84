"""Money out, through both pairs of eyes, back to its source or by wire; and money that moves inside."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kernel import clock
from kernel.ids import short_id
from kernel.money import Money
from tenant_apps.payments.models import PartState, Withdrawal, WithdrawalPart, WithdrawalState
from tenant_apps.payments.ports import RefundState, RefundStatus
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.payments.services.parts import part_apply
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_cancel,
    withdrawal_check,
    withdrawal_reject,
    withdrawal_request,
)
from tenant_apps.payments.tests.support import SYSTEM
from tenant_apps.trading.services import transfers
from tenant_apps.wallets.models import Adjustment, ClientTransfer, Decision, Exchange, ExchangeState, TransferState
from tenant_apps.wallets.services.adjustments import adjustment_approve, adjustment_propose, adjustment_refuse
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote
from tenant_apps.wallets.services.transfers import (
    client_transfer_approve,
    client_transfer_cancel,
    client_transfer_reject,
    client_transfer_send,
)

from .brokerage import CURRENCIES, KILL, PICK, SIZE, WHO, Brokerage

MOSTLY = st.sampled_from([True, True, True, False])


class MoneyOut(Brokerage):
    @rule(who=WHO, currency=st.sampled_from(["EUR", "EUR", "JPY", "KWD"]), size=SIZE, kill=KILL)
    def want_out(self, who: int, currency: str, size: int, kill: int) -> None:
        person = self.people[who]
        self.do(
            lambda: withdrawal_request(
                actor=person.actor, client=person.client, amount=Money(size, currency),
                destination=person.client.destinations.get(),
            ),
            kill,
        )  # fmt: skip

    @rule(pick=PICK, kill=KILL, go_on=MOSTLY)
    def first_eyes(self, pick: int, kill: int, go_on: bool) -> None:
        row = self.one_of(self.mine(Withdrawal, state=WithdrawalState.REQUESTED), pick)
        if row is None:
            return
        if go_on:
            self.do(lambda: withdrawal_check(actor=self.officers[0], withdrawal_id=row.pk), kill)
        else:
            owner = next(one.actor for one in self.people if one.client == row.client)
            self.do(lambda: withdrawal_cancel(actor=owner, withdrawal_id=row.pk), kill)

    @rule(pick=PICK, kill=KILL, go_on=MOSTLY)
    def second_eyes(self, pick: int, kill: int, go_on: bool) -> None:
        row = self.one_of(self.mine(Withdrawal, state=WithdrawalState.CHECKED), pick)
        if row is None:
            return
        if go_on:
            self.do(lambda: withdrawal_approve(actor=self.officers[1], withdrawal_id=row.pk), kill)
        else:
            self.do(lambda: withdrawal_reject(actor=self.officers[1], withdrawal_id=row.pk, reason="origin"), kill)

    def wires(self) -> list[Any]:
        clients = [one.client for one in self.people]
        rows = WithdrawalPart.objects.filter(withdrawal__client__in=clients, deposit=None, state=PartState.SENDING)
        return list(rows.select_related("withdrawal").order_by("created_at"))

    @rule(pick=PICK, kill=KILL, told=st.booleans(), go_on=MOSTLY)
    def wire_goes_out(self, pick: int, kill: int, told: bool, go_on: bool) -> None:
        """Sent at the bank; finance says so at once, or the next statement does. Or the bank refuses it."""
        part = self.one_of(self.wires(), pick)
        if part is None or part.sent_by:
            return
        if not go_on and part.pk not in self.sent:
            self.do(lambda: part_refused_by_bank(actor=self.officers[0], part_id=part.pk, reason="closed"), kill)
            return
        if part.pk not in self.sent:
            self.sent[part.pk] = part.amount_minor
            self.bank.transfer(-part.amount_minor, name="Lena Vogt", reference=part.withdrawal.reference)
        if told:
            self.do(lambda: part_sent_by_hand(actor=self.officers[0], part_id=part.pk, bank_reference="B1"), kill)

    @rule(pick=PICK, fee=st.integers(0, 300), own=MOSTLY, kill=KILL)
    def cost_is_told(self, pick: int, fee: int, own: bool, kill: int) -> None:
        """A provider tells what paying out has cost us: late, and then another amount, twice."""
        clients = [one.client for one in self.people]
        paid = WithdrawalPart.objects.filter(withdrawal__client__in=clients, state=PartState.PAID)
        rows = list(paid.exclude(provider_account=self.bank.account).order_by("created_at"))
        if not rows:
            return
        part = rows[pick % len(rows)]
        for minor in (fee, fee + 7, fee + 7):
            told = RefundStatus(
                state=RefundState.SUCCEEDED, reference=part.provider_reference, amount=part.amount,
                fee=Money(minor, part.currency if own else "USD"),
            )  # fmt: skip
            self.do(lambda told=told: part_apply(part_id=part.pk, status=told, actor=SYSTEM), kill)  # type: ignore[misc]

    # --- inside --------------------------------------------------------------------------------------------------------

    @rule(who=WHO, size=st.integers(100, 40_000), out=st.booleans(), key=st.integers(0, 5), kill=KILL)
    def transfer(self, who: int, size: int, out: bool, key: int, kill: int) -> None:
        """To the trading server or back. The same key comes again now and then, as a form sent twice does."""
        person = self.people[who]
        begin = transfers.transfer_to_wallet if out else transfers.transfer_to_account
        key_ = f"{person.client.pk}:{key or short_id(8)}"
        amount = Money(size, person.account.currency)
        self.do(lambda: begin(actor=person.actor, account=person.account, amount=amount, key=key_), kill)

    @rule(who=WHO, give=st.sampled_from(CURRENCIES), get=st.sampled_from(CURRENCIES), size=SIZE, kill=KILL)
    def quote(self, who: int, give: str, get: str, size: int, kill: int) -> None:
        person, amount = self.people[who], Money(size, give)
        self.do(
            lambda: exchange_quote(
                actor=person.actor, client=person.client, amount=amount, give_currency=give, get_currency=get
            ),
            kill,
        )

    @rule(pick=PICK, late=st.sampled_from([False, False, False, True]), kill=KILL)
    def exchange(self, pick: int, late: bool, kill: int) -> None:
        """Any quote, one carried out before or too old among them."""
        row = self.one_of(self.mine(Exchange), pick)
        if row is None:
            return
        if late and row.state == ExchangeState.QUOTED:
            Exchange.objects.filter(pk=row.pk).update(expires_at=clock.now())
        owner = next(one.actor for one in self.people if one.client == row.client)
        self.do(lambda: exchange_confirm(actor=owner, exchange_id=row.pk), kill)

    @rule(who=WHO, currency=st.sampled_from(CURRENCIES), size=SIZE, key=st.integers(0, 5), kill=KILL)
    def send(self, who: int, currency: str, size: int, key: int, kill: int) -> None:
        """To the other client; above a limit it waits for staff."""
        person, other = self.people[who], self.people[1 - who].client
        key_ = str(key or short_id(8))
        self.do(
            lambda: client_transfer_send(
                actor=person.actor, client=person.client, number=other.number, email=other.email,
                amount=Money(size, currency), key=key_,
            ),
            kill,
        )  # fmt: skip

    @rule(pick=PICK, what=st.sampled_from(["approve", "approve", "reject", "cancel"]), kill=KILL)
    def sending_decided(self, pick: int, what: str, kill: int) -> None:
        clients = [one.client for one in self.people]
        rows = ClientTransfer.objects.filter(sender__in=clients, state=TransferState.WAITING).order_by("created_at")
        row = self.one_of(list(rows), pick)
        if row is None:
            return
        sender = next(one.actor for one in self.people if one.client == row.sender)
        work: dict[str, Any] = {
            "approve": lambda: client_transfer_approve(actor=self.officers[0], client_transfer_id=row.pk),
            "reject": lambda: client_transfer_reject(actor=self.officers[0], client_transfer_id=row.pk, reason="no"),
            "cancel": lambda: client_transfer_cancel(actor=sender, client_transfer_id=row.pk),
        }
        self.do(work[what], kill)

    @rule(who=WHO, currency=st.sampled_from(CURRENCIES), size=SIZE, fee=st.booleans(), kill=KILL)
    def adjustment(self, who: int, currency: str, size: int, fee: bool, kill: int) -> None:
        reason, amount = ("fee", Money(-size, currency)) if fee else ("goodwill", Money(size, currency))
        client = self.people[who].client
        self.do(
            lambda: adjustment_propose(
                actor=self.officers[0], client=client, amount=amount, reason=reason, text="as agreed"
            ),
            kill,
        )

    @rule(pick=PICK, go_on=MOSTLY, kill=KILL)
    def adjustment_decided(self, pick: int, go_on: bool, kill: int) -> None:
        row = self.one_of(self.mine(Adjustment, state=Decision.PROPOSED), pick)
        if row is None:
            return
        if go_on:
            self.do(lambda: adjustment_approve(actor=self.officers[1], adjustment_id=row.pk), kill)
        else:
            self.do(lambda: adjustment_refuse(actor=self.officers[1], adjustment_id=row.pk, reason="no"), kill)
