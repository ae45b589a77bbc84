"""`/cid/ctid/…`: a person's cTID, and the accounts linked to it."""

from __future__ import annotations

from sandbox.ctrader import records, traders
from sandbox.ctrader.records import CtraderId
from sandbox.ctrader.vocabulary import Code, Declined
from sandbox.ctrader.webservices.base import Call, Data, need, whole
from sandbox.ctrader.webservices.traders import shown


def _broker(call: Call, data: Data) -> None:
    if data["brokerName"] != call.plant.settings.broker:
        raise Declined(Code.CH_BROKER_NOT_FOUND, str(data["brokerName"]))


def create(call: Call) -> Data:
    """A cTID for an address; of one that exists only its `userId` is told."""
    data, plant = call.body, call.plant
    need(data, "email", "brokerName")
    _broker(call, data)
    email = str(data["email"]).strip().lower()
    if email.count("@") != 1:
        raise Declined(Code.INVALID_REQUEST, "email")
    known = next((one for one in plant.ctids.values() if one.email == email), None)
    if known is not None:
        return {"userId": known.user_id}
    with plant.transaction():
        number = plant.next_ticket("ctid")
        nickname = f"{email.partition('@')[0]}{number}"
        made = CtraderId(number, email, nickname, str(data.get("preferredLanguage") or "en"))
        plant.ctids[number] = made
        records.CTIDS.put(plant.db, made)
    return {"userId": number, "nickname": nickname, "email": email, "status": "CTID_NEW"}


def link(call: Call) -> Data:
    """Link a trader to a cTID, proving its password."""
    data, plant = call.body, call.plant
    need(data, "traderLogin", "traderPasswordHash", "userId", "brokerName", "environmentName")
    _broker(call, data)
    if data["environmentName"] != plant.settings.environment:
        raise Declined(Code.INVALID_REQUEST, "environmentName")
    trader = call.trader(data["traderLogin"])
    traders.check_password(trader, str(data["traderPasswordHash"]))
    person = plant.ctids.get(whole(data["userId"], "userId"))
    if person is None:
        raise Declined(Code.CH_CTID_NOT_FOUND, str(data["userId"]))
    if trader.login not in person.logins:
        with plant.transaction():
            person.logins.append(trader.login)
            records.CTIDS.put(plant.db, person)
    answer: Data = {"ctidTraderAccountId": trader.trader_id}
    if data.get("returnAccountDetails"):
        answer["accountDetails"] = shown(call, trader)
    return answer
