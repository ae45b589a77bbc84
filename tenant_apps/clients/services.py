"""Writes about clients: from lead to registered client; owner, notes, tasks, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.events import publish
from kernel.live.publish import publish as live
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.accounts.services import email_normalise

from . import entities, identity_change, money_tags
from .errors import EmailTaken, MoneyTag
from .events import ClientActiveDay, ClientStageChanged, LeadAssigned, LeadCreated
from .models import Client, KycState, Risk, Stage, Task, TimelineEntry
from .permissions_list import ASSIGN, CREATE, EDIT, MONEY_TAGS, NOTE, RISK, TASK
from .person_names import latin_checked, name_checked
from .phones import country_of, phone_normalise
from .timeline import tell, timeline_add

FIRST_NUMBER = 10_000
ORDER = (Stage.LEAD, Stage.REGISTERED, Stage.VERIFIED, Stage.FUNDED)


def next_number() -> int:
    """The brokerage's next client number, by a sequence: two at once never get the same one; gaps are possible."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('clients_number', 'id'))")
        return FIRST_NUMBER + int(cursor.fetchone()[0])


def default_currency() -> str:
    """The brokerage's first currency, USD where the register names none."""
    currencies = context.tenant().setting("currencies") or ["USD"]
    return str(currencies[0])


def default_language() -> str:
    languages = context.tenant().setting("languages") or ["en"]
    return str(languages[0])


@dataclass(frozen=True, slots=True)
class LeadResult:
    """The row, and whether it was made now or is a returning one found by e-mail or phone."""

    client: Client
    created: bool


@transaction.atomic
def lead_create(
    *,
    email: str,
    first_name: str,
    last_name: str = "",
    phone: str = "",
    country: str = "",
    language: str = "",
    source: Mapping[str, Any] | None = None,
    consents: Mapping[str, Any] | None = None,
    owner_id: UUID | None = None,
    team_id: UUID | None = None,
    actor: Actor,
) -> LeadResult:
    """Make a lead, or find the one with this e-mail or phone: then nothing of it is overwritten, its return is noted.

    `country` is an ISO code (else the phone's), `source` keeps utm_*, click ids, referrer, landing page, partner code.
    Raises Invalid for e-mail or name, PhoneInvalid.
    """
    actor.require(CREATE)
    address = email_normalise(email)
    if not first_name.strip():
        raise Invalid(field="first_name")
    number = phone_normalise(phone, country)
    if found := duplicate_of(address, number):
        return LeadResult(_returned(found, source or {}, actor), created=False)
    client = Client(
        number=next_number(),
        first_name=name_checked(first_name, field="first_name"),
        last_name=name_checked(last_name, field="last_name"),
        email=address,
        phone=number,
        country=(country or country_of(number)).upper()[:2],
        language=language or default_language(),
        currency=default_currency(),
        source=dict(source or {}),
        consents=dict(consents or {}),
        owner_id=owner_id,
        team_id=team_id,
    )
    try:
        with transaction.atomic():
            client.save(force_insert=True)
    except IntegrityError:  # the same address a moment ago
        return LeadResult(_returned(Client.objects.get(email=address), source or {}, actor), created=False)
    audit.record(
        actor=actor, action="clients.lead_created", obj=client, subject=client.pk, after={"source": dict(source or {})}
    )
    timeline_add(client_id=client.pk, kind="clients.lead_created", actor=actor, data={"source": dict(source or {})})
    publish(
        LeadCreated(client_id=client.pk, language=client.language, country=client.country),
        aggregate=f"client:{client.pk}",
        actor=actor,
    )
    live("leads", {"kind": "created", "id": str(client.pk)})
    return LeadResult(client, created=True)


def duplicate_of(email: str, phone: str = "") -> Client | None:
    """Who has this address, else this number (E.164); the oldest of several."""
    found = Client.objects.filter(email=email).first()
    if found is None and phone:
        found = Client.objects.filter(phone=phone).order_by("created_at").first()
    return found


def _returned(client: Client, source: Mapping[str, Any], actor: Actor) -> Client:
    timeline_add(client_id=client.pk, kind="clients.lead_returned", actor=actor, data={"source": dict(source)})
    live("leads", {"kind": "returned", "id": str(client.pk)})
    return client


# --- who is responsible ---------------------------------------------------------------------------------------------


