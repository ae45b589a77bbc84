"""The bell: one's own, live, and never a way to another site."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from kernel.actors import Actor
from tenant_apps.notifications import selectors, services
from tenant_apps.notifications.models import Notification


def somebody(kind: str = "staff") -> Actor:
    return Actor(kind=kind, id=str(uuid4()), label="x")


def test_people_see_only_their_own(tenant: Any) -> None:
    one, other = somebody(), somebody("client")
    services.notify(user_id=one.id, kind="lead.assigned", title="A lead for you", link="/clients/1/")  # type: ignore[arg-type]
    assert [row.title for row in selectors.notifications_of(one)] == ["A lead for you"]
    assert not selectors.notifications_of(other).exists()
    assert not selectors.notifications_of(Actor(kind="operator", id=one.id)).exists()


def test_reading_counts_down_and_touches_nobody_else(tenant: Any) -> None:
    one, other = somebody(), somebody()
    rows = [services.notify(user_id=one.id, kind="task.due", title=str(n)) for n in range(3)]  # type: ignore[arg-type]
    services.notify(user_id=other.id, kind="task.due", title="not yours")  # type: ignore[arg-type]
    assert services.notifications_read(actor=one, notification_id=rows[0].pk) == 1
    assert services.notifications_read(actor=other, notification_id=rows[1].pk) == 0
    assert services.notifications_read(actor=one) == 2
    assert Notification.objects.filter(read_at=None).count() == 1


def test_the_page_is_told_at_commit(live_tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("kernel.live.publish.send", lambda owner, messages: sent.extend(messages))
    one = somebody()
    with transaction.atomic():
        services.notify(user_id=one.id, kind="deposit", title="Deposit", body="€500")  # type: ignore[arg-type]
        assert sent == []
    topic, message = sent[0]
    assert topic == f"notifications:{one.id}"
    assert message["data"]["unread"] == 1
    assert json.dumps(message)
