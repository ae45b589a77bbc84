"""Who may see and do what: clients their own, staff as far as their rights reach, nobody another brokerage's."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import translation

from kernel import auth
from kernel.actors import Reach
from kernel.clock import now
from kernel.ids import uuid7
from kernel.models import AuditEntry, Command
from kernel.money import Money
from kernel.sessions import SessionStore
from kernel.tenancy import context
from kernel.ui.formatting import money_text
from tenant_apps.accounts.models import Realm, Role, User
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.clients.reading import reader
from tenant_apps.ledger import services as ledger
from tenant_apps.trading import ledgers, pages
from tenant_apps.trading.bridge import metrics, records, telling
from tenant_apps.trading.errors import Rejection
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    Case,
    CaseKind,
    Deal,
    TradingAccount,
    TradingServer,
    Transfer,
)
from tenant_apps.trading.office.servers import _offset_text
from tenant_apps.trading.refusal_words import WORDS
from tenant_apps.trading.services import transfers
from tenant_apps.trading.tests.conftest import TEST
from tenant_apps.wallets.selectors import history

ALL_GRANTS = dict.fromkeys(
    (
        *("trading.view", "trading.edit", "trading.transfer", "trading.servers.view", "trading.servers.edit"),
        *("trading.cases.view", "trading.cases.edit"),
    ),
    Reach.ALL,
)
OFFICE = [
    "/trading/accounts/",
    "/trading/accounts/export/",
    "/trading/accounts/{account}/",
    "/trading/accounts/{account}/leverage/",
    "/trading/accounts/{account}/transfer/",
    "/trading/accounts/{account}/archive/",
    "/trading/accounts/{account}/reopen/",
    "/trading/clients/{client}/open/",
    "/trading/servers/",
    "/trading/servers/new/",
    "/trading/servers/{server}/",
    "/trading/cases/",
    "/trading/cases/{case}/",
]
PORTAL = [
    "/accounts/",
    "/accounts/open/",
    "/accounts/{account}/",
    "/accounts/{account}/transfer/",
    "/accounts/{account}/leverage/",
    "/accounts/{account}/password/",
    "/accounts/{account}/archive/",
    "/accounts/{account}/reopen/",
]


class Desk:
    """A brokerage with one client, one account, one case; the server is never asked."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant
        self.server = TradingServer.objects.create(name="mt5", host="mt5.example", manager=1000)
        self.kind = AccountType.objects.create(
            name="Standard", server=self.server, group="std", currency="EUR", leverages=[10, 30], leverage_default=30
        )
        self.user = User.objects.create(realm=Realm.CLIENT, email="client@example.com", name="Greta", language="en")
        self.owner_id = uuid7()
        self.client = self.person("client@example.com", number=1, user_id=self.user.pk, owner_id=self.owner_id)
        self.account = self.account_of(self.client, 501)
        self.case = Case.objects.create(
            kind=CaseKind.MISMATCH, server=self.server, account=self.account, dedupe_key="one"
        )

    def person(self, email: str, **values: Any) -> Client:
        return Client.objects.create(
            stage=Stage.VERIFIED,
            first_name="Greta",
            last_name="Lind",
            email=email,
            language="en",
            country="DE",
            currency="EUR",
            kyc_state=KycState.APPROVED,
            **values,
        )

    def account_of(self, client: Client, login: int) -> TradingAccount:
        return TradingAccount.objects.create(
            client=client,
            server=self.server,
            account_type=self.kind,
            login=login,
            currency="EUR",
            leverage=30,
            state=AccountState.OPEN,
            ledger_kind=f"trading:{login}",
            dedupe_key=str(login),
        )

    def staff(self, grants: dict[str, Reach]) -> User:
        user = User.objects.create(realm=Realm.STAFF, email=f"{uuid7()}@example.com", name="Agent", language="en")
        role = Role.objects.create(
            name="r", code=str(uuid7())[:40], grants={key: int(value) for key, value in grants.items()},
            second_factor_required=False,
        )  # fmt: skip
        user.roles.add(role)
        return user

    def browser(self, user: User, surface: str) -> Browser:
        session = SessionStore()
        session["account_id"], session["epoch"] = str(user.pk), user.auth_epoch
        session["second_factor"], session["owner"] = True, auth._owner()
        session["login_at"] = now().timestamp()
        session.create()
        host = f"{self.tenant.slug}.localhost" if surface == "portal" else f"office.{self.tenant.slug}.localhost"
        browser = Browser(headers={"host": host}, raise_request_exception=True)
        browser.cookies["sid"] = session.session_key
        return browser

    def address(self, pattern: str) -> str:
        return pattern.format(account=self.account.pk, client=self.client.pk, server=self.server.pk, case=self.case.pk)


