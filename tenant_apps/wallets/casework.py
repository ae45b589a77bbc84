"""Cases over money, of whatever app: whose each is, and what was written about it.

The apps above have cases of their own (the reconciliation desk, trading); how people work on one is the same and stands
here. The callers lock the case, ask for the right and record the line of the trail.
"""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from django.db import models
from django.utils.translation import pgettext, pgettext_lazy

from kernel import clock
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.ids import parse_uuid
from tenant_apps.accounts.models import Realm, User
from tenant_apps.accounts.telling import user_told


class NoColleague(Invalid):
    """Handed over to nobody, to oneself, or to somebody who may not work on it."""

    code = "no_colleague"
    message = pgettext_lazy("case error", "Choose a colleague who may work on it.")


class Owned(Protocol):
    """A case: who works on it; nobody while both are empty."""

    pk: UUID
    owner_id: str
    owner_label: str


class Note(models.Model):
    """What somebody wrote about a case, or the software itself did with it (no author). Kept as it was written."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    author = models.CharField(max_length=160)
    text = models.CharField(max_length=1000)
    db_rights = "append"

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.text[:60]


def note_add(notes: Any, *, author: str, text: str) -> None:
    """`notes`: the related manager of a case's notes. Nothing is written without a text."""
    if text.strip():
        notes.create(at=clock.now(), author=author[:160], text=text.strip()[:1000])


def take(case: Owned, actor: Actor) -> None:
    """The case is the actor's own, whoever had it."""
    case.owner_id, case.owner_label = actor.id, actor.label[:160]


def hand_over(case: Owned, actor: Actor, *, to: str, right: str, label: str, link: str) -> None:
    """The case is a colleague's who holds `right`, and they hear of it. Raises NoColleague."""
    wanted = parse_uuid(to)
    found = _staff().filter(pk=wanted).first() if wanted else None
    if found is None or str(found.pk) == actor.id or not found.grants().get(right):
        raise NoColleague(field="to")
    case.owner_id, case.owner_label = str(found.pk), (found.name or found.email)[:160]
    user_told(
        found, kind="wallets.case_handed_over", link=link,
        words=lambda: (pgettext("notification", "A case was handed over to you"), f"\u2068{label}\u2069"),
    )  # fmt: skip


def colleagues(actor: Actor, right: str) -> list[tuple[str, str]]:
    """To whom the actor may hand a case over: ids and names. Two queries."""
    people = _staff().order_by("name", "pk")
    return [
        (str(user.pk), user.name or user.email) for user in people
        if str(user.pk) != actor.id and user.grants().get(right)
    ]  # fmt: skip


def _staff() -> models.QuerySet[User]:
    return User.objects.filter(realm=Realm.STAFF, active=True).prefetch_related("roles")
