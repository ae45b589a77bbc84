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


class ProposalWaits(Conflict):
    """One proposal at a time: two that wait would overwrite each other unseen."""

    code = "proposal_waits"
    message = pgettext_lazy("bonus error", "Another proposal waits for approval. Decide on it first.")