@pytest.fixture
def desk(tenant: Any) -> Desk:
    return Desk(tenant)


@pytest.mark.parametrize("query", ["", "part=deals&deals=all&"])
def test_the_pager_of_deals_names_its_part_once(query: str) -> None:
    told = pages._deals_query(f"?{query}&after=abc", "closed")
    assert sorted(told.removeprefix("?").split("&")) == ["after=abc", "deals=closed", "part=deals"]
    assert pages._deals_query("", "closed") == ""


@pytest.mark.parametrize("pattern", OFFICE)
def test_office_pages_open_for_those_who_may(desk: Desk, pattern: str) -> None:
    assert desk.browser(desk.staff(ALL_GRANTS), "office").get(desk.address(pattern)).status_code == 200


@pytest.mark.parametrize("pattern", OFFICE)
def test_office_pages_are_shut_without_the_right(desk: Desk, pattern: str) -> None:
    browser = desk.browser(desk.staff({"clients.view": Reach.ALL}), "office")
    assert browser.get(desk.address(pattern)).status_code == 403


@pytest.mark.parametrize("pattern", [one for one in OFFICE if "{account}" in one or "{client}" in one])
def test_an_agent_reaches_accounts_of_own_clients_only(desk: Desk, pattern: str) -> None:
    agent = desk.staff(dict.fromkeys(ALL_GRANTS, Reach.OWN))
    browser = desk.browser(agent, "office")
    assert browser.get(desk.address(pattern)).status_code == 404
    Client.objects.filter(pk=desk.client.pk).update(owner_id=agent.pk)
    assert browser.get(desk.address(pattern)).status_code == 200


@pytest.mark.parametrize("pattern", PORTAL)
def test_portal_pages_open_for_the_client(desk: Desk, pattern: str) -> None:
    assert desk.browser(desk.user, "portal").get(desk.address(pattern), follow=True).status_code == 200


def test_numbers_are_shown_and_told_by_the_custom_of_the_clients_country(desk: Desk) -> None:
    User.objects.filter(pk=desk.user.pk).update(language="es")
    Client.objects.filter(pk=desk.client.pk).update(language="es", country="MX")
    TradingAccount.objects.filter(pk=desk.account.pk).update(balance_minor=123456, equity_minor=123456)
    page = desk.browser(desk.user, "portal").get(desk.address("/accounts/{account}/")).content.decode()
    assert "€1,234.56" in page
    (account,) = records.accounts_of(desk.server.pk).values()
    snapshot = records.Snapshot(123456, 0, 123456, 0, 123456, 0, None, 30)
    _, told = telling.tick(account, snapshot, [], languages=["de", "es"], ts=0)
    assert f'="{account.topic}:es-MX.equity"' in page
    equity = {name: one["text"] for name, one in told["data"].items() if name.endswith(".equity")}
    spain = "1.234,56\u00a0€"
    assert equity == {"de.equity": spain, "es.equity": spain, "es-MX.equity": "€1,234.56"}
    with translation.override("de"), reader(Client.objects.get(pk=desk.client.pk)):
        assert money_text(123456, "EUR") == "€1,234.56"  # in what is written to them, too


