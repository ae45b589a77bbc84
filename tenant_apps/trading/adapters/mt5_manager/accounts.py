"""What an account change means for the service, and whether it was done."""

from collections.abc import Mapping
from typing import Any

from tenant_apps.trading.errors import ChangesIgnored, PlatformRejected, Rejection
from tenant_apps.trading.ports import Account, AccountChange, NewAccount

from .records import RIGHTS

# Kept by the server itself, so free to differ between two readings.
KEPT_BY_SERVER = frozenset({"balance", "credit", "registered_at", "last_access_at"})
_TEXTS = (
    *("group", "name", "external_id", "password", "investor_password", "company", "country", "city", "state"),
    *("zip_code", "address", "phone", "email", "comment"),
)


def new_account(account: NewAccount) -> dict[str, Any]:
    """The record to open, passwords included. Raises PlatformRejected for what no server takes."""
    for name in ("group", "name", "external_id"):
        if not getattr(account, name).strip():
            raise PlatformRejected(f"{name} is empty", name=Rejection.INVALID_DATA)
    _check_leverage(account.leverage)
    return {
        **{name: getattr(account, name) for name in (*_TEXTS, "leverage", "login", "agent")},
        "rights": {name: getattr(account.rights, name) for name in RIGHTS},
    }


def wanted(account: Account, change: AccountChange) -> dict[str, Any]:
    """The fields that must differ from `account` after `change`; empty when it is already so."""
    if change.leverage is not None:
        _check_leverage(change.leverage)
    rights = {
        name: value
        for name in RIGHTS
        if (value := getattr(change, name)) is not None and value is not getattr(account.rights, name)
    }
    fields = {"leverage": change.leverage, "group": change.group}
    found = {name: value for name, value in fields.items() if value is not None and value != getattr(account, name)}
    return {**found, "rights": rights} if rights else found


def check(before: Account, after: Account, changes: Mapping[str, Any], *, server: str) -> None:
    """Raises ChangesIgnored unless `after` is `before` with exactly the wanted changes."""
    old, new = _flat(before.raw), _flat(after.raw)
    asked = _flat(changes)
    ignored = {name: (str(value), str(new.get(name))) for name, value in asked.items() if new.get(name) != value}
    # Groups may be of another currency, while an account holds nothing.
    free = KEPT_BY_SERVER | asked.keys() | ({"currency", "digits"} if "group" in asked else set())
    lost = {
        name: (str(value), str(new.get(name)))
        for name, value in old.items()
        if name not in free and new.get(name) != value
    }
    if ignored or lost:
        raise ChangesIgnored(ignored=ignored, lost=lost, server=server)


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Each right as a field of its own."""
    rights = record.get("rights") or {}
    return {**{name: value for name, value in record.items() if name != "rights"}, **rights}


def _check_leverage(leverage: int) -> None:
    if leverage < 1:
        raise PlatformRejected("leverage must be at least 1", name=Rejection.INVALID_DATA)
