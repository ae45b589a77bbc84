"""Forms of the office pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext, pgettext_lazy

from kernel.ui.forms import UiForm

from .editing import STOP_EVENTS
from .models import Segment, Series

HOURS = [(hour, f"{hour:02d}:00") for hour in range(25)]
_STOP_WORDS = {
    "payments.deposit_credited": pgettext_lazy("stop event", "A deposit is credited"),
    "trading.account_opened": pgettext_lazy("stop event", "A trading account is opened"),
    "kyc.approved": pgettext_lazy("stop event", "The identity is approved"),
    "payments.withdrawal_requested": pgettext_lazy("stop event", "A withdrawal is requested"),
}
TONES = [
    ("neutral", pgettext_lazy("segment colour", "Grey")),
    ("brand", pgettext_lazy("segment colour", "Brand colour")),
    ("info", pgettext_lazy("segment colour", "Blue")),
    ("success", pgettext_lazy("segment colour", "Green")),
    ("warning", pgettext_lazy("segment colour", "Yellow")),
    ("danger", pgettext_lazy("segment colour", "Red")),
]


class SegmentForm(UiForm, forms.Form):
    name = forms.CharField(label=pgettext_lazy("segment", "Name"), max_length=80)
    description = forms.CharField(label=pgettext_lazy("segment", "What it is for"), max_length=300, required=False)
    tone = forms.ChoiceField(label=pgettext_lazy("segment", "Colour of the badge"), choices=TONES)


class SeriesForm(UiForm, forms.Form):
    name = forms.CharField(label=pgettext_lazy("mail series", "Name"), max_length=80)
    segment = forms.ModelChoiceField(
        label=pgettext_lazy("mail series", "Begins when a client enters"), queryset=Segment.objects.none(), empty_label=None
    )  # fmt: skip
    window_from = forms.TypedChoiceField(
        label=pgettext_lazy("mail series", "Send from"), choices=HOURS[:24], coerce=int, initial=8,
        help_text=pgettext_lazy("mail series", "In the client's time zone. A mail on day 0 goes out at once."),
    )  # fmt: skip
    window_to = forms.TypedChoiceField(
        label=pgettext_lazy("mail series", "until"), choices=HOURS, coerce=int, initial=21
    )
    gap_hours = forms.IntegerField(
        label=pgettext_lazy("mail series", "Hours between two mails, at least"), min_value=0, max_value=336, initial=12
    )
    per_minute = forms.IntegerField(
        label=pgettext_lazy("mail series", "Mails per minute, at most"), min_value=1, max_value=100_000, initial=600
    )
    stop_on_leave = forms.BooleanField(
        label=pgettext_lazy("mail series", "Stop when the client leaves the segment"), required=False
    )
    stop_events = forms.MultipleChoiceField(
        label=pgettext_lazy("mail series", "Stop when this happens"),
        choices=[(name, _STOP_WORDS[name]) for name in STOP_EVENTS],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["segment"]
        field.queryset = Segment.objects.filter(active=True).order_by("name")

    @staticmethod
    def initial_of(series: Series) -> dict[str, Any]:
        names = (
            "name",
            "segment",
            "window_from",
            "window_to",
            "gap_hours",
            "per_minute",
            "stop_on_leave",
            "stop_events",
        )
        return {name: getattr(series, name) for name in names}


def language_choices() -> list[tuple[str, str]]:
    return [(code, gettext(name)) for code, name in settings.LANGUAGES]


BLOCK_KINDS = [
    ("text", pgettext_lazy("mail block", "Paragraph")),
    ("heading", pgettext_lazy("mail block", "Heading")),
    ("list", pgettext_lazy("mail block", "List, one line each")),
    ("facts", pgettext_lazy("mail block", "Facts, one line each as “Name: value”")),
    ("button", pgettext_lazy("mail block", "Button")),
]


def blocks_from_post(data: Any, act: str = "", at: int = -1) -> list[dict[str, Any]]:
    """The blocks of a mail in a form, after the button that was pressed ("add:<kind>", "remove", "up", "down")."""
    blocks: list[dict[str, Any]] = []
    index = 0
    while (kind := data.get(f"b.{index}.kind")) and index < 60:
        text = str(data.get(f"b.{index}.text", "")).replace("\r\n", "\n").strip()[:5000]
        block: dict[str, Any] = {"kind": kind}
        if kind == "list":
            block["items"] = [line.strip() for line in text.split("\n") if line.strip()]
        elif kind == "facts":
            block["rows"] = [_fact(line) for line in text.split("\n") if line.strip()]
        else:
            block["text"] = text
        if kind == "button":
            block["url"] = str(data.get(f"b.{index}.url", "")).strip()[:500]
        blocks.append(block)
        index += 1
    if act.startswith("add:") and act[4:] in dict(BLOCK_KINDS):
        fresh: dict[str, Any] = {"kind": act[4:]}
        if act[4:] == "list":
            fresh["items"] = []
        elif act[4:] == "facts":
            fresh["rows"] = []
        else:
            fresh["text"] = ""
        if act[4:] == "button":
            fresh["url"] = "{portal_url}/"
        blocks.append(fresh)
    elif act == "remove" and 0 <= at < len(blocks):
        blocks.pop(at)
    elif act in ("up", "down") and 0 <= at < len(blocks):
        to = at - 1 if act == "up" else at + 1
        if 0 <= to < len(blocks):
            blocks[at], blocks[to] = blocks[to], blocks[at]
    return blocks


def _fact(line: str) -> list[str]:
    label, _, value = line.partition(":")
    return [label.strip(), value.strip()]


def drawn(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For the template: the lines of a list or of facts as one text."""
    return [{**block, "lines": "\n".join(_lines(block))} for block in blocks]


def _lines(block: dict[str, Any]) -> list[str]:
    if block["kind"] == "facts":
        return [f"{label}: {value}" for label, value in block["rows"]]
    return list(block.get("items", ()))


def text_from_post(data: Any) -> dict[str, Any]:
    return {
        "subject": str(data.get("subject", "")).strip()[:200],
        "preheader": str(data.get("preheader", "")).strip()[:200],
        "heading": str(data.get("heading", "")).strip()[:200],
        "blocks": [
            block for block in blocks_from_post(data) if block.get("text") or block.get("items") or block.get("rows")
        ],
    }
