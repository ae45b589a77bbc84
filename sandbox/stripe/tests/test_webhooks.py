"""Signing, at-least-once delivery, and every way it is made to go wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
import stripe

from sandbox.stripe.signing import signature_header
from sandbox.stripe.tests.conftest import Merchant
from sandbox.tests.support import Receiver, Sandbox, until

PAID_EVENTS = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


def endpoint(merchant: Merchant, receiver: Receiver, *events: str) -> Any:
    return merchant.api.webhook_endpoints.create(
        {"url": f"{receiver.url}/hooks/abc", "enabled_events": list(events or PAID_EVENTS)}  # type: ignore[typeddict-item]
    )


def types_of(receiver: Receiver) -> list[str]:
    return [json.loads(r.body)["type"] for r in receiver.requests]


def test_signature_is_hmac_of_timestamp_dot_body() -> None:
    """The scheme as published: v1 = HMAC-SHA256(secret, "<t>.<payload>") in hex."""
    expected = hmac.new(b"whsec_test", b'1700000000.{"id":"evt_1"}', hashlib.sha256).hexdigest()
    assert signature_header("whsec_test", b'{"id":"evt_1"}', 1700000000) == f"t=1700000000,v1={expected}"


def test_signature_equals_the_librarys_own() -> None:
    body = '{"id": "evt_1", "name": "Ünïcode"}'
    theirs = stripe.WebhookSignature.generate_signature_header(body, "whsec_abc", 1_700_000_000)
    assert signature_header("whsec_abc", body.encode(), 1_700_000_000) == theirs


def test_a_payment_is_told_to_the_endpoint_in_order_and_verifies(merchant: Merchant, receiver: Receiver) -> None:
    hook = endpoint(merchant, receiver)
    intent = merchant.paid()
    requests = receiver.wait(lambda got: len(got) == 4)
    assert types_of(receiver) == PAID_EVENTS
    last = requests[-1]
    assert (last.method, last.path) == ("POST", "/hooks/abc")
    assert last.headers["host"] == f"broker.localhost:{receiver.port}"
    event = stripe.Webhook.construct_event(last.body, last.headers["stripe-signature"], hook.secret)
    assert event.api_version == stripe.api_version
    assert event.data.object["payment_intent"] == intent["id"]
    assert event.data.object["payment_status"] == "paid"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(last.body + b" ", last.headers["stripe-signature"], hook.secret)


def test_each_endpoint_signs_with_its_own_secret_and_gets_what_it_asked_for(
    merchant: Merchant, receiver: Receiver
) -> None:
    completed = endpoint(merchant, receiver, "checkout.session.completed")
    charges = endpoint(merchant, receiver, "charge.succeeded")
    merchant.paid()
    requests = receiver.wait(lambda got: len(got) == 2)
    secrets = {"checkout.session.completed": completed.secret, "charge.succeeded": charges.secret}
    for request in requests:
        kind = json.loads(request.body)["type"]
        stripe.Webhook.construct_event(request.body, request.headers["stripe-signature"], secrets[kind])
    assert sorted(types_of(receiver)) == ["charge.succeeded", "checkout.session.completed"]


def test_a_refusing_receiver_is_tried_again(merchant: Merchant, receiver: Receiver) -> None:
    endpoint(merchant, receiver, "checkout.session.completed")
    receiver.answers = [500, 302]
    merchant.paid()
    requests = receiver.wait(lambda got: len(got) == 3)
    assert len({r.body for r in requests}) == 1
    delivery = until(
        lambda: next((d for d in merchant.control("GET", "deliveries")["data"] if d["state"] == "delivered"), None)
    )
    assert (delivery["attempts"], delivery["status"]) == (3, 200)
    event = merchant.api.events.list({"type": "checkout.session.completed"}).data[0]
    assert event.pending_webhooks == 0


def test_delivered_twice(merchant: Merchant, receiver: Receiver) -> None:
    endpoint(merchant, receiver, "checkout.session.completed")
    merchant.faults(deliver_twice=True)
    merchant.paid()
    first, second = receiver.wait(lambda got: len(got) == 2)
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]


def test_out_of_order(merchant: Merchant, receiver: Receiver) -> None:
    endpoint(merchant, receiver)
    merchant.faults(out_of_order=True)
    merchant.paid()
    receiver.wait(lambda got: len(got) == 4)
    assert types_of(receiver) == PAID_EVENTS[::-1]


def test_delay_and_drop(merchant: Merchant, receiver: Receiver) -> None:
    endpoint(merchant, receiver, "checkout.session.completed")
    merchant.faults(delay_ms=300, drop_first=2)
    started = time.monotonic()
    merchant.paid()
    receiver.wait(lambda got: len(got) == 1)
    assert time.monotonic() - started >= 0.3
    delivery = until(
        lambda: next((d for d in merchant.control("GET", "deliveries")["data"] if d["state"] == "delivered"), None)
    )
    assert delivery["attempts"] == 3
    assert merchant.control("GET", "faults")["drop_first"] == 0


def test_tampered_and_stale_signatures_are_refused_then_come_again_rightly(
    merchant: Merchant, receiver: Receiver
) -> None:
    hook = endpoint(merchant, receiver, "checkout.session.completed")
    merchant.faults(tamper_signature=1)
    receiver.answers = [400]
    merchant.paid()
    bad, good = receiver.wait(lambda got: len(got) == 2)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(bad.body, bad.headers["stripe-signature"], hook.secret)
    stripe.Webhook.construct_event(good.body, good.headers["stripe-signature"], hook.secret)
    merchant.faults(old_timestamp=1)
    merchant.paid()
    stale = receiver.wait(lambda got: len(got) == 3)[-1]
    with pytest.raises(stripe.SignatureVerificationError, match="Timestamp outside the tolerance zone"):
        stripe.Webhook.construct_event(stale.body, stale.headers["stripe-signature"], hook.secret)


def test_redelivery_of_a_delivery_and_of_an_event(merchant: Merchant, receiver: Receiver) -> None:
    endpoint(merchant, receiver, "checkout.session.completed")
    merchant.paid()
    receiver.wait(lambda got: len(got) == 1)
    delivery = merchant.control("GET", "deliveries")["data"][0]
    merchant.control("POST", f"deliveries/{delivery['id']}/redeliver")
    receiver.wait(lambda got: len(got) == 2)
    answer = merchant.control("POST", f"events/{delivery['subject']}/redeliver")
    assert len(answer["endpoints"]) == 1
    requests = receiver.wait(lambda got: len(got) == 3)
    assert len({r.body for r in requests}) == 1


def test_a_disabled_or_deleted_endpoint_hears_nothing(merchant: Merchant, receiver: Receiver) -> None:
    deleted = endpoint(merchant, receiver, "*")
    disabled = endpoint(merchant, receiver, "*")
    live = endpoint(merchant, receiver, "checkout.session.completed")
    assert merchant.api.webhook_endpoints.delete(deleted.id).deleted is True
    merchant.api.webhook_endpoints.update(disabled.id, {"disabled": True})
    merchant.paid()
    receiver.wait(lambda got: len(got) == 1)
    targets = [d["target"] for d in merchant.control("GET", "deliveries")["data"]]
    assert targets == [live.id]


def test_the_secret_is_told_only_at_creation(merchant: Merchant, receiver: Receiver) -> None:
    hook = endpoint(merchant, receiver, "*")
    assert hook.secret.startswith("whsec_")
    assert "secret" not in merchant.api.webhook_endpoints.retrieve(hook.id).to_dict()
    assert "secret" not in merchant.api.webhook_endpoints.list().data[0].to_dict()


def test_nothing_acknowledged_is_lost_by_kill_9(own_server: Sandbox, receiver: Receiver) -> None:
    merchant = Merchant(own_server, "phoenix")
    endpoint(merchant, receiver)
    merchant.faults(delay_ms=60_000)
    intent = merchant.paid()
    own_server.kill()
    assert receiver.requests == []
    own_server.start()
    again = Merchant(own_server, "phoenix")
    assert again.api.payment_intents.retrieve(intent["id"]).status == "succeeded"
    pending = [d for d in again.control("GET", "deliveries")["data"] if d["state"] == "pending"]
    assert [d["kind"] for d in pending] == PAID_EVENTS[::-1]
    again.faults()
    for delivery in reversed(pending):
        again.control("POST", f"deliveries/{delivery['id']}/redeliver")
    receiver.wait(lambda got: len(got) == 4)
    assert types_of(receiver) == PAID_EVENTS


def test_due_deliveries_go_out_after_a_restart(own_server: Sandbox, receiver: Receiver) -> None:
    merchant = Merchant(own_server, "phoenix")
    endpoint(merchant, receiver)
    merchant.faults(delay_ms=700)
    merchant.paid()
    own_server.kill()
    own_server.start()
    receiver.wait(lambda got: len(got) == 4)
    assert types_of(receiver) == PAID_EVENTS


def test_stops_cleanly_on_sigterm(own_server: Sandbox) -> None:
    assert own_server.http.get("/healthz").text == "ok\n"
    assert own_server.stop() == 0


def test_an_address_that_cannot_be_reached_is_given_up_in_the_end(merchant: Merchant, receiver: Receiver) -> None:
    unreachable = f"http://{'x' * 70}.invalid:1/hook"
    merchant.api.webhook_endpoints.create({"url": unreachable, "enabled_events": ["charge.succeeded"]})
    endpoint(merchant, receiver, "checkout.session.completed")
    merchant.paid()
    receiver.wait(lambda got: len(got) == 1)
    failing = until(
        lambda: next((d for d in merchant.control("GET", "deliveries")["data"] if d["attempts"] >= 2), None)
    )
    assert failing["url"] == unreachable
    assert failing["error"]
