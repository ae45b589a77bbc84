"""Three providers as the histories see them: what payers do there, the news of it, and the provider's own books.

Stripe and Tap are their sandboxes, run as servers. The third is played by the test itself, for what those two cannot do:
a payment of another amount or currency than asked for, taken back and won.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import stripe

from kernel import inbox
from kernel.ids import short_id
from kernel.models import InboxMessage
from kernel.money import Money
from sandbox.tap.signing import hashstring, text_to_hash
from sandbox.tests.support import Sandbox
from tenant_apps.payments.adapters.stripe.provider import EVENTS
from tenant_apps.payments.models import Deposit, ProviderAccount
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services.deposits import deposit_apply, deposit_ask
from tenant_apps.payments.services.providers import provider_of
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.payments.tests.stripe_side import StripeSide
from tenant_apps.payments.tests.support import SYSTEM, make_account, make_rule
from tenant_apps.payments.tests.tap_side import TapSide

SECRET = "whsec_histories"
PLAIN, REFUND_FAILS, REFUND_WAITS, DECLINED = (
    "4242424242424242",
    "4000000000005126",
    "4000000000007726",
    "4000000000009995",
)
Moved = Counter[tuple[str, int]]  # currency and minor units, money out is negative; how often


class Provider(Protocol):
    """What a history needs of one."""

    account: ProviderAccount
    methods: tuple[tuple[str, str], ...]  # method and currency

    def open_pages(self) -> list[Any]: ...
    def pay(self, page: Any, how: int) -> None: ...
    def bank_decides(self, pick: int, good: bool) -> None: ...
    def news(self) -> list[Any]: ...
    def hear(self, news: Any, *, again: bool = False) -> None: ...
    def heard(self, news: Any) -> bool: ...
    def settle(self) -> None: ...
    def moved(self) -> Moved: ...


def _keys(account: ProviderAccount, body: bytes) -> list[str]:
    return [event.event_key for event in provider_of(account).read_webhook(body)]


def _receive(account: ProviderAccount, headers: dict[str, str], body: bytes, *, again: bool) -> None:
    """As the web process and a worker would."""
    webhook_receive(account_id=account.pk, headers=headers, body=body)
    mine = InboxMessage.objects.filter(source=f"payments.{account.kind}:{account.pk}")
    for message in mine.filter(event_key__in=_keys(account, body)):
        if again:
            inbox.replay(message.pk)
        inbox.process(message.pk)


def _heard(account: ProviderAccount, body: bytes) -> bool:
    mine = InboxMessage.objects.filter(source=f"payments.{account.kind}:{account.pk}", processed_at__isnull=False)
    keys = _keys(account, body)
    return mine.filter(event_key__in=keys).count() == len(keys)


class StripeThere:
    methods = (("card", "EUR"), ("sepa_debit", "EUR"), ("card", "JPY"))

    def __init__(self, server: Sandbox, fee: str) -> None:
        self.server, self.side = server, StripeSide(server)
        self.side.settings(sepa_settle_seconds=None, refund_settle_seconds=None)
        self.account = make_account(
            "stripe",
            settings={"base_url": server.url.replace("127.0.0.1", "stripe.localhost")},
            credentials={"secret_key": self.side.secret_key, "webhook_secret": SECRET},
        )
        for method, currency in self.methods:
            make_rule(self.account, method, currency, fee_percent=fee)

    def listed(self, kind: str) -> list[Any]:
        return list(self.side.control("GET", kind)["data"])

    def open_pages(self) -> list[Any]:
        return [one for one in self.listed("sessions") if one["status"] == "open"]

    def pay(self, page: Any, how: int) -> None:
        number = (PLAIN, PLAIN, PLAIN, REFUND_FAILS, REFUND_WAITS, DECLINED)[how % 6]
        method = page["payment_method_types"][0]
        self.side.pay(page["id"], method, **({"number": number} if method == "card" else {}))

    def expire(self, page: Any) -> None:
        self.side.control("POST", f"sessions/{page['id']}/expire", {})

    def bank_decides(self, pick: int, good: bool) -> None:
        waiting = [("payment_intents", one) for one in self.listed("payment_intents") if one["status"] == "processing"]
        waiting += [("refunds", one) for one in self.listed("refunds") if one["status"] in {"pending", "succeeded"}]
        if waiting:
            kind, one = waiting[pick % len(waiting)]
            self.side.control("POST", f"{kind}/{one['id']}/settle", {"outcome": "succeed" if good else "fail"})

    def _whole(self) -> list[Any]:
        charges = [one for one in self.listed("charges") if one["status"] == "succeeded" and not one["disputed"]]
        return [one for one in charges if one["amount"] > one["amount_refunded"]]

    def chargeback(self, pick: int) -> None:
        """A bank takes money back at once, or first inquires; an inquiry is escalated."""
        if asked := self._disputes("warning_needs_response"):
            self.side.control("POST", f"disputes/{asked[pick % len(asked)]['id']}/escalate")
        elif charges := self._whole():
            inquiry = {"inquiry": "true"} if pick % 3 == 2 else {}
            self.side.control("POST", f"charges/{charges[pick % len(charges)]['id']}/dispute", inquiry)

    def _disputes(self, *states: str) -> list[Any]:
        return [one for one in self.listed("disputes") if one["status"] in states]

    def dispute_closed(self, pick: int, won: bool) -> None:
        if disputes := self._disputes("needs_response", "warning_needs_response"):
            one = disputes[pick % len(disputes)]
            outcome = "won" if won else "lost"
            outcome = outcome if one["status"] == "needs_response" else "warning_closed"
            self.side.control("POST", f"disputes/{one['id']}/close", {"outcome": outcome})

    def refund_by_hand(self, pick: int, amount: int) -> None:
        """Somebody gives money back on the provider's own pages, without us."""
        if charges := self._whole():
            charge = charges[pick % len(charges)]
            form = {"charge": charge["id"], "amount": min(amount, charge["amount"] - charge["amount_refunded"])}
            key = {"Authorization": f"Bearer {self.side.secret_key}"}
            answer = self.server.http.post("/v1/refunds", data=form, headers=key)
            assert answer.status_code == 200, answer.text

    def news(self) -> list[Any]:
        return [event for event in self.listed("events") if event["type"] in EVENTS]

    def hear(self, news: Any, *, again: bool = False) -> None:
        body = json.dumps(news).encode()
        signed = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time.time()))
        _receive(self.account, {"Stripe-Signature": signed}, body, again=again)

    def heard(self, news: Any) -> bool:
        return _heard(self.account, json.dumps(news).encode())

    def settle(self) -> None:
        for one in self.listed("refunds"):
            if one["status"] == "pending":
                self.side.control("POST", f"refunds/{one['id']}/settle", {"outcome": "succeed"})

    def moved(self) -> Moved:
        return Counter((one["currency"].upper(), one["amount"]) for one in self.listed("balance_transactions"))


