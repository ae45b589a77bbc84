"""From a request of the portal to its actor: a client, who reaches what is theirs."""

from __future__ import annotations

from django.http import HttpRequest

from kernel import auth
from kernel.actors import VISITOR, Actor
from tenant_apps.accounts.models import Realm, User

from .models import Client, Stage


def find_client_user(account_id: str) -> User | None:
    return User.objects.filter(pk=account_id, realm=Realm.CLIENT).first()


def client_actor(request: HttpRequest) -> tuple[User | None, Actor]:
    """Resolver named in settings. `request.client` is the client's row, or None."""
    request.client = None  # type: ignore[attr-defined]
    user = auth.account_of(request, find_client_user)
    if not isinstance(user, User):
        return None, VISITOR
    client = Client.objects.filter(user_id=user.pk).exclude(stage=Stage.CLOSED).first()
    if client is None:
        return None, VISITOR
    request.client = client  # type: ignore[attr-defined]
    return user, Actor(
        kind="client",
        id=str(user.pk),
        label=client.name,
        client_id=client.pk,
        ip=getattr(request, "ip", None),
        user_agent=request.headers.get("User-Agent", "")[:300],
        language=user.language or client.language,
        time_zone=user.time_zone or client.time_zone,
        country=client.country,
    )
