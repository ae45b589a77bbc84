"""Every page draws, for those who may see it and nobody else; no page reaches another client's or tenant's money."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from kernel import clock
from kernel.actors import Reach
from kernel.ids import uuid7
from sandbox.bank import camt
from tenant_apps.accounts.models import Realm, Role, User
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import BankLine, BankStatement, Deposit, DepositState, ProposedChange, Withdrawal
from tenant_apps.payments.services.withdrawals import withdrawal_request

from .support import client_actor, eur, make_account, make_client, make_destination, make_rule
from .test_withdrawals import IBAN, funded


def browser(tenant: Any, surface: str, user: User | None) -> Browser:
    """A logged-in browser on a surface of the brokerage."""
    from importlib import import_module

    from django.conf import settings
    from django.http import HttpRequest

    from kernel import auth

    host = f"{tenant.slug}.localhost" if surface == "portal" else f"office.{tenant.slug}.localhost"
    made = Browser(HTTP_HOST=host)
    if user is not None:
        request: Any = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore()
        request.META["REMOTE_ADDR"] = "127.0.0.1"
        request.ip = "127.0.0.1"
        auth.login(request, user, second_factor=True)
        request.session.save()
        made.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    return made


def trader(tenant: Any, client: Client) -> Browser:
    user = User.objects.create(realm=Realm.CLIENT, email=client.email, name=client.name)
    Client.objects.filter(pk=client.pk).update(user_id=user.pk)
    return browser(tenant, "portal", user)


def officer(tenant: Any, *codes: str, reach: Reach = Reach.ALL) -> Browser:
    role = Role.objects.create(
        name=str(uuid7()), code=str(uuid7()), grants=dict.fromkeys(codes, int(reach)), second_factor_required=False
    )
    user = User.objects.create(realm=Realm.STAFF, email=f"{uuid7()}@example.com", name=f"Finance {uuid7()}")
    user.roles.add(role)
    return browser(tenant, "office", user)


def seen_on(web: Browser, path: str) -> dict[str, str]:
    """What the form of an approval on this page posts: the digest of what the page shows."""
    found = re.search(r'name="seen" value="(\w+)"', web.get(path).content.decode())
    return {"seen": found[1] if found else ""}


def deposit_of(client: Client, state: str = DepositState.PENDING, **values: Any) -> Deposit:
    account = make_account("stripe", credentials={"secret_key": "sk_test_a_b"})
    fields = {"amount_minor": 50_000, "currency": "EUR", "method": "card", "payment_url": "https://pay.example"}
    return Deposit.objects.create(
        client=client, provider_account=account, reference=f"D{uuid7().hex[-9:]}", state=state, **{**fields, **values}
    )


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_cashiers_pages_draw(tenant: Any, language: str) -> None:
    person = funded()
    account = make_account("stripe", credentials={"secret_key": "sk_test_a_b"})
    make_rule(account, "card", fee_percent="1.5")
    make_rule(account, "klarna")
    make_rule(account, "ideal")
    web = trader(tenant, person)
    web.cookies["language"] = language
    asked = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    pages = ["/cashier/", "/cashier/withdraw/", "/cashier/history/", "/wallets/", "/wallets/EUR/",
             f"/cashier/withdrawals/{asked.pk}/"]  # fmt: skip
    for state in DepositState.values:
        pages.append(f"/cashier/deposits/{deposit_of(person, state, received_minor=50_000).pk}/")
    wire = deposit_of(person, instructions={"iban": IBAN, "holder": "Broker", "reference": "D1"})
    pages.append(f"/cashier/deposits/{wire.pk}/")
    for page in pages:
        answer = web.get(page)
        assert answer.status_code == 200, (page, answer.content[:600])
    body = web.get("/cashier/").content.decode()
    assert "Klarna" in body
    assert "iDEAL" not in body  # a German cannot use it
    quote = web.get(
        "/cashier/", {"part": "quote", "amount": "100", "method": f"{account.pk}:card"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in quote
    if language == "en":
        assert "€98.50" in quote


def test_a_client_sees_nothing_of_another(tenant: Any) -> None:
    owner, other = funded(), make_client()
    deposit = deposit_of(owner)
    asked = withdrawal_request(
        actor=client_actor(owner), client=owner, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    web = trader(tenant, other)
    assert web.get(f"/cashier/deposits/{deposit.pk}/").status_code == 404
    assert web.get(f"/cashier/withdrawals/{asked.pk}/").status_code == 404
    assert web.post(f"/cashier/withdrawals/{asked.pk}/cancel/").status_code == 404
    asked.refresh_from_db()
    assert asked.state == "requested"


def test_the_return_page_credits_nothing(tenant: Any) -> None:
    person = make_client()
    deposit = deposit_of(person)
    stranger = browser(tenant, "portal", None)
    answer = stranger.post(f"/cashier/return/{deposit.pk}/", {"respStatus": "A", "tranRef": "T1"})
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (303, f"/cashier/deposits/{deposit.pk}/")
    deposit.refresh_from_db()
    assert deposit.state == DepositState.PENDING


def test_who_has_just_paid_is_not_sent_to_pay_again(tenant: Any) -> None:
    person = make_client()
    deposit, web = deposit_of(person), trader(tenant, person)
    Deposit.objects.filter(pk=deposit.pk).update(payment_url="https://pay.example/1")
    page, again = f"/cashier/deposits/{deposit.pk}/", "Open the payment page"
    assert again in web.get(page).content.decode()
    back = web.get(f"/cashier/return/{deposit.pk}/")["Location"]
    shown = web.get(back).content.decode()
    assert (again in shown, "Your payment is being confirmed" in shown, 'href="https://pay.example/1"' in shown) == (
        False, True, True,
    )  # fmt: skip
    assert f'hx-get="{back}"' in shown, "it stays so when the page is refreshed"
    long_ago = int((clock.now() - timedelta(minutes=6)).timestamp())
    for other in (str(long_ago), "99999999999", "x", "-1", "٣", "9" * 400):
        assert again in web.get(page, {"returned": other}).content.decode(), other
    Deposit.objects.filter(pk=deposit.pk).update(failure="declined")
    assert again in web.get(back).content.decode(), "a refused card may be tried again at once"


@pytest.mark.parametrize("currency", ["USD", "XXX"])
def test_an_amount_stays_in_the_currency_it_was_meant_in(tenant: Any, currency: str) -> None:
    """A wallet or an offer that is gone by the time the form arrives does not turn its amount into another currency's."""
    person = funded()
    account = make_account("stripe", credentials={"secret_key": "sk_test_a_b"})
    make_rule(account, "card")
    web = trader(tenant, person)
    out = {"currency": currency, "amount": "100.00", "iban": IBAN, "holder": "Lena Vogt", "key": "k"}
    into = {"currency": currency, "amount": "100.00", "method": f"{account.pk}:card"}
    before = Deposit.objects.count()
    assert web.post("/cashier/withdraw/?currency=EUR", out).status_code == 422
    assert web.post("/cashier/?currency=EUR", into).status_code == 422
    assert not Withdrawal.objects.exists()
    assert Deposit.objects.count() == before