class TapThere:
    methods = (("card", "KWD"),)

    def __init__(self, server: Sandbox, fee: str) -> None:
        self.side = TapSide(server, None)
        self.side.account = f"h{short_id(8)}"
        self.side.secret_key = f"sk_test_{self.side.account}_abcd1234"
        self.account = self.side.connect()
        make_rule(self.account, "card", "KWD", fee_percent=fee)

    def listed(self, kind: str) -> list[Any]:
        return list(self.side.control("GET", kind)["data"])

    def open_pages(self) -> list[Any]:
        """Those whose address the payer was ever given."""
        known = set(Deposit.objects.filter(provider_account=self.account).values_list("provider_reference", flat=True))
        return [one for one in self.listed("charges") if one["status"] == "INITIATED" and one["id"] in known]

    def pay(self, page: Any, how: int) -> None:
        number = "4000000000009995" if how % 6 == 5 else "4508750015741019"
        self.side.control("PUT", "settings", {"refunds": "pending" if how % 2 else "auto"})
        self.side.control("POST", f"charges/{page['id']}/pay", {"number": number})

    def expire(self, page: Any) -> None:
        self.side.control("POST", f"charges/{page['id']}/abandon", {})

    def bank_decides(self, pick: int, good: bool) -> None:
        waiting = [one for one in self.listed("refunds") if one["status"] == "PENDING"]
        if waiting:
            one = waiting[pick % len(waiting)]
            self.side.control("POST", f"refunds/{one['id']}/{'pay' if good else 'decline'}", {})

    def news(self) -> list[Any]:
        """What it sends: each charge and refund as it stands, once decided."""
        charges = [one for one in self.listed("charges") if one["status"] != "INITIATED"]
        return charges + [one for one in self.listed("refunds") if one["status"] != "PENDING"]

    def hear(self, news: Any, *, again: bool = False) -> None:
        signed = hashstring(self.side.secret_key, text_to_hash(news))
        _receive(self.account, {"hashstring": signed}, json.dumps(news).encode(), again=again)
        for row in Deposit.objects.filter(provider_account=self.account, provider_reference=news["id"]):
            deposit_ask(
                deposit_id=row.pk, actor=SYSTEM
            )  # the task that such news wakes: its signature covers too little

    def heard(self, news: Any) -> bool:
        return _heard(self.account, json.dumps(news).encode())

    def settle(self) -> None:
        for one in self.listed("refunds"):
            if one["status"] == "PENDING":
                self.side.control("POST", f"refunds/{one['id']}/pay", {})

    def moved(self) -> Moved:
        found: Moved = Counter()
        for sign, kind, done in ((1, "charges", "CAPTURED"), (-1, "refunds", "REFUNDED")):
            for one in self.listed(kind):
                if one["status"] == done:
                    found[one["currency"], sign * Money.of(str(one["amount"]), one["currency"]).minor] += 1
        return found


