"""Builds pages out of elements, so that text is escaped because there is no other way to put it in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Union

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


class Markup(str):
    """Text that already is HTML."""

    __slots__ = ()


Child = Union[str, int, None, "Iterable[Child]"]  # noqa: UP007 (a name in quotes cannot be joined by |)
Value = str | int | bool | None


def render(child: Child) -> Markup:
    """One child or a nested list of them; plain text is escaped, None is nothing."""
    if child is None:
        return Markup("")
    if isinstance(child, Markup):
        return child
    if isinstance(child, (str, int)):
        return Markup(escape(str(child)))
    return Markup("".join(render(item) for item in child))


def el(tag: str, *children: Child, **attributes: Value) -> Markup:
    """An element. ``class_``, ``for_`` and ``aria_label`` become class, for and aria-label; True is a bare
    attribute, False and None leave it out."""
    written = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = name.rstrip("_").replace("_", "-")
        written.append(f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"')
    opening = f"<{tag}{''.join(written)}>"
    if tag in VOID:
        return Markup(opening)
    return Markup(f"{opening}{render(children)}</{tag}>")


def document(
    *body: Child,
    title: str,
    stylesheet: str,
    language: str = "en",
    direction: str = "ltr",
    head: Child = None,
) -> str:
    """A whole page with one stylesheet."""
    page = el(
        "html",
        el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="robots", content="noindex"),
            el("title", title),
            el("link", rel="icon", href="data:,"),
            el("link", rel="stylesheet", href=stylesheet),
            head,
        ),
        el("body", *body),
        lang=language,
        dir=direction,
    )
    return f"<!doctype html>\n{page}\n"
