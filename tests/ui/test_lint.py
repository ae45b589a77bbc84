"""House rules for templates: no physical direction, no inline style or script, no kit classes outside the library."""

import json
import re
from pathlib import Path

import pytest

from kernel.ui.icons import icon_svg

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("themes", "shared_apps", "tenant_apps", "provisioning", "platform")
TEMPLATES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.html")
    if "templates" in path.parts and "node_modules" not in path.parts
)
STYLES = sorted([*(ROOT / "frontend" / "css").glob("*.css"), *(ROOT / "themes").glob("*/theme.css")])

TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
CLASSES = re.compile(r'\bclass="([^"]*)"')
PHYSICAL = re.compile(
    r"(?:[\w\[\]-]+:)*-?(?:m[lr]-|p[lr]-|(?:left|right)-|text-(?:left|right)$|float-|border-[lr](?:-|$)|rounded-(?:[lr]|t[lr]|b[lr])(?:-|$))\S*"
)
INLINE = re.compile(r"<[a-z][^<>]*?\s(style|on[a-z]+|hx-on[:\w-]*)\s*=", re.IGNORECASE)
SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", re.IGNORECASE)
UNCONTEXTUAL = re.compile(
    r"\{%\s*(?:trans|translate)\s(?:(?!context).)*?%\}|\{%\s*blocktrans(?:late)?\b(?:(?!context).)*?%\}"
)
# A Money's Decimal, written as Django writes decimals: its marks are not those of our boxes. `|money` or `|typed`.
BARE_AMOUNT = re.compile(r"\{\{\s*[\w.]+\.amount\s*\}\}")
# What a browser's tab says is text: these filters write elements. `|day_plain` and `|money_plain` do not.
TITLE = re.compile(r"\{% block title %\}.*?\{% endblock", re.DOTALL)
MARKUP = re.compile(
    r"\|(?:day|moment|clock|ago|money|money_signed|number|signed|lots|percent|percent_signed|compact|ltr)\b"
)
KIT = {
    "alert", "avatar", "badge", "btn", "card", "checkbox", "collapse", "dropdown", "drawer", "file-input", "input", "join",
    "kbd", "loading", "menu", "modal", "navbar", "progress", "radio", "select", "skeleton", "stat", "stats", "steps", "step",
    "tab", "table", "tabs", "textarea", "timeline", "toast", "toggle", "tooltip",
}  # fmt: skip
KIT_PREFIX = re.compile(
    r"(?:alert|avatar|badge|btn|card|checkbox|dropdown|drawer|file-input|input|join|loading|menu|modal|progress|radio|select|"
    r"stat|step|tab|table|tabs|textarea|timeline|toast|toggle|tooltip)-"
)
# Utilities that begin like a kit class.
ALLOWED = re.compile(r"table-(?:fixed|auto|row|cell)$|select-(?:none|text|all|auto)$|tab-\d")


def class_names(text: str) -> list[str]:
    return [name for match in CLASSES.finditer(TAG.sub(" ", text)) for name in match[1].split()]


def physical_classes(text: str) -> list[str]:
    return [name for name in class_names(text) if PHYSICAL.fullmatch(name)]


def kit_classes(text: str) -> list[str]:
    bare = [name.rpartition(":")[2].rstrip("!") for name in class_names(text)]
    return [name for name in bare if name in KIT or (KIT_PREFIX.match(name) and not ALLOWED.match(name))]


def belongs_to_library(path: Path) -> bool:
    return "cotton/ui/" in path.as_posix() or ("templates/ui/" in path.as_posix() and path.name != "styleguide.html")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_keeps_the_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    plain = TAG.sub("", text)

    assert physical_classes(text) == []
    assert INLINE.findall(plain) == []
    assert SCRIPT.findall(plain) == []
    assert UNCONTEXTUAL.findall(text) == []
    assert BARE_AMOUNT.findall(text) == []
    assert [part for part in TITLE.findall(text) if MARKUP.search(part)] == []
    if not belongs_to_library(path):
        assert kit_classes(text) == []


@pytest.mark.parametrize("path", STYLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_styles_are_logical(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"\b(?:margin|padding|border)-(?:left|right)\b|\bfloat\s*:|text-align:\s*left", text)

    assert found == []


@pytest.mark.parametrize(
    "bad",
    [
        "ml-2",
        "sm:pr-4",
        "-left-1",
        "text-right",
        "hover:border-l-2",
        "rounded-tl-lg",
        "float-end",
        "md:right-0",
    ],
)
def test_physical_classes_are_caught(bad: str) -> None:
    assert physical_classes(f'<p class="grid {bad} gap-2">') == [bad]


@pytest.mark.parametrize(
    "good", ["ms-2", "pe-4", "start-0", "text-end", "rounded-s-lg", "border-e", "m-2", "placeholder", "mx-1"]
)
def test_logical_classes_pass(good: str) -> None:
    assert physical_classes(f'<p class="{good}">') == []


def test_kit_and_inline_rules_catch_what_they_name() -> None:
    assert kit_classes('<a class="btn lg:btn-primary select-none {% if x %}card{% endif %}">') == [
        "btn",
        "btn-primary",
        "card",
    ]
    assert INLINE.findall('<p class="x" style="color:red">') == ["style"]
    assert INLINE.findall('<p onclick="go()">') == ["onclick"]
    assert INLINE.findall('<button data-once="1">') == []
    assert SCRIPT.findall("<script>alert(1)</script>") == ["<script>"]
    assert UNCONTEXTUAL.findall('{% translate "Save" %}') != []
    assert UNCONTEXTUAL.findall('{% translate "Save" context "action" %}') == []


ICON_USES = re.compile(r"""\{%\s*icon\s+["']([\w-]+)["']|\bicon(?:_end)?=["']([a-z][\w-]*)["']""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_icon_named_in_a_template_exists(path: Path) -> None:
    names = {one or other for one, other in ICON_USES.findall(path.read_text(encoding="utf-8"))}

    for name in sorted(names):
        assert icon_svg(name).startswith("<svg ")


def test_front_end_is_pinned_exactly_and_names_no_registry() -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    pins = {**package["dependencies"], **package["devDependencies"]}

    assert [name for name, version in pins.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in pins} == pins
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
