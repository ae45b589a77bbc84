"""What the money page shows beside its list: what one can filter by, and what one wants to know of a client while deciding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import pgettext

from kernel.actors import Actor, Reach
from kernel.money import CURRENCIES
from kernel.permissions import all_permissions
from kernel.ui.forms import country_choices
from tenant_apps.accounts.selectors import agents, staff_names
from tenant_apps.clients.models import Client
from tenant_apps.clients.selectors import notes_of
from tenant_apps.payments.models import ProviderAccount
from tenant_apps.payments.movements import movements
from tenant_apps.payments.payouts import WIRE
from tenant_apps.payments.permissions_list import EXPORT
from tenant_apps.payments.permissions_list import VIEW as PAYMENTS
from tenant_apps.payments.selectors import client_totals
from tenant_apps.payments.words import method_name
from tenant_apps.wallets.permissions_list import VIEW as WALLETS
from tenant_apps.wallets.selectors import wallets_of
from tenant_apps.wallets.worklist.filters import AGES, LEVELS, Filter
from tenant_apps.wallets.worklist.registry import source_for, sources_for

# Whoever may see one kind of work reaches the inbox, and sees that kind there (a test keeps this in step with the kinds).
RIGHTS = (
    "payments.view", "wallets.view", "reconciliation.view", "bonuses.view", "payments.bank.import", "payments.batch.view",
    "payments.destination.verify", "kyc.view", "trading.view", "trading.cases.view",
    "trading.bulk.view", "trading.bulk.approve", "wallets.settings.edit", "clients.entities", "office.safeguards",
)  # fmt: skip
MANAGING = "payments.rules.edit"  # may tidy up views that others shared
CLIENTS = "clients.view"
RECENT = 6


def choices(actor: Actor, chosen: Filter) -> dict[str, Any]:
    """What the filter bar offers. Two queries."""
    source = source_for(actor, chosen.kind)
    known = any(one.provider for one in sources_for(actor))
    providers = ProviderAccount.objects.all() if known else ProviderAccount.objects.none()
    accounts = list(providers.order_by("name").only("pk", "name", "kind", "methods", "payouts"))
    people = [(str(user.pk), user.name) for user in agents(actor, PAYMENTS) if str(user.pk) != actor.id]
    return {
        "kinds": [(one.kind, one.label) for one in sources_for(actor)],
        "states": source.states.choices if source else [],
        "currencies": [(code, code) for code in sorted(CURRENCIES)],
        "countries": country_choices(),
        "providers": [(one.pk, one.name) for one in accounts],
        "methods": _methods(accounts),
        "levels": [(level, _level(level)) for level in LEVELS[:4]],
        "managers": [("me", pgettext("work", "Me")), ("none", pgettext("work", "Nobody")), *people],
        "ages": [(hours, _age(hours)) for hours in AGES],
    }


def _methods(accounts: Iterable[ProviderAccount]) -> list[tuple[str, str]]:
    """Ways in and out that these accounts have, by name; wires are what a bank account is for."""
    codes = {code for one in accounts for code in (*one.methods, *one.payouts)}
    if any(one.kind == "bank_wire" for one in accounts):
        codes.add(WIRE)
    return sorted(((code, method_name(code)) for code in codes), key=lambda pair: pair[1])


def _level(level: int) -> str:
    return pgettext("work", "Level %(number)s") % {"number": level} if level else pgettext("work", "Not verified")


def _age(hours: int) -> str:
    if hours < 48:
        return pgettext("work", "Older than %(count)s h") % {"count": hours}
    return pgettext("work", "Older than %(count)s days") % {"count": hours // 24}


def about(actor: Actor, client: Client | None) -> dict[str, Any]:
    """A client beside a decision, as far as the actor's rights reach: others see the name and the number.

    Seven queries at most.
    """
    if client is None:
        return {"client": None}
    may_open, may_pay = actor.may(CLIENTS, client), actor.may(PAYMENTS, client)
    found: dict[str, Any] = {"client": client, "may_open": may_open, "may_know": may_open or may_pay}
    if found["may_know"] and client.owner_id:
        found["manager"] = staff_names([client.owner_id]).get(client.owner_id, "")
    if actor.may(WALLETS, client):
        found["wallets"] = wallets_of(client.pk)
    if may_pay:
        found |= {"totals_of_client": client_totals(client.pk), "movements": movements(client.pk, limit=RECENT)}
    if may_open:
        found["notes"] = notes_of(client)
    return found


def exporter(actor: Actor) -> Actor:
    """The actor with no right that reaches further than the right to export.

    Kinds of work that know no reach are left out where the export has one.
    """
    most = actor.reach(EXPORT)
    if most is Reach.ALL:
        return actor
    scoped = {permission.code for permission in all_permissions() if permission.scoped}
    return actor.with_grants({code: min(reach, most) for code, reach in actor.grants.items() if code in scoped})
