"""The hosted pages' words in the five languages they speak."""

from __future__ import annotations

import json
from pathlib import Path

LANGUAGES = ("en", "de", "ar", "ru", "es")
FOLDER = Path(__file__).parent / "texts"
TEXTS: dict[str, dict[str, str]] = {
    language: json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES
}


def choose_language(locale: str | None, accept_language: str) -> str:
    """A session's ``locale``, or for ``auto`` what the browser prefers.

    The API knows no Arabic locale, so an Arabic page is only to be had with ``auto``.
    """
    wanted = [locale] if locale and locale != "auto" else _preferred(accept_language)
    for tag in wanted:
        language = tag.lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def _preferred(header: str) -> list[str]:
    ranked = []
    for position, part in enumerate(header.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), position, tag))
        except ValueError:
            continue
    return [tag for _, _, tag in sorted(ranked) if tag]
