"""What bonuses refuse. Every class says when it is raised."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Invalid


class WrongState(Conflict):
    """The offer, the bonus or the proposal has moved on; the action no longer applies."""

    code = "wrong_state"
    message = pgettext_lazy("bonus error", "This has changed meanwhile. Look again.")


class BonusForbidden(Invalid):
    """The rule pack that the client falls under forbids bonuses, or the brokerage has chosen none."""

    code = "bonus_forbidden"
    message = pgettext_lazy("bonus error", "The rules that apply here do not allow bonuses.")


class OwnMoneyLost(Conflict):
    """The offer is for money that stands on the account no more: lost by trading. The offer has ended with it."""

    code = "own_money_lost"
    message = pgettext_lazy("bonus error", "The money this bonus was offered for is no longer on the account.")


class MostReached(Conflict):
    """Other bonuses that the client took meanwhile leave less than this offer under the most per client."""

    code = "most_reached"
    message = pgettext_lazy(
        "bonus error", "With the bonuses you already have, this one would be more than one client gets."
    )


class NotSeenYet(Conflict):
    """Whether the money still stands beside open positions is not known before the server has been read again."""

    code = "not_seen_yet"
    message = pgettext_lazy("bonus error", "Your account is being updated. Try again in a moment.")


class ProposalWaits(Conflict):
    """One proposal at a time: two that wait would overwrite each other unseen."""

    code = "proposal_waits"
    message = pgettext_lazy("bonus error", "Another proposal waits for approval. Decide on it first.")
