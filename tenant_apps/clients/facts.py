"""Facts about clients that lists are built from: segments, conditions of rules, filters.

A definition is a JSON tree: `{"op": "and" | "or", "items": [condition or tree, …]}`, a condition is
`{"fact": "active_days", "test": "at_most", "value": 29}`. `parse` checks it, `compile_q` turns it into a Q for the
database, `matches` evaluates the same on one row in Python; both take the same `now` and always agree (tested).

Days are 24 hours back from `now` for instants and UTC calendar dates for dates. What never happened is neither within
nor longer ago than any number of days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Q
from django.utils.translation import pgettext_lazy

from kernel.errors import Invalid

from .models import Client, KycState, Risk, Stage

MAX_DEPTH = 4
MAX_CONDITIONS = 40
MAX_VALUES = 300
MAX_NUMBER = 1_000_000

Choices = Callable[[], list[tuple[str, Any]]]


class DefinitionInvalid(Invalid):
    """A definition names an unknown fact or test, has an empty group, a wrong value, or is too large."""

    code = "definition_invalid"
    message = pgettext_lazy("segment", "These conditions are incomplete or contradict themselves.")


TESTS: dict[str, dict[str, Any]] = {
    "choice": {
        "in": pgettext_lazy("segment test", "is one of"),
        "not_in": pgettext_lazy("segment test", "is none of"),
    },
    "number": {
        "at_least": pgettext_lazy("segment test", "is at least"),
        "at_most": pgettext_lazy("segment test", "is at most"),
        "exactly": pgettext_lazy("segment test", "is exactly"),
    },
    "moment": {
        "within": pgettext_lazy("segment test", "happened within the last days"),
        "longer": pgettext_lazy("segment test", "happened longer ago than days"),
        "ever": pgettext_lazy("segment test", "has happened"),
        "never": pgettext_lazy("segment test", "has never happened"),
    },
    "tags": {
        "any_of": pgettext_lazy("segment test", "has one of"),
        "none_of": pgettext_lazy("segment test", "has none of"),
    },
    "text": {
        "is": pgettext_lazy("segment test", "is"),
        "is_not": pgettext_lazy("segment test", "is not"),
    },
}
WITHOUT_VALUE = frozenset({"ever", "never"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One registered fact. `column` is the client's field; for kind "text" the key inside `source`."""

    key: str
    label: Any
    kind: str
    column: str
    choices: Choices | None = None

    @property
    def tests(self) -> dict[str, Any]:
        return TESTS[self.kind]


_facts: dict[str, Fact] = {}


def register_fact(key: str, *, label: Any, kind: str, column: str, choices: Choices | None = None) -> Fact:
    if key in _facts:
        raise ValueError(f"fact {key} is registered twice")
    _facts[key] = Fact(key, label, kind, column, choices)
    return _facts[key]


def all_facts() -> list[Fact]:
    return list(_facts.values())


def fact(key: str) -> Fact:
    found = _facts.get(key)
    if found is None:
        raise DefinitionInvalid(fact=key)
    return found


# --- the tree ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    fact: Fact
    test: str
    value: Any  # int, str or a tuple of str, as the fact's kind wants it; None for tests without a value

    def as_json(self) -> dict[str, Any]:
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"fact": self.fact.key, "test": self.test, "value": value}


@dataclass(frozen=True, slots=True)
class Group:
    op: str
    items: tuple[Condition | Group, ...]

    def as_json(self) -> dict[str, Any]:
        return {"op": self.op, "items": [item.as_json() for item in self.items]}


def parse(tree: Any) -> Group:
    """A checked definition. Raises DefinitionInvalid."""
    count = [0]
    group = _group(tree, depth=1, count=count)
    if count[0] > MAX_CONDITIONS:
        raise DefinitionInvalid(limit=MAX_CONDITIONS)
    return group


def _group(tree: Any, *, depth: int, count: list[int]) -> Group:
    if not isinstance(tree, Mapping) or tree.get("op") not in ("and", "or") or depth > MAX_DEPTH:
        raise DefinitionInvalid
    items = tree.get("items")
    if not isinstance(items, list) or not items:
        raise DefinitionInvalid
    parsed = tuple(
        _group(item, depth=depth + 1, count=count)
        if isinstance(item, Mapping) and "op" in item
        else _condition(item, count)
        for item in items
    )
    return Group(tree["op"], parsed)


