"""Pictures of the demo's own making: logos of the brokerages and identity documents marked SAMPLE."""

from __future__ import annotations

import io
from functools import lru_cache
from math import cos, pi, sin

from PIL import Image, ImageDraw, ImageFont

from .brokers import Broker
from .names import Person

WHITE = "#ffffff"
INK = "#0f172a"
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=16)
def _font(size: int) -> Font:
    """Pillow's own typeface, so that the machine needs none. It knows Latin letters only."""
    return ImageFont.load_default(size=size)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()


# --- logos ---------------------------------------------------------------------------------------------------------

SCALE = 4  # drawn large and reduced, for smooth edges


def mark(broker: Broker) -> bytes:
    """The square mark: the brokerage's glyph on its colour, 512 pixels."""
    size = 512 * SCALE // 2
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, size - 1, size - 1), _rounding(broker, size), fill=broker.colour)
    _GLYPHS[broker.glyph](draw, (0, 0, size, size), WHITE, broker.second_colour)
    return _png(image.resize((512, 512), Image.Resampling.LANCZOS))


def logo(broker: Broker, *, dark: bool) -> bytes:
    """Mark and name beside each other, 640 by 160 at most, on nothing; `dark` is for dark pages."""
    height = 160 * 2
    font = _font(118)
    left, top, right, bottom = font.getbbox(broker.name)
    image = Image.new("RGBA", (height + 60 + int(right - left) + 20, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, height - 1, height - 1), _rounding(broker, height), fill=broker.colour)
    _GLYPHS[broker.glyph](draw, (0, 0, height, height), WHITE, broker.second_colour)
    at = (height + 60 - left, (height - (bottom - top)) / 2 - top)
    draw.text(at, broker.name, font=font, fill=WHITE if dark else INK, stroke_width=2)
    image.thumbnail((640, 160), Image.Resampling.LANCZOS)
    return _png(image)


