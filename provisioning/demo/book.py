"""What the parts of the seed share: the brokerage, its invented clients, and lines collected for writing in bulk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from kernel.actors import Actor, system
from kernel.events import as_plain
from kernel.models import AuditEntry
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef

from .brokers import Broker, Staff
from .plan import Life, lives

SEED = system("Rialto")
BATCH = 500
RULES_SINCE = timedelta(days=45)  # how long the brokerage has let rules give out its leads


@dataclass
class Trail:
    """Lines for timelines and audit trail, dated in the past, written together."""

    timeline: list[Any] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)

    def line(self, client_id: UUID, kind: str, at: datetime, actor: Actor, *, text: str = "", **data: Any) -> None:
        """One line on a client's timeline."""
        from tenant_apps.clients.models import TimelineEntry

        self.timeline.append(
            TimelineEntry(
                client_id=client_id, at=at, kind=kind, data=as_plain(data), text=text, actor_label=actor.label,
                actor_id=actor.id,
            )
        )  # fmt: skip

    def act(self, action: str, at: datetime, actor: Actor, obj: Any, client_id: UUID, **after: Any) -> None:
        """One line of the audit trail, as the service would have written it then."""
        self.audit.append(
            AuditEntry(
                at=at, actor_kind=actor.kind, actor_id=actor.id, actor_label=actor.label[:160], action=action,
                object_type=obj._meta.label_lower, object_id=str(obj.pk), object_label=str(obj)[:200],
                subject=str(client_id), after=as_plain(after) or None,
            )
        )  # fmt: skip

    def write(self) -> None:
        """Write what was collected, in the order of time."""
        from tenant_apps.clients.models import TimelineEntry

        TimelineEntry.objects.bulk_create(sorted(self.timeline, key=lambda row: row.at), batch_size=BATCH)
        AuditEntry.objects.bulk_create(sorted(self.audit, key=lambda row: row.at), batch_size=BATCH)
        self.timeline, self.audit = [], []


@dataclass
class Book:
    """One brokerage while it is being seeded; entered (`kernel.tenancy.context`) by the caller."""

    broker: Broker
    tenant: TenantRef
    size: int
    until: datetime
    password_hash: str
    say: Callable[[str], None]
    recovery: list[str] = field(default_factory=list)  # hashes of the staff's recovery codes
    trail: Trail = field(default_factory=Trail)

    @cached_property
    def lives(self) -> list[Life]:
        return lives(self.broker, self.size, self.until)

    @cached_property
    def users(self) -> dict[str, Any]:
        """Staff by address."""
        from tenant_apps.accounts.models import Realm, User

        rows = User.objects.filter(realm=Realm.STAFF).select_related("team").prefetch_related("roles")
        return {user.email: user for user in rows}

    @cached_property
    def clients(self) -> dict[int, Any]:
        """The client of each life, by the life's index."""
        from tenant_apps.clients.models import Client

        rows = {client.email: client for client in Client.objects.all()}
        return {life.index: rows[life.email] for life in self.lives if life.email in rows}

    def user(self, person: Staff) -> Any:
        return self.users[self.broker.email(person)]

    def actor(self, person: Staff) -> Actor:
        """The member of staff as somebody who acts, with the rights of the roles."""
        from tenant_apps.accounts.actors import actor_for

        return actor_for(self.user(person))

    def staff(self, role: str, number: int = 0) -> Staff:
        people = self.broker.with_role(role)
        return people[number % len(people)]

    def agent_of(self, life: Life) -> Staff:
        """Who is responsible: retention for those with money, else an agent who speaks the language, in turn."""
        if life.stage == "funded" and life.index % 3:
            return self.staff("retention")
        return self.given[life.index][1] if life.index in self.given else self._in_turn(life)

    def _in_turn(self, life: Life) -> Staff:
        speaking = [one for one in self.broker.with_role("sales") if life.language in one.speaks]
        people = speaking or self.broker.with_role("sales")
        return people[life.index % len(people)]

    @cached_property
    def given(self) -> dict[int, tuple[Any, Staff]]:
        """The leads since the rules of distribution were made, by the life's index: the rule that took it, and its agent.

        The rules' own test decides; within a rule it goes in turn. Older leads were given out by hand.
        """
        from tenant_apps.leads.distribution import Facts, mismatch
        from tenant_apps.leads.models import LeadRule

        by_id = {self.user(person).pk: person for person in self.broker.staff}
        rules = [(rule, [by_id[one.user_id] for one in rule.agents.all() if one.user_id in by_id])
                 for rule in LeadRule.objects.order_by("position").prefetch_related("agents")]  # fmt: skip
        turns: dict[Any, int] = {}
        found: dict[int, tuple[Any, Staff]] = {}
        for life in self.lives:
            if life.created_at < self.until - RULES_SINCE or self.in_pool(life):
                continue
            facts = Facts(life.country.code, life.language, life.source.get("utm_source", ""),
                          life.source.get("utm_campaign", ""))  # fmt: skip
            rule, people = next(
                ((one, people) for one, people in rules if people and not mismatch(one, facts)), (None, [])
            )
            if rule is not None:
                turn = turns[rule.pk] = turns.get(rule.pk, -1) + 1
                found[life.index] = (rule, people[turn % len(people)])
        return found

    def in_pool(self, life: Life) -> bool:
        """Whether nobody is responsible for the lead."""
        return life.stage == "lead" and life.status == "new" and life.index % 5 == 0

    def client_actor(self, life: Life) -> Actor:
        client = self.clients[life.index]
        return Actor(kind="client", id=str(client.user_id or ""), label=client.name, client_id=client.pk)


def remembered(tenant: TenantRef) -> dict[str, Any]:
    """What the register keeps of this brokerage's seed: {"until": ISO time, "size": n, "done": [parts]}."""
    return dict(tenant.setting("demo") or {})


def remember(tenant: TenantRef, state: dict[str, Any]) -> None:
    """Keep it, in the caller's transaction: a part of the seed and its mark commit together."""
    from shared_apps.tenants.services import tenant_settings_merge

    tenant_settings_merge(tenant_id=tenant.id, changes={"demo": state})


def fresh(slug: str) -> TenantRef | None:
    from shared_apps.tenants.selectors import tenant_by_slug

    return tenant_by_slug(slug)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


__all__ = ["BATCH", "SEED", "Book", "Trail", "context", "fresh", "moment", "remember", "remembered"]
