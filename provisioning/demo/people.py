"""Clients as rows: leads in every state, registered ones with log-ins and accepted documents, calls, notes, tasks.

Written in bulk: hundreds of people through the services would take minutes. What the services would have written besides,
timeline and audit lines, is written too; events of the past are not published, nobody is to be told of them now.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kernel import clock
from kernel.actors import Actor
from kernel.letters import latin_writable
from kernel.money import minor_units

from .book import BATCH, SEED, Book
from .plan import Life

VISITOR = Actor(kind="visitor", label="lead form")


def write(book: Book) -> None:
    """All clients with everything but documents and money."""
    users = _users(book)
    _clients(book, users)
    _stories(book)
    _work(book)
    _acceptances(book)
    book.trail.write()


def _users(book: Book) -> dict[int, Any]:
    """Accounts to log in with, for those who registered; all with the demo's password."""
    from tenant_apps.accounts.models import Realm, User

    users = {
        life.index: User(
            realm=Realm.CLIENT,
            email=life.email,
            name=life.name,
            password=book.password_hash,
            language=life.language,
            time_zone=life.country.zone,
            email_verified_at=life.registered_at + timedelta(minutes=4),
            created_at=life.registered_at,
        )
        for life in book.lives
        if life.registered_at
    }
    User.objects.bulk_create(list(users.values()), batch_size=BATCH)
    return users


def _clients(book: Book, users: dict[int, Any]) -> None:
    from tenant_apps.clients.models import Client
    from tenant_apps.clients.services import next_number

    rows = [_client(book, life, next_number(), users.get(life.index)) for life in book.lives]
    Client.objects.bulk_create(rows, batch_size=BATCH)


def _client(book: Book, life: Life, number: int, user: Any) -> Any:
    from tenant_apps.clients.models import Client

    agent = book.user(book.agent_of(life))
    unassigned = book.in_pool(life)
    first = life.deposits[0] if life.deposits else None
    last_active = life.last_seen(book.until)
    client = Client(
        number=number,
        stage=life.stage,
        status=life.status,
        first_name=life.who.first,
        last_name=life.who.last,
        latin_name=life.latin if life.submitted_at and not latin_writable(life.name) else "",
        email=life.email,
        phone=life.phone,
        country=life.country.code,
        language=life.language,
        time_zone=life.country.zone,
        birth_date=life.born if life.registered_at else None,
        nationality=life.country.code if life.submitted_at else "",
        address=_address(life) if life.registered_at else {},
        currency=life.currency,
        user_id=user.pk if user else None,
        owner_id=None if unassigned else agent.pk,
        team_id=None if unassigned else agent.team_id,
        kyc_state=life.kyc if life.kyc != "draft" else "none",
        kyc_level=1 if life.kyc == "approved" else 0,
        tags=["vip"] if first and first.minor > 3000 * 10 ** minor_units(first.currency) else [],
        source=life.source,
        consents={"marketing": {"at": life.created_at.isoformat()}} if life.index % 4 else {},
        email_verified_at=user.email_verified_at if user else None,
        registered_at=life.registered_at,
        verified_at=life.verified_at,
        last_login_at=last_active,
        last_contact_at=max((said.at for said in life.said), default=None),
        active_days=life.active_days,
        last_active_on=last_active.date() if last_active else None,
        created_at=life.created_at,
        updated_at=max(filter(None, (life.created_at, life.registered_at, life.verified_at))),
    )
    if first:
        client.ftd_at, client.ftd_minor, client.ftd_currency = first.at, first.minor, first.currency
    return client


def _address(life: Life) -> dict[str, str]:
    return {"line1": life.street, "line2": "", "city": life.city, "postal_code": life.postcode}


def _stories(book: Book) -> None:
    """From the form to the verified client, as lines."""
    for life in book.lives:
        client, agent = book.clients[life.index], book.actor(book.agent_of(life))
        me = book.client_actor(life)
        trail = book.trail
        trail.line(client.pk, "clients.lead_created", life.created_at, VISITOR, source=life.source)
        trail.act("clients.lead_created", life.created_at, VISITOR, client, client.pk, source=life.source)
        if client.owner_id:
            at = life.created_at + timedelta(seconds=1)
            trail.line(client.pk, "clients.owner_set", at, SEED, owner_id=client.owner_id, reason="")
            trail.act("clients.owner_set", at, SEED, client, client.pk, owner_id=client.owner_id)
        if life.registered_at:
            invited = life.created_at + (life.registered_at - life.created_at) / 2
            trail.line(client.pk, "leads.invited", invited, agent)
            trail.line(client.pk, "clients.registered", life.registered_at, me)
            trail.line(client.pk, "clients.documents_accepted", life.registered_at, me)
            trail.line(client.pk, "clients.email_verified", life.registered_at + timedelta(minutes=4), me)
            stage_line(book, client, "registered", life.registered_at)


