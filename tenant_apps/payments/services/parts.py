"""The parts of a withdrawal: sent as commands, settled once, whatever order the news comes in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.commands import issue
from kernel.errors import Outside, Rejected
from kernel.events import publish
from kernel.logs import log
from kernel.models import Command, CommandState
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.timeline import timeline_add

from .. import events, registry
from ..models import PartState, Withdrawal, WithdrawalPart, WithdrawalState
from ..ports import Recognising, RefundState, RefundStatus
from . import alerts, freezes, posting
from .news import ask_no_more, let_go
from .payout_routing import payout_rerouted
from .provider_fees import part_fee_told
from .providers import provider_of
from .stops import payout_find
from .turns import turn_of_parts
from .waiting import withdrawal_tell

SILENCE = timedelta(hours=6)  # banks take days to carry a refund out; news of it may get lost
AGAIN = timedelta(minutes=10)
AT_ONCE = 50
UNSETTLED = (PartState.PLANNED, PartState.SENDING)


def parts_send(withdrawal: Withdrawal, *, actor: Actor) -> None:
    """In the transaction of the last approval: a command per part; wires of a bank without an API wait for finance."""
    for part in (
        withdrawal.parts.select_related("deposit", "provider_account")
        .filter(state=PartState.PLANNED)
        .order_by("created_at", "id")
    ):
        part.state = PartState.SENDING
        part.save(update_fields=["state"])
        if part.deposit is None:
            part.withdrawal = withdrawal
            payout_rerouted(part, actor)
            payout_issue(part, withdrawal, actor)
            continue
        issue(
            "payments.refund",
            aggregate=f"deposit:{part.deposit_id}",
            payload={
                "part_id": part.pk,
                "account_id": part.provider_account_id,
                "payment_reference": part.deposit.payment_reference,
                "amount": part.amount,
                "reference": withdrawal.reference,
            },
            actor=actor,
            reason=withdrawal.reference,
            command_id=part.pk,
        )


def payout_issue(part: WithdrawalPart, withdrawal: Withdrawal, actor: Actor) -> None:
    """The destination is named by its id: its details are read when the call is made, and stand in no queue."""
    if not registry.pays_by_itself(part.provider_account.kind):
        return
    issue(
        "payments.payout",
        aggregate=f"withdrawal:{withdrawal.pk}",
        payload={
            "part_id": part.pk,
            "account_id": part.provider_account_id,
            "destination_id": withdrawal.destination_id,
            "amount": part.amount,
            "reference": withdrawal.reference,
        },
        actor=actor,
        reason=withdrawal.reference,
        command_id=part.pk,
    )


def part_apply(*, part_id: UUID, status: RefundStatus, actor: Actor, asked: bool = False) -> str:
    """Take in what the provider says of a part. Any order, any number of times. `asked`: it is the answer to our question,
    so it tells how the part stands now and not how it stood when a delivery was written."""
    with transaction.atomic():
        turn_of_parts([part_id])
        withdrawal_id = WithdrawalPart.objects.values_list("withdrawal_id", flat=True).get(pk=part_id)
        withdrawal = Withdrawal.objects.select_for_update(of=("self",)).get(pk=withdrawal_id)
        part = WithdrawalPart.objects.select_for_update(of=("self",)).select_related("provider_account").get(pk=part_id)
        part.withdrawal = withdrawal
        part.provider_reference = part.provider_reference or status.reference
        part.page_url = status.page_url or part.page_url
        if status.state is RefundState.SUCCEEDED:
            done = _paid(part, actor, asked=asked)
        elif status.state is RefundState.FAILED:
            if asked and part.doubted_at is not None:
                part.doubted_at = None
                _followers_ask(withdrawal)
            done = _failed(part, status.failure_text, actor)
        else:
            done = "pending"
        part_fee_told(part, status.fee, actor)
        part.updated_at = clock.now()
        part.save()
        if done in {"paid", "failed", "returned"}:
            _settle(withdrawal, actor)
        if done in {"failed", "returned"}:
            freezes.freeze_more(withdrawal.client_id, withdrawal.currency)
    return done


def parts_to_ask() -> list[UUID]:
    """Those to ask about, the longest silent first. A query for each reason: each reads an index of its own."""
    found: dict[UUID, datetime] = {}
    for rows in (_silent(), _doubted(), _news()):
        found |= dict(rows.order_by("updated_at").values_list("pk", "updated_at")[:AT_ONCE])
    return sorted(found, key=lambda pk: found[pk])[:AT_ONCE]


def _silent() -> QuerySet[WithdrawalPart]:
    """Refunds and payouts that a provider took on ("pending") and has been silent about since, or whose withdrawal has
    moved since they were asked about (stopped, let go on). Wires wait for a person."""
    told = Command.objects.filter(pk=OuterRef("pk"), state=CommandState.SUCCEEDED)
    stale = Q(updated_at__lte=clock.now() - SILENCE) | Q(updated_at__lt=F("withdrawal__updated_at"))
    return WithdrawalPart.objects.filter(Exists(told), stale, state=PartState.SENDING)


def _doubted() -> QuerySet[WithdrawalPart]:
    """Those that a provider spoke of in two ways."""
    not_asked = Q(updated_at__lt=F("doubted_at") + timedelta(seconds=5))
    stale = Q(updated_at__lte=clock.now() - SILENCE) | not_asked
    return WithdrawalPart.objects.filter(stale, doubted_at__isnull=False)


def _news() -> QuerySet[WithdrawalPart]:
    """Those of which there was news that only an answer can confirm, and that nobody answered yet."""
    not_asked = Q(ask_wanted_at__gt=F("updated_at")) | Q(updated_at__lte=clock.now() - AGAIN)
    return WithdrawalPart.objects.filter(not_asked, ask_wanted_at__isnull=False)


def refund_find(*, part_id: UUID) -> RefundStatus | None:
    """What the provider says of a part that goes back to its source; None if it surely knows of none. Raises Outside."""
    part = WithdrawalPart.objects.select_related("deposit", "provider_account").get(pk=part_id)
    assert part.deposit is not None
    provider = provider_of(part.provider_account)
    paid = part.deposit.payment_reference
    if not isinstance(provider, Recognising):
        return provider.find_refund(part.pk, payment_reference=paid)
    others = WithdrawalPart.objects.filter(deposit=part.deposit).exclude(pk=part.pk)
    return provider.recognise_refund(
        payment_reference=paid,
        amount=part.amount,
        reference=part.provider_reference,
        others=frozenset(others.values_list("provider_reference", flat=True)) - {""},
    )


def part_ask(*, part_id: UUID, actor: Actor) -> str:
    """Ask the provider how a refund or payout stands, and take in the answer. Not inside a transaction."""
    part = WithdrawalPart.objects.select_related("deposit", "provider_account").get(pk=part_id)
    asked_at = clock.now()
    WithdrawalPart.objects.filter(pk=part_id).update(updated_at=asked_at)
    if not _askable(part):
        let_go(part)
        return "nothing"
    try:
        found = found_there(part)
    except Outside as error:
        log.warning("refund_not_told", part=str(part_id), error=str(error))
        if isinstance(error, Rejected):
            let_go(part)
        else:  # asked again soon: a provider that is away for a moment would else be asked hours later
            WithdrawalPart.objects.filter(pk=part_id, ask_wanted_at=None).update(ask_wanted_at=asked_at)
        return "no answer"
    if found is None:
        let_go(part)
        return "not known there"
    done = part_apply(part_id=part_id, status=found, actor=actor, asked=True)
    ask_no_more(part)
    return done


def found_there(part: WithdrawalPart) -> RefundStatus | None:
    """What the provider says of a refund or payout; None if it surely knows of none. Raises Outside."""
    if part.deposit_id is not None:
        return refund_find(part_id=part.pk)
    return payout_find(part)


def _paid(part: WithdrawalPart, actor: Actor, *, asked: bool) -> str:
    if part.state == PartState.PAID:
        return "nothing"
    if part.state == PartState.FAILED:
        return _paid_late(part, actor, asked=asked)
    if part.state not in UNSETTLED:
        log.error("paid_but_never_sent", part=str(part.pk))
        return "nothing"
    posting.part_capture(part, actor=actor)
    part.state, part.closed_at, part.failure_text = PartState.PAID, clock.now(), ""
    return "paid"


def _paid_late(part: WithdrawalPart, actor: Actor, *, asked: bool) -> str:
    """Paid after it had failed, or an old delivery that came late: the provider is asked, and what it answers counts, as do a
    bank's lines of a wire that did not come back. The money is outside then, so it is taken from the wallet again; what
    that does not have is the house's loss."""
    if not asked and not _askable(part):
        return "nothing"  # the way out of a wire, told after the way back
    if not asked:
        if part.doubted_at is None:
            part.doubted_at = clock.now()
            _late_alert(part, pgettext_lazy("notification", "A withdrawal is said to have failed and to be paid"))
        return "doubted"
    if not _successor_drop(part):
        part.doubted_at = clock.now()  # so that it is asked about again in a moment
        return "doubted"
    short = posting.part_paid_late(part, actor=actor)
    part.state, part.closed_at, part.doubted_at = PartState.PAID, clock.now(), None
    part.failure_text = ""
    audit.record(
        actor=actor, action="payments.paid_after_failure", obj=part.withdrawal, subject=part.withdrawal.client_id,
        after={"amount": str(part.amount), "uncovered": str(short)},
    )  # fmt: skip
    _late_alert(part, pgettext_lazy("notification", "A withdrawal that had failed was paid after all"), short)
    return "paid"


