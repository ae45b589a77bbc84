"""Holding a provider back that does not answer: seen in the office, lifted there or by the next call that works.

Only calls that surely failed (Unavailable) count, so many in a row as the account says. A held-back account is tried
again after a while, since nothing else could tell that it works again; failing then holds it back anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import pgettext

from kernel import audit, clock
from kernel.actors import Actor
from tenant_apps.accounts.telling import staff_told

from ..actors import CASHIER
from ..models import ProviderAccount
from ..permissions_list import PROVIDERS

HELD_BACK_FOR = timedelta(minutes=15)


def held_back(account: ProviderAccount, at: datetime) -> bool:
    return account.backed_off_at is not None and at - account.backed_off_at < HELD_BACK_FOR


def call_worked(account_id: UUID) -> None:
    """The provider has answered, be it with a refusal."""
    troubled = Q(failures__gt=0) | Q(backed_off_at__isnull=False)
    ProviderAccount.objects.filter(troubled, pk=account_id).update(failures=0, backed_off_at=None)


def call_failed(account_id: UUID) -> None:
    """The provider could not be reached. Tells those who may mend it when that holds the account back."""
    with transaction.atomic():
        account = ProviderAccount.objects.select_for_update().get(pk=account_id)
        account.failures = min(account.failures + 1, 30_000)
        now = clock.now()
        if account.backoff_after and account.failures >= account.backoff_after and not held_back(account, now):
            first = account.backed_off_at is None
            account.backed_off_at = now
            if first:
                audit.record(
                    actor=CASHIER, action="payments.provider_held_back", obj=account,
                    after={"failures": account.failures},
                )  # fmt: skip
                _tell(account)
        account.save(update_fields=["failures", "backed_off_at"])


def back_off_lift(*, actor: Actor, account_id: UUID) -> None:
    """Offer it as before, whatever happened."""
    actor.require(PROVIDERS)
    with transaction.atomic():
        account = ProviderAccount.objects.select_for_update().get(pk=account_id)
        if account.backed_off_at is None and not account.failures:
            return
        account.failures, account.backed_off_at = 0, None
        account.save(update_fields=["failures", "backed_off_at"])
        audit.record(actor=actor, action="payments.provider_lifted", obj=account)


def _tell(account: ProviderAccount) -> None:
    def words() -> tuple[str, str]:
        body = pgettext("notification", "%(name)s is offered last until it answers again.")
        title = pgettext("notification", "A payment provider does not answer")
        return title, body % {"name": f"\u2068{account.name}\u2069"}

    staff_told(
        lambda reader: reader.may(PROVIDERS), kind="payments.provider_held_back", words=words,
        link=f"/payments/providers/{account.pk}/", data={"account_id": str(account.pk)},
    )  # fmt: skip