def stage_line(book: Book, client: Any, stage: str, at: datetime) -> None:
    book.trail.line(client.pk, "clients.stage_changed", at, SEED, stage=stage)
    book.trail.act("clients.stage_changed", at, SEED, client, client.pk, stage=stage)


def _work(book: Book) -> None:
    """Calls, notes, statuses, tasks and who was given which lead."""
    from tenant_apps.clients.models import Task
    from tenant_apps.leads.models import Assignment, Call

    calls, tasks, given = [], [], []
    for life in book.lives:
        client, agent = book.clients[life.index], book.actor(book.agent_of(life))
        if client.owner_id:
            given.append(_assignment(Assignment, book, life, client))
        for said in life.said:
            if not said.outcome:
                book.trail.line(client.pk, "clients.note", said.at, agent, text=said.text)
                continue
            call = Call(
                client=client, user_id=agent.id, outcome=said.outcome, seconds=said.seconds, note=said.text,
                at=said.at, created_at=said.at, updated_at=said.at,
            )  # fmt: skip
            calls.append(call)
            book.trail.line(
                client.pk, "leads.call", said.at, agent, text=said.text, outcome=said.outcome, seconds=said.seconds,
                call_id=str(call.pk),
            )  # fmt: skip
        if life.stage == "lead" and life.status != "new" and life.said:
            at = life.said[-1].at + timedelta(minutes=1)
            book.trail.line(client.pk, "leads.status_set", at, agent, status=life.status, before="new")
            book.trail.act("leads.status_set", at, agent, client, client.pk, status=life.status)
        if life.task:
            tasks.append(_task(Task, client, agent, life, book.until))
    Call.objects.bulk_create(calls, batch_size=BATCH)
    Task.objects.bulk_create(tasks, batch_size=BATCH)
    Assignment.objects.bulk_create(given, batch_size=BATCH)
    _count_turns(given)


def _assignment(model: Any, book: Book, life: Life, client: Any) -> Any:
    """Who was given the lead: by a rule, where one took it, which may be another than who looks after the client by now."""
    rule, person = book.given.get(life.index, (None, None))
    user_id = book.user(person).pk if person else client.owner_id
    return model(client=client, user_id=user_id, rule=rule, at=life.created_at)


def _count_turns(given: list[Any]) -> None:
    """What the rules would have counted: leads taken, and each agent's share with the last turn."""
    from tenant_apps.leads.models import LeadRule, RuleAgent

    by_rule: dict[Any, list[Any]] = {}
    for one in given:
        if one.rule_id:
            by_rule.setdefault(one.rule_id, []).append(one)
    for rule_id, rows in by_rule.items():
        LeadRule.objects.filter(pk=rule_id).update(taken=len(rows))
        for share in RuleAgent.objects.filter(rule_id=rule_id):
            turns = [one.at for one in rows if one.user_id == share.user_id]
            share.given, share.given_at = len(turns), max(turns, default=None)
            share.save(update_fields=["given", "given_at"])


def _task(model: Any, client: Any, agent: Actor, life: Life, until: datetime) -> Any:
    assert life.task is not None
    title, due, done = life.task
    made = min(life.said[-1].at if life.said else life.created_at, until)
    return model(
        client=client, title=title, kind="call", owner_id=agent.id, team_id=client.team_id, due_at=due,
        done_at=min(due, until) if done else None, origin=agent.label, created_at=made, updated_at=made,
    )  # fmt: skip


def _acceptances(book: Book) -> None:
    """That everybody who registered accepted the documents in force, in their language."""
    from tenant_apps.clients.models import Acceptance, LegalDocument

    newest: dict[tuple[str, str], Any] = {}
    for document in LegalDocument.objects.filter(effective_at__lte=clock.now()).order_by("version"):
        newest[document.language, document.kind] = document
    kinds = sorted({kind for _, kind in newest})
    rows = []
    for life in book.lives:
        if not life.registered_at:
            continue
        for kind in kinds:
            wanted = ((language, kind) for language in (life.language, book.broker.languages[0], "en"))
            accepted = next((newest[key] for key in wanted if key in newest), None)
            if accepted:
                client = book.clients[life.index]
                rows.append(Acceptance(client=client, document=accepted, sha256=accepted.sha256, at=life.registered_at))
    Acceptance.objects.bulk_create(rows, batch_size=BATCH)
