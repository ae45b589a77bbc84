"""Logos and marks: what is uploaded is decoded and drawn anew as PNG, so that only pixels survive."""

from __future__ import annotations

import io
from html import escape

from kernel.files import save, sniff
from kernel.models import StoredFile
from kernel.ui.brand import BrandTokens, theme_colours

from .errors import LogoRefused

MAX_BYTES = 2 * 1024 * 1024
MAX_PIXELS = 16_000_000
BOXES = {"logo": (640, 160), "logo_dark": (640, 160), "mark": (512, 512)}


def picture_save(data: bytes, *, role: str, name: str) -> StoredFile:
    """Clean and store a logo (role logo, logo_dark or mark). Raises LogoRefused."""
    return save(cleaned(data, role), kind=f"brand.{role}", name=f"{name}.png", content_type="image/png")


def cleaned(data: bytes, role: str) -> bytes:
    """PNG within the role's box, transparency kept; a mark becomes a square."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    from kernel.files import FileRefused

    try:
        if len(data) > MAX_BYTES or not sniff(data).startswith("image/"):
            raise LogoRefused(field=role)
        with Image.open(io.BytesIO(data)) as opened:
            if opened.width * opened.height > MAX_PIXELS or min(opened.size) < 16:
                raise LogoRefused(field=role)
            image = ImageOps.exif_transpose(opened).convert("RGBA")
            image.thumbnail(BOXES[role])
            if role == "mark":
                image = ImageOps.pad(image, (512, 512), color=(0, 0, 0, 0))
            out = io.BytesIO()
            image.save(out, format="PNG", optimize=True)
            return out.getvalue()
    except (
        FileRefused, UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError
    ) as error:  # fmt: skip
        raise LogoRefused(field=role) from error


def lettermark(name: str, looks: BrandTokens) -> str:
    """The mark of a brokerage that has uploaded none: its initial on its colour, as SVG of our own making."""
    colours = theme_colours(looks, "light")
    letter = escape(name.strip()[:1].upper() or "•")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<rect width="64" height="64" rx="14" fill="{colours.brand}"/>'
        f'<text x="32" y="43" text-anchor="middle" font-family="Inter,Segoe UI,Noto Sans,sans-serif" font-weight="700"'
        f' font-size="34" fill="{colours.brand_fg}">{letter}</text></svg>'
    )
