"""What a provider has told of a deposit stands on its page."""

from __future__ import annotations

import json
from typing import Any

from kernel import inbox

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
