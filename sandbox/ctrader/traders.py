"""Opening, changing and removing traders. Call inside `plant.transaction()`.

Both APIs come here with the fields of ProtoTrader by their names; what they leave out is absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.ctrader import cash
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Trader
from sandbox.ctrader.vocabulary import Access, AccountType, BalanceType, Code, Crud, Declined, MarginType
from sandbox.exchange import store
from sandbox.exchange.catalogue import quoted
from sandbox.exchange.records import RIGHT_ENABLED, RIGHT_TRADE_DISABLED, Account, Manager
from sandbox.exchange.retcodes import Refused
from sandbox.mt5.accounts import free_login, group_allowed

Fields = dict[str, Any]
PROFILE = (
    "lastName", "description", "status", "countryId", "state", "city", "address", "zipCode", "phone", "email",
    "documentId", "introducingBroker", "parentIntroducingBrokerId", "showPersonalData", "sendOwnStatement",
    "brokerName", "maxLeverage", "subAccountOf", "isLimitedRisk", "sendStatementToBroker",
)  # fmt: skip
"""Fields that are kept as they come and mean nothing to the server itself."""
WEB_ONLY = "_web"
"""Where the profile keeps what only WebServices know; ProtoTrader has no number for it."""
DEFAULT_LEVERAGE = 10_000
_MD5 = re.compile(r"[0-9a-f]{32}\Z")


def password_digest(value: Any) -> str:
    """An MD5 in lower-case hex, as the platform wants passwords. Declined INVALID_REQUEST for anything else."""
    if not isinstance(value, str) or not _MD5.match(value):
        raise Declined(Code.INVALID_REQUEST, "a password is sent as its MD5 in lower-case hex")
    return value


def create(plant: Plant, fields: Fields, manager: Manager) -> Trader:
    """Open a trader from ProtoTrader's fields with `currency` and `group` (names); a balance is deposited.

    Declined: TRADER_GROUP_NOT_FOUND, NOT_ENOUGH_RIGHTS the group is not the manager's, WRONG_LEVERAGE,
    UNKNOWN_DEPOSIT_CURRENCY, INVALID_REQUEST a login that is taken or out of range, or anything malformed.
    """
    group = plant.group_named(str(fields.get("group", "")))
    if not group_allowed(manager, group.name):
        raise Declined(Code.NOT_ENOUGH_RIGHTS, group.name)
    currency = str(fields.get("currency", ""))
    if not quoted(currency):
        raise Declined(Code.UNKNOWN_DEPOSIT_CURRENCY, currency)
    leverage = leverage_of(plant, fields.get("leverageInCents", DEFAULT_LEVERAGE))
    digest = password_digest(fields.get("passwordHash"))
    kind = member(AccountType, fields.get("accountType", AccountType.HEDGED))
    try:
        login = free_login(plant, int(fields.get("login") or 0))
    except Refused as refusal:
        raise Declined(Code.INVALID_REQUEST, refusal.detail or str(refusal))
    now = plant.wall_ms()
    trader = Trader(login, plant.next_ticket("trader"), digest, currency, kind, Access.FULL_ACCESS, now, now)
    account = Account(
        login=login,
        group=group.name,
        name="",
        leverage=leverage,
        rights=account_rights(Access.FULL_ACCESS),
        registration=now // 1000,
        last_access=now // 1000,
        last_pass_change=now // 1000,
    )
    plant.save_account(account)
    _take_over(trader, account, fields)
    plant.save_account(account)
    plant.save_trader(trader, Crud.CREATE)
    balance = int(fields.get("balance") or 0)
    if balance < 0:
        raise Declined(Code.CHANGE_BALANCE_BAD_AMOUNT, str(balance))
    if balance:
        words = cash.Words(comment="initial balance")
        cash.change_balance(plant, trader, kind=BalanceType.DEPOSIT, minor=balance, words=words)
    return trader


def update(plant: Plant, trader: Trader, fields: Fields, manager: Manager, *, wipe: bool) -> Trader:
    """Change what the fields name; with `wipe` everything that can be set and is not named goes back to its
    default.

    Password, balance, currency, login and the account's type never change here. Declined as `create`.
    """
    account = plant.book.accounts[trader.login]
    if "group" in fields:
        group = plant.group_named(str(fields["group"]))
        if not group_allowed(manager, group.name):
            raise Declined(Code.NOT_ENOUGH_RIGHTS, group.name)
        account.group = group.name
    if wipe:
        fields = {
            "name": "",
            "leverageInCents": DEFAULT_LEVERAGE,
            "accessRights": Access.FULL_ACCESS,
            "swapFree": False,
            "totalMarginCalculationType": MarginType.MAX,
            **fields,
        }
        trader.profile = {}
    if "leverageInCents" in fields:
        account.leverage = leverage_of(plant, fields["leverageInCents"])
    _take_over(trader, account, fields)
    trader.version += 1
    trader.updated_ms = plant.wall_ms()
    plant.save_account(account)
    plant.save_trader(trader, Crud.UPDATE)
    return trader


def _take_over(trader: Trader, account: Account, fields: Fields) -> None:
    if "name" in fields:
        account.name = str(fields["name"] or "")
    if "accessRights" in fields:
        trader.access = member(Access, fields["accessRights"])
        account.rights = account_rights(trader.access)
    if "totalMarginCalculationType" in fields:
        trader.margin_type = member(MarginType, fields["totalMarginCalculationType"])
    if "swapFree" in fields:
        trader.swap_free = bool(fields["swapFree"])
    trader.profile.update({name: fields[name] for name in (*PROFILE, WEB_ONLY) if fields.get(name) is not None})


def member(enumeration: Callable[[Any], Any], value: Any) -> int:
    """A number of an enumeration. Declined INVALID_REQUEST."""
    try:
        return int(enumeration(value))
    except ValueError as error:
        raise Declined(Code.INVALID_REQUEST, str(error))


def leverage_of(plant: Plant, in_cents: Any) -> int:
    """Leverage from hundredths (1:100 is 10 000); whole numbers only, which is this sandbox's limit.

    Declined WRONG_LEVERAGE.
    """
    if not isinstance(in_cents, int) or in_cents % 100 or not 100 <= in_cents <= plant.config.max_leverage * 100:
        raise Declined(Code.WRONG_LEVERAGE, str(in_cents))
    return in_cents // 100


def change_password(plant: Plant, trader: Trader, digest: Any) -> None:
    """Set the password's MD5."""
    trader.password = password_digest(digest)
    trader.updated_ms = plant.wall_ms()
    plant.save_trader(trader)
    plant.event("password_change", {"login": trader.login})


