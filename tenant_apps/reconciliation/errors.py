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
