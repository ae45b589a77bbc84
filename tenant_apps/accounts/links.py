"""Mailed links: verification, reset, invitation. The token goes into the mail only; the row keeps its SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from kernel import clock
from kernel.tenancy import context, directory

from .errors import LinkUnusable
from .models import OneTimeLink, Realm, User

LIFETIMES = {"reset": timedelta(hours=2), "invite": timedelta(days=7), "verify": timedelta(days=3)}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def link_create(*, user: User, purpose: str) -> str:
    """A fresh token for `purpose`; earlier unused ones of the same purpose stop working."""
    now = clock.now()
    OneTimeLink.objects.filter(user=user, purpose=purpose, used_at__isnull=True).update(used_at=now)
    token = secrets.token_urlsafe(32)
    OneTimeLink.objects.create(user=user, purpose=purpose, token_hash=_hash(token), expires_at=now + LIFETIMES[purpose])
    return token


def links_void(user_id: UUID) -> int:
    """End every link that was mailed for this account and not used yet: its mailbox is no longer a proof."""
    return OneTimeLink.objects.filter(user_id=user_id, used_at__isnull=True).update(used_at=clock.now())


def link_peek(*, token: str, purpose: str, realm: str) -> User:
    """Whose link it is, without using it up. Raises LinkUnusable."""
    link = _usable(token, purpose, realm).select_related("user").first()
    if link is None:
        raise LinkUnusable
    return link.user


def link_use(*, token: str, purpose: str, realm: str) -> User:
    """Use the link up, by compare-and-set: of two at once one gets LinkUnusable."""
    user = link_peek(token=token, purpose=purpose, realm=realm)
    if not _usable(token, purpose, realm).update(used_at=clock.now()):
        raise LinkUnusable
    return user


def _usable(token: str, purpose: str, realm: str):  # type: ignore[no-untyped-def]
    return OneTimeLink.objects.filter(
        Q(expires_at__gt=clock.now()),
        token_hash=_hash(token),
        purpose=purpose,
        used_at__isnull=True,
        user__realm=realm,
        user__active=True,
    )


def address(realm: str, path: str) -> str:
    """An absolute address of this brokerage's office (staff) or portal (clients), on its primary domain."""
    return directory.absolute_url(context.tenant(), "office" if realm == Realm.STAFF else "portal", path)
