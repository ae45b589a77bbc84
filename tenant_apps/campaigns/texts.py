"""The words of mails: the product's own in five languages, a brokerage's wording instead, placeholders filled in.

A text is `{"subject", "heading", "blocks": [{"kind": "heading" | "text" | "list" | "button" | "facts", …}]}`. In it,
`{first_name}` and the like are replaced; nothing else is interpreted, so a text cannot run anything. The product's
texts stand in `content/<language>.toml`; they are content, written in each language, not translated strings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tenant_apps.notifications.services import language_for

from .errors import PlaceholderUnknown, TextIncomplete
from .models import MailText

FOLDER = Path(__file__).parent / "content"
BLOCKS = ("heading", "text", "list", "button", "facts")
FSI, PDI = "\u2068", "\u2069"  # first strong isolate … pop (UAX #9): a name keeps to itself inside a sentence
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
COMMON = frozenset({"first_name", "name", "brand", "portal_url"})

# What each of the product's mails may name besides COMMON, with values for the preview.
MAILS: dict[str, dict[str, str]] = {
    "registered": {},
    "account_opened": {
        "login": "50012841",
        "server": "Demo-MT5",
        "currency": "EUR",
        "platform_url": "https://www.metatrader5.com/en/download",
        "password_url": "https://portal.example.com/accounts/",
    },
    "kyc_more_needed": {"reason": "—"},
    "kyc_reminder": {},
    "deposit_credited": {"amount": "€500.00", "method": "Card"},
    "withdrawal_paid": {"amount": "€200.00", "fee": "€2.00"},
    "bonus_offered": {"amount": "€100.00", "until": "31.12.2026"},
    "bonus_given": {"amount": "€100.00"},
    "bonus_released": {"amount": "€100.00"},
    "bonus_taken_back": {"amount": "€100.00", "ending": "—"},
    "bonus_ended": {"amount": "€100.00", "ending": "—"},
    "margin_call": {
        "login": "50012841",
        "value": "90.6%",
        "stop_out": "50%",
        "account_url": "https://portal.example.com/accounts/",
    },
    "stopped_out": {"login": "50012841", "account_url": "https://portal.example.com/accounts/"},
}
MARKETING = frozenset[str]()  # all of MAILS concern the client's own account; series are marketing


@lru_cache(maxsize=16)
def _shipped(language: str) -> dict[str, Any]:
    path = FOLDER / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def shipped_languages() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def shipped_text(key: str, language: str) -> dict[str, Any] | None:
    """The product's words of a mail in a language; None where it has none."""
    text: dict[str, Any] | None = _shipped(language).get("mail", {}).get(key)
    return text


def mail_text(key: str, language: str) -> tuple[str, dict[str, Any]]:
    """The language that is really used, and the text in it: the brokerage's wording, else the product's, else English.

    Raises KeyError for a mail that does not exist.
    """
    chosen = language_for(language)
    for candidate in dict.fromkeys((chosen, "en")):
        own = MailText.objects.filter(key=key, language=candidate).values_list("content", flat=True).first()
        if own or (own := shipped_text(key, candidate)):
            return candidate, own
    raise KeyError(key)


def series_content(key: str) -> list[dict[str, Any]]:
    """The product's texts of a default series: per step, a text per language."""
    steps: list[dict[str, Any]] = []
    for language in shipped_languages():
        for index, text in enumerate(_shipped(language).get("series", {}).get(key, [])):
            if index == len(steps):
                steps.append({})
            steps[index][language] = text
    return steps


def step_text(content: Mapping[str, Any], language: str) -> tuple[str, dict[str, Any]]:
    """A step's text in a client's language, else the brokerage's languages in order, else any. Raises KeyError."""
    for candidate in (language_for(language), language_for(""), "en", *content):
        if candidate in content:
            return candidate, content[candidate]
    raise KeyError(language)


def filled(text: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The text with its placeholders replaced; values inside sentences are isolated from right-to-left reordering."""
    return {
        "subject": _fill(str(text.get("subject", "")), values, isolate=True),
        "preheader": _fill(str(text.get("preheader", "")), values, isolate=True),
        "heading": _fill(str(text.get("heading", "")), values, isolate=True),
        "blocks": [_filled_block(block, values) for block in text.get("blocks", [])],
    }


def _filled_block(block: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    filled_one: dict[str, Any] = {"kind": block["kind"]}
    if "text" in block:
        filled_one["text"] = _fill(block["text"], values, isolate=True)
    if "url" in block:
        filled_one["url"] = _fill(block["url"], values, isolate=False)
    if "items" in block:
        filled_one["lines"] = [_fill(item, values, isolate=True) for item in block["items"]]
    if "rows" in block:
        filled_one["rows"] = [(label, _fill(value, values, isolate=False)) for label, value in block["rows"]]
    return filled_one


def _fill(text: str, values: Mapping[str, Any], *, isolate: bool) -> str:
    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in values:
            return ""
        plain = str(values[name])
        return f"{FSI}{plain}{PDI}" if isolate and plain and not name.endswith("_url") else plain

    return _PLACEHOLDER.sub(value, text)


def check(text: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse an incomplete text, an unknown block or an unknown placeholder. Raises TextIncomplete, PlaceholderUnknown."""
    blocks = text.get("blocks")
    if not text.get("subject") or not text.get("heading") or not isinstance(blocks, list) or not blocks:
        raise TextIncomplete(field="subject")
    for block in blocks:
        if block.get("kind") not in BLOCKS or (block["kind"] in ("text", "heading") and not block.get("text")):
            raise TextIncomplete(field="blocks")
        if block["kind"] == "facts" and not all(label and value for label, value in block.get("rows") or [("", "")]):
            raise TextIncomplete(field="blocks")
        if block["kind"] == "button" and not (block.get("text") and _is_address(block.get("url", ""))):
            raise TextIncomplete(field="blocks")
    for name in _placeholders(text):
        if name not in known:
            raise PlaceholderUnknown(name="{" + name + "}")


def _is_address(url: str) -> bool:
    return url.startswith(("https://", "http://", "{portal_url}", "{platform_url}", "{password_url}", "{account_url}"))


def _placeholders(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _placeholders(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _placeholders(item)
