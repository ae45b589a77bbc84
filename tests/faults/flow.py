"""One client's money on its whole way: in by a provider, to the trading account and back, into another currency, out
through both pairs of eyes, compared with what the provider and the trading server say.

`go` takes the way up wherever it stands, as people and sweeps do: a step that is done is passed over.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import stripe

from kernel import clock, commands, files, inbox
from kernel.actors import Actor
from kernel.models import AuditEntry, Command, InboxMessage, OutboxMessage
from kernel.money import Money
from kernel.relay import drain
from kernel.tests.dying import Lines
from sandbox.tests.support import Sandbox
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.ledger.models import Account, Entry, Hold
from tenant_apps.ledger.models import Transfer as LedgerTransfer
from tenant_apps.notifications.models import Mail
from tenant_apps.payments.adapters.stripe.provider import EVENTS
from tenant_apps.payments.models import Deposit, DepositState, PartState, ProviderAccount, Withdrawal, WithdrawalState
from tenant_apps.payments.services.by_hand import part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_open, deposit_start
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.payments.tests.stripe_side import StripeSide
from tenant_apps.payments.tests.support import client_actor, make_account, make_client, make_destination, make_rule
from tenant_apps.payments.tests.support import staff as member
from tenant_apps.reconciliation.models import Case as ReportCase
from tenant_apps.reconciliation.models import Report, ReportLine, ReportState
from tenant_apps.reconciliation.services import reports
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.reconciliation.tests.support import STRIPE_HEADER
from tenant_apps.trading import platforms
from tenant_apps.trading.models import Case as TradingCase
from tenant_apps.trading.models import TradingAccount, Transfer
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import World
from tenant_apps.wallets.models import Exchange, ExchangeState
from tenant_apps.wallets.services.exchange import exchange_confirm, exchange_quote

SECRET = "whsec_flow"
IBAN = "DE89370400440532013000"


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


@dataclass
class Flow:
    """A client of one's own, an account of one's own at the provider; the trading server is shared."""

    world: World
    side: StripeSide
    provider: ProviderAccount
    client: Client
    account: TradingAccount
    actor: Actor
    first: Actor = field(default_factory=member)
    second: Actor = field(default_factory=member)

    # --- the way -------------------------------------------------------------------------------------------------------

    def steps(self) -> Iterator[tuple[str, Callable[[], bool], Callable[[], object]]]:
        """Name, whether it is done, and how it is done. Later steps need the earlier ones."""
        yield "start", lambda: self.deposits().exists(), self.start
        yield (
            "open",
            lambda: self.deposit.state != DepositState.CREATED,
            lambda: deposit_open(deposit_id=self.deposit.pk),
        )
        yield "pay", lambda: self.session()["status"] != "open", lambda: self.side.pay(self.session()["id"])
        yield "hear of it", self.all_heard, self.hear
        yield "relay it", self.nothing_to_deliver, self.deliver
        yield "to the account", lambda: self.moved("in"), lambda: self.move("in", 20_000)
        yield "carry there", self.nothing_to_carry, self.carry
        yield "to the wallet", lambda: self.moved("out"), lambda: self.move("out", 8_000)
        yield "carry back", self.nothing_to_carry, self.carry
        yield "quote", lambda: Exchange.objects.filter(client=self.client).exists(), self.quote
        yield "exchange", lambda: self.exchange.state == ExchangeState.DONE, self.confirm
        for currency, minor in (("EUR", 15_000), ("USD", 5_000)):
            yield from self.out(currency, minor)
        yield "hear of the rest", self.all_heard, self.hear
        yield "relay the rest", self.nothing_to_deliver, self.deliver
        yield (
            "take the report",
            lambda: Report.objects.filter(provider_account=self.provider).exists(),
            self.take_report,
        )
        yield "read the report", lambda: not self.reports(ReportState.WAITING), self.read_report
        yield "compare", lambda: not self.to_compare(), lambda: account_compare(account_id=self.provider.pk)
        yield "relay the fees", self.nothing_to_deliver, self.deliver

    def out(self, currency: str, minor: int) -> Iterator[tuple[str, Callable[[], bool], Callable[[], object]]]:
        def row() -> Withdrawal | None:
            return Withdrawal.objects.filter(client=self.client, currency=currency).first()

        def there() -> Withdrawal:
            found = row()
            assert found is not None
            return found

        def beyond(*before: WithdrawalState) -> Callable[[], bool]:
            return lambda: there().state not in before

        def ask() -> object:
            amount = Money(minor, currency)
            return withdrawal_request(
                actor=self.actor, client=self.client, amount=amount, destination=self.client.destinations.get()
            )

        requested, checked = WithdrawalState.REQUESTED, WithdrawalState.CHECKED
        yield f"ask for {currency}", lambda: row() is not None, ask
        yield (
            f"check {currency}",
            beyond(requested),
            lambda: withdrawal_check(actor=self.first, withdrawal_id=there().pk),
        )
        yield (
            f"approve {currency}",
            beyond(requested, checked),
            lambda: withdrawal_approve(actor=self.second, withdrawal_id=there().pk),
        )
        yield f"pay {currency}", self.nothing_to_carry, self.carry
        yield f"wire {currency}", lambda: not self.wires(there()), lambda: self.wire(there())

    def go(self, lines: Lines) -> None:
        """From where it stands to its end. A connection of its own: on the test's a killed one would leave half an answer."""
        server = self.side.server
        server.http = httpx.Client(base_url=server.url, timeout=30, trust_env=False)
        for name, done, work in self.steps():
            if not done():
                lines.step = name
                work()
                lines.step = ""
                assert done(), name

    # --- its steps -----------------------------------------------------------------------------------------------------

    def deposits(self) -> Any:
        return Deposit.objects.filter(client=self.client)

    @property
    def deposit(self) -> Deposit:
        found: Deposit = self.deposits().get()
        return found

    def start(self) -> Deposit:
        return deposit_start(
            actor=self.actor, client=self.client, amount=eur(50_000), offer_key=f"{self.provider.pk}:card"
        )

    def there(self, kind: str) -> list[Any]:
        return list(self.side.control("GET", kind)["data"])

    def session(self) -> Any:
        return next(one for one in self.there("sessions") if one["id"] == self.deposit.provider_reference)

    def news(self) -> list[Any]:
        """Oldest first, as a provider sends them."""
        return [event for event in reversed(self.there("events")) if event["type"] in EVENTS]

    def all_heard(self) -> bool:
        known = InboxMessage.objects.filter(source=f"payments.stripe:{self.provider.pk}", processed_at__isnull=False)
        return {event["id"] for event in self.news()} <= set(known.values_list("event_key", flat=True))

    def hear(self) -> None:
        for event in self.news():
            body = json.dumps(event).encode()
            signed = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time.time()))
            webhook_receive(account_id=self.provider.pk, headers={"Stripe-Signature": signed}, body=body)
        waiting = InboxMessage.objects.filter(processed_at=None, source__endswith=str(self.provider.pk))
        for message in [*waiting, *waiting.all()]:  # what came before its elders is understood after them
            inbox.process(message.pk)

    def nothing_to_deliver(self) -> bool:
        return not OutboxMessage.objects.filter(delivered_at=None, dead_at=None).exists()

    def deliver(self) -> None:
        while drain():
            pass

    def nothing_to_carry(self) -> bool:
        return not Command.objects.filter(state__in=commands.OPEN).exists()

    def carry(self) -> None:
        """A worker; what an earlier one left behind is found out by asking."""
        for row in commands.due():
            commands.run(row.pk)

    def moved(self, way: str) -> bool:
        return Transfer.objects.filter(key=f"{self.client.pk}:{way}").exists()

    def move(self, way: str, minor: int) -> None:
        begin = transfers.transfer_to_account if way == "in" else transfers.transfer_to_wallet
        begin(actor=self.actor, account=self.account, amount=eur(minor), key=f"{self.client.pk}:{way}")

    @property
    def exchange(self) -> Exchange:
        return Exchange.objects.get(client=self.client)

    def quote(self) -> None:
        exchange_quote(
            actor=self.actor, client=self.client, amount=eur(10_000), give_currency="EUR", get_currency="USD"
        )

    def confirm(self) -> None:
        exchange_confirm(actor=self.actor, exchange_id=self.exchange.pk)

    def wires(self, row: Withdrawal) -> list[Any]:
        return list(row.parts.filter(deposit=None, state=PartState.SENDING))

    def wire(self, row: Withdrawal) -> None:
        for part in self.wires(row):
            part_sent_by_hand(actor=self.first, part_id=part.pk, bank_reference="B1")

    def report(self) -> bytes:
        """The provider's own books, as it writes them down for merchants."""
        intents = {one["id"]: one for one in [*self.there("charges"), *self.there("refunds")]}
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(STRIPE_HEADER)
        for row in reversed(self.there("balance_transactions")):
            about = intents[row["source"]]
            at = datetime.fromtimestamp(row["created"], UTC).strftime("%Y-%m-%d %H:%M:%S")
            amounts = [f"{row[name] / 100:.2f}" for name in ("amount", "fee", "net")]
            writer.writerow([row["id"], at, "eur", *amounts, row["type"], about["id"], "", about.get("charge", about["id"]),
                             about["payment_intent"], ""])  # fmt: skip
        return out.getvalue().encode()

    def reports(self, state: ReportState) -> list[Report]:
        return list(Report.objects.filter(provider_account=self.provider, state=state))

    def take_report(self) -> None:
        kept = files.save(
            self.report(), kind=reports.FILE, name="report.csv", content_type="text/csv", subject=self.first.id
        )
        reports.report_take(actor=self.first, account=self.provider, stored=kept, code="stripe")

    def read_report(self) -> None:
        for report in self.reports(ReportState.WAITING):
            reports.report_work(report_id=report.pk)

    def to_compare(self) -> bool:
        return Report.objects.filter(provider_account=self.provider, compared_at=None).exists()

    # --- what is left of it --------------------------------------------------------------------------------------------

    def outcome(self) -> dict[str, Any]:
        """Everything that counts, without ids and times: the same however often it was interrupted."""
        mine = Account.objects.filter(owner=f"client:{self.client.pk}")
        clearing = Account.objects.filter(kind=f"clearing:{self.provider.pk}")
        touched = Entry.objects.filter(
            account_id__in=[*mine.values_list("pk", flat=True), *clearing.values_list("pk", flat=True)]
        )
        concerned = sorted(set(touched.values_list("transfer_id", flat=True)))
        kinds = dict(LedgerTransfer.objects.filter(pk__in=concerned).values_list("pk", "kind"))
        accounts = Account.objects.in_bulk()
        entries = Counter(
            (
                kinds[one.transfer_id],
                self._kind(accounts[one.account_id]),
                accounts[one.account_id].currency,
                one.amount,
            )
            for one in Entry.objects.filter(transfer_id__in=concerned)
        )
        return {
            "ledger": entries,
            "balances": sorted((self._kind(one), one.currency, one.balance, one.held) for one in mine),
            "holds": Counter(Hold.objects.filter(account__in=mine).values_list("state", "amount", "captured")),
            "on the trading server": self.on_the_server(),
            "at the provider": Counter(
                (row["type"], row["amount"], row["fee"], row["currency"]) for row in self.there("balance_transactions")
            ),
            "events": self._events(),
            "timeline": Counter(TimelineEntry.objects.filter(client=self.client).values_list("kind", flat=True)),
            "audit": Counter(AuditEntry.objects.filter(subject=str(self.client.pk)).values_list("action", flat=True)),
            "mails": Mail.objects.filter(to=self.client.email).count(),
            "commands": Counter(
                Command.objects.filter(
                    aggregate__in=[self.account.aggregate, f"deposit:{self.deposit.pk}"]
                ).values_list("kind", "state")
            ),
            "lines": Counter(ReportLine.objects.filter(provider_account=self.provider).values_list("kind", "state")),
            "cases": ReportCase.objects.filter(provider_account=self.provider).count(),
            "trading cases": TradingCase.objects.filter(account=self.account).count(),
        }

    def on_the_server(self) -> Counter[tuple[str, str]]:
        """Its deals; and its balance is their sum."""
        login = int(self.account.login or 0)
        since, until = clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)
        deals = platforms.ask(self.world.server, lambda platform: platform.deals(since, until, logins=(login,)))
        total = sum((deal.profit for deal in deals), Decimal(0))
        assert Decimal(self.world.on_server(login)["balance"]) == total
        return Counter((str(deal.kind), str(deal.profit)) for deal in deals)

    def _kind(self, account: Account) -> str:
        return account.kind.partition(":")[0]

    def _events(self) -> Counter[str]:
        rows = OutboxMessage.objects.filter(payload__client_id=str(self.client.pk))
        return Counter(rows.values_list("name", flat=True))


