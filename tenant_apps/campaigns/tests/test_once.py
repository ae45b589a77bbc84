"""One mail per enrolment and step: eight workers at once, a worker killed in the middle, a clock that jumps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connections

from kernel import clock
from kernel.tenancy import context
from kernel.tests.dying import KILLED, die, forked
from tenant_apps.campaigns import defaults, segments, series, tasks
from tenant_apps.campaigns.models import Enrolment, EnrolmentState, Segment, SegmentMember, Series, StepSent
from tenant_apps.clients.models import Stage
from tenant_apps.notifications.models import Mail

from .support import SYSTEM, MovedClock, client_make


def _enrolled(**values: Any) -> Enrolment:
    client = client_make(stage=Stage.FUNDED, **values)
    row = series.enrol(series=Series.objects.get(key="first-weeks"), client=client)
    assert row is not None
    return row


def test_eight_workers_at_once_send_one_mail(live_tenant: Any) -> None:
    defaults.ensure()
    rows = [_enrolled() for _ in range(5)]

    def work(_: int) -> int:
        with context.use(live_tenant):
            sent = sum(series.step_send(enrolment_id=row.pk) is not None for row in rows)
            connections.close_all()
            return sent

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 5
    assert StepSent.objects.count() == 5
    assert Mail.objects.filter(dedupe_key__startswith="series:").count() == 5


def test_killed_while_sending_leaves_nothing_and_the_next_worker_sends_once(live_tenant: Any) -> None:
    defaults.ensure()
    row = _enrolled()

    def killed() -> None:
        with mock.patch.object(series, "_advance", die):  # mail and StepSent row are written, nothing is committed
            series.step_send(enrolment_id=row.pk)

    assert forked(killed) == KILLED
    assert (Mail.objects.count(), StepSent.objects.count()) == (0, 0)
    assert series.step_send(enrolment_id=row.pk) is not None
    assert series.step_send(enrolment_id=row.pk) is None
    assert (Mail.objects.count(), StepSent.objects.count()) == (1, 1)


def test_two_evaluators_at_once_publish_an_entry_once(live_tenant: Any) -> None:
    defaults.ensure()
    client = client_make(stage=Stage.FUNDED)

    def work(_: int) -> int:
        with context.use(live_tenant):
            changed = segments.segments_of_client_update(client_id=client.pk)
            connections.close_all()
            return changed

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 1
    assert SegmentMember.objects.filter(client=client, left_at=None).count() == 1


def test_a_jump_of_a_month_does_not_send_everything_at_once(tenant: Any, moved_clock: MovedClock) -> None:
    defaults.ensure()
    row = _enrolled(time_zone="Europe/Berlin")
    moved_clock.move(days=30)
    sent = []
    for _ in range(4):
        sent.append(tasks.series_due.run())
        sent.append(tasks.series_due.run())
        moved_clock.move(days=1)
    row.refresh_from_db()
    assert sent == [1, 0, 1, 0, 1, 0, 1, 0]
    assert row.state == EnrolmentState.FINISHED


def test_mails_wait_for_the_hours_of_the_clients_zone(tenant: Any, moved_clock: MovedClock) -> None:
    defaults.ensure()
    row = _enrolled(time_zone="America/New_York")
    moved_clock.at = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # before: day 0 ignores the hours
    Enrolment.objects.filter(pk=row.pk).update(entered_at=moved_clock.at, next_at=moved_clock.at)
    assert tasks.series_due.run() == 1
    row.refresh_from_db()
    assert row.next_at == datetime(2026, 3, 5, 13, 0, tzinfo=UTC)  # eight o'clock in New York, winter time


def test_leaving_by_time_alone_is_found_by_the_sweep(tenant: Any, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(stage=Stage.FUNDED, last_active_on=moved_clock.at.date(), ftd_at=moved_clock.at)
    segments.segments_sweep()
    risk = Segment.objects.get(key="at-risk")
    assert not SegmentMember.objects.filter(segment=risk).exists()
    moved_clock.move(days=14)
    assert segments.segment_sweep(segment=risk) == 1
    assert segments.segment_sweep(segment=risk) == 0
    assert SegmentMember.objects.get(segment=risk).client_id == client.pk


def test_an_event_that_stops_the_series_stops_it(tenant: Any, moved_clock: MovedClock) -> None:
    defaults.ensure()
    Series.objects.update(stop_events=["payments.deposit_credited"])
    row = _enrolled()
    assert series.stop_on_event(client_id=row.client_id, event_name="payments.deposit_credited") == 1
    moved_clock.move(days=1)
    assert tasks.series_due.run() == 0
    row.refresh_from_db()
    assert (row.state, row.reason) == (EnrolmentState.STOPPED, "payments.deposit_credited")


@pytest.mark.parametrize("paused", [True, False])
def test_a_paused_series_holds_its_breath(tenant: Any, moved_clock: MovedClock, paused: bool) -> None:
    defaults.ensure()
    _enrolled()
    if paused:
        series.series_pause(series=Series.objects.get(), actor=SYSTEM)
    assert tasks.series_due.run() == (0 if paused else 1)
    assert clock.now() - moved_clock.at == timedelta(0)
