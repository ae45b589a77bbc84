"""A filtered list of clients as one value: parsed from a query string, applied to a queryset, walked row by row.

The list page and the client's page share it, so "next" on a client's page is the next row of the list one came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.http import urlencode

from .entities import clients_of
from .models import Client

SORTS = {"created": "created_at", "number": "number", "name": "first_name", "updated": "updated_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What a list shows. Empty text means "any". `owner` is an account's id, "none" or "me"."""

    q: str = ""
    stage: str = ""
    status: str = ""
    owner: str = ""
    team: str = ""
    country: str = ""
    language: str = ""
    source: str = ""
    campaign: str = ""
    kyc: str = ""
    tag: str = ""
    entity: str = ""
    since: str = ""
    until: str = ""
    sort: str = field(default="-created")

    @classmethod
    def parse(cls, query: QueryDict | dict[str, str]) -> Queue:
        """From a query string; unknown keys and unusable values are left out."""
        values = {one.name: str(query.get(one.name, "") or "").strip()[:120] for one in fields(cls)}
        if values["sort"].removeprefix("-") not in SORTS:
            values["sort"] = "-created"
        for name in ("since", "until"):
            if values[name] and _day(values[name]) is None:
                values[name] = ""
        for name in ("owner", "team"):
            if values[name] not in {"", "none", "me"} and not _is_uuid(values[name]):
                values[name] = ""
        if values["entity"] and not _is_uuid(values["entity"]):
            values["entity"] = ""
        return cls(**values)

    def as_query(self) -> str:
        """The query string again, without what is empty."""
        pairs = [(one.name, getattr(self, one.name)) for one in fields(self) if getattr(self, one.name)]
        return urlencode(pairs)

    @property
    def filtered(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self) if one.name != "sort")

    def apply(self, rows: QuerySet[Client], *, me: str = "", masks: frozenset[str] = frozenset()) -> QuerySet[Client]:
        """The rows of `rows` that match. `me` is the looking account's id, `masks` what it sees masked."""
        exact = {
            "stage": self.stage, "status": self.status, "country": self.country.upper(), "language": self.language,
            "kyc_state": self.kyc, "source__utm_source": self.source, "source__utm_campaign": self.campaign,
        }  # fmt: skip
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if self.owner:
            owner = me if self.owner == "me" else self.owner
            rows = rows.filter(owner_id__isnull=True) if owner == "none" else rows.filter(owner_id=owner or None)
        if self.team:
            rows = rows.filter(team_id__isnull=True) if self.team == "none" else rows.filter(team_id=self.team)
        if self.tag:
            rows = rows.filter(tags__contains=[self.tag.lower()])
        if self.entity:
            rows = rows.filter(clients_of(self.entity))
        if since := _day(self.since):
            rows = rows.filter(created_at__gte=_start(since))
        if until := _day(self.until):
            rows = rows.filter(created_at__lt=_start(until + timedelta(days=1)))
        return rows.filter(matching(self.q, masks)) if self.q else rows

    def ordered(self, rows: QuerySet[Client], *, backwards: bool = False) -> QuerySet[Client]:
        """In the queue's order, or against it; the key breaks ties."""
        name, descending = SORTS[self.sort.removeprefix("-")], self.sort.startswith("-") != backwards
        sign = "-" if descending else ""
        return rows.order_by(f"{sign}{name}", f"{sign}pk")

    def neighbour(self, rows: QuerySet[Client], client: Client, *, previous: bool = False) -> UUID | None:
        """The client after (or before) this one in the queue; None at its end."""
        name = SORTS[self.sort.removeprefix("-")]
        side = "lt" if self.sort.startswith("-") != previous else "gt"
        value = getattr(client, name)
        beyond = Q(**{f"{name}__{side}": value}) | Q(**{name: value, f"pk__{side}": client.pk})
        return self.ordered(rows.filter(beyond), backwards=previous).values_list("pk", flat=True).first()


def matching(text: str, masks: frozenset[str] = frozenset()) -> Q:
    """Clients by number, phone, e-mail or name, as people type them.

    Whoever sees a field masked finds by the whole of it only: otherwise it could be guessed letter by letter.
    """
    plain = text.strip().lower()
    digits = "".join(char for char in text if char.isdigit())
    phone = Q(phone=f"+{digits}") if "phone" in masks else Q(phone__contains=digits)
    if plain.lstrip("#").isdigit() and len(digits) <= 9:
        return Q(number=int(digits)) | phone if len(digits) >= 4 else Q(number=int(digits))
    if "@" in text:
        return Q(email=plain) if "email" in masks else Q(email__startswith=plain)
    if len(digits) >= 6:
        return phone
    found = Q()
    for word in text.split()[:4]:
        names = Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(company__icontains=word)
        found &= names if "email" in masks else names | Q(email__startswith=word.lower())
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
