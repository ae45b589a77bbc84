"""What can go wrong between us and a trading server.

Three answers to the question "may I do it again?": `PlatformUnavailable` (yes, later), `PlatformRejected`
(no) and `OutcomeUnknown` (ask the server first). Every adapter translates its own codes into these and
raises nothing else, apart from `asyncio.CancelledError`. They are the kernel's errors of the same meaning, so a
command's outcome needs no translation. The second half is what the app's own services refuse.
"""

from datetime import datetime
from enum import StrEnum

from django.utils.translation import pgettext_lazy

from kernel import errors


class Rejection(StrEnum):
    """Why a server (or the adapter, before sending) refused; the same names for every platform."""

    ACCOUNT_DISABLED = "account_disabled"
    ALREADY_EXISTS = "already_exists"
    AUTHENTICATION_FAILED = "authentication_failed"
    BLOCKED_ADDRESS = "blocked_address"
    CHANGES_IGNORED = "changes_ignored"
    COMMENT_UNUSABLE = "comment_unusable"
    CURRENCY_DIFFERS = "currency_differs"
    DETAILS_HIDDEN = "details_hidden"
    DUPLICATE_OPERATION = "duplicate_operation"
    FORBIDDEN = "forbidden"
    HAS_OPEN_TRADES = "has_open_trades"
    INVALID_DATA = "invalid_data"
    INVALID_PARAMETERS = "invalid_parameters"
    INVALID_PASSWORD = "invalid_password"  # noqa: S105 - a name, not a secret
    LIMIT_REACHED = "limit_reached"
    LOGINS_EXHAUSTED = "logins_exhausted"
    MARKET_CLOSED = "market_closed"
    MONEY_LIMIT = "money_limit"
    NO_PERMISSION = "no_permission"
    NOT_ENOUGH_MONEY = "not_enough_money"
    NOT_FOUND = "not_found"
    OTHER = "other"
    SERVER_IDENTITY = "server_identity"
    UNSUPPORTED = "unsupported"  # the platform has no such thing
    UNSUPPORTED_SCALE = "unsupported_scale"
    WRONG_SERVER = "wrong_server"


