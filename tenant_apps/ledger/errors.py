from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class InsufficientFunds(Invalid):
    """The account's available amount (balance less holds) does not cover the debit. Nothing was posted."""

    code = "insufficient_funds"
    message = pgettext_lazy("ledger", "The available amount is not enough.")


class AccountFrozen(Invalid):
    """The account may receive but not pay. Nothing was posted."""

    code = "account_frozen"
    message = pgettext_lazy("ledger", "This account is frozen. Ask your broker.")


class AccountClosed(Invalid):
    """The account takes part in nothing any more."""

    code = "account_closed"
    message = pgettext_lazy("ledger", "This account is closed.")


class HoldResolved(Conflict):
    """The hold was captured or voided before, or the capture is larger than the hold."""

    code = "hold_resolved"
    message = pgettext_lazy("ledger", "This amount is no longer set aside.")


class KeyReused(Conflict):
    """The same key came with another request. A defect of the caller, refused so that no money moves."""

    code = "key_reused"


class AlreadyReversed(Conflict):
    """The transfer was reversed before."""

    code = "already_reversed"


class PeriodClosed(Conflict):
    """The books are closed at that time: the caller's clock is behind the last close. Nothing was posted."""

    code = "period_closed"


class Unbalanced(ValueError):
    """Legs that do not sum to zero per currency, or none at all. A defect of the caller."""