def _followers_ask(withdrawal: Withdrawal) -> None:
    """What waited for the answer, and is completed by asking, goes on."""
    waiting = withdrawal.parts.filter(state=PartState.SENDING, follows__isnull=False)
    waiting.update(ask_wanted_at=clock.now())


def _successor_drop(part: WithdrawalPart) -> bool:
    """What the next account was to pay instead is what this one has paid: its hold is the money. One whose call may be out
    already is left alone; `next_account.not_paid_before` keeps any other from being made.

    False while that call is on its way: whether it is the money is known when it is back. Its command is not waited for
    here, for whoever carries it out waits for this client's turn."""
    rows = WithdrawalPart.objects.select_for_update(of=("self",))
    following = rows.filter(follows=part).first()
    while following is not None and following.state == PartState.FAILED:
        following = rows.filter(follows=following).first()
    if following is None or following.state != PartState.SENDING or following.uncertain or following.provider_reference:
        return True
    command = Command.objects.filter(pk=following.pk)
    if command.filter(state=CommandState.PENDING).select_for_update().exists():
        posting.part_release(following)
        following.state, following.closed_at = PartState.DROPPED, clock.now()
        following.save(update_fields=["state", "closed_at"])
        return True
    return not command.filter(state=CommandState.SENDING).exists()


