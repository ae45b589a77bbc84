"""What a line of the audit trail changed, in words: fields by their names, values as people say them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel.models import AuditEntry
from kernel.money import Money
from kernel.ui.formatting import datetime_text, money_text
from tenant_apps.accounts.models import Realm, Team, User

from .models import KycState, Stage

FIELDS: dict[str, Any] = {
    "active": pgettext_lazy("audit field", "Active"),
    "amount": pgettext_lazy("audit field", "Amount"),
    "country": pgettext_lazy("audit field", "Country"),
    "direction": pgettext_lazy("audit field", "Direction"),
    "due_at": pgettext_lazy("audit field", "Due"),
    "email": pgettext_lazy("audit field", "E-mail address"),
    "first_name": pgettext_lazy("audit field", "First name"),
    "kyc_state": pgettext_lazy("audit field", "Identity check"),
    "language": pgettext_lazy("audit field", "Language"),
    "last_name": pgettext_lazy("audit field", "Last name"),
    "leverage": pgettext_lazy("audit field", "Leverage"),
    "likeness": pgettext_lazy("audit field", "In common with the person before"),
    "login": pgettext_lazy("audit field", "Trading account"),
    "name": pgettext_lazy("audit field", "Name"),
    "owner_id": pgettext_lazy("audit field", "Responsible"),
    "phone": pgettext_lazy("audit field", "Phone"),
    "reason": pgettext_lazy("audit field", "Reason"),
    "risk": pgettext_lazy("audit field", "Risk"),
    "role": pgettext_lazy("audit field", "Role"),
    "roles": pgettext_lazy("audit field", "Roles"),
    "second_factor": pgettext_lazy("audit field", "Second factor"),
    "source": pgettext_lazy("audit field", "Source"),
    "stage": pgettext_lazy("audit field", "Stage"),
    "state": pgettext_lazy("audit field", "State"),
    "status": pgettext_lazy("audit field", "Status"),
    "tags": pgettext_lazy("audit field", "Tags"),
    "team_id": pgettext_lazy("audit field", "Team"),
}
CODES: dict[str, dict[str, Any]] = {
    "stage": dict(Stage.choices),
    "kyc_state": dict(KycState.choices),
    "direction": {
        "in": pgettext_lazy("audit value", "wallet to account"),
        "out": pgettext_lazy("audit value", "account to wallet"),
        "demo": pgettext_lazy("audit value", "practice money"),
    },
    "likeness": {
        "mailbox": pgettext_lazy("audit value", "the mailbox"),
        "name": pgettext_lazy("audit value", "the name"),
        "invited": pgettext_lazy("audit value", "one invited the other"),
        "device": pgettext_lazy("audit value", "a device"),
    },
}
NONE = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """One field; `before` is empty where the line says nothing about how it was."""

    label: str
    before: str
    after: str


def changes_shown(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """The entries with `changes`. Two queries for the names of people and teams, however many lines there are."""
    rows = list(entries)
    names = _names(value for row in rows for part in (row.before, row.after) for value in (part or {}).values())
    for row in rows:
        row.changes = _changes(row.before or {}, row.after or {}, names)  # type: ignore[attr-defined]
    return rows


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]) -> list[Change]:
    return [
        Change(
            label=field_words(key),
            before=value_words(key, before.get(key), names) if before else "",
            after=value_words(key, value, names),
        )
        for key, value in after.items()
    ]


def field_words(key: str) -> str:
    """A field's name; one nobody named is its own code, legibly."""
    return str(FIELDS[key]) if key in FIELDS else key.removesuffix("_id").replace("_", " ").capitalize()


def value_words(key: str, value: Any, names: Mapping[str, str]) -> str:
    """A value as people say it: yes and no, a dash for nothing, names for ids, amounts with their currency."""
    if value is None or value in ("", [], {}):
        return NONE
    if isinstance(value, bool):
        return pgettext("audit value", "yes") if value else pgettext("audit value", "no")
    if isinstance(value, Mapping):
        return _mapping_words(value, names)
    if isinstance(value, list | tuple):
        return ", ".join(value_words(key, item, names) for item in value)
    if key.endswith("_at") and (moment := _moment(value)):
        return datetime_text(moment)
    return str(CODES.get(key, {}).get(value) or names.get(str(value)) or value)


def _moment(value: Any) -> datetime | None:
    """An instant as the trail keeps it (ISO 8601 with an offset), or nothing."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _mapping_words(value: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if set(value) == {"minor", "currency"}:
        return money_text(Money.from_json(dict(value)))
    return ", ".join(f"{field_words(str(key))}: {value_words(str(key), item, names)}" for key, item in value.items())


def _names(values: Iterable[Any]) -> dict[str, str]:
    """Names of the people and teams among the values."""
    ids = {found for value in values if (found := _uuid(value))}
    if not ids:
        return {}
    people = User.objects.filter(pk__in=ids, realm=Realm.STAFF).values_list("pk", "name")
    teams = Team.objects.filter(pk__in=ids).values_list("pk", "name")
    return {str(pk): name for pk, name in (*people, *teams)}


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None
