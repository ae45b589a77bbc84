"""What an account change means for the server's user record, and whether the server did it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tenant_apps.trading.adapters.mt5.records import flags_with_rights
from tenant_apps.trading.adapters.mt5.values import Record
from tenant_apps.trading.errors import ChangesIgnored, PlatformRejected, Rejection
from tenant_apps.trading.ports import AccountChange, NewAccount

# Longest text of each field; the server cuts what is longer without a word (user/add in the vendor's manual).
TEXT_LIMITS = {"Name": 127, "Company": 63, "Comment": 63, "Address": 127}

# Kept by the server itself. Not sent back, and free to differ between two readings.
KEPT_BY_SERVER = frozenset(
    name.casefold()
    for name in (
        *("Login", "CertSerialNumber", "MQID", "Registration", "LastAccess", "LastPassChange", "LastIP"),
        *("Balance", "Credit", "InterestRate", "CommissionDaily", "CommissionMonthly"),
        *("CommissionAgentDaily", "CommissionAgentMonthly", "PhonePassword"),
        *("BalancePrevDay", "BalancePrevMonth", "EquityPrevDay", "EquityPrevMonth"),
    )
)


def opening_fields(account: NewAccount, *, flags: int, external_id_field: str) -> dict[str, str]:
    """The user record to open, passwords included. Raises PlatformRejected for what the server would cut."""
    fields = {
        "Group": account.group,
        "Name": account.name,
        "Leverage": str(account.leverage),
        "Rights": str(flags),
        "Company": account.company,
        "Country": account.country,
        "City": account.city,
        "State": account.state,
        "ZipCode": account.zip_code,
        "Address": account.address,
        "Phone": account.phone,
        "Email": account.email,
        "Comment": account.comment,
        "Agent": str(account.agent) if account.agent else "",
        "PassMain": account.password,
        "PassInvestor": account.investor_password,
    }
    fields[external_id_field] = account.external_id
    for name, limit in TEXT_LIMITS.items():
        if len(fields[name]) > limit:
            raise PlatformRejected(f"{name} over {limit} characters", name=Rejection.INVALID_DATA)
    for name in ("Group", "Name", external_id_field):
        if not fields[name].strip():
            raise PlatformRejected(f"{name} is empty", name=Rejection.INVALID_DATA)
    if account.leverage < 1:
        raise PlatformRejected("leverage must be at least 1", name=Rejection.INVALID_DATA)
    return {name: value for name, value in fields.items() if value}


def wanted_fields(record: Record, change: AccountChange) -> dict[str, str]:
    """The fields which must differ from `record` after `change`; empty when the account is already so."""
    flags = record.integer("Rights", None)
    wanted = {"Rights": str(flags_with_rights(flags, asdict(change)))}
    if change.leverage is not None:
        if change.leverage < 1:
            raise PlatformRejected("leverage must be at least 1", name=Rejection.INVALID_DATA)
        wanted["Leverage"] = str(change.leverage)
    if change.group is not None:
        wanted["Group"] = change.group
    return {name: value for name, value in wanted.items() if not is_same(record.get(name), value)}


def whole_record(record: Record, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What to send: the record as read, with the wanted fields.

    Sources disagree whether a field left out is kept or wiped, so everything is sent. Empty texts are left
    out: where a field is empty only because we may not read it, sending "" would wipe it for certain.
    """
    body = {
        name: value
        for name, value in record.raw.items()
        if name.casefold() not in KEPT_BY_SERVER and value not in ("", None)
    }
    return {**body, **wanted}


def is_same(one: object, other: object) -> bool:
    """Whether two values of a field mean the same; group names differ in nothing but case never."""
    return str(one).casefold() == str(other).casefold()


def check_change(before: Record, after: Record, wanted: Mapping[str, str], *, server: str) -> None:
    """Raises ChangesIgnored unless `after` is `before` with exactly the wanted changes."""
    ignored = {name: (value, after.text(name)) for name, value in wanted.items() if not is_same(after.get(name), value)}
    touched = {name.casefold() for name in wanted} | KEPT_BY_SERVER
    lost = {
        name: (str(value), after.text(name))
        for name, value in before.raw.items()
        if name.casefold() not in touched and not is_same(after.get(name), value)
    }
    if ignored or lost:
        raise ChangesIgnored(ignored=ignored, lost=lost, server=server)
