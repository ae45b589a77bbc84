"""What the shared market refuses, in this platform's words."""

from __future__ import annotations

from sandbox.ctrader.vocabulary import Code
from sandbox.exchange.retcodes import Refused, Retcode

_CODES = {
    Retcode.NOT_ENOUGH_MONEY: Code.NOT_ENOUGH_MONEY,
    Retcode.NOT_ENOUGH_PERMISSIONS: Code.NOT_ENOUGH_RIGHTS,
    Retcode.INVALID_VOLUME: Code.TRADING_BAD_VOLUME,
    Retcode.INVALID_STOPS: Code.TRADING_BAD_STOPS,
    Retcode.INVALID_PRICE: Code.TRADING_BAD_PRICES,
    Retcode.TRADE_DISABLED: Code.TRADING_DISABLED,
    Retcode.ACCOUNT_HAS_TRADES: Code.TRADER_HAS_POSITIONS,
}


def code_of(refusal: Refused) -> Code:
    """The error code a refusal of the market is answered with."""
    return _CODES.get(refusal.code, Code.INVALID_REQUEST)