def _rounding(broker: Broker, size: int) -> int:
    return {"none": 0, "sm": size // 16, "md": size // 7, "lg": size // 4, "pill": size // 2}[broker.radius]


Box = tuple[int, int, int, int]


def _wind(draw: ImageDraw.ImageDraw, box: Box, first: str, second: str) -> None:
    """Three gusts, each a bar with a curl."""
    left, _, right, bottom = box
    size = bottom
    width = size // 13
    for row, (share, colour) in enumerate(((0.44, first), (0.56, second), (0.36, first))):
        y = int(size * (0.34 + 0.17 * row))
        end = int(left + (right - left) * (0.16 + share))
        draw.line((left + int(size * 0.16), y, end, y), fill=colour, width=width)
        curl = size // 9
        draw.arc(
            (end - curl, y - 2 * curl + width // 2, end + curl, y + width // 2), -180, 90, fill=colour, width=width
        )


def _star(draw: ImageDraw.ImageDraw, box: Box, first: str, second: str) -> None:
    """An eight-pointed star of two squares, as in the region's ornaments, with a light in it."""
    size = box[2]
    centre, radius = size / 2, size * 0.34
    for turn, colour in ((0.0, first), (pi / 4, first)):
        points = [
            (centre + radius * cos(turn + corner * pi / 2), centre + radius * sin(turn + corner * pi / 2))
            for corner in range(4)
        ]
        draw.polygon(points, fill=colour)
    inner = size * 0.13
    draw.ellipse((centre - inner, centre - inner, centre + inner, centre + inner), fill=second)


def _road(draw: ImageDraw.ImageDraw, box: Box, first: str, second: str) -> None:
    """A road that winds up to the sun."""
    size = box[2]
    sun = size * 0.11
    draw.ellipse((size * 0.62 - sun, size * 0.26 - sun, size * 0.62 + sun, size * 0.26 + sun), fill=second)
    path = [(0.18, 0.86), (0.66, 0.72), (0.30, 0.56), (0.62, 0.46), (0.46, 0.38)]
    for index, ((x, y), (to_x, to_y)) in enumerate(zip(path, path[1:], strict=False)):
        width = int(size * (0.13 - 0.028 * index))
        draw.line((size * x, size * y, size * to_x, size * to_y), fill=first, width=width)
        draw.ellipse(
            (size * to_x - width / 2, size * to_y - width / 2, size * to_x + width / 2, size * to_y + width / 2),
            fill=first,
        )


def _harbour(draw: ImageDraw.ImageDraw, box: Box, first: str, second: str) -> None:
    """A light over three waves."""
    size = box[2]
    light = size * 0.13
    draw.ellipse((size * 0.5 - light, size * 0.29 - light, size * 0.5 + light, size * 0.29 + light), fill=second)
    reach = size // 9
    for row in range(3):
        middle, shift = size * (0.56 + 0.13 * row), reach if row == 1 else 0
        for number in range(3):
            left = int(size * 0.5 - 3 * reach + 2 * reach * number - shift / 2)
            crest = (left, int(middle - reach / 2), left + 2 * reach, int(middle + reach / 2))
            draw.arc(crest, 180 if number % 2 else 0, 360 if number % 2 else 180, fill=first, width=size // 16)


_GLYPHS = {"wind": _wind, "star": _star, "road": _road, "harbour": _harbour}


# --- documents -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _stamp_layer(size: tuple[int, int]) -> Image.Image:
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    font = _font(min(size) // 5)
    left, top, right, bottom = font.getbbox("SAMPLE")
    at = ((size[0] - (right - left)) / 2 - left, (size[1] - (bottom - top)) / 2 - top)
    ImageDraw.Draw(layer).text(at, "SAMPLE", font=font, fill=(190, 18, 60, 110), stroke_width=3)
    return layer.rotate(18, resample=Image.Resampling.BICUBIC)


def _stamp(image: Image.Image) -> Image.Image:
    """SAMPLE across the whole sheet, so that nobody can take it for a document."""
    layer = _stamp_layer(image.size)
    image.paste(layer, (0, 0), layer)
    return image


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="JPEG", quality=80)
    return out.getvalue()


def passport(who: Person, country: str, born: str, expires: str, number: str) -> bytes:
    """The data page of an invented passport, JPEG: portrait, fields, machine-readable lines of the right form."""
    image = Image.new("RGB", (1000, 700), "#e8e4d8")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1000, 74), fill="#5b1f2b")
    draw.text((36, 18), f"UTOPIA · PASSPORT · {country}", font=_font(34), fill=WHITE)
    draw.rectangle((46, 118, 306, 458), fill="#cbd5e1")
    draw.ellipse((116, 168, 236, 308), fill="#94a3b8")
    draw.pieslice((80, 320, 272, 580), 180, 360, fill="#94a3b8")
    fields = (("Surname", who.latin_last.upper()), ("Given names", who.latin_first.upper()), ("Date of birth", born),
              ("Date of expiry", expires), ("Passport No.", number))  # fmt: skip
    for row, (label, value) in enumerate(fields):
        draw.text((350, 116 + row * 72), label, font=_font(20), fill="#64748b")
        draw.text((350, 140 + row * 72), value, font=_font(32), fill=INK)
    lines = (
        f"P<UTO{who.latin_last.upper()}<<{who.latin_first.upper()}".ljust(44, "<")[:44],
        f"{number}<0UTO{born[2:4]}{born[5:7]}{born[8:]}0".ljust(44, "<")[:44],
    )
    for row, line in enumerate(lines):
        draw.text((46, 560 + row * 52), line.replace(" ", "<"), font=_font(36), fill=INK)
    return _jpeg(_stamp(image))


def utility_bill(who: Person, company: str, dated: str, amount: str) -> bytes:
    """An invented electricity bill, JPEG."""
    image = Image.new("RGB", (800, 1100), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 800, 120), fill="#0e7490")
    draw.text((50, 36), company, font=_font(40), fill=WHITE)
    draw.text((50, 180), f"{who.latin_first} {who.latin_last}", font=_font(28), fill=INK)
    draw.text((50, 220), "12 Example Street, Sampletown", font=_font(24), fill=INK)
    draw.text((520, 180), f"Date: {dated}", font=_font(24), fill=INK)
    draw.text((50, 340), "Electricity bill", font=_font(38), fill=INK)
    for row, (label, value) in enumerate((("Base fee", "9.90"), ("312 kWh", "97.34"), ("Taxes", "20.38"))):
        draw.text((50, 430 + row * 56), label, font=_font(26), fill=INK)
        draw.text((640, 430 + row * 56), value, font=_font(26), fill=INK)
    draw.line((50, 610, 750, 610), fill="#94a3b8", width=3)
    draw.text((50, 636), "Total due", font=_font(32), fill=INK)
    draw.text((610, 636), amount, font=_font(32), fill=INK)
    return _jpeg(_stamp(image))
