"""The providers' own pages as a payer meets them."""

from __future__ import annotations

from playwright.sync_api import Page

CARD = {"number": "4111111111111111", "expiry": "12/30", "cvv": "123", "name": "LAYLA"}
CURP = "OEAM900402MPLLLR07"


def pay(page: Page, kind: str, *, method: str, email: str, name: str) -> None:
    """Pay what the page asks for; the browser then goes back by itself."""
    if kind == "stripe":
        _stripe(page, method, email, name)
    elif kind == "dlocal":
        page.fill("#document", CURP)
        page.locator("button[name=decision][value=pay]").click()
        page.locator("button[name=decision][value=approve]").click()
    else:
        for field, value in CARD.items():
            page.fill(f"#{field}", value)
        page.locator("button[name=decision][value=pay]").click()
    page.wait_for_load_state()


def _stripe(page: Page, method: str, email: str, name: str) -> None:
    page.locator(f"[name=method][value={method}]").check(force=True)
    for field, value in {"email": email, "name": name}.items():
        box = page.locator(f"input[name={field}]")
        if box.count() and box.first.is_visible() and not box.first.input_value():
            box.first.fill(value)
    page.locator("form button[type=submit]").last.click()
    page.locator("button[name=decision][value=approve]").click()
