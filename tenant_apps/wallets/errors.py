"""What can be refused around wallets. Every class says when it is raised."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid, Unavailable


class RateUnknown(Invalid):
    """No source knows the pair, not even by way of other currencies."""

    code = "rate_unknown"
    message = pgettext_lazy("wallets error", "There is no exchange rate between these currencies.")


class RateTooOld(Invalid):
    """What is known of the pair is older than the brokerage allows: a price from before the weekend's news is a gift."""

    code = "rate_too_old"
    message = pgettext_lazy(
        "wallets error", "There is no fresh exchange rate between these currencies now. Try again later."
    )


class SheetRefused(Unavailable):
    """A source answered with something that is not its sheet of rates. Nothing of it was taken."""

    code = "sheet_refused"
    message = pgettext_lazy("wallets error", "The source of exchange rates did not answer as expected.")


class WrongState(Conflict):
    """The object has moved on; the action no longer applies."""

    code = "wrong_state"
    message = pgettext_lazy("wallets error", "This has already been decided. Reload to see where it stands.")


class MoveRefused(Invalid):
    """A check before money moves failed; `check` in the data names it."""

    code = "move_refused"
    message = pgettext_lazy("wallets error", "This is not possible now.")


class QuoteExpired(Conflict):
    """The quote's time is over; its rate is nobody's promise any more."""

    code = "quote_expired"
    message = pgettext_lazy("wallets error", "This quote has expired. Ask for a new one.")


class RecipientUnknown(Invalid):
    """Nobody who may receive has this number and this address. Deliberately one answer for every reason there is."""

    code = "recipient_unknown"
    message = pgettext_lazy(
        "wallets error", "There is no client with this number and e-mail address who can receive. Check both."
    )
