"""Brand tokens: from one colour, a preset, a font and a radius to readable custom properties and mail colours.

Per theme three values are derived: `--brand` fills, `--brand-fg` is text on that fill (at least 4.5:1), `--brand-text`
is the brand as text (at least 5:1 on the page, the card and the card tinted with it). One colour for both uses cannot
work: a yellow brand fills well and reads badly.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from kernel.ui.colour import Colour, contrast, lightness_of, mix, with_lightness
from kernel.ui.context import BASE_THEME
from kernel.ui.settings import THEMES_DIR

TEXT_ON_FILL = 4.5
BRAND_AS_TEXT = 5.0
# A fill this close to the card would not be seen as a button. Its label carries the meaning, so 3:1 is not required.
FILL_ON_CARD = 1.45
# The strongest tint behind brand-coloured text in our components (soft buttons, active navigation, avatars).
_TINT = 0.14
_WHITE, _INK = Colour.parse("#ffffff"), Colour.parse("#0b0f14")
_STEP = 0.01

Mode = Literal["light", "dark"]
PairName = Literal["text-on-fill", "text-on-card", "text-on-page", "text-on-tint", "fill-on-card"]
Radius = Literal["none", "sm", "md", "lg", "pill"]
RADII: dict[str, tuple[str, str, str]] = {
    "none": ("0", "0", "0"),
    "sm": ("0.375rem", "0.25rem", "0.25rem"),
    "md": ("0.75rem", "0.5rem", "0.375rem"),
    "lg": ("1rem", "0.75rem", "0.5rem"),
    "pill": ("1.25rem", "99rem", "99rem"),
}
_ARABIC = '"Vazirmatn Variable"'
_SYSTEM = 'system-ui, "Segoe UI", "Noto Sans", sans-serif'
FONTS: dict[str, str] = {
    "inter": f'"Inter Variable", {_ARABIC}, {_SYSTEM}',
    "vazirmatn": f"{_ARABIC}, {_SYSTEM}",
    "system": f"{_SYSTEM.removesuffix(', sans-serif')}, {_ARABIC}, sans-serif",
    "serif": f'Georgia, "Times New Roman", serif, {_ARABIC}',  # ours has Latin letters too, and they are no serifs
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTokens:
    """What a broker chooses. `colour_dark` is the brand for dark pages where it differs.

    Raises ValueError for a colour that is not hex, or a preset, font or radius nobody designed.
    """

    colour: str = "#0f766e"
    colour_dark: str = ""
    preset: str = BASE_THEME
    font: str = "inter"
    radius: str = ""

    def __post_init__(self) -> None:
        Colour.parse(self.colour)
        if self.colour_dark:
            Colour.parse(self.colour_dark)
        if self.font and self.font not in FONTS:
            raise ValueError(f"no font called {self.font!r}; there are {', '.join(FONTS)}")
        if self.radius and self.radius not in RADII:
            raise ValueError(f"no radius called {self.radius!r}; there are {', '.join(RADII)}")
        if not (THEMES_DIR / self.preset / "theme.toml").is_file() or "/" in self.preset:
            raise ValueError(f"no preset called {self.preset!r}")


@dataclass(frozen=True, slots=True)
class ThemeColours:
    """The three derived values of one theme, as `#rrggbb`."""

    brand: str
    brand_fg: str
    brand_text: str


@dataclass(frozen=True, slots=True)
class ContrastPair:
    """One line of the contrast report shown beside the brand editor."""

    mode: Mode
    name: PairName
    foreground: str
    background: str
    ratio: float
    required: float

    @property
    def passed(self) -> bool:
        """Whether the pair is readable."""
        return self.ratio >= self.required


@dataclass(frozen=True, slots=True)
class MailColours:
    """Literal colours and sizes for mails, where custom properties do not exist."""

    brand: str
    brand_fg: str
    brand_text: str
    page: str
    card: str
    text: str
    muted: str
    border: str
    radius: str
    button_radius: str


@lru_cache(maxsize=16)
def _toml(preset: str, name: str) -> dict[str, Any]:
    path = THEMES_DIR / preset / name
    if not path.is_file():
        path = THEMES_DIR / BASE_THEME / name
    return tomllib.loads(path.read_text(encoding="utf-8"))


def surfaces(preset: str, mode: Mode) -> tuple[Colour, Colour]:
    """Card and page colour of a preset, as its theme.css sets them."""
    table = _toml(preset, "theme.toml")[mode]
    return Colour.parse(table["card"]), Colour.parse(table["page"])


def _fill(colour: Colour, card: Colour, mode: Mode) -> Colour:
    """The brand itself, moved away from the card only as far as a button needs to be seen."""
    direction = _STEP if mode == "dark" else -_STEP
    lightness = lightness_of(colour)
    fill = colour
    while contrast(fill, card) < FILL_ON_CARD and 0 <= lightness <= 1:
        lightness += direction
        fill = with_lightness(colour, lightness)
    return fill


def _text_on(fill: Colour) -> tuple[Colour, Colour]:
    """Fill and text on it: white if it reads, else near-black, else white on a fill darkened until it reads."""
    if contrast(_WHITE, fill) >= TEXT_ON_FILL:
        return fill, _WHITE
    if contrast(_INK, fill) >= TEXT_ON_FILL:
        return fill, _INK
    lightness = lightness_of(fill)
    while contrast(_WHITE, fill) < TEXT_ON_FILL:
        lightness -= _STEP
        fill = with_lightness(fill, lightness)
    return fill, _WHITE


def _as_text(colour: Colour, card: Colour, page: Colour, mode: Mode) -> Colour:
    """The brand's hue, darkened (light theme) or lightened (dark theme) until it reads everywhere we use it."""
    direction = _STEP if mode == "dark" else -_STEP
    lightness = lightness_of(colour)
    text = colour
    while 0 <= lightness <= 1:
        tint = mix(text, _TINT, card)
        if min(contrast(text, card), contrast(text, page), contrast(text, tint)) >= BRAND_AS_TEXT:
            return text
        lightness += direction
        text = with_lightness(colour, lightness)
    return text


