"""Who gets a lead. Pure choice over rows: `preview` answers without writing, `take` locks the rule and counts the turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import Count

from kernel import clock
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients.models import Client, Stage

from .models import Assignment, LeadRule, Method, Phase, PipelineStatus, RuleAgent


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules ask about a lead."""

    country: str = ""
    language: str = ""
    source: str = ""
    campaign: str = ""
    partner: str = ""

    @classmethod
    def of(cls, client: Client) -> Facts:
        source = client.source or {}
        return cls(
            country=client.country,
            language=client.language,
            source=str(source.get("utm_source", "")),
            campaign=str(source.get("utm_campaign", "")),
            partner=str(source.get("partner", "")),
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule and the agent, or neither; `passed` names the rules asked before and why they did not take it."""

    rule: LeadRule | None = None
    user: User | None = None
    passed: list[tuple[LeadRule, str]] = field(default_factory=list)


_CONDITIONS = {
    "countries": "country",
    "languages": "language",
    "sources": "source",
    "campaigns": "campaign",
    "partners": "partner",
}


def mismatch(rule: LeadRule, facts: Facts) -> str:
    """The first condition that does not hold, empty when all do. Case does not matter."""
    for name, fact in _CONDITIONS.items():
        wanted = [str(value).lower() for value in rule.conditions.get(name, [])]
        if wanted and getattr(facts, fact).lower() not in wanted:
            return name
    return ""


def decide(facts: Facts, *, lock: bool = False) -> Decision:
    """Ask the active rules in order. With `lock` the chosen rule's row is held until the transaction ends."""
    passed: list[tuple[LeadRule, str]] = []
    for rule in LeadRule.objects.filter(active=True).order_by("position"):
        if why := mismatch(rule, facts):
            passed.append((rule, why))
            continue
        if lock:
            rule = LeadRule.objects.select_for_update().get(pk=rule.pk)
        user = next_agent(rule, facts.language)
        if user is None:
            passed.append((rule, "no_room"))
            continue
        return Decision(rule, user, passed)
    return Decision(None, None, passed)


def next_agent(rule: LeadRule, language: str = "") -> User | None:
    """Whose turn it is among those with room: smallest share of their weight given so far, then waiting longest."""
    shares = {share.user_id: share for share in rule.agents.all()}
    people = _takers(rule, shares, language)
    people = [user for user in people if user.pk in _with_room(rule, people)]
    if not people:
        return None
    if rule.method == Method.LEAST_LOADED:
        load = open_leads([user.pk for user in people])
        return min(people, key=lambda user: (load.get(user.pk, 0), _waiting(shares.get(user.pk)), str(user.pk)))
    return min(people, key=lambda user: (_turn(rule, shares, user.pk), _waiting(shares.get(user.pk)), str(user.pk)))


def _takers(rule: LeadRule, shares: dict[UUID, RuleAgent], language: str) -> list[User]:
    """The agents named; else the team's members, those who speak the language before those who do not."""
    rows = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team")
    named = [user_id for user_id, share in shares.items() if share.named]
    if named:
        return list(rows.filter(pk__in=named))
    members = list(rows.filter(team_id=rule.team_id)) if rule.team_id else []
    return [user for user in members if language in user.languages] or members


def _turn(rule: LeadRule, shares: dict[UUID, RuleAgent], user_id: UUID) -> float:
    """(given + 1) / weight. Somebody new starts where the others stand, instead of being flooded until they catch up."""
    share = shares.get(user_id)
    weight = share.weight if share and rule.method == Method.WEIGHTED else 1
    given = share.given if share else min((one.given for one in shares.values()), default=0)
    return (given + 1) / max(weight, 1)


def _waiting(share: RuleAgent | None) -> datetime:
    return share.given_at if share and share.given_at else datetime.min.replace(tzinfo=UTC)


def _with_room(rule: LeadRule, people: Sequence[User]) -> set[UUID]:
    ids = [user.pk for user in people]
    room = set(ids)
    if rule.cap_open is not None:
        load = open_leads(ids)
        room = {user_id for user_id in room if load.get(user_id, 0) < rule.cap_open}
    if rule.cap_day is not None:
        today = given_today(ids)
        room = {user_id for user_id in room if today.get(user_id, 0) < rule.cap_day}
    return room


def open_leads(user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Leads in an open status per agent."""
    codes = PipelineStatus.objects.filter(phase=Phase.OPEN).values_list("code", flat=True)
    rows = Client.objects.filter(owner_id__in=user_ids, stage=Stage.LEAD, status__in=list(codes))
    return dict(rows.order_by().values_list("owner_id").annotate(Count("pk")))


def given_today(user_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Leads given per agent since midnight UTC."""
    midnight = datetime.combine(clock.today(), time.min, UTC)
    rows = Assignment.objects.filter(user_id__in=user_ids, at__gte=midnight)
    return dict(rows.order_by().values_list("user_id").annotate(Count("pk")))


def count_turn(rule: LeadRule, user: User) -> None:
    """Note that the rule gave a lead to the agent; the rule's row is locked by `decide`."""
    shares = {share.user_id: share for share in rule.agents.all()}
    share = shares.get(user.pk)
    if share is None:
        floor = min((one.given for one in shares.values()), default=0)
        share = RuleAgent(rule=rule, user_id=user.pk, named=False, given=floor)
    share.given += 1
    share.given_at = clock.now()
    share.save()
    LeadRule.objects.filter(pk=rule.pk).update(taken=rule.taken + 1)


def conditions_clean(conditions: dict[str, Any]) -> dict[str, list[str]]:
    """Known conditions only, as lists of trimmed text; countries in upper case."""
    clean: dict[str, list[str]] = {}
    for name in _CONDITIONS:
        values = [str(value).strip() for value in conditions.get(name) or [] if str(value).strip()]
        if values:
            clean[name] = [value.upper() for value in values] if name == "countries" else values
    return clean
