"""What can be refused around payments. Every class says when it is raised."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Forbidden, Invalid, NotYet, Unavailable
from tenant_apps.clients.errors import SamePerson as SamePerson
from tenant_apps.wallets.errors import WrongState as WrongState


class AmountOutOfLimits(Invalid):
    """Below or above what the method, its rule or the client's level allows."""

    code = "amount_out_of_limits"
    message = pgettext_lazy("payments error", "This amount is outside the limits of this payment method.")


class AmountNotPayable(Invalid):
    """The provider cannot express the amount in its own units (a thousandth of a dinar at Stripe)."""

    code = "amount_not_payable"
    message = pgettext_lazy("payments error", "This payment method cannot take such a fine amount. Round it.")


class MethodNotOffered(Invalid):
    """The client asked for a method that is not, or no longer, offered to them."""

    code = "method_not_offered"
    message = pgettext_lazy("payments error", "This payment method is not available to you now.")


class ProviderOff(Unavailable):
    """The provider account is switched off or lacks its keys."""

    code = "provider_off"
    message = pgettext_lazy("payments error", "This payment method is not available at the moment.")


class DepositLimitReached(Invalid):
    """The client's limit of a window would be passed; `limit` and `left` are amounts in words."""

    code = "deposit_limit_reached"
    message = pgettext_lazy(
        "payments error",
        "This is more than you can deposit now: your limit is %(limit)s %(window)s, and %(left)s of it is left.",
    )


class TooOften(Invalid):
    """More attempts, declined payments or different cards in a while than the brokerage finds usual."""

    code = "too_often"
    message = pgettext_lazy(
        "payments error",
        "There were many payments in a short time. To protect you, the next one has to wait: try again in %(hours)s hours, "
        "or ask our support.",
    )


class FundsNeeded(Invalid):
    """With this deposit the client has to show first where the money comes from."""

    code = "funds_needed"
    message = pgettext_lazy("payments error", "Before you deposit more, please show us where the money comes from.")


class WithdrawalRefused(Invalid):
    """A check before or at the request failed; `check` in the data names it."""

    code = "withdrawal_refused"
    message = pgettext_lazy("payments error", "This withdrawal is not possible now.")


class PayoutStopped(NotYet):
    """A part of a withdrawal that is stopped, or whose account rests, before anything of it was sent: it goes on when the
    stop is lifted."""

    code = "payout_stopped"
    message = pgettext_lazy("payments error", "This withdrawal is stopped for now.")


class NotYourTurn(Forbidden):
    """The next step of this withdrawal is for somebody else: another role, or the client's manager."""

    code = "not_your_turn"
    message = pgettext_lazy("payments error", "This step is for somebody else to decide.")


class BatchRefused(Invalid):
    """A payment file cannot be made of these wires, or its answer cannot be understood."""

    code = "batch_refused"
    message = pgettext_lazy("payments error", "These transfers cannot be put into a payment file.")


class StatementRefused(Invalid):
    """The uploaded file is not a bank statement we can trust: neither camt.053 nor MT940, or its balances do not add up."""

    code = "statement_refused"
    message = pgettext_lazy("payments error", "This file is not a complete bank statement.")
