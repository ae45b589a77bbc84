"""What a line of the audit trail changed, in words: fields by their names, values as people say them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import pgettext

from kernel import audit_words
from kernel.ids import parse_uuid
from kernel.models import AuditEntry
from kernel.money import Money
from kernel.ui.formatting import datetime_text, money_text
from tenant_apps.accounts.models import Realm, Team, User

NONE = "–"
AMOUNT = re.compile(r"(?P<amount>-?\d+(\.\d+)?) (?P<currency>[A-Z]{3,8})")


@dataclass(frozen=True, slots=True)
class Change:
    """One field; `before` is empty where the line says nothing about how it was."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Words:
    """What the lines of one app need to be told: names of people and teams by id, and codes, each kind asked for once."""

    app: str
    names: Mapping[str, str] = field(default_factory=dict)
    codes: dict[tuple[str, str], Mapping[Any, Any]] = field(default_factory=dict)

    def of(self, key: str, value: Any) -> str:
        """A value as people say it: yes and no, a dash for nothing, names for ids, amounts with their currency."""
        if value is None or value in ("", [], {}):
            return NONE
        if isinstance(value, bool):
            return pgettext("audit value", "yes") if value else pgettext("audit value", "no")
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return ", ".join(self.of(key, item) for item in value)
        if key.endswith("_at") and (moment := _moment(value)):
            return datetime_text(moment)
        if (amount := _amount(value)) is not None:
            return money_text(amount)
        return str(self._codes(key).get(value) or self.names.get(str(value)) or value)

    def _mapping(self, value: Mapping[str, Any]) -> str:
        if set(value) == {"minor", "currency"}:
            return money_text(Money.from_json(dict(value)))
        return ", ".join(f"{self._key(str(key))}: {self.of(str(key), item)}" for key, item in value.items())

    def _key(self, key: str) -> str:
        return self.names.get(key) or audit_words.field_words(key)

    def _codes(self, key: str) -> Mapping[Any, Any]:
        place = (self.app, key)
        if place not in self.codes:
            self.codes[place] = audit_words.values_of(*place)
        return self.codes[place]


def changes_shown(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """The entries with `changes`. The queries are one each for people, teams and what brokers name themselves."""
    rows = list(entries)
    names = _names(_texts([part for row in rows for part in (row.before, row.after)]))
    codes: dict[tuple[str, str], Mapping[Any, Any]] = {}
    for row in rows:
        told = Words(row.action.partition(".")[0], names, codes)
        row.changes = _changes(row.before or {}, row.after or {}, told)  # type: ignore[attr-defined]
    return rows


def differences(action: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What `action` would change, in the words that the trail will have for it."""
    (entry,) = changes_shown([AuditEntry(action=action, before=dict(before), after=dict(after))])
    return list(entry.changes)  # type: ignore[attr-defined]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], told: Words) -> list[Change]:
    return [
        Change(
            label=audit_words.field_words(key),
            before=told.of(key, before.get(key)) if before else "",
            after=told.of(key, value),
        )
        for key, value in after.items()
    ]


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too: an id may stand anywhere."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (str(key), *_texts(item))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _amount(value: Any) -> Money | None:
    """An amount as `str(Money)` wrote it, "500.00 EUR", or nothing."""
    found = AMOUNT.fullmatch(value) if isinstance(value, str) else None
    try:
        return Money.of(found["amount"], found["currency"]) if found else None
    except ValueError:  # no currency of ours, or more decimals than it has: somebody's own words
        return None


def _moment(value: Any) -> datetime | None:
    """An instant as the trail keeps it (ISO 8601 with an offset), or nothing."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _names(values: Iterable[Any]) -> dict[str, str]:
    """Names of the people and teams among the values."""
    ids = {found for value in values if (found := parse_uuid(value))}
    if not ids:
        return {}
    people = User.objects.filter(pk__in=ids, realm=Realm.STAFF).values_list("pk", "name")
    teams = Team.objects.filter(pk__in=ids).values_list("pk", "name")
    return {str(pk): name for pk, name in (*people, *teams)}
