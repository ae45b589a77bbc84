"""Who may log in at a brokerage: its staff and its clients; roles, teams and sessions."""

from __future__ import annotations

import hashlib
import json
from uuid import UUID

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.actors import Reach
from kernel.auth import AbstractAccount
from kernel.clock import now
from kernel.ids import uuid7
from kernel.models import Entity

SIGHT = "clients.view"  # the right that shows clients at all; only a role that grants it can show them unmasked
MASKABLE = ("email", "phone")


def masked_by_default() -> list[str]:
    return list(MASKABLE)


class Realm(models.TextChoices):
    STAFF = "staff", pgettext_lazy("realm", "Staff")
    CLIENT = "client", pgettext_lazy("realm", "Client")


class Role(Entity):
    """A named set of rights: {permission code: reach}, and fields that its holders see masked.

    Of a default role `preset_grants` is what the release before gave it (None: not looked at yet); while `grants` are the
    same nobody has edited it. `undecided` are rights that came since to one that was edited.
    """

    name = models.CharField(max_length=60)
    code = models.CharField(max_length=40)
    grants = models.JSONField(default=dict)
    masks = models.JSONField(default=masked_by_default)
    second_factor_required = models.BooleanField(default=True)
    preset_grants = models.JSONField(null=True)
    undecided = models.JSONField(null=True)

    class Meta:
        db_table = "accounts_role"
        constraints = [models.UniqueConstraint(fields=["code"], name="accounts_role_code")]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the viewer's language for a default role that was not renamed, else as the broker wrote it."""
        from .defaults import DEFAULTS, ROLE_NAMES

        default = next((one for one in DEFAULTS if one.code == self.code), None)
        return str(ROLE_NAMES[self.code]) if default and default.name == self.name else self.name


class Team(Entity):
    """A desk: its members share what is granted to the team's reach."""

    name = models.CharField(max_length=80)
    languages = models.JSONField(default=list)

    class Meta:
        db_table = "accounts_team"
        constraints = [models.UniqueConstraint(fields=["name"], name="accounts_team_name")]

    def __str__(self) -> str:
        return self.name


class User(AbstractAccount):
    """An account of one realm. The same address may be staff and client: two accounts, two log-ins."""

    realm = models.CharField(max_length=8, choices=Realm.choices)
    roles = models.ManyToManyField(Role, blank=True, db_table="accounts_user_role")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="members")
    languages = models.JSONField(default=list, blank=True)  # spoken; lead distribution uses it
    preferences = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "accounts_user"
        constraints = [models.UniqueConstraint(fields=["realm", "email"], name="accounts_user_email")]

    def grants(self) -> dict[str, Reach]:
        """The widest reach per right over all roles. A client's account has none."""
        merged: dict[str, Reach] = {}
        for role in self.roles.all():
            for code, reach in role.grants.items():
                merged[code] = max(merged.get(code, Reach.NONE), Reach(reach))
        return merged

    def masks(self) -> frozenset[str]:
        """Fields masked by every role that shows clients: one of those that shows a field is enough to see it.

        A role about something else (the brand, the audit trail) unmasks nothing, and without any role all is masked.
        """
        seeing = [set(role.masks) for role in self.roles.all() if role.grants.get(SIGHT)]
        return frozenset(set.intersection(*seeing)) if seeing else frozenset(MASKABLE)

    RIGHTS_FROM = ("roles",)

    def rights_stamp(self) -> str:
        """Of staff: what their roles and team let them do and see. Clients' rights never change: what is theirs."""
        if self.realm != Realm.STAFF:
            return ""
        roles = [
            [sorted(one.grants.items()), sorted(one.masks), one.second_factor_required] for one in self.roles.all()
        ]
        text = json.dumps([str(self.team_id), sorted(roles)])
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @property
    def subtitle(self) -> str:
        """The second line under the name in the shells: the roles of staff."""
        return ", ".join(role.label for role in self.roles.all()) if self.realm == Realm.STAFF else ""

    def team_ids(self) -> frozenset[UUID]:
        return frozenset({self.team_id}) if self.team_id else frozenset()


class UserSession(AbstractBaseSession):
    """A log-in session of this brokerage; the device list shows and ends them."""

    account_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "accounts_session"
        indexes = [models.Index(fields=["account_id"], name="accounts_session_account")]

    @classmethod
    def get_session_store_class(cls) -> type:
        from kernel.sessions import SessionStore

        return SessionStore


class OneTimeLink(models.Model):
    """A link that was mailed: e-mail verification, password reset, staff invitation. Used once, kept as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    purpose = models.CharField(max_length=20)
    token_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_link"
        constraints = [models.UniqueConstraint(fields=["token_hash"], name="accounts_link_token")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.user_id}"
