"""cTrader Copy as a broker sees it: an account of its own for each strategy a trader copies, below the trader's. Call inside
`plant.transaction()`.

Who is copied, and what, is the platform's own affair: orders in such an account are given like any other's.
"""

from __future__ import annotations

from sandbox.ctrader import cash, traders
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Trader
from sandbox.ctrader.vocabulary import BalanceType, Code, Declined
from sandbox.exchange.records import Manager

EVERYWHERE = Manager(login=0, secret="", groups=["*"], rights=[])


def begin(plant: Plant, trader: Trader, minor: int) -> Trader:
    """The trader's money, in minor units, into a new account below it. Declined NOT_ENOUGH_MONEY, INVALID_REQUEST from such an account."""
    if trader.profile.get("subAccountOf"):
        raise Declined(Code.INVALID_REQUEST, "a copy cannot copy")
    account = plant.book.accounts[trader.login]
    fields = {
        "group": account.group,
        "currency": trader.currency,
        "leverageInCents": account.leverage * 100,
        "passwordHash": trader.password,
        "accountType": trader.account_type,
        "subAccountOf": trader.trader_id,
        "name": account.name,
    }
    below = traders.create(plant, fields, EVERYWHERE)
    cash.change_balance(plant, trader, kind=BalanceType.WITHDRAW_FOR_SUBACCOUNT, minor=minor, words=cash.Words())
    cash.change_balance(plant, below, kind=BalanceType.DEPOSIT_TO_SUBACCOUNT, minor=minor, words=cash.Words())
    return below


def end(plant: Plant, below: Trader) -> int:
    """What is left there goes back, minor units. Declined: INVALID_REQUEST none of these, or with positions."""
    above = next((one for one in plant.traders.values() if one.trader_id == below.profile.get("subAccountOf")), None)
    if above is None or any(one.login == below.login for one in plant.book.positions.values()):
        raise Declined(Code.INVALID_REQUEST, "no copy, or one with open positions")
    left = plant.book.accounts[below.login].balance
    if left > 0:
        cash.change_balance(plant, below, kind=BalanceType.WITHDRAW_FROM_SUBACCOUNT, minor=left, words=cash.Words())
        cash.change_balance(plant, above, kind=BalanceType.DEPOSIT_FROM_SUBACCOUNT, minor=left, words=cash.Words())
    return left