def test_the_address_of_the_password_dialog_opens_it_on_the_accounts_page(desk: Desk) -> None:
    browser, path = desk.browser(desk.user, "portal"), desk.address("/accounts/{account}/password/")
    outside = browser.get(path)
    assert (outside.status_code, outside["Location"]) == (302, f"/accounts/{desk.account.pk}/?open=password")
    opener = f'<div hx-get="{path}" hx-trigger="load" hx-target="#modal">'
    assert opener in browser.get(outside["Location"]).content.decode()
    assert opener not in browser.get(desk.address("/accounts/{account}/")).content.decode()
    assert 'type="password"' in browser.get(path, headers={"HX-Request": "true"}).content.decode()


@pytest.mark.parametrize("pattern", [one for one in PORTAL if "{account}" in one])
@pytest.mark.parametrize("method", ["get", "post"])
def test_another_clients_account_is_not_found(desk: Desk, pattern: str, method: str) -> None:
    other = desk.account_of(desk.person("other@example.com", number=2), 502)
    browser = desk.browser(desk.user, "portal")
    response = getattr(browser, method)(pattern.format(account=other.pk))
    assert response.status_code == 404
    assert not Command.objects.exists()


def test_nothing_of_another_brokerage_is_found(desk: Desk, other_tenant: Any) -> None:
    with context.use(other_tenant):
        foreign = Desk(other_tenant)
    browser, staff = desk.browser(desk.user, "portal"), desk.browser(desk.staff(ALL_GRANTS), "office")
    for pattern in PORTAL[2:]:
        assert browser.get(foreign.address(pattern)).status_code == 404
    for pattern in OFFICE:
        if "{" in pattern:
            assert staff.get(foreign.address(pattern)).status_code == 404


def test_a_transfer_form_sent_twice_counts_once(desk: Desk) -> None:
    wallet, bank = ledgers.wallet(desk.account), ledger.account_ensure(owner="house", kind="bank", currency="EUR")
    amount = Money(10_000, "EUR")
    ledger.post(kind="test", legs=[ledger.Leg(bank, -amount), ledger.Leg(wallet, amount)], key="t", actor=TEST)
    browser = desk.browser(desk.user, "portal")
    data = {"direction": "in", "amount": "25.00", "key": "abc"}
    address = f"/accounts/{desk.account.pk}/transfer/"
    answers = [browser.post(address, data).status_code for _ in range(2)]
    assert (answers, Transfer.objects.count(), Command.objects.count()) == ([200, 200], 1, 1)


def test_more_than_the_wallet_has_is_refused_at_the_form(desk: Desk) -> None:
    browser = desk.browser(desk.user, "portal")
    data = {"direction": "in", "amount": "25.00", "key": "abc"}
    response = browser.post(f"/accounts/{desk.account.pk}/transfer/", data)
    assert response.status_code == 422
    assert "The available amount is not enough." in response.content.decode()
    assert not Transfer.objects.exists()


def test_leverage_is_changed_with_before_after_and_reason(desk: Desk) -> None:
    browser = desk.browser(desk.staff(ALL_GRANTS), "office")
    address = f"/trading/accounts/{desk.account.pk}/leverage/"
    assert browser.post(address, {"leverage": 10, "reason": "asked"}).status_code == 200
    command, line = Command.objects.get(), AuditEntry.objects.get(action="trading.leverage")
    assert (command.before, command.payload["leverage"], command.reason) == ({"leverage": 30}, 10, "asked")
    assert (line.before, line.after, line.reason) == ({"leverage": 30}, {"leverage": 10}, "asked")


def test_nobody_sends_orders_to_the_server_without_end(desk: Desk) -> None:
    browser, address = desk.browser(desk.user, "portal"), f"/accounts/{desk.account.pk}/leverage/"
    answers = [browser.post(address, {"leverage": "30"}).status_code for _ in range(15)]
    assert (answers[:10], 429 in answers) == ([200] * 10, True)
    assert Command.objects.filter(kind="trading.leverage").count() == answers.count(200) < 15


def test_the_head_of_an_open_page_follows_the_leverage(desk: Desk) -> None:
    browser = desk.browser(desk.staff(ALL_GRANTS), "office")
    page = f"/trading/accounts/{desk.account.pk}/"
    assert 'id="account-head" hx-get="?part=head&amp;state=open"' in browser.get(page).content.decode()
    TradingAccount.objects.filter(pk=desk.account.pk).update(leverage=10)
    head = browser.get(f"{page}?part=head&state=open", headers={"HX-Request": "true"})
    assert (">1:10<" in head.content.decode(), "<html" in head.content.decode()) == (True, False)
    assert "HX-Refresh" not in head


