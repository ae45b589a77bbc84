"""What pages say of a change that somebody made or proposed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.utils.translation import pgettext

from .change_models import ChangeState, ProposedChange


def told(request: Any, row: ProposedChange | None) -> None:
    """Say what became of what somebody wanted to change."""
    if row is None:
        messages.info(request, pgettext("payments", "Nothing was changed."))
    elif row.state == ChangeState.WAITING:
        messages.success(request, pgettext("payments", "Noted. It takes effect when a second person agrees."))
    else:
        messages.success(
            request,
            pgettext(
                "payments", "Saved. Nobody else has this right, so it is in force at once; the audit trail says so."
            ),
        )
