"""The contract's names of errors, as what they mean for a caller."""

from tenant_apps.trading.errors import PlatformError, PlatformRejected, PlatformUnavailable, Rejection

# The service did not begin.
BUSY = frozenset({"busy", "platform_unavailable", "clock_differs"})

REJECTIONS: dict[str, Rejection] = {
    **{
        name.value: name
        for name in (
            *(Rejection.ACCOUNT_DISABLED, Rejection.ALREADY_EXISTS, Rejection.AUTHENTICATION_FAILED),
            *(Rejection.BLOCKED_ADDRESS, Rejection.COMMENT_UNUSABLE, Rejection.CURRENCY_DIFFERS),
            *(Rejection.DETAILS_HIDDEN, Rejection.HAS_OPEN_TRADES, Rejection.INVALID_DATA),
            *(Rejection.INVALID_PARAMETERS, Rejection.INVALID_PASSWORD, Rejection.LIMIT_REACHED),
            *(Rejection.LOGINS_EXHAUSTED, Rejection.MARKET_CLOSED, Rejection.MONEY_LIMIT, Rejection.NO_PERMISSION),
            *(Rejection.NOT_ENOUGH_MONEY, Rejection.NOT_FOUND, Rejection.UNSUPPORTED, Rejection.UNSUPPORTED_SCALE),
            Rejection.WRONG_SERVER,
        )
    },
    "operation_conflict": Rejection.ALREADY_EXISTS,
    "version_unsupported": Rejection.WRONG_SERVER,
}


def is_doubtful(name: str) -> bool:
    """Whether a change answered with this may have happened all the same: by name, or because the name says nothing to us."""
    return name not in BUSY and name not in REJECTIONS


def error_of(name: str, text: str, *, server: str, native: int | None = None, wait: int | None = None) -> PlatformError:
    """The error of a refused read, or of a change that certainly did not happen."""
    rejection = REJECTIONS.get(name)
    if rejection is None:
        return PlatformUnavailable(f"{name} {text}".strip(), server=server, retry_after=wait)
    return PlatformRejected(text or name, name=rejection, number=native, server=server)
