"""Opening, changing and removing client accounts. Call inside `server.transaction()`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sandbox.exchange import store
from sandbox.exchange.records import DEFAULT_RIGHTS, Account, Manager
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5.secrets import password_hash, password_matches, strong_enough
from sandbox.mt5.server import TradingServer

# Longest values without the terminator. Name, company, comment and address are documented, the others
# unverified.
TEXT_FIELDS: dict[str, int] = {
    "Company": 63,
    "Account": 63,
    "Country": 31,
    "City": 31,
    "State": 31,
    "ZipCode": 15,
    "Address": 127,
    "Phone": 31,
    "Email": 63,
    "ID": 31,
    "Status": 15,
    "Comment": 63,
    "PhonePassword": 31,
    "LeadCampaign": 31,
    "LeadSource": 31,
    "MQID": 31,
}
NUMBER_FIELDS = ("Language", "Agent", "Color", "ClientID", "LimitOrders", "CertSerialNumber")
NAME_LENGTH = 127
PASSWORD_TYPES = {"main": "password_main", "investor": "password_investor", "api": "password_api"}
API_DATA_CELLS = 16


def key_of(name: str) -> str:
    """A parameter's name without case, dashes and underscores: `pass_main` and `PassMain` are the same."""
    return name.replace("_", "").replace("-", "").lower()


_ALIASES = {"passphone": "phonepassword"}


class Fields:
    """Request parameters: the query, overruled by the JSON body, looked up without regard to case."""

    def __init__(self, query: Mapping[str, str], body: Mapping[str, Any] | None = None) -> None:
        merged: dict[str, Any] = {key_of(name): value for name, value in query.items()}
        merged.update({key_of(name): value for name, value in (body or {}).items()})
        for alias, name in _ALIASES.items():
            if alias in merged:
                merged.setdefault(name, merged.pop(alias))
        self._values = merged

    def text(self, name: str) -> str | None:
        """The parameter as text, or None when absent. A number in JSON is taken as its text."""
        value = self._values.get(key_of(name))
        if value is None or isinstance(value, (dict, list)):
            return None
        return str(value)

    def number(self, name: str) -> int | None:
        """The parameter as a whole number, or None when absent or empty. Refused 3 when it is none."""
        text = self.text(name)
        if text is None or not text.strip():
            return None
        if not re.fullmatch(r"[+-]?\d{1,19}", text.strip()):
            raise Refused(Retcode.INVALID_PARAMETERS, f"{name}={text}")
        return int(text)

    def need(self, name: str) -> int:
        """A whole number that must be there (Refused 3)."""
        value = self.number(name)
        if value is None:
            raise Refused(Retcode.INVALID_PARAMETERS, f"{name} is required")
        return value

    def raw(self, name: str) -> Any:
        """The parameter as it came."""
        return self._values.get(key_of(name))


@lru_cache(maxsize=4096)
def mask_matches(masks: str, group: str) -> bool:
    """True when a comma separated list with `*` and leading `!` (negation wins) names this group."""
    chosen = False
    for mask in (part.strip() for part in masks.split(",")):
        negative = mask.startswith("!")
        pattern = ".*".join(re.escape(piece) for piece in mask.removeprefix("!").split("*"))
        if mask and re.fullmatch(pattern, group, re.IGNORECASE):
            if negative:
                return False
            chosen = True
    return chosen


def group_allowed(manager: Manager, group: str) -> bool:
    """True when the group is in the manager's list."""
    return mask_matches(",".join(manager.groups), group)


def add_account(server: TradingServer, request: Fields, manager: Manager) -> Account:
    """Open an account.

    Refused: 8 group unknown or not the manager's, 3 no name or leverage outside 1 to the server's maximum,
    3006 weak or missing password, 3002 no free login, 3003 login outside this server's range, 3004 login
    taken.
    """
    group = server.book.groups.get(request.text("Group") or "")
    if group is None or not group_allowed(manager, group.name):
        raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS, "group")
    name = (request.text("Name") or "").strip()
    leverage = request.number("Leverage") or 0
    if not name or not 1 <= leverage <= server.config.max_leverage:
        raise Refused(Retcode.INVALID_PARAMETERS, "name and leverage are required")
    main, investor = request.text("PassMain") or "", request.text("PassInvestor") or ""
    if not all(strong_enough(one, group.password_min) for one in (main, investor)):
        raise Refused(Retcode.INVALID_PASSWORD)
    rights = request.number("Rights")
    details, api_data = _details(request), _api_data(request)
    login = free_login(server, request.number("Login") or 0)
    now = server.wall_ms() // 1000
    account = Account(
        login=login,
        group=group.name,
        name=name[:NAME_LENGTH],
        leverage=leverage,
        rights=DEFAULT_RIGHTS if rights is None else rights,
        registration=now,
        last_access=now,
        last_pass_change=now,
        password_main=password_hash(main),
        password_investor=password_hash(investor),
        details=details,
        api_data=api_data or [],
    )
    server.save_account(account)
    server.event("user_add", {"login": login, "group": group.name})
    return account


def free_login(server: TradingServer, wanted: int) -> int:
    """The wanted login if it may be used, or for 0 the next one of the range. Refused 3002, 3003, 3004."""
    first, last = server.config.login_first, server.config.login_last
    if wanted:
        if wanted in server.book.accounts:
            raise Refused(Retcode.ACCOUNT_EXISTS)
        if not first <= wanted <= last:
            raise Refused(Retcode.LOGIN_OF_OTHER_SERVER)
        return wanted
    login = server.book.counters.get("login", first - 1) + 1
    while login in server.book.accounts:
        login += 1
    if login > last:
        raise Refused(Retcode.LOGIN_RANGE_EXHAUSTED)
    server.book.counters["login"] = login
    return login


