"""Legal documents: versions with who accepted them, a new version, another language of one that is published."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from kernel.errors import Conflict, Invalid, NotFound
from kernel.guards import guard
from kernel.pages import page
from kernel.ui.context import language_name
from tenant_apps.clients import selectors
from tenant_apps.clients.forms import LegalForm, TranslationForm
from tenant_apps.clients.legal import KIND_NAMES, legal_publish, legal_translate


@guard("clients.documents")
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    versions = selectors.legal_versions()
    rows = [(kind, KIND_NAMES.get(kind, kind), versions.get(kind, [])) for kind in {**KIND_NAMES, **versions}]
    values = {
        "documents": [row for row in rows if row[2]],
        "addable": [(kind, name) for kind, name, known in rows if not known],
    }
    return page(request, "clients/office/legal.html", values)


@guard("clients.documents")
def new_version(request: HttpRequest, kind: str) -> HttpResponse:
    """A new version, filled in with the words of the newest one."""
    if kind not in KIND_NAMES:
        raise NotFound
    newest = selectors.legal_newest(kind)
    languages = _languages(request, [document.language for document in newest])
    form = LegalForm(request.POST or None, languages=languages, newest=newest)
    if request.method == "POST" and form.is_valid() and _published(request, kind, form):
        messages.success(request, pgettext("legal document", "The new version is published."))
        return redirect("clients:legal-documents")
    values = {"form": form, "kind": KIND_NAMES[kind], "newest": newest, "version": form.last_version + 1}
    return page(request, "clients/office/legal_new.html", values, status=422 if request.method == "POST" else 200)


def _languages(request: HttpRequest, known: list[str]) -> list[str]:
    """The brokerage's languages, its default first, and those the document has already."""
    own = request.tenant.setting("languages") or ["en"]  # type: ignore[attr-defined]
    return list(dict.fromkeys([*own, *known]))


def _published(request: Any, kind: str, form: LegalForm) -> bool:
    try:
        legal_publish(
            kind=kind,
            texts=form.texts(),
            effective_at=form.cleaned_data["effective_at"],
            follows=form.cleaned_data["follows"],
            actor=request.actor,
        )
    except (Invalid, Conflict) as error:
        form.refuse(error)
        return False
    return True


@guard("clients.documents")
@require_GET
def read(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """One text as clients read it, with its fingerprint and the other languages of its version."""
    document = selectors.legal_document_get(document_id)
    siblings = selectors.legal_siblings(document)
    values = {
        "document": document,
        "kind": KIND_NAMES.get(document.kind, document.kind),
        "siblings": [(one, language_name(one.language)) for one in siblings],
        "translatable": bool(_missing(request, siblings)) and document.kind in KIND_NAMES,
    }
    return page(request, "clients/office/legal_read.html", values)


def _missing(request: HttpRequest, siblings: list[Any]) -> list[str]:
    known = {one.language for one in siblings}
    return [code for code in _languages(request, []) if code not in known]


@guard("clients.documents")
def translate(request: Any, document_id: UUID) -> HttpResponse:
    """Add a language to a published version; nobody is asked to accept it again."""
    document = selectors.legal_document_get(document_id)
    missing = _missing(request, selectors.legal_siblings(document))
    form = TranslationForm(request.POST or None, languages=missing)
    if request.method == "POST" and form.is_valid():
        try:
            made = legal_translate(
                document_id=document.pk, language=form.cleaned_data["language"], text=form.text(), actor=request.actor
            )
        except (Invalid, Conflict) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, pgettext("legal document", "The translation is published."))
            return redirect("clients:legal-read", made.pk)
    values = {"form": form, "document": document, "kind": KIND_NAMES.get(document.kind, document.kind)}
    return page(request, "clients/office/legal_translate.html", values, status=422 if request.method == "POST" else 200)