@transaction.atomic
def owner_set(*, client: Client, owner_id: UUID | None, team_id: UUID | None, reason: str = "", actor: Actor) -> Client:
    """Make somebody responsible. Publishes `clients.lead_assigned` when there is an owner and it changed."""
    actor.require(ASSIGN, client)
    before = {"owner_id": client.owner_id, "team_id": client.team_id}
    if (client.owner_id, client.team_id) == (owner_id, team_id):
        return client
    client.owner_id, client.team_id, client.updated_at = owner_id, team_id, clock.now()
    client.save(update_fields=["owner_id", "team_id", "updated_at"])
    old, new = audit.changes(before, {"owner_id": owner_id, "team_id": team_id})
    audit.record(
        actor=actor, action="clients.owner_set", obj=client, subject=client.pk, before=old, after=new, reason=reason
    )
    timeline_add(
        client_id=client.pk, kind="clients.owner_set", actor=actor, data={"owner_id": owner_id, "reason": reason}
    )
    if owner_id:
        publish(
            LeadAssigned(client_id=client.pk, owner_id=owner_id, team_id=team_id),
            aggregate=f"client:{client.pk}",
            actor=actor,
        )
    live("leads", {"kind": "assigned", "id": str(client.pk)})
    return client


# --- the profile ----------------------------------------------------------------------------------------------------

PROFILE = (
    "first_name", "last_name", "latin_name", "company", "corporate", "email", "phone", "country", "language", "time_zone",
    "birth_date", "nationality", "address",
)  # fmt: skip


OWN = frozenset({"phone", "address", "language", "time_zone"})
# What documents are compared with: the client's to correct until the documents are submitted, staff's afterwards.
IDENTITY = frozenset({"first_name", "last_name", "latin_name", "birth_date", "nationality", "country"})


@transaction.atomic
def client_update(*, client: Client, actor: Actor, **changes: Any) -> Client:
    """Change profile fields (PROFILE). Staff need `clients.edit`; clients may change OWN, and IDENTITY before verification.

    A changed e-mail address has to be verified again and moves the log-in along (address_change); what the identity was
    verified by takes `clients.identity` and holds payouts (identity_change). Raises PhoneInvalid, EmailTaken.
    """
    client.refresh_from_db(from_queryset=Client.objects.select_for_update(no_key=True))
    _may_update(client, actor, changes)
    if "phone" in changes:
        changes["phone"] = phone_normalise(changes["phone"], changes.get("country", client.country))
    if "email" in changes:
        changes["email"] = email_normalise(changes["email"])
    for field in {"first_name", "last_name"} & set(changes):
        changes[field] = name_checked(changes[field], field=field)
    if "latin_name" in changes:
        changes["latin_name"] = latin_checked(changes["latin_name"], field="latin_name")
    before = {name: getattr(client, name) for name in changes}
    old, new = audit.changes(before, changes)
    if not new:
        return client
    verified = identity_change.change_allow(client, new, actor)
    for name in new:
        setattr(client, name, changes[name])
    client.updated_at = clock.now()
    if "email" in new:
        client.email_verified_at = None
    try:
        with transaction.atomic():
            client.save(update_fields=[*new, "email_verified_at", "updated_at"])
            if "email" in new and client.user_id:
                from .address_change import log_in_moved

                log_in_moved(client=client, before=str(old["email"]), actor=actor)
    except IntegrityError as error:
        raise EmailTaken(field="email") from error
    audit.record(actor=actor, action="clients.updated", obj=client, subject=client.pk, before=old, after=new)
    timeline_add(client_id=client.pk, kind="clients.updated", actor=actor, data={"fields": sorted(new)})
    if verified:
        identity_change.change_hold(client, old=old, new=new, actor=actor)
    if "country" in new:
        entities.country_followed(client=client, actor=actor)
    return client


def _may_update(client: Client, actor: Actor, changes: Mapping[str, Any]) -> None:
    if unknown := set(changes) - set(PROFILE):
        raise Invalid(fields=sorted(unknown))
    if actor.kind == "client":
        actor.require_client(client.pk)
        own = OWN | (IDENTITY if client.kyc_state in (KycState.NONE, KycState.NEEDS_MORE) else frozenset())
        if set(changes) - own:
            raise NotFound
        return
    actor.require(EDIT, client)


@transaction.atomic
def tags_set(*, client: Client, tags: Sequence[str], actor: Actor, shown: Sequence[str] | None = None) -> Client:
    """Replace a client's tags: lower case, without doubles, in order; of those `shown`, if given, only what differs from
    them counts, and what others changed meanwhile stays. Tags that rules of money ask for take a right of their own
    (money_tags). Raises MoneyTag."""
    before = _tags_locked(client)
    if shown is not None:
        wanted, known = _normal(tags), _normal(shown)
        tags = [*(set(before) - (known - wanted)), *(wanted - known)]
    return _tags_put(client, before, tags, actor)