@pytest.mark.parametrize("surface", ["portal", "office"])
def test_an_open_page_is_drawn_anew_when_the_account_opens(desk: Desk, surface: str) -> None:
    """Opened as it is after "Open account": without login, passwords and the topics of an account that is there."""
    TradingAccount.objects.filter(pk=desk.account.pk).update(state="opening", login=None, ledger_kind="")
    user = desk.user if surface == "portal" else desk.staff(ALL_GRANTS)
    browser, path = desk.browser(user, surface), "/accounts/" if surface == "portal" else "/trading/accounts/"
    page = f"{path}{desk.account.pk}/"
    found = re.search(r'id="account-head" hx-get="([^"]+)"', browser.get(page).content.decode())
    assert found
    head, asked = f"{page}{unescape(found[1])}", {"HX-Request": "true"}
    assert "HX-Refresh" not in browser.get(head, headers=asked)
    TradingAccount.objects.filter(pk=desk.account.pk).update(state="open", login=501, ledger_kind="trading:501")
    assert browser.get(head, headers=asked)["HX-Refresh"] == "true"


def test_a_client_archives_and_reopens_without_filling_in_anything(desk: Desk) -> None:
    """The dialog has no field: its token travels in a header, and nothing at all in the body."""
    browser, path = desk.browser(desk.user, "portal"), f"/accounts/{desk.account.pk}/"
    TradingAccount.objects.filter(pk=desk.account.pk).update(balance_minor=100)
    refused = browser.post(f"{path}archive/")
    assert (refused.status_code, Command.objects.count()) == (422, 0)
    assert "Close all positions and withdraw the balance first." in refused.content.decode()
    TradingAccount.objects.filter(pk=desk.account.pk).update(balance_minor=0)
    assert browser.post(f"{path}archive/").status_code == 200
    TradingAccount.objects.filter(pk=desk.account.pk).update(state="archived")
    assert browser.post(f"{path}reopen/").status_code == 200
    kinds = Command.objects.order_by("created_at").values_list("kind", flat=True)
    assert list(kinds) == ["trading.archive", "trading.reopen"]


@pytest.mark.parametrize(
    ("state", "offered"),
    [("open", ["leverage", "archive"]), ("archived", ["reopen"]), ("opening", []), ("failed", [])],
)
def test_the_office_offers_what_may_be_done_to_an_account(desk: Desk, state: str, offered: list[str]) -> None:
    TradingAccount.objects.filter(pk=desk.account.pk).update(state=state)
    path, acts = f"/trading/accounts/{desk.account.pk}/", ["leverage", "archive", "reopen"]
    shown = {}
    for grants in (ALL_GRANTS, {"trading.view": Reach.ALL}):
        page = desk.browser(desk.staff(grants), "office").get(path).content.decode()
        shown[len(grants)] = [act for act in acts if f'hx-get="{path}{act}/"' in page]
    assert shown == {len(ALL_GRANTS): offered, 1: []}


def test_a_leverage_the_product_lacks_is_refused(desk: Desk) -> None:
    browser = desk.browser(desk.user, "portal")
    assert browser.post(f"/accounts/{desk.account.pk}/leverage/", {"leverage": 500}).status_code == 422
    assert not Command.objects.exists()


def test_first_passwords_are_shown_once(desk: Desk) -> None:
    from kernel import secrets

    for name in ("main", "investor"):
        secrets.credential_set(owner=desk.account.secret_owner, name=name, value=f"Secret-{name}1")
    browser = desk.browser(desk.user, "portal")
    first, second = [browser.post(f"/accounts/{desk.account.pk}/reveal/").content.decode() for _ in range(2)]
    assert ("Secret-main1" in first, "Secret-main1" in second) == (True, False)


