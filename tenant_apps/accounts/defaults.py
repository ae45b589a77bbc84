"""The roles a brokerage starts with. Rights are named by patterns, so an app that comes later needs no change here."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel.actors import Reach
from kernel.permissions import Permission, all_permissions

from .models import Role

OWN, TEAM, ALL = Reach.OWN, Reach.TEAM, Reach.ALL


@dataclass(frozen=True, slots=True)
class Rule:
    """Rights whose code matches `pattern`, as far as `reach`; `read` leaves out those that change something."""

    pattern: str
    reach: Reach = ALL
    read: bool = False

    def covers(self, permission: Permission) -> bool:
        return fnmatchcase(permission.code, self.pattern) and not (self.read and permission.writes)


@dataclass(frozen=True, slots=True)
class DefaultRole:
    code: str
    name: str
    rules: tuple[Rule, ...]
    masks: tuple[str, ...] = ()


ROLE_NAMES = {
    "owner": pgettext_lazy("role", "Owner"),
    "desk_manager": pgettext_lazy("role", "Desk manager"),
    "sales": pgettext_lazy("role", "Sales agent"),
    "retention": pgettext_lazy("role", "Retention agent"),
    "compliance": pgettext_lazy("role", "Compliance officer"),
    "dealing": pgettext_lazy("role", "Dealing desk"),
    "finance": pgettext_lazy("role", "Finance"),
    "support": pgettext_lazy("role", "Support"),
    "marketing": pgettext_lazy("role", "Marketing"),
    "auditor": pgettext_lazy("role", "Auditor (read only)"),
}

_AGENT = ("clients.view", "clients.edit", "clients.note", "clients.task", "leads.work")
# The last one does nothing until a rule of approval asks who is responsible for the client.
_OWN_MONEY = (
    *("kyc.view", "payments.view", "trading.view", "wallets.view", "bonuses.view"),
    "copying.view",
    "payments.withdrawal.agree",
)

DEFAULTS: tuple[DefaultRole, ...] = (
    DefaultRole("owner", "Owner", (Rule("*"),)),
    DefaultRole(
        "desk_manager",
        "Desk manager",
        (
            *(Rule(code, TEAM) for code in (*_AGENT, "clients.assign")),
            Rule("leads.*", TEAM),
            Rule("clients.create"),
            Rule("kyc.view", TEAM),
            Rule("payments.view", TEAM),
            Rule("trading.view", TEAM),
            Rule("wallets.view", TEAM),
            Rule("bonuses.view", TEAM),
            Rule("copying.view", TEAM),
            Rule("reports.*", TEAM, read=True),
            Rule("accounts.staff.view"),
        ),
    ),
    DefaultRole(
        "sales",
        "Sales agent",
        (
            *(Rule(code, OWN) for code in _AGENT),
            Rule("clients.create"),
            *(Rule(code, OWN) for code in _OWN_MONEY),
        ),
        masks=("email", "phone"),
    ),
    DefaultRole(
        "retention",
        "Retention agent",
        (
            *(Rule(code, OWN) for code in _AGENT),
            *(Rule(code, OWN) for code in _OWN_MONEY),
        ),
        masks=("email", "phone"),
    ),
    DefaultRole(
        "compliance",
        "Compliance officer",
        (
            *(Rule(code) for code in ("clients.view", "clients.edit", "clients.note", "clients.task", "clients.risk")),
            *(Rule(code) for code in ("clients.identity", "clients.money_tags", "clients.entities", "clients.entity.move")),
            Rule("kyc.*"),
            Rule("screening.*"),
            Rule("payments.*", read=True),
            Rule("reconciliation.*", read=True),
            Rule("bonuses.*"),
            Rule("wallets.*", read=True),
            Rule("trading.*", read=True),
            Rule("copying.*"),
            Rule("audit.view"),
            Rule("office.safeguards"),
        ),
    ),
    DefaultRole(
        "dealing",
        "Dealing desk",
        (Rule("clients.view"), Rule("clients.note"), Rule("clients.task"), Rule("trading.*"), Rule("copying.*")),
        masks=("email", "phone"),
    ),
    DefaultRole(
        "finance",
        "Finance",
        (
            *(Rule(code) for code in ("clients.view", "clients.note", "clients.task")),
            Rule("payments.*"),
            Rule("wallets.*"),
            Rule("ledger.*"),
            Rule("reconciliation.*"),
            Rule("bonuses.*"),
            Rule("kyc.*", read=True),
            Rule("trading.*", read=True),
            Rule("trading.cases.approve"),
            Rule("copying.view"),
            Rule("reports.*", read=True),
        ),
    ),
    DefaultRole(
        "support",
        "Support",
        (
            *(Rule(code) for code in ("clients.view", "clients.note", "clients.task")),
            *(Rule(f"{app}.*", read=True) for app in ("kyc", "payments", "wallets", "bonuses", "copying")),
            # Not the dealing desk: what the house stands to win or lose is no matter of a ticket.
            *(Rule(code) for code in ("trading.view", "trading.servers.view", "trading.cases.view")),
        ),
    ),
    DefaultRole(
        "marketing",
        "Marketing",
        (Rule("campaigns.*"), Rule("automation.*"), Rule("reports.*", read=True), Rule("branding.*"), Rule("clients.view")),
        masks=("email", "phone"),
    ),
    DefaultRole("auditor", "Auditor", (Rule("*", read=True),)),
)  # fmt: skip

# What these two may do follows from their name, whatever apps are installed; the others are the broker's to change.
DEFINED_BY_RULE = ("owner", "auditor")


def grants_of(default: DefaultRole) -> dict[str, int]:
    """The reach per right that is known now. Rights that are not scoped are held in full or not at all."""
    grants: dict[str, int] = {}
    for permission in all_permissions():
        if permission.code.startswith("console."):
            continue
        reaches = [rule.reach for rule in default.rules if rule.covers(permission)]
        if reaches:
            grants[permission.code] = int(max(reaches) if permission.scoped else ALL)
    return grants


@transaction.atomic
def roles_ensure() -> dict[str, Role]:
    """Make the default roles that are missing, by code; idempotent. Those that are there: `new_rights.py`."""
    known = {role.code: role for role in Role.objects.all()}
    for default in DEFAULTS:
        if default.code not in known:
            grants = grants_of(default)
            known[default.code] = Role.objects.create(
                code=default.code, name=default.name, grants=grants, preset_grants=grants, masks=list(default.masks)
            )
    return known
