"""Words for what the desk posts: to clients’ wallets, and between accounts of the house."""

from __future__ import annotations

from django.utils.translation import pgettext

from tenant_apps.wallets.lines import register_line

register_line("reconciliation.correction", icon="scale", words=lambda data: pgettext("wallet line", "Correction"))
register_line(
    "reconciliation.correction.reversal", icon="scale", words=lambda data: pgettext("wallet line", "Correction undone")
)
register_line(
    "reconciliation.fee", icon="percent", words=lambda data: pgettext("wallet line", "Fee on a provider’s report")
)
register_line(
    "reconciliation.payout", icon="landmark", words=lambda data: pgettext("wallet line", "Payout of a provider")
)