def test_what_the_server_refused_is_told_in_words(desk: Desk) -> None:
    for code in ("not_enough_money", "sold_out"):
        Command.objects.create(
            kind="trading.balance", aggregate=desk.account.aggregate, state="failed", error_code=code, error="text"
        )
    page = desk.browser(desk.staff(ALL_GRANTS), "office").get(f"/trading/accounts/{desk.account.pk}/").content.decode()
    assert ("Not enough free margin" in page, ">not_enough_money<" in page, ">sold_out<" in page) == (True, False, True)


def test_every_reason_of_a_refusal_has_words() -> None:
    assert set(WORDS) == set(Rejection)


def test_an_account_s_page_leads_back_to_the_list(desk: Desk) -> None:
    office = desk.browser(desk.staff(ALL_GRANTS), "office").get(f"/trading/accounts/{desk.account.pk}/")
    assert '<a href="/trading/accounts/"' in office.content.decode().partition('aria-label="Breadcrumb"')[2][:300]


def test_no_account_that_fits_is_no_empty_brokerage(desk: Desk) -> None:
    browser = desk.browser(desk.staff(ALL_GRANTS), "office")
    page = browser.get("/trading/accounts/?q=nobody").content.decode()
    assert ("Loosen a filter" in page, "when an identity is approved" in page) == (True, False)


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "UTC+00:00"), (120, "UTC+02:00"), (-210, "UTC-03:30"), (345, "UTC+05:45")]
)
def test_a_server_s_clock_is_told_as_clocks_are(minutes: int, words: str) -> None:
    assert _offset_text(timedelta(minutes=minutes)) == words


def test_a_client_sees_what_the_server_closed_by_itself(desk: Desk) -> None:
    moment, nothing = now(), dict.fromkeys(("profit_minor", "swap_minor", "commission_minor", "result_minor"), 0)
    for number, reason in enumerate(("client", "stop_out"), start=1):
        Deal.objects.create(
            server=desk.server, deal=number, account=desk.account, login=501, order=number, position=number, kind="sell",
            entry="out", reason=reason, symbol="EURUSD", lots=1, closed_lots=1, price=1, position_price=1,
            contract_size=100_000, currency="EUR", digits=5, executed_at=moment, stored_at=moment, **nothing,
        )  # fmt: skip
    page = desk.browser(desk.user, "portal").get(desk.address("/accounts/{account}/")).content.decode()
    assert (page.count("EURUSD"), page.count("Stop-out")) == (2, 1)


def test_a_server_that_has_gone_silent_is_not_followed(desk: Desk) -> None:
    browser, counts = (
        desk.browser(desk.staff(ALL_GRANTS), "office"),
        metrics.Metrics(desk.server.pk, tenant="", bridge=""),
    )
    counts.write(force=True, mode="normal")
    for minutes, words in ((1, "Followed"), (6, "Not followed")):
        TradingServer.objects.update(last_ok_at=now() - timedelta(minutes=minutes))
        assert f"{words}</span>" in browser.get("/trading/servers/").content.decode()


def test_what_failed_last_says_what_to_do_in_the_readers_words(desk: Desk) -> None:
    raw = "ConnectError: [Errno 111] Connection refused"
    TradingServer.objects.update(last_error=raw, last_problem="closed", last_error_at=now())
    browser = desk.browser(desk.staff(ALL_GRANTS), "office")
    for address in ("/trading/servers/", f"/trading/servers/{desk.server.pk}/health/"):
        page = browser.get(address).content.decode()
        assert ("Nothing answers on this port." in page, raw in page) == (True, True)


def test_a_server_page_never_shows_the_password(desk: Desk) -> None:
    from kernel import secrets
    from tenant_apps.trading import platforms

    secrets.credential_set(owner=desk.server.secret_owner, name=platforms.PASSWORD, value="Very-Secret-Pass9")
    page = desk.browser(desk.staff(ALL_GRANTS), "office").get(f"/trading/servers/{desk.server.pk}/").content.decode()
    assert ("Secret" in page, "ass9" in page, "Stored encrypted" in page) == (False, False, True)


