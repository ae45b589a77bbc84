"""What can go wrong with segments and series."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class NameTaken(Invalid):
    """Another segment has this name."""

    code = "segment_name_taken"
    message = pgettext_lazy("campaigns", "A segment with this name exists already.")


class SegmentInUse(Conflict):
    """A series still runs on the segment."""

    code = "segment_in_use"
    message = pgettext_lazy("campaigns", "A series uses this segment. Change the series first.")


class TextIncomplete(Invalid):
    """A series is to start but a step has no complete text in the brokerage's first language or English."""

    code = "text_incomplete"
    message = pgettext_lazy("campaigns", "Each mail needs a subject, a heading and at least one paragraph.")


class PlaceholderUnknown(Invalid):
    """A text names a placeholder that this mail does not know."""

    code = "placeholder_unknown"
    message = pgettext_lazy("campaigns", "This mail does not know the placeholder %(name)s.")