def statement_with_line() -> BankLine:
    account = make_account("bank_wire", settings={"iban": IBAN})
    statement = BankStatement.objects.create(
        provider_account=account, name="s.xml", sha256="0" * 64, statement_id=str(uuid7()), iban=IBAN, currency="EUR",
        opening_minor=0, closing_minor=100, imported_by="Somebody",
    )  # fmt: skip
    return BankLine.objects.create(
        statement=statement, position=0, line_key=str(uuid7()), booked_on=clock.today(), amount_minor=100,
        currency="EUR", counterparty="A", reasons=["none"],
    )  # fmt: skip


@pytest.mark.parametrize("book", [1, 4])
def test_the_page_judges_ways_out_and_accounts_once(tenant: Any, book: int) -> None:
    person = funded()
    for number in range(book):
        make_destination(person, f"DE8937040044053201300{number}", state="new", fingerprint=str(number))
    web = trader(tenant, person)
    with CaptureQueriesContext(connection) as seen:
        page = web.get("/cashier/withdraw/").content.decode()
    assert page.count('name="destination" value="') >= book
    read = [query["sql"].partition(" FROM ")[2].partition(" ")[0].strip('"') for query in seen.captured_queries]
    assert [read.count(f"payments_{name}") for name in ("payout_rule", "payout_settings")] == [1, 1]


def test_a_withdrawal_form_sent_twice_counts_once(tenant: Any) -> None:
    person = funded()
    web = trader(tenant, person)
    page = web.get("/cashier/withdraw/").content.decode()
    key = page.split('name="key" value="')[1].partition('"')[0]
    form = {"currency": "EUR", "amount": "100.00", "iban": IBAN, "holder": "Lena Vogt", "key": key}
    first, second = web.post("/cashier/withdraw/", form), web.post("/cashier/withdraw/", form)
    assert (first.status_code, second.headers["Location"]) == (302, first.headers["Location"])
    assert web.post("/cashier/withdraw/", {**form, "amount": "150.00"}).status_code == 422
    assert Withdrawal.objects.get().amount_minor == 10_000


