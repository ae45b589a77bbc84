"""Who is told live of what happens to a client: the desk of everything, the client of their own lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kernel.redis import client as redis_client
from kernel.tenancy import context
from tenant_apps.clients import services
from tenant_apps.clients.models import Client, Stage
from tenant_apps.clients.timeline import timeline_add

from .support import SYSTEM, lead, log_in, staff


@pytest.fixture
def told(tenant: Any, django_capture_on_commit_callbacks: Any) -> Iterator[Any]:
    """Runs an act and gives the topics of messages about the client, and what they were told."""
    watch = redis_client().pubsub(ignore_subscribe_messages=True)
    watch.psubscribe(f"rialto:live:{context.tenant().id}:client*")
    while watch.get_message(timeout=0.2):
        pass

    def run(act: Any) -> list[str]:
        with django_capture_on_commit_callbacks(execute=True):
            act()
        found = []
        while message := watch.get_message(ignore_subscribe_messages=True, timeout=0.3):
            found.append(message["channel"].rpartition(":")[0].rpartition(":")[2])
        return found

    yield run
    watch.close()


def test_a_client_is_not_told_of_what_the_desk_notes(told: Any) -> None:
    person = lead()
    acts = {
        "note": lambda: services.note_add(client=person, text="Looks odd", actor=SYSTEM),
        "risk": lambda: services.risk_set(client=person, risk="high", reason="suspicion", actor=SYSTEM),
        "tags": lambda: services.tags_set(client=person, tags=["watch"], actor=SYSTEM),
        "line": lambda: timeline_add(client_id=person.pk, kind="kyc.proposed", actor=SYSTEM),
    }
    assert {name: told(act) for name, act in acts.items()} == dict.fromkeys(acts, ["client-desk"])


def test_a_client_is_told_of_their_own_lines(told: Any) -> None:
    person = lead()
    assert told(lambda: timeline_add(client_id=person.pk, kind="payments.deposit_credited", actor=SYSTEM)) == ["client"]


def test_the_desk_watches_both(tenant: Any) -> None:
    person = lead()
    Client.objects.filter(pk=person.pk).update(stage=Stage.REGISTERED)
    page = log_in(tenant, staff("owner")).get(f"/clients/{person.pk}/").content.decode()
    assert f"live:client:{person.pk} from:body" in page
    assert f"live:client-desk:{person.pk} from:body" in page
