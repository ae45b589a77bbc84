"""`/webserv/traders…`: accounts and their money."""

from __future__ import annotations

from typing import Any

from sandbox.ctrader import cash, traders
from sandbox.ctrader.cash import Words
from sandbox.ctrader.records import Trader
from sandbox.ctrader.vocabulary import (
    Access,
    AccountType,
    BalanceType,
    BonusType,
    Code,
    Declined,
    MarginType,
    Permission,
)
from sandbox.ctrader.webservices.base import Call, Data, choice, need, whole
from sandbox.exchange.catalogue import currency_digits
from sandbox.exchange.money import parse_decimal

REQUIRED = (
    "accessRights", "accountType", "balance", "brokerName", "depositCurrency", "groupName", "hashedPassword",
    "leverageInCents",
)  # fmt: skip
_TEXTS = ("name", "lastName", "description", "brokerName")
_FLAGS = ("swapFree", "isLimitedRisk", "sendOwnStatement")
_CONTACT_TEXTS = ("address", "city", "state", "zipCode", "phone", "email", "documentId")
_CONTACT_NUMBERS = ("countryId", "introducingBroker1", "introducingBroker2")
_MONEY_TYPES = ("DEPOSIT", "WITHDRAW", "DEPOSIT_NONWITHDRAWABLE_BONUS", "WITHDRAW_NONWITHDRAWABLE_BONUS")


def _fields(data: Data) -> dict[str, Any]:
    """The request's fields by ProtoTrader's names, checked."""
    fields: dict[str, Any] = {name: str(data[name]) for name in _TEXTS if data.get(name) is not None}
    for name in _FLAGS:
        if data.get(name) is not None:
            if not isinstance(data[name], bool):
                raise Declined(Code.INVALID_REQUEST, name)
            fields[name] = data[name]
    if data.get("groupName") is not None:
        fields["group"] = str(data["groupName"])
    for name in ("leverageInCents", "maxLeverage"):
        if data.get(name) is not None:
            fields[name] = whole(data[name], name)
    if data.get("accessRights") is not None:
        fields["accessRights"] = choice(Access, data["accessRights"], "accessRights")
    if data.get("totalMarginCalculationType") is not None:
        kind = choice(MarginType, data["totalMarginCalculationType"], "totalMarginCalculationType")
        fields["totalMarginCalculationType"] = kind
    return {**fields, **_contact(data.get("contactDetails") or {}), **_unnumbered(data)}


def _contact(details: Data) -> dict[str, Any]:
    if not isinstance(details, dict):
        raise Declined(Code.INVALID_REQUEST, "contactDetails")
    found: dict[str, Any] = {name: str(details[name]) for name in _CONTACT_TEXTS if details.get(name) is not None}
    if details.get("countryId") is not None:
        found["countryId"] = whole(details["countryId"], "countryId")
    return found


def _unnumbered(data: Data) -> dict[str, Any]:
    """What WebServices know and ProtoTrader has no number for."""
    details = data.get("contactDetails") or {}
    kept: Data = {name: whole(details[name], name) for name in _CONTACT_NUMBERS[1:] if details.get(name) is not None}
    if data.get("accountLifetimeType") is not None:
        kept["accountLifetimeType"] = str(data["accountLifetimeType"])
    return {traders.WEB_ONLY: kept} if kept else {}


def shown(call: Call, trader: Trader) -> Data:
    """A trader as JSON: money integers are value x 10^moneyDigits, times milliseconds."""
    plant, account = call.plant, call.plant.book.accounts[trader.login]
    state, profile = plant.state(account), trader.profile
    contact = {name: profile[name] for name in (*_CONTACT_TEXTS, "countryId") if name in profile}
    web = profile.get(traders.WEB_ONLY, {})
    return {
        "login": trader.login,
        "accountType": AccountType(trader.account_type).name,
        "accessRights": Access(trader.access).name,
        "balance": account.balance,
        "bonus": trader.manager_bonus,
        "nonWithdrawableBonus": trader.locked_bonus,
        "cashEquity": state.equity - account.credit,
        "equity": state.equity,
        "usedMargin": state.margin,
        "freeMargin": state.free,
        "moneyDigits": currency_digits(trader.currency),
        "depositCurrency": trader.currency,
        "groupName": account.group,
        "leverageInCents": account.leverage * 100,
        "maxLeverage": profile.get("maxLeverage"),
        "totalMarginCalculationType": MarginType(trader.margin_type).name,
        "name": account.name or None,
        "lastName": profile.get("lastName"),
        "description": profile.get("description"),
        "brokerName": profile.get("brokerName"),
        "swapFree": trader.swap_free,
        "isLimitedRisk": profile.get("isLimitedRisk", False),
        "sendOwnStatement": profile.get("sendOwnStatement", False),
        "accountLifetimeType": web.get("accountLifetimeType"),
        "contactDetails": {**contact, **{name: web[name] for name in _CONTACT_NUMBERS if name in web}},
        "registrationTimestamp": trader.registered_ms,
        "lastUpdateTimestamp": trader.updated_ms,
    }


