"""Where the money comes from: asked for above a threshold, told and shown by the client, accepted by compliance.

Until then deposits above the threshold are refused, or taken, as the brokerage says. What came above it all the same (a
wire or a chain asks nobody) is kept: it stays in its wallet, so that it is neither withdrawn nor exchanged nor sent to
somebody else. It may go to the client's own trading account, from where it can only come back to a wallet; while it is not
in its own, nothing goes out of the others either. The
event `payments.source_of_funds_needed` tells everybody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, files
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.events import publish
from kernel.live import publish as live
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.clients.services import task_add
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.kyc.permissions_list import DECIDE
from tenant_apps.wallets.selectors import wallet_of

from .. import events
from ..actors import CASHIER
from ..errors import FundsNeeded, WrongState
from ..models import (
    CAME,
    STILL_THERE,
    Deposit,
    FundsAction,
    FundsOrigin,
    FundsRequest,
    FundsState,
    FundsThreshold,
)
from .deposit_limits import under_way
from .eyes import others_required

TO_ANSWER = timedelta(days=3)
_IN_THE_WALLET = Greatest(STILL_THERE - F("fee_minor"), 0)


def paid_in(client_id: UUID, currency: str) -> Money:
    """Everything credited and not taken back."""
    return _sum(client_id, currency, STILL_THERE)


def _sum(client_id: UUID, currency: str, minor: Combinable) -> Money:
    rows = Deposit.objects.filter(CAME, client_id=client_id, currency=currency)
    return Money(int(rows.aggregate(total=Sum(minor))["total"] or 0), currency)


def request_of(client_id: UUID) -> FundsRequest | None:
    return FundsRequest.objects.filter(client_id=client_id).first()


def _accepted(client_id: UUID) -> bool:
    return FundsRequest.objects.filter(client_id=client_id, state=FundsState.ACCEPTED).exists()


def check(client: Client, amount: Money, *, attempt: UUID | None = None) -> None:
    """Raises FundsNeeded where the brokerage refuses what goes above the threshold, with what is begun and may come yet
    besides this payment's own earlier tries."""
    threshold = FundsThreshold.objects.filter(currency=amount.currency, action=FundsAction.REFUSE).first()
    if threshold is None:
        return
    if _paid_or_coming(client.pk, amount.currency, attempt) + amount > threshold.amount and not _accepted(client.pk):
        raise FundsNeeded(amount=amount)


def _paid_or_coming(client_id: UUID, currency: str, attempt: UUID | None) -> Money:
    """In one statement: crediting waits for no lock of a deposit that begins, and is then seen as the one or the other."""
    found = Deposit.objects.filter(client_id=client_id, currency=currency).aggregate(
        came=Sum(STILL_THERE, filter=CAME), comes=Sum("amount_minor", filter=under_way(attempt))
    )
    return Money(int(found["came"] or 0) + int(found["comes"] or 0), currency)


def kept_back(client_id: UUID, currency: str) -> Money:
    """What has to stay in the wallet until the source is known, whatever the brokerage does about further deposits."""
    thresholds = FundsThreshold.objects.filter(currency=currency)
    return next(_kept(client_id, thresholds), Money.zero(currency))


def _kept(client_id: UUID, thresholds: QuerySet[FundsThreshold]) -> Iterator[Money]:
    """What is kept by each of these thresholds that the client is above. Fees of deposits never were in the wallet."""
    for threshold in thresholds:
        above = _sum(client_id, threshold.currency, _IN_THE_WALLET) - threshold.amount
        if above.minor <= 0:
            continue
        if _accepted(client_id):
            return
        yield above


def left_its_wallet(client_id: UUID) -> bool:
    """Whether of what is to be kept, in any currency, some is not in its wallet: traded, or moved to a trading account."""
    for kept in _kept(client_id, FundsThreshold.objects.order_by("currency")):
        wallet = wallet_of(client_id, kept.currency)
        if wallet is None or wallet.available < kept:
            return True
    return False


def after_credit(deposit: Deposit, *, actor: Actor) -> None:
    """In the transaction of the credit: ask once the threshold is passed."""
    threshold = FundsThreshold.objects.filter(currency=deposit.currency).first()
    if threshold is None:
        return
    total = paid_in(deposit.client_id, deposit.currency)
    if total > threshold.amount:
        ask(deposit.client, total, actor=actor)


