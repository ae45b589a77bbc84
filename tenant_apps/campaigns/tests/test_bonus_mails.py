"""A client hears of every turn of a bonus, in the language they read, with the brokerage's look, once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from kernel.events import Event, publish
from kernel.money import Money
from tenant_apps.bonuses import events
from tenant_apps.campaigns import texts
from tenant_apps.clients.models import Client
from tenant_apps.notifications.models import Mail

from .support import client_make, deliver

AMOUNT = Money.of("150", "EUR")


def facts(client: Client) -> dict[str, Event]:
    who: dict[str, Any] = {"grant_id": uuid4(), "client_id": client.pk, "amount": AMOUNT}
    at = {**who, "account_id": uuid4()}
    return {
        "bonus_offered": events.BonusOffered(**who, until="2026-12-31T12:00:00+00:00"),
        "bonus_given": events.BonusGranted(**at),
        "bonus_released": events.BonusReleased(**at),
        "bonus_taken_back": events.BonusBurnt(**at, reason="low_equity"),
        "bonus_ended": events.BonusEnded(**at, reason="time"),
    }


def told(fact: Event, client: Client) -> list[Mail]:
    with transaction.atomic():
        publish(fact, aggregate=f"bonus:{client.pk}")
    deliver()
    deliver()
    return list(Mail.objects.filter(client_id=client.pk, template="campaign"))


@pytest.mark.parametrize("key", [key for key in texts.MAILS if key.startswith("bonus_")])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_turn_is_one_mail(tenant: Any, key: str, language: str) -> None:
    client = client_make(language=language)
    Mail.objects.all().delete()
    mails = told(facts(client)[key], client)
    assert len(mails) == 1
    assert mails[0].language == language
    assert "150" in mails[0].subject
    assert "/bonuses/" in mails[0].text
    assert ("rtl" in mails[0].html) == (language == "ar")


@pytest.mark.parametrize("reason", ["declined", "withdrawal"])
def test_what_the_client_ended_is_not_news(tenant: Any, reason: str) -> None:
    client = client_make()
    Mail.objects.all().delete()
    fact = events.BonusEnded(grant_id=uuid4(), client_id=client.pk, account_id=uuid4(), amount=AMOUNT, reason=reason)
    assert told(fact, client) == []


def test_every_language_has_the_words(tenant: Any) -> None:
    for language in texts.shipped_languages():
        assert all(texts.shipped_text(key, language) for key in texts.MAILS)
