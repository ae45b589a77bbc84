"""A line under the bell of every colleague whom something concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import override

from kernel.actors import Actor
from tenant_apps.notifications.services import language_for, notify

from .actors import actor_for
from .models import Realm, User


def staff_told(
    concerned: Callable[[Actor], bool], *, kind: str, words: Callable[[], tuple[str, str]], link: str,
    data: Mapping[str, Any] | None = None, besides: Iterable[str] = (),
) -> None:  # fmt: skip
    """Active staff whom `concerned` picks by their rights, but those in `besides` (ids).

    `words` gives title and text; it is asked once per reader, while the language is theirs. Called in the transaction of
    what happened, so it is told exactly once.
    """
    left_out = set(besides)
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    for user in people:
        if str(user.pk) in left_out or not concerned(actor_for(user)):
            continue
        user_told(user, kind=kind, words=words, link=link, data=data)


def user_told(
    user: User, *, kind: str, words: Callable[[], tuple[str, str]], link: str, data: Mapping[str, Any] | None = None
) -> None:
    """One of them, in their language."""
    with override(language_for(user.language)):
        title, body = words()
        notify(user_id=user.pk, kind=kind, title=title, body=body, link=link, data=data)