def flow_new(world: World, server: Sandbox) -> Flow:
    """The people and accounts of a way that nobody has set out on."""
    side = StripeSide(server)
    side.settings(sepa_settle_seconds=None, refund_settle_seconds=None)
    ProviderAccount.objects.filter(kind="stripe").update(enabled=False)
    provider = make_account(
        "stripe",
        settings={"base_url": server.url.replace("127.0.0.1", "stripe.localhost")},
        credentials={"secret_key": side.secret_key, "webhook_secret": SECRET},
    )
    make_rule(provider, "card", fee_percent="1.5")
    client = make_client()
    make_destination(client)
    return Flow(world, side, provider, client, world.open_account(client), client_actor(client))


def time_passes() -> None:
    """An hour: leases and quiet periods are over, what was postponed is due."""
    past = clock.now() - timedelta(hours=1)
    open_ones = Command.objects.filter(state__in=commands.OPEN)
    open_ones.update(available_at=past)
    open_ones.filter(lease_until__isnull=False).update(lease_until=past)
    open_ones.filter(sent_at__isnull=False).update(sent_at=past)
    InboxMessage.objects.filter(processed_at=None, dead_at=None).update(available_at=past)
    OutboxMessage.objects.filter(delivered_at=None, dead_at=None).update(available_at=past)