@lru_cache(maxsize=512)
def theme_colours(tokens: BrandTokens, mode: Mode) -> ThemeColours:
    """The derived values for light or dark pages of the preset."""
    colour = Colour.parse(tokens.colour_dark if mode == "dark" and tokens.colour_dark else tokens.colour)
    card, page = surfaces(tokens.preset, mode)
    fill, text_on_fill = _text_on(_fill(colour, card, mode))
    # Rounded to the hex that is served, so that the report measures what people see.
    return ThemeColours(fill.hex, text_on_fill.hex, _as_text(colour, card, page, mode).hex)


def contrast_report(tokens: BrandTokens) -> list[ContrastPair]:
    """Every pair the brand takes part in, both themes, with its ratio and what is required."""
    report = []
    modes: tuple[Mode, Mode] = ("light", "dark")
    for mode in modes:
        colours = theme_colours(tokens, mode)
        card, page = surfaces(tokens.preset, mode)
        brand, text = Colour.parse(colours.brand), Colour.parse(colours.brand_text)
        tint = mix(text, _TINT, card)
        pairs: tuple[tuple[PairName, Colour, Colour, float], ...] = (
            ("text-on-fill", Colour.parse(colours.brand_fg), brand, TEXT_ON_FILL),
            ("text-on-card", text, card, TEXT_ON_FILL),
            ("text-on-page", text, page, TEXT_ON_FILL),
            ("text-on-tint", text, tint, TEXT_ON_FILL),
            ("fill-on-card", brand, card, 1.4),
        )
        report += [
            ContrastPair(mode, name, front.hex, back.hex, round(contrast(front, back), 2), required)
            for name, front, back, required in pairs
        ]
    return report


def _properties(tokens: BrandTokens, mode: Mode) -> str:
    colours = theme_colours(tokens, mode)
    return f"--brand:{colours.brand};--brand-fg:{colours.brand_fg};--brand-text:{colours.brand_text};"


def brand_css(tokens: BrandTokens) -> str:
    """The style sheet served as `/brand/<hash>.css`: custom properties only, loaded after app.css and the preset."""
    shape = ""
    if tokens.font:
        shape += f"--font-ui:{FONTS[tokens.font]};"
    if tokens.radius:
        box, field, selector = RADII[tokens.radius]
        shape += f"--radius-box:{box};--radius-field:{field};--radius-selector:{selector};"
    light, dark = _properties(tokens, "light"), _properties(tokens, "dark")
    return (
        f":root{{{shape}}}\n"
        f':root,[data-theme="light"],[data-theme="auto"]{{{light}}}\n'
        f'[data-theme="dark"]{{{dark}}}\n'
        f'@media (prefers-color-scheme:dark){{[data-theme="auto"]{{{dark}}}}}\n'
    )


def brand_hash(tokens: BrandTokens) -> str:
    """Sixteen hex digits of the style sheet's content, for an address that may be cached for ever."""
    return hashlib.sha256(brand_css(tokens).encode()).hexdigest()[:16]


def mail_colours(tokens: BrandTokens) -> MailColours:
    """Light-theme literals for MJML."""
    colours = theme_colours(tokens, "light")
    table = _toml(tokens.preset, "email.toml")
    return MailColours(
        brand=colours.brand, brand_fg=colours.brand_fg, brand_text=colours.brand_text, page=table["page"],
        card=table["card"], text=table["text"], muted=table["muted"], border=table["border"], radius=table["radius"],
        button_radius=table["button_radius"],
    )  # fmt: skip
