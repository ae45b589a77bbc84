"""The API as the official client and bare HTTP see it."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
import stripe

from sandbox.stripe.tests.conftest import Merchant
from sandbox.tests.support import Sandbox, until

FORM = (
    "mode=payment&success_url=http%3A%2F%2Fb.localhost%2Fok&line_items[0][quantity]=1"
    "&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=1000"
    "&line_items[0][price_data][product_data][name]=Deposit"
)


def error_of(answer: httpx.Response) -> Any:
    return answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types", "parameter_unknown"),
        ({"line_items": [{"price_data": {"unit_amount": 1}}]}, "line_items[0][price_data][currency]",
         "parameter_missing"),
        ({"mode": "gift"}, "mode", None),
        ({"locale": "ar"}, "locale", None),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"expires_at": 1}, "expires_at", None),
        ({"client_reference_id": ""}, "client_reference_id", "parameter_invalid_empty"),
        ({"customer": "cus_nobody"}, "customer", "resource_missing"),
        ({"customer_email": "nobody"}, "customer_email", "email_invalid"),
        ({"success_url": "paid.html"}, "success_url", "url_invalid"),
        ({"metadata": {"k" * 41: "v"}}, f"metadata[{'k' * 41}]", None),
        ({"allowed_payment_method_types": ["paypal"]}, "allowed_payment_method_types", None),
        ({"expand": ["merchant"]}, "expand", None),
    ],
)  # fmt: skip
def test_a_session_request_the_api_would_refuse_is_refused(
    merchant: Merchant, change: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.session(**change)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert merchant.api.checkout.sessions.list().data == []


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [("eur", 49, "amount_too_small"), ("usd", 100_000_000, "amount_too_large"), ("kwd", 10_005, None)],
)
def test_amounts_the_api_would_refuse(merchant: Merchant, currency: str, amount: int, code: str | None) -> None:
    item = {
        "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "D"}},
        "quantity": 1,
    }
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.session(line_items=[item])
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("currency", "allowed", "offered"),
    [
        ("eur", None, ["card", "klarna", "ideal", "eps", "sepa_debit"]),
        ("kzt", None, ["card"]),
        ("usd", ["klarna", "ideal", "card"], ["card", "klarna"]),
        ("eur", ["sepa_debit"], ["sepa_debit"]),
    ],
)
def test_methods_are_filtered_by_currency_and_allowance(
    merchant: Merchant, currency: str, allowed: list[str] | None, offered: list[str]
) -> None:
    item = {
        "price_data": {"currency": currency, "unit_amount": 99_900, "product_data": {"name": "D"}},
        "quantity": 1,
    }
    more = {"allowed_payment_method_types": allowed} if allowed else {}
    assert merchant.session(line_items=[item], **more).payment_method_types == offered


def test_an_open_session_reads_back(merchant: Merchant) -> None:
    session = merchant.session(customer_email="anna@example.com", locale="de")
    again = merchant.api.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert (again.status, again.payment_status, again.payment_intent) == ("open", "unpaid", None)
    assert (again.amount_total, again.currency, again.client_reference_id) == (50000, "eur", "dep-1")
    assert again.metadata.to_dict() == {"deposit": "1"}
    assert again.line_items.data[0].description == "Deposit"
    assert again.url.startswith(f"{merchant.server.url}/c/pay/{session.id}#")
    assert again.expires_at - again.created == 86_400


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, None),
        ({"Authorization": "Bearer sk_live_broker_abc"}, None),
        ({"Authorization": "Bearer nonsense"}, None),
        ({"Authorization": "Bearer pk_test_broker_abc"}, "secret_key_required"),
        ({"Authorization": "Bearer sk_test_broker_revoked1"}, "api_key_expired"),
    ],
)
def test_keys_that_open_nothing(server: Sandbox, header: dict[str, str], code: str | None) -> None:
    answer = server.http.get("/v1/account", headers=header)
    assert (answer.status_code, error_of(answer).get("code")) == (401, code)
    assert answer.headers["request-id"].startswith("req_")


def test_basic_authentication_and_the_account(merchant: Merchant) -> None:
    answer = merchant.server.http.get("/v1/account", auth=(merchant.key, ""))
    assert answer.json()["id"] == f"acct_{merchant.account}"
    assert merchant.api.accounts.retrieve_current().charges_enabled is True
    assert merchant.api.balance.retrieve().available[0].amount == 0


def test_accounts_cannot_see_each_other(merchant: Merchant) -> None:
    other = Merchant(merchant.server, f"{merchant.account}x")
    intent = merchant.paid()
    session = merchant.api.checkout.sessions.list().data[0]
    reads = [
        lambda: other.api.checkout.sessions.retrieve(session.id),
        lambda: other.api.payment_intents.retrieve(intent["id"]),
        lambda: other.api.charges.retrieve(intent["latest_charge"]),
        lambda: other.api.refunds.create({"payment_intent": intent["id"]}),
        lambda: other.api.checkout.sessions.expire(session.id),
    ]
    for read in reads:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            read()
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert other.api.events.list().data == []
    assert other.api.checkout.sessions.list().data == []


def test_unknown_addresses_and_versions(merchant: Merchant) -> None:
    answer = merchant.raw("GET", "/v1/unicorns")
    assert (answer.status_code, error_of(answer)["type"]) == (404, "invalid_request_error")
    assert merchant.raw("GET", "/v1/account", Stripe_Version="yesterday").status_code == 400
    assert merchant.raw("GET", "/v1/account").headers["stripe-version"] == stripe.api_version


def test_same_key_same_answer(merchant: Merchant) -> None:
    first = merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    second = merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert len(merchant.api.checkout.sessions.list().data) == 1


def test_same_key_other_parameters_is_an_error(merchant: Merchant) -> None:
    merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    answer = merchant.raw("POST", "/v1/checkout/sessions", FORM + "&locale=de", Idempotency_Key="k1")
    assert (answer.status_code, error_of(answer)["type"]) == (400, "idempotency_error")


def test_refused_parameters_leave_the_key_free(merchant: Merchant) -> None:
    assert merchant.raw("POST", "/v1/checkout/sessions", "mode=gift", Idempotency_Key="k1").status_code == 400
    assert merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1").status_code == 200


def test_a_second_request_while_the_first_runs_conflicts(merchant: Merchant) -> None:
    merchant.faults(api_delay_ms=1500)
    answers: list[httpx.Response] = []
    first = threading.Thread(
        target=lambda: answers.append(
            httpx.post(
                f"{merchant.server.url}/v1/checkout/sessions", content=FORM, timeout=10,
                headers={"Authorization": f"Bearer {merchant.key}", "Idempotency-Key": "k1"},
            )
        )
    )  # fmt: skip
    first.start()

    def conflict() -> httpx.Response | None:
        # Whichever of the two comes first is the one that runs; the other meets it.
        answer = merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
        answers.append(answer)
        return answer

    conflict()
    first.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert error_of(refused)["code"] == "idempotency_key_in_use"
    merchant.faults()
    assert len(merchant.api.checkout.sessions.list().data) == 1


def test_500_after_commit_is_replayed_and_the_object_exists(merchant: Merchant) -> None:
    merchant.faults(api_error_after_commit=1)
    first = merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    second = merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    assert (first.status_code, second.status_code) == (500, 500)
    assert error_of(first)["type"] == "api_error"
    assert len(merchant.api.checkout.sessions.list().data) == 1


def test_500_before_commit_does_nothing(merchant: Merchant) -> None:
    merchant.faults(api_error_before_commit=1)
    assert merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1").status_code == 500
    assert merchant.api.checkout.sessions.list().data == []
    assert merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1").status_code == 200


def test_reset_after_commit_then_replay(merchant: Merchant) -> None:
    merchant.faults(api_reset_after_commit=1)
    with pytest.raises(httpx.ReadError):
        merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    again = merchant.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="k1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert len(merchant.api.checkout.sessions.list().data) == 1


def test_the_official_client_survives_a_reset_with_its_own_retry(merchant: Merchant) -> None:
    merchant.faults(api_reset_after_commit=1)
    merchant.client = stripe.StripeClient(
        merchant.key, base_addresses={"api": merchant.server.url}, max_network_retries=2
    )
    merchant.api = merchant.client.v1
    session = merchant.session()
    assert [item.id for item in merchant.api.checkout.sessions.list().data] == [session.id]


def test_a_refused_key_by_fault(merchant: Merchant) -> None:
    merchant.faults(api_unauthorized=True)
    with pytest.raises(stripe.AuthenticationError):
        merchant.api.accounts.retrieve_current()


def test_partial_refunds_up_to_what_was_paid(merchant: Merchant) -> None:
    intent = merchant.paid()
    first = merchant.api.refunds.create(
        {"payment_intent": intent["id"], "amount": 20000, "reason": "requested_by_customer"}
    )
    assert (first.status, first.amount, first.reason) == ("succeeded", 20000, "requested_by_customer")
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than unrefunded amount on charge \(€300.00\)"):
        merchant.api.refunds.create({"payment_intent": intent["id"], "amount": 30001})
    rest = merchant.api.refunds.create({"charge": intent["latest_charge"], "expand": ["charge"]})
    assert (rest.amount, rest.charge.amount_refunded, rest.charge.refunded) == (30000, 50000, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.refunds.create({"payment_intent": intent["id"], "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    listed = merchant.api.refunds.list({"payment_intent": intent["id"]}).data
    assert [item.id for item in listed] == [rest.id, first.id]
    kinds = [event.type for event in merchant.api.events.list({"types": ["refund.created", "charge.refunded"]}).data]
    assert kinds == ["charge.refunded", "refund.created"] * 2


def test_the_balance_adds_up(merchant: Merchant) -> None:
    intent = merchant.paid()
    merchant.api.refunds.create({"payment_intent": intent["id"], "amount": 10000})
    # 50000 - fee (1.5 % + 25 = 775) - 10000
    assert merchant.api.balance.retrieve().available[0].amount == 39225
    charge = merchant.api.charges.retrieve(intent["latest_charge"], {"expand": ["balance_transaction"]})
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (775, 49225)


def test_a_refund_that_fails_later_gives_the_amount_back(merchant: Merchant) -> None:
    merchant.settings(refund_settle_seconds=0)
    intent = merchant.paid(number="4000000000005126")
    refund = merchant.api.refunds.create({"payment_intent": intent["id"]})
    assert refund.status == "succeeded"
    failed = until(lambda: next((r for r in merchant.api.refunds.list().data if r.status == "failed"), None))
    assert failed.failure_reason == "expired_or_canceled_card"
    assert merchant.api.charges.retrieve(intent["latest_charge"]).amount_refunded == 0
    assert merchant.api.events.list({"type": "refund.failed"}).data[0].data.object["id"] == refund.id


def test_a_bank_refund_is_pending_until_settled(merchant: Merchant) -> None:
    merchant.settings(refund_settle_seconds=None)
    intent = merchant.paid("ideal")
    refund = merchant.api.refunds.create({"payment_intent": intent["id"], "amount": 100})
    assert refund.status == "pending"
    merchant.control("POST", f"refunds/{refund.id}/settle", {"outcome": "succeed"})
    event = merchant.api.events.list({"type": "refund.updated"}).data[0]
    assert event.data.object["status"] == "succeeded"
    assert event.data.previous_attributes.to_dict() == {"status": "pending"}


@pytest.mark.parametrize(
    ("outcome", "status", "payment_status", "event"),
    [
        ("succeed", "succeeded", "paid", "checkout.session.async_payment_succeeded"),
        ("fail", "requires_payment_method", "unpaid", "checkout.session.async_payment_failed"),
    ],
)
def test_sepa_debit_settles_later(
    merchant: Merchant, outcome: str, status: str, payment_status: str, event: str
) -> None:
    merchant.settings(sepa_settle_seconds=None)
    intent = merchant.paid("sepa_debit")
    assert intent["status"] == "processing"
    session = merchant.api.checkout.sessions.list({"payment_intent": intent["id"]}).data[0]
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        merchant.api.refunds.create({"payment_intent": intent["id"]})
    for _ in range(2):
        settled = merchant.control("POST", f"payment_intents/{intent['id']}/settle", {"outcome": outcome})
        assert settled["status"] == status
    assert merchant.api.checkout.sessions.retrieve(session.id).payment_status == payment_status
    assert len(merchant.api.events.list({"type": event}).data) == 1


def test_sepa_debit_settles_by_itself_by_iban(merchant: Merchant) -> None:
    merchant.settings(sepa_settle_seconds=0)
    good = merchant.paid("sepa_debit", iban="DE89370400440532013000")
    bad = merchant.paid("sepa_debit", iban="DE62370400440532013001")
    ends = {good["id"]: "succeeded", bad["id"]: "requires_payment_method"}
    for identifier, status in ends.items():
        until(lambda i=identifier, s=status: merchant.api.payment_intents.retrieve(i).status == s)  # type: ignore[misc]
    assert [len(merchant.api.events.list({"type": f"charge.{one}"}).data) for one in ("succeeded", "failed")] == [1, 1]


def test_disputes_take_the_money_and_give_it_back_when_won(merchant: Merchant) -> None:
    intent = merchant.paid()
    dispute = merchant.control("POST", f"charges/{intent['latest_charge']}/dispute", {"reason": "fraudulent"})
    assert merchant.api.charges.retrieve(intent["latest_charge"]).disputed is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.refunds.create({"payment_intent": intent["id"]})
    assert refused.value.code == "charge_disputed"
    assert merchant.api.balance.retrieve().available[0].amount == 50000 - 775 - 50000 - 2000
    sent = merchant.api.disputes.update(dispute["id"], {"evidence": {"customer_name": "Anna"}})
    assert sent.status == "under_review"
    merchant.control("POST", f"disputes/{dispute['id']}/close", {"outcome": "won"})
    assert merchant.api.disputes.retrieve(dispute["id"]).status == "won"
    assert merchant.api.balance.retrieve().available[0].amount == 49225
    kinds = [e.type for e in merchant.api.events.list({"types": ["charge.dispute.*"]}).data]
    assert kinds == [
        "charge.dispute.funds_reinstated", "charge.dispute.closed", "charge.dispute.updated",
        "charge.dispute.funds_withdrawn", "charge.dispute.created",
    ]  # fmt: skip


def test_a_disputed_card_disputes_at_once(merchant: Merchant) -> None:
    merchant.paid(number="4000000000000259")
    assert merchant.api.disputes.list().data[0].reason == "fraudulent"


def test_expiring_a_session_once(merchant: Merchant) -> None:
    session = merchant.session()
    expired = merchant.api.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        merchant.api.checkout.sessions.expire(session.id)
    assert [e.type for e in merchant.api.events.list().data] == ["checkout.session.expired"]


def test_customers_and_their_metadata(merchant: Merchant) -> None:
    customer = merchant.api.customers.create({"email": "a@example.com", "metadata": {"client": "7", "tier": "1"}})
    changed = merchant.api.customers.update(customer.id, {"metadata": {"tier": ""}, "name": "Anna"})
    assert (changed.name, changed.metadata.to_dict()) == ("Anna", {"client": "7"})
    session = merchant.session(customer=customer.id)
    assert (
        merchant.api.checkout.sessions.retrieve(session.id, {"expand": ["customer"]}).customer.email == "a@example.com"
    )
    assert merchant.api.customers.delete(customer.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError):
        merchant.api.customers.retrieve(customer.id)


def test_lists_page_by_cursor(merchant: Merchant) -> None:
    made = [merchant.session().id for _ in range(5)][::-1]
    first = merchant.api.checkout.sessions.list({"limit": 2})
    assert ([s.id for s in first.data], first.has_more) == (made[:2], True)
    second = merchant.api.checkout.sessions.list({"limit": 2, "starting_after": made[1]})
    assert [s.id for s in second.data] == made[2:4]
    back = merchant.api.checkout.sessions.list({"limit": 2, "ending_before": made[3]})
    assert [s.id for s in back.data] == made[1:3]
    assert [s.id for s in merchant.api.checkout.sessions.list({"limit": 2}).auto_paging_iter()] == made


def test_the_same_card_has_the_same_fingerprint_in_one_account(merchant: Merchant) -> None:
    charges = [merchant.api.charges.retrieve(merchant.paid()["latest_charge"]) for _ in range(2)]
    prints = {c.payment_method_details.card.fingerprint for c in charges}
    assert len(prints) == 1
    other = Merchant(merchant.server, f"{merchant.account}y")
    theirs = other.api.charges.retrieve(other.paid()["latest_charge"])
    assert theirs.payment_method_details.card.fingerprint not in prints