def test_the_transport_is_chosen_in_the_form_and_needs_the_password_again(desk: Desk) -> None:
    from kernel import secrets
    from tenant_apps.trading import platforms

    secrets.credential_set(owner=desk.server.secret_owner, name=platforms.PASSWORD, value="Very-Secret-Pass9")
    browser, path = desk.browser(desk.staff(ALL_GRANTS), "office"), f"/trading/servers/{desk.server.pk}/"
    data = {"name": "mt5", "host": "mt5.example", "port": 443, "manager": 1000, "quiet_period": 180, "transport": "raw"}
    assert browser.post(path, data).status_code == 422
    assert browser.post(path, data | {"password": "Very-Secret-Pass9"}).status_code == 302
    desk.server.refresh_from_db()
    config = platforms.config_of(desk.server)
    assert (config.transport, config.encrypt, config.password) == ("raw", True, "Very-Secret-Pass9")
    assert browser.post(path, data | {"transport": "smoke"}).status_code == 422


CTRADER = {
    "name": "ct", "host": "ct.example", "port": 5011, "manager": 77, "password": "Very-Secret-Pass9", "quiet_period": 180,
    "plant": "nordwind", "environment": "live", "broker": "Nordwind Markets", "web_host": "", "web_port": 8443,
    "enabled": "on",
}  # fmt: skip


def test_a_ctrader_server_is_connected_in_the_office(desk: Desk) -> None:
    from tenant_apps.trading import platforms
    from tenant_apps.trading.adapters.ctrader import CTraderConfig

    browser, path = desk.browser(desk.staff(ALL_GRANTS), "office"), "/trading/servers/new/?kind=ctrader"
    fresh = browser.get(path).content.decode()
    assert ('value="5011"' in fresh, 'value="8443"' in fresh, 'name="transport"' in fresh) == (True, True, False)
    assert 'name="plant"' not in browser.get("/trading/servers/new/").content.decode()
    for missing in ("password", "plant", "environment", "broker"):
        assert browser.post(path, CTRADER | {missing: ""}).status_code == 422, missing
    assert TradingServer.objects.count() == 1
    assert browser.post(path, CTRADER).status_code == 302
    server = TradingServer.objects.get(name="ct")
    assert (server.kind, server.platform_name) == ("ctrader", "cTrader")
    assert "Secret" not in str(server.settings)
    assert "Secret" not in str([(one.before, one.after) for one in AuditEntry.objects.all()])
    AccountType.objects.create(
        name="Raw", server=server, group="raw-usd", currency="USD", leverages=[30], leverage_default=30
    )
    config = platforms.config_of(server)
    assert isinstance(config, CTraderConfig)
    assert (config.plant, config.environment, config.broker) == ("nordwind", "live", "Nordwind Markets")
    assert (config.web_address(), config.password) == (("ct.example", 8443), "Very-Secret-Pass9")
    assert config.currency_of("raw-usd") == "USD"
    shown = browser.get(f"/trading/servers/{server.pk}/").content.decode()
    assert ("Secret" in shown, "ass9" in shown, 'value="nordwind"' in shown) == (False, False, True)


def test_a_ctrader_server_s_webservices_are_an_address_of_the_password(desk: Desk) -> None:
    browser = desk.browser(desk.staff(ALL_GRANTS), "office")
    assert browser.post("/trading/servers/new/?kind=ctrader", CTRADER).status_code == 302
    server = TradingServer.objects.get(name="ct")
    path, kept = f"/trading/servers/{server.pk}/", CTRADER | {"password": ""}
    assert browser.post(path, kept | {"environment": "demo"}).status_code == 302
    for elsewhere in ({"web_host": "evil.example"}, {"web_port": 8444}, {"port": 5012}):
        assert browser.post(path, kept | elsewhere).status_code == 422, elsewhere
    server.refresh_from_db()
    assert (server.settings["environment"], server.settings["web_host"], server.settings["web_port"]) == (
        "demo",
        "",
        8443,
    )
    assert browser.post(path, kept | {"web_host": "Web.Example", "password": "Other-Pass10"}).status_code == 302
    server.refresh_from_db()
    assert server.settings["web_host"] == "web.example"


