"""Registration in the portal: a lead or a stranger becomes a client with an account, and verifies the address."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction

from kernel import audit, clock, secrets
from kernel.actors import Actor
from kernel.events import publish
from kernel.live.publish import publish as live
from tenant_apps.accounts.errors import LinkUnusable
from tenant_apps.accounts.links import address, link_create
from tenant_apps.accounts.models import OneTimeLink, Realm, User
from tenant_apps.accounts.services import email_normalise, user_create
from tenant_apps.notifications.services import mail_queue

from .entities import entity_settle
from .errors import AddressUnproven, DocumentsMissing, EmailTaken
from .events import ClientEmailVerified, ClientRegistered
from .models import Acceptance, Client, LegalDocument, Stage
from .person_names import name_checked
from .phones import country_of, phone_normalise
from .selectors import documents_current
from .services import default_currency, default_language, next_number, stage_advance
from .timeline import timeline_add

INVITATION = "registration"  # purpose of the signature
INVITATION_SECONDS = 30 * 24 * 3600


def invitation_address(client: Client) -> str:
    """The link that leads this client to registration with the form filled in; signed, valid for 30 days."""
    token = secrets.sign(str(client.pk), purpose=INVITATION)
    return address(Realm.CLIENT, f"/register/?invitation={token}")


def invited_lead(token: str) -> Client | None:
    """Whose invitation this is, while that client is still a lead of this brokerage."""
    try:
        key = secrets.unsign(token, purpose=INVITATION, max_age=INVITATION_SECONDS)
    except ValueError:
        return None
    return Client.objects.filter(pk=key, stage=Stage.LEAD, user_id__isnull=True).first()


@transaction.atomic
def client_register(
    *,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    phone: str = "",
    country: str = "",
    language: str = "",
    time_zone: str = "",
    corporate: bool = False,
    company: str = "",
    birth_date: date | None = None,
    documents: Collection[UUID],
    source: dict[str, str] | None = None,
    invitation: UUID | None = None,
    actor: Actor,
) -> Client:
    """Open an account. The invited lead becomes the client, keeping number, agent and history.

    An invitation is a link that was mailed to the lead. Knowing a lead's address is not enough to become that lead:
    AddressUnproven, and `invitation_prove` mails the link. `documents`: ids of the legal documents accepted; all current
    ones are needed. Raises EmailTaken, PhoneInvalid, PasswordWeak, DocumentsMissing.
    """
    chosen = email_normalise(email)
    number = phone_normalise(phone, country)
    spoken = language or default_language()
    current = documents_current(spoken)
    if {document.pk for document in current} - set(documents):
        raise DocumentsMissing(field="documents")
    client = _invited(chosen, invitation) or Client(
        number=next_number(), currency=default_currency(), source=dict(source or {}), status="converted"
    )
    values = {
        "email": chosen, "phone": number, "first_name": name_checked(first_name, field="first_name"),
        "last_name": name_checked(last_name, field="last_name"),
        "country": (country or country_of(number)).upper()[:2], "language": spoken, "time_zone": time_zone,
        "corporate": corporate, "company": company.strip()[:120], "birth_date": birth_date,
    }  # fmt: skip
    for name, value in values.items():
        setattr(client, name, value)
    try:
        with transaction.atomic():
            user = user_create(
                realm=Realm.CLIENT, email=chosen, name=client.name, password=password, language=spoken, actor=actor
            )
            client.user_id, client.updated_at, client.status = user.pk, clock.now(), "converted"
            client.save()
    except IntegrityError as error:
        raise EmailTaken(field="email") from error
    _accept(client, current, actor)
    _registered(client, user, actor)
    return client


def _invited(email: str, invitation: UUID | None) -> Client | None:
    """The lead that registers. An address that has an account already is refused by the account's own uniqueness."""
    rows = Client.objects.select_for_update().filter(stage=Stage.LEAD, user_id__isnull=True)
    invited = rows.filter(pk=invitation).first() if invitation else None
    if invited is None and rows.filter(email=email).exists():
        raise AddressUnproven(field="email")
    return invited


