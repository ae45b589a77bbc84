from django.utils.translation import pgettext_lazy

from kernel.errors import AppError, Conflict


class StepFailed(AppError):
    """A step's work was done but reading it back shows something else. Tried again."""

    code = "step_failed"
    status = 500
    message = pgettext_lazy("provisioning", "A check after this step found something missing.")


class NotRetryable(Conflict):
    """The run is under way or finished; there is nothing to try again."""

    code = "not_retryable"
    message = pgettext_lazy("provisioning", "This set-up is not waiting to be tried again.")


class HandOverUnusable(AppError):
    """The ticket into the office was used, is too old, or belongs to another brokerage."""

    code = "hand_over_unusable"
    status = 403
    message = pgettext_lazy("provisioning", "This way in has been used or is too old. Log in instead.")