@dataclass
class Played:
    """A payment at the third provider, and what became of it there: each round of a dispute is what it took, and what of
    that came back."""

    deposit_id: UUID
    came: Money
    rounds: list[Money | None] = field(default_factory=list)  # None: not decided for us, or not yet

    @property
    def left(self) -> Money:
        """What the payer's bank could still take."""
        lost = sum((self.came.minor - (won.minor if won else 0)) for won in self.rounds)
        return Money(max(0, self.came.minor - lost), self.came.currency)


@dataclass
class ByHand:
    """The provider that the test plays. Its news are statuses, its books a list."""

    methods = (("card", "EUR"), ("card", "KWD"))
    account: ProviderAccount
    payments: list[Played] = field(default_factory=list)
    told: list[tuple[Played, DepositStatus]] = field(default_factory=list)
    heard_of: set[int] = field(default_factory=set)

    def open_pages(self) -> list[Any]:
        known = {one.deposit_id for one in self.payments}
        return [one for one in Deposit.objects.filter(provider_account=self.account, corrects=None, out_of=None).order_by("created_at")
                if one.pk not in known]  # fmt: skip

    def pay(self, page: Any, how: int) -> None:
        """As asked for, in part, too much, or in another currency."""
        asked = page.amount
        came: Callable[[], Money] = (
            lambda: asked,
            lambda: Money(asked.minor * 3 // 5, asked.currency),
            lambda: Money(asked.minor * 2, asked.currency),
            lambda: Money(asked.minor, "USD"),
        )[how % 4]
        self.payments.append(Played(page.pk, came()))
        self._tell(self.payments[-1], PaymentState.PAID, self.payments[-1].came)

    def _tell(self, payment: Played, state: PaymentState, amount: Money) -> None:
        """A dispute keeps its reference; the third provider gives each round one."""
        dispute = "" if state is PaymentState.PAID else f"dp_{len(payment.rounds)}"
        self.told.append((payment, DepositStatus(state=state, provider_reference="", amount=amount, dispute=dispute)))

    def expire(self, page: Any) -> None:
        status = DepositStatus(state=PaymentState.EXPIRED, provider_reference="")
        deposit_apply(deposit_id=page.pk, status=status, actor=SYSTEM)

    def bank_decides(self, pick: int, good: bool) -> None:
        return

    def chargeback(self, pick: int) -> None:
        """Of all of it, and once more when the round before was won wholly."""
        if standing := [one for one in self.payments if one.left == one.came]:
            one = standing[pick % len(standing)]
            one.rounds.append(None)
            self._tell(one, PaymentState.REVERSED, one.came)

    def dispute_closed(self, pick: int, won: bool) -> None:
        """Won wholly, or in part."""
        if won and (lost := [one for one in self.payments if one.rounds and one.rounds[-1] is None]):
            one = lost[pick % len(lost)]
            back = one.came if pick % 3 else Money(max(1, one.came.minor * 2 // 5), one.came.currency)
            one.rounds[-1] = back
            self._tell(one, PaymentState.REINSTATED, back)

    def news(self) -> list[Any]:
        return list(enumerate(self.told))

    def hear(self, news: Any, *, again: bool = False) -> None:
        number, (payment, status) = news
        for _ in range(2 if again else 1):
            deposit_apply(deposit_id=payment.deposit_id, status=status, actor=SYSTEM)
        self.heard_of.add(number)

    def heard(self, news: Any) -> bool:
        return news[0] in self.heard_of

    def settle(self) -> None:
        return

    def moved(self) -> Moved:
        found: Moved = Counter()
        for one in self.payments:
            found[one.came.currency, one.came.minor] += 1
            for back in one.rounds:
                found[one.came.currency, -one.came.minor] += 1
                if back is not None:
                    found[one.came.currency, back.minor] += 1
        return found


def played_by_hand(fee: str) -> ByHand:
    """PayTabs by name; its adapter is never called: nothing is opened, asked or given back there."""
    account = make_account("paytabs")
    for method, currency in ByHand.methods:
        make_rule(account, method, currency, fee_percent=fee)
    return ByHand(account)