def create(call: Call) -> Data:
    """POST: open a trader."""
    data = call.body
    need(data, *REQUIRED)
    fields = {
        **_fields(data),
        "accountType": choice(AccountType, data["accountType"], "accountType"),
        "currency": str(data["depositCurrency"]),
        "passwordHash": data["hashedPassword"],
        "balance": whole(data["balance"], "balance"),
    }
    with call.plant.transaction():
        trader = traders.create(call.plant, fields, call.manager)
    return shown(call, trader)


def get(call: Call) -> Data:
    """GET one."""
    return shown(call, call.named())


def listing(call: Call) -> Data:
    """GET a window of registration times, from <= t < to, newest first."""
    start, end = call.window()
    query, plant = call.http.query, call.plant
    group = plant.group_by_id(whole(query["groupId"], "groupId")).name if "groupId" in query else None
    found = [
        one
        for one in plant.traders.values()
        if start <= one.registered_ms < end
        and call.visible(one.login)
        and group in (None, plant.book.accounts[one.login].group)
    ]
    found.sort(key=lambda one: (one.registered_ms, one.login), reverse=True)
    size = plant.settings.web_chunk
    return {"trader": [shown(call, one) for one in found[:size]], "hasMore": len(found) > size}


def patch(call: Call) -> None:
    """PATCH: change what is named."""
    _update(call, wipe=False)


def put(call: Call) -> None:
    """PUT: change what is named and reset the rest."""
    _update(call, wipe=True)


def _update(call: Call, *, wipe: bool) -> None:
    trader, fields = call.named(), _fields(call.body)
    with call.plant.transaction():
        traders.update(call.plant, trader, fields, call.manager, wipe=wipe)


def delete(call: Call) -> None:
    """DELETE."""
    trader = call.named()
    with call.plant.transaction():
        traders.delete(call.plant, trader)


def _amount(call: Call, trader: Trader, code: Code) -> int:
    value = parse_decimal(str(call.body.get("preciseAmount", "")))
    digits = currency_digits(trader.currency)
    if value is None or value <= 0 or value.scaleb(digits) % 1:
        raise Declined(code, str(call.body.get("preciseAmount")))
    return int(value.scaleb(digits))


def change_balance(call: Call) -> Data:
    """POST: a positive `preciseAmount` and a type; no id is given back for credit."""
    trader, data = call.named(), call.body
    need(data, "login", "preciseAmount", "type")
    if data["type"] not in _MONEY_TYPES:
        raise Declined(Code.INVALID_REQUEST, f"type: {data['type']}")
    kind = BalanceType[data["type"]]
    names = ("comment", "externalNote", "source", "externalId")
    minor = _amount(call, trader, Code.CHANGE_BALANCE_BAD_AMOUNT)
    with call.plant.transaction():
        words = Words(*(str(data.get(name) or "") for name in names))
        done = cash.change_balance(call.plant, trader, kind=kind, minor=minor, words=words)
    return {} if kind.is_credit else {"balanceHistoryId": done.id}


def change_bonus(call: Call) -> Data:
    """POST: a positive `preciseAmount` and DEPOSIT or WITHDRAW."""
    trader, data = call.named(), call.body
    need(data, "login", "preciseAmount", "type")
    kind = choice(BonusType, data["type"], "type")
    minor = _amount(call, trader, Code.CHANGE_BONUS_BAD_AMOUNT)
    words = Words(str(data.get("comment") or ""), str(data.get("externalNote") or ""))
    with call.plant.transaction():
        done = cash.change_bonus(call.plant, trader, kind=kind, minor=minor, words=words)
    return {"bonusHistoryId": done.id}


def change_password(call: Call) -> None:
    """POST: a new `hashedPassword`."""
    trader, data = call.named(), call.body
    need(data, "login", "hashedPassword")
    with call.plant.transaction():
        traders.change_password(call.plant, trader, data["hashedPassword"])


def subaccounts(call: Call) -> Data:
    """GET: accounts that belong to this one for Copy, with their money in minor units."""
    trader, plant = call.named(), call.plant
    below = [
        one
        for one in plant.traders.values()
        if one.profile.get("subAccountOf") in (trader.trader_id, trader.login) and call.visible(one.login)
    ]
    accounts = [plant.book.accounts[one.login] for one in below]
    return {
        "subAccountLogins": {"login": [one.login for one in below]},
        "totalSubAccountsBalance": sum(one.balance for one in accounts),
        "totalSubAccountsEquity": sum(plant.state(one).equity for one in accounts),
    }


PERMISSIONS = {
    create: Permission.TRADER_CREATE,
    get: Permission.TRADER_READ,
    listing: Permission.TRADER_READ,
    patch: Permission.TRADER_EDIT,
    put: Permission.TRADER_EDIT,
    delete: Permission.TRADER_DELETE,
    change_balance: Permission.TRADER_CASHIER,
    change_bonus: Permission.TRADER_BONUS_CASHIER,
    change_password: Permission.TRADER_CHANGE_PASSWORD,
    subaccounts: Permission.TRADER_READ,
}
