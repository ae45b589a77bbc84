"""What a withdrawal costs: shown before, stored with the request, held and kept with each part, given back with it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.html import strip_tags
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.errors import Forbidden, Invalid
from kernel.ids import uuid7
from kernel.models import AuditEntry, OutboxMessage
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.clients.reading import zone_of
from tenant_apps.ledger import selectors as ledger
from tenant_apps.payments import figures
from tenant_apps.payments.errors import WithdrawalRefused
from tenant_apps.payments.models import (
    Deposit,
    PartState,
    ProposedChange,
    ProviderAccount,
    Withdrawal,
    WithdrawalFee,
    WithdrawalPart,
    WithdrawalState,
)
from tenant_apps.payments.ports import PaymentState, RefundState, RefundStatus
from tenant_apps.payments.services import posting
from tenant_apps.payments.services.batches import payout_batch_file, payout_batch_make, payout_batch_release
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.payments.services.deposits import deposit_start
from tenant_apps.payments.services.parts import part_apply
from tenant_apps.payments.services.sources import plan
from tenant_apps.payments.services.withdrawal_fees import Way, fee_for, fee_of, fees_in_force, withdrawal_fee_save
from tenant_apps.payments.services.withdrawals import (
    withdrawal_approve,
    withdrawal_cancel,
    withdrawal_check,
    withdrawal_reject,
    withdrawal_request,
)
from tenant_apps.wallets.statements import period_of, statement_of

from .support import SYSTEM, client_actor, eur, make_account, make_client, make_destination, make_rule, staff
from .test_exactly_once import pending_deposit
from .test_money_states import cleared, house, tell
from .test_pages import officer, trader
from .test_withdrawals import IBAN, amounts, funded, requested


def fee(account: ProviderAccount, method: str = "wire", currency: str = "EUR", **values: Any) -> WithdrawalFee:
    return WithdrawalFee.objects.create(provider_account=account, method=method, currency=currency, **values)


def bank() -> ProviderAccount:
    return ProviderAccount.objects.get(kind="bank_wire")


def charged(amount: str = "500", **values: Any) -> Client:
    """A client with money and a bank that charges for a wire: five euros and one per cent unless it says so."""
    person = funded(amount=amount)
    fee(bank(), **(values or {"fixed_minor": 500, "percent": "1"}))
    return person


def sent(row: Withdrawal) -> WithdrawalPart:
    withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    part = row.parts.get()
    part_sent_by_hand(actor=staff(), part_id=part.pk, bank_reference="B1")
    return row.parts.get()


def said(part: WithdrawalPart, state: RefundState, *, asked: bool = False) -> str:
    status = RefundStatus(state=state, reference="re_1", amount=part.amount)
    return part_apply(part_id=part.pk, status=status, actor=SYSTEM, asked=asked)


def earned(person: Client, amount: str) -> None:
    """By trading; or lost, where it is negative."""
    purse = posting.wallet_ensure(client_id=person.pk, currency="EUR")
    trading = posting.account_ensure(owner=posting.HOUSE, kind="trading_pnl", currency="EUR")
    legs = [posting.Leg(trading, -eur(amount)), posting.Leg(purse, eur(amount))]
    posting.post(kind="test", key=str(uuid7()), actor=SYSTEM, legs=legs)


# --- how much -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "values", "asked", "kept"),
    [
        ("EUR", {"fixed_minor": 250, "percent": "1.5"}, 10_000, 400),
        ("EUR", {"percent": "1"}, 101, 2),  # its share is rounded up to the cent
        ("EUR", {"percent": "1", "minimum_minor": 500}, 10_000, 500),
        ("EUR", {"fixed_minor": 100, "percent": "2", "maximum_minor": 1500}, 100_000, 1500),
        ("JPY", {"percent": "0.7"}, 10_001, 71),  # no decimals: a whole yen
        ("KWD", {"fixed_minor": 1_250, "percent": "0.5"}, 12_345, 1_312),  # three of them: 1.250 and 0.061725
        ("EUR", {}, 10_000, 0),
        ("EUR", {"maximum_minor": 0, "percent": "5"}, 10_000, 0),
    ],
)
def test_fixed_share_least_and_most(currency: str, values: dict[str, Any], asked: int, kept: int) -> None:
    row = WithdrawalFee(currency=currency, **values)
    assert fee_of(row, Money(asked, currency)).minor == kept


@settings(max_examples=300, deadline=None)
@given(
    fixed=st.integers(0, 3_000), percent=st.decimals(0, 50, places=3), least=st.integers(0, 4_000),
    over=st.none() | st.integers(0, 5_000), step=st.sampled_from([1, 10, 100]), wanted=st.integers(1, 200_000),
    most=st.lists(st.integers(1, 90_000), max_size=4),
)  # fmt: skip
def test_what_is_taken_is_what_is_sent_and_kept_to_the_unit(
    fixed: int, percent: Decimal, least: int, over: int | None, step: int, wanted: int, most: list[int]
) -> None:
    row = WithdrawalFee(
        currency="KWD", fixed_minor=fixed, percent=percent, minimum_minor=least,
        maximum_minor=None if over is None else max(least, fixed) + over,
    )  # fmt: skip
    way, left = Way(row, "KWD"), wanted
    for limit in [*(one - one % step for one in most), None]:
        gross, out = way.take(left, most=limit, step=step)
        assert 0 <= out <= gross <= left
        assert out % step == 0
        assert limit is None or out <= limit
        left -= gross
    assert way.gross == wanted - left
    kept = fee_of(row, Money(way.gross, "KWD")).minor if way.gross else 0
    assert (
        kept - step < way.gross - way.sent <= kept
    )  # never more than the rule says of all of it, less by a step at most
    if left:  # what is not taken cannot be sent: the fee would eat it, or the provider cannot say it
        assert way.more(left) < step or left < step + 1


def test_the_first_fee_that_fits_the_way_and_the_client_counts(tenant: Any) -> None:
    account, other = make_account("bank_wire"), make_account("stripe")
    fee(account, countries=["AT"], fixed_minor=1, position=1)
    fee(account, kyc_level=2, fixed_minor=2, position=2)
    fee(account, fixed_minor=3, position=3, enabled=False)
    fee(account, fixed_minor=4, position=4)
    fee(account, currency="USD", fixed_minor=5, position=0)
    fee(other, "card", fixed_minor=6, position=0)

    def found(**values: Any) -> int | None:
        row = fee_for(fees_in_force("EUR"), make_client(**values), account.pk, "wire")
        return row.fixed_minor if row else None

    assert (found(country="AT"), found(kyc_level=2), found()) == (1, 2, 4)
    assert fee_for(fees_in_force("EUR"), make_client(), other.pk, "wire") is None


# --- asked for, held, kept, given back ------------------------------------------------------------------------------


def test_the_net_is_sent_and_the_fee_kept_when_it_is_paid(tenant: Any) -> None:
    person = charged()
    row = requested(person, "200")
    part = row.parts.get()
    assert (row.fee, row.net, part.amount, part.fee) == (eur("7"), eur("193"), eur("193"), eur("7"))
    assert amounts(person) == (eur("500"), eur("200"))
    assert house("fees") == eur("0")
    WithdrawalFee.objects.update(fixed_minor=9_000)  # what was asked for before keeps what was shown
    sent(row)
    row.refresh_from_db()
    assert (row.state, row.paid, row.fee_taken) == (WithdrawalState.PAID, eur("193"), eur("7"))
    assert (amounts(person), house("fees")) == ((eur("300"), eur("0")), eur("7"))
    assert ledger.balance(posting.clearing(bank(), "EUR")).balance == eur("-307")
    told = OutboxMessage.objects.get(name="payments.withdrawal_paid").payload
    assert (told["amount"]["minor"], told["fee"]["minor"]) == (19_300, 700)
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("how", ["cancelled", "rejected", "failed", "returned"])
def test_what_is_not_paid_gives_all_back(tenant: Any, how: str) -> None:
    person = charged()
    row = requested(person, "200")
    if how == "cancelled":
        withdrawal_cancel(actor=client_actor(person), withdrawal_id=row.pk)
    elif how == "rejected":
        withdrawal_reject(actor=staff(), withdrawal_id=row.pk, reason="origin")
    elif how == "failed":
        withdrawal_check(actor=staff(), withdrawal_id=row.pk)
        withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
        part_refused_by_bank(actor=staff(), part_id=row.parts.get().pk, reason="closed")
    else:
        assert said(sent(row), RefundState.FAILED) == "returned"
    row.refresh_from_db()
    assert (amounts(person), house("fees")) == ((eur("500"), eur("0")), eur("0"))
    assert (row.paid, row.fee_taken, row.fee) == (eur("0"), eur("0"), eur("7"))
    assert ledger.broken_invariants() == {}


def by_card() -> tuple[Deposit, Withdrawal, WithdrawalPart]:
    """500 that came by card, 300 of which are on their way back for a fee of ten."""
    one = pending_deposit(payment_reference="pi_1")
    tell(one, PaymentState.PAID)
    fee(one.provider_account, "card", fixed_minor=1_000)
    row = withdrawal_request(actor=client_actor(one.client), client=one.client, amount=eur("300"))
    withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    return one, row, row.parts.get()


def test_paid_late_after_a_failure_takes_the_fee_again_and_gives_it_back_again(tenant: Any) -> None:
    one, row, part = by_card()
    said(part, RefundState.FAILED)
    assert amounts(one.client) == (eur("500"), eur("0"))
    for _ in range(2):
        assert said(part, RefundState.SUCCEEDED, asked=True) == "paid"
        row.refresh_from_db()
        assert (amounts(one.client), house("fees"), cleared(one)) == ((eur("200"), eur("0")), eur("10"), eur("-210"))
        assert (row.state, row.paid, row.fee_taken) == (WithdrawalState.PAID, eur("290"), eur("10"))
        assert said(part, RefundState.FAILED) == "returned"
        assert (amounts(one.client), house("fees"), cleared(one)) == ((eur("500"), eur("0")), eur("0"), eur("-500"))


def test_paid_late_with_an_empty_wallet_the_house_carries_the_fee_too(tenant: Any) -> None:
    one, _, part = by_card()
    said(part, RefundState.FAILED)
    earned(one.client, "-495")
    said(part, RefundState.SUCCEEDED, asked=True)
    assert (amounts(one.client)[0], house("fees"), house("suspense")) == (eur("0"), eur("10"), eur("-295"))
    assert AuditEntry.objects.get(action="payments.paid_after_failure").after["uncovered"] == "295.00 EUR"
    assert ledger.broken_invariants() == {}


# --- split over sources ---------------------------------------------------------------------------------------------


def two_sources() -> Deposit:
    """100 by card, of which 98 may still go back; 500 by wire, that go nowhere but to a bank account."""
    one = pending_deposit(payment_reference="pi_1", amount_minor=10_000)
    tell(one, PaymentState.PAID)
    make_account("bank_wire", settings={"iban": IBAN})
    make_destination(one.client)
    return one


def test_each_way_has_its_own_fee_and_a_source_gets_all_it_may(tenant: Any) -> None:
    one = two_sources()
    more = pending_deposit(client=one.client, payment_reference="pi_2", amount_minor=5_000)
    type(more).objects.filter(pk=more.pk).update(provider_account=one.provider_account)
    more.refresh_from_db()
    tell(more, PaymentState.PAID)
    earned(one.client, "250")
    fee(one.provider_account, "card", fixed_minor=200)
    fee(bank(), percent="1")
    made = plan(one.client, eur("300"))
    told = [(share.deposit.pk if share.deposit else None, share.sent.minor, share.fee.minor) for share in made.shares]
    # The fixed fee of cards once, with the first of them; both get back all that came by them, the rest goes by wire.
    assert told == [(one.pk, 10_000, 200), (more.pk, 5_000, 0), (None, 14_652, 148)]
    assert (made.amount, made.fee, made.sent, made.uncovered) == (eur("300"), eur("3.48"), eur("296.52"), eur("0"))


def test_who_pays_out_is_not_looked_for_where_all_goes_back(tenant: Any, django_assert_num_queries: Any) -> None:
    one = two_sources()
    with django_assert_num_queries(2):  # fees and deposits
        (back,) = plan(one.client, eur("100")).shares
    assert back.deposit == one


def test_what_counts_of_a_source_is_what_was_sent_to_it(tenant: Any) -> None:
    one = two_sources()
    fee(one.provider_account, "card", percent="2")
    row = withdrawal_request(actor=client_actor(one.client), client=one.client, amount=eur("100"))
    assert row.parts.get().amount == eur("98")
    earned(one.client, "50")
    (back, rest) = plan(one.client, eur("50")).shares
    assert (back.sent, back.amount, rest.deposit) == (
        eur("2"),
        eur("2.05"),
        None,
    )  # 2.04 leave 1.99 after a fee rounded up


def test_of_a_split_what_fails_gives_its_own_fee_back(tenant: Any) -> None:
    one = two_sources()
    earned(one.client, "100")
    fee(one.provider_account, "card", fixed_minor=200)
    fee(bank(), fixed_minor=500)
    row = withdrawal_request(
        actor=client_actor(one.client), client=one.client, amount=eur("150"), iban=IBAN, holder="Lena Vogt"
    )
    withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    card, wire = row.parts.exclude(deposit=None).get(), row.parts.get(deposit=None)
    assert ((card.amount, card.fee), (wire.amount, wire.fee)) == ((eur("100"), eur("2")), (eur("43"), eur("5")))
    said(card, RefundState.SUCCEEDED)
    part_refused_by_bank(actor=staff(), part_id=wire.pk, reason="closed")
    row.refresh_from_db()
    assert (row.state, row.paid, row.fee_taken, row.fee) == (WithdrawalState.PAID, eur("100"), eur("2"), eur("7"))
    assert (amounts(one.client), house("fees")) == ((eur("98"), eur("0")), eur("2"))


def test_a_fee_that_would_take_all_is_refused_in_words_and_goes_round_no_source(tenant: Any) -> None:
    one = two_sources()
    fee(one.provider_account, "card", fixed_minor=500)  # the wire costs nothing
    for asked in ("4.99", "5"):
        with pytest.raises(WithdrawalRefused, match="would take all") as refused:
            withdrawal_request(
                actor=client_actor(one.client), client=one.client, amount=eur(asked), iban=IBAN, holder="Lena Vogt"
            )
        assert (refused.value.field, refused.value.data["check"]) == ("amount", "fee")
    assert amounts(one.client) == (eur("100"), eur("0"))
    row = withdrawal_request(actor=client_actor(one.client), client=one.client, amount=eur("5.01"))
    assert (row.fee, row.net) == (eur("5"), eur("0.01"))


def test_no_row_keeps_more_than_its_amount(tenant: Any) -> None:
    row = requested(charged(), "200")
    for values in ({"fee_minor": 20_000}, {"fee_taken_minor": 701}, {"fee_minor": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Withdrawal.objects.filter(pk=row.pk).update(**values)


# --- shown before, and on every page after --------------------------------------------------------------------------


def test_the_client_is_shown_it_before_and_pays_nothing_unseen(tenant: Any) -> None:
    person = charged(fixed_minor=500, percent="1", passed_on_fixed_minor=300)
    web = trader(tenant, person)
    form = {"currency": "EUR", "amount": "200", "iban": IBAN, "holder": "Lena Vogt", "key": "k"}
    quote = web.get("/cashier/withdraw/", {**form, "part": "quote"}, headers={"HX-Request": "true"}).content.decode()
    for words in ('name="fee" value="700"', "€7.00", "€193.00", "€3.00"):
        assert words in quote
    unseen = web.post("/cashier/withdraw/", form)  # no script: nothing was shown yet
    assert unseen.status_code == 422
    assert 'name="fee" value="700"' in unseen.content.decode()
    assert not Withdrawal.objects.exists()
    WithdrawalFee.objects.update(fixed_minor=600)
    assert web.post("/cashier/withdraw/", {**form, "fee": "700"}).status_code == 422
    WithdrawalFee.objects.update(fixed_minor=400)  # cheaper meanwhile is no reason to ask again
    answer = web.post("/cashier/withdraw/", {**form, "fee": "700"})
    assert answer.status_code == 302
    row = Withdrawal.objects.get()
    assert (row.fee, row.net, row.passed_on) == (eur("6"), eur("194"), eur("3"))
    page = strip_tags(web.get(answer["Location"]).content.decode())
    assert "€6.00" in page
    assert "€194.00" in page
    small = web.get("/cashier/withdraw/", {**form, "amount": "3", "part": "quote"}, headers={"HX-Request": "true"})
    assert "would take all" in small.content.decode()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_office_sees_both_fees_apart(tenant: Any, language: str) -> None:
    person = charged(fixed_minor=500, passed_on_fixed_minor=300)
    row = requested(person, "200")
    sent(row)
    web = officer(tenant, "payments.view", "payments.export", "payments.provider.edit", "wallets.view")
    web.cookies["language"] = language
    page = web.get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert "195.00" in page
    assert "5.00" in page
    for path in (f"/payments/providers/{bank().pk}/", f"/payments/providers/{bank().pk}/fees/",
                 f"/payments/providers/fees/{WithdrawalFee.objects.get().pk}/"):  # fmt: skip
        assert web.get(path).status_code == 200, path
    assert "5.00" in strip_tags(web.get("/payments/figures/?way=out").content.decode()).partition("EUR")[2]
    period = figures.period_of("7", "", "")
    (out,) = figures.paid_out(staff(), period)
    assert (out.count, out.sent, out.fees, out.passed_on) == (1, eur("195"), eur("5"), eur("3"))
    exported = b"".join(web.get("/payments/withdrawals/export/?format=csv").streaming_content).decode()
    line = next(one for one in exported.splitlines() if row.reference in one)
    assert all(amount in line for amount in ("200.00", "195.00", "5.00"))


def test_a_statement_says_how_much_of_it_was_the_fee(tenant: Any) -> None:
    person = charged()
    sent(requested(person, "200"))
    found = statement_of(person, "EUR", period_of({}, zone_of(person)))
    assert found is not None
    last = list(found.lines())[-1]
    assert (last.amount, "€7.00" in last.words.title) == (eur("-200"), True)


def test_what_a_provider_charges_the_payer_on_top_is_shown_apart_and_not_booked(tenant: Any) -> None:
    person = make_client()
    account = make_account("stripe", credentials={"secret_key": "sk_test_a_b"})
    make_rule(account, "card", fee_percent="1.5", passed_on_percent="2", passed_on_fixed_minor=30)
    key = f"{account.pk}:card"
    quote = trader(tenant, person).get(
        "/cashier/", {"part": "quote", "amount": "100", "method": key}, headers={"HX-Request": "true"}
    ).content.decode()  # fmt: skip
    assert all(words in quote for words in ("€1.50", "€98.50", "€2.30"))
    row = deposit_start(actor=client_actor(person), client=person, amount=eur("100"), offer_key=key)
    assert (row.fee, row.passed_on) == (eur("1.50"), eur("2.30"))
    tell(row, PaymentState.PAID)
    assert (amounts(person)[0], house("fees")) == (eur("98.50"), eur("1.50"))
    web = officer(tenant, "payments.view", "payments.provider.edit", "wallets.view")
    assert "€2.30" in web.get(f"/payments/deposits/{row.pk}/").content.decode()
    asked = {"currency": "EUR", "country": "DE", "amount": "100", "level": "1"}
    assert "€2.30" in web.get("/payments/routing/", asked).content.decode()
    assert "passed_on_percent" in web.get(f"/payments/providers/rules/{row.rule_id}/").content.decode()


def test_a_payment_file_orders_the_net(tenant: Any) -> None:
    person = charged()
    ProviderAccount.objects.update(settings={"iban": IBAN, "holder": "Broker", "bic": "X", "bank": "Bank"})
    row = requested(person, "200")
    withdrawal_check(actor=staff(), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(), withdrawal_id=row.pk)
    batch = payout_batch_make(
        actor=staff(), account=bank(), currency="EUR", part_ids=[row.parts.get().pk], execution_on=clock.today()
    )
    assert batch.total == eur("193")
    payout_batch_release(actor=staff(), batch_id=batch.pk)
    assert b'<InstdAmt Ccy="EUR">193.00</InstdAmt>' in payout_batch_file(actor=staff(), batch_id=batch.pk)[1]


def test_it_is_set_by_two_people_where_rules_of_methods_are_set(tenant: Any) -> None:
    account = make_account("bank_wire", currencies=["EUR"])
    one, two = (officer(tenant, "payments.provider.edit", "payments.view") for _ in range(2))
    values = {
        "method": "wire", "currency": "KWD", "countries": "de at", "kyc_level": "1", "fixed": "1.250", "percent": "0.5",
        "minimum": "2", "maximum": "10", "passed_on_fixed": "3", "passed_on_percent": "", "position": "3", "enabled": "on",
    }  # fmt: skip
    assert one.post(f"/payments/providers/{account.pk}/fees/", values).status_code == 302
    assert not WithdrawalFee.objects.exists()
    waiting = ProposedChange.objects.get()
    shown = strip_tags(two.get("/payments/changes/").content.decode())
    assert waiting.title in shown
    assert "1.250" in shown
    one.post(f"/payments/changes/{waiting.pk}/approve/")
    assert not WithdrawalFee.objects.exists()
    two.post(f"/payments/changes/{waiting.pk}/approve/")
    row = WithdrawalFee.objects.get()
    assert (row.fixed_minor, row.minimum_minor, row.maximum_minor, row.passed_on_fixed_minor) == (
        1_250,
        2_000,
        10_000,
        3_000,
    )
    assert (row.countries, row.percent, row.kyc_level) == (["DE", "AT"], Decimal("0.5"), 1)
    again = one.post(f"/payments/providers/fees/{row.pk}/", {**values, "maximum": "1"})
    assert again.status_code == 422
    assert one.post(f"/payments/providers/fees/{row.pk}/", {**values, "method": "card"}).status_code == 422
    other = one.get(f"/payments/providers/fees/{row.pk}/", {"currency": "JPY"}).content.decode()
    assert 'value="JPY" selected' in other
    assert "1.250" not in other


def test_only_who_may_set_providers_sets_it_and_only_what_can_be(tenant: Any) -> None:
    account = make_account("bank_wire")
    with pytest.raises(Forbidden):
        withdrawal_fee_save(actor=staff("payments.limits.edit"), row=fee(account))
    for values in ({"method": "card"}, {"percent": Decimal(100)}, {"fixed_minor": 5, "maximum_minor": 4}):
        row = WithdrawalFee(provider_account=account, method="wire", currency="EUR")
        for name, value in values.items():
            setattr(row, name, value)
        with pytest.raises(Invalid):
            withdrawal_fee_save(actor=staff(), row=row)
    web = officer(tenant, "payments.view")
    assert web.get(f"/payments/providers/{account.pk}/fees/").status_code == 403
    assert web.get(f"/payments/providers/fees/{WithdrawalFee.objects.get().pk}/").status_code == 403


def test_parts_that_are_planned_hold_their_fee_too(tenant: Any) -> None:
    row = requested(charged(), "200")
    assert {check["code"]: check["good"] for check in withdrawal_check(actor=staff(), withdrawal_id=row.pk).checks}[
        "funds"
    ]
    assert row.parts.filter(state=PartState.PLANNED).get().gross == eur("200")
