"""Queueing mail and telling people. Both write rows in the caller's transaction; nothing leaves before it commits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from kernel import clock, mail
from kernel.actors import Actor
from kernel.ids import uuid7
from kernel.live import publish as live
from kernel.tasks import enqueue
from kernel.tenancy import context as tenancy
from kernel.tenancy import directory

from . import selectors, tasks
from .brand import mail_brand
from .models import Mail, Notification

FOLDER = "notifications/mail"


def language_for(language: str) -> str:
    """A language we have; else the brokerage's first, else English."""
    known = [code for code, _ in settings.LANGUAGES]
    offered = [*(tenancy.tenant().setting("languages") or []), "en"]
    return next((code for code in (language, language.partition("-")[0], *offered) if code in known), "en")


def mail_queue(
    *,
    to: str,
    template: str,
    context: Mapping[str, Any],
    language: str,
    client_id: UUID | None = None,
    user_id: UUID | None = None,
    dedupe_key: str | None = None,
    from_name: str = "",
    headers: Mapping[str, str] | None = None,
) -> Mail:
    """Render `notifications/mail/<template>.{subject.txt,mjml,txt}` and queue it. Idempotent by `dedupe_key`.

    Templates extend `mail/base.mjml` and `mail/base.txt`. Besides `context` they see `brand` (kernel.mail.MailBrand),
    `portal_url` and `office_url` (primary domains, without a slash at the end), `subject`, `lang`, `dir`, `start` and `end`.
    `headers` are added to the message as they are (List-Unsubscribe).
    Call it inside the transaction of what it tells about; the mail goes out after that has committed.
    """
    if dedupe_key and (known := Mail.objects.filter(dedupe_key=dedupe_key).first()):
        return known
    chosen = language_for(language)
    rendered = mail.render(template, {**_links(), **context}, language=chosen, brand=mail_brand(chosen), folder=FOLDER)
    row = _row(to=to, template=template, language=chosen, rendered=rendered, from_name=from_name)
    row.client_id, row.user_id, row.dedupe_key = client_id, user_id, dedupe_key or ""
    row.headers = dict(headers or {})
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            enqueue(tasks.mail_send, str(row.pk))
    except IntegrityError:
        return Mail.objects.get(dedupe_key=dedupe_key)
    return row


def _row(*, to: str, template: str, language: str, rendered: mail.Rendered, from_name: str) -> Mail:
    tenant = tenancy.tenant()
    host = directory.host_of(tenant, "portal")
    mail_id = uuid7()
    return Mail(
        id=mail_id,
        to=to.strip(),
        sender=f"no-reply@{host}",
        sender_name=(from_name or mail_brand(language).name)[:120],
        reply_to=mail_brand(language).support_email,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        language=language,
        template=template,
        message_id=f"<{mail_id}@{host}>",
    )


def _links() -> dict[str, str]:
    tenant = tenancy.tenant()
    return {
        "portal_url": directory.absolute_url(tenant, "portal", ""),
        "office_url": directory.absolute_url(tenant, "office", ""),
    }


def topic(user_id: object) -> str:
    """The live topic of a person's bell."""
    return f"notifications:{user_id}"


def notify(
    *,
    user_id: UUID,
    kind: str,
    title: str,
    body: str = "",
    link: str = "",
    data: Mapping[str, Any] | None = None,
) -> Notification:
    """A line under a person's bell, shown live. `link` is a path on the person's own surface."""
    row = Notification.objects.create(
        user_id=user_id, kind=kind, title=str(title)[:200], body=str(body)[:500], link=link, data=dict(data or {})
    )
    _tell(user_id, title=row.title, body=row.body, link=row.link, kind=kind)
    return row


def notifications_read(*, actor: Actor, notification_id: UUID | None = None) -> int:
    """Mark one or all of the actor's own notifications as read; returns how many were unread."""
    rows = Notification.objects.filter(user_id=actor.id, read_at=None)
    if notification_id:
        rows = rows.filter(pk=notification_id)
    count = rows.update(read_at=clock.now())
    if count:
        _tell(actor.id)
    return count


def _tell(user_id: UUID | str, **extra: Any) -> None:
    """The new count for the bell; the page shows `title` as a toast when there is one."""
    live.publish(topic(user_id), {"unread": selectors.unread_count(user_id) or "", **extra})