def _askable(part: WithdrawalPart) -> bool:
    return part.deposit_id is not None or registry.pays_by_itself(part.provider_account.kind)


def _late_alert(part: WithdrawalPart, title: Any, short: Money | None = None) -> None:
    """Not every provider can be asked about a refund: a person looks there, too."""
    withdrawal = part.withdrawal

    def words() -> tuple[str, str]:
        body = (
            f"{withdrawal.client.name} \u00b7 {money_isolated(part.amount)} \u00b7 \u2066{withdrawal.reference}\u2069"
        )
        if short:
            body += " \u00b7 " + pgettext("notification", "not covered: %(amount)s") % {"amount": money_isolated(short)}
        return str(title), body

    alerts.alert(
        withdrawal.client, kind="payments.paid_after_failure", words=words,
        link=f"/payments/withdrawals/{withdrawal.pk}/", withdrawal_id=str(withdrawal.pk),
    )  # fmt: skip


def _failed(part: WithdrawalPart, words: str, actor: Actor) -> str:
    """Refused: what was held is released. Failed after it had been paid: the money comes back to the wallet."""
    if part.state in (PartState.FAILED, PartState.DROPPED):
        return "nothing"
    was_paid = part.state == PartState.PAID
    if was_paid:
        posting.part_return(part, actor=actor)
    else:
        posting.part_release(part)
    part.state, part.closed_at, part.failure_text = PartState.FAILED, clock.now(), words[:300]
    return "returned" if was_paid else "failed"


