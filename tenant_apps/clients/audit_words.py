"""What people read for the acts of this app in the audit trail."""

from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel import audit_words
from kernel.ui.context import language_name
from kernel.ui.forms import country_choices

from .models import KycState, LegalEntity, Risk, Stage
from .rule_packs import packs

audit_words.declare(
    {
        "clients.lead_created": pgettext_lazy("audit act", "Added a lead"),
        "clients.updated": pgettext_lazy("audit act", "Changed the details"),
        "clients.documents_accepted": pgettext_lazy("audit act", "Accepted the legal documents"),
        "clients.email_verified": pgettext_lazy("audit act", "Confirmed the e-mail address"),
        "clients.legal_published": pgettext_lazy("audit act", "Published a legal document"),
        "clients.owner_set": pgettext_lazy("audit act", "Gave to an agent"),
        "clients.risk_set": pgettext_lazy("audit act", "Set the risk"),
        "clients.stage_changed": pgettext_lazy("audit act", "Moved to another stage"),
        "clients.ftd_unset": pgettext_lazy("audit act", "Took back the first deposit"),
        "clients.tags_set": pgettext_lazy("audit act", "Changed the tags"),
        "clients.task_added": pgettext_lazy("audit act", "Added a task"),
        "clients.task_done": pgettext_lazy("audit act", "Finished a task"),
        "clients.task_reopened": pgettext_lazy("audit act", "Opened a task again"),
        "clients.legal_translated": pgettext_lazy("audit act", "Translated a legal document"),
        "clients.identity_changed": pgettext_lazy("audit act", "Changed a verified identity"),
        "clients.identity_confirmed": pgettext_lazy("audit act", "Confirmed a change of identity"),
        "clients.log_in_moved": pgettext_lazy("audit act", "Moved the log-in to another e-mail address"),
        "clients.entity_saved": pgettext_lazy("audit act", "Changed a legal entity"),
        "clients.entity_archived": pgettext_lazy("audit act", "Archived a legal entity"),
        "clients.entity_set": pgettext_lazy("audit act", "Set a client’s legal entity"),
    }
)
audit_words.declare_fields(
    {
        "address": pgettext_lazy("audit field", "Address"),
        "ftd": pgettext_lazy("audit field", "First deposit"),
        "ftd_at": pgettext_lazy("audit field", "First deposit on"),
        "amount": pgettext_lazy("audit field", "Amount"),
        "archived": pgettext_lazy("audit field", "Archived"),
        "birth_date": pgettext_lazy("audit field", "Date of birth"),
        "city": pgettext_lazy("audit field", "City"),
        "country": pgettext_lazy("audit field", "Country"),
        "documents": pgettext_lazy("audit field", "Documents"),
        "due_at": pgettext_lazy("audit field", "Due"),
        "effective_at": pgettext_lazy("audit field", "In force from"),
        "entity": pgettext_lazy("audit field", "Legal entity"),
        "entities": pgettext_lazy("audit field", "Legal entities"),
        "first_name": pgettext_lazy("audit field", "First name"),
        "is_default": pgettext_lazy("audit field", "Default"),
        "kyc_state": pgettext_lazy("audit field", "Identity check"),
        "language": pgettext_lazy("audit field", "Language"),
        "last_name": pgettext_lazy("audit field", "Last name"),
        "latin_name": pgettext_lazy("audit field", "Name in Latin letters"),
        "licence": pgettext_lazy("audit field", "Licence"),
        "line1": pgettext_lazy("audit field", "Street"),
        "nationality": pgettext_lazy("audit field", "Nationality"),
        "owner_id": pgettext_lazy("audit field", "Responsible"),
        "payouts_held_hours": pgettext_lazy("audit field", "Payouts held, hours"),
        "phone": pgettext_lazy("audit field", "Phone"),
        "postal_code": pgettext_lazy("audit field", "Postal code"),
        "registration_number": pgettext_lazy("audit field", "Registration number"),
        "reason": pgettext_lazy("audit field", "Reason"),
        "risk": pgettext_lazy("audit field", "Risk"),
        "sha256": pgettext_lazy("audit field", "Fingerprint"),
        "source": pgettext_lazy("audit field", "Source"),
        "stage": pgettext_lazy("audit field", "Stage"),
        "state": pgettext_lazy("audit field", "State"),
        "status": pgettext_lazy("audit field", "Status"),
        "tags": pgettext_lazy("audit field", "Tags"),
        "utm_campaign": pgettext_lazy("audit field", "Campaign"),
        "utm_medium": pgettext_lazy("audit field", "Medium"),
        "utm_source": pgettext_lazy("audit field", "Source of the campaign"),
        "version": pgettext_lazy("audit field", "Version"),
        "write": pgettext_lazy("audit field", "May change things"),
        "minutes": pgettext_lazy("audit field", "Minutes"),
        "until": pgettext_lazy("audit field", "Until"),
    }
)


def _countries() -> dict[str, str]:
    return dict(country_choices())


def _languages() -> dict[str, str]:
    return {code: language_name(code) for code, _ in settings.LANGUAGES}


def _packs() -> dict[str, str]:
    return {key: pack.name for key, pack in packs().items()}


def _entities() -> dict[str, str]:
    return {str(pk): name for pk, name in LegalEntity.objects.values_list("pk", "name")}


audit_words.declare_values(
    {
        "clients.pack": _packs,
        "entities": _entities,
        "stage": dict(Stage.choices),
        "kyc_state": dict(KycState.choices),
        "risk": dict(Risk.choices),
        "country": _countries,
        "countries": _countries,
        "excluded_countries": _countries,
        "nationality": _countries,
        "language": _languages,
        "languages": _languages,
    }
)
