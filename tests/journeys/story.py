"""From the form on a landing page to the retention task: each step as the person in that seat would do it.

Selectors are names, addresses and data attributes, so the same steps run in every language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from kernel.letters import latin_writable
from provisioning.demo import pictures
from provisioning.demo.brokers import BY_SLUG, Broker
from provisioning.demo.names import Person

from . import chain, hosted
from .product import Product, until
from .seat import PATIENCE, Seat

CLIENT_PASSWORD = "wooden harbour lantern 7"
OFFICE, PHONE = 1440, 390
BALANCE = 2  # DEAL_BALANCE of the MT5 Web API

# A day passes and a trade is made on it, until the client has been active on 30 days.
DAYS = """
import time
from datetime import timedelta
from kernel import clock
from provisioning.demo.markets import admin, clocks_advance
from tenant_apps.clients.models import Client
def active(): return Client.objects.values_list("active_days", flat=True).get(pk="{client}")
for _ in range(32):
    before, deadline = active(), time.monotonic() + 60
    if before >= 30: break
    clocks_advance(86400)
    clock.advance(timedelta(days=1))
    order = {{"login": {login}, "symbol": "EURUSD", "side": "buy", "lots": "0.01"}}
    opened = admin("POST", "{server}/orders", order)["deal"]
    admin("POST", "{server}/orders", {{"position": int(opened["PositionID"])}})
    while active() == before and time.monotonic() < deadline: time.sleep(0.1)
