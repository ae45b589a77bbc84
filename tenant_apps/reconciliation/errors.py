"""What the desk refuses."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class ReportRefused(Invalid):
    """The file cannot be read with this layout, or some of its rows cannot. Nothing of it was stored."""

    code = "report_refused"
    message = pgettext_lazy("reconciliation error", "This file cannot be read.")


class CaseClosed(Conflict):
    """The case was closed, or a correction of it decided, by somebody else meanwhile."""

    code = "case_closed"
    message = pgettext_lazy("reconciliation error", "This was decided meanwhile. Look again.")


class ReasonMissing(Invalid):
    """Money of a client's is moved, or a case closed, without saying why."""

    code = "reason_missing"
    message = pgettext_lazy("reconciliation error", "Say why.")


class NotCorrectable(Invalid):
    """A correction from a place to itself, of nothing, or of a client nobody knows."""

    code = "not_correctable"
    message = pgettext_lazy(
        "reconciliation error", "This correction moves nothing, or it is not known whose wallet it means."
    )


class DayNotOver(Invalid):
    """A day is closed when it has ended (UTC)."""

    code = "day_not_over"
    message = pgettext_lazy("reconciliation error", "This day is not over yet.")


class FiguresChanged(Conflict):
    """Something was posted into the day, or its documents changed, since it was prepared."""

    code = "figures_changed"
    message = pgettext_lazy(
        "reconciliation error", "The figures are no longer those that were prepared. Prepare the day again."
    )
