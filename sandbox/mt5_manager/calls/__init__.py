"""What clients may ask for."""

from sandbox.mt5_manager.calls import accounts, market, trading
from sandbox.mt5_manager.calls.base import Call, Context

CALLS: dict[str, Call] = {**accounts.CALLS, **trading.CALLS, **market.CALLS}

__all__ = ["CALLS", "Call", "Context"]
