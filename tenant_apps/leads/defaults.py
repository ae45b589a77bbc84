"""The pipeline a brokerage starts with."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from .models import Phase, PipelineStatus

STATUS_NAMES = {
    "new": pgettext_lazy("lead status", "New"),
    "attempted": pgettext_lazy("lead status", "Attempted"),
    "contacted": pgettext_lazy("lead status", "Contacted"),
    "interested": pgettext_lazy("lead status", "Interested"),
    "callback": pgettext_lazy("lead status", "Call back"),
    "converted": pgettext_lazy("lead status", "Converted"),
    "not_interested": pgettext_lazy("lead status", "Not interested"),
    "unreachable": pgettext_lazy("lead status", "Unreachable"),
}
STATUSES: tuple[tuple[str, str, str, str], ...] = (
    ("new", "New", "info", Phase.OPEN),
    ("attempted", "Attempted", "neutral", Phase.OPEN),
    ("contacted", "Contacted", "brand", Phase.OPEN),
    ("interested", "Interested", "warning", Phase.OPEN),
    ("callback", "Call back", "warning", Phase.OPEN),
    ("converted", "Converted", "success", Phase.WON),
    ("not_interested", "Not interested", "danger", Phase.LOST),
    ("unreachable", "Unreachable", "danger", Phase.LOST),
)


def pipeline_ensure() -> list[PipelineStatus]:
    """Make the default statuses where there are none at all; idempotent, and never brings back what was deleted."""
    if not PipelineStatus.objects.exists():
        PipelineStatus.objects.bulk_create(
            [
                PipelineStatus(code=code, name=name, tone=tone, phase=phase, position=position)
                for position, (code, name, tone, phase) in enumerate(STATUSES)
            ],
            ignore_conflicts=True,
        )
    return list(PipelineStatus.objects.all())


def ensure(preset: str = "") -> None:
    """Every new brokerage begins with the default pipeline (called by provisioning)."""
    pipeline_ensure()
