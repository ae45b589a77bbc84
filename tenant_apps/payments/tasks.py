"""What recurs and what waits: asking providers about deposits whose webhook was lost, reading the inbox."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import F, Q

from kernel import clock, inbox
from kernel.schedule import every_for_tenants
from kernel.tasks import going_on, task
from tenant_apps.payments.actors import CASHIER, SWEEP

from . import registry
from .models import Deposit, DepositState
from .services.deposits import deposit_ask
from .services.freezes import freezes_more
from .services.parts import part_ask, parts_to_ask
from .services.providers import webhooks_keep
from .services.webhooks import webhook_process

for _kind in registry.adapters():
    inbox.processor(f"payments.{_kind}")(webhook_process)

FIRST_QUESTION = timedelta(minutes=3)  # a webhook takes seconds; a payer, minutes
AGAIN = timedelta(minutes=10)
AGAIN_DELAYED = timedelta(hours=6)  # banks take days
AGAIN_ADDRESS = timedelta(hours=24)  # of one that ended unpaid: its address is still good
ADDRESS_ASKED = timedelta(days=30)  # after that the provider's own call has to tell
AT_ONCE = 50


@task(name="payments.deposit_ask", queue="money")
def deposit_ask_later(deposit_id: str) -> str:
    return deposit_ask(deposit_id=UUID(deposit_id), actor=CASHIER)


@task(name="payments.part_ask", queue="money")
def part_ask_later(part_id: str) -> str:
    return part_ask(part_id=UUID(part_id), actor=CASHIER)


def deposits_to_ask() -> list[UUID]:
    """Open deposits with a page or an address that nobody told us about for a while, those of which there was news that
    only an answer can confirm, and those to an address that ended unpaid, once a day for a month. Wires wait for a
    statement."""
    now = clock.now()
    known = {kind: adapter.capabilities for kind, adapter in registry.adapters().items()}
    asked = [kind for kind, can in known.items() if can.hosted_page or can.addresses]
    lasting = Q(provider_account__kind__in=[kind for kind, can in known.items() if can.addresses])
    open_ = Deposit.objects.filter(provider_account__kind__in=asked).filter(
        Q(state__in=[DepositState.CREATED, DepositState.PENDING, DepositState.AUTHORISED])
        & Q(created_at__lte=now - FIRST_QUESTION)
        & (Q(asked_at=None) | Q(asked_at__lte=now - AGAIN))
        | Q(ask_wanted_at__isnull=False) & (Q(asked_at=None) | Q(asked_at__lte=now - AGAIN))
        | Q(state=DepositState.DELAYED) & (Q(asked_at=None) | Q(asked_at__lte=now - AGAIN_DELAYED))
        | lasting
        & Q(state=DepositState.EXPIRED, created_at__gt=now - ADDRESS_ASKED)
        & (Q(asked_at=None) | Q(asked_at__lte=now - AGAIN_ADDRESS))
    )
    return list(open_.order_by(F("asked_at").asc(nulls_first=True)).values_list("pk", flat=True)[:AT_ONCE])


@every_for_tenants(3600, "payments.webhooks_keep", queue="money")
def webhooks_kept() -> int:
    """Webhooks of before are told of all that this release listens to."""
    return webhooks_keep()


@every_for_tenants(60, "payments.sweep", queue="money")
def sweep() -> int:
    """Set aside what losses still want; then ask about each in turn, returns how many were asked."""
    freezes_more()
    deposits, parts = deposits_to_ask(), parts_to_ask()
    for deposit_id in deposits:
        with going_on("deposit_not_asked", deposit=deposit_id):
            deposit_ask(deposit_id=deposit_id, actor=SWEEP)
    for part_id in parts:
        with going_on("part_not_asked", part=part_id):
            part_ask(part_id=part_id, actor=SWEEP)
    return len(deposits) + len(parts)
