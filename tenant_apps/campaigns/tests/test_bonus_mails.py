"""A client hears of every turn of a bonus, in the language they read, with the brokerage's look, once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel.events import Envelope, Event, publish
from kernel.money import Money
from tenant_apps.bonuses import events
from tenant_apps.campaigns import handlers, texts
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


@pytest.mark.parametrize(
    ("time_zone", "said"), [("Asia/Dubai", "16:00 +04"), ("Europe/Berlin", "13:00 CET"), ("", "12:00 UTC")]
)
def test_how_long_an_offer_is_open_is_said_by_the_clients_clock(tenant: Any, time_zone: str, said: str) -> None:
    client = client_make(language="en", time_zone=time_zone)
    (mail,) = told(facts(client)["bonus_offered"], client)
    assert said in mail.text


def test_a_mail_reads_its_client_once(tenant: Any) -> None:
    client = client_make(language="en", time_zone="Asia/Dubai")
    fact = facts(client)["bonus_offered"]
    with transaction.atomic():
        row = publish(fact, aggregate=f"bonus:{client.pk}")
    event = Envelope(row.message_id, row.name, row.aggregate, row.payload, row.created_at, row.headers)
    with CaptureQueriesContext(connection) as asked:
        handlers.mail_bonus_offered(event)
    assert len([one for one in asked.captured_queries if 'FROM "clients_client"' in one["sql"]]) == 1


@pytest.mark.parametrize("reason", ["declined", "withdrawal"])
def test_what_the_client_ended_is_not_news(tenant: Any, reason: str) -> None:
    client = client_make()
    Mail.objects.all().delete()
    fact = events.BonusEnded(grant_id=uuid4(), client_id=client.pk, account_id=uuid4(), amount=AMOUNT, reason=reason)
    assert told(fact, client) == []


def test_every_language_has_the_words(tenant: Any) -> None:
    for language in texts.shipped_languages():
        assert all(texts.shipped_text(key, language) for key in texts.MAILS)