def _condition(item: Any, count: list[int]) -> Condition:
    if not isinstance(item, Mapping):
        raise DefinitionInvalid
    count[0] += 1
    known = fact(str(item.get("fact")))
    test = str(item.get("test"))
    if test not in known.tests:
        raise DefinitionInvalid(fact=known.key, test=test)
    return Condition(known, test, _value(known, test, item.get("value")))


def _value(known: Fact, test: str, value: Any) -> Any:
    if test in WITHOUT_VALUE:
        return None
    if known.kind in ("number", "moment"):
        if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip().isdecimal():
            raise DefinitionInvalid(fact=known.key)
        number = int(value)
        if number > (36_500 if known.kind == "moment" else MAX_NUMBER):
            raise DefinitionInvalid(fact=known.key)
        return number
    if known.kind == "text":
        if not isinstance(value, str) or not value.strip():
            raise DefinitionInvalid(fact=known.key)
        return value.strip()[:200]
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or len(values) > MAX_VALUES:
        raise DefinitionInvalid(fact=known.key)
    return tuple(dict.fromkeys(str(one).strip()[:80] for one in values))


# --- to the database and in Python --------------------------------------------------------------------------------------


def compile_q(node: Group | Condition, now: datetime) -> Q:
    """The definition as a Q over Client; only values become parameters, names come from registered facts."""
    if isinstance(node, Condition):
        return _COMPILERS[node.fact.kind](node, now)
    parts = [compile_q(item, now) for item in node.items]
    found = parts[0]
    for part in parts[1:]:
        found = found & part if node.op == "and" else found | part
    return found


def _q_choice(node: Condition, now: datetime) -> Q:
    column, values = node.fact.column, _typed(node)
    inside = Q(**{f"{column}__in": values})
    return inside if node.test == "in" else ~inside | Q(**{f"{column}__isnull": True})


def _typed(node: Condition) -> list[Any]:
    """Values as the column holds them; what cannot be one (a mangled id) simply never matches."""
    field = Client._meta.get_field(node.fact.column)
    assert isinstance(field, Field)  # facts name columns, never relations that point here
    typed = []
    for value in node.value:
        with suppress(ValidationError):
            typed.append(field.to_python(value))
    return typed


def _q_number(node: Condition, now: datetime) -> Q:
    lookup = {"at_least": "gte", "at_most": "lte", "exactly": "exact"}[node.test]
    return Q(**{f"{node.fact.column}__{lookup}": node.value})


def _q_moment(node: Condition, now: datetime) -> Q:
    column = node.fact.column
    if node.test in WITHOUT_VALUE:
        return Q(**{f"{column}__isnull": node.test == "never"})
    return Q(**{f"{column}__{'gt' if node.test == 'within' else 'lte'}": _cut(node, now)})


def _cut(node: Condition, now: datetime) -> datetime | date:
    moment = now - timedelta(days=node.value)
    field = Client._meta.get_field(node.fact.column)
    return moment.date() if field.get_internal_type() == "DateField" else moment


def _q_tags(node: Condition, now: datetime) -> Q:
    found = Q()
    for tag in node.value:
        found |= Q(**{f"{node.fact.column}__contains": [tag]})
    return found if node.test == "any_of" else ~found


def _q_text(node: Condition, now: datetime) -> Q:
    same = Q(source__contains={node.fact.column: node.value})
    return same if node.test == "is" else ~same


_COMPILERS: dict[str, Callable[[Condition, datetime], Q]] = {
    "choice": _q_choice,
    "number": _q_number,
    "moment": _q_moment,
    "tags": _q_tags,
    "text": _q_text,
}


def matches(node: Group | Condition, client: Client, now: datetime) -> bool:
    """Whether one client, as loaded, fits; no query."""
    if isinstance(node, Group):
        found = (matches(item, client, now) for item in node.items)
        return all(found) if node.op == "and" else any(found)
    return _MATCHERS[node.fact.kind](node, client, now)


def _m_choice(node: Condition, client: Client, now: datetime) -> bool:
    value = getattr(client, node.fact.column)
    return (value is not None and value in _typed(node)) == (node.test == "in")


def _m_number(node: Condition, client: Client, now: datetime) -> bool:
    value = int(getattr(client, node.fact.column))
    return {"at_least": value >= node.value, "at_most": value <= node.value, "exactly": value == node.value}[node.test]


