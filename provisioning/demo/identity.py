"""Identity checks in every state, with documents marked SAMPLE, decided by the brokerage's own officers."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from kernel import clock, files

from . import pictures
from .book import BATCH, Book
from .people import stage_line
from .plan import Life

MORE = {
    "de": "Bitte senden Sie eine neuere Rechnung.",
    "ar": "يرجى إرسال فاتورة أحدث.",
    "ru": "Пожалуйста, пришлите более свежий счёт.",
    "es": "Por favor, envíenos un recibo más reciente.",
    "en": "Please send a more recent bill.",
}
REJECTED = "The name in the register of sanctioned persons is the same; confirmed by a second source."
BILLS = {"german": "Stadtwerke Sample", "arabic": "Sample Water and Power", "russian": "Sample Energo",
         "spanish": "Luz y Agua Sample"}  # fmt: skip


def write(book: Book) -> None:
    """A case for everybody who began one."""
    from tenant_apps.kyc.models import Case, Document

    chance = Random(f"identity {book.broker.slug}")
    cases: list[Any] = []
    documents: list[Any] = []
    for life in book.lives:
        if life.registered_at is None or life.kyc == "none":
            continue
        case = _case(book, life, chance)
        cases.append(case)
        if life.submitted_at:
            documents += _documents(book, life, case, chance)
            _lines(book, life, case)
    Case.objects.bulk_create(cases, batch_size=BATCH)
    Document.objects.bulk_create(documents, batch_size=BATCH)
    book.trail.write()


def _answers(chance: Random) -> dict[str, str]:
    return {
        "experience": chance.choice(("none", "under_1", "1_to_3", "over_3")),
        "leverage": chance.choice(("30", "30", "30", "1", "unknown")),
        "income": chance.choice(("salary", "savings", "salary", "inheritance")),
        "pep": "yes" if chance.random() < 0.03 else "no",
    }


def _case(book: Book, life: Life, chance: Random) -> Any:
    from tenant_apps.kyc.models import Case, CaseState

    officer = book.actor(book.staff("compliance", life.index))
    other = book.actor(book.staff("compliance", life.index + 1))
    assert life.registered_at is not None
    case = Case(
        client=book.clients[life.index],
        state=life.kyc if life.kyc != "draft" else CaseState.DRAFT,
        answers=_answers(chance) if life.submitted_at else {},
        submitted_at=life.submitted_at,
        created_at=life.registered_at + timedelta(minutes=20),
        updated_at=life.verified_at or life.submitted_at or life.registered_at,
    )
    if life.kyc == "submitted" and book.broker.four_eyes and life.index % 3 == 0:
        case.state, case.proposed_by, case.proposed_by_label = CaseState.PROPOSED, officer.id, officer.label
    if life.kyc == "approved":
        case.decided_at, case.decided_by = life.verified_at, officer.label
        if book.broker.four_eyes:
            case.proposed_by, case.proposed_by_label = other.id, other.label
    elif life.kyc == "needs_more":
        case.reason = MORE.get(life.language, MORE["en"])
    elif life.kyc == "rejected":
        case.decided_at, case.decided_by, case.reason = life.submitted_at, officer.label, REJECTED
    return case


def _documents(book: Book, life: Life, case: Any, chance: Random) -> list[Any]:
    """A passport's data page and a utility bill, sealed like any upload."""
    from tenant_apps.kyc.models import Document, DocumentKind, DocumentState

    assert life.submitted_at is not None
    client = book.clients[life.index]
    expires = date(book.until.year + chance.randrange(1, 9), chance.randrange(1, 13), chance.randrange(1, 28))
    number = f"S{chance.randrange(10_000_000, 99_999_999)}"
    dated = (life.submitted_at - timedelta(days=chance.randrange(5, 60))).date().isoformat()
    made = [
        (
            DocumentKind.PASSPORT,
            pictures.passport(life.who, life.country.code, life.born.isoformat(), expires.isoformat(), number),
            expires,
        ),
        (
            DocumentKind.UTILITY_BILL,
            pictures.utility_bill(life.who, BILLS[book.broker.names], dated, "127.62"),
            None,
        ),
    ]
    state = DocumentState.ACCEPTED if life.kyc == "approved" else DocumentState.UPLOADED
    rows = []
    with clock.frozen_at(life.submitted_at):
        for kind, data, until in made:
            stored = files.save(
                data, kind="kyc", name=f"{kind}.jpg", content_type="image/jpeg", pages=1, subject=client.pk
            )
            refused = life.kyc == "needs_more" and kind == DocumentKind.UTILITY_BILL
            rows.append(
                Document(
                    case=case, kind=kind, file=stored, expires_on=until,
                    state=DocumentState.REFUSED if refused else state, refusal="too_old" if refused else "",
                )
            )  # fmt: skip
    return rows


def _lines(book: Book, life: Life, case: Any) -> None:
    client, me = book.clients[life.index], book.client_actor(life)
    officer = book.actor(book.staff("compliance", life.index))
    assert life.submitted_at is not None
    data = {"case_id": str(case.pk)}
    book.trail.line(client.pk, "kyc.submitted", life.submitted_at, me, **data)
    book.trail.act("kyc.case_submitted", life.submitted_at, me, case, client.pk, state="submitted")
    if life.verified_at:
        book.trail.line(client.pk, "kyc.approved", life.verified_at, officer, **data)
        book.trail.act("kyc.case_approved", life.verified_at, officer, case, client.pk, state="approved")
        stage_line(book, client, "verified", life.verified_at)
    elif case.state in {"needs_more", "rejected"}:
        at = min(life.submitted_at + timedelta(hours=1), book.until)
        kind = "more_needed" if case.state == "needs_more" else "rejected"
        book.trail.line(client.pk, f"kyc.{kind}", at, officer, text=case.reason, **data)
        book.trail.act(f"kyc.case_{case.state}", at, officer, case, client.pk, state=case.state)