def _details(request: Fields) -> dict[str, str]:
    details = {}
    for name, length in TEXT_FIELDS.items():
        text = request.text(name)
        if text is not None:
            details[name] = text[:length]
    for name in NUMBER_FIELDS:
        value = request.number(name)
        if value is not None:
            details[name] = str(value)
    return details


def _api_data(request: Fields) -> list[dict[str, str]] | None:
    cells = request.raw("ApiData")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    kept = []
    for cell in cells[:API_DATA_CELLS]:
        value = next((name for name in ("ValueDouble", "ValueUInt", "ValueInt") if name in cell), None)
        if "AppID" in cell and "ID" in cell and value is not None:
            kept.append({name: str(cell[name]) for name in ("AppID", "ID", value)})
    return kept


def update_account(server: TradingServer, account: Account, request: Fields, manager: Manager) -> Account:
    """Change an account. Read-only and invalid values are ignored silently, as documented.

    Refused: 3 leverage 0, 8 target group unknown or not the manager's, 3010 target group in another
    currency while money or positions are there.
    """
    leverage = _tolerant_number(request, "Leverage")
    if leverage == 0:
        raise Refused(Retcode.INVALID_PARAMETERS, "leverage must not be 0")
    group_name = request.text("Group")
    if group_name and group_name != account.group:
        group = server.book.groups.get(group_name)
        if group is None or not group_allowed(manager, group.name):
            raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS, "group")
        engaged = account.balance or account.credit or server.positions_of(account.login)
        if group.currency != server.group_of(account).currency and engaged:
            raise Refused(Retcode.GROUP_CURRENCY_DIFFERS)
        account.group = group.name
    if leverage is not None and 1 <= leverage <= server.config.max_leverage:
        account.leverage = leverage
    rights = _tolerant_number(request, "Rights")
    if rights is not None and rights >= 0:
        account.rights = rights
    name = (request.text("Name") or "").strip()
    if name:
        account.name = name[:NAME_LENGTH]
    _update_details(server, account, request)
    server.save_account(account)
    server.event("user_update", {"login": account.login, "group": account.group, "leverage": account.leverage})
    return account


def _tolerant_number(request: Fields, name: str) -> int | None:
    try:
        return request.number(name)
    except Refused:
        return None


def _update_details(server: TradingServer, account: Account, request: Fields) -> None:
    replacing = server.config.update_semantics == "replace"
    details = {} if replacing else dict(account.details)
    for name, length in TEXT_FIELDS.items():
        text = request.text(name)
        if text is not None:
            details[name] = text[:length]
    for name in NUMBER_FIELDS:
        value = _tolerant_number(request, name)
        if value is not None:
            details[name] = str(value)
    account.details = details
    cells = _api_data(request)
    if cells is not None or replacing:
        account.api_data = cells or []


def check_password(account: Account, kind: str, password: str) -> None:
    """Refused 3 for an unknown kind (main, investor, api), 3006 for a wrong password."""
    if kind not in PASSWORD_TYPES:
        raise Refused(Retcode.INVALID_PARAMETERS, f"type {kind}")
    if not password_matches(password, getattr(account, PASSWORD_TYPES[kind])):
        raise Refused(Retcode.INVALID_PASSWORD)


def change_password(server: TradingServer, account: Account, kind: str, password: str) -> None:
    """Set a password. Refused 3 for an unknown kind, 3006 for one that breaks the rule."""
    if kind not in PASSWORD_TYPES:
        raise Refused(Retcode.INVALID_PARAMETERS, f"type {kind}")
    if not strong_enough(password, server.group_of(account).password_min):
        raise Refused(Retcode.INVALID_PASSWORD)
    setattr(account, PASSWORD_TYPES[kind], password_hash(password))
    account.last_pass_change = server.wall_ms() // 1000
    server.save_account(account)
    server.event("password_change", {"login": account.login, "type": kind})


def _require_idle(server: TradingServer, account: Account) -> None:
    pending = any(order.login == account.login for order in server.book.orders.values())
    if pending or server.positions_of(account.login):
        raise Refused(Retcode.ACCOUNT_HAS_TRADES)


def delete_account(server: TradingServer, account: Account) -> None:
    """Remove an account; its deals stay. Refused 3008 while positions or orders are open."""
    _require_idle(server, account)
    del server.book.accounts[account.login]
    store.ACCOUNTS.delete(server.db, account.login)
    _forget_robot(server, account.login)
    server.event("user_delete", {"login": account.login})


def archive_account(server: TradingServer, account: Account) -> None:
    """Move an account to the archive. Refused 3008 while positions or orders are open."""
    _require_idle(server, account)
    account.archived = 1
    server.save_account(account)
    _forget_robot(server, account.login)
    server.event("user_archive", {"login": account.login})


def restore_account(server: TradingServer, login: int) -> Account:
    """Bring an account back from the archive. Refused 13 when it is not there."""
    account = archived_account(server, login)
    account.archived = 0
    server.save_account(account)
    server.event("user_restore", {"login": login})
    return account


def archived_account(server: TradingServer, login: int) -> Account:
    """An account in the archive. Refused 13."""
    account = server.book.accounts.get(login)
    if account is None or not account.archived:
        raise Refused(Retcode.NOT_FOUND, f"login {login}")
    return account


def _forget_robot(server: TradingServer, login: int) -> None:
    if server.book.robots.pop(login, None) is not None:
        store.ROBOTS.delete(server.db, login)
