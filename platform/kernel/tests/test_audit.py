"""The audit chain finds any change, whoever made it."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from django.db import connection, connections

from kernel import audit
from kernel.actors import Actor
from kernel.models import AuditEntry
from kernel.tenancy import context

ACTOR = Actor(kind="staff", id="1", label="Lina Haddad", ip="192.0.2.7")


def seal_everything(limit: int = audit.BLOCK) -> None:
    """Seal until no line is left; another test's transaction may hold the horizon back for a moment."""
    for _ in range(600):
        while audit.seal(limit=limit):
            pass
        if audit.verify().unsealed == 0:
            return
        Event().wait(0.05)
    raise AssertionError("the horizon never moved")


def lines(count: int) -> None:
    for number in range(count):
        audit.record(actor=ACTOR, action="client.updated", label=f"client {number}", after={"n": number})


def test_chain_verifies_and_counts(live_tenant: Any) -> None:
    lines(25)
    seal_everything(limit=10)
    lines(2)
    verdict = audit.verify()
    assert (verdict.ok, verdict.entries, verdict.unsealed) == (True, 25, 2)
    assert verdict.blocks >= 3


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE kernel_audit SET actor_label = 'Somebody Else' WHERE id = (SELECT min(id) + 3 FROM kernel_audit)",
        "DELETE FROM kernel_audit WHERE id = (SELECT min(id) + 3 FROM kernel_audit)",
        "UPDATE kernel_audit SET after = '{\"n\": 99}' WHERE id = (SELECT min(id) FROM kernel_audit)",
    ],
)
def test_tampering_by_the_databases_owner_is_found(live_tenant: Any, tampering: str) -> None:
    lines(12)
    seal_everything(limit=6)
    with context.owner(live_tenant.schema), connections["owner"].cursor() as cursor:
        cursor.execute(tampering)
    verdict = audit.verify()
    assert not verdict.ok
    assert verdict.broken_block is not None


def test_lines_of_a_running_transaction_are_sealed_later_not_lost(live_tenant: Any) -> None:
    """An older transaction that commits after a younger one must not fall behind the sealed range."""
    import threading

    started, finish = threading.Event(), threading.Event()

    def slow() -> None:
        from django.db import transaction

        with context.use(live_tenant), transaction.atomic():
            lines(1)
            started.set()
            finish.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert started.wait(20)
    lines(3)
    assert audit.seal() is None
    finish.set()
    thread.join()
    seal_everything()
    verdict = audit.verify()
    assert (verdict.ok, verdict.entries, verdict.unsealed) == (True, 4, 0)


def test_an_entry_is_one_line_with_who_and_where(tenant: Any) -> None:
    audit.record(actor=ACTOR, action="role.changed", reason="audit finding", before={"a": 1}, after={"a": 2})
    entry = AuditEntry.objects.get()
    assert (entry.actor_label, entry.ip, entry.reason, entry.before, entry.after) == (
        "Lina Haddad",
        "192.0.2.7",
        "audit finding",
        {"a": 1},
        {"a": 2},
    )
