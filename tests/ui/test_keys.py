"""Deciding all day without the mouse: single keys, and where the focus is after a swap."""

from __future__ import annotations

import pytest

from .conftest import OpenPage

pytestmark = pytest.mark.browser
PANE = """() => {
  const pane = document.createElement("div");
  pane.innerHTML = '<a id="next" data-hotkey="j" href="#next">Next</a><a id="off" data-hotkey="k" role="link" aria-disabled="true">Back</a>'
    + '<a id="help" data-hotkey="?" href="#help">Keys</a><input id="field"><h2 id="first" tabindex="-1" data-focus-new="1">First</h2>';
  document.querySelector("main").prepend(pane);
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
