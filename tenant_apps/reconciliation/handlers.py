"""Words for what the desk posts to clients' wallets."""

from __future__ import annotations

from django.utils.translation import pgettext

from tenant_apps.wallets.lines import register_line

register_line("reconciliation.correction", icon="scale", words=lambda data: pgettext("wallet line", "Correction"))
register_line(
    "reconciliation.correction.reversal", icon="scale", words=lambda data: pgettext("wallet line", "Correction undone")
)
