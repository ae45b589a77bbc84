"""Limits of deposits, unusual speed, and the source of funds: what is refused in which words, and what is kept back."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils.html import strip_tags
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry, OutboxMessage
from kernel.money import Money
from tenant_apps.clients.models import Client, KycState, Task, TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments.errors import DepositLimitReached, FundsNeeded, TooOften, WithdrawalRefused
from tenant_apps.payments.models import (
    Deposit,
    DepositLimit,
    DepositState,
    FundsRequest,
    FundsThreshold,
    ProviderAccount,
    VelocityRule,
)
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services import deposit_limits, funds
from tenant_apps.payments.services.deposits import deposit_apply, deposit_looked_at, deposit_start
from tenant_apps.payments.services.withdrawals import withdrawal_request

from .support import SYSTEM, client_actor, eur, make_account, make_client, make_rule, staff
from .test_pages import officer, trader
from .test_withdrawals import IBAN

RIGHT = "payments.limits.edit"


@pytest.fixture
def account(tenant: Any) -> ProviderAccount:
    found = make_account(credentials={"secret_key": "sk_test_a_b"})
    make_rule(found, "card", maximum_minor=10**9, minimum_minor=1)
    return found


def start(account: ProviderAccount, person: Client, amount: str, **values: Any) -> Deposit:
    return deposit_start(
        actor=client_actor(person), client=person, amount=eur(amount), offer_key=f"{account.pk}:card", **values
    )


def credit(deposit: Deposit) -> None:
    news = DepositStatus(state=PaymentState.PAID, provider_reference=f"r{deposit.pk}")
    assert deposit_apply(deposit_id=deposit.pk, status=news, actor=SYSTEM) == "credited"


def aged(deposit: Deposit, **ago: float) -> None:
    when = clock.now() - timedelta(**ago)
    Deposit.objects.filter(pk=deposit.pk).update(created_at=when, credited_at=when)


def test_the_tightest_window_decides_and_the_words_say_what_is_left(account: ProviderAccount) -> None:
    DepositLimit.objects.create(currency="EUR", kyc_level=1, day_minor=50_000, week_minor=60_000, total_minor=10**7)
    person = make_client()
    first = start(account, person, "450")
    credit(first)
    with pytest.raises(DepositLimitReached) as refusal:
        start(account, person, "50.01")
    assert "€500.00" in str(refusal.value)
    assert "€50.00" in str(refusal.value)
    start(account, person, "50")
    aged(first, hours=25)
    with pytest.raises(DepositLimitReached) as refusal:
        start(account, person, "100.01")  # 450 + 50 of the week are gone
    assert "€100.00" in str(refusal.value)
    aged(first, days=7, seconds=1)
    start(account, person, "450")
    lines = TimelineEntry.objects.filter(client=person, kind="payments.deposit_kept_from")
    assert lines.count() == 1  # one a day says it


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({"state": "credited", "received_minor": 30_000, "credited_at": 0}, True),
        ({"state": "delayed"}, True),
        ({"state": "authorised"}, True),
        ({"state": "pending"}, True),
        ({"state": "pending", "failure": "declined"}, False),
        ({"state": "pending", "created_at": 31}, False),
        ({"state": "failed"}, False),
        ({"state": "expired"}, False),
        ({"state": "reversed", "received_minor": 30_000, "reversed_minor": 30_000, "credited_at": 0}, False),
        ({"state": "credited", "received_minor": 30_000, "reversed_minor": 30_000, "credited_at": 0}, False),
        ({"state": "reversed", "received_minor": 30_100, "reversed_minor": 100, "credited_at": 0}, True),
        ({"state": "credited", "received_minor": 30_000, "credited_at": 0, "currency": "USD"}, False),
    ],
)
def test_what_counts(account: ProviderAccount, values: dict[str, Any], counts: bool) -> None:
    DepositLimit.objects.create(currency="EUR", kyc_level=0, day_minor=50_000)
    person = make_client()
    for name in ("created_at", "credited_at"):
        if name in values:
            values[name] = clock.now() - timedelta(minutes=values[name])
    row = {"currency": "EUR", "amount_minor": 30_000, "method": "card", **values}
    Deposit.objects.create(client=person, provider_account=account, reference="D1", **row)
    (room,) = deposit_limits.room_of(person, "EUR")
    assert room.left == (eur("200") if counts else eur("500"))


def test_the_highest_level_reached_counts_and_without_a_row_there_is_no_limit(account: ProviderAccount) -> None:
    DepositLimit.objects.create(currency="EUR", kyc_level=0, day_minor=100)
    DepositLimit.objects.create(currency="EUR", kyc_level=2, day_minor=900)
    DepositLimit.objects.create(currency="EUR", kyc_level=3, day_minor=5000)
    levels = [make_client(kyc_level=level) for level in (1, 2, 4)]
    assert [deposit_limits.room_of(one, "EUR")[0].limit.minor for one in levels] == [100, 900, 5000]
    unknown = make_client(kyc_level=5, kyc_state=KycState.SUBMITTED)
    assert deposit_limits.room_of(unknown, "EUR")[0].limit.minor == 100
    assert deposit_limits.room_of(levels[0], "USD") == []


def test_trying_the_same_payment_again_does_not_count_twice(account: ProviderAccount) -> None:
    other = make_account(name="Other")
    make_rule(other, "card", maximum_minor=10**9)
    DepositLimit.objects.create(currency="EUR", kyc_level=0, day_minor=50_000)
    person = make_client()
    first = start(account, person, "400")
    again = deposit_start(
        actor=client_actor(person), client=person, amount=eur("400"), offer_key=f"{other.pk}:card", instead_of=first
    )
    assert again.attempt == first.pk
    with pytest.raises(DepositLimitReached):
        start(account, person, "400")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(1, 40_000), st.sampled_from(["credit", "fail", "leave"])), max_size=12))
def test_started_payments_never_pass_the_limit(account: ProviderAccount, steps: list[tuple[int, str]]) -> None:
    """Whatever is started and what becomes of it: all that came and may still come is within the limit."""
    DepositLimit.objects.all().delete()
    DepositLimit.objects.create(currency="EUR", kyc_level=0, day_minor=60_000)
    person = make_client()
    total = 0
    for minor, then in steps:
        fits = total + minor <= 60_000
        try:
            row = start(account, person, str(Money(minor, "EUR").amount))
        except DepositLimitReached:
            assert not fits
            continue
        assert fits
        if then == "fail":
            deposit_apply(
                deposit_id=row.pk, status=DepositStatus(state=PaymentState.FAILED, provider_reference=""), actor=SYSTEM
            )
        else:
            total += minor
            if then == "credit":
                credit(row)
    (room,) = deposit_limits.room_of(person, "EUR")
    assert room.used.minor == total <= 60_000


@pytest.mark.parametrize(
    ("measure", "history"),
    [
        ("attempts", {}),
        ("declined", {"state": "failed", "failure": "insufficient_funds"}),
        ("instruments", {"state": "failed", "source": lambda number: f"Visa {number}"}),
    ],
)
@pytest.mark.parametrize("action", ["refuse", "review"])
def test_too_many_in_a_window(account: ProviderAccount, measure: str, history: dict[str, Any], action: str) -> None:
    VelocityRule.objects.create(measure=measure, most=3, hours=2, action=action)
    person = make_client()

    def before(number: int, minutes: int) -> None:
        values = {name: value(number) if isinstance(value, Callable) else value for name, value in history.items()}  # type: ignore[arg-type]
        Deposit.objects.create(
            client=person, provider_account=account, reference=f"D{person.number}{number}", currency="EUR",
            amount_minor=500, method="card", created_at=clock.now() - timedelta(minutes=minutes), **values,
        )  # fmt: skip

    before(1, 121)
    before(2, 60)
    before(3, 30)
    passing = start(account, person, "5")  # two of three in the window
    assert passing.attention == ""
    Deposit.objects.filter(pk=passing.pk).delete()
    before(4, 20)
    if action == "refuse":
        with pytest.raises(TooOften) as refusal:
            start(account, person, "5")
        assert "2 hours" in str(refusal.value)
        assert TimelineEntry.objects.filter(client=person, kind="payments.deposit_kept_from").count() == 1
    else:
        flagged = start(account, person, "5")
        assert flagged.attention == "velocity"
        deposit_looked_at(actor=staff("payments.deposit.manage"), deposit_id=flagged.pk)
        flagged.refresh_from_db()
        assert flagged.attention == ""


def test_pages_left_and_run_out_are_no_declines(account: ProviderAccount) -> None:
    VelocityRule.objects.create(measure="declined", most=1, hours=1, action="refuse")
    person = make_client()
    for number, failure in enumerate(("cancelled", "expired", "refused", "closed")):
        Deposit.objects.create(
            client=person, provider_account=account, reference=f"D{number}", currency="EUR", amount_minor=500,
            method="card", state=DepositState.FAILED, failure=failure,
        )  # fmt: skip
    deposit = start(account, person, "5")
    assert (deposit.state, deposit.attention) == (DepositState.CREATED, "")
    assert not TimelineEntry.objects.filter(client=person, kind="payments.deposit_kept_from").exists()


def test_above_the_threshold_the_source_is_asked_for_once_and_the_rest_kept_back(account: ProviderAccount) -> None:
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000, action="hold")
    person = make_client(owner_id=staff().id)
    actor = client_actor(person)
    credit(start(account, person, "1000"))
    assert funds.request_of(person.pk) is None  # at the threshold, not above it
    for amount in ("200", "100"):
        credit(start(account, person, amount))
    row = FundsRequest.objects.get(client=person)
    assert (row.state, row.total) == ("asked", eur("1200"))
    assert OutboxMessage.objects.filter(name="payments.source_of_funds_needed").count() == 1
    assert Task.objects.filter(client=person).count() == 1
    assert funds.kept_back(person.pk, "EUR") == eur("300")
    make_account("bank_wire", settings={"iban": IBAN})
    wire = {"iban": IBAN, "holder": person.name}
    with pytest.raises(WithdrawalRefused) as refusal:
        withdrawal_request(actor=actor, client=person, amount=eur("1000.01"), **wire)
    assert refusal.value.data["check"] == "funds_source"
    withdrawal_request(actor=actor, client=person, amount=eur("1000"), **wire)
    with pytest.raises(WithdrawalRefused):
        withdrawal_request(actor=actor, client=person, amount=eur("0.01"), **wire)
    funds.decide(actor=staff("kyc.decide"), request_id=row.pk, accepted=True)
    assert funds.kept_back(person.pk, "EUR") == eur("0")
    withdrawal_request(actor=actor, client=person, amount=eur("300"), **wire)
    assert ledger.broken_invariants() == {}


def test_a_broker_may_refuse_instead(account: ProviderAccount) -> None:
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000, action="refuse")
    person = make_client()
    credit(start(account, person, "900"))
    start(account, person, "100")
    with pytest.raises(FundsNeeded):
        start(account, person, "0.01")  # what was begun may still be paid
    row = FundsRequest.objects.get(client=person)  # asked for all the same
    assert funds.kept_back(person.pk, "EUR") == eur("0")
    funds.decide(actor=staff("kyc.decide"), request_id=row.pk, accepted=True)
    start(account, person, "0.01")


def test_what_is_credited_while_it_is_added_up_counts(account: ProviderAccount) -> None:
    """A webhook credits beside the request that begins another: neither waits for the other."""
    FundsThreshold.objects.create(currency="EUR", amount_minor=100_000, action="refuse")
    person = make_client()
    begun = start(account, person, "900")
    left = [Deposit.objects.filter(pk=begun.pk)]

    def credited_after(execute: Any, sql: str, *more: Any) -> Any:
        found = execute(sql, *more)
        if left and '"payments_deposit"' in sql:
            left.pop().update(state=DepositState.CREDITED, received_minor=90_000, credited_at=clock.now())
        return found

    with connection.execute_wrapper(credited_after), pytest.raises(FundsNeeded):
        funds.check(person, eur("200"))
    assert not left


def paper() -> SimpleUploadedFile:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(out, format="PNG")
    return SimpleUploadedFile("payslip.png", out.getvalue(), content_type="image/png")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_client_shows_it_and_compliance_decides(account: ProviderAccount, tenant: Any, language: str) -> None:
    FundsThreshold.objects.create(currency="EUR", amount_minor=10_000)
    person = make_client()
    credit(start(account, person, "200"))
    web = trader(tenant, person)
    web.cookies["language"] = language
    assert "/cashier/funds/" in web.get("/cashier/").content.decode()
    assert web.get("/cashier/funds/").status_code == 200
    assert web.post("/cashier/funds/", {"origin": "salary"}).status_code == 422  # no paper
    assert web.post("/cashier/funds/", {"origin": "salary", "text": "My job", "file": paper()}).status_code == 302
    row = FundsRequest.objects.get(client=person)
    assert (row.state, row.origin) == ("given", "salary")
    assert web.get("/cashier/funds/").status_code == 200
    desk = officer(tenant, "kyc.view", "kyc.decide")
    desk.cookies["language"] = language
    assert str(row.pk) in desk.get("/payments/funds/").content.decode()
    assert "My job" in desk.get(f"/payments/funds/{row.pk}/").content.decode()
    assert desk.get(f"/payments/funds/{row.pk}/file/")["Content-Type"] == "image/webp"
    assert AuditEntry.objects.filter(action="payments.funds_file_viewed").count() == 1
    desk.post(f"/payments/funds/{row.pk}/", {"decision": "more", "reason": "The last page is missing"})
    row.refresh_from_db()
    assert row.state == "refused"
    assert "The last page is missing" in web.get("/cashier/funds/").content.decode()
    assert web.post("/cashier/funds/", {"origin": "salary"}).status_code == 302  # the paper is there already
    desk.post(f"/payments/funds/{row.pk}/", {"decision": "accept"})
    row.refresh_from_db()
    assert row.state == "accepted"
    assert "/cashier/funds/" not in web.get("/cashier/").content.decode()
    assert officer(tenant, "payments.view").get(f"/payments/funds/{row.pk}/").status_code == 403
    with pytest.raises(Forbidden):
        funds.decide(actor=staff("payments.view"), request_id=row.pk, accepted=True)


def test_residents_under_a_rule_pack_have_the_narrower_limit_of_each_window(account: ProviderAccount) -> None:
    DepositLimit.objects.create(currency="EUR", kyc_level=0, day_minor=900, total_minor=5_000)
    DepositLimit.objects.create(
        currency="EUR", kyc_level=1, pack="fca", day_minor=1_000, week_minor=2_000, total_minor=4_000
    )
    DepositLimit.objects.create(currency="EUR", kyc_level=4, pack="fca", day_minor=1)
    DepositLimit.objects.create(currency="EUR", kyc_level=0, pack="esma", day_minor=1)
    british, elsewhere = make_client(country="GB", kyc_level=2), make_client(country="BR", kyc_level=2)
    found = {room.window: room.limit.minor for room in deposit_limits.room_of(british, "EUR")}
    assert found == {"day": 900, "week": 2_000, "total": 4_000}
    found = {room.window: room.limit.minor for room in deposit_limits.room_of(elsewhere, "EUR")}
    assert found == {"day": 900, "total": 5_000}
    with pytest.raises(DepositLimitReached):
        deposit_limits.check(british, Money(950, "EUR"))
    DepositLimit.objects.filter(pack="").delete()
    assert deposit_limits.room_of(elsewhere, "EUR") == []
    with pytest.raises(DepositLimitReached):
        deposit_limits.check(british, Money(1_001, "EUR"))


def test_limits_that_cannot_be_are_refused(tenant: Any) -> None:
    chief = staff(RIGHT)
    for row in (
        DepositLimit(currency="EUR", kyc_level=1),
        DepositLimit(currency="EUR", kyc_level=1, day_minor=500, week_minor=400),
        DepositLimit(currency="EUR", kyc_level=1, day_minor=0),
        DepositLimit(currency="EUR", kyc_level=1, day_minor=500, pack="offshore"),  # protects nobody
        FundsThreshold(currency="EUR", amount_minor=0),
        VelocityRule(measure="attempts", most=0, hours=1, action="refuse"),
    ):
        with pytest.raises(Invalid):
            deposit_limits.row_save(actor=chief, row=row)
    deposit_limits.row_save(actor=chief, row=DepositLimit(currency="EUR", kyc_level=1, day_minor=500))
    with pytest.raises(Invalid):
        deposit_limits.row_save(actor=chief, row=DepositLimit(currency="EUR", kyc_level=1, day_minor=700))
    with pytest.raises(Forbidden):
        deposit_limits.row_save(actor=staff("payments.view"), row=FundsThreshold(currency="USD", amount_minor=1))
    assert AuditEntry.objects.filter(action="payments.deposit_limits_saved").count() == 1


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_office_sets_changes_and_removes_them(tenant: Any, language: str) -> None:
    web = officer(tenant, RIGHT)
    web.cookies["language"] = language
    base = "/payments/deposit-limits/"
    assert web.get(base).status_code == 200
    sent = {"currency": "KWD", "kyc_level": "1", "day": "10.500", "week": "٧٥٠", "month": "", "total": ""}
    assert web.post(f"{base}levels/new/", sent).status_code == 302
    assert web.post(f"{base}levels/new/", sent).status_code == 422
    limit = DepositLimit.objects.get()
    assert (limit.of("day"), limit.of("week"), limit.of("total")) == (Money(10_500, "KWD"), Money(750_000, "KWD"), None)
    speed = {"measure": "declined", "most": "4", "hours": "2", "action": "refuse"}
    assert web.post(f"{base}speed/new/", speed).status_code == 302
    assert web.post(f"{base}sources/new/", {"currency": "EUR", "amount": "15000", "action": "hold"}).status_code == 302
    rule, threshold = VelocityRule.objects.get(), FundsThreshold.objects.get()
    body = strip_tags(web.get(base).content.decode())
    assert "10.500" in body
    assert web.post(f"{base}levels/new/", {**sent, "pack": "fca"}).status_code == 302
    assert "United Kingdom (FCA)" in strip_tags(web.get(base).content.decode())
    assert web.post(f"{base}levels/new/", {**sent, "pack": "moon"}).status_code == 422
    DepositLimit.objects.filter(pack="fca").delete()
    for path, row in (("levels", limit), ("speed", rule), ("sources", threshold)):
        assert web.get(f"{base}{path}/{row.pk}/").status_code == 200
        assert web.get(f"{base}{path}/new/").status_code == 200
        assert web.post(f"{base}{path}/{row.pk}/", {"remove": "1"}).status_code == 302
        assert not type(row).objects.exists()
    assert officer(tenant, "payments.view").get(base).status_code == 403