def _settle(withdrawal: Withdrawal, actor: Actor) -> None:
    """When no part is on its way any more, the withdrawal is paid (in whole or part) or failed."""
    rows = list(withdrawal.parts.all())
    paid = sum(part.amount_minor for part in rows if part.state == PartState.PAID)
    # A refused one may turn out paid beside its successor: no more is told of than was asked for.
    withdrawal.paid_minor = min(paid, withdrawal.amount_minor - withdrawal.fee_minor)
    kept = sum(part.fee_minor for part in rows if part.state == PartState.PAID)
    withdrawal.fee_taken_minor = min(kept, withdrawal.fee_minor)
    withdrawal.updated_at = clock.now()
    before = withdrawal.state
    if not any(part.state in UNSETTLED for part in rows):
        withdrawal.state = WithdrawalState.PAID if paid else WithdrawalState.FAILED
        withdrawal.closed_at = clock.now()
    withdrawal.save()
    withdrawal_tell(withdrawal)
    if withdrawal.state == before:
        return
    if withdrawal.state == WithdrawalState.PAID:
        _announce_paid(withdrawal, actor)
    else:
        _announce_failed(withdrawal, actor, next((part.failure_text for part in rows if part.failure_text), ""))


def _announce_paid(withdrawal: Withdrawal, actor: Actor) -> None:
    publish(
        events.WithdrawalPaid(
            withdrawal_id=withdrawal.pk, client_id=withdrawal.client_id, amount=withdrawal.paid, fee=withdrawal.fee_taken
        ),
        aggregate=f"withdrawal:{withdrawal.pk}",
        actor=actor,
    )  # fmt: skip
    _close_line(withdrawal, "payments.withdrawal_paid", actor, withdrawal.paid)


def _announce_failed(withdrawal: Withdrawal, actor: Actor, words: str) -> None:
    publish(
        events.WithdrawalFailed(
            withdrawal_id=withdrawal.pk, client_id=withdrawal.client_id, amount=withdrawal.amount, reason=words
        ),
        aggregate=f"withdrawal:{withdrawal.pk}",
        actor=actor,
    )
    _close_line(withdrawal, "payments.withdrawal_failed", actor, withdrawal.amount)


def _close_line(withdrawal: Withdrawal, kind: str, actor: Actor, amount: Money) -> None:
    timeline_add(
        client_id=withdrawal.client_id,
        kind=kind,
        actor=actor,
        data={"withdrawal_id": withdrawal.pk, "reference": withdrawal.reference, "amount": amount},
        dedupe_key=f"{kind}:{withdrawal.pk}",
    )
    audit.record(actor=actor, action=kind, obj=withdrawal, subject=withdrawal.client_id, after={"amount": str(amount)})


def withdrawals_hold(part_ids: Iterable[UUID]) -> None:
    """Lock what several parts belong to, always in the same order, before each is settled: two such runs never wait for
    one another. Within a transaction."""
    wanted = list(part_ids)
    turn_of_parts(wanted)
    rows = Withdrawal.objects.select_for_update(of=("self",)).filter(parts__in=wanted).order_by("id")
    list(rows.values_list("id", flat=True))