def _m_moment(node: Condition, client: Client, now: datetime) -> bool:
    value = getattr(client, node.fact.column)
    if node.test in WITHOUT_VALUE:
        return (value is None) == (node.test == "never")
    if value is None:
        return False
    cut: Any = _cut(node, now)
    return bool(value > cut) if node.test == "within" else bool(value <= cut)


def _m_tags(node: Condition, client: Client, now: datetime) -> bool:
    has_one = any(tag in (getattr(client, node.fact.column) or []) for tag in node.value)
    return has_one == (node.test == "any_of")


def _m_text(node: Condition, client: Client, now: datetime) -> bool:
    return ((client.source or {}).get(node.fact.column) == node.value) == (node.test == "is")


_MATCHERS: dict[str, Callable[[Condition, Client, datetime], bool]] = {
    "choice": _m_choice,
    "number": _m_number,
    "moment": _m_moment,
    "tags": _m_tags,
    "text": _m_text,
}


# --- the facts of the client's row --------------------------------------------------------------------------------------


def _countries() -> list[tuple[str, Any]]:
    from kernel.ui.forms import country_choices

    return list(country_choices())


def _languages() -> list[tuple[str, Any]]:
    from django.conf import settings
    from django.utils.translation import gettext

    return [(code, gettext(name)) for code, name in settings.LANGUAGES]


def _owners() -> list[tuple[str, Any]]:
    from tenant_apps.accounts.models import Realm, User

    rows = User.objects.filter(realm=Realm.STAFF, active=True).order_by("name").values_list("pk", "name")
    return [(str(key), name) for key, name in rows]


def _teams() -> list[tuple[str, Any]]:
    from tenant_apps.accounts.models import Team

    return [(str(key), name) for key, name in Team.objects.order_by("name").values_list("pk", "name")]


def _statuses() -> list[tuple[str, Any]]:
    rows = Client.objects.order_by("status").values_list("status", flat=True).distinct()[:60]
    return [(status, status) for status in rows]


def _risks() -> list[tuple[str, Any]]:
    return list(Risk.choices)


for _key, _label, _kind, _column, _choices in (
    ("stage", pgettext_lazy("client fact", "Stage"), "choice", "stage", lambda: list(Stage.choices)),
    ("status", pgettext_lazy("client fact", "Sales status"), "choice", "status", _statuses),
    ("kyc_state", pgettext_lazy("client fact", "Identity check"), "choice", "kyc_state", lambda: list(KycState.choices)),
    ("kyc_level", pgettext_lazy("client fact", "KYC level"), "number", "kyc_level", None),
    ("country", pgettext_lazy("client fact", "Country"), "choice", "country", _countries),
    ("language", pgettext_lazy("client fact", "Language"), "choice", "language", _languages),
    ("risk", pgettext_lazy("client fact", "Risk"), "choice", "risk", _risks),
    ("tags", pgettext_lazy("client fact", "Tags"), "tags", "tags", None),
    ("owner", pgettext_lazy("client fact", "Responsible"), "choice", "owner_id", _owners),
    ("team", pgettext_lazy("client fact", "Team"), "choice", "team_id", _teams),
    ("ftd", pgettext_lazy("client fact", "First deposit"), "moment", "ftd_at", None),
    ("created", pgettext_lazy("client fact", "First contact"), "moment", "created_at", None),
    ("registered", pgettext_lazy("client fact", "Registration"), "moment", "registered_at", None),
    ("verified", pgettext_lazy("client fact", "Verification"), "moment", "verified_at", None),
    ("active_days", pgettext_lazy("client fact", "Active days"), "number", "active_days", None),
    ("last_active", pgettext_lazy("client fact", "Last activity"), "moment", "last_active_on", None),
    ("last_login", pgettext_lazy("client fact", "Last log-in"), "moment", "last_login_at", None),
    ("last_contact", pgettext_lazy("client fact", "Last contact"), "moment", "last_contact_at", None),
    ("utm_source", pgettext_lazy("client fact", "Source (utm_source)"), "text", "utm_source", None),
    ("utm_medium", pgettext_lazy("client fact", "Medium (utm_medium)"), "text", "utm_medium", None),
    ("utm_campaign", pgettext_lazy("client fact", "Campaign (utm_campaign)"), "text", "utm_campaign", None),
):  # fmt: skip
    register_fact(_key, label=_label, kind=_kind, column=_column, choices=_choices)
