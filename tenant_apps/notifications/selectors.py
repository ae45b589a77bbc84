"""Reads of mails and notifications."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from kernel.actors import Actor

from .models import Mail, Notification


def mails_of(client_id: UUID) -> QuerySet[Mail]:
    """A client's mails, newest first. The caller has checked that the actor may see the client."""
    return Mail.objects.filter(client_id=client_id).order_by("-created_at")


def notifications_of(actor: Actor) -> QuerySet[Notification]:
    """The actor's own, newest first; nobody else's, whatever the rights."""
    if actor.kind not in {"staff", "client"}:
        return Notification.objects.none()
    return Notification.objects.filter(user_id=actor.id).order_by("-created_at")


def unread_count(user_id: UUID | str) -> int:
    return Notification.objects.filter(user_id=user_id, read_at=None).count()
