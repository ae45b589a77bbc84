"""How careful a brokerage is: what one person may do alone, and how long money waits after a change of address.

The register keeps the values (`Tenant.settings`), since every request needs them; the apps below read them by name. Who loosens one
needs a second person (`change_kinds.py`), who tightens it does not, and it holds at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.db import transaction
from django.utils.translation import pgettext

from kernel import audit, locks
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.tenancy import context
from shared_apps.tenants.selectors import tenant_by_id
from shared_apps.tenants.services import tenant_settings_merge
from tenant_apps.clients.address_change import HOLD_HOURS
from tenant_apps.trading.services.bulk import ALONE, MOST

from .permissions_list import SAFEGUARDS

LONGEST_HOLD = 30 * 24  # hours
ALL = uuid5(NAMESPACE_OID, "office.safeguards")  # of whom one change waits at a time


@dataclass(frozen=True, slots=True)
class Safeguard:
    """`most` is the largest number that is taken; a switch has none. `looser(new, old)` says whether less is guarded then."""

    default: bool | int
    looser: Callable[[int, int], bool]
    most: int | None = None

    def takes(self, value: Any) -> bool:
        if self.most is None:
            return isinstance(value, bool)
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= self.most


KNOWN: Mapping[str, Safeguard] = {
    "kyc_four_eyes": Safeguard(default=False, looser=int.__lt__),
    "email_change_hold_hours": Safeguard(HOLD_HOURS, int.__lt__, LONGEST_HOLD),
    "trading_bulk_alone": Safeguard(ALONE, int.__gt__, MOST),
}


def current() -> dict[str, bool | int]:
    """As the register has them now, not as this process read it a moment ago."""
    ref = tenant_by_id(context.tenant().id)
    assert ref is not None
    return {name: ref.setting(name, one.default) for name, one in KNOWN.items()}


def loosens(values: Mapping[str, bool | int]) -> bool:
    now = current()
    return any(KNOWN[name].looser(value, now[name]) for name, value in values.items())


def safeguards_set(*, actor: Actor, values: Mapping[str, bool | int]) -> None:
    """Let these hold from now on; those not named stay. Raises Forbidden, Invalid for what none of them takes.

    One row of the register is merged under its lock, in the transaction that writes the trail: both or neither.
    """
    actor.require(SAFEGUARDS)
    for name, value in values.items():
        if name not in KNOWN or not KNOWN[name].takes(value):
            raise Invalid(pgettext("safeguard", "This is not a value that it takes."), field=name)
    with transaction.atomic():
        locks.hold("office.safeguards")
        before, after = audit.changes(current(), {**current(), **values})
        if not after:
            return
        tenant = context.tenant()
        tenant_settings_merge(tenant_id=tenant.id, changes=dict(after))
        audit.record(actor=actor, action="office.safeguards_changed", label=tenant.name, before=before, after=after)
