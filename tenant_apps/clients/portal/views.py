"""Registration in three steps, e-mail verification, legal documents.

What was typed waits in the session between the steps; the password comes last, so it is never kept there.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel import throttle
from kernel.actors import VISITOR, Actor, named
from kernel.auth import PasswordWeak
from kernel.errors import AppError, NotFound, TooMany
from kernel.guards import client_only, open_to_all, safe_next
from kernel.pages import page
from tenant_apps.accounts.errors import LinkUnusable
from tenant_apps.accounts.flows import finish
from tenant_apps.accounts.models import Realm, User
from tenant_apps.clients import registration, selectors
from tenant_apps.clients.errors import AddressUnproven
from tenant_apps.clients.models import Client

from .forms import PasswordForm, PersonForm

KEY = "registration"
VISITOR_LABEL = named("registration", pgettext_lazy("system actor", "Registration"))
SOURCE_KEYS = (
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "gclid",
    "fbclid",
    "msclkid",
    "partner",
)


def _visitor(request: HttpRequest) -> Actor:
    agent = request.headers.get("User-Agent", "")[:300]
    return replace(VISITOR, ip=request.ip, user_agent=agent, label=VISITOR_LABEL)  # type: ignore[attr-defined]


@open_to_all("whoever wants to become a client has no account yet")
def register(request: HttpRequest) -> HttpResponse:
    """Step 1: who. An invitation link fills in what the agent knows."""
    if request.actor.client_id:  # type: ignore[attr-defined]
        return redirect("/")
    kept: dict[str, Any] = request.session.get(KEY, {})
    if (lead := registration.invited_lead(request.GET.get("invitation", ""))) is not None:
        kept = {
            "invitation": str(lead.pk), "first_name": lead.first_name, "last_name": lead.last_name,
            "email": lead.email, "phone": lead.phone, "country": lead.country,
        }  # fmt: skip
        request.session[KEY] = kept
    elif request.method == "GET" and not kept:
        kept = {"source": {name: request.GET[name][:120] for name in SOURCE_KEYS if request.GET.get(name)}}
        request.session[KEY] = kept
    form = PersonForm(request.POST or None, initial=kept)
    problem = None
    if request.method == "POST" and form.is_valid():
        request.session[KEY] = {**kept, **form.cleaned_data}
        problem = _unproven(request, form.cleaned_data["email"], kept)
        if problem is None:
            return redirect("clients:register-documents")
    values = {"form": form, "step": 1, "invited": "invitation" in kept, "problem": problem}
    return page(request, "clients/register.html", values, status=422 if form.errors or problem else 200)


def _unproven(request: HttpRequest, email: str, kept: dict[str, Any]) -> AppError | None:
    """A lead registers by the link in a mail; it is sent once the address is typed, a few times at most."""
    throttle.check("register-start", throttle.place(request.ip), burst=20, per_minute=6)  # type: ignore[attr-defined]
    lead = registration.lead_unproven(email, UUID(kept["invitation"]) if kept.get("invitation") else None)
    if lead is None:
        return None
    with contextlib.suppress(TooMany):
        throttle.check("register-prove", str(lead.pk), burst=3, per_minute=0.2)
        registration.invitation_prove(lead=lead)
    return AddressUnproven()


@open_to_all("part of registration")
def register_documents(request: HttpRequest) -> HttpResponse:
    """Step 2: each current document, by version."""
    kept = request.session.get(KEY, {})
    if "email" not in kept:
        return redirect("clients:register")
    documents = selectors.documents_current(request.LANGUAGE_CODE)  # type: ignore[attr-defined]
    error = ""
    if request.method == "POST":
        chosen = [str(document.pk) for document in documents if request.POST.get(f"accept:{document.pk}")]
        if len(chosen) == len(documents):
            request.session[KEY] = {**kept, "documents": chosen}
            return redirect("clients:register-password")
        error = pgettext("registration", "Please accept all documents.")
    values = {"documents": documents, "step": 2, "error": error, "accepted": kept.get("documents", [])}
    return page(request, "clients/register.html", values, status=422 if error else 200)


@open_to_all("part of registration")
def register_password(request: HttpRequest) -> HttpResponse:
    """Step 3: the password, and the account is open."""
    kept = request.session.get(KEY, {})
    if "documents" not in kept:
        return redirect("clients:register-documents")
    form = PasswordForm(request.POST or None)
    problem: AppError | None = None
    if request.method == "POST" and form.is_valid():
        throttle.check("register", throttle.place(request.ip), burst=10, per_minute=2)  # type: ignore[attr-defined]
        try:
            client = _open(request, kept, form.cleaned_data["password"])
        except PasswordWeak as error:
            form.refuse(error)
        except AppError as error:
            problem = error
        else:
            request.session.pop(KEY, None)
            finish(request, User.objects.get(realm=Realm.CLIENT, email=client.email), second_factor=False)
            return redirect("/")
    values = {"form": form, "step": 3, "problem": problem}
    return page(request, "clients/register.html", values, status=422 if form.errors or problem else 200)


def _open(request: HttpRequest, kept: dict[str, Any], password: str) -> Client:
    return registration.client_register(
        email=kept["email"],
        password=password,
        first_name=kept["first_name"],
        last_name=kept["last_name"],
        phone=kept["phone"],
        country=kept["country"],
        corporate=kept["kind"] == "company",
        company=kept.get("company", ""),
        language=request.LANGUAGE_CODE,  # type: ignore[attr-defined]
        documents=[UUID(one) for one in kept["documents"]],
        source=kept.get("source"),
        invitation=UUID(kept["invitation"]) if kept.get("invitation") else None,
        actor=_visitor(request),
    )


@open_to_all("the mailed link is the proof")
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """The link from the mail. Opening it is enough; opening it twice is fine."""
    try:
        registration.email_verify(token=token)
    except LinkUnusable as error:
        return page(request, "accounts/link_unusable.html", {"error": error}, status=410)
    messages.success(request, pgettext("registration", "Your e-mail address is confirmed."))
    return redirect("/")


@client_only
@require_POST
def verify_again(request: HttpRequest) -> HttpResponse:
    client: Client = request.client  # type: ignore[attr-defined]
    throttle.check("verify-again", str(client.pk), burst=3, per_minute=0.5)
    if client.email_verified_at is None:
        registration.verification_send(client=client)
        messages.success(request, pgettext("registration", "A new link is on its way."))
    return redirect("/")


@open_to_all("legal documents are public")
def legal_list(request: HttpRequest) -> HttpResponse:
    documents = selectors.documents_current(request.LANGUAGE_CODE)  # type: ignore[attr-defined]
    return page(request, "clients/legal_list.html", {"documents": documents})


@open_to_all("legal documents are public")
def legal(request: HttpRequest, kind: str) -> HttpResponse:
    """One document, readable and printable."""
    documents = selectors.documents_current(request.LANGUAGE_CODE)  # type: ignore[attr-defined]
    document = next((one for one in documents if one.kind == kind), None)
    if document is None:
        raise NotFound
    return page(request, "clients/legal.html", {"document": document})


@client_only
def accept(request: HttpRequest) -> HttpResponse:
    """A new version asks again."""
    client: Client = request.client  # type: ignore[attr-defined]
    missing = selectors.documents_missing(client)
    if request.method == "POST":
        chosen = [one.pk for one in missing if request.POST.get(f"accept:{one.pk}")]
        registration.document_accept(client=client, documents=chosen, actor=request.actor)  # type: ignore[attr-defined]
        if len(chosen) == len(missing):
            return redirect(safe_next(request))
        missing = selectors.documents_missing(client)
    return page(request, "clients/accept.html", {"documents": missing, "accepted": []})
