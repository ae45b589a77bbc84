"""What followed from being a client: who is in which segment since when, how far the series of mails has come, and what
the automation's rules did.

All is written as it would stand after half a year. The mails and notifications of the past are counted, not kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kernel import clock
from kernel.ids import uuid7

from .book import BATCH, SEED, Book
from .plan import Life

LOOKED_BACK = timedelta(days=31)


def write(book: Book) -> None:
    """Members of all segments by their own definitions; enrolments of everybody who entered the first one."""
    _members(book)
    _enrolments(book)
    _rule_runs(book)
    _events(book)
    book.trail.write()


def _since(life: Life, fallback: datetime) -> datetime:
    return life.first_deposit_at or life.verified_at or life.registered_at or fallback


def _members(book: Book) -> None:
    from tenant_apps.campaigns.models import Segment, SegmentMember
    from tenant_apps.clients import facts
    from tenant_apps.clients.models import Client

    by_client = {book.clients[life.index].pk: life for life in book.lives}
    rows = []
    for segment in Segment.objects.filter(active=True):
        fits = facts.compile_q(facts.parse(segment.definition), clock.now())
        for client_id in Client.objects.filter(fits).values_list("pk", flat=True):
            at = _since(by_client[client_id], book.until)
            rows.append(SegmentMember(segment=segment, client_id=client_id, entered_at=at))
            book.trail.line(client_id, "campaigns.segment_entered", at, SEED, segment=segment.name)
        Segment.objects.filter(pk=segment.pk).update(swept_at=clock.now())
    SegmentMember.objects.bulk_create(rows, batch_size=BATCH)


def _enrolments(book: Book) -> None:
    from tenant_apps.campaigns.models import Enrolment, Series, StepSent

    series = Series.objects.filter(key="first-weeks").first()
    if series is None:
        return
    steps = list(series.steps.order_by("position"))
    rows, sent = [], []
    for life in book.lives:
        if life.first_deposit_at is None:
            continue
        row, mails = _enrolment(book, life, series, steps)
        rows.append(row)
        sent += mails
        book.trail.line(row.client_id, "campaigns.enrolled", life.first_deposit_at, SEED, series=series.name)
    Enrolment.objects.bulk_create(rows, batch_size=BATCH)
    StepSent.objects.bulk_create(sent, batch_size=BATCH)


def _enrolment(book: Book, life: Life, series: Any, steps: list[Any]) -> tuple[Any, list[Any]]:
    from tenant_apps.campaigns.models import Enrolment, EnrolmentState, StepSent
    from tenant_apps.campaigns.series import due_at

    client = book.clients[life.index]
    assert life.first_deposit_at is not None
    row = Enrolment(
        series=series, client=client, entered_at=life.first_deposit_at, created_at=life.first_deposit_at,
        updated_at=book.until,
    )  # fmt: skip
    mails = []
    for step in steps:
        due = due_at(row, step, series, client)
        if due > book.until - timedelta(minutes=5):
            row.next_step, row.next_at = step, due
            break
        row.last_sent_at = due
        mails.append(
            StepSent(enrolment=row, step=step, step_key=step.pk, mail_id=uuid7(), language=client.language, at=due)
        )
    else:
        row.state, row.ended_at = EnrolmentState.FINISHED, row.last_sent_at
    return row, mails


def _rule_runs(book: Book) -> None:
    """Runs of the rules a brokerage starts with, each with the task it made, done since unless it is of these days."""
    from tenant_apps.automation.engine import actor_of
    from tenant_apps.automation.models import RuleRun, RuleVersion
    from tenant_apps.clients.models import Task

    versions = {one.rule.key: one for one in RuleVersion.objects.select_related("rule").filter(number=1)}
    runs, tasks = [], []
    for life in book.lives:
        for key, at in _occasions(life, book.until):
            version, client = versions.get(key), book.clients[life.index]
            if version is None or client.owner_id is None:
                continue
            did = [{"do": one["do"], "result": one.get("mail") or book.agent_of(life).name} for one in version.actions]
            runs.append(RuleRun(rule=version.rule, version=version, client=client, occurrence=f"demo:{life.index}",
                                state="done", result=did, at=at))  # fmt: skip
            who = actor_of(version)
            tasks += [
                _rule_task(Task, one, client, who, at, book.until) for one in version.actions if one["do"] == "task"
            ]
            book.trail.line(client.pk, "automation.rule", at, who, rule=version.rule.name, done=did)
    RuleRun.objects.bulk_create(runs, batch_size=BATCH)
    Task.objects.bulk_create(tasks, batch_size=BATCH)


def _occasions(life: Life, until: datetime) -> list[tuple[str, datetime]]:
    """When which of the product's rules met the client, by the rule's key."""
    found = []
    if life.first_deposit_at:
        found.append(("first-deposit", life.first_deposit_at + timedelta(seconds=30)))
    if life.registered_at:
        late = life.registered_at + timedelta(hours=24)
        if late < until and (life.submitted_at is None or life.submitted_at > late):
            found.append(("no-kyc-24-hours", late))
    return found


def _events(book: Book) -> None:
    """The facts of the last weeks, told when they happened: what the dry run of a rule looks back on."""
    from kernel.models import OutboxMessage

    rows = []
    for life in book.lives:
        client_id = str(book.clients[life.index].pk)
        for name, at, more in facts_of(life):
            if at >= book.until - LOOKED_BACK:
                rows.append(OutboxMessage(
                    name=name, aggregate=f"client:{client_id}", payload={"client_id": client_id, **more},
                    created_at=at, available_at=at, delivered_at=at,
                ))  # fmt: skip
    OutboxMessage.objects.bulk_create(rows, batch_size=BATCH)


def facts_of(life: Life) -> list[tuple[str, datetime, dict[str, Any]]]:
    """Name, moment and particulars of what a life has told the rules so far."""
    steps = {
        "clients.registered": life.registered_at,
        "kyc.submitted": life.submitted_at,
        "kyc.approved": life.verified_at,
    }
    found: list[tuple[str, datetime, dict[str, Any]]] = [(name, at, {}) for name, at in steps.items() if at]
    for number, paid in enumerate(sorted(life.deposits, key=lambda one: one.at)):
        found.append(("payments.deposit_credited", paid.at, {"first": number == 0, "method": paid.method}))
    return found


def _rule_task(model: Any, action: dict[str, Any], client: Any, who: Any, at: datetime, until: datetime) -> Any:
    due = at + timedelta(hours=action["due_hours"])
    done = due - timedelta(hours=1) if due < until else None
    return model(
        client=client, title=action["title"].replace("{name}", client.name).replace("{number}", str(client.number)),
        kind=action["kind"], owner_id=client.owner_id, team_id=client.team_id, due_at=due, done_at=done,
        origin=who.label[:120], created_at=at, updated_at=done or at,
    )  # fmt: skip
