"""What a provider has told of a deposit stands on its page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import inbox
from kernel.models import InboxMessage
from tenant_apps.payments import selectors

from .test_exactly_once import pending_deposit
from .test_pages import officer


def test_a_deposits_page_has_the_news_of_it_and_no_others(tenant: Any) -> None:
    """Of a payment and of what became of it, told by words in which its own id does not stand."""
    deposit, other = pending_deposit(), pending_deposit()
    for row, name, kind, more in (
        (deposit, "evt_paid", "checkout.session.completed", {"payment_status": "paid", "payment_intent": f"pi_{deposit.pk.hex}"}),
        (deposit, "evt_lost", "charge.dispute.created", {"payment_intent": f"pi_{deposit.pk.hex}", "amount": 50_000, "status": "lost"}),
        (other, "evt_other", "checkout.session.completed", {"payment_status": "paid", "payment_intent": f"pi_{other.pk.hex}"}),
    ):  # fmt: skip
        thing = {"id": row.provider_reference, "amount_total": 50_000, "currency": "eur", **more}
        body = json.dumps({"id": name, "type": kind, "data": {"object": thing}}).encode()
        source = f"payments.stripe:{row.provider_account_id}"
        message, _ = inbox.receive(source=source, event_key=name, headers={}, body=body)
        inbox.process(message.pk)
    page = officer(tenant, "payments.view").get(f"/payments/deposits/{deposit.pk}/").content.decode()
    assert [name in page for name in ("evt_paid", "evt_lost", "evt_other")] == [True, True, False]


def told(deposit: Any, name: str, body: bytes) -> InboxMessage:
    source = f"payments.stripe:{deposit.provider_account_id}"
    return inbox.receive(source=source, event_key=name, headers={}, body=body)[0]


def test_news_that_could_not_be_processed_stand_there_too(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the id of the deposit stands in them: who read them said what they are about before it failed."""
    deposit = pending_deposit()

    def fail(message: InboxMessage) -> str:
        message.about = str(deposit.pk)
        raise RuntimeError("defect")

    monkeypatch.setitem(inbox._processors, "payments.stripe", fail)
    message = told(deposit, "evt_broken", b"{}")
    assert inbox.process(message.pk) == "failed"
    assert [one.event_key for one in selectors.news_of(deposit)] == ["evt_broken"]
    message.refresh_from_db()
    assert (message.attempts, message.processed_at, message.about) == (1, None, str(deposit.pk))


def test_news_from_before_they_said_what_they_are_about_are_found_by_the_ids_in_them(tenant: Any) -> None:
    deposit, other = pending_deposit(payment_reference="pi_1"), pending_deposit()
    first = told(deposit, "evt_1", f'{{"id": "{deposit.provider_reference}"}}'.encode())
    told(deposit, "evt_2", f'{{"for": "{deposit.pk}"}}'.encode())
    told(deposit, "evt_3", b'{"payment_intent": "pi_1"}')
    told(deposit, "evt_4", b'{"payment_intent": "pi_2"}')
    about_another = told(deposit, "evt_5", b'{"payment_intent": "pi_1"}')
    InboxMessage.objects.filter(pk=about_another.pk).update(about=str(other.pk))
    InboxMessage.objects.filter(pk=first.pk).update(about=str(deposit.pk))
    with CaptureQueriesContext(connection) as asked:
        found = selectors.news_of(deposit)
    assert [one.event_key for one in found] == ["evt_1", "evt_2", "evt_3"]
    assert (len(asked), found[0].get_deferred_fields()) == (1, {"body", "headers"})