def lead_unproven(email: str, invitation: UUID | None = None) -> Client | None:
    """The lead with this address, unless the visitor came by a lead's invitation."""
    rows = Client.objects.filter(stage=Stage.LEAD, user_id__isnull=True)
    if invitation and rows.filter(pk=invitation).exists():
        return None
    return rows.filter(email=email.strip().lower()).first()


@transaction.atomic
def invitation_prove(*, lead: Client) -> None:
    """Mail the registration link to a lead whose address somebody typed: who opens it reads that lead's mail."""
    mail_queue(
        to=lead.email, template="clients.continue_registration", language=lead.language, client_id=lead.pk,
        context={"name": lead.first_name, "url": invitation_address(lead)},
    )  # fmt: skip


def _registered(client: Client, user: User, actor: Actor) -> None:
    stage_advance(client_id=client.pk, to=Stage.REGISTERED, actor=actor)
    client.refresh_from_db()
    timeline_add(client_id=client.pk, kind="clients.registered", actor=actor)
    entity_settle(client=client, actor=actor)
    publish(
        ClientRegistered(client_id=client.pk, user_id=user.pk, language=client.language, country=client.country),
        aggregate=f"client:{client.pk}",
        actor=actor,
    )
    verification_send(client=client)


@transaction.atomic
def document_accept(*, client: Client, documents: Collection[UUID], actor: Actor) -> int:
    """A client accepts documents, by version; returns how many are new."""
    actor.require_client(client.pk)
    chosen = list(LegalDocument.objects.filter(pk__in=list(documents), effective_at__lte=clock.now()))
    return _accept(client, chosen, actor)


def _accept(client: Client, documents: Collection[LegalDocument], actor: Actor) -> int:
    known = set(Acceptance.objects.filter(client=client).values_list("document_id", flat=True))
    fresh = [one for one in documents if one.pk not in known]
    if not fresh:
        return 0
    Acceptance.objects.bulk_create(
        [Acceptance(client=client, document=one, sha256=one.sha256, at=clock.now(), ip=actor.ip) for one in fresh]
    )
    after = {"documents": [f"{one.kind} v{one.version} {one.language}" for one in fresh]}
    audit.record(actor=actor, action="clients.documents_accepted", obj=client, subject=client.pk, after=after)
    timeline_add(client_id=client.pk, kind="clients.documents_accepted", actor=actor, data=after)
    return len(fresh)


@transaction.atomic
def verification_send(*, client: Client) -> None:
    """Mail the verification link, valid for three days; an earlier one stops working."""
    user = User.objects.get(realm=Realm.CLIENT, email=client.email)
    token = link_create(user=user, purpose="verify")
    mail_queue(
        to=user.email, template="clients.verify_email", language=client.language, client_id=client.pk,
        context={"name": client.first_name, "url": address(Realm.CLIENT, f"/verify/{token}/")},
    )  # fmt: skip


@transaction.atomic
def email_verify(*, token: str) -> Client:
    """The link from the mail. Opened twice it is fine; too old or replaced by a newer one raises LinkUnusable."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    link = OneTimeLink.objects.select_for_update().filter(
        token_hash=digest, purpose="verify", user__realm=Realm.CLIENT, user__active=True
    ).first()  # fmt: skip
    if link is None:
        raise LinkUnusable
    client = Client.objects.select_for_update().get(user_id=link.user_id)
    if client.email_verified_at is not None:
        return client
    now = clock.now()
    if link.used_at is not None or link.expires_at < now:
        raise LinkUnusable
    OneTimeLink.objects.filter(pk=link.pk).update(used_at=now)
    User.objects.filter(pk=link.user_id).update(email_verified_at=now)
    Client.objects.filter(pk=client.pk).update(email_verified_at=now)
    client.email_verified_at = now
    actor = Actor(kind="client", id=str(link.user_id), label=client.name, client_id=client.pk)
    audit.record(actor=actor, action="clients.email_verified", obj=client, subject=client.pk)
    timeline_add(client_id=client.pk, kind="clients.email_verified", actor=actor)
    publish(ClientEmailVerified(client_id=client.pk), aggregate=f"client:{client.pk}", actor=actor)
    live(f"client:{client.pk}", {"kind": "verified"})
    return client
