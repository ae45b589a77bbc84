"""The server's error codes, as what they mean for a caller. Both APIs write them as names."""

from tenant_apps.trading.errors import PlatformError, PlatformRejected, PlatformUnavailable, Rejection

WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105 - a code, not a secret

# The server could not serve us now. A change answered so was not begun.
BUSY = frozenset({"REQUEST_FREQUENCY_EXCEEDED", "SERVER_IS_UNDER_MAINTENANCE", "RECONCILIATION_IN_PROGRESS"})
# Something broke on the way or half way: a change may have happened.
BROKEN = frozenset(
    {
        *("UNKNOWN_ERROR", "TIMEOUT_ERROR", "CANT_ROUTE_REQUEST", "UNABLE_TO_FORWARD_COMMAND"),
        *("PENDING_EXECUTION", "DATASTORE_IS_NOT_AVAILABLE", "CONCURRENT_MODIFICATION"),
    }
)

REJECTIONS: dict[str, Rejection] = {
    "ALREADY_DELETED": Rejection.NOT_FOUND,
    "AUTHENTICATION_FAILED": Rejection.AUTHENTICATION_FAILED,
    "BLOCKED_PAYLOAD_TYPE": Rejection.FORBIDDEN,
    "CHANGE_BALANCE_BAD_AMOUNT": Rejection.NOT_ENOUGH_MONEY,
    "CHANGE_BONUS_BAD_AMOUNT": Rejection.NOT_ENOUGH_MONEY,
    "CHANNEL_IS_BLOCKED": Rejection.FORBIDDEN,
    "CH_BROKER_NOT_FOUND": Rejection.INVALID_PARAMETERS,
    "CONNECTIONS_LIMIT_EXCEEDED": Rejection.LIMIT_REACHED,
    "DEPOSIT_CURRENCY_NOT_ALLOWED": Rejection.CURRENCY_DIFFERS,
    "ENTITY_NOT_FOUND": Rejection.NOT_FOUND,
    "HIDDEN_HISTORY": Rejection.DETAILS_HIDDEN,
    "INVALID_DATA": Rejection.INVALID_DATA,
    "INVALID_REQUEST": Rejection.INVALID_PARAMETERS,
    "MARKET_CLOSED": Rejection.MARKET_CLOSED,
    "NOT_ENOUGH_MONEY": Rejection.NOT_ENOUGH_MONEY,
    "NOT_ENOUGH_RIGHTS": Rejection.NO_PERMISSION,
    "NO_SUCH_LOGIN": Rejection.NOT_FOUND,
    "OPERATION_NOT_ALLOWED": Rejection.FORBIDDEN,
    "SYMBOL_NOT_FOUND": Rejection.NOT_FOUND,
    "TRADER_GROUP_NOT_FOUND": Rejection.INVALID_PARAMETERS,
    "TRADER_HAS_POSITIONS": Rejection.HAS_OPEN_TRADES,
    "TRADER_NOT_FOUND": Rejection.NOT_FOUND,
    "UNKNOWN_DEPOSIT_CURRENCY": Rejection.CURRENCY_DIFFERS,
    "UNKNOWN_SYMBOL": Rejection.NOT_FOUND,
    "UNSUPPORTED_MESSAGE": Rejection.UNSUPPORTED,
    "WRONG_LEVERAGE": Rejection.INVALID_PARAMETERS,
    WRONG_PASSWORD: Rejection.INVALID_PASSWORD,
}

# What the same names mean when they answer a log-in.
LOG_IN = {
    "CANT_ROUTE_REQUEST": Rejection.WRONG_SERVER,
    "ENTITY_NOT_FOUND": Rejection.AUTHENTICATION_FAILED,
    "NO_SUCH_LOGIN": Rejection.AUTHENTICATION_FAILED,
    WRONG_PASSWORD: Rejection.AUTHENTICATION_FAILED,
}


def is_doubtful(code: str) -> bool:
    """Whether a change answered with this may have happened all the same."""
    return code in BROKEN


def error_of(code: str, text: str, *, server: str, log_in: bool = False) -> PlatformError:
    """The error of a refused read, or of a change that certainly did not happen."""
    name = LOG_IN.get(code) if log_in else None
    if name is None and (code in BUSY or code in BROKEN):
        return PlatformUnavailable(f"{code} {text}".strip(), server=server)
    name = name or REJECTIONS.get(code, Rejection.OTHER)
    return PlatformRejected(f"{code} {text}".strip(), name=name, server=server)