@transaction.atomic
def tag_add(*, client: Client, tag: str, actor: Actor) -> Client:
    """Give a client one more tag; what others took away since the client was read stays away. Raises MoneyTag."""
    before = _tags_locked(client)
    return _tags_put(client, before, [*before, tag], actor)


def _tags_locked(client: Client) -> list[str]:
    return list(Client.objects.select_for_update(no_key=True).values_list("tags", flat=True).get(pk=client.pk))


def _normal(tags: Iterable[str]) -> set[str]:
    return {money_tags.normal(tag) for tag in tags if tag.strip()}


def _tags_put(client: Client, before: list[str], tags: Sequence[str], actor: Actor) -> Client:
    actor.require(EDIT, client)
    client.tags = sorted(_normal(tags))
    carrying = (set(before) ^ set(client.tags)) & money_tags.money_tags()
    if carrying and not actor.may(MONEY_TAGS):
        raise MoneyTag(tags=sorted(carrying))
    client.updated_at = clock.now()
    client.save(update_fields=["tags", "updated_at"])
    audit.record(
        actor=actor, action="clients.tags_set", obj=client, subject=client.pk, before={"tags": before},
        after={"tags": client.tags},
    )  # fmt: skip
    tell(client.pk, "tags")
    return client


@transaction.atomic
def risk_set(*, client: Client, risk: str, reason: str, actor: Actor) -> Client:
    """Set the risk class: low, normal or high."""
    actor.require(RISK)
    if risk not in Risk.values:
        raise Invalid(field="risk")
    before, client.risk = client.risk, risk
    client.save(update_fields=["risk"])
    audit.record(
        actor=actor, action="clients.risk_set", obj=client, subject=client.pk, before={"risk": before},
        after={"risk": risk}, reason=reason,
    )  # fmt: skip
    tell(client.pk, "risk")
    return client


# --- stages ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def stage_advance(*, client_id: UUID, to: str, actor: Actor, at: datetime | None = None) -> bool:
    """Move a client forward by compare-and-set; False when it is already there or further. System or service use.

    `at` (UTC) defaults to now and becomes registered_at or verified_at. Publishes `clients.stage_changed`.
    """
    moment = at or clock.now()
    earlier = [stage.value for stage in ORDER[: ORDER.index(Stage(to))]]
    client = Client.objects.select_for_update().get(pk=client_id)
    if client.stage not in earlier:
        return False
    stamps = {Stage.REGISTERED: "registered_at", Stage.VERIFIED: "verified_at"}
    changes: dict[str, Any] = {"stage": to, "updated_at": moment}
    if name := stamps.get(Stage(to)):
        changes[name] = moment
    Client.objects.filter(pk=client_id).update(**changes)
    audit.record(
        actor=actor, action="clients.stage_changed", obj=client, subject=client_id, before={"stage": client.stage},
        after={"stage": to},
    )  # fmt: skip
    timeline_add(client_id=client_id, kind="clients.stage_changed", actor=actor, data={"stage": to})
    publish(
        ClientStageChanged(client_id=client_id, stage=to, previous=client.stage),
        aggregate=f"client:{client_id}",
        actor=actor,
    )
    live("leads", {"kind": "stage", "id": str(client_id)})
    return True


@transaction.atomic
def kyc_set(*, client_id: UUID, state: str, level: int | None = None, actor: Actor) -> None:
    """For the KYC app: what its decision means for the client. Approved also advances the stage."""
    changes: dict[str, Any] = {"kyc_state": state, "updated_at": clock.now()}
    if level is not None:
        changes["kyc_level"] = level
    Client.objects.filter(pk=client_id).update(**changes)
    live(f"client:{client_id}", {"kind": "kyc"})
    if state == "approved":
        stage_advance(client_id=client_id, to=Stage.VERIFIED, actor=actor)


@transaction.atomic
def ftd_set(*, client_id: UUID, minor: int, currency: str, at: datetime, actor: Actor) -> bool:
    """For the payments app: the first deposit, in minor units of `currency`, once; advances the stage."""
    set_now = Client.objects.filter(pk=client_id, ftd_at__isnull=True).update(
        ftd_at=at, ftd_minor=minor, ftd_currency=currency, updated_at=clock.now()
    )
    if set_now:
        stage_advance(client_id=client_id, to=Stage.FUNDED, actor=actor)
    return bool(set_now)


