"""Legal documents: what a brokerage starts with, new versions, and their translations.

A version of a kind is one thing in several languages: all its texts share the number, and who accepted it in one language
has accepted it. A published text is never changed: the tenant's role may INSERT and SELECT only. The texts shipped are a
frame to be replaced by the broker's counsel, and say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import Conflict, Invalid, NotFound
from kernel.tenancy import context

from .models import LegalDocument
from .permissions_list import DOCUMENTS

TEXTS = Path(__file__).parent / "legal_texts"  # <kind>.<language>.txt: the title, an empty line, the text
KINDS = ("terms", "privacy", "risk")  # every brokerage starts with these
KIND_NAMES = {
    "terms": pgettext_lazy("legal document", "Client agreement"),
    "privacy": pgettext_lazy("legal document", "Privacy notice"),
    "risk": pgettext_lazy("legal document", "Risk warning"),
    "execution": pgettext_lazy("legal document", "Order execution policy"),
    "complaints": pgettext_lazy("legal document", "Complaints procedure"),
}
JUST_NOW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Text:
    """A document's words in one language."""

    title: str
    body: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.title}\n{self.body}".encode()).hexdigest()


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
        made.append(_store(kind, "en", 1, Text(title, body.replace("{broker}", broker)), clock.now()))
    return made


@transaction.atomic
def legal_publish(
    *,
    kind: str,
    texts: Mapping[str, Text],
    effective_at: datetime | None = None,
    follows: int | None = None,
    actor: Actor,
) -> list[LegalDocument]:
    """A new version, in one or more languages at once; returned in the order of `texts`.

    Clients are asked to accept it from `effective_at` (UTC; None: from now) on. `follows` is the newest version its author
    saw, 0 for none. Raises Conflict when there is a newer one by now, Invalid for a date in the past, for a text that is
    missing and for texts that change nothing.
    """
    actor.require(DOCUMENTS)
    locks.hold(f"clients.legal:{kind}")
    begins = _beginning(effective_at)
    last = list(LegalDocument.objects.filter(kind=kind).order_by("-version"))
    version = last[0].version if last else 0
    if follows is not None and follows != version:
        raise Conflict
    _sound(kind, texts)
    if {(row.language, row.sha256) for row in last if row.version == version} == {
        (language, text.sha256) for language, text in texts.items()
    }:
        raise Invalid(
            pgettext_lazy("legal document", "These are the words of the newest version; nothing would change.")
        )
    made = [_store(kind, language, version + 1, text, begins) for language, text in texts.items()]
    audit.record(
        actor=actor,
        action="clients.legal_published",
        obj=made[0],
        before={"version": version},
        after={
            "version": version + 1,
            "effective_at": begins.isoformat(),
            "sha256": {row.language: row.sha256 for row in made},
        },
    )
    return made


@transaction.atomic
def legal_translate(*, document_id: UUID, language: str, text: Text, actor: Actor) -> LegalDocument:
    """The same version in a language it does not have yet; nobody who accepted it is asked again.

    In force from now on, or with its version if that begins later. Raises NotFound, Invalid for a missing text, Conflict
    where the version has that language: what is published stays as it is.
    """
    actor.require(DOCUMENTS)
    document = LegalDocument.objects.filter(pk=document_id).first()
    if document is None:
        raise NotFound
    locks.hold(f"clients.legal:{document.kind}")
    _sound(document.kind, {language: text})
    same = LegalDocument.objects.filter(kind=document.kind, version=document.version)
    if same.filter(language=language).exists():
        raise Conflict
    begins = max(clock.now(), document.effective_at)
    made = _store(document.kind, language, document.version, text, begins)
    after = {"version": made.version, "language": language, "effective_at": begins.isoformat(), "sha256": made.sha256}
    audit.record(actor=actor, action="clients.legal_translated", obj=made, after=after)
    return made


def _beginning(effective_at: datetime | None) -> datetime:
    now = clock.now()
    if effective_at is not None and effective_at < now - JUST_NOW:
        problem = pgettext_lazy("legal document", "A version cannot have been in force before it was published.")
        raise Invalid(problem, field="effective_at")
    return max(effective_at or now, now)


def _sound(kind: str, texts: Mapping[str, Text]) -> None:
    if kind not in KIND_NAMES or not texts or not all(text.title and text.body for text in texts.values()):
        raise Invalid(pgettext_lazy("legal document", "A document needs a title and a text."))


def _store(kind: str, language: str, version: int, text: Text, effective_at: datetime) -> LegalDocument:
    return LegalDocument.objects.create(
        kind=kind,
        language=language,
        version=version,
        title=text.title,
        body=text.body,
        sha256=text.sha256,
        effective_at=effective_at,
    )
