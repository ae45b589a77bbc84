"""Mails about a client's own account: rendered from a text in the client's language, queued once, on the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from kernel.actors import Actor
from kernel.tenancy import context as tenancy
from kernel.tenancy import directory
from tenant_apps.clients.models import Client, Stage
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.notifications.models import Mail
from tenant_apps.notifications.services import mail_queue

from . import texts

TEMPLATE = "campaign"


def common_values(client: Client) -> dict[str, str]:
    """What every text may name."""
    tenant = tenancy.tenant()
    brand = (tenant.setting("brand", {}) or {}).get("name") or tenant.name
    return {
        "first_name": client.first_name,
        "name": client.name,
        "brand": str(brand),
        "portal_url": directory.absolute_url(tenant, "portal", ""),
    }


@transaction.atomic
def client_mail(
    *, client: Client, key: str, values: Mapping[str, Any] | None = None, dedupe_key: str, actor: Actor
) -> Mail | None:
    """Queue one of the product's mails (texts.MAILS) to a client; None for a closed client. Once per `dedupe_key`."""
    if client.stage == Stage.CLOSED:
        return None
    language, text = texts.mail_text(key, client.language)
    common = common_values(client)
    # A mail asked for by a rule knows no account; its button then opens the list of them.
    everyones = f"{common['portal_url']}/accounts/"
    known = {"password_url": everyones, "account_url": everyones, **common, **(values or {})}
    content = texts.filled(text, known)
    mail = mail_queue(
        to=client.email,
        template=TEMPLATE,
        context={"content": content},
        language=language,
        client_id=client.pk,
        dedupe_key=dedupe_key,
    )
    mail_noted(mail, client, kind=key, actor=actor)
    return mail


def mail_noted(mail: Mail, client: Client, *, kind: str, actor: Actor) -> None:
    """The line on the timeline, once per mail."""
    timeline_add(
        client_id=client.pk,
        kind="campaigns.mail",
        actor=actor,
        data={"subject": mail.subject, "mail": mail.pk, "about": kind, "language": mail.language},
        dedupe_key=f"mail:{mail.pk}",
    )
