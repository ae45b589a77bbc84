"""The style guide: every component in its states. Mounted in DEBUG and in the demo only."""

import math
from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import pgettext_lazy

from kernel.ui.charts import Chart, Series
from kernel.ui.formatting import now
from kernel.ui.forms import (
    CardRadioSelect,
    CountryField,
    DateInput,
    MoneyField,
    PhoneField,
    UiForm,
    UploadInput,
)
from kernel.ui.tables import Column, Page, TableSpec
from kernel.ui.variants import BUTTON_VARIANTS

_CLIENTS = [
    ("Layla Al Mansoori", "layla.al.mansoori@example.com", "50012841", "AE", "success", 109698, 11364),
    ("Jonas Weber", "jonas.weber@example.com", "50012878", "DE", "success", 217729, 17708),
    ("Priya Sharma", "priya.sharma@example.com", "50012915", "IN", "warning", 2601269, -78624),
    ("عمر خليل", "omar.khalil@example.com", "50012952", "EG", "success", 22175541, 764465),
    ("Emma Thompson", "emma.thompson@example.com", "50012989", "GB", "danger", 1882951, -52853),
    ("Алия Нурланова", "aliya.nurlanova@example.com", "50013026", "KZ", "neutral", 363640, 0),
]
_STATUS = {
    "success": pgettext_lazy("style guide", "Approved"),
    "warning": pgettext_lazy("style guide", "Pending review"),
    "danger": pgettext_lazy("style guide", "Rejected"),
    "neutral": pgettext_lazy("style guide", "Not started"),
}
_TABLE = TableSpec(
    default_sort="-balance",
    columns=[
        Column(key="client", label=pgettext_lazy("style guide", "Client"), sort="name"),
        Column(key="account", label=pgettext_lazy("style guide", "Account")),
        Column(key="kyc", label=pgettext_lazy("style guide", "KYC"), sort="kyc"),
        Column(key="balance", label=pgettext_lazy("style guide", "Balance"), sort="balance", align="num"),
        Column(key="profit", label=pgettext_lazy("style guide", "P&L, 30 days"), sort="profit", align="num"),
        Column(key="seen", label=pgettext_lazy("style guide", "Last seen"), sort="seen", align="end"),
    ],
)


class ExampleForm(UiForm, forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=pgettext_lazy("style guide", "Full name"))
    email = forms.EmailField(
        label=pgettext_lazy("style guide", "E-mail"),
        help_text=pgettext_lazy("style guide", "We send a confirmation link there."),
    )
    phone = PhoneField(label=pgettext_lazy("style guide", "Phone"), required=False)
    country = CountryField(label=pgettext_lazy("style guide", "Country"))
    amount = MoneyField(label=pgettext_lazy("style guide", "Amount"), currency="EUR")
    born = forms.DateField(label=pgettext_lazy("style guide", "Date of birth"), widget=DateInput)
    leverage = forms.ChoiceField(
        label=pgettext_lazy("style guide", "Account type"),
        choices=[("pro", "MT5 Pro"), ("raw", "MT5 Raw ECN")],
        widget=CardRadioSelect,
    )
    note = forms.CharField(
        label=pgettext_lazy("style guide", "Note"), widget=forms.Textarea(attrs={"rows": 3}), required=False
    )
    passport = forms.FileField(
        label=pgettext_lazy("style guide", "Passport"),
        required=False,
        widget=UploadInput(accept="image/*,application/pdf", max_bytes=8_000_000),
    )
    terms = forms.BooleanField(label=pgettext_lazy("style guide", "I accept the terms of business"))


def _charts() -> dict[str, Chart]:
    today = now().date()
    days = [today - timedelta(days=89 - index) for index in range(90)]
    equity = [42000 + 70 * i + 1400 * math.sin(i / 7) + 500 * math.sin(i / 2.3) for i in range(90)]
    money = pgettext_lazy("style guide", "Equity")
    months = ["Jun", "Jul", "Aug", "Sep", "Oct", "Nov"]
    day_label = pgettext_lazy("style guide", "Day")
    return {
        "equity": Chart(kind="area", x=days, series=[Series(name=money, values=equity)], currency="USD", x_label=day_label),
        "flows": Chart(
            kind="bar", x=months, x_label=pgettext_lazy("style guide", "Month"), currency="EUR", places=0, zero=True,
            series=[
                Series(name=pgettext_lazy("style guide", "Deposits"), values=[310, 342, 298, 401, 455, 489]),
                Series(name=pgettext_lazy("style guide", "Withdrawals"), values=[120, 98, 143, 160, 151, 172], tone="muted"),
            ],
        ),
        "funnel": Chart(
            kind="funnel", x=["Leads", "Registered", "KYC", "FTD"], places=0,
            x_label=pgettext_lazy("style guide", "Stage"),
            series=[Series(name=pgettext_lazy("style guide", "Clients"), values=[1240, 640, 410, 232])],
        ),
    }  # fmt: skip


def _rows() -> list[dict[str, Any]]:
    today = now()
    return [
        {
            "name": name, "email": email, "account": account, "country": country, "tone": tone, "status": _STATUS[tone],
            "balance": (balance, "USD"), "profit": (profit, "USD"), "seen": today - timedelta(hours=7 * index + 0.4),
            "trend": [math.sin((index + step) / 2) + step * (0.1 if profit > 0 else -0.1) for step in range(16)],
        }
        for index, (name, email, account, country, tone, balance, profit) in enumerate(_CLIENTS)
    ]  # fmt: skip


def _columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    titles = [
        ("new", pgettext_lazy("style guide", "New"), "info"),
        ("contacted", pgettext_lazy("style guide", "Contacted"), "warning"),
        ("funded", pgettext_lazy("style guide", "Funded"), "success"),
    ]
    return [
        {"key": key, "title": title, "tone": tone, "rows": rows[2 * index : 2 * index + 2]}
        for index, (key, title, tone) in enumerate(titles)
    ]


def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component on one page, in the office's shell or, with `?shell=portal`, in another."""
    shell = request.GET.get("shell", "office")
    invalid = ExampleForm({"email": "lina@", "amount": "-1", "name": "", "terms": ""})
    invalid.is_valid()
    rows = _rows()
    context = {
        "shell": f"shell_{shell if shell in {'office', 'portal', 'console', 'site'} else 'office'}.html",
        "tones": ["neutral", "brand", "info", "success", "warning", "danger"],
        "variants": list(BUTTON_VARIANTS),
        "rows": rows,
        "table": {"headings": _TABLE.headings(request.GET)},
        "page": Page(rows=rows, size=6, number=2, pages=9, total=52, previous_query="?page=1", next_query="?page=3"),
        "form": ExampleForm(),
        "invalid_form": invalid,
        "charts": _charts(),
        "columns": _columns(rows),
        "crumbs": [(pgettext_lazy("style guide", "Clients"), "/styleguide/"), ("50012841", "")],
        "amounts": [(125050, "USD"), (-98765432, "EUR"), (1250000, "KWD"), (150000000, "BTC"), (4500000, "KZT"), (0, "JPY")],
        "moment": now() - timedelta(hours=3, minutes=12),
    }  # fmt: skip
    return render(request, "ui/styleguide.html", context)


def styleguide_notifications(request: HttpRequest) -> HttpResponse:
    """The fragment the bell loads in the style guide."""
    return render(request, "ui/styleguide.html#notifications", {"moment": now()})
