"""What the invented past leaves for the product's own pages to find."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from kernel import clock
from kernel.models import OutboxMessage
from provisioning.demo.afterwards import _events
from provisioning.demo.brokers import NORDWIND
from provisioning.demo.plan import lives
from tenant_apps.automation.dry_run import dry_run
from tenant_apps.leads.tests.support import lead


def test_the_dry_run_of_a_rule_counts_the_first_deposits_of_the_last_month(tenant: Any) -> None:
    until = clock.now()
    past = lives(NORDWIND, 60, until)
    book: Any = SimpleNamespace(lives=past, clients={life.index: lead() for life in past}, until=until)
    _events(book)
    wanted = [life for life in past if life.first_deposit_at and life.first_deposit_at >= until - timedelta(days=30)]
    trigger = {"kind": "event", "event": "payments.deposit_credited", "where": {"first": True}}
    found = dry_run(trigger=trigger, conditions=None)
    assert (found.occurrences, found.clients) == (len(wanted), len(wanted))
    assert wanted
    assert not OutboxMessage.objects.filter(delivered_at=None, name__startswith="payments.").exists()
