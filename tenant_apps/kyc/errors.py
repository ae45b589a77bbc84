from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Forbidden, Invalid


class CaseMoved(Conflict):
    """The case is not in a state that allows this: somebody else decided meanwhile."""

    code = "kyc_case_moved"
    message = pgettext_lazy("KYC", "This case was decided or changed meanwhile. Reload to see how it stands.")


class Incomplete(Invalid):
    """Something is still missing; `field` names the step."""

    code = "kyc_incomplete"
    message = pgettext_lazy("KYC", "Something is still missing. Complete the steps that are marked.")


class Undecided(Incomplete):
    """An officer approves while a document is neither accepted nor replaced by a better one."""

    code = "kyc_undecided"
    message = pgettext_lazy("KYC", "Accept every document first, or ask the client again.")


class SecondOfficerNeeded(Forbidden):
    """Four eyes: who proposed the approval cannot confirm it."""

    code = "kyc_second_officer"
    message = pgettext_lazy("KYC", "You proposed this approval. Another officer has to confirm it.")


class ReasonNeeded(Invalid):
    code = "kyc_reason_needed"
    message = pgettext_lazy("KYC", "Say what is missing: refuse a document with its reason, or write a message.")
