"""What a client and an officer do to a case. Each is one transaction: state by compare-and-set, line, audit, event.

Killed at any point nothing is half done: the case has its new state together with its timeline line, audit line and
event, or none of them. A file whose row was rolled back is an orphan blob without effect.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction

from kernel import audit, clock, files
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.events import publish
from kernel.letters import latin_writable
from kernel.live.publish import publish as live
from kernel.models import AuditEntry
from kernel.tenancy import context
from tenant_apps.accounts import humans
from tenant_apps.clients import services as clients
from tenant_apps.clients.models import Client, KycState
from tenant_apps.clients.timeline import timeline_add

from .errors import CaseMoved, Incomplete, ReasonNeeded, SecondOfficerNeeded, Undecided
from .events import KycApproved, KycMoreNeeded, KycRejected, KycSubmitted
from .models import (
    ADDRESS_KINDS,
    IDENTITY_KINDS,
    OPEN,
    TRANSITIONS,
    TWO_SIDED,
    Case,
    CaseState,
    Document,
    DocumentState,
    RefusalReason,
)
from .permissions_list import DECIDE
from .questions import missing_answers


def case_open(*, client: Client, actor: Actor) -> Case:
    """The client's open case, made when there is none. An approved client has no new one until re-verification."""
    actor.require_client(client.pk)
    found = Case.objects.filter(client=client, state__in=OPEN).first()
    if found:
        return found
    try:
        with transaction.atomic():
            return Case.objects.create(client=client)
    except IntegrityError:
        return Case.objects.get(client=client, state__in=OPEN)


def _own(case: Case, actor: Actor) -> Case:
    actor.require_client(case.client_id)
    if case.state not in (CaseState.DRAFT, CaseState.NEEDS_MORE):
        raise CaseMoved
    return case


def _own_locked(case: Case, actor: Actor) -> Case:
    """As the case stands now, and nobody moves it before this transaction ends: an upload may take seconds to clean,
    in which the client can submit and an officer can decide."""
    return _own(Case.objects.select_for_update().get(pk=case.pk), actor)


def document_upload(
    *, case: Case, kind: str, side: str, data: bytes, name: str, actor: Actor, expires_on: date | None = None
) -> Document:
    """Check, seal and keep an upload; it takes the place of an earlier one of the same kind and side.

    Raises FileRefused or FileTooLarge with what to do; then nothing has changed.
    """
    _own(case, actor)
    if kind not in {*IDENTITY_KINDS, *ADDRESS_KINDS} or side not in {"front", "back"}:
        raise NotFound
    with transaction.atomic():
        stored = files.save_upload(data, kind="kyc", name=name, subject=case.client_id)
        _own_locked(case, actor)
        Document.objects.select_for_update().filter(case=case, kind=kind, side=side, replaced=False).update(
            replaced=True, updated_at=clock.now()
        )
        document = Document.objects.create(case=case, kind=kind, side=side, file=stored, expires_on=expires_on)
        audit.record(actor=actor, action="kyc.document_uploaded", obj=document, subject=case.client_id)
    return document


def document_remove(*, document: Document, actor: Actor) -> None:
    """The client takes an upload back before submitting. The file stays in the record, marked as replaced."""
    with transaction.atomic():
        _own_locked(document.case, actor)
        Document.objects.filter(pk=document.pk).update(replaced=True, updated_at=clock.now())
        audit.record(actor=actor, action="kyc.document_removed", obj=document, subject=document.case.client_id)


def answers_save(*, case: Case, answers: dict[str, str], actor: Actor) -> None:
    """Keep the appropriateness answers given so far."""
    with transaction.atomic():
        now = _own_locked(case, actor)
        Case.objects.filter(pk=case.pk).update(answers={**now.answers, **answers}, updated_at=clock.now())


def missing(case: Case) -> list[str]:
    """Steps that are not complete: "profile", "identity", "address", "questions"."""
    documents = list(case.documents.filter(replaced=False).exclude(state=DocumentState.REFUSED))
    sides = {(document.kind, document.side) for document in documents}
    client = case.client
    identity = any(
        (kind, "front") in sides and (kind not in TWO_SIDED or (kind, "back") in sides) for kind in IDENTITY_KINDS
    )
    steps = {
        "profile": bool(client.birth_date and client.address.get("line1") and client.address.get("city"))
        and bool(client.latin_name or latin_writable(f"{client.first_name} {client.last_name}")),
        "identity": identity,
        "address": any((kind, "front") in sides for kind in ADDRESS_KINDS),
        "questions": not missing_answers(case.answers),
    }
    return [step for step, complete in steps.items() if not complete]


def case_submit(*, case: Case, actor: Actor) -> Case:
    """Hand the case to compliance. Raises Incomplete naming the first missing step."""
    _own(case, actor)
    if steps := missing(case):
        raise Incomplete(field=steps[0])
    with transaction.atomic():
        moved = _move(case, CaseState.SUBMITTED, actor=actor, submitted_at=clock.now(), reason="")
        clients.kyc_set(client_id=moved.client_id, state=KycState.SUBMITTED, actor=actor)
        publish(KycSubmitted(client_id=moved.client_id, case_id=moved.pk), aggregate=_aggregate(moved), actor=actor)
        _tell(moved, "kyc.submitted", actor)
    return moved


