"""Every address of the four surfaces, read from the URL configuration itself: a route nobody listed is listed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern
from django.utils.regex_helper import normalize

from kernel.guards import Guard, guard_of

SURFACES = {
    "site": "config.urls_site",
    "console": "config.urls_console",
    "portal": "config.urls_portal",
    "office": "config.urls_office",
}
# One of these fits every parameter that is not an object's id.
WORDS = ("word", "en", "logo", "0123456789abcdef", "1", "2026-01-31", "EUR", "018f0000-0000-7000-8000-000000000000")
UUID_REGEX = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
INT_REGEX = "[0-9]+"


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `template` has `%(name)s` where parameters go; `parameters` is ((name, its regular expression), …)."""

    surface: str
    template: str
    name: str
    view: Any = field(repr=False, compare=False)
    guard: Guard | None
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        return f"{self.surface}:/{self.template}"

    @property
    def object_parameters(self) -> tuple[tuple[str, str], ...]:
        """Parameters that are ids of rows."""
        return tuple(item for item in self.parameters if item[1] in (UUID_REGEX, INT_REGEX))

    def samples(self) -> dict[str, object]:
        """A value for each parameter that the pattern accepts. Raises LookupError: add a word to WORDS."""
        return {name: _fitting(regex) for name, regex in self.parameters}

    def path(self, values: dict[str, object]) -> str:
        """The address with its parameters filled in."""
        return "/" + self.template % values


def _fitting(regex: str) -> str:
    for word in WORDS:
        if re.fullmatch(regex, word):
            return word
    raise LookupError(f"no word fits {regex}")


def _groups(regex: str) -> dict[str, str]:
    """Named groups of a regular expression with what stands inside each."""
    found = {}
    for match in re.finditer(r"\(\?P<(\w+)>", regex):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(regex[end], 0) if regex[end - 1] != "\\" else 0
            end += 1
        found[match[1]] = regex[match.end() : end - 1]
    return found


def _template_of(pattern: Any) -> tuple[str, dict[str, str]]:
    if isinstance(pattern, RoutePattern):
        text = str(pattern).replace("%", "%%")
        for inside in re.findall(r"<([^>]+)>", text):
            text = text.replace(f"<{inside}>", f"%({inside.rpartition(':')[2]})s")
        return text, {name: converter.regex for name, converter in pattern.converters.items()}
    regex = str(pattern)
    return normalize(regex)[0][0], _groups(regex)


def walk(
    patterns: list[Any], prefix: str = "", namespace: str = ""
) -> Iterator[tuple[str, str, Any, tuple[tuple[str, str], ...]]]:
    """(template, name, view, parameters) of every pattern, includes resolved."""
    for pattern in patterns:
        text, parameters = _template_of(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = ":".join(filter(None, [namespace, pattern.namespace]))
            for template, name, view, more in walk(pattern.url_patterns, prefix + text, inner):
                yield template, name, view, (*parameters.items(), *more)
        elif isinstance(pattern, URLPattern):
            name = ":".join(filter(None, [namespace, pattern.name]))
            yield prefix + text, name, pattern.callback, tuple(parameters.items())


@cache
def routes() -> tuple[Route, ...]:
    """All routes of all surfaces, sorted."""
    found = []
    for surface, module in SURFACES.items():
        for template, name, view, parameters in walk(import_module(module).urlpatterns):
            found.append(Route(surface, template, name, view, guard_of(view), parameters))
    return tuple(sorted(found, key=lambda route: (route.id, route.name)))
