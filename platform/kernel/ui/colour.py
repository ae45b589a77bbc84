"""Colour mathematics: WCAG contrast and OKLCH, on sRGB hex colours."""

import math
import re
from dataclasses import dataclass

_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


@dataclass(frozen=True, slots=True)
class Colour:
    """An sRGB colour, components 0 to 1."""

    red: float
    green: float
    blue: float

    @classmethod
    def parse(cls, text: str) -> "Colour":
        """From `#0f766e` or `#abc`. Raises ValueError for anything else: a brand colour is never raw CSS."""
        match = _HEX.fullmatch(text.strip())
        if not match:
            raise ValueError(f"not a hex colour: {text!r}")
        digits = match[1] if len(match[1]) == 6 else "".join(char * 2 for char in match[1])
        return cls(*(int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)))

    @property
    def hex(self) -> str:
        """`#rrggbb`."""
        return "#" + "".join(f"{round(part * 255):02x}" for part in (self.red, self.green, self.blue))

    @property
    def luminance(self) -> float:
        """Relative luminance, WCAG 2.2."""
        red, green, blue = (_linear(part) for part in (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _encoded(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio from 1 to 21, WCAG 2.2 section 1.4.3."""
    light, dark = sorted((one.luminance, other.luminance), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _to_oklab(colour: Colour) -> tuple[float, float, float]:
    """Björn Ottosson's OKLab, the space CSS Color 4 mixes in."""
    red, green, blue = (_linear(part) for part in (colour.red, colour.green, colour.blue))
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _linear_of(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> Colour:
    """Back to sRGB; a colour outside the gamut loses chroma, never hue."""
    for _ in range(40):
        parts = _linear_of(lightness, a, b)
        if all(-0.0005 <= part <= 1.0005 for part in parts):
            break
        a, b = a * 0.94, b * 0.94
    return Colour(*(_encoded(min(1.0, max(0.0, part))) for part in parts))


def mix(one: Colour, share: float, other: Colour) -> Colour:
    """CSS `color-mix(in oklab, one share, other)`; `share` from 0 to 1."""
    parts = (
        first * share + second * (1 - share) for first, second in zip(_to_oklab(one), _to_oklab(other), strict=True)
    )
    lightness, a, b = parts
    return _from_oklab(lightness, a, b)


def with_lightness(colour: Colour, lightness: float) -> Colour:
    """The same hue at another OKLab lightness, 0 to 1."""
    _, a, b = _to_oklab(colour)
    return _from_oklab(min(1.0, max(0.0, lightness)), a, b)


def lightness_of(colour: Colour) -> float:
    """OKLab lightness, 0 to 1."""
    return _to_oklab(colour)[0]
