"""Pieces the control pages share: plain tables and buttons that work by keyboard and without script."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sandbox._delivery import Faults
from sandbox._html import Child, Markup, document, el
from sandbox._web import Request, Response

STYLESHEET = "/static/control.css"
FAULT_LABELS = {
    "deliver_twice": "Deliver every notification twice",
    "out_of_order": "Deliver out of order (newest first)",
    "delay_ms": "Delay notifications by (ms)",
    "drop_first": "Drop the next deliveries (count)",
    "tamper_signature": "Tamper with the signature of the next deliveries (count)",
    "old_timestamp": "Sign the next deliveries ten minutes ago (count)",
    "api_delay_ms": "Slow API: answer after (ms)",
    "api_error_before_commit": "API answers 500 and does nothing (count)",
    "api_error_after_commit": "API does it, then answers 500 (count)",
    "api_reset_after_commit": "API does it, then resets the connection (count)",
    "api_unauthorized": "API refuses the key (401)",
}


def page(service: str, title: str, *body: Child) -> str:
    """A control page of ``service``, marked as a test."""
    banner = el("p", f"{service}: test mode, no money moves", class_="banner")
    return document(banner, el("main", *body), title=f"{title} · {service}", stylesheet=STYLESHEET)


def faults_form(action: str, faults: Faults, without: frozenset[str] = frozenset()) -> Markup:
    """All faults of an account but those the provider cannot have."""
    inputs = []
    for item in fields(Faults):
        if item.name in without:
            continue
        value = getattr(faults, item.name)
        if isinstance(value, bool):
            box = el("input", type="checkbox", name=item.name, value="true", checked=value)
            inputs.append(el("label", box, " ", FAULT_LABELS[item.name], class_="check"))
        else:
            number = el("input", type="number", name=item.name, value=value, min="0", max="600000")
            inputs.append(el("label", el("span", FAULT_LABELS[item.name]), number))
    form = el("form", inputs, el("button", "Set faults"), method="post", action=action, class_="grid")
    return el("section", el("h2", "Faults"), form, id="faults")


def table(title: str, anchor: str, head: list[str], rows: list[list[Child]]) -> Markup:
    """A table that scrolls by itself on narrow screens."""
    if not rows:
        return el("section", el("h2", title), empty("Nothing yet."), id=anchor)
    body = [el("tr", [el("td", cell) for cell in row]) for row in rows]
    grid = el("table", el("thead", el("tr", [el("th", text, scope="col") for text in head])), el("tbody", body))
    scroller = el("div", grid, class_="scroll", tabindex="0", role="region", aria_label=title)
    return el("section", el("h2", title), scroller, id=anchor)


def empty(text: str) -> Markup:
    return el("p", text, class_="empty")


def button(action: str, label: str, about: str, **values: str) -> Markup:
    """One action on one object; ``about`` tells screen readers which."""
    hidden = [el("input", type="hidden", name=name, value=value) for name, value in values.items()]
    pressed = el("button", label, type="submit", aria_label=f"{label} {about}")
    return el("form", hidden, pressed, method="post", action=action, class_="inline")


def when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def text(value: Any) -> str:
    return "" if value is None else str(value)


def deliveries_table(base: str, deliveries: list[dict[str, Any]], subject: str) -> Markup:
    """What was sent where and with what success, with a button to send it again."""
    rows: list[list[Child]] = [
        [
            str(item["id"]), item["kind"], el("code", item["subject"]), item["url"],
            f"{item['state']} ({item['attempts']})", item["error"] or text(item["status"]),
            button(f"{base}/deliveries/{item['id']}/redeliver", "Redeliver", str(item["id"])),
        ]
        for item in deliveries
    ]  # fmt: skip
    head = ["No.", "Type", subject, "Address", "State (attempts)", "Last answer", "Actions"]
    return table("Deliveries", "deliveries", head, rows)


def is_foreign(request: Request) -> bool:
    """Another site must not press buttons here."""
    return request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def refused() -> Response:
    return Response(b"Cross-site request refused\n", 403)
