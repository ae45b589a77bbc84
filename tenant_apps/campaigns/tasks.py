"""What recurs: segments follow time, series send what is due."""

from __future__ import annotations

from kernel.schedule import every_for_tenants
from kernel.tasks import enqueue, task

from . import segments, series
from .models import Segment, Series, SeriesState

SWEEP_SECONDS = 120.0
SEND_SECONDS = 10.0


@every_for_tenants(SWEEP_SECONDS, "campaigns.segments_sweep")
def segments_sweep() -> int:
    """Members come and go by time alone; also what an event's evaluation missed."""
    return segments.segments_sweep()


@task(name="campaigns.segment_sweep", queue="default")
def segment_sweep(segment_id: str) -> int:
    """One segment, soon after it was saved."""
    row = Segment.objects.filter(pk=segment_id, active=True).first()
    return segments.segment_sweep(segment=row) if row else 0


@every_for_tenants(SEND_SECONDS, "campaigns.series_due", queue="mail")
def series_due() -> int:
    """Send what is due, per series at most its share of the minute."""
    sent = 0
    for row in Series.objects.filter(state=SeriesState.ACTIVE):
        share = max(1, int(row.per_minute * SEND_SECONDS / 60))
        for enrolment in series.due_enrolments(row, share):
            sent += series.step_send(enrolment_id=enrolment.pk) is not None
    return sent


@task(name="campaigns.series_backfill", queue="default")
def series_backfill(series_id: str) -> int:
    row = Series.objects.filter(pk=series_id, state=SeriesState.ACTIVE).first()
    return series.backfill(series=row) if row else 0


def wake() -> None:
    """Run both soon: after the demo's clock was moved."""
    enqueue(segments_sweep)
    enqueue(series_due, countdown=2)
