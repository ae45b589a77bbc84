"""Editing, publishing and rolling back the brand; the brokerage's languages and defaults."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor, named, system
from kernel.errors import NotFound
from kernel.models import StoredFile
from kernel.tenancy import context
from shared_apps.tenants.services import tenant_settings_merge

from .errors import LanguagesInvalid
from .models import BrandState, BrandVersion
from .permissions_list import EDIT
from .pictures import picture_save
from .tokens import Tokens, changed, register_entry

SETUP = system(named("set-up", pgettext_lazy("system actor", "Set-up")))
named(
    "provisioning", pgettext_lazy("system actor", "Set-up")
)  # what first versions of earlier releases were signed with
PICTURES = ("logo", "logo_dark", "mark")


def current_tokens() -> Tokens:
    """The draft's tokens, else the published ones, else the defaults."""
    rows = {row.state: row for row in BrandVersion.objects.filter(state__in=[BrandState.DRAFT, BrandState.PUBLISHED])}
    row = rows.get(BrandState.DRAFT) or rows.get(BrandState.PUBLISHED)
    return Tokens.read(row.tokens) if row else Tokens(name=context.tenant().name)


@transaction.atomic
def brand_draft_save(*, actor: Actor, changes: dict[str, Any]) -> BrandVersion:
    """Keep changed tokens as the draft. Raises TokensInvalid; contrast is checked when publishing."""
    actor.require(EDIT)
    locks.hold("branding")
    tokens = changed(current_tokens(), **changes)
    tokens.looks()
    draft = BrandVersion.objects.filter(state=BrandState.DRAFT).first() or BrandVersion(number=_next_number())
    draft.tokens, draft.author, draft.updated_at = tokens.as_json(), actor.label[:160], clock.now()
    draft.save()
    return draft


def _next_number() -> int:
    return (BrandVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1


@transaction.atomic
def brand_picture_set(*, actor: Actor, role: str, data: bytes | None) -> BrandVersion:
    """Put a logo or mark into the draft; None takes it out. Raises LogoRefused."""
    actor.require(EDIT)
    if role not in PICTURES:
        raise NotFound
    stored = str(picture_save(data, role=role, name=role).pk) if data else ""
    return brand_draft_save(actor=actor, changes={role: stored})


@transaction.atomic
def brand_publish(*, actor: Actor) -> BrandVersion:
    """Make the draft what everybody sees, from the next request on. Raises Unreadable; NotFound without a draft."""
    actor.require(EDIT)
    locks.hold("branding")
    draft = BrandVersion.objects.filter(state=BrandState.DRAFT).first()
    if draft is None:
        raise NotFound
    tokens = Tokens.read(draft.tokens)
    tokens.check()
    before = BrandVersion.objects.filter(state=BrandState.PUBLISHED).first()
    if before:
        BrandVersion.objects.filter(pk=before.pk).update(state=BrandState.EARLIER)
    draft.state, draft.published_at, draft.author = BrandState.PUBLISHED, clock.now(), actor.label[:160]
    draft.save(update_fields=["state", "published_at", "author"])
    _tell_register(tokens)
    old, new = audit.changes(before.tokens if before else {}, draft.tokens)
    audit.record(actor=actor, action="branding.published", obj=draft, before=old, after=new)
    return draft


@transaction.atomic
def brand_rollback(*, actor: Actor, version_id: UUID) -> BrandVersion:
    """Publish an earlier version's tokens again, as a new version."""
    actor.require(EDIT)
    locks.hold("branding")
    earlier = BrandVersion.objects.filter(pk=version_id, state=BrandState.EARLIER).first()
    if earlier is None:
        raise NotFound
    BrandVersion.objects.filter(state=BrandState.DRAFT).delete()
    BrandVersion.objects.create(number=_next_number(), tokens=earlier.tokens, author=actor.label[:160])
    return brand_publish(actor=actor)


@transaction.atomic
def brand_draft_discard(*, actor: Actor) -> None:
    actor.require(EDIT)
    BrandVersion.objects.filter(state=BrandState.DRAFT).delete()


def picture_urls(tokens: Tokens) -> dict[str, str]:
    """Addresses of the pictures, by content: `/brand/logo-<hash>.png`."""
    ids = {role: getattr(tokens, role) for role in PICTURES if getattr(tokens, role)}
    rows = {str(row.pk): row for row in StoredFile.objects.filter(pk__in=ids.values())}
    return {role: f"/brand/{role}-{rows[pk].sha256[:16]}.png" for role, pk in ids.items() if pk in rows}


def _tell_register(tokens: Tokens) -> None:
    tenant_settings_merge(
        tenant_id=context.tenant().id,
        changes={"theme": tokens.preset, "brand": register_entry(tokens, picture_urls(tokens))},
    )


@transaction.atomic
def locale_set(*, actor: Actor, languages: list[str], time_zone: str, currencies: list[str]) -> None:
    """The brokerage's languages (first is the default), time zone and currencies (first is the base currency)."""
    import zoneinfo

    actor.require(EDIT)
    known = [code for code, _ in settings.LANGUAGES]
    chosen = list(dict.fromkeys(languages))
    if not chosen or any(code not in known for code in chosen) or time_zone not in zoneinfo.available_timezones():
        raise LanguagesInvalid(field="languages")
    tenant = context.tenant()
    after: dict[str, Any] = {"languages": chosen, "time_zone": time_zone, "currencies": currencies}
    after |= {"base_currency": currencies[0], "locale_checked": True}
    old, new = audit.changes({key: tenant.setting(key) for key in after}, after)
    tenant_settings_merge(tenant_id=tenant.id, changes=after)
    if new:
        audit.record(actor=actor, action="branding.locale_changed", label=tenant.name, before=old, after=new)


def brand_ensure(*, tokens: dict[str, Any]) -> None:
    """The first version, published, for a new brokerage (provisioning). Idempotent: an existing one is left alone."""
    published = BrandVersion.objects.filter(state=BrandState.PUBLISHED).first()
    if published is None:
        actor = SETUP
        brand_draft_save(actor=actor, changes=tokens)
        brand_publish(actor=actor)
    else:
        _tell_register(Tokens.read(published.tokens))
