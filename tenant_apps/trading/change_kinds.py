"""What of trading takes two people, and how it is carried out once they agree. Registered at start (`handlers.py`).

The house's money moves, and no client's: one person alone in the brokerage may, and the trail says so.
"""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from tenant_apps.wallets.services import changes

from .permissions_list import CASES_APPROVE, CASES_EDIT
from .services import cases


def register() -> None:
    changes.register(
        cases.SETTLE,
        changes.Kind(
            pgettext_lazy("change", "Posting of a trading case"), "trading.case_resolved", CASES_EDIT, CASES_APPROVE,
            cases.settled, lone=True, page=lambda row: cases.case_link(row.object_id),
        ),
    )  # fmt: skip
