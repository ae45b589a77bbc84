"""Deciding all day without the mouse: single keys, and where the focus is after a swap."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage

pytestmark = pytest.mark.browser
PANE = """() => {
  const pane = document.createElement("div");
  pane.innerHTML = '<a id="next" data-hotkey="j" href="#next">Next</a><a id="off" data-hotkey="k" role="link" aria-disabled="true">Back</a>'
    + '<a id="help" data-hotkey="?" href="#help">Keys</a><input id="field"><h2 id="first" tabindex="-1" data-focus-new="1">First</h2>';
  document.querySelector("main").prepend(pane);
}"""
WIDE = """() => {
  const part = document.createElement("div");
  part.innerHTML = '<p id="wide">Wide</p><form data-confirm="Sure?" data-confirm-tone="primary"><button id="ask">Ask</button></form>';
  document.querySelector("main").prepend(part);
  document.getElementById("wide").style.inlineSize = "37rem";
}"""
INSIDE = """(button) => {
  const box = button.getBoundingClientRect();
  return box.left >= 0 && box.right <= innerWidth && innerWidth < 400;
}"""
FORM = """() => {
  const main = document.querySelector("main");
  main.innerHTML = '<div hidden><input aria-invalid="true"></div><form hx-get="/test/refused/"><input id="typed"><button>Send</button></form>';
  htmx.process(main);
}"""
SETTLE = """() => document.dispatchEvent(new CustomEvent("htmx:after:settle", { bubbles: true }))"""


def test_keys_work_but_not_while_somebody_types(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")
    page.evaluate(PANE)
    page.keyboard.press("j")
    assert page.evaluate("location.hash") == "#next"
    page.keyboard.press("?")
    assert page.evaluate("location.hash") == "#help"
    page.focus("#field")
    page.keyboard.press("j")
    assert page.input_value("#field") == "j"
    assert page.evaluate("location.hash") == "#help"


def test_what_a_swap_brings_takes_the_focus_once(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")
    page.evaluate(PANE)
    page.evaluate(SETTLE)
    assert page.evaluate("document.activeElement.id") == "first"
    page.focus("#field")
    page.evaluate(SETTLE)  # a live refresh of the same request takes nothing from who types
    assert page.evaluate("document.activeElement.id") == "field"
    page.evaluate("document.querySelector('#first').dataset.focusNew = '2'")
    page.evaluate(SETTLE)
    assert page.evaluate("document.activeElement.id") == "first"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_question_stays_in_the_window_of_a_page_that_is_too_wide(open_page: OpenPage, language: str) -> None:
    """A phone widens its window to what a page needs, and the sheet was drawn half outside of it."""
    page = open_page("/styleguide/", language=language, phone=True)
    page.evaluate(WIDE)
    page.locator("#ask").dispatch_event("click")  # where it lies is not the question
    buttons = page.locator("#ui-confirm button:visible")
    assert [button.evaluate(INSIDE) for button in buttons.all()] == [True, True]
    for button in buttons.all():
        button.click(trial=True)


def test_a_refused_page_shows_its_first_wrong_field(open_page: OpenPage) -> None:
    page = open_page("/test/refused/", phone=True)
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("aria-invalid", "true")
    expect(focused).to_be_in_viewport()
    assert page.evaluate("scrollY") > 1000
    page = open_page("/styleguide/", phone=True)  # the control: the same page, and nothing was refused
    assert page.evaluate("[scrollY, document.activeElement.tagName]") == [0, "BODY"]


def test_a_refused_part_takes_the_focus_to_its_first_wrong_field(open_page: OpenPage) -> None:
    page = open_page("/styleguide/")
    page.evaluate(FORM)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#wrong")).to_be_focused()