class PlatformError(errors.Outside):
    """Base of everything an adapter raises. `server` is the configured name of the trading server."""

    def __init__(self, text: str, *, server: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.server = server


class PlatformUnavailable(PlatformError, errors.Unavailable):
    """The server could not be asked, or was too busy: nothing has changed there, trying again later is safe.

    `retry_after` is a wish in seconds, None when the server expressed none.
    """

    def __init__(self, text: str, *, server: str = "", retry_after: float | None = None) -> None:
        super().__init__(text, server=server)
        self.retry_after = retry_after


class PlatformRejected(PlatformError, errors.Rejected):
    """The request was understood and refused, nothing has changed: the same request will be refused again.

    `number` is the platform's own code, None when we refused before sending; `name` is the platform-neutral
    reason, and the error's `code`.
    """

    def __init__(self, text: str, *, name: Rejection, number: int | None = None, server: str = "") -> None:
        super().__init__(f"{name}: {text}" if number is None else f"{name} ({number}): {text}", server=server)
        self.text = text
        self.name = name
        self.code = str(name)
        self.number = number


class ChangesIgnored(PlatformRejected):
    """The server said "done" but the record read back is not the one we asked for.

    `ignored` maps each requested field to (wanted, found); `lost` maps fields we did not mean to touch to
    (before, after). Field names are the platform's own.
    """

    def __init__(
        self,
        *,
        ignored: dict[str, tuple[str, str]],
        lost: dict[str, tuple[str, str]],
        server: str = "",
    ) -> None:
        # Values stay out of the text: it lands in logs, and the fields include names and addresses.
        super().__init__(
            f"ignored: {', '.join(sorted(ignored)) or 'none'}; lost: {', '.join(sorted(lost)) or 'none'}",
            name=Rejection.CHANGES_IGNORED,
            server=server,
        )
        self.ignored = ignored
        self.lost = lost


class DuplicateOperation(PlatformRejected):
    """One operation id was found on several deals: money moved more than once, a person has to look."""

    def __init__(self, operation_id: str, deals: tuple[int, ...], *, server: str = "") -> None:
        super().__init__(
            f"operation {operation_id} stands on deals {', '.join(map(str, deals))}",
            name=Rejection.DUPLICATE_OPERATION,
            server=server,
        )
        self.operation_id = operation_id
        self.deals = deals


class OutcomeUnknown(PlatformError, errors.OutcomeUnknown):
    """A change was sent and no trustworthy answer came back: it may have happened, or may happen yet.

    Never repeat it. Ask with the matching `…_find` call; "not found" proves that it did not happen only once
    the platform's `quiet_period` has passed since `attempted_at` (UTC), for a slow server may still be
    working on it.
    """

    def __init__(self, text: str, *, attempted_at: datetime, server: str = "") -> None:
        super().__init__(text, server=server)
        self.attempted_at = attempted_at


class NoServer(errors.Unavailable):
    """The brokerage has no trading server of this name that is enabled."""

    code = "no_trading_server"
    message = pgettext_lazy("trading", "The trading server is not available now. Try again in a moment.")


class AccountNotReady(errors.Conflict):
    """The account is not open: still being opened, failed or archived."""

    code = "account_not_ready"
    message = pgettext_lazy("trading", "This trading account is not open.")


class LeverageRefused(errors.Invalid):
    """The account's type does not offer this leverage."""

    code = "leverage_refused"
    message = pgettext_lazy("trading", "This account type does not offer this leverage.")


class LeverageAboveCap(errors.Invalid):
    """More than the rules that protect the client allow."""

    code = "leverage_above_cap"
    message = pgettext_lazy("trading", "The rules that protect this client do not allow this leverage.")


class TypeUnfit(errors.Conflict):
    """An account stays on its server, in its currency, and live or for practice."""

    code = "type_unfit"
    message = pgettext_lazy(
        "trading", "This account type is of another server or currency, or of another kind: live or demo."
    )


class MoneyMoves(errors.Conflict):
    """An account does not change its group while money is on its way to it or from it."""

    code = "money_moves"
    message = pgettext_lazy("trading", "Money is on its way to or from this account. Wait until it has arrived.")


class PositionsOpen(errors.Conflict):
    """An account does not change its group while it trades: symbols and margins there may be others."""

    code = "positions_open"
    message = pgettext_lazy("trading", "Close all positions of this account first.")


class CurrencyDiffers(errors.Invalid):
    """Money moves between a wallet and an account of the same currency only."""

    code = "currency_differs"
    message = pgettext_lazy("trading", "The wallet and the trading account have different currencies.")


class AmountRefused(errors.Invalid):
    """An amount that cannot be moved."""

    code = "amount_refused"
    message = pgettext_lazy("trading", "Enter an amount greater than zero.")


class NotEnoughFree(errors.Invalid):
    """More than open positions leave free, credit of the brokerage not counted."""

    code = "not_enough_free"
    message = pgettext_lazy(
        "trading", "At most %(most)s can be taken out now: the rest secures open positions or is credit."
    )


class WeakPassword(errors.Invalid):
    """MT5 takes 8 to 16 characters with lower and upper case, a digit and a special sign."""

    code = "weak_password"
    message = pgettext_lazy(
        "trading", "Use 8 to 16 characters with a small and a capital letter, a digit and a special sign."
    )


class AccountLimit(errors.Invalid):
    """A client holds no more accounts than the brokerage allows."""

    code = "account_limit"
    message = pgettext_lazy("trading", "You have reached the number of accounts that can be opened.")


class NotVerified(errors.Invalid):
    """Live accounts are for verified clients."""

    code = "not_verified"
    message = pgettext_lazy("trading", "Verify your identity first; then you can open a live account.")


class HasOpenPositions(errors.Conflict):
    """An account that trades or holds money is not archived."""

    code = "has_open_positions"
    message = pgettext_lazy("trading", "Close all positions and withdraw the balance first.")


class NoteMissing(errors.Invalid):
    """A case is closed, or written about, without a word."""

    code = "note_missing"
    message = pgettext_lazy("trading", "Say what was found and done.")


class BulkTooMany(errors.Invalid):
    """More accounts than one bulk change takes."""

    code = "bulk_too_many"
    message = pgettext_lazy("bulk change", "These are more than %(most)s accounts. Narrow the filter.")


class BulkEmpty(errors.Invalid):
    """A bulk change by which no account would change."""

    code = "bulk_empty"
    message = pgettext_lazy("bulk change", "No account would change.")


class BulkOver(errors.Conflict):
    """A bulk change is not, or no longer, where this can be done with it."""

    code = "bulk_over"
    message = pgettext_lazy("bulk change", "This bulk change has moved on meanwhile. Look at it again.")