def document_decide(*, document: Document, accepted: bool, refusal: str = "", actor: Actor) -> Document:
    """An officer accepts a document, or refuses it with a reason that the client will read."""
    actor.require(DECIDE, document.case.client)
    if document.case.state not in (CaseState.SUBMITTED, CaseState.PROPOSED):
        raise CaseMoved
    if not accepted and refusal not in RefusalReason.values:
        raise ReasonNeeded
    state = DocumentState.ACCEPTED if accepted else DocumentState.REFUSED
    with transaction.atomic():
        Document.objects.filter(pk=document.pk).update(
            state=state, refusal="" if accepted else refusal, updated_at=clock.now()
        )
        audit.record(
            actor=actor,
            action=f"kyc.document_{state}",
            obj=document,
            subject=document.case.client_id,
            after={"state": state, "refusal": refusal},
        )
        live(f"client:{document.case.client_id}", {"kind": "kyc.document"})
    document.refresh_from_db()
    return document


def case_approve(*, case: Case, actor: Actor) -> Case:
    """Approve; where four eyes are demanded, the first officer proposes and another confirms.

    Raises SecondOfficerNeeded for the proposer, Undecided while a document is not accepted.
    """
    actor.require(DECIDE, case.client)
    undecided = case.documents.filter(replaced=False).exclude(state=DocumentState.ACCEPTED).exists()
    if undecided:
        raise Undecided(field="documents")
    if case.state == CaseState.PROPOSED:
        if case.proposed_by == actor.id or humans.likeness(actor.id, case.proposed_by) & humans.REFUSED:
            raise SecondOfficerNeeded
    elif needs_two(case):
        return _propose(case, actor)
    with transaction.atomic():
        moved = _move(case, CaseState.APPROVED, actor=actor, decided_at=clock.now(), decided_by=actor.label)
        clients.kyc_set(client_id=moved.client_id, state=KycState.APPROVED, level=moved.level, actor=actor)
        publish(
            KycApproved(client_id=moved.client_id, case_id=moved.pk, level=moved.level),
            aggregate=_aggregate(moved),
            actor=actor,
        )
        _tell(moved, "kyc.approved", actor)
    return moved


def needs_two(case: Case) -> bool:
    """Four eyes: for every client where the brokerage says so, and always for who is or ever was of high risk.

    Otherwise one officer could lower the risk first and then approve alone.
    """
    if context.tenant().setting("kyc_four_eyes", False) or case.client.risk == "high":
        return True
    lines = AuditEntry.objects.filter(action="clients.risk_set", subject=str(case.client_id))
    return lines.filter(before__risk="high").exists()


def _propose(case: Case, actor: Actor) -> Case:
    with transaction.atomic():
        moved = _move(case, CaseState.PROPOSED, actor=actor, proposed_by=actor.id, proposed_by_label=actor.label)
        _tell(moved, "kyc.proposed", actor)
    return moved


def case_ask_more(*, case: Case, message: str, actor: Actor) -> Case:
    """Back to the client with reasons: those of refused documents, and a message."""
    actor.require(DECIDE, case.client)
    refused = case.documents.filter(replaced=False, state=DocumentState.REFUSED).exists()
    if not refused and not message.strip():
        raise ReasonNeeded(field="message")
    with transaction.atomic():
        moved = _move(case, CaseState.NEEDS_MORE, actor=actor, reason=message.strip(), proposed_by="")
        clients.kyc_set(client_id=moved.client_id, state=KycState.NEEDS_MORE, actor=actor)
        publish(
            KycMoreNeeded(client_id=moved.client_id, case_id=moved.pk, reason=moved.reason),
            aggregate=_aggregate(moved),
            actor=actor,
        )
        _tell(moved, "kyc.more_needed", actor, text=moved.reason)
    return moved


def case_reject(*, case: Case, reason: str, actor: Actor) -> Case:
    """Refuse the client for good. The reason is internal; the client reads a neutral text."""
    actor.require(DECIDE, case.client)
    if len(reason.strip()) < 10:
        raise ReasonNeeded(field="reason")
    with transaction.atomic():
        moved = _move(
            case, CaseState.REJECTED, actor=actor, decided_at=clock.now(), decided_by=actor.label, reason=reason.strip()
        )
        clients.kyc_set(client_id=moved.client_id, state=KycState.REJECTED, actor=actor)
        publish(
            KycRejected(client_id=moved.client_id, case_id=moved.pk, reason=moved.reason),
            aggregate=_aggregate(moved),
            actor=actor,
        )
        _tell(moved, "kyc.rejected", actor)
    return moved


def document_seen(*, document: Document, actor: Actor) -> None:
    """Each sight of an identity document is on record."""
    audit.record(actor=actor, action="kyc.document_viewed", obj=document, subject=document.case.client_id)


def _move(case: Case, to: str, *, actor: Actor, **changes: Any) -> Case:
    """Compare-and-set along TRANSITIONS, with the audit line. Raises CaseMoved."""
    before = case.state
    if to not in TRANSITIONS[before]:
        raise CaseMoved
    rows = Case.objects.filter(pk=case.pk, state=before).update(state=to, updated_at=clock.now(), **changes)
    if rows != 1:
        raise CaseMoved
    case.refresh_from_db()
    audit.record(
        actor=actor,
        action=f"kyc.case_{to}",
        obj=case,
        subject=case.client_id,
        reason=case.reason,
        before={"state": before},
        after={"state": to},
    )
    return case


def _tell(case: Case, kind: str, actor: Actor, *, text: str = "") -> None:
    timeline_add(client_id=case.client_id, kind=kind, actor=actor, data={"case_id": case.pk}, text=text)
    live("kyc", {"case": str(case.pk), "state": case.state})


def _aggregate(case: Case) -> str:
    return f"client:{case.client_id}"
