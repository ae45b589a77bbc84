"""Histories of money: whatever happens in whatever order, each movement outside has one effect in the ledger.

Hypothesis invents histories of one client: deposits paid by card and debit, webhooks late, twice and out of order,
refunds and chargebacks, withdrawals through both pairs of eyes, transfers to the trading server and back with answers
that get lost. Any step may be killed (SIGKILL, a process of its own) after any of its database statements. The other
sides are the sandbox servers as processes; they are asked after every step what really happened there.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import stripe
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kernel import clock, commands, inbox
from kernel.errors import AppError
from kernel.ids import short_id
from kernel.models import Command, InboxMessage
from kernel.money import Money
from kernel.relay import drain
from kernel.tests.dying import killed_after
from sandbox.tests.support import Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account, Entry
from tenant_apps.payments.adapters.stripe.provider import EVENTS
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    Freeze,
    PartState,
    ProviderAccount,
    Withdrawal,
    WithdrawalPart,
    WithdrawalState,
)
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.by_hand import part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_cancel,
    withdrawal_check,
    withdrawal_reject,
    withdrawal_request,
)
from tenant_apps.payments.tests.stripe_side import StripeSide
from tenant_apps.payments.tests.support import SYSTEM, client_actor, make_account, make_client, make_rule, staff
from tenant_apps.trading import compare, ledgers, platforms
from tenant_apps.trading.adapters.mt5.tests.sandbox import SandboxProcess
from tenant_apps.trading.models import Case, Direction, Transfer, TransferState
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import World, make_world

IBAN = "DE89370400440532013000"
SECRET = "whsec_histories"
PLAIN, REFUND_FAILS, REFUND_WAITS, DECLINED = (
    "4242424242424242",
    "4000000000005126",
    "4000000000007726",
    "4000000000009995",
)
PROFILE = settings(
    max_examples=int(os.environ.get("RIALTO_HISTORIES", "6")),
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a history is long to replay; its last steps tell enough
)
# After so many database statements the step's process is killed; 0 lets it live.
KILL = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3, 5, 8, 13, 21, 34])
PICK = st.integers(0, 20)
AMOUNT = st.integers(1_000, 60_000)


def _killed(work: Callable[[], Any], after: int) -> None:
    """Carry `work` out in a process of its own that dies after so many statements, or at its end."""
    platforms.close_all()  # its thread would not survive the fork
    killed_after(after, work)


class Histories(RuleBasedStateMachine):
    """One client at one brokerage; the brokerage is shared by all histories, the client and the sides' accounts not."""

    ended = 0  # histories whose end was looked at

    world: ClassVar[World]
    server: ClassVar[Sandbox]
    numbers: ClassVar[Iterator[int]] = itertools.count(1)

    @initialize(fee=st.sampled_from(["0", "1.5"]))
    def begin(self, fee: str) -> None:
        self.side = StripeSide(self.server)
        self.side.settings(sepa_settle_seconds=None, refund_settle_seconds=None)
        ProviderAccount.objects.update(enabled=False)
        self.bank = make_account("bank_wire", settings={"iban": IBAN})
        self.provider = make_account(
            "stripe",
            settings={"base_url": self.server.url.replace("127.0.0.1", "stripe.localhost")},
            credentials={"secret_key": self.side.secret_key, "webhook_secret": SECRET},
        )
        for method in ("card", "sepa_debit"):
            make_rule(self.provider, method, fee_percent=fee)
        self.client = make_client()
        self.actor = client_actor(self.client)
        self.proposer, self.approver = staff(), staff()
        self.account = self.world.open_account(self.client)
        self.sent_by_hand = 0
        self.deposit(amount=50_000, method="card", to_account=False, kill=0)
        self.pay(pick=0, number=PLAIN)
        self.hear(pick=0, again=False, kill=0)

    # --- doing ---------------------------------------------------------------------------------------------------------

    def do(self, work: Callable[[], Any], kill: int) -> None:
        """One step; refusals are answers, and a killed step has none."""
        if kill:
            _killed(work, kill)
            return
        with suppress(AppError):
            work()

    def eur(self, minor: int) -> Money:
        return Money(minor, "EUR")

    def mine(self, kind: str) -> list[Any]:
        return list(self.side.control("GET", kind)["data"])

    def deposits(self, *states: str) -> list[Deposit]:
        rows = Deposit.objects.filter(client=self.client).order_by("created_at")
        return list(rows.filter(state__in=states) if states else rows)

    def withdrawals(self, state: str) -> list[Withdrawal]:
        return list(Withdrawal.objects.filter(client=self.client, state=state).order_by("created_at"))

    # --- money in ------------------------------------------------------------------------------------------------------

    @rule(amount=AMOUNT, method=st.sampled_from(["card", "card", "sepa_debit"]), to_account=st.booleans(), kill=KILL)
    def deposit(self, amount: int, method: str, to_account: bool, kill: int) -> None:
        def work() -> None:
            row = deposit_start(
                actor=self.actor,
                client=self.client,
                amount=self.eur(amount),
                offer_key=f"{self.provider.pk}:{method}",
                target_trading_account_id=self.account.pk if to_account else None,
            )
            deposit_open(deposit_id=row.pk)

        self.do(work, kill)

    def open_sessions(self) -> list[Any]:
        return [session for session in self.mine("sessions") if session["status"] == "open"]

    @precondition(lambda self: self.open_sessions())
    @rule(pick=PICK, number=st.sampled_from([PLAIN, PLAIN, REFUND_FAILS, REFUND_WAITS, DECLINED]))
    def pay(self, pick: int, number: str) -> None:
        sessions = self.open_sessions()
        session = sessions[pick % len(sessions)]
        method = session["payment_method_types"][0]
        self.side.pay(session["id"], method, **({"number": number} if method == "card" else {}))

    @rule(pick=PICK, outcome=st.sampled_from(["succeed", "succeed", "fail"]))
    def bank_decides(self, pick: int, outcome: str) -> None:
        """A debit on its way, or a refund, gets its last word."""
        waiting = [("payment_intents", one) for one in self.mine("payment_intents") if one["status"] == "processing"]
        waiting += [("refunds", one) for one in self.mine("refunds") if one["status"] in {"pending", "succeeded"}]
        if waiting:
            kind, one = waiting[pick % len(waiting)]
            self.side.control("POST", f"{kind}/{one['id']}/settle", {"outcome": outcome})

    @rule(pick=PICK)
    def chargeback(self, pick: int) -> None:
        charges = [one for one in self.mine("charges") if one["status"] == "succeeded" and not one["disputed"]]
        charges = [one for one in charges if one["amount"] > one["amount_refunded"]]
        if charges:
            self.side.control("POST", f"charges/{charges[pick % len(charges)]['id']}/dispute", {})

    @rule(pick=PICK, outcome=st.sampled_from(["won", "lost"]))
    def dispute_closed(self, pick: int, outcome: str) -> None:
        disputes = [one for one in self.mine("disputes") if one["status"] == "needs_response"]
        if disputes:
            self.side.control("POST", f"disputes/{disputes[pick % len(disputes)]['id']}/close", {"outcome": outcome})

    @rule(pick=PICK, amount=st.integers(100, 30_000))
    def refunded_at_the_provider(self, pick: int, amount: int) -> None:
        """Somebody gives money back on the provider's own pages, without us."""
        charges = [one for one in self.mine("charges") if one["status"] == "succeeded" and not one["disputed"]]
        charges = [one for one in charges if one["amount"] > one["amount_refunded"]]
        if charges:
            charge = charges[pick % len(charges)]
            form = {"charge": charge["id"], "amount": min(amount, charge["amount"] - charge["amount_refunded"])}
            answer = self.server.http.post(
                "/v1/refunds", data=form, headers={"Authorization": f"Bearer {self.side.secret_key}"}
            )
            assert answer.status_code == 200, answer.text

    # --- news ----------------------------------------------------------------------------------------------------------

    def news(self) -> list[Any]:
        return [event for event in self.mine("events") if event["type"] in EVENTS]

    def receive(self, event: Any, *, again: bool = False) -> None:
        body = json.dumps(event).encode()
        header = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time.time()))
        webhook_receive(account_id=self.provider.pk, headers={"Stripe-Signature": header}, body=body)
        message = InboxMessage.objects.get(source=f"payments.stripe:{self.provider.pk}", event_key=event["id"])
        if again:
            inbox.replay(message.pk)
        inbox.process(message.pk)

    @precondition(lambda self: self.news())
    @rule(pick=PICK, again=st.booleans(), kill=KILL)
    def hear(self, pick: int, again: bool, kill: int) -> None:
        """Any event, also one heard before, also before its elders."""
        events = self.news()
        self.do(lambda: self.receive(events[pick % len(events)], again=again), kill)

    @rule(pick=PICK, kill=KILL)
    def ask(self, pick: int, kill: int) -> None:
        rows = self.deposits()
        if rows:
            self.do(lambda: deposit_ask(deposit_id=rows[pick % len(rows)].pk, actor=SYSTEM), kill)

    # --- money out -----------------------------------------------------------------------------------------------------

    @rule(amount=AMOUNT, kill=KILL)
    def want_out(self, amount: int, kill: int) -> None:
        self.do(
            lambda: withdrawal_request(
                actor=self.actor, client=self.client, amount=self.eur(amount), iban=IBAN, holder="Lena Vogt"
            ),
            kill,
        )

    @precondition(lambda self: self.withdrawals(WithdrawalState.REQUESTED))
    @rule(pick=PICK, kill=KILL, cancel=st.sampled_from([False, False, False, True]))
    def first_eyes(self, pick: int, kill: int, cancel: bool) -> None:
        rows = self.withdrawals(WithdrawalState.REQUESTED)
        row = rows[pick % len(rows)]
        if cancel:
            self.do(lambda: withdrawal_cancel(actor=self.actor, withdrawal_id=row.pk), kill)
        else:
            self.do(lambda: withdrawal_check(actor=self.proposer, withdrawal_id=row.pk), kill)

    @precondition(lambda self: self.withdrawals(WithdrawalState.CHECKED))
    @rule(pick=PICK, kill=KILL, reject=st.sampled_from([False, False, False, True]))
    def second_eyes(self, pick: int, kill: int, reject: bool) -> None:
        rows = self.withdrawals(WithdrawalState.CHECKED)
        row = rows[pick % len(rows)]
        if reject:
            self.do(lambda: withdrawal_reject(actor=self.approver, withdrawal_id=row.pk, reason="origin"), kill)
        else:
            self.do(lambda: withdrawal_approve(actor=self.approver, withdrawal_id=row.pk), kill)

    @rule(kill=KILL)
    def wire_goes_out(self, kill: int) -> None:
        part = WithdrawalPart.objects.filter(
            withdrawal__client=self.client, deposit=None, state=PartState.SENDING
        ).first()
        if part is not None:
            self.do(lambda: part_sent_by_hand(actor=self.proposer, part_id=part.pk, bank_reference="B1"), kill)

    # --- the trading server --------------------------------------------------------------------------------------------

    @rule(amount=st.integers(100, 40_000), out=st.booleans(), key=st.integers(0, 5), kill=KILL)
    def transfer(self, amount: int, out: bool, key: int, kill: int) -> None:
        """The same key comes again now and then, as a form sent twice does."""
        begin = transfers.transfer_to_wallet if out else transfers.transfer_to_account
        key_ = f"{self.client.pk}:{key}" if key else f"{self.client.pk}:{short_id(8)}"
        self.do(lambda: begin(actor=SYSTEM, account=self.account, amount=self.eur(amount), key=key_), kill)

    # --- work ----------------------------------------------------------------------------------------------------------

    @rule(
        kill=KILL,
        lost=st.sampled_from(["", "", "drop_after_commit", "drop_before_commit", "half_open"]),
        reset=st.sampled_from([0, 0, 0, 3]),
    )
    def carry_out(self, kill: int, lost: str, reset: int) -> None:
        """A worker takes the next command; answers may get lost on the way."""
        row = next(iter(commands.due()), None)
        if row is None:
            return
        if lost:
            self.world.admin("POST", "/faults", {"kind": lost, "path": "/api/trade/balance"})
        if reset:
            self.side.faults(api_reset_after_commit=reset)
        try:
            self.do(lambda: commands.run(row.pk), kill)
        finally:
            self.world.admin("DELETE", "/faults")
            self.side.faults()

    @rule()
    def relay(self) -> None:
        drain()

    @rule()
    def time_passes(self) -> None:
        """An hour: leases and quiet periods are over, what was postponed is due."""
        past = clock.now() - timedelta(hours=1)
        open_ones = Command.objects.filter(state__in=commands.OPEN)
        open_ones.update(available_at=past)
        open_ones.filter(lease_until__isnull=False).update(lease_until=past)
        open_ones.filter(sent_at__isnull=False).update(sent_at=past)
        InboxMessage.objects.filter(processed_at=None, dead_at=None).update(available_at=past)

    @rule()
    def compare_with_the_server(self) -> None:
        compare.compare(self.world.server, since=clock.now() - timedelta(hours=2))

    # --- what always holds ---------------------------------------------------------------------------------------------

    def booked(self, provider: ProviderAccount) -> dict[str, Counter[int]]:
        """What the ledger says has moved at a provider, by kind: amounts as the provider sees them."""
        account = posting.clearing(provider, "EUR")
        found: dict[str, Counter[int]] = {}
        rows = Entry.objects.filter(account_id=account.pk).extra(
            tables=["ledger_transfer"],
            where=["ledger_transfer.id = ledger_entry.transfer_id"],
            select={"kind": "ledger_transfer.kind"},
        )
        for row in rows:
            found.setdefault(row.kind, Counter())[-row.amount] += 1
        return found

    def moved(self) -> dict[str, Counter[int]]:
        """What has moved at the provider, by its own books."""
        found: dict[str, Counter[int]] = {}
        for row in self.mine("balance_transactions"):
            found.setdefault(row["type"], Counter())[row["amount"]] += 1
        return found

    def sides(self) -> tuple[Counter[int], Counter[int]]:
        booked, moved = Counter[int](), Counter[int]()
        for kind, counter in self.booked(self.provider).items():
            booked += counter if kind != posting.PROVIDER_FEE else Counter()
        for counter in self.moved().values():
            moved += counter
        return booked, moved

    @invariant()
    def the_ledger_is_sound(self) -> None:
        if not hasattr(self, "client"):
            return
        assert ledger.broken_invariants() == {}
        totals: Counter[str] = Counter()
        for _, _, currency, minor in ledger.trial_balance():
            totals[currency] += minor
        assert not any(totals.values())
        for kind in ("wallet", "in_transit"):
            assert not Account.objects.filter(kind=kind, balance__lt=0).exists()

    @invariant()
    def nothing_is_booked_that_did_not_happen(self) -> None:
        """Each effect in the ledger has a movement of its own at the provider. The other way round it may take time."""
        if not hasattr(self, "client"):
            return
        booked, moved = self.sides()
        assert not booked - moved, (booked - moved, moved)
        kept = Counter(-row["fee"] for row in self.mine("balance_transactions") if row["type"] == "charge")
        assert not self.booked(self.provider).get(posting.PROVIDER_FEE, Counter()) - kept
        assert sum(row.first for row in self.deposits()) <= 1

    @invariant()
    def what_is_set_aside_is_on_its_way(self) -> None:
        """Holds and money in transit belong to something that is still going on, to the unit."""
        if not hasattr(self, "client"):
            return
        going = Transfer.objects.filter(account=self.account, state=TransferState.PENDING)
        amounts = {direction: sum(r.amount_minor for r in going if r.direction == direction) for direction in Direction}
        parts = WithdrawalPart.objects.filter(
            withdrawal__client=self.client, state__in=[PartState.PLANNED, PartState.SENDING]
        )
        wallet = ledgers.wallet(self.account)
        frozen = sum(freeze.held.minor for freeze in Freeze.objects.filter(client=self.client, active=True))
        assert wallet.held == sum(part.amount_minor for part in parts) + frozen
        assert ledgers.in_transit(self.account).balance == amounts[Direction.TO_ACCOUNT]
        assert ledgers.mirror(self.account).held == amounts[Direction.TO_WALLET]

    @invariant()
    def the_server_has_what_we_say(self) -> None:
        """Its balance is the mirror's, give or take operations whose outcome we do not know yet."""
        if not hasattr(self, "client"):
            return
        difference = self.on_server() - ledgers.mirror(self.account).balance
        going = Transfer.objects.filter(account=self.account, state=TransferState.PENDING)
        reachable = {0}
        for row in going:
            signed = -row.amount_minor if row.direction == Direction.TO_WALLET else row.amount_minor
            reachable |= {value + signed for value in reachable}
        assert difference in reachable

    def on_server(self) -> int:
        return Money.of(self.world.on_server(int(self.account.login or 0))["balance"], "EUR").minor

    def teardown(self) -> None:
        """Everything is heard and worked off; then both sides agree to the unit and nothing is left on its way."""
        if not hasattr(self, "client"):
            return
        for refund in self.mine("refunds"):
            if refund["status"] == "pending":
                self.side.control("POST", f"refunds/{refund['id']}/settle", {"outcome": "succeed"})
        for _ in range(12):
            self.time_passes()
            drain()
            for event in self.news():
                if not InboxMessage.objects.filter(event_key=event["id"], processed_at__isnull=False).exists():
                    self.receive(event)
            for row in commands.due():
                commands.run(row.pk)
            if not Command.objects.filter(state__in=commands.OPEN).exists():
                break
        for deposit in self.deposits(DepositState.CREATED, DepositState.PENDING, DepositState.DELAYED):
            deposit_ask(deposit_id=deposit.pk, actor=SYSTEM)
        self.nothing_is_booked_that_did_not_happen()
        booked, moved = self.sides()
        left = moved - booked  # a refund of ours that failed while it was held: out and in again there, nothing here
        assert sum(minor * times for minor, times in left.items()) == 0, (booked, moved)
        assert not Transfer.objects.filter(account=self.account, state=TransferState.PENDING).exists()
        assert self.on_server() == ledgers.mirror(self.account).balance
        assert ledgers.in_transit(self.account).balance == 0
        type(self).ended += 1
        compare.compare(self.world.server, since=clock.now() - timedelta(hours=2))
        assert list(Case.objects.values_list("dedupe_key", flat=True)) == []
        self.the_ledger_is_sound()
        self.what_is_set_aside_is_on_its_way()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_history_ends_with_both_sides_agreeing(
    live_tenant: Any, stripe_server: Sandbox, trading_process: SandboxProcess
) -> None:
    world = make_world(trading_process)
    machine = type("Histories", (Histories,), {"world": world, "server": stripe_server})
    try:
        run_state_machine_as_test(machine, settings=PROFILE)
    finally:
        platforms.close_all()
    assert machine.ended, "no history was led to its end"