BRIDGE = {
    "name": "mb", "host": "mb.example", "port": 7443, "manager": 77, "password": "a secret of thirty-two characters!",
    "quiet_period": 180, "fingerprint": "", "enabled": "on",
}  # fmt: skip


def test_a_manager_bridge_is_connected_in_the_office(desk: Desk) -> None:
    from tenant_apps.trading import platforms

    browser, path = desk.browser(desk.staff(ALL_GRANTS), "office"), "/trading/servers/new/?kind=mt5_manager"
    fresh = browser.get(path).content.decode()
    assert ('value="7443"' in fresh, 'name="fingerprint"' in fresh, 'name="transport"' in fresh) == (True, True, False)
    for wrong in ({"password": ""}, {"password": "Too-Short9"}, {"fingerprint": "ab:cd"}):
        assert browser.post(path, BRIDGE | wrong).status_code == 422, wrong
    assert browser.post(path, BRIDGE | {"fingerprint": ":".join(["AB"] * 32)}).status_code == 302
    server = TradingServer.objects.get(name="mb")
    assert (server.kind, server.settings["fingerprint"]) == ("mt5_manager", "ab" * 32)
    assert "secret" not in str(server.settings)
    page = f"/trading/servers/{server.pk}/"
    kept = BRIDGE | {"password": "", "fingerprint": "AB" * 32}
    assert browser.post(page, kept | {"quiet_period": 60}).status_code == 302
    for elsewhere in ({"fingerprint": "cd" * 32}, {"fingerprint": ""}, {"host": "evil.example"}):
        assert browser.post(page, kept | elsewhere).status_code == 422, elsewhere
    assert browser.post(page, BRIDGE | {"fingerprint": "cd" * 32}).status_code == 302
    server.refresh_from_db()
    assert (platforms.config_of(server).fingerprint, platforms.quiet_period(server).total_seconds()) == ("cd" * 32, 180)


def test_a_server_stays_of_its_platform_and_unknown_ones_are_not_found(desk: Desk) -> None:
    browser = desk.browser(desk.staff(ALL_GRANTS), "office")
    assert browser.get("/trading/servers/new/?kind=abacus").status_code == 404
    path = f"/trading/servers/{desk.server.pk}/?kind=ctrader"
    assert 'name="plant"' not in browser.get(path).content.decode()
    data = {
        "name": "mt5",
        "host": "mt5.example",
        "port": 443,
        "manager": 1000,
        "quiet_period": 60,
        "transport": "https",
    }
    assert browser.post(path, data).status_code == 302
    desk.server.refresh_from_db()
    assert (desk.server.kind, desk.server.settings["quiet_period"]) == ("mt5", 60)


def test_an_account_without_an_investor_has_one_password(desk: Desk) -> None:
    TradingServer.objects.update(kind="ctrader")
    browser, path = desk.browser(desk.user, "portal"), f"/accounts/{desk.account.pk}/password/"
    assert 'value="investor"' not in browser.get(path, headers={"hx-request": "true"}).content.decode()
    assert browser.post(path, {"kind": "investor", "password": "Neu-Wort77"}).status_code == 422
    assert not Command.objects.exists()
    assert browser.post(path, {"kind": "main", "password": "Neu-Wort77"}).status_code == 200


def test_passwords_wait_sealed_and_stay_out_of_commands(desk: Desk) -> None:
    browser = desk.browser(desk.user, "portal")
    data = {"kind": "main", "password": "Neu-Wort77"}
    assert browser.post(f"/accounts/{desk.account.pk}/password/", data).status_code == 200
    command = Command.objects.get()
    assert "Neu-Wort77" not in str((command.payload, command.before, command.result))


@pytest.mark.parametrize("password", ["short1A", "nocapital-1", "NOSMALL-1", "NoDigit--", "NoSpecial1", "Ümlaut-12a"])
def test_weak_passwords_are_refused(desk: Desk, password: str) -> None:
    browser = desk.browser(desk.user, "portal")
    response = browser.post(f"/accounts/{desk.account.pk}/password/", {"kind": "main", "password": password})
    assert response.status_code == 422
    assert not Command.objects.exists()


