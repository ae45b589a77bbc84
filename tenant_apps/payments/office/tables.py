"""Columns of the money inbox; the same ones make the exports."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.ui.tables import Column, TableSpec

from ..words import failure_words, method_name, reason_words

DEPOSITS = TableSpec(
    default_sort="-created",
    page_size=40,
    columns=[
        Column(key="client", label=pgettext_lazy("payments column", "Client"), export=lambda row: row.client.name),
        Column(key="number", label=pgettext_lazy("payments column", "Client number"),
               export=lambda row: row.client.number, css_class="hidden"),
        Column(key="reference", label=pgettext_lazy("payments column", "Reference"), export="reference"),
        Column(key="method", label=pgettext_lazy("payments column", "Method"), sort="method",
               export=lambda row: method_name(row.method)),
        Column(key="state", label=pgettext_lazy("payments column", "State"), sort="state",
               export=lambda row: row.get_state_display()),
        Column(key="amount", label=pgettext_lazy("payments column", "Amount"), sort="amount_minor", align="num",
               export="amount"),
        Column(key="currency", label=pgettext_lazy("payments column", "Currency"), export="currency",
               css_class="hidden"),
        Column(key="fee", label=pgettext_lazy("payments column", "Fee"), export="fee",
               css_class="hidden"),
        Column(key="created", label=pgettext_lazy("payments column", "Time"), sort="created_at", align="end",
               export="created_at"),
        Column(key="failure", label=pgettext_lazy("payments column", "Failure"), css_class="hidden",
               export=lambda row: failure_words(row.failure) if row.failure else ""),
    ],
)  # fmt: skip
WITHDRAWALS = TableSpec(
    default_sort="-created",
    page_size=40,
    columns=[
        Column(key="client", label=pgettext_lazy("payments column", "Client"), export=lambda row: row.client.name),
        Column(key="number", label=pgettext_lazy("payments column", "Client number"),
               export=lambda row: row.client.number, css_class="hidden"),
        Column(key="reference", label=pgettext_lazy("payments column", "Reference"), export="reference"),
        Column(key="risk", label=pgettext_lazy("payments column", "Risk"), sort="risk", export="risk"),
        Column(key="state", label=pgettext_lazy("payments column", "State"), sort="state",
               export=lambda row: row.get_state_display()),
        Column(key="amount", label=pgettext_lazy("payments column", "Amount"), sort="amount_minor", align="num",
               export="amount"),
        Column(key="currency", label=pgettext_lazy("payments column", "Currency"), export="currency",
               css_class="hidden"),
        Column(key="fee", label=pgettext_lazy("payments column", "Fee"), export="fee", css_class="hidden"),
        Column(key="net", label=pgettext_lazy("payments column", "To be sent"), export="net", css_class="hidden"),
        Column(key="paid", label=pgettext_lazy("payments column", "Sent"), export="paid", css_class="hidden"),
        Column(key="fee_taken", label=pgettext_lazy("payments column", "Fee kept"), export="fee_taken", css_class="hidden"),
        Column(key="who", label=pgettext_lazy("payments column", "Proposed by"), export="proposer_label",
               css_class="hidden"),
        Column(key="method", label=pgettext_lazy("payments column", "Method"), css_class="hidden",
               export=lambda row: method_name(row.method) if row.method else ""),
        Column(key="due", label=pgettext_lazy("payments column", "Promised for"), sort="due_at", align="end",
               export="due_at"),
        Column(key="created", label=pgettext_lazy("payments column", "Time"), sort="created_at", align="end",
               export="created_at"),
        Column(key="reason", label=pgettext_lazy("payments column", "Reason"), css_class="hidden",
               export=lambda row: reason_words(row.reason) if row.reason else ""),
    ],
)  # fmt: skip
