"""What of the work is shown, as one value: parsed from a query string and applied to each kind's rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.http import QueryDict
from django.utils.http import urlencode

from kernel import clock
from kernel.actors import Actor, Reach
from kernel.money import CURRENCIES
from kernel.permissions import within
from tenant_apps.clients.models import KycState
from tenant_apps.clients.queue import matching

from .registry import Source

AGES = (1, 4, 24, 72, 168)  # hours
LEVELS = range(10)  # of KYC
MOST = Decimal(10) ** 15
KNOWING = ("clients.view", "payments.view")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Empty text means "any". `scope` is "mine" (what the actor may decide now) or "all". Amounts are in whole units."""

    scope: str = "mine"
    kind: str = ""
    state: str = ""
    currency: str = ""
    least: str = ""
    most: str = ""
    provider: str = ""
    method: str = ""
    level: str = ""
    country: str = ""
    tag: str = ""
    manager: str = ""
    age: str = ""
    late: str = ""
    q: str = ""

    @classmethod
    def parse(cls, query: QueryDict | dict[str, str]) -> Filter:
        """From a query string; unknown keys and unusable values are left out."""
        values = {one.name: str(query.get(one.name, "") or "").strip()[:80] for one in fields(cls)}
        if values["scope"] not in ("mine", "all"):
            values["scope"] = "mine"
        for name in ("least", "most"):
            if _amount(values[name]) is None:
                values[name] = ""
        if _uuid(values["provider"]) is None:
            values["provider"] = ""
        if values["manager"] not in ("me", "none") and _uuid(values["manager"]) is None:
            values["manager"] = ""
        if values["age"] not in {str(hours) for hours in AGES}:
            values["age"] = ""
        if values["level"] not in {str(level) for level in LEVELS}:
            values["level"] = ""
        values["late"] = "1" if values["late"] else ""
        return cls(**values)

    def as_query(self) -> str:
        """The query string again, without what is empty."""
        return urlencode([(one.name, getattr(self, one.name)) for one in fields(self) if getattr(self, one.name)])

    @property
    def narrowed(self) -> bool:
        """Whether more than the scope was chosen."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "scope")

    def rows(self, source: Source, actor: Actor) -> QuerySet[Any]:
        """The open rows of a kind that match; annotated by the listing afterwards."""
        rows = source.open(actor)
        if self.kind and self.kind != source.kind:
            return rows.none()
        if self.q:
            rows = rows.alias(**_money(source))
        if self.scope == "mine":
            rows = rows.filter(pk__in=source.mine(actor).order_by().values("pk"))
        of_source = (self._of_client(source, actor), self._of_provider(source), self._of_method(source))
        for condition in (*of_source, self._of_words(source, actor)):
            if condition is None:
                return rows.none()
            rows = rows.filter(condition) if condition else rows
        return rows

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that `annotated` asks of."""
        asked = {
            "w_state": self.state, "w_currency": self.currency or self.least or self.most, "w_since": self.age,
            "w_due": self.late, "w_minor": self.least or self.most,
        }  # fmt: skip
        return tuple(name for name, one in asked.items() if one)

    def annotated(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What is asked of the columns that every kind has (listing.COLUMNS)."""
        if self.state:
            rows = rows.filter(w_state=self.state)
        if self.currency:
            rows = rows.filter(w_currency=self.currency.upper())
        if self.age:
            rows = rows.filter(w_since__lte=clock.now() - timedelta(hours=int(self.age)))
        if self.late:
            rows = rows.filter(w_due__lt=clock.now())
        for text, side in ((self.least, "gte"), (self.most, "lte")):
            amount = _amount(text)
            if amount is not None:
                rows = rows.filter(_minor(amount, side))
        return rows

    def _of_client(self, source: Source, actor: Actor) -> Q | None:
        """None where a client is asked for and the kind has none."""
        wanted = Q()
        if self.country:
            wanted &= Q(country=self.country.upper())
        if self.tag:
            wanted &= Q(tags__contains=[self.tag.lower()])
        if self.level:
            wanted &= at_level(int(self.level))
        if self.manager == "none":
            wanted &= Q(owner_id__isnull=True)
        elif self.manager:
            wanted &= Q(owner_id=_uuid(actor.id if self.manager == "me" else self.manager))
        if not wanted:
            return Q()
        return None if source.client is None else _under(source.client, wanted & _known(actor))

    def _of_provider(self, source: Source) -> Q | None:
        wanted = _uuid(self.provider)
        if wanted is None:
            return Q()
        return source.provider(wanted) if source.provider else None

    def _of_method(self, source: Source) -> Q | None:
        if not self.method:
            return Q()
        return source.method(self.method) if source.method else None

    def _of_words(self, source: Source, actor: Actor) -> Q | None:
        """Reference, client or amount: any of them."""
        if not self.q:
            return Q()
        found = Q()
        for path in (source.reference, *source.search):
            if isinstance(path, str):
                found |= Q(**{f"{path}__icontains": self.q})
        if source.client is not None:
            found |= _under(source.client, matching(self.q, actor.masks))
        amount = _amount(self.q.replace(",", "."))
        if amount is not None and source.minor and source.currency:
            found |= _minor(amount, "exact", "asked_minor", "asked_currency")
        return found


def _known(actor: Actor) -> Q:
    """Clients of whom the actor may know more than the name: who may not could find out by filtering."""
    if Reach.ALL in (actor.reach(code) for code in KNOWING):
        return Q()
    found = Q(pk__in=[])
    for code in KNOWING:
        found |= within(actor, code)
    return found


def at_level(level: int) -> Q:
    """Clients of a KYC level, as limits and routing count it: 0 while the identity is not verified, else at least 1."""
    if level == 0:
        return Q(kyc_state__in=[state for state in KycState if state != KycState.APPROVED])
    return Q(kyc_state=KycState.APPROVED) & (Q(kyc_level__lte=1) if level == 1 else Q(kyc_level=level))


def _money(source: Source) -> dict[str, Any]:
    """Amount and currency by names, whether the kind has columns of them or expressions."""
    found = {"asked_minor": source.minor, "asked_currency": source.currency}
    return {name: F(one) if isinstance(one, str) else one for name, one in found.items() if one is not None}


def _under(path: str, condition: Q) -> Q:
    """The same condition, asked of what a path leads to."""
    moved = Q(_connector=condition.connector, _negated=condition.negated)
    for child in condition.children:
        if isinstance(child, Q):
            moved.add(_under(path, child), moved.connector)
        else:
            name, value = cast("tuple[str, Any]", child)
            moved.add(Q((f"{path}__{name}", value)), moved.connector)
    return moved


def _minor(amount: Decimal, side: str, minor: str = "w_minor", currency: str = "w_currency") -> Q:
    """An amount in whole units against minor ones, whatever decimals the row's currency has."""
    found = Q()
    for places in sorted(set(CURRENCIES.values())):
        codes = [code for code, one in CURRENCIES.items() if one == places]
        scaled = amount.scaleb(places)
        if side == "exact" and scaled != int(scaled):
            continue
        found |= Q(**{f"{currency}__in": codes, f"{minor}__{side}": int(scaled)})
    return found


def _amount(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < MOST else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
