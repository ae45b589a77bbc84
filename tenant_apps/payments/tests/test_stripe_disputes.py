"""Stripe's disputes: an inquiry takes nothing, one that escalates takes the money once, in whatever order it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
import stripe

from kernel import secrets
from kernel.audit import AuditEntry
from sandbox.tests.support import Sandbox
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments import addresses
from tenant_apps.payments.adapters.stripe import disputes
from tenant_apps.payments.adapters.stripe.provider import EVENTS, StripeProvider
from tenant_apps.payments.models import Deposit, DepositState, Freeze, Reversal
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.deposits import deposit_ask, deposit_open, deposit_start
from tenant_apps.payments.services.providers import provider_account_test, provider_of, webhooks_keep
from tenant_apps.payments.services.webhooks import webhook_receive
from tenant_apps.wallets.selectors import wallet_of

from .stripe_side import StripeSide
from .support import SYSTEM, client_actor, eur, make_account, make_client, make_rule, run_inbox, staff

SECRET = "whsec_disputes"
OF_BEFORE = [name for name in EVENTS if not name.startswith("charge.dispute.")] + [
    "charge.dispute.created", "charge.dispute.closed",
]  # fmt: skip


class Disputed:
    """A payment by card that was credited, and what the payer's bank does about it."""

    def __init__(self, server: Sandbox) -> None:
        self.side = StripeSide(server)
        self.account = self.side.connect(webhook=False)
        secrets.credential_set(owner=self.account.secrets_owner, name="webhook_secret", value=SECRET)
        make_rule(self.account, "card")
        client = make_client()
        begun = deposit_start(
            actor=client_actor(client), client=client, amount=eur("500"), offer_key=f"{self.account.pk}:card"
        )
        self.deposit = deposit_open(deposit_id=begun.pk)
        self.charge = self.side.pay(self.deposit.provider_reference)["latest_charge"]
        self.dispute = ""

    def credited(self) -> Disputed:
        assert self.ask() == "credited"
        return self

    def inquired(self) -> Disputed:
        return self._opened(inquiry="true")

    def charged_back(self) -> Disputed:
        return self._opened()

    def _opened(self, **values: str) -> Disputed:
        self.dispute = self.side.control("POST", f"charges/{self.charge}/dispute", values)["id"]
        return self

    def escalated(self) -> Disputed:
        self.side.control("POST", f"disputes/{self.dispute}/escalate")
        return self

    def closed(self, outcome: str, **values: Any) -> Disputed:
        self.side.control("POST", f"disputes/{self.dispute}/close", {"outcome": outcome, **values})
        return self

    def news(self) -> list[Any]:
        """As the bank's acts were told, the oldest first."""
        found = self.side.control("GET", "events")["data"]
        return [event for event in reversed(found) if event["type"] in disputes.EVENTS]

    def hear(self, events: Sequence[Any]) -> None:
        for event in events:
            body = json.dumps(event).encode()
            signed = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, int(time.time()))
            webhook_receive(account_id=self.account.pk, headers={"Stripe-Signature": signed}, body=body)
            run_inbox()

    def ask(self) -> str:
        return deposit_ask(deposit_id=self.deposit.pk, actor=SYSTEM)

    def stands(self) -> tuple[str, Any, Any]:
        """The deposit's state, what its wallet has, and what clearing says (negative: the provider owes it)."""
        self.deposit = Deposit.objects.get(pk=self.deposit.pk)
        wallet = wallet_of(self.deposit.client_id, "EUR")
        assert wallet is not None
        assert ledger.broken_invariants() == {}
        clearing = ledger.balance(posting.clearing(self.account, "EUR")).balance
        return self.deposit.state, wallet.balance, clearing


# Of a card payment the sandbox keeps 1.5 % and 0.25; that stays what it is through all of a dispute.
HERE = (DepositState.CREDITED, eur("500"), eur("-492.25"))
GONE = (DepositState.REVERSED, eur("0"), eur("7.75"))


@pytest.fixture
def paid(tenant: Any, stripe_server: Sandbox) -> Disputed:
    return Disputed(stripe_server).credited()


def test_an_inquiry_that_ends_takes_nothing(paid: Disputed) -> None:
    paid.inquired()
    assert paid.ask() == "nothing"  # the charge says "disputed" of an inquiry too
    paid.closed("warning_closed").hear(paid.news())
    assert [event["data"]["object"]["status"] for event in paid.news()] == ["warning_needs_response", "warning_closed"]
    assert (paid.stands(), Reversal.objects.count(), Freeze.objects.count()) == (HERE, 0, 0)
    assert paid.ask() == "nothing"


ORDERS = list(permutations(range(4)))


@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[-1], *ORDERS[3:21:4]])
def test_an_inquiry_that_escalates_and_is_lost_takes_it_once(paid: Disputed, order: tuple[int, ...]) -> None:
    told = paid.inquired().escalated().closed("lost").news()
    assert [event["type"].rpartition(".")[2] for event in told] == ["created", "updated", "funds_withdrawn", "closed"]
    paid.hear([told[place] for place in order] * 2)
    row = Reversal.objects.get()
    assert (paid.stands(), row.dispute, row.minor) == (GONE, paid.dispute, 50_000)
    assert paid.ask() == "nothing"
    assert (paid.stands(), Reversal.objects.count()) == (GONE, 1)


@pytest.mark.parametrize("heard", ["charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.closed"])
def test_any_news_of_the_taking_is_enough(paid: Disputed, heard: str) -> None:
    told = paid.inquired().escalated().closed("lost").news()
    paid.hear([event for event in told if event["type"] == heard])
    assert paid.stands() == GONE


