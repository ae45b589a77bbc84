"""What people read for the acts of this app in the audit trail."""

from django.utils.translation import pgettext_lazy

from kernel import audit_words

from .models import Realm, Role

audit_words.declare(
    {
        "accounts.user_created": pgettext_lazy("audit act", "Created an account for a person"),
        "accounts.invited": pgettext_lazy("audit act", "Sent an invitation"),
        "accounts.invitation_accepted": pgettext_lazy("audit act", "Accepted the invitation"),
        "accounts.logged_in": pgettext_lazy("audit act", "Logged in"),
        "accounts.logged_out": pgettext_lazy("audit act", "Logged out"),
        "accounts.login_failed": pgettext_lazy("audit act", "Failed to log in"),
        "accounts.password_changed": pgettext_lazy("audit act", "Changed the password"),
        "accounts.password_reset": pgettext_lazy("audit act", "Set a new password by link"),
        "accounts.password_reset_requested": pgettext_lazy("audit act", "Asked for a password link"),
        "accounts.second_factor_enrolled": pgettext_lazy("audit act", "Set up a second factor"),
        "accounts.second_factor_reset": pgettext_lazy("audit act", "Reset a second factor"),
        "accounts.session_ended": pgettext_lazy("audit act", "Ended a session"),
        "accounts.signed_out_everywhere": pgettext_lazy("audit act", "Logged out everywhere"),
        "accounts.user_updated": pgettext_lazy("audit act", "Changed a person's account"),
        "accounts.team_saved": pgettext_lazy("audit act", "Saved a team"),
        "accounts.role_saved": pgettext_lazy("audit act", "Saved a role"),
        "accounts.rights_added": pgettext_lazy("audit act", "Gave a default role the rights that a release brought"),
        "accounts.rights_to_decide": pgettext_lazy("audit act", "Brought rights to decide on for an edited role"),
        "accounts.role_deleted": pgettext_lazy("audit act", "Deleted a role"),
        "accounts.second_factor_locked": pgettext_lazy("audit act", "Locked a second factor after wrong codes"),
    }
)
audit_words.declare_fields(
    {
        "active": pgettext_lazy("audit field", "Active"),
        "email": pgettext_lazy("audit field", "E-mail address"),
        "grants": pgettext_lazy("audit field", "Rights"),
        "ip": pgettext_lazy("audit field", "IP address"),
        "languages": pgettext_lazy("audit field", "Languages"),
        "masks": pgettext_lazy("audit field", "Masked"),
        "name": pgettext_lazy("audit field", "Name"),
        "password": pgettext_lazy("audit field", "Password"),
        "realm": pgettext_lazy("audit field", "Kind of account"),
        "role": pgettext_lazy("audit field", "Role"),
        "roles": pgettext_lazy("audit field", "Roles"),
        "second_factor": pgettext_lazy("audit field", "Second factor"),
        "second_factor_required": pgettext_lazy("audit field", "Second factor required"),
        "sessions": pgettext_lazy("audit field", "Log-ins ended"),
        "team": pgettext_lazy("audit field", "Team"),
        "team_id": pgettext_lazy("audit field", "Team"),
        "times": pgettext_lazy("audit field", "Times"),
        "by": pgettext_lazy("audit field", "By"),
    }
)


def _roles() -> dict[str, str]:
    return {role.code: role.label for role in Role.objects.all()}


audit_words.declare_values({"realm": dict(Realm.choices), "role": _roles, "roles": _roles})