def test_live_accounts_are_for_verified_clients(desk: Desk) -> None:
    Client.objects.filter(pk=desk.client.pk).update(kyc_state=KycState.SUBMITTED)
    browser = desk.browser(desk.user, "portal")
    response = browser.post("/accounts/open/", {"account_type": desk.kind.pk, "leverage": 30})
    assert response.status_code == 422
    assert TradingAccount.objects.count() == 1


def test_a_masked_address_cannot_be_found_letter_by_letter(desk: Desk) -> None:
    agent = desk.staff({"trading.view": Reach.ALL})
    Role.objects.update(masks=["email", "phone"])
    web = desk.browser(agent, "office")
    for text, found in (("client@ex", False), ("cli", False), ("client@example.com", True), ("Greta", True)):
        assert (">501<" in web.get("/trading/accounts/", {"q": text}).content.decode()) is found, text


def test_the_wallets_history_tells_transfers_in_words(desk: Desk) -> None:
    """There, back, and one that the server refused; each beside the account's number."""
    wallet, bank = ledgers.wallet(desk.account), ledger.account_ensure(owner="house", kind="bank", currency="EUR")
    amount, part = Money(10_000, "EUR"), Money(4_000, "EUR")
    ledger.post(kind="test", legs=[ledger.Leg(bank, -amount), ledger.Leg(wallet, amount)], key="t", actor=TEST)
    there = transfers.transfer_to_account(actor=TEST, account=desk.account, amount=part, key="there")
    transfers.applied(there, deal=1, actor=TEST)
    back = transfers.transfer_to_wallet(actor=TEST, account=desk.account, amount=Money(1_500, "EUR"), key="back")
    transfers.applied(back, deal=2, actor=TEST)
    never = transfers.transfer_to_account(actor=TEST, account=desk.account, amount=part, key="never")
    transfers.refused(never, problem="trade_disabled", actor=TEST)

    lines = history(desk.client.pk, "EUR")
    assert [(line.amount.minor, line.words.title, line.words.detail) for line in lines[:4]] == [
        (4_000, "Back from the trading account: the server refused the transfer", "501"),
        (-4_000, "To the trading account", "501"),
        (1_500, "From the trading account", "501"),
        (-4_000, "To the trading account", "501"),
    ]
    page = desk.browser(desk.user, "portal").get("/wallets/EUR/").content.decode()
    assert page.count("To the trading account") == 2
    assert "Back from the trading account: the server refused the transfer" in page


def test_credit_has_a_line_and_is_not_offered_to_be_taken_out(desk: Desk) -> None:
    browser, page = desk.browser(desk.user, "portal"), f"/accounts/{desk.account.pk}/"
    numbers = {"balance_minor": 640_000, "equity_minor": 740_000, "free_margin_minor": 736_565}
    TradingAccount.objects.filter(pk=desk.account.pk).update(**numbers)
    assert "credit" not in browser.get(page).content.decode()
    assert "7,365.65" not in browser.get(f"{page}transfer/").content.decode(), "no more than the balance"
    TradingAccount.objects.filter(pk=desk.account.pk).update(credit_minor=100_000)
    shown = browser.get(page).content.decode()
    assert shown.count("of credit") == 1
    assert "1,000.00" in shown
    form = browser.get(f"{page}transfer/").content.decode()
    assert ("6,365.65" in form, "7,365.65" in form, "1,000.00" in form) == (True, False, True)


def test_what_the_filter_finds_is_a_file(desk: Desk) -> None:
    other = desk.account_of(desk.person("other@example.com", number=2), 502)
    TradingAccount.objects.filter(pk=other.pk).update(balance_minor=123_456)
    office = desk.browser(desk.staff(ALL_GRANTS), "office")
    lines = b"".join(office.get("/trading/accounts/export/?q=502&sort=login")).decode().splitlines()
    assert len(lines) == 2
    assert [cell for cell in ("502", "1234.56", "EUR", "Live") if cell not in lines[1]] == []
    assert len(b"".join(office.get("/trading/accounts/export/")).decode().splitlines()) == 3
    assert AuditEntry.objects.filter(action="trading.accounts_exported").count() == 2