ALL = ("payments.view", "payments.export", "payments.deposit.manage", "payments.withdrawal.propose",
       "payments.withdrawal.approve", "payments.provider.edit", "payments.limits.edit", "payments.bank.import", "payments.bank.approve",
       "wallets.view")  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_offices_pages_draw(tenant: Any, language: str) -> None:
    person = funded()
    deposit = deposit_of(person, attention="late", failure="declined")
    asked = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    account = deposit.provider_account
    rule = make_rule(account, "card")
    line = statement_with_line()
    web = officer(tenant, *ALL)
    web.cookies["language"] = language
    for page in (
        "/payments/", "/payments/?view=todo&q=lena", "/payments/deposits/", "/payments/deposits/?view=attention",
        f"/payments/deposits/{deposit.pk}/", f"/payments/withdrawals/{asked.pk}/", "/payments/providers/",
        "/payments/providers/new/paytabs/", f"/payments/providers/{account.pk}/",
        f"/payments/providers/{account.pk}/rules/", f"/payments/providers/rules/{rule.pk}/", "/payments/bank/",
        f"/payments/bank/{line.statement_id}/", f"/wallets/{person.pk}/EUR/",
    ):  # fmt: skip
        answer = web.get(page)
        assert answer.status_code == 200, (page, answer.content[:600])


def test_a_statement_looked_at_can_be_reloaded_and_is_its_uploaders_alone(tenant: Any) -> None:
    account = make_account("bank_wire", settings={"iban": IBAN})
    entry = camt.Entry(amount=Decimal(5), name="A Payer", reference="none of ours")
    data = camt.render(camt.Statement(iban=IBAN, currency="EUR", entries=[entry]))
    web, colleague = officer(tenant, *ALL), officer(tenant, *ALL)
    sent = web.post("/payments/bank/upload/", {"account": account.pk, "file": SimpleUploadedFile("s.xml", data)})
    shown = sent["Location"]
    for _ in range(2):
        assert "A Payer" in web.get(shown).content.decode()
    assert not BankLine.objects.exists()
    assert colleague.get(shown).status_code == 404
    assert web.get(shown[:-1] + "x").status_code == 404
    draft = shown.rpartition("=")[2]
    assert colleague.post("/payments/bank/upload/", {"account": account.pk, "draft": draft}).status_code == 404
    stored = web.post("/payments/bank/upload/", {"account": account.pk, "draft": draft})["Location"]
    assert not BankLine.objects.exists()
    assert "A Payer" in web.get(stored).content.decode()
    assert "/approve/" not in web.get(stored).content.decode()  # not for the one who uploaded it
    assert f"{stored}approve/" in colleague.get(stored).content.decode()
    web.post(f"{stored}approve/", seen_on(web, stored))
    assert not BankLine.objects.exists()
    assert colleague.post(f"{stored}approve/", seen_on(colleague, stored))["Location"] == stored
    assert BankLine.objects.count() == 1
    assert "A Payer" in web.get(stored).content.decode()


def test_a_statement_is_discarded_with_a_reason(tenant: Any) -> None:
    statement = statement_with_line().statement
    BankStatement.objects.filter(pk=statement.pk).update(state="waiting")
    web, page = officer(tenant, *ALL), f"/payments/bank/{statement.pk}/"
    assert web.get(page).status_code == 200  # its file is gone: it says so and can be discarded
    for reason, state in (("", "waiting"), ("of another year", "rejected")):
        web.post(f"{page}reject/", {"reason": reason})
        assert BankStatement.objects.get().state == state
    assert "of another year" in web.get(page).content.decode()


def test_a_wire_is_marked_as_refused_on_the_withdrawals_page(tenant: Any) -> None:
    person = funded()
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    part = row.parts.get()
    type(part).objects.filter(pk=part.pk).update(state="sending", deposit=None)
    Withdrawal.objects.filter(pk=row.pk).update(state="sending")
    web = officer(tenant, *ALL)
    assert f"/payments/parts/{part.pk}/refused/" in web.get(f"/payments/withdrawals/{row.pk}/").content.decode()
    web.post(f"/payments/parts/{part.pk}/sent/", {"bank_reference": " "})
    web.post(f"/payments/parts/{part.pk}/refused/", {"reason": ""})
    part.refresh_from_db()
    assert part.state == "sending"
    web.post(f"/payments/parts/{part.pk}/refused/", {"reason": "closed"})
    part.refresh_from_db()
    assert part.state == "sending"  # until a second person agrees
    second = officer(tenant, "payments.view", "payments.withdrawal.approve")
    assert second.post(f"/payments/changes/{ProposedChange.objects.get().pk}/approve/").status_code == 302
    part.refresh_from_db()
    assert (part.state, part.failure_text) == ("failed", "closed")


