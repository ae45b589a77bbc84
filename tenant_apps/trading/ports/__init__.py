"""What the platform needs from a trading server, whatever it is made of.

Conventions, kept by every adapter:

* Amounts are `Amount`: Decimal in the account's currency, at the scale the server states (`digits`), never
  float.
* Lots are whole standard lots (1 = 100 000 units of a forex pair's base currency; see `contract_size`).
* Times are timezone-aware UTC `datetime`s with microseconds. Adapters convert from the server's wall clock.
* Every method raises only `PlatformUnavailable`, `PlatformRejected` or, for the methods that change
  something, `OutcomeUnknown` (see `errors`). Methods never repeat a change on their own.
* `raw` keeps the server's own record, for the archive and for fields that no other platform has.
"""

from .accounts import Account, AccountChange, AccountRights, AccountState, Copies, NewAccount, PasswordKind
from .market import GroupInfo, MarginMode, StopOutUnit, SymbolInfo, Tick, Ticks
from .operations import COMMENT_LIMIT, OPERATION_ID, BalanceKind, BalanceOperation, BalanceResult
from .server import Heard, OpensElsewhere, PushingPlatform, ServerInfo, TellsCopies, TradingPlatform
from .trades import Deal, DealEntry, DealKind, DealReason, Position, Side
from .units import Amount, Lots, Price, Rate, Raw

__all__ = [
    "Account",
    "AccountChange",
    "AccountRights",
    "AccountState",
    "Amount",
    "BalanceKind",
    "BalanceOperation",
    "BalanceResult",
    "COMMENT_LIMIT",
    "Copies",
    "Deal",
    "DealEntry",
    "DealKind",
    "DealReason",
    "GroupInfo",
    "Heard",
    "Lots",
    "MarginMode",
    "NewAccount",
    "OPERATION_ID",
    "OpensElsewhere",
    "PasswordKind",
    "Position",
    "Price",
    "PushingPlatform",
    "Rate",
    "Raw",
    "ServerInfo",
    "Side",
    "StopOutUnit",
    "SymbolInfo",
    "TellsCopies",
    "Tick",
    "Ticks",
    "TradingPlatform",
]
