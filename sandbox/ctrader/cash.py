"""Changes of money: balance, non-withdrawable bonus, the manager's bonus, transfers. Call inside
`plant.transaction()`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import CashFlow, Trader
from sandbox.ctrader.vocabulary import BalanceType, BonusType, Code, Declined
from sandbox.exchange import store
from sandbox.exchange.records import Action, Deal
from sandbox.mt5 import dealing, robots

CENT_DIGITS = 2
_LIMIT = 10**15
"""Minor units; beyond it nobody means it."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a change of money is accompanied by; `external_id` is for the caller's own reconciliation and is not
    required to be unique.
    """

    comment: str = ""
    external_note: str = ""
    source: str = ""
    external_id: str = ""


def minor_units(amount: int, digits: int, *, new_way: bool) -> int:
    """An amount of a request in minor units: as it is, or for the old way in hundredths of the currency.

    Declined CHANGE_BALANCE_BAD_AMOUNT where the currency has no such fraction.
    """
    if new_way:
        return amount
    scaled = amount * 10**digits
    if scaled % 10**CENT_DIGITS:
        raise Declined(Code.CHANGE_BALANCE_BAD_AMOUNT, "finer than the currency")
    return scaled // 10**CENT_DIGITS


def change_balance(
    plant: Plant, trader: Trader, *, kind: int, minor: int, words: Words, check_margin: bool = True
) -> CashFlow:
    """Deposit or withdraw a positive amount of minor units, as the type says.

    Declined: INVALID_REQUEST unknown type, CHANGE_BALANCE_BAD_AMOUNT not positive, NOT_ENOUGH_MONEY more than the
    balance, the free margin (unless `check_margin` is off) or the bonus that was given.
    """
    try:
        what = BalanceType(kind)
    except ValueError:
        raise Declined(Code.INVALID_REQUEST, f"type {kind}")
    if not 0 < minor <= _LIMIT:
        raise Declined(Code.CHANGE_BALANCE_BAD_AMOUNT, str(minor))
    account = plant.book.accounts[trader.login]
    signed = minor * what.sign
    if what.is_credit:
        if trader.locked_bonus + signed < 0:
            raise Declined(Code.NOT_ENOUGH_MONEY, "more than the bonus given")
        trader.locked_bonus += signed
        plant.save_trader(trader)
    elif signed < 0 and (minor > account.balance or check_margin and minor > plant.state(account).free):
        raise Declined(Code.NOT_ENOUGH_MONEY)
    deal = _book(plant, trader, Action.CREDIT if what.is_credit else Action.BALANCE, signed, words)
    cash = plant.cash_flow(
        deal,
        what,
        comment=words.comment,
        external_note=words.external_note,
        source=words.source,
        external_id=words.external_id,
    )
    plant.add_cash(cash)
    robots.engage_when_funded(plant, account)
    return cash


def change_bonus(plant: Plant, trader: Trader, *, kind: int, minor: int, words: Words) -> CashFlow:
    """Give or take back the manager's bonus: it counts for the equity and is no part of the balance.

    Declined: INVALID_REQUEST unknown type, CHANGE_BONUS_BAD_AMOUNT not positive, NOT_ENOUGH_MONEY more than given.
    """
    try:
        what = BonusType(kind)
    except ValueError:
        raise Declined(Code.INVALID_REQUEST, f"type {kind}")
    if not 0 < minor <= _LIMIT:
        raise Declined(Code.CHANGE_BONUS_BAD_AMOUNT, str(minor))
    signed = minor if what is BonusType.DEPOSIT else -minor
    if trader.manager_bonus + signed < 0:
        raise Declined(Code.NOT_ENOUGH_MONEY, "more than the bonus given")
    trader.manager_bonus += signed
    plant.save_trader(trader)
    deal = _book(plant, trader, Action.CREDIT, signed, words)
    cash = plant.cash_flow(deal, what, is_bonus=True, comment=words.comment, external_note=words.external_note)
    plant.add_cash(cash)
    return cash


def transfer(
    plant: Plant, source: Trader, target: Trader, *, minor: int, arriving: int, comments: tuple[str, str]
) -> None:
    """Move money between two traders, each in its own minor units. Declined as `change_balance`."""
    out = Words(comment=comments[0])
    change_balance(plant, source, kind=BalanceType.WITHDRAW_TRANSFER, minor=minor, words=out)
    into = Words(comment=comments[1])
    change_balance(plant, target, kind=BalanceType.DEPOSIT_TRANSFER, minor=arriving, words=into)


def _book(plant: Plant, trader: Trader, action: int, signed: int, words: Words) -> Deal:
    account = plant.book.accounts[trader.login]
    ticket = dealing.book_money(plant, account, action, signed, comment=words.comment)
    return next(store.DEALS.where(plant.db, "ticket = ?", (ticket,)))
