"""What of trading takes two people, and how it is carried out once they agree. Registered at start (`handlers.py`).

By a case the house's money moves, and no client's; a bulk change steers risk. One person alone in the brokerage may, and the
trail says so.
"""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from tenant_apps.wallets.services import changes

from .bulk_selectors import KIND as BULK
from .permissions_list import BULK_APPROVE, BULK_EDIT, CASES_APPROVE, CASES_EDIT
from .services import bulk, cases


def register() -> None:
    changes.register(
        cases.SETTLE,
        changes.Kind(
            pgettext_lazy("change", "Posting of a trading case"), "trading.case_resolved", CASES_EDIT, CASES_APPROVE,
            cases.settled, lone=True, page=lambda row: cases.case_link(row.object_id),
        ),
    )  # fmt: skip
    changes.register(
        BULK,
        changes.Kind(
            pgettext_lazy("change", "Bulk change of trading accounts"), "trading.bulk_started", BULK_EDIT, BULK_APPROVE,
            bulk.began, lone=True, page=lambda row: f"/trading/bulk/{row.object_id}/",
        ),
    )  # fmt: skip
