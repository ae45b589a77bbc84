"""Sparklines: a line of numbers as inline SVG, without script and without style attributes."""

from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_PADDING = 2
_CLASSES = {"brand": "text-brand", "up": "text-up", "down": "text-down", "muted": "text-muted"}


def sparkline_points(values: Sequence[float], width: int, height: int) -> list[tuple[float, float]]:
    """Pixel positions, first value on the left, highest value on top; a flat line runs through the middle."""
    numbers = [float(value) for value in values]
    if len(numbers) < 2:
        return []
    low, high = min(numbers), max(numbers)
    step = (width - 2 * _PADDING) / (len(numbers) - 1)
    room = height - 2 * _PADDING

    def level(value: float) -> float:
        return height / 2 if high == low else _PADDING + room * (high - value) / (high - low)

    return [(round(_PADDING + index * step, 2), round(level(value), 2)) for index, value in enumerate(numbers)]


def sparkline_svg(
    values: Sequence[float], width: int = 96, height: int = 28, *, label: str = "", tone: str = "brand"
) -> SafeString:
    """An `<svg>` with a line and a soft fill; time runs left to right in every language.

    `tone` "auto" is green when the last value is above the first and red when below.
    """
    points = sparkline_points(values, width, height)
    if not points:
        return SafeString('<span class="text-muted" aria-hidden="true">–</span>')
    if tone == "auto":
        tone = "up" if values[-1] > values[0] else "down" if values[-1] < values[0] else "muted"
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    area = f"{points[0][0]:g},{height} {line} {points[-1][0]:g},{height}"
    meaning = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return mark_safe(  # noqa: S308  numbers and one escaped label
        f'<svg class="ui-sparkline {_CLASSES.get(tone, "text-brand")}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" preserveAspectRatio="none" {meaning}>'
        f'<polygon points="{area}" fill="currentColor" opacity=".12"/>'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5" '
        'stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"/></svg>'
    )