answer = active()
"""


@dataclass
class Plot:
    """What differs between the brokerages."""

    slug: str
    language: str
    who: Person
    email: str
    phone: str
    country: str
    city: str
    currency: str
    amount: Decimal
    method: str
    note: str
    rough: bool = True  # a worker is killed while the deposit comes in

    @property
    def name(self) -> str:
        return f"{self.who.first} {self.who.last}"


@dataclass
class Story:
    """One client's way through one brokerage."""

    product: Product
    browser: Browser
    plot: Plot
    folder: Path
    seats: list[Seat] = field(default_factory=list)
    client_id: str = ""
    account_id: str = ""
    login: int = 0
    told: set[str] = field(default_factory=set)  # what else has to stand in the timeline at the end

    @property
    def broker(self) -> Broker:
        return BY_SLUG[self.plot.slug]

    def seat(self, *, office: bool, name: str) -> Seat:
        """A browser window of its own; `name` is the folder of its pictures."""
        host = f"office.{self.plot.slug}" if office else self.plot.slug
        width = OFFICE if office else PHONE
        seat = Seat(self.product, self.browser, host, self.plot.language, width, f"{self.plot.slug}/{name}")
        self.seats.append(seat)
        return seat

    def staff(self, role: str, number: int = 0) -> Seat:
        """A member of staff, logged in with a second factor."""
        person = self.broker.with_role(role)[number]
        seat = self.seat(office=True, name=role)
        seat.log_in(self.broker.email(person))
        return seat

    def leave(self, *seats: Seat) -> None:
        """These people are done here: a window that stays open keeps following its live page."""
        for seat in seats:
            seat.close()

    @cached_property
    def agent(self) -> Seat:
        return self.staff("sales")

    @cached_property
    def client(self) -> Seat:
        return self.seat(office=False, name="client")

    @property
    def problems(self) -> list[str]:
        return [problem for seat in self.seats for problem in seat.problems]

    def facts(self, fields: str) -> Any:
        """Fields of our client as the database has them."""
        return self.product.inside(
            self.plot.slug,
            "from tenant_apps.clients.models import Client\n"
            f"answer = Client.objects.filter(email={self.plot.email!r}).values({fields}).first()",
        )

    # --- 1: the lead ---------------------------------------------------------------------------------------------

    def lead(self) -> None:
        """A form is sent; the agent sees the lead at once, calls, notes, moves it on, plans a task and invites."""
        agent, visitor = self.agent, self.seat(office=False, name="visitor")
        agent.open("/leads/")
        agent.inspect("leads")
        visitor.open("/welcome/?utm_source=google&utm_medium=cpc&utm_campaign=fx_basics&partner=IB-7")
        visitor.inspect("welcome")
        form = visitor.page.locator("form:has(input[name=t])")
        form.locator("[name=first_name]").fill(self.plot.who.first)
        form.locator("[name=last_name]").fill(self.plot.who.last)
        form.locator("[name=email]").fill(self.plot.email)
        form.locator("[name=phone]").fill(self.plot.phone)
        form.locator("[name=consent]").check()
        until(lambda: visitor.page.evaluate("performance.now() > 2500"), "nobody types faster than that")
        form.locator("button[type=submit]").click()
        visitor.appears("[data-sent]")
        self.leave(visitor)
        link = agent.appears(agent.page.locator("#rows a", has_text=self.plot.name))
        self.client_id = str(re.search(r"/clients/([0-9a-f-]{36})/", link.get_attribute("href") or "")[1])  # type: ignore[index]
        link.click()
        agent.page.wait_for_url(re.compile("/clients/"))
        agent.ready()
        self._work_the_lead(agent)

    def _dial(self, page: Page) -> None:
        """The number is handed over, but not followed: a browser asks which phone to use, and nobody is there to answer."""
        page.evaluate(
            """() => document.addEventListener("htmx:before:response", ({ detail: { ctx } }) => {
              document.body.dataset.handed = ctx.hx.redirect;
              delete ctx.hx.redirect;
            }, { once: true })"""
        )
        page.locator("form[hx-post$='/dial/'] button").click()
        expect(page.locator("body")).to_have_attribute("data-handed", re.compile(r"^tel:\+\d{8,}$"), timeout=PATIENCE)

    def _work_the_lead(self, agent: Seat) -> None:
        page = agent.page
        self._dial(page)
        page.locator(f"[hx-get$='/clients/{self.client_id}/call/']").click()
        call = page.locator("#call-log form")
        call.locator("[name=outcome]").first.wait_for(state="attached")
        self._choose(call, "outcome", "reached")
        call.locator("[name=note]").fill(self.plot.note)
        call.locator("button[type=submit]").click()
        page.locator("#call-log").wait_for(state="hidden")
        expect(page.locator("select[name=status]")).to_have_value("contacted", timeout=PATIENCE)
        page.fill("#note-text", self.plot.note + " (2)")
        agent.submit("form:has(#note-text)")
        agent.appears(page.locator("#timeline", has_text=self.plot.note + " (2)"))
        page.locator("select[name=status]").select_option("interested")
        until(lambda: (self.facts("'status'") or {}).get("status") == "interested", "the status is kept")
        page.locator("[popovertarget=quick-task], [aria-controls=quick-task], #quick-task button").first.click()
        page.locator("[hx-vals*='\"2\"']").first.click()
        agent.appears("#client-side form[hx-post*='/done/']")
        agent.inspect("client")
        page.locator("form[hx-post$='/invite/'] button").click()

    def _choose(self, form: Any, name: str, value: str) -> None:
        """Choose in a select or among radio buttons, whichever the form has."""
        control = form.locator(f"[name={name}]").first
        if control.evaluate("node => node.tagName") == "SELECT":
            control.select_option(value)
        else:
            form.locator(f"[name={name}][value='{value}']").check(force=True)

    # --- 2: onboarding -------------------------------------------------------------------------------------------

    def register(self) -> None:
        """The invitation's link, three steps, and the address confirmed by mail."""
        client = self.client
        _, link = self.product.mail(self.plot.email, "/register/?invitation=")
        page = client.open(link)
        assert page.input_value("[name=email]") == self.plot.email
        client.inspect("register")
        self._choose(page.locator("form:has([name=email])"), "country", self.plot.country)
        client.submit("form:has([name=email])")
        page.wait_for_url(re.compile("/register/documents/"))
        client.ready()
        client.inspect("register-documents")
        for box in page.locator("input[name^='accept:']").all():
            box.check()
        client.submit("form:has(input[name^='accept:'])")
        page.wait_for_url(re.compile("/register/password/"))
        page.fill("[name=password]", CLIENT_PASSWORD)
        client.submit("form:has([name=password])")
        page.wait_for_url(self.product.address(self.plot.slug, "/"))
        client.ready()
        client.inspect("home-unverified")
        _, link = self.product.mail(self.plot.email, "/verify/")
        client.open(link)
        assert self.facts("'stage', 'email_verified_at'")["email_verified_at"]

    def documents(self) -> None:
        """The KYC wizard with real pictures."""
        client = self.client
        page = client.open("/kyc/")
        client.inspect("kyc")
        page = client.open("/kyc/profile/")
        for name, value in {
            "birth_date": "1990-04-02", "line1": "12 Example Street", "postal_code": "10115", "city": self.plot.city,
        }.items():  # fmt: skip
            page.fill(f"main [name={name}]", value)
        if not latin_writable(self.plot.name):
            page.fill("main [name=latin_name]", f"{self.plot.who.latin_first} {self.plot.who.latin_last}")
        for name in ("nationality", "country"):
            self._choose(page.locator("main form:has([name=line1])"), name, self.plot.country)
        client.inspect("kyc-profile")
        client.submit("main form:has([name=line1])")
        page.wait_for_url(re.compile(r"/kyc/(?!profile)"))
        self._upload("identity", "passport", self._picture("passport"))
        self._upload("address", "utility_bill", self._picture("bill"))
        page = client.open("/kyc/questions/")
        for name, value in {"experience": "1_to_3", "leverage": "30", "income": "salary", "pep": "no"}.items():
            page.locator(f"[name={name}][value='{value}']").check(force=True)
        client.submit("main form:has([name=pep])")
        page.wait_for_url(re.compile(r"/kyc/(?!questions)"))
        self._submit_case()

    def _submit_case(self) -> None:
        page = self.client.open("/kyc/")
        page.locator("form[action$='/kyc/submit/'] button").click()
        expect(page.locator("form[action$='/kyc/submit/']")).to_have_count(0, timeout=PATIENCE)

    def _upload(self, step: str, kind: str, picture: Path) -> None:
        client = self.client
        page = client.open(f"/kyc/{step}/")
        form = page.locator("main form:has(input[type=file])")
        self._choose(form, "kind", kind)
        form.locator("input[name=front]").set_input_files(picture)
        if form.locator("[name=expires_on]").count():
            form.locator("[name=expires_on]").fill((date.today() + timedelta(days=900)).isoformat())  # noqa: DTZ011
        client.inspect(f"kyc-{step}")
        form.locator("button[type=submit]").last.click()
        page.wait_for_url(re.compile(rf"/kyc/(?!{step})"))

    def _picture(self, which: str) -> Path:
        who, path = self.plot.who, self.folder / f"{which}.jpg"
        if which == "passport":
            path.write_bytes(pictures.passport(who, self.plot.country, "1990-04-02", "2031-05-01", "S12345678"))
        else:
            path.write_bytes(pictures.utility_bill(who, "Sample Energy", "2026-10-20", "127.62"))
        return path

    # --- 3: the decision -----------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Asked again once with a reason, then approved; by two people where the brokerage demands it."""
        officer = self.staff("compliance")
        page = officer.open("/kyc/")
        officer.inspect("kyc-queue")
        page.locator("#kyc-queue tbody tr", has_text=self.plot.name).first.locator("td").nth(2).click()
        page.wait_for_url(re.compile(r"/kyc/[0-9a-f-]{36}/"))
        officer.ready()
        officer.inspect("kyc-review")
        refuse = page.locator("form[action$='/refuse/']").last
        self._choose(refuse, "refusal", "too_old")
        officer.press(refuse.locator("button[type=submit]"))
        page.locator("[data-dialog-open=kyc-ask]").click()
        page.fill("#kyc-ask [name=message]", self.plot.note)
        page.locator("#kyc-ask button[type=submit]").click()
        until(lambda: (self.facts("'kyc_state'"))["kyc_state"] == "needs_more", "the client is asked again")
        review = page.url
        client = self.client
        client.open("/kyc/")
        client.appears(client.page.locator("main", has_text=self.plot.note))
        client.inspect("kyc-asked-again")
        self._upload("address", "utility_bill", self._picture("bill"))
        self._submit_case()
        self._approve(officer, review)
        if self.broker.four_eyes:
            assert self.facts("'kyc_state'")["kyc_state"] == "submitted"
            other = self.staff("compliance", 1)
            self._approve(other, review)
            self.leave(other)
        until(lambda: self.facts("'kyc_state'")["kyc_state"] == "approved", "the client is approved")
        self.leave(officer)

    def _approve(self, officer: Seat, review: str) -> None:
        """Accept each document, then the case."""
        page = officer.open(review)
        forms = [form.get_attribute("action") for form in page.locator("form[action$='/accept/']").all()]
        for action in forms:
            officer.press(page.locator(f"form[action='{action}'] button[type=submit]"))
            officer.open(review)
        officer.press(page.locator("form[action$='/approve/'] button[type=submit]"))

    def opened(self) -> None:
        """The account stands on the trading server, and the welcome mail came in the client's language."""
        account = until(self._account, "the trading account is open", 90)
        self.account_id, self.login = account["id"], int(account["login"])
        on_server = self.product.mt5("GET", f"/servers/{self.plot.slug}/accounts/{self.login}")
        assert Decimal(str(on_server["balance"])) == 0
        until(self._welcomed, "the welcome mail names the account")
        self.client.open("/")
        self.client.inspect("home-verified")

    def _account(self) -> Any:
        return self.product.inside(
            self.plot.slug,
            "from tenant_apps.trading.models import TradingAccount\n"
            f"answer = TradingAccount.objects.filter(client__email={self.plot.email!r}, state='open', live=True)"
            ".values('id', 'login', 'leverage', 'balance_minor').first()",
        )

    def _welcomed(self) -> bool:
        return any(str(self.login) in mail["text"] for mail in self.product.mails(self.plot.email))

    # --- 4: money ------------------------------------------------------------------------------------------------

    def deposit(self) -> None:
        """Paid on the provider's page; credited once although news come twice, out of order, and the worker is killed."""
        plot, client = self.plot, self.client
        office = self.agent
        office.open(f"/clients/{self.client_id}/")
        self._mischief(deliver_twice=True, out_of_order=True)
        page = client.open(f"/cashier/?currency={plot.currency}")
        client.inspect("cashier")
        self._choose_offer()
        page.locator(f"[name=target][value='{self.account_id}']").check(force=True)
        page.fill("#deposit-form [name=amount]", str(plot.amount))
        client.submit("#deposit-form")
        page.wait_for_url(lambda url: "localhost" not in url, timeout=PATIENCE)
        self._pay()
        page.wait_for_url(re.compile(rf"//{plot.slug}\.localhost"), timeout=PATIENCE)
        if plot.rough:
            assert self.product.kill("config.celery", "worker"), "there was a worker to kill"
        client.ready()
        client.appears(page.locator("#deposit-status:has(.ui-tone-success)", has_text=self._amount_shown()), 180)
        client.inspect("deposit-credited")
        office.appears(office.page.locator("#timeline", has_text=self._amount_shown()), 60)
        office.inspect("client-funded")
        self._mischief()
        until(self._on_server, "the money is on the trading account", 120)
        self._credited_once()

    def _amount_shown(self) -> re.Pattern[str]:
        """The whole part of the amount, in Latin or Arabic digits, whatever stands between thousands."""
        latin = f"{int(self.plot.amount):,}".replace(",", r"\D?")
        arabic = latin.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
        return re.compile(f"{latin}|{arabic}")

    def _mischief(self, **faults: bool) -> None:
        """Faults of the provider's deliveries; none by default."""
        self.product.call("PUT", f"{self.control()}/faults", faults)

    def control(self) -> str:
        provider = self.broker.providers[0]
        named = {"paytabs": "profile_id", "dlocal": "x_login"}.get(provider.kind)
        account = provider.settings[named] if named else self.plot.slug
        return f"{self.product.sandbox(provider.kind)}/_control/api/{account}"

    def _choose_offer(self) -> None:
        """The offer whose key ends in our method."""
        self.client.page.locator(f"[name=method][value$=':{self.plot.method}']").check(force=True)

    def _pay(self) -> None:
        """On the provider's hosted page."""
        page = self.client.page
        page.screenshot(path=self._shot("provider"), full_page=True)
        who = self.plot.who.latin_first
        hosted.pay(page, self.broker.providers[0].kind, method=self.plot.method, email=self.plot.email, name=who)

    def _shot(self, name: str) -> Path:
        from .seat import SHOTS

        folder = SHOTS / self.plot.slug / "client"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.png"

    def _on_server(self) -> bool:
        account = self.product.mt5("GET", f"/servers/{self.plot.slug}/accounts/{self.login}")
        return Decimal(str(account["balance"])) > 0 and self.plot.amount in self._balance_deals()

    def _balance_deals(self) -> list[Decimal]:
        """Amounts of the balance operations on our account, as the server's own log tells them."""
        return [
            Decimal(int(one["profit"])).scaleb(-int(one["digits_currency"]))
            for one in self._events()
            if one["kind"] == "deal" and int(one["login"]) == self.login and int(one["action"]) == BALANCE
        ]

    def _events(self) -> Iterator[dict[str, Any]]:
        after = 0
        while True:
            path = f"/servers/{self.plot.slug}/events?after={after}&timeout=0&limit=5000"
            found = self.product.mt5("GET", path)["events"]
            yield from found
            if not found:
                return
            after = int(found[-1]["seq"])

    def _credited_once(self) -> None:
        """One deposit, one transfer in the ledger, one balance deal; the agent was told of the first deposit once."""
        facts = self.product.inside(
            self.plot.slug,
            "from tenant_apps.payments.models import Deposit\n"
            "from tenant_apps.ledger.models import Transfer\n"
            "from tenant_apps.notifications.models import Notification\n"
            f"rows = list(Deposit.objects.filter(client__email={self.plot.email!r}, state='credited'))\n"
            "posted = Transfer.objects.filter(key=f'payments.deposit:{rows[0].pk}').count() if rows else 0\n"
            f"told = Notification.objects.filter(title__contains={self.plot.who.first!r}).count()\n"
            "answer = [len(rows), posted, bool(rows and rows[0].first), told]",
        )
        assert facts[:3] == [1, 1, True], facts
        assert facts[3] >= 1, "the agent was told of the first deposit"
        assert self._balance_deals() == [self.plot.amount]

    # --- 5: trading ----------------------------------------------------------------------------------------------

    def trade(self) -> None:
        """Robots trade; numbers, positions and closed deals arrive without reloading. Leverage reaches the server."""
        client = self.client
        self.product.mt5("POST", f"/servers/{self.plot.slug}/robots", {"login": self.login, "habit": "scalper"})
        page = client.open(f"/accounts/{self.account_id}/")
        equity = page.locator("[data-live-value$='.equity']").first
        shown = equity.inner_text()
        until(lambda: equity.inner_text() != shown, "equity moves", 120)
        page.locator("#deals tbody tr").first.wait_for(timeout=180_000)
        client.inspect("account-trading")
        self._leverage()
        self._stop_trading()

    def _stop_trading(self) -> None:
        """The robot goes and its positions are closed: all margin is free again."""
        self.product.mt5("DELETE", f"/servers/{self.plot.slug}/robots/{self.login}")
        account = self.product.mt5("GET", f"/servers/{self.plot.slug}/accounts/{self.login}")
        for position in account["open"]:
            self.product.mt5("POST", f"/servers/{self.plot.slug}/orders", {"position": int(position["Position"])})

    def _leverage(self) -> None:
        """Changed by the dealing desk, and on the server."""
        desk = self.staff("dealing")
        page = desk.open(f"/trading/accounts/{self.account_id}/")
        desk.inspect("office-account")
        page.locator(f"[hx-get$='/trading/accounts/{self.account_id}/leverage/']").first.click()
        form = page.locator("#leverage form")
        form.locator("[name=leverage]").first.wait_for(state="attached")
        offered = [int(one.get_attribute("value") or 0) for one in form.locator("[name=leverage] option").all()]
        before = int(self._account()["leverage"])
        wanted = max(one for one in offered if one and one != before)  # enough margin stays for what is open
        self._choose(form, "leverage", str(wanted))
        if form.locator("[name=reason]").count():
            form.locator("[name=reason]").fill("Asked for by the client")
        form.locator("button[type=submit]").click()
        path = f"/servers/{self.plot.slug}/accounts/{self.login}"
        until(lambda: int(self.product.mt5("GET", path)["leverage"]) == wanted, "the leverage is on the server", 60)
        self.told.add("trading.leverage")
        self.leave(desk)

    # --- 4b: out again -------------------------------------------------------------------------------------------

    def withdraw(self) -> None:
        """Part of the money goes back to the wallet and out: proposed by one, approved by another, refunded to source."""
        half = (self.plot.amount / 5).quantize(Decimal(1))
        self.to_wallet(half)
        page = self.client.open(f"/cashier/withdraw/?currency={self.plot.currency}")
        page.fill("#withdraw-form [name=amount]", str(half))
        self.client.appears("#quote ul")
        self.client.inspect("withdraw")
        self.client.submit("#withdraw-form")
        page.wait_for_url(re.compile("/cashier/withdrawals/"))
        self.client.ready()
        withdrawal = re.search(r"/withdrawals/([0-9a-f-]{36})/", page.url)[1]  # type: ignore[index]
        first, second = self.staff("finance"), self.staff("finance", 1)
        address = f"/payments/withdrawals/{withdrawal}/"
        first.open("/payments/")
        first.inspect("payments")
        first.open(address)
        first.press(first.page.locator("form[action$='/check/'] button"))
        second.open(address)
        second.inspect("withdrawal")
        second.page.locator("form[action$='/approve/'] button").click()
        second.page.locator("dialog[open] button:not([data-dialog-close])").last.click()
        until(lambda: self.withdrawn(withdrawal) == "paid", "the withdrawal is paid", 120)
        self.leave(first, second)
        self.client.appears("#withdrawal-status h1")
        self.client.inspect("withdrawal-paid")
        self._refunded(half)

    def to_wallet(self, amount: Decimal) -> None:
        """From the trading account, as the client does."""
        page = self.client.open(f"/accounts/{self.account_id}/")
        page.locator(f"[hx-get$='/accounts/{self.account_id}/transfer/']").first.click()
        form = page.locator("dialog form:has([name=amount])")
        form.locator("[name=amount]").fill(str(amount))
        if form.locator("[name=direction]").count():
            self._choose(form, "direction", "out")
        form.locator("button[type=submit]").last.click()
        self._confirmed(page, form)
        until(lambda: self._wallet() >= amount, lambda: f"the money is in the wallet: {self._transfers()}", 90)

    def _confirmed(self, page: Page, form: Locator) -> None:
        """The dialog closes; a client with a bonus on offer first says that losing it is meant."""
        asked = form.locator("input[type=checkbox][name=confirmed]")
        is_open = page.locator("dialog[open]")
        until(lambda: asked.count() or not is_open.count(), lambda: f"the form was taken: {is_open.all_inner_texts()}")
        if asked.count():
            asked.check(force=True)
            form.locator("button[type=submit]").last.click()
        until(lambda: not is_open.count(), lambda: f"the form was taken: {is_open.all_inner_texts()}")

    def _transfers(self) -> Any:
        """What the product says of this client's transfers, for who reads why a journey failed."""
        return self.product.inside(
            self.plot.slug,
            "from tenant_apps.trading.models import Transfer\n"
            "from kernel.models import Command\n"
            f"rows = Transfer.objects.filter(client_id={self.client_id!r}).order_by('created_at')\n"
            "said = dict(Command.objects.values_list('id', 'state'))\n"
            "answer = [[one.direction, one.state, one.problem, str(said.get(one.command_id))] for one in rows]",
        )

    def pay_out(self) -> None:
        """A large withdrawal, decided by three people: see `chain`."""
        chain.pay_out(self)

    def _wallet(self) -> Decimal:
        found = self.product.inside(
            self.plot.slug,
            "from tenant_apps.wallets.selectors import wallet_of\n"
            f"wallet = wallet_of({self.client_id!r}, {self.plot.currency!r})\n"
            "answer = str(wallet.available.amount) if wallet else '0'",
        )
        return Decimal(found)

    def withdrawn(self, withdrawal: str) -> str:
        return str(
            self.product.inside(
                self.plot.slug,
                "from tenant_apps.payments.models import Withdrawal\n"
                f"answer = Withdrawal.objects.values_list('state', flat=True).get(pk={withdrawal!r})",
            )
        )

    def _refunded(self, amount: Decimal) -> None:
        """The sandbox has the refund."""
        if self.broker.providers[0].kind == "stripe":
            refunds = self.product.call("GET", f"{self.control()}/refunds")
            rows = refunds.get("data", refunds) if isinstance(refunds, dict) else refunds
            assert int(amount * 100) in [int(one["amount"]) for one in rows]
            return
        found = self.product.call("GET", f"{self.control()}/transactions")
        rows = (
            next((value for value in found.values() if isinstance(value, list)), [])
            if isinstance(found, dict)
            else found
        )
        kinds = {str(one.get("tran_type", "")).lower() for one in rows}
        assert "refund" in kinds, kinds

    # --- 6: afterwards -------------------------------------------------------------------------------------------

    def weeks_later(self) -> None:
        """Day after day there is a trade; the series' mails come, and after 30 active days a task for the agent."""
        self._to_midday()
        days = self.product.inside(
            self.plot.slug,
            DAYS.format(client=self.client_id, login=self.login, server=f"/servers/{self.plot.slug}"),
        )
        # A process reads the moved clock up to a second late, so two days may be counted at once.
        assert days in (30, 31), f"{days} active days"
        until(self._retention_task, "a retention task", 90)
        self._first_weeks()

    def _to_midday(self) -> None:
        """Mails of a series go out by day only, in the client's zone."""
        hour = int(self.product.inside(self.plot.slug, "from kernel import clock\nanswer = clock.now().hour"))
        self.product.manage("demo_clock", "--hours", str((9 - hour) % 24))

    def _first_weeks(self) -> None:
        """All four mails, in the client's language, at least half a day between two of them."""
        for _ in range(4):
            sent = len(self._series_mails())
            if sent == 4:
                break
            self.product.manage("demo_clock", "--days", "1")
            until(lambda: len(self._series_mails()) > sent, "the next mail of the series", 90)  # noqa: B023
        assert self._series_mails() == [self.plot.language] * 4

    def _retention_task(self) -> bool:
        return bool(
            self.product.inside(
                self.plot.slug,
                "from tenant_apps.clients.models import Task\n"
                f"answer = Task.objects.filter(client_id={self.client_id!r}, kind='retention').count()",
            )
        )

    def _series_mails(self) -> list[str]:
        sent = self.product.inside(
            self.plot.slug,
            "from tenant_apps.campaigns.models import StepSent\n"
            f"answer = list(StepSent.objects.filter(enrolment__client_id={self.client_id!r}).values_list('language', flat=True))",
        )
        return list(sent)

    def proofs(self) -> None:
        """Timeline and audit trail tell it all; the ledger sums to zero; the audit trail verifies."""
        kinds = set(
            self.product.inside(
                self.plot.slug,
                "from tenant_apps.clients.models import TimelineEntry\n"
                f"answer = list(TimelineEntry.objects.filter(client_id={self.client_id!r}).values_list('kind', flat=True))",
            )
        )
        wanted = {
            "clients.lead_created", "clients.owner_set", "leads.call", "clients.note", "leads.status_set",
            "leads.invited", "clients.registered", "clients.email_verified", "kyc.submitted", "kyc.more_needed",
            "kyc.approved", "trading.account_opened", "payments.deposit_credited",
            "payments.withdrawal_requested", "payments.withdrawal_checked", "payments.withdrawal_approved",
            "payments.withdrawal_paid", "campaigns.enrolled",
        }  # fmt: skip
        wanted |= self.told
        assert wanted <= kinds, wanted - kinds
        agent = self.staff("owner")
        agent.open(f"/clients/{self.client_id}/")
        agent.inspect("timeline")
        agent.open(f"/clients/{self.client_id}/?tab=audit")
        agent.inspect("audit")
        broken = self.product.inside(
            self.plot.slug,
            "from tenant_apps.ledger.selectors import broken_invariants, trial_balance\n"
            "sums = {}\n"
            "for _, _, currency, minor in trial_balance(): sums[currency] = sums.get(currency, 0) + minor\n"
            "answer = [broken_invariants(), sums]",
        )
        assert broken[0] == {}
        assert not any(broken[1].values()), broken[1]
        assert "broken" not in self.product.manage("verify_audit").lower()

    def close(self) -> None:
        for seat in self.seats:
            seat.close()