def test_keys_are_shown_by_their_end_only(tenant: Any) -> None:
    account = make_account("stripe", credentials={"secret_key": "sk_test_alpha_1234567890"})
    body = officer(tenant, *ALL).get(f"/payments/providers/{account.pk}/").content.decode()
    assert "…7890" in body
    assert "sk_test_alpha" not in body
    assert f"/webhooks/{account.pk}/" in body


def test_an_export_is_in_the_readers_language_and_read_after_the_request(tenant: Any) -> None:
    deposit_of(funded(), DepositState.CREDITED)
    web = officer(tenant, *ALL)
    web.cookies["language"] = "de"
    answer = web.get("/payments/deposits/export/")
    with override("en"):
        text = b"".join(answer.streaming_content).decode()
    assert "Kunde" in text
    assert "Gutgeschrieben" in text


def test_after_a_decision_the_next_page_links_back_to_it(tenant: Any) -> None:
    person = funded()
    asked, other = (
        withdrawal_request(actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt")
        for _ in range(2)
    )
    web, page = officer(tenant, *ALL), f"/payments/withdrawals/{asked.pk}/"
    answer = web.post(f"{page}check/", seen_on(web, page), follow=True)
    assert answer.request["PATH_INFO"] == f"/payments/withdrawals/{other.pk}/"
    shown = answer.content.decode()
    assert f'href="/payments/withdrawals/{asked.pk}/"><bdi dir="ltr">{asked.reference}</bdi>' in shown


def test_exports_are_guarded_against_formulas(tenant: Any) -> None:
    deposit_of(make_client(first_name="=HYPERLINK(1)", last_name=""))
    answer = officer(tenant, *ALL).get("/payments/deposits/export/")
    text = b"".join(answer.streaming_content).decode()
    assert "'=HYPERLINK(1)" in text
    assert ",=HYPERLINK" not in text.replace("\n", ",")


@pytest.mark.parametrize(
    "path",
    ["/payments/", "/payments/deposits/", "/payments/deposits/export/", "/payments/providers/", "/payments/bank/"],
)
def test_without_the_right_there_is_no_page(tenant: Any, path: str) -> None:
    assert officer(tenant, "wallets.view").get(path).status_code == 403


def test_an_agent_sees_only_own_clients(tenant: Any) -> None:
    person = funded()
    deposit = deposit_of(person)
    asked = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    web = officer(tenant, "payments.view", "payments.withdrawal.propose", reach=Reach.OWN)
    assert deposit.reference not in web.get("/payments/deposits/").content.decode()
    assert web.get(f"/payments/deposits/{deposit.pk}/").status_code == 404
    assert web.get(f"/payments/withdrawals/{asked.pk}/").status_code == 404
    assert web.post(f"/payments/withdrawals/{asked.pk}/check/").status_code == 404
    assert Withdrawal.objects.get(pk=asked.pk).state == "requested"


def test_two_people_decide_in_the_browser(tenant: Any) -> None:
    person = funded()
    asked = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur("50"), iban=IBAN, holder="Lena Vogt"
    )  # fmt: skip
    first, second = officer(tenant, *ALL), officer(tenant, *ALL)
    page = f"/payments/withdrawals/{asked.pk}/"
    first.post(f"{page}check/", seen_on(first, page))
    first.post(f"{page}approve/", seen_on(second, page))
    assert Withdrawal.objects.get(pk=asked.pk).state == "checked"
    second.post(f"{page}approve/", seen_on(second, page))
    assert Withdrawal.objects.get(pk=asked.pk).state == "sending"


def test_a_masked_address_cannot_be_found_letter_by_letter(tenant: Any) -> None:
    person = make_client()
    deposit = deposit_of(person)
    web = officer(tenant, "payments.view", "payments.export")
    Role.objects.update(masks=["email"])
    local = person.email.partition("@")[0]
    for text, found in ((local, False), (person.email[:-1], False), (person.email, True), (deposit.reference, True)):
        for address in ("/payments/deposits/", "/payments/deposits/export/"):
            answer = web.get(address, {"q": text})
            body = answer.getvalue().decode()
            assert (answer.status_code, deposit.reference in body) == (200, found), (address, text)
