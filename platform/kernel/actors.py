"""Who acts. Every mutation gets an actor; there is no anonymous power: without a user there is no permission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext_lazy

from kernel.errors import Forbidden, NotFound


class Reach(IntEnum):
    """How far a right goes: over what one owns, over the team's, over everything of the brokerage."""

    NONE = 0
    OWN = 1
    TEAM = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff, a client, a vendor's operator inside a brokerage, an API key or the system itself.

    `grants` maps permission codes to reach. `masks` names fields that this actor sees masked ("email", "phone").
    `client_id` is set for clients only: they reach what is theirs, through selectors that filter by it.
    """

    kind: str  # "staff", "client", "operator", "system", "visitor"
    id: str = ""
    label: str = ""
    grants: Mapping[str, Reach] = field(default_factory=dict)
    masks: frozenset[str] = frozenset()
    team_ids: frozenset[UUID] = frozenset()
    client_id: UUID | None = None
    on_behalf_of: str = ""
    ip: str | None = None
    user_agent: str = ""
    read_only: bool = False
    language: str = "en"
    time_zone: str = "UTC"
    country: str = ""  # of a client: numbers are written as it has them

    def reach(self, code: str) -> Reach:
        if self.kind == "system":
            return Reach.ALL
        return self.grants.get(code, Reach.NONE)

    def may(self, code: str, subject: Any = None) -> bool:
        """Whether the actor holds a right, over `subject` if given (an object with `owner_id` and `team_id`)."""
        from kernel.permissions import writes

        if self.read_only and writes(code):
            return False
        reach = self.reach(code)
        if subject is None or reach in (Reach.NONE, Reach.ALL):
            return reach is not Reach.NONE
        return self._reaches(reach, subject)

    def _reaches(self, reach: Reach, subject: Any) -> bool:
        owner_id = getattr(subject, "owner_id", None)
        if owner_id is not None and str(owner_id) == self.id:
            return True
        return reach is Reach.TEAM and getattr(subject, "team_id", None) in self.team_ids

    def require(self, code: str, subject: Any = None) -> None:
        """Raise Forbidden without the right; NotFound where even the existence is not the actor's to know."""
        if self.may(code, subject):
            return
        if subject is not None and self.reach(code) is not Reach.NONE:
            raise NotFound
        raise Forbidden(permission=code)

    def require_client(self, client_id: UUID) -> None:
        """The actor is this very client."""
        if self.kind != "client" or self.client_id != client_id:
            raise NotFound

    def with_grants(self, grants: Mapping[str, Reach]) -> Actor:
        """The same, with these rights instead. A method, because a request's actor is a lazy one that `replace` refuses."""
        return replace(self, grants=grants)

    def as_json(self) -> dict[str, Any]:
        """For rows and events that keep who acted; never the grants."""
        return {
            "kind": self.kind,
            "id": self.id,
            "label": self.label,
            "on_behalf_of": self.on_behalf_of,
            "ip": self.ip,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Actor:
        """Who acted, without any right: for audit lines written later on somebody's behalf."""
        return cls(
            kind=str(value.get("kind", "system")),
            id=str(value.get("id", "")),
            label=str(value.get("label", "")),
            on_behalf_of=str(value.get("on_behalf_of", "")),
            ip=value.get("ip"),
        )


def system(label: str) -> Actor:
    """The platform itself, acting by a named rule: "relay", "automation: 30 active days"."""
    return Actor(kind="system", label=label)


_words: dict[str, Any] = {}


def named(label: str, words: Any) -> str:
    """Give the label of a system actor, or what stands before its colon, words for people (lazily translated)."""
    _words[label] = words
    return label


def shown(label: str) -> str:
    """A stored label as people read it: "lead rule: DE" in the reader's language. Names of people stay as they are."""
    if label in _words:
        return str(_words[label])
    name, colon, detail = label.partition(": ")
    return f"{_words[name]}: {detail}" if colon and name in _words else label


VISITOR = Actor(kind="visitor", label=named("visitor", pgettext_lazy("system actor", "Visitor")))
