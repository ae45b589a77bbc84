"""A bank wire from the client's request to the wallet: through a bank, its statement, and two people of finance."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from provisioning.demo.brokers import BY_SLUG, Broker

from .product import Product
from .seat import PATIENCE, Seat

OFFICE, PHONE = 1440, 390
SLUG, CURRENCY = "ipekyolu", "USD"
ANNOUNCED, MISTYPED = Decimal(700), Decimal(350)
# As a bank writes a sender who signs with Cyrillic letters.
SENDER, SENDER_IBAN = "TIMUR SADYKOV", "KZ563190000012344567"
OTHER_IBAN = "KZ75125KZT1001300335"


@dataclass
class Wire:
    """One client's two wires: one with the reference as it was told, one with a slip of the pen."""

    product: Product
    browser: Browser
    folder: Path
    seats: list[Seat] = field(default_factory=list)
    deposits: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    statement: Path = Path()
    before: Decimal = Decimal(0)

    @property
    def broker(self) -> Broker:
        return BY_SLUG[SLUG]

    @property
    def client_name(self) -> str:
        return " ".join(self.broker.trader[1:])

    def _seat(self, *, office: bool, name: str) -> Seat:
        host, width = (f"office.{SLUG}", OFFICE) if office else (SLUG, PHONE)
        seat = Seat(self.product, self.browser, host, "ru", width, f"{SLUG}/{name}")
        self.seats.append(seat)
        return seat

    def _finance(self, number: int) -> Seat:
        seat = self._seat(office=True, name=f"finance-{number + 1}")
        seat.log_in(self.broker.email(self.broker.with_role("finance")[number]))
        return seat

    @property
    def problems(self) -> list[str]:
        return [problem for seat in self.seats for problem in seat.problems]

    # --- the client asks ------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """The client wants to wire twice, and is told where to and with which reference."""
        self.client = self._seat(office=False, name="client")
        self.client.log_in(self.broker.trader[0], second_factor=False)
        seen = self._look()
        self.before, self.number = seen["amount"], seen["number"]
        self._instructions(MISTYPED)
        self._instructions(ANNOUNCED)
        self.client.inspect("wire-instructions")

    def _instructions(self, amount: Decimal) -> None:
        page = self.client.open(f"/cashier/?currency={CURRENCY}")
        page.locator("[name=method][value$=':wire']").check(force=True)
        page.fill("#deposit-form [name=amount]", str(amount))
        self.client.submit("#deposit-form")
        page.wait_for_url(re.compile(r"/cashier/deposits/[0-9a-f-]{36}/"))
        self.client.ready()
        shown = self.client.appears(page.locator("#deposit-status", has_text=self._iban())).inner_text()
        self.deposits.append(re.search(r"/deposits/([0-9a-f-]{36})/", page.url)[1])  # type: ignore[index]
        self.references.append(re.search(r"\bD[0-9A-Z]{8}\b", shown)[0])  # type: ignore[index]

    def _iban(self) -> str:
        return next(one for one in self.broker.providers if one.kind == "bank_wire").settings["iban"]

    # --- the bank -------------------------------------------------------------------------------------------------

    def transfer(self) -> None:
        """Both wires are made at the bank; finance downloads the statement from it."""
        self.first = self._finance(0)
        page = self.first.context.new_page()
        page.goto(self.product.sandbox("bank"))
        page.locator("a", has_text=self._iban()).click()
        meant, told = self.references
        self.mistyped = f"{meant[:-2]}{meant[-1]}"
        self._send(page, ANNOUNCED, f"Deposit {told}", SENDER_IBAN)
        self._send(page, MISTYPED, f"Deposit {self.mistyped}", OTHER_IBAN)
        page.locator("form[action$='/statements'] button").click()
        with page.expect_download() as download:
            page.locator("li[id^=statement-] a").first.click()
        self.statement = self.folder / download.value.suggested_filename
        download.value.save_as(self.statement)
        page.close()

    def _send(self, page: Page, amount: Decimal, reference: str, iban: str) -> None:
        form = page.locator("form[action$='/transfers']")
        for name, value in {"amount": str(amount), "name": SENDER, "reference": reference, "iban": iban}.items():
            form.locator(f"[name={name}]").fill(value)
        form.locator("button").click()
        page.locator("li", has_text=reference).wait_for()

    # --- finance --------------------------------------------------------------------------------------------------

    def book(self) -> None:
        """Once another person has approved the statement, the line with the reference is credited, while the client
        looks; the other one waits for people."""
        page = self._upload("preview")
        expect(page.locator("main tbody tr")).to_have_count(2)
        self._import(page)
        self.first.inspect("statement-waits")
        expect(page.locator("form[action$='/approve/']")).to_have_count(0)
        assert self._facts()["states"] == ["pending", "pending"]
        self._approve(re.sub(r"^https?://[^/]+", "", page.url))
        page.reload()
        self.first.ready()
        self.first.inspect("statement")
        expect(page.locator(f"main a[href*='{self.deposits[1]}']")).to_have_count(1)
        self.client.appears("#deposit-status .ui-tone-success", 60)
        self.client.inspect("wire-credited")
        assert self._facts() == {"gained": ANNOUNCED, "states": ["pending", "credited"], "posted": [0, 1]}

    def _upload(self, name: str) -> Page:
        page = self.first.open("/payments/bank/")
        page.locator("form:has([type=file]) [name=file]").set_input_files(self.statement)
        self.first.submit("form:has([type=file])")
        page.locator("[name=draft]").wait_for(state="attached")
        self.first.ready()
        self.first.inspect(name)
        return page

    def _import(self, page: Page) -> None:
        self.first.submit("form:has([name=draft])")
        page.wait_for_url(re.compile(r"/payments/bank/[0-9a-f-]{36}/"))
        self.first.ready()

    def _approve(self, path: str) -> None:
        """The second one of finance looks at the statement and approves it."""
        self.second = self._finance(1)
        page = self.second.open(path)
        self.second.inspect("statement-to-approve")
        page.locator("form[action$='/approve/'] button").click()
        page.locator("dialog[open] button:not([data-dialog-close])").last.click()
        expect(page.locator("form[action$='/approve/']")).to_have_count(0, timeout=PATIENCE)

    def book_again(self) -> None:
        """The same file once more credits nothing."""
        before = self._facts()
        self._import(self._upload("preview-again"))
        expect(self.first.page.locator("main tbody tr")).to_have_count(2)
        assert self._facts() == before

    def assign(self) -> None:
        """One assigns the mistyped wire, who may not approve it; another does."""
        page = self.first.open("/payments/bank/")
        self.first.inspect("to-assign")
        row = page.locator("#desk li", has_text=self.mistyped)
        expect(row).to_have_count(1)
        row.locator("[name=client]").fill(str(self.number))
        row.locator("form[action$='/propose/'] button").click()
        self.first.appears(row.locator("form[action$='/back/']"))
        expect(row.locator("form[action$='/approve/']")).to_have_count(0)
        second = self.second
        approved = second.open("/payments/bank/").locator("#desk li", has_text=self.mistyped)
        second.inspect("to-approve")
        approved.locator("form[action$='/approve/'] button").click()
        expect(approved).to_have_count(0, timeout=PATIENCE)
        expect(row).to_have_count(0, timeout=PATIENCE)  # the first one's page follows
        assert self._facts() == {
            "gained": ANNOUNCED + MISTYPED, "states": ["credited", "credited"], "posted": [1, 1],
        }  # fmt: skip

    def proofs(self) -> None:
        """The client sees both; the ledger's invariants hold."""
        self.client.open("/cashier/history/")
        for reference in self.references:
            self.client.appears(self.client.page.locator("main", has_text=reference))
        self.client.inspect("history")
        assert (
            self._inside("from tenant_apps.ledger.selectors import broken_invariants\nanswer = broken_invariants()")
            == {}
        )

    # --- what the database says -----------------------------------------------------------------------------------

    def _inside(self, code: str) -> Any:
        return self.product.inside(SLUG, code)

    def _look(self) -> dict[str, Any]:
        """The wallet, the client's number, and state and number of postings of each deposit as they were asked for."""
        found = self._inside(
            "from tenant_apps.clients.models import Client\nfrom tenant_apps.wallets.selectors import wallet_of\n"
            "from tenant_apps.ledger.models import Transfer\nfrom tenant_apps.payments.models import Deposit\n"
            f"client = Client.objects.get(email={self.broker.trader[0]!r})\n"
            f"wallet = wallet_of(client.pk, {CURRENCY!r})\n"
            f"rows = [Deposit.objects.get(pk=one) for one in {self.deposits!r}]\n"
            "posted = [Transfer.objects.filter(key=f'payments.deposit:{row.pk}').count() for row in rows]\n"
            "amount = str(wallet.available.amount) if wallet else '0'\n"
            "answer = {'number': client.number, 'amount': amount,"
            " 'states': [row.state for row in rows], 'posted': posted}"
        )
        return {**found, "amount": Decimal(found["amount"])}

    def _facts(self) -> dict[str, Any]:
        """What the wallet has gained since the beginning, and what became of the two deposits."""
        seen = self._look()
        return {"gained": seen["amount"] - self.before, "states": seen["states"], "posted": seen["posted"]}

    def close(self) -> None:
        for seat in self.seats:
            seat.close()
