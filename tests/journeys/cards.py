"""A card at Freedom Pay: money in twice, dollars changed for tenge, and out again: back to the card, the rest paid out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from playwright.sync_api import expect

from . import hosted
from .product import until
from .wire import SLUG, Wire

KZT = "KZT"
FIRST, SECOND = Decimal(60_000), Decimal(25_000)
DOLLARS = Decimal(200)
OUT = Decimal(120_000)  # more than came by card: the rest cannot go back where it came from


@dataclass
class Cards:
    """What the client of the wires does with tenge."""

    wire: Wire

    def __post_init__(self) -> None:
        self.client = self.wire.client
        self.withdrawal = ""

    # --- in

    def pay(self) -> None:
        """Both payments are in the wallet when the client comes back from Freedom Pay's page."""
        before = self._wallet()
        for number, amount in enumerate((FIRST, SECOND), start=1):
            page = self.client.open(f"/cashier/?currency={KZT}")
            if number == 1:
                self.client.inspect("cashier")
            page.locator("#deposit-form [name=method][value$=':card']").check(force=True)
            page.fill("#deposit-form [name=amount]", str(amount))
            self.client.submit("#deposit-form")
            page.wait_for_url(lambda url: "localhost" not in url)
            self.client.last_picture(f"provider-{number}")
            hosted.pay(page, "freedompay", method="card", email="", name="")
            page.wait_for_url(re.compile(rf"//{SLUG}\.localhost"))
            self.client.ready()
            self.client.appears("#deposit-status .ui-tone-success", 60)
        self.client.inspect("card-credited")
        assert self._wallet() == before + FIRST + SECOND

    def exchange(self) -> None:
        """At the rate that finance has set by hand, since the European Central Bank publishes none."""
        before = self._wallet()
        page = self.client.open(f"/wallets/exchange/?give=USD&get={KZT}&amount={DOLLARS}")
        self.client.inspect("exchange")
        self.client.submit("#exchange-form")
        page.wait_for_url(re.compile(r"/wallets/exchange/[0-9a-f-]{36}/"))
        self.client.ready()
        page.locator("form[action$='/confirm/'] button").click()
        expect(page.locator("form[action$='/confirm/']")).to_have_count(0)
        self.client.inspect("exchange-done")
        gained = self._wallet() - before
        assert DOLLARS * 470 < gained < DOLLARS * Decimal("481.25")  # the rate less the mark-up

    # --- out

    def withdraw(self) -> None:
        """Back to the card what came by it; the rest to a card that the client names on Freedom Pay's page."""
        finance = self.wire.first
        self._account()
        page = self.client.open(f"/cashier/withdraw/?currency={KZT}")
        page.locator("[name=destination]").first.check(force=True)
        page.fill("#withdraw-form [name=amount]", str(OUT))
        expect(page.locator("#quote ul li")).to_have_count(3)
        self.client.inspect("withdraw-split")
        self.client.submit("#withdraw-form")
        page.wait_for_url(re.compile("/cashier/withdrawals/"))
        self.client.ready()
        self.withdrawal = str(re.search(r"/withdrawals/([0-9a-f-]{36})/", page.url)[1])  # type: ignore[index]
        address = f"/payments/withdrawals/{self.withdrawal}/"
        finance.open(address)
        finance.page.locator("form[action$='/check/'] button").click()
        until(lambda: self._facts()["state"] == "checked", "the withdrawal is checked")
        approver = self.wire.second
        approver.open(address)
        approver.inspect("withdrawal-split")
        approver.page.locator("form[action$='/approve/'] button").click()
        approver.page.locator("dialog[open] button:not([data-dialog-close])").last.click()
        self._name_the_card()
        until(lambda: self._facts()["state"] == "paid", "the withdrawal is paid", 120)
        self.client.open(f"/cashier/withdrawals/{self.withdrawal}/")
        self.client.inspect("withdrawal-paid")
        facts = self._facts()
        assert facts["parts"] == [["paid", "25000"], ["paid", "35000"], ["paid", "60000"]]
        kinds = sorted((one["kind"], one["status"]) for one in self.at_provider())
        assert kinds == [("payment", "success")] * 2 + [("payout", "success")] + [("refund", "success")] * 2

    def _account(self) -> None:
        self.client.open("/cashier/accounts/new/freedompay_card/")
        self.client.inspect("payout-account-new")
        self.client.submit("main form[method=post]")
        self.client.page.wait_for_url(re.compile(r"/cashier/accounts/$"))
        finance = self.wire.first
        office = finance.open("/payments/accounts/")
        office.locator("#destinations a[href*='/payments/accounts/']", has_text=self.wire.client_name).first.click()
        office.wait_for_url(re.compile(r"/payments/accounts/[0-9a-f-]{36}/"))
        finance.ready()
        office.locator("form[action$='/verify/'] button").click()
        code = "from tenant_apps.payments.models import Destination\n" + (
            "answer = Destination.objects.filter(method='freedompay_card', state='verified').count()"
        )
        until(lambda: self._inside(code), "the account is verified")

    def _name_the_card(self) -> None:
        """The tracker says what is missing, and leads there."""
        page = self.client.page
        link = self.client.appears("#withdrawal-status a[href*='payout.html']", 120)
        self.client.inspect("withdrawal-names-card")
        link.click()
        page.wait_for_url(lambda url: "localhost" not in url)
        page.fill("#number", hosted.CARD["number"])
        page.locator("form button[type=submit]").click()
        page.wait_for_load_state()

    # --- what others know

    def at_provider(self) -> list[dict[str, Any]]:
        """Payments, refunds and payouts as the sandbox lists them."""
        base = f"{self.wire.product.sandbox('freedompay')}/_control/api/500001"
        return list(self.wire.product.call("GET", f"{base}/payments")["data"])

    def _inside(self, code: str) -> Any:
        return self.wire.product.inside(SLUG, code)

    def _wallet(self) -> Decimal:
        return Decimal(
            self._inside(
                "from tenant_apps.clients.models import Client\nfrom tenant_apps.wallets.selectors import wallet_of\n"
                f"wallet = wallet_of(Client.objects.get(email={self.wire.broker.trader[0]!r}).pk, {KZT!r})\n"
                "answer = str(wallet.available.amount) if wallet else '0'"
            )
        )

    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self._inside(
            "from tenant_apps.payments.models import Withdrawal\n"
            f"row = Withdrawal.objects.get(pk={self.withdrawal!r})\n"
            "parts = sorted([part.state, f'{part.amount.amount:.0f}'] for part in row.parts.all())\n"
            "answer = {'state': row.state, 'parts': parts}"
        )
        return found