@pytest.mark.parametrize("forward", [True, False])
def test_what_is_reinstated_comes_back_once(paid: Disputed, forward: bool) -> None:
    told = paid.inquired().escalated().closed("won").news()
    assert len(told) == 5
    paid.hear((told if forward else told[::-1]) * 2)
    row = Reversal.objects.get()
    assert (paid.stands(), row.minor, row.returned_minor) == (HERE, 50_000, 50_000)
    assert not Freeze.objects.filter(active=True).exists()
    assert paid.ask() == "nothing"
    assert paid.stands() == HERE


@pytest.mark.parametrize("heard", ["charge.dispute.funds_reinstated", "charge.dispute.closed"])
def test_any_news_of_the_return_is_enough(paid: Disputed, heard: str) -> None:
    paid.charged_back().hear(paid.news())
    assert paid.stands() == GONE
    paid.closed("won").hear([event for event in paid.news() if event["type"] == heard])
    assert paid.stands() == HERE


def test_of_what_is_won_in_part_that_part_comes_back(paid: Disputed) -> None:
    paid.charged_back().hear(paid.news())
    paid.closed("won", amount=20_000).hear(paid.news())
    assert paid.stands() == (DepositState.REVERSED, eur("200"), eur("-192.25"))
    assert Reversal.objects.get().lost == 30_000


def test_what_was_never_told_is_learned_by_asking(paid: Disputed) -> None:
    paid.inquired().escalated()
    assert paid.ask() == "reversed"
    assert paid.stands() == GONE
    paid.closed("won")
    assert paid.ask() == "reinstated"
    assert (paid.stands(), Reversal.objects.get().dispute) == (HERE, paid.dispute)
    paid.hear(paid.news())
    assert (paid.stands(), Reversal.objects.count()) == (HERE, 1)


def test_the_payment_may_be_heard_of_last(tenant: Any, stripe_server: Sandbox) -> None:
    """Disputed, won and never told of: the answer to the first question is that it was paid, taken and given back."""
    paid = Disputed(stripe_server).inquired().escalated().closed("won")
    paid.ask()
    assert paid.stands() == HERE


def test_what_had_been_given_back_is_disputed_without_a_loss(paid: Disputed) -> None:
    """Refunded while the bank inquired: the dispute is real, and nothing is withdrawn for it."""
    paid.inquired()
    key = {"Authorization": f"Bearer {paid.side.secret_key}"}
    answer = paid.side.server.http.post("/v1/refunds", data={"charge": paid.charge}, headers=key)
    assert answer.status_code == 200, answer.text
    paid.escalated().closed("lost").hear(paid.news())
    assert (paid.stands(), Reversal.objects.count()) == (HERE, 0)  # the refund has news of its own


# --- endpoints registered before we listened to all of it


def old_endpoint(paid: Disputed) -> stripe.WebhookEndpoint:
    api = stripe.StripeClient(paid.side.secret_key, base_addresses={"api": paid.side.server.url}).v1
    url = addresses.webhook_url(paid.account.pk)
    api.webhook_endpoints.create({"url": url, "enabled_events": OF_BEFORE})  # type: ignore[typeddict-item]
    return api.webhook_endpoints.list().data[0]


def test_an_endpoint_of_before_is_completed_and_keeps_its_secret(paid: Disputed) -> None:
    known = old_endpoint(paid)
    report = provider_account_test(actor=staff(), account=paid.account)
    assert "charge.dispute.funds_withdrawn" in " ".join(report.details)

    assert webhooks_keep() == 1
    assert webhooks_keep() == 0
    (now,) = paid.side.control("GET", "webhook_endpoints")["data"]
    assert (now["id"], set(now["enabled_events"])) == (known.id, set(EVENTS))
    entry = AuditEntry.objects.get(action="payments.webhook_completed")
    missing = ["charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn", "charge.dispute.updated"]
    assert entry.after["events"] == missing
    report = provider_account_test(actor=staff(), account=paid.account)
    assert (report.good, "charge.dispute" in " ".join(report.details)) == (True, False)


def test_another_address_and_one_told_everything_are_left_alone(paid: Disputed) -> None:
    provider = provider_of(paid.account)
    assert isinstance(provider, StripeProvider)
    known = old_endpoint(paid)
    assert provider.webhook_keep("https://elsewhere.test/hooks") == []
    api = stripe.StripeClient(paid.side.secret_key, base_addresses={"api": paid.side.server.url}).v1
    api.webhook_endpoints.update(known.id, {"enabled_events": ["*"]})
    assert provider.webhook_keep(addresses.webhook_url(paid.account.pk)) == []
    assert api.webhook_endpoints.retrieve(known.id).enabled_events == ["*"]


def test_a_provider_that_does_not_answer_is_asked_the_next_time(paid: Disputed) -> None:
    old_endpoint(paid)
    paid.side.faults(api_unauthorized=True)
    assert webhooks_keep() == 0
    paid.side.faults()
    assert webhooks_keep() == 1


def test_an_account_whose_adapter_is_gone_or_fails_leaves_the_others_their_webhooks(paid: Disputed) -> None:
    """Of a package that was taken out; with an address that nothing can make sense of."""
    old_endpoint(paid)
    before = paid.account.created_at - timedelta(days=1)
    make_account("gone", methods=["card"], created_at=before)
    make_account(settings={"base_url": "http://["}, credentials={"secret_key": "sk_test_a_b"}, created_at=before)
    assert webhooks_keep() == 1
