"""Lucide icons as inline SVG."""

from functools import lru_cache

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from lucide import IconDoesNotExist
from lucide import _render_icon as render_lucide

# Icons that point along the reading direction. Checks, clocks, media controls, logos, phones and candlesticks never flip.
FLIPPED_IN_RTL = frozenset({
    "arrow-left", "arrow-right", "arrow-left-to-line", "arrow-right-to-line", "arrow-down-left", "arrow-down-right",
    "arrow-up-left", "arrow-up-right", "chevron-left", "chevron-right", "chevrons-left", "chevrons-right",
    "chevron-first", "chevron-last", "corner-down-left", "corner-down-right", "corner-up-left", "corner-up-right",
    "external-link", "log-in", "log-out", "move-left", "move-right", "panel-left", "panel-right", "redo", "reply",
    "reply-all", "forward", "send", "send-horizontal", "skip-forward", "skip-back", "square-arrow-out-up-right",
    "undo", "list", "list-checks", "list-todo", "list-indent-increase", "list-indent-decrease",
    "text-quote", "message-square-text", "step-forward", "step-back", "between-horizontal-start",
})  # fmt: skip

__all__ = ["FLIPPED_IN_RTL", "IconDoesNotExist", "icon_svg"]


@lru_cache(maxsize=1024)
def icon_svg(name: str, size: int = 20, css_class: str = "", label: str = "") -> SafeString:
    """The icon's SVG, hidden from screen readers unless `label` names it.

    Raises IconDoesNotExist for a name lucide does not have, so that a misspelt icon fails its page's test.
    """
    classes = " ".join(part for part in ("ui-icon", "flip-rtl" if name in FLIPPED_IN_RTL else "", css_class) if part)
    svg = render_lucide(name, size)
    meaning = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    compact = "".join(line.strip() for line in svg.splitlines())
    return mark_safe(  # noqa: S308  lucide's own file, the two inserted texts are escaped
        compact.replace("<svg ", f'<svg class="{escape(classes)}" focusable="false" {meaning} ', 1)
    )