def ask_kept(client_id: UUID, actor: Actor) -> None:
    """Ask whose money is kept though nobody asked when it came: the threshold may be newer than the deposits. Once."""
    if request_of(client_id) is None and (kept := kept_anywhere(client_id)) is not None:
        ask(Client.objects.get(pk=client_id), paid_in(client_id, kept.currency), actor=actor)


def kept_anywhere(client_id: UUID) -> Money | None:
    """What has to stay in a wallet of the first currency in which something has to; None where all is free."""
    return next(_kept(client_id, FundsThreshold.objects.order_by("currency")), None)


def ask(client: Client, total: Money, *, actor: Actor) -> None:
    """Ask the client, once; a task for whoever is responsible."""
    with transaction.atomic():
        row, made = FundsRequest.objects.get_or_create(
            client=client, defaults={"currency": total.currency, "total_minor": total.minor}
        )
        if not made:
            return
        publish(
            events.SourceOfFundsNeeded(client_id=client.pk, request_id=row.pk, total=total),
            aggregate=f"client:{client.pk}",
            actor=actor,
        )
        _note(row, "payments.funds_asked", actor, amount=total)
        if client.owner_id:
            task_add(
                title=pgettext("task", "Source of funds: ask the client for proof"), due_at=clock.now() + TO_ANSWER,
                owner_id=client.owner_id, client=client, team_id=client.team_id, kind="kyc",
                dedupe_key=f"payments.funds:{row.pk}", actor=CASHIER,
            )  # fmt: skip


def give(*, actor: Actor, request_id: UUID, origin: str, text: str, data: bytes | None, name: str = "") -> FundsRequest:
    """The client says where the money comes from and shows a paper. Raises Invalid, WrongState, FileRefused."""
    if origin not in FundsOrigin.values:
        raise Invalid(pgettext_lazy("payments error", "Choose where the money comes from."), field="origin")
    with transaction.atomic():
        row = _locked(request_id)
        actor.require_client(row.client_id)
        if row.state not in (FundsState.ASKED, FundsState.REFUSED):
            raise WrongState
        if data:
            row.file = files.save_upload(data, kind="funds", name=name, subject=row.client_id)
        elif row.file is None:
            raise Invalid(pgettext_lazy("payments error", "Add a document that shows it."), field="file")
        row.origin, row.text, row.state, row.given_at = origin, text.strip()[:1000], FundsState.GIVEN, clock.now()
        row.save()
        _note(row, "payments.funds_given", actor, origin=origin)
    return row


def decide(*, actor: Actor, request_id: UUID, accepted: bool, reason: str = "") -> FundsRequest:
    """Compliance accepts it, or says what more is needed. Accepting needs no answer of the client: it may be known.

    Raises SamePerson for one's own source of funds, Invalid, WrongState."""
    actor.require(DECIDE)
    if not accepted and not reason.strip():
        raise Invalid(pgettext_lazy("payments error", "Say what is still needed."), field="reason")
    with transaction.atomic():
        row = _locked(request_id)
        others_required(actor, client=row.client)
        if row.state == FundsState.ACCEPTED or (not accepted and row.state != FundsState.GIVEN):
            raise WrongState
        row.state = FundsState.ACCEPTED if accepted else FundsState.REFUSED
        row.reason, row.decided_by, row.decided_at = reason.strip()[:300], actor.label[:160], clock.now()
        row.save()
        kind = "payments.funds_accepted" if accepted else "payments.funds_refused"
        _note(row, kind, actor, reason=row.reason)
        if accepted:
            publish(
                events.SourceOfFundsAccepted(client_id=row.client_id, request_id=row.pk),
                aggregate=f"client:{row.client_id}",
                actor=actor,
            )
    return row


def file_seen(*, actor: Actor, row: FundsRequest) -> None:
    """Each sight of a proof is on record."""
    audit.record(actor=actor, action="payments.funds_file_viewed", obj=row, subject=row.client_id)


def _locked(request_id: UUID) -> FundsRequest:
    return FundsRequest.objects.select_for_update(of=("self",)).select_related("client").get(pk=request_id)


def _note(row: FundsRequest, kind: str, actor: Actor, **data: object) -> None:
    timeline_add(client_id=row.client_id, kind=kind, actor=actor, data={"request_id": row.pk, **data})
    after = {name: str(value) for name, value in data.items() if name in ("amount", "origin")}
    audit.record(
        actor=actor, action=kind, obj=row, subject=row.client_id, reason=str(data.get("reason", "")), after=after
    )
    live.publish("money")
