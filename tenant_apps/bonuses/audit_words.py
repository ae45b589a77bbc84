"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words
from tenant_apps.clients.rule_packs import packs

from .models import Burn, Ending, GrantState

audit_words.declare(
    {
        "bonuses.pack_proposed": pgettext_lazy("audit act", "Proposed the rules for bonuses"),
        "bonuses.pack_approved": pgettext_lazy("audit act", "Approved the rules for bonuses"),
        "bonuses.pack_refused": pgettext_lazy("audit act", "Refused the rules for bonuses"),
        "bonuses.scheme_proposed": pgettext_lazy("audit act", "Proposed terms of a bonus"),
        "bonuses.scheme_approved": pgettext_lazy("audit act", "Approved terms of a bonus"),
        "bonuses.scheme_refused": pgettext_lazy("audit act", "Refused terms of a bonus"),
        "bonuses.made": pgettext_lazy("audit act", "A deposit brought a bonus"),
        "bonuses.offered_again": pgettext_lazy("audit act", "A bonus was offered again"),
        "bonuses.accepted": pgettext_lazy("audit act", "Accepted a bonus"),
        "bonuses.released": pgettext_lazy("audit act", "A bonus was paid out"),
        "bonuses.ended": pgettext_lazy("audit act", "A bonus ended"),
        "bonuses.cancel_proposed": pgettext_lazy("audit act", "Proposed to cancel a bonus"),
        "bonuses.cancel_approved": pgettext_lazy("audit act", "Approved cancelling a bonus"),
        "bonuses.cancel_refused": pgettext_lazy("audit act", "Refused to cancel a bonus"),
    }
)
audit_words.declare_fields(
    {
        "default": pgettext_lazy("audit field", "Rules"),
        "pack": pgettext_lazy("audit field", "Rules"),
        "pack_versions": pgettext_lazy("audit field", "Versions of the rules"),
        "at": pgettext_lazy("audit field", "On"),
        "bonus": pgettext_lazy("audit field", "Bonus"),
        "account_types": pgettext_lazy("audit field", "Account types"),
        "cap": pgettext_lazy("audit field", "Most per bonus"),
        "client_cap": pgettext_lazy("audit field", "Most per client"),
        "names": pgettext_lazy("audit field", "Name"),
        "offer_days": pgettext_lazy("audit field", "Days to accept"),
        "symbols": pgettext_lazy("audit field", "Instruments"),
        "burn": pgettext_lazy("audit field", "What taking money out costs"),
        "days": pgettext_lazy("audit field", "Days"),
        "ending": pgettext_lazy("audit field", "Why it ended"),
        "equity_factor": pgettext_lazy("audit field", "Equity to bonus"),
        "first_only": pgettext_lazy("audit field", "First deposit only"),
        "lots": pgettext_lazy("audit field", "Lots"),
        "number": pgettext_lazy("audit field", "Version"),
        "opt_in": pgettext_lazy("audit field", "The client has to accept"),
        "paid": pgettext_lazy("audit field", "Paid out"),
        "percent": pgettext_lazy("audit field", "Percent"),
        "terms": pgettext_lazy("audit field", "Terms"),
    }
)
audit_words.declare_values(
    {
        "bonuses.state": dict(GrantState.choices),
        "bonuses.ending": dict(Ending.choices),
        "bonuses.burn": dict(Burn.choices),
        "bonuses.default": {pack.key: pack.name for pack in packs().values()},
    }
)
