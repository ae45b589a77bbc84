"""What the desk refuses."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Invalid


class ReportRefused(Invalid):
    """The file cannot be read with this layout, or some of its rows cannot. Nothing of it was stored."""

    code = "report_refused"
    message = pgettext_lazy("reconciliation error", "This file cannot be read.")
