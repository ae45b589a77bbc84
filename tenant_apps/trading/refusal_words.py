"""Why a trading server refused, in words for people; `errors.Rejection` has the names."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

from .errors import Rejection

WORDS: dict[str, Any] = {
    Rejection.ACCOUNT_DISABLED: pgettext_lazy("trading refusal", "The account is disabled on the server"),
    Rejection.ALREADY_EXISTS: pgettext_lazy("trading refusal", "There is one already on the server"),
    Rejection.AUTHENTICATION_FAILED: pgettext_lazy("trading refusal", "The manager could not log in"),
    Rejection.BLOCKED_ADDRESS: pgettext_lazy("trading refusal", "The server does not let our address in"),
    Rejection.CHANGES_IGNORED: pgettext_lazy("trading refusal", "The server said yes and did not do as asked"),
    Rejection.COMMENT_UNUSABLE: pgettext_lazy("trading refusal", "The server does not take the comment"),
    Rejection.CURRENCY_DIFFERS: pgettext_lazy("trading refusal", "The currency is another one there"),
    Rejection.DETAILS_HIDDEN: pgettext_lazy("trading refusal", "The manager may not see the client’s details"),
    Rejection.DUPLICATE_OPERATION: pgettext_lazy("trading refusal", "The operation is there more than once"),
    Rejection.FORBIDDEN: pgettext_lazy("trading refusal", "The server forbids it"),
    Rejection.HAS_OPEN_TRADES: pgettext_lazy("trading refusal", "Positions or orders are open"),
    Rejection.INVALID_DATA: pgettext_lazy("trading refusal", "The server did not understand the data"),
    Rejection.INVALID_PARAMETERS: pgettext_lazy("trading refusal", "The server did not take one of the values"),
    Rejection.INVALID_PASSWORD: pgettext_lazy("trading refusal", "The server does not take this password"),
    Rejection.LIMIT_REACHED: pgettext_lazy("trading refusal", "A limit of the server is reached"),
    Rejection.LOGINS_EXHAUSTED: pgettext_lazy("trading refusal", "The server has no logins left"),
    Rejection.MARKET_CLOSED: pgettext_lazy("trading refusal", "The market is closed"),
    Rejection.MONEY_LIMIT: pgettext_lazy("trading refusal", "More than the manager may move"),
    Rejection.NO_PERMISSION: pgettext_lazy("trading refusal", "The manager lacks the right"),
    Rejection.NOT_ENOUGH_MONEY: pgettext_lazy("trading refusal", "Not enough free margin"),
    Rejection.NOT_FOUND: pgettext_lazy("trading refusal", "The server does not know the account"),
    Rejection.OTHER: pgettext_lazy("trading refusal", "The server gave no reason that we know"),
    Rejection.SERVER_IDENTITY: pgettext_lazy("trading refusal", "The server could not prove who it is"),
    Rejection.UNSUPPORTED: pgettext_lazy("trading refusal", "The platform has no such thing"),
    Rejection.UNSUPPORTED_SCALE: pgettext_lazy("trading refusal", "The server has fewer decimals"),
    Rejection.WRONG_SERVER: pgettext_lazy("trading refusal", "Another server answered"),
}


def refusal_words(code: str) -> str:
    """As far as the code is known; the code itself where it is not."""
    return str(WORDS.get(code, code))
