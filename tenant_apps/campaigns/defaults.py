"""What a brokerage starts with: three segments and a series for beginners. Idempotent; never overwrites."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import pgettext

from tenant_apps.notifications.services import language_for

from . import texts
from .models import Segment, Series, SeriesState, SeriesStep

FIRST_WEEKS = "first-weeks"
FIRST_WEEKS_DAYS = (0, 3, 7, 14)

_FUNDED: dict[str, Any] = {"fact": "stage", "test": "in", "value": ["funded"]}
SEGMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "beginner": (
        "info",
        {"op": "and", "items": [_FUNDED, {"fact": "active_days", "test": "at_most", "value": 29}]},
    ),
    "verified-not-funded": (
        "warning",
        {
            "op": "and",
            "items": [
                {"fact": "stage", "test": "in", "value": ["verified"]},
                {"fact": "ftd", "test": "never", "value": None},
            ],
        },
    ),
    "at-risk": (
        "danger",
        {
            "op": "and",
            "items": [
                _FUNDED,
                {
                    "op": "or",
                    "items": [
                        {"fact": "last_active", "test": "longer", "value": 14},
                        {
                            "op": "and",
                            "items": [
                                {"fact": "last_active", "test": "never", "value": None},
                                {"fact": "ftd", "test": "longer", "value": 14},
                            ],
                        },
                    ],
                },
            ],
        },
    ),
}


def _words() -> dict[str, tuple[str, str]]:
    """Names in the brokerage's own language: they are its data from then on."""
    return {
        "beginner": (
            pgettext("segment", "Beginner"),
            pgettext("segment", "Funded, fewer than 30 active days"),
        ),
        "verified-not-funded": (
            pgettext("segment", "Verified, not funded"),
            pgettext("segment", "Identity approved, no deposit yet"),
        ),
        "at-risk": (
            pgettext("segment", "At risk"),
            pgettext("segment", "Funded, no activity for 14 days"),
        ),
    }


ORDER = 60


@transaction.atomic
def ensure(preset: str = "") -> None:
    """Called by provisioning for every new brokerage, whatever the preset: makes what is missing, by key.

    The series runs at once, for those who enter the segment from now on.
    """
    with translation.override(language_for("")):
        words = _words()
        series_name = pgettext("mail series", "First weeks")
    for key, (tone, definition) in SEGMENTS.items():
        name, description = words[key]
        Segment.objects.get_or_create(
            key=key, defaults={"name": name, "description": description, "definition": definition, "tone": tone}
        )
    beginner = Segment.objects.get(key="beginner")
    series, made = Series.objects.get_or_create(
        key=FIRST_WEEKS, defaults={"name": series_name, "segment": beginner, "state": SeriesState.ACTIVE}
    )
    if made:
        for position, (days, content) in enumerate(
            zip(FIRST_WEEKS_DAYS, texts.series_content(FIRST_WEEKS), strict=True)
        ):
            SeriesStep.objects.create(series=series, position=position, after_days=days, content=content)
