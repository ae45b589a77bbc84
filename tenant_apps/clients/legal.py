"""Legal documents a brokerage starts with. They are a frame to be replaced by the broker's counsel, and say so."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from django.db import transaction

from kernel import audit, clock
from kernel.actors import Actor
from kernel.tenancy import context

from .models import LegalDocument
from .permissions_list import DOCUMENTS

TEXTS = Path(__file__).parent / "legal_texts"  # <kind>.<language>.txt: the title, an empty line, the text
KINDS = ("terms", "privacy", "risk")


def default_text(kind: str, language: str) -> tuple[str, str]:
    """Title and text as shipped; `{broker}` stands for the brokerage's name."""
    title, _, body = (TEXTS / f"{kind}.{language}.txt").read_text(encoding="utf-8").partition("\n\n")
    return title.strip(), body.strip()


@transaction.atomic
def legal_defaults_ensure() -> list[LegalDocument]:
    """Version 1 of each kind in English where the brokerage has none of that kind in English; idempotent."""
    broker = context.tenant().name
    made = []
    for kind in KINDS:
        if LegalDocument.objects.filter(kind=kind, language="en").exists():
            continue
        title, body = default_text(kind, "en")
        made.append(_save(kind, "en", 1, title, body.replace("{broker}", broker), clock.now()))
    return made


@transaction.atomic
def legal_publish(
    *, kind: str, language: str, title: str, body: str, effective_at: datetime, actor: Actor
) -> LegalDocument:
    """A new version in one language. Clients are asked again when it takes effect (UTC)."""
    actor.require(DOCUMENTS)
    rows = LegalDocument.objects.select_for_update().filter(kind=kind, language=language)
    last = rows.order_by("-version").first()
    document = _save(kind, language, last.version + 1 if last else 1, title, body, effective_at)
    audit.record(actor=actor, action="clients.legal_published", obj=document, after={"sha256": document.sha256})
    return document


def _save(kind: str, language: str, version: int, title: str, body: str, effective_at: datetime) -> LegalDocument:
    digest = hashlib.sha256(f"{title}\n{body}".encode()).hexdigest()
    return LegalDocument.objects.create(
        kind=kind, language=language, version=version, title=title, body=body, sha256=digest, effective_at=effective_at
    )
