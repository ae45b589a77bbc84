from django.utils.translation import pgettext_lazy

from kernel.permissions import register

VIEW = register("payments.view", pgettext_lazy("permission", "See deposits and withdrawals"), writes=False, scoped=True)
EXPORT = register(
    "payments.export", pgettext_lazy("permission", "Export deposits and withdrawals"), writes=False, scoped=True
)
DEPOSIT_MANAGE = register(
    "payments.deposit.manage", pgettext_lazy("permission", "Ask providers again and close open deposits"), scoped=True
)
PROPOSE = register(
    "payments.withdrawal.propose",
    pgettext_lazy("permission", "Check and propose withdrawals"),
    scoped=True,
    critical=True,
)
APPROVE = register(
    "payments.withdrawal.approve",
    pgettext_lazy("permission", "Approve and reject withdrawals that someone else proposed"),
    scoped=True,
    critical=True,
)
AGREE = register(
    "payments.withdrawal.agree",
    pgettext_lazy("permission", "Agree to withdrawals of one's own clients where a rule asks their manager"),
    scoped=True,
    critical=True,
)
DESTINATIONS = register(
    "payments.destination.verify",
    pgettext_lazy("permission", "Verify and refuse the accounts that clients are paid to"),
    scoped=True,
    critical=True,
)
RULES = register(
    "payments.rules.edit",
    pgettext_lazy("permission", "Set who approves which withdrawals, and what is promised"),
    critical=True,
)
PROVIDERS = register(
    "payments.provider.edit",
    pgettext_lazy("permission", "Connect payment providers and set their keys and rules"),
    critical=True,
)
LIMITS = register("payments.limits.edit", pgettext_lazy("permission", "Set the limits of withdrawals"), critical=True)
BATCH_VIEW = register("payments.batch.view", pgettext_lazy("permission", "See payment files to the bank"), writes=False)
BATCH_MAKE = register(
    "payments.batch.make",
    pgettext_lazy("permission", "Put approved wires into payment files and read the bank's answers"),
    critical=True,
)
BATCH_RELEASE = register(
    "payments.batch.release",
    pgettext_lazy("permission", "Release payment files that someone else made"),
    critical=True,
)
BANK_IMPORT = register(
    "payments.bank.import", pgettext_lazy("permission", "Upload bank statements and propose assignments")
)
BANK_APPROVE = register(
    "payments.bank.approve",
    pgettext_lazy("permission", "Approve bank statements and assignments that someone else uploaded or proposed"),
    critical=True,
)
