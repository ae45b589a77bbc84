import re
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ui.brand import BrandTokens, brand_css, brand_hash, contrast_report, mail_colours, theme_colours
from kernel.ui.colour import Colour, contrast, mix
from kernel.ui.settings import THEMES_DIR

hex_colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@settings(max_examples=300, deadline=None)
@given(colour=hex_colours, preset=st.sampled_from(["base", "sharp"]))
def test_every_brand_reads_in_both_modes(colour: str, preset: str) -> None:
    assert [pair for pair in contrast_report(BrandTokens(colour=colour, preset=preset)) if not pair.passed] == []


def test_contrast_follows_wcag() -> None:
    assert contrast(Colour.parse("#000"), Colour.parse("#ffffff")) == pytest.approx(21)
    assert round(contrast(Colour.parse("#767676"), Colour.parse("#fff")), 2) == 4.54
    assert mix(Colour.parse("#ff0000"), 1, Colour.parse("#0000ff")).hex == "#ff0000"
    assert mix(Colour.parse("#808080"), 0.5, Colour.parse("#808080")).hex == "#808080"


def test_a_brand_that_reads_is_left_alone() -> None:
    colours = theme_colours(BrandTokens(colour="#4f46e5"), "light")
    assert (colours.brand, colours.brand_fg, colours.brand_text) == ("#4f46e5", "#ffffff", "#4f46e5")


def test_yellow_fills_with_dark_text_and_reads_as_a_darker_yellow() -> None:
    colours = theme_colours(BrandTokens(colour="#facc15"), "light")
    assert (colours.brand, colours.brand_fg) == ("#facc15", "#0b0f14")
    assert contrast(Colour.parse(colours.brand_text), Colour.parse("#ffffff")) >= 5


def test_style_sheet_holds_custom_properties_only() -> None:
    css = brand_css(BrandTokens(colour="#4f46e5", font="inter", radius="pill"))
    assert "--radius-field:99rem" in css
    assert '[data-theme="dark"]{--brand:' in css
    assert not re.search(r"url\(|@import|</", css)
    assert brand_hash(BrandTokens(colour="#4f46e5")) != brand_hash(BrandTokens(colour="#4f46e4"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"colour": "#12345"},
        {"colour": "#fff;}"},
        {"font": "comic"},
        {"radius": "x"},
        {"preset": "../base"},
    ],
)
def test_anything_but_tokens_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^(not a hex colour|no font|no radius|no preset)"):
        BrandTokens(**wrong)


def test_mail_colours_are_literals() -> None:
    colours = mail_colours(BrandTokens(colour="#facc15", preset="sharp"))
    assert (colours.brand, colours.brand_fg, colours.radius) == ("#facc15", "#0b0f14", "0px")


def _blocks(css: str) -> dict[str, dict[str, str]]:
    text = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        rules = dict(re.findall(r"(--[\w-]+|color-scheme):\s*([^;]+);", body))
        found.setdefault(" ".join(selector.split()).removeprefix("@media (prefers-color-scheme: dark) { "), {}).update(
            rules
        )
    return found


@pytest.mark.parametrize("name", ["base", "sharp"])
def test_theme_files_agree(name: str) -> None:
    folder = THEMES_DIR / name
    blocks = _blocks((folder / "theme.css").read_text(encoding="utf-8"))
    light = blocks[':root, [data-theme="light"], [data-theme="auto"]']
    dark, auto = blocks['[data-theme="dark"]'], blocks['[data-theme="auto"]']
    described = tomllib.loads((folder / "theme.toml").read_text(encoding="utf-8"))

    assert auto == dark
    assert set(dark) == set(light) | ({"--color-base-100"} if name == "sharp" else set())
    assert described["name"] == name
    assert light.get("--color-base-100", "#ffffff") == described["light"]["card"]
    assert light["--color-base-200"] == described["light"]["page"]
    assert dark["--color-base-100"] == described["dark"]["card"]
    assert dark["--color-base-200"] == described["dark"]["page"]
