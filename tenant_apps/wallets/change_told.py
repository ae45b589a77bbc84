"""Proposing a change from a page, and what pages say of one that somebody made or proposed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.utils.translation import pgettext

from kernel.errors import Invalid

from .change_models import ChangeState, ProposedChange
from .services.changes import ChangeWaits, change_propose


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


def proposed(request: Any, form: Any = None, **change: Any) -> bool:
    """Propose it (as `change_propose` takes it) and say what became of it; what refuses it stands in the form, if any."""
    try:
        row = change_propose(actor=request.actor, **change)
    except (Invalid, ChangeWaits) as error:
        if form is None:
            messages.error(request, str(error))
        else:
            form.refuse(error)
        return False
    told(request, row)
    return True
