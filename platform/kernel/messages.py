"""Message catalogues: what the source says, per language, without GNU gettext.

Python is read by Babel's extractor; templates go through Django's `templatize` first, which turns their tags into
calls that the same extractor reads. One catalogue per language, `locale/<language>/LC_MESSAGES/django.po`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

FOLDERS = ("platform", "shared_apps", "tenant_apps", "provisioning", "themes")
SKIPPED = ("tests", "migrations", "demo", "node_modules", "testing")
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
_INDENT = re.compile(
    r"^[ \t]+", re.MULTILINE
)  # a template's says nothing to a reader of Python, who would stumble over it
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w*\}")


@dataclass(frozen=True, slots=True)
class Problem:
    language: str
    message: str
    what: str


def sources(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            inside = path.relative_to(root).parts
            if path.suffix in {".py", ".html", ".txt", ".mjml"} and not set(inside) & set(SKIPPED):
                yield path


def _calls(path: Path) -> Iterator[tuple[int, str, str | tuple[str, ...]]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        text = _INDENT.sub("", templatize(text, origin=str(path)))
    for line, function, arguments, _comments in extract_python(
        io.BytesIO(text.encode()), KEYWORDS, [], {"encoding": "utf-8"}
    ):
        # Babel annotates the results of `extract` here; `extract_python` gives (line, function, arguments, comments).
        yield line, function, arguments  # type: ignore[misc]


def extract(root: Path) -> Catalog:
    """Every message of the source, with its context and where it stands."""
    found = Catalog(project="Rialto", charset="utf-8", fuzzy=False)
    for path in sources(root):
        where = path.relative_to(root).as_posix()
        for _line, function, arguments in _calls(path):
            parts = list(arguments) if isinstance(arguments, tuple) else [arguments]
            spec = KEYWORDS[function]
            context: str | None = None
            if spec and isinstance(spec[0], tuple):
                context, parts = parts[0], parts[1:]
            plural = function.startswith(("ngettext", "npgettext"))
            wanted = parts[:2] if plural else parts[:1]
            if not all(isinstance(part, str) and part for part in wanted):
                continue
            found.add(tuple(wanted) if plural else wanted[0], context=context, locations=[(where, 0)])
    return found


def catalogue_path(root: Path, language: str) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


def languages() -> list[str]:
    """The complete languages except the source's own."""
    return [code for code, _ in settings.LANGUAGES if code != "en"]


def load(root: Path, language: str) -> Catalog:
    path = catalogue_path(root, language)
    if not path.exists():
        return Catalog(locale=language, project="Rialto", charset="utf-8", fuzzy=False)
    with path.open("rb") as handle:
        return read_po(handle, locale=language)


def update(root: Path, language: str) -> int:
    """Bring a catalogue up to the source: new messages empty, unused ones gone, no guesses. Returns how many are empty."""
    found, known = extract(root), load(root, language)
    fresh = Catalog(locale=language, project="Rialto", charset="utf-8", fuzzy=False)
    for message in sorted(_messages(found), key=lambda one: (str(one.id), one.context or "")):
        old = known.get(message.id, message.context)
        fresh.add(message.id, old.string if old else None, context=message.context, locations=message.locations)
    path = catalogue_path(root, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        write_po(handle, fresh, width=0, omit_header=False, include_lineno=False, sort_output=True)
    return sum(1 for message in _messages(fresh) if not _strings(message))


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def _strings(message: Message) -> list[str]:
    strings = message.string if isinstance(message.string, tuple | list) else [message.string]
    return [text for text in strings if text] if all(strings) else []


def problems(root: Path) -> Iterator[Problem]:
    """Missing translations, lost placeholders and messages that the source no longer has, in every language."""
    found = extract(root)
    for language in languages():
        known = load(root, language)
        for message in _messages(found):
            name = str(message.id)
            translated = known.get(message.id, message.context)
            strings = _strings(translated) if translated else []
            if not strings:
                yield Problem(language, name, "is not translated")
                continue
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            wanted = {mark for text in ids for mark in _PLACEHOLDER.findall(text)}
            for text in strings:
                marks = set(_PLACEHOLDER.findall(text))
                if marks - wanted or (len(ids) == 1 and marks != wanted):
                    yield Problem(language, name, f"has other placeholders: {sorted(marks ^ wanted)}")
