"""Columns of the desk's lists; the same ones make the exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import pgettext_lazy

from kernel.ui.exports import Cells
from kernel.ui.tables import Column, TableSpec

CASES = TableSpec(
    default_sort="age",
    page_size=40,
    columns=[
        Column(key="label", label=pgettext_lazy("reconciliation column", "Case"), export="label"),
        Column(key="kind", label=pgettext_lazy("reconciliation column", "Kind"), sort="kind",
               export=lambda row: row.get_kind_display()),
        Column(key="provider", label=pgettext_lazy("reconciliation column", "Provider"),
               export=lambda row: row.provider_account.name),
        Column(key="there", label=pgettext_lazy("reconciliation column", "There"), align="num",
               export=lambda row: "" if row.theirs is None else row.theirs),
        Column(key="ours", label=pgettext_lazy("reconciliation column", "With us"), align="num",
               export=lambda row: "" if row.ours is None else row.ours),
        Column(key="difference", label=pgettext_lazy("reconciliation column", "Difference"), align="num",
               export="difference"),
        Column(key="currency", label=pgettext_lazy("reconciliation column", "Currency"), export="currency",
               css_class="hidden"),
        Column(key="age", label=pgettext_lazy("reconciliation column", "Age"), sort="happened_at", align="end",
               export="happened_at"),
        Column(key="owner", label=pgettext_lazy("reconciliation column", "Owner"), export="owner_label"),
        Column(key="state", label=pgettext_lazy("reconciliation column", "State"), sort="state",
               export=lambda row: row.get_state_display()),
    ],
)  # fmt: skip
LINES = TableSpec(
    default_sort="number",
    page_size=50,
    columns=[
        Column(key="reference", label=pgettext_lazy("reconciliation column", "Reference"), export="reference"),
        Column(key="own", label=pgettext_lazy("reconciliation column", "Our id"), export="own", css_class="hidden"),
        Column(key="number", label=pgettext_lazy("reconciliation column", "Row"), sort="number", export="number"),
        Column(key="kind", label=pgettext_lazy("reconciliation column", "Kind"),
               export=lambda row: row.get_kind_display()),
        Column(key="at", label=pgettext_lazy("reconciliation column", "Time"), export="at"),
        Column(key="amount", label=pgettext_lazy("reconciliation column", "There"), align="num",
               export="amount"),
        Column(key="ours", label=pgettext_lazy("reconciliation column", "With us"), align="num",
               export=lambda row: "" if row.ours is None else row.ours),
        Column(key="currency", label=pgettext_lazy("reconciliation column", "Currency"), export="currency",
               css_class="hidden"),
        Column(key="fee", label=pgettext_lazy("reconciliation column", "Fee"), align="num",
               export="fee"),
        Column(key="state", label=pgettext_lazy("reconciliation column", "State"),
               export=lambda row: row.get_state_display()),
    ],
)  # fmt: skip


def export_rows(spec: TableSpec, rows: QuerySet[Any]) -> Iterator[Cells]:
    return map(spec.export_cells, rows.iterator(chunk_size=500))
