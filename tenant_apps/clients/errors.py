"""What can go wrong with clients."""

from django.utils.translation import pgettext_lazy

from kernel.errors import Conflict, Forbidden, Invalid


class PhoneInvalid(Invalid):
    """Not a number that any network would take."""

    code = "phone_invalid"
    message = pgettext_lazy("client", "Enter a phone number with its country code, such as +44 20 7946 0018.")


class EmailTaken(Invalid):
    """A client has this address already."""

    code = "email_taken"
    message = pgettext_lazy("client", "There is already an account with this e-mail address. Log in instead.")


class AddressUnproven(Invalid):
    """The address belongs to a lead; only who reads its mail may register as that lead."""

    code = "address_unproven"
    message = pgettext_lazy(
        "client", "We know this e-mail address already, and have sent a link to it. Open the link to go on."
    )


class DocumentsMissing(Invalid):
    """A current legal document was not accepted."""

    code = "documents_missing"
    message = pgettext_lazy("client", "Please accept all documents.")


class StageRefused(Conflict):
    """Stages move forward only."""

    code = "stage_refused"
    message = pgettext_lazy("client", "This client has already come further.")


class SamePerson(Forbidden):
    """Four eyes: who proposed cannot approve, nor can another account of theirs, nor the client concerned."""

    code = "same_person"
    message = pgettext_lazy(
        "payments error", "Another person has to approve this: you or an account of yours had a part in it."
    )


class MoneyTag(Forbidden):
    """A tag that lets money out or in takes the right to set such tags."""

    code = "money_tag"
    message = pgettext_lazy(
        "client", "Rules of money ask for this tag: setting or removing it takes a right of its own."
    )


class ShownDiffers(Conflict):
    """What is about to be approved is not what the approver was shown: somebody proposed something else meanwhile."""

    code = "shown_differs"
    message = pgettext_lazy("client error", "This was changed meanwhile. Look again before you decide.")


class EntityInUse(Conflict):
    """A legal entity that clients are with, or the default one, is not archived."""

    code = "entity_in_use"
    message = pgettext_lazy("legal entity", "Clients are with this legal entity. Move them to another one first.")