def check_password(trader: Trader, digest: str) -> None:
    """Declined WRONG_PASSWORD."""
    if digest != trader.password:
        raise Declined(Code.WRONG_PASSWORD)


def delete(plant: Plant, trader: Trader) -> None:
    """Mark a trader as deleted; its history stays. Declined TRADER_HAS_POSITIONS while anything is open."""
    pending = any(order.login == trader.login for order in plant.book.orders.values())
    if pending or plant.positions_of(trader.login):
        raise Declined(Code.TRADER_HAS_POSITIONS)
    account = plant.book.accounts[trader.login]
    account.archived = 1
    trader.updated_ms = plant.wall_ms()
    plant.save_account(account)
    plant.save_trader(trader, Crud.DELETE)
    if plant.book.robots.pop(trader.login, None) is not None:
        store.ROBOTS.delete(plant.db, trader.login)


def account_rights(access: int) -> int:
    """The shared account's rights bits for this platform's access rights."""
    return {
        Access.FULL_ACCESS: RIGHT_ENABLED,
        Access.CLOSE_ONLY: RIGHT_ENABLED | RIGHT_TRADE_DISABLED,
        Access.NO_TRADING: RIGHT_ENABLED | RIGHT_TRADE_DISABLED,
        Access.NO_LOGIN: RIGHT_TRADE_DISABLED,
    }[Access(access)]
