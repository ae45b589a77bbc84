"""Columns of the desk's lists; the same ones make the exports."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.ui.tables import Column, TableSpec

LINES = TableSpec(
    default_sort="number",
    page_size=50,
    columns=[
        Column(key="reference", label=pgettext_lazy("reconciliation column", "Reference"), export="reference"),
        Column(key="own", label=pgettext_lazy("reconciliation column", "Our id"), export="own", css_class="hidden"),
        Column(key="number", label=pgettext_lazy("reconciliation column", "Row"), sort="number", export="number"),
        Column(key="kind", label=pgettext_lazy("reconciliation column", "Kind"),
               export=lambda row: row.get_kind_display()),
        Column(key="at", label=pgettext_lazy("reconciliation column", "Time"), export=lambda row: row.at.isoformat()),
        Column(key="amount", label=pgettext_lazy("reconciliation column", "There"), align="num",
               export=lambda row: row.amount.amount),
        Column(key="ours", label=pgettext_lazy("reconciliation column", "With us"), align="num",
               export=lambda row: row.ours.amount if row.ours is not None else ""),
        Column(key="currency", label=pgettext_lazy("reconciliation column", "Currency"), export="currency",
               css_class="hidden"),
        Column(key="fee", label=pgettext_lazy("reconciliation column", "Fee"), align="num",
               export=lambda row: row.fee.amount),
        Column(key="state", label=pgettext_lazy("reconciliation column", "State"),
               export=lambda row: row.get_state_display()),
    ],
)  # fmt: skip