@transaction.atomic
def ftd_unset(*, client_id: UUID, reason: str, actor: Actor) -> bool:
    """For the payments app: the first deposit was wholly taken back; the next one credited becomes the first.

    The stage stays (it moves forward only), and the trail keeps what the first deposit had been.
    """
    client = Client.objects.select_for_update().get(pk=client_id)
    if client.ftd_at is None:
        return False
    before = {"ftd_at": client.ftd_at.isoformat(), "ftd": str(Money(client.ftd_minor or 0, client.ftd_currency))}
    Client.objects.filter(pk=client_id).update(
        ftd_at=None, ftd_minor=None, ftd_currency="", updated_at=clock.now()
    )  # fmt: skip
    audit.record(
        actor=actor, action="clients.ftd_unset", obj=client, subject=client_id, before=before,
        after={"ftd_at": None, "ftd": None}, reason=reason,
    )  # fmt: skip
    return True


@transaction.atomic
def activity_mark(*, client_id: UUID, actor: Actor, on: date | None = None) -> bool:
    """Count a day (UTC date) with a log-in, a deal or a payment, once. Publishes `clients.active_day`."""
    from django.db.models import F, Q

    day = on or clock.today()
    fresh = Q(last_active_on__isnull=True) | Q(last_active_on__lt=day)
    counted = Client.objects.filter(fresh, pk=client_id).update(active_days=F("active_days") + 1, last_active_on=day)
    if not counted:
        return False
    days = Client.objects.values_list("active_days", flat=True).get(pk=client_id)
    publish(
        ClientActiveDay(client_id=client_id, on=day.isoformat(), active_days=days),
        aggregate=f"client:{client_id}",
        actor=actor,
    )
    return True


# --- notes and tasks ------------------------------------------------------------------------------------------------


@transaction.atomic
def note_add(*, client: Client, text: str, pinned: bool = False, actor: Actor) -> None:
    """An internal note on the timeline; clients never see it."""
    actor.require(NOTE, client)
    if not text.strip():
        raise Invalid(field="text")
    TimelineEntry.objects.create(
        client=client, at=clock.now(), kind="clients.note", text=text.strip()[:5000], pinned=pinned,
        actor_label=actor.label, actor_id=actor.id,
    )  # fmt: skip
    contacted_mark(client=client)
    tell(client.pk, "clients.note")


@transaction.atomic
def note_pin(*, client: Client, entry_id: int, pinned: bool, actor: Actor) -> None:
    """Keep a note at the top of the page, or let it go."""
    actor.require(NOTE, client)
    if not TimelineEntry.objects.filter(pk=entry_id, client=client, kind="clients.note").update(pinned=pinned):
        raise NotFound
    tell(client.pk, "clients.note")


def contacted_mark(*, client: Client) -> None:
    Client.objects.filter(pk=client.pk).update(last_contact_at=clock.now())


@transaction.atomic
def task_add(
    *,
    title: str,
    due_at: datetime,
    owner_id: UUID,
    client: Client | None = None,
    team_id: UUID | None = None,
    kind: str = "task",
    notes: str = "",
    origin: str = "",
    dedupe_key: str | None = None,
    actor: Actor,
) -> Task:
    """Something to do by `due_at` (UTC). With a dedupe key there is one task, however often it is asked for."""
    actor.require(TASK, client)
    if not title.strip():
        raise Invalid(field="title")
    if dedupe_key and (known := Task.objects.filter(dedupe_key=dedupe_key).first()):
        return known
    task = Task.objects.create(
        client=client, title=title.strip()[:160], kind=kind, notes=notes[:2000], owner_id=owner_id, team_id=team_id,
        due_at=due_at, origin=origin or actor.label, dedupe_key=dedupe_key,
    )  # fmt: skip
    subject = client.pk if client else ""
    audit.record(
        actor=actor, action="clients.task_added", obj=task, subject=subject, after={"due_at": due_at.isoformat()}
    )
    if client:
        timeline_add(
            client_id=client.pk, kind="clients.task_added", actor=actor, data={"title": task.title, "due_at": due_at}
        )
    live(f"tasks:{owner_id}", {"kind": "added", "id": str(task.pk)})
    return task


@transaction.atomic
def task_done(*, task: Task, done: bool = True, actor: Actor) -> Task:
    """Finish a task, or open it again. Its owner may, and whoever holds `clients.task` over it."""
    actor.require(TASK, task)
    moment = clock.now() if done else None
    if not Task.objects.filter(pk=task.pk, done_at__isnull=done).update(done_at=moment, updated_at=clock.now()):
        return task
    task.done_at = moment
    audit.record(
        actor=actor, action="clients.task_done" if done else "clients.task_reopened", obj=task,
        subject=task.client_id or "",
    )  # fmt: skip
    if task.client_id and done:
        timeline_add(client_id=task.client_id, kind="clients.task_done", actor=actor, data={"title": task.title})
    live(f"tasks:{task.owner_id}", {"kind": "done", "id": str(task.pk)})
    return task
