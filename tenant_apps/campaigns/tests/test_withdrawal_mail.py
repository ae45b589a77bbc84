"""The mail of a withdrawal that was paid says what was sent, and what was kept of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from kernel.events import publish
from kernel.models import OutboxMessage
from kernel.money import Money
from tenant_apps.notifications.models import Mail
from tenant_apps.payments.events import WithdrawalPaid

from .support import client_make, deliver


@pytest.mark.parametrize(("old", "told"), [(False, "7.00"), (True, "0.00")])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_names_the_fee_and_knows_events_without_one(tenant: Any, language: str, old: bool, told: str) -> None:
    client = client_make(language=language)
    deliver()
    Mail.objects.all().delete()
    amount, fee = Money.of("193", "EUR"), Money.of("7", "EUR")
    with transaction.atomic():
        publish(WithdrawalPaid(withdrawal_id=uuid4(), client_id=client.pk, amount=amount, fee=fee), aggregate="w:1")
        if old:
            for row in OutboxMessage.objects.filter(name="payments.withdrawal_paid"):
                row.payload.pop("fee")
                row.save()
    deliver()
    mail = Mail.objects.get(client_id=client.pk, template="campaign")
    assert "193.00" in mail.subject
    assert told in mail.text
