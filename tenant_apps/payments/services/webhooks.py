"""From a provider's call to one effect: verify, store, answer; then process from the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kernel import clock, inbox
from kernel.actors import system
from kernel.errors import Unavailable
from kernel.logs import log
from kernel.models import InboxMessage
from kernel.tasks import enqueue

from ..models import OPEN_DEPOSITS, Deposit, ProviderAccount, WithdrawalPart
from ..ports import (
    Answering,
    EventKind,
    IncomingCall,
    NormalizedEvent,
    PaymentProvider,
    RefundStatus,
    SignatureInvalid,
    WebhookAnswer,
)
from .deposits import deposit_apply, deposit_find
from .desk import conversation
from .losses import deposit_refunded
from .providers import provider_of

# Signatures among them: they prove afterwards what was verified, and open nothing. Never what authenticates by itself.
KEPT_HEADERS = (
    "content-type", "user-agent", "stripe-signature", "signature", "x-request-id", "gt-authentication", "hashstring",
    "x-processing-signature", "x-date", "payload-signature", "paypal-transmission-id", "paypal-transmission-time",
    "paypal-transmission-sig",
)  # fmt: skip


class NotYetKnown(Unavailable):
    """An event about a payment we have not heard of: its own news is still on the way. Tried again later."""

    code = "not_yet_known"


def webhook_receive(*, account_id: UUID, headers: Mapping[str, str], body: bytes) -> int:
    """Store what a provider sent; returns how many facts in it were new. Raises SignatureInvalid, DoesNotExist."""
    account = ProviderAccount.objects.get(pk=account_id)
    return _store(account, provider_of(account), {name.lower(): value for name, value in headers.items()}, body)


def call_answer(
    *, account_id: UUID, headers: Mapping[str, str], body: bytes, query: Mapping[str, str]
) -> WebhookAnswer:
    """All of what a provider's call needs: a question is answered, a webhook stored and acknowledged in the provider's
    own words. Raises SignatureInvalid where the provider has no words for that, DoesNotExist.
    """
    account = ProviderAccount.objects.get(pk=account_id)
    provider = provider_of(account)
    lower = {name.lower(): value for name, value in headers.items()}
    answer = conversation(account, provider, IncomingCall(body=body, headers=lower, query=query))
    if answer is not None:
        ProviderAccount.objects.filter(pk=account.pk).update(last_event_at=clock.now())
        return answer
    try:
        new = _store(account, provider, lower, body)
    except SignatureInvalid:
        if not isinstance(provider, Answering):
            raise
        log.warning("webhook_refused", account=str(account_id))
        return provider.answer_webhook(body, lower, accepted=False)
    if isinstance(provider, Answering):
        return provider.answer_webhook(body, lower, accepted=True)
    return WebhookAnswer(body=f"ok {new}".encode())


def _store(account: ProviderAccount, provider: PaymentProvider, lower: Mapping[str, str], body: bytes) -> int:
    found = provider.verify_webhook(body, lower)
    kept = {name: lower[name] for name in KEPT_HEADERS if name in lower}
    new = 0
    for event in found:
        _, fresh = inbox.receive(
            source=f"payments.{account.kind}:{account.pk}", event_key=event.event_key, headers=kept, body=body
        )
        new += fresh
    ProviderAccount.objects.filter(pk=account.pk).update(last_event_at=clock.now())
    return new


def webhook_process(message: InboxMessage) -> str:
    """Processor of the inbox, in the transaction that marks the message."""
    _, _, account_id = message.source.partition(":")
    account = ProviderAccount.objects.get(pk=UUID(account_id))
    for event in provider_of(account).read_webhook(bytes(message.body)):
        if event.event_key == message.event_key:
            return _apply(account, event, message)
    return "no such event in the body"


def _apply(account: ProviderAccount, event: NormalizedEvent, message: InboxMessage) -> str:
    actor = system(f"{account.kind}: {event.name}")
    if event.kind is EventKind.DEPOSIT and event.deposit is not None:
        deposit_id = deposit_find(account, event.deposit_id, event.deposit)
        if deposit_id is None and event.deposit_id is None:
            raise NotYetKnown(event_name=event.name)
        if deposit_id is None:
            return "not a deposit of this account"
        message.about = str(deposit_id)
        if event.refetch:
            from ..tasks import deposit_ask_later

            Deposit.objects.filter(pk=deposit_id).update(ask_wanted_at=clock.now())  # the task may be lost, the row not
            enqueue(deposit_ask_later, str(deposit_id))
            return "asked"
        return deposit_apply(deposit_id=deposit_id, status=event.deposit, actor=actor)
    if event.kind is EventKind.REFUND and event.refund is not None:
        return _refund(account, event, message)
    if event.kind is EventKind.PAYOUT and event.refund is not None:
        return _payout(account, event, event.refund)
    return f"noted: {event.name}"


def _part(account: ProviderAccount, event: NormalizedEvent, refund: RefundStatus) -> WithdrawalPart | None:
    mine = WithdrawalPart.objects.filter(provider_account=account)
    part = mine.filter(pk=event.operation_id).first() if event.operation_id else None
    return part or mine.filter(provider_reference=refund.reference).exclude(provider_reference="").first()


def _refund(account: ProviderAccount, event: NormalizedEvent, message: InboxMessage) -> str:
    from .parts import part_apply

    assert event.refund is not None
    part = _part(account, event, event.refund)
    if part is None:
        return _made_elsewhere(account, event, event.refund, message)
    message.about = str(part.deposit_id or "")
    return part_apply(part_id=part.pk, status=event.refund, actor=system(f"{account.kind}: {event.name}"))


def _payout(account: ProviderAccount, event: NormalizedEvent, payout: RefundStatus) -> str:
    from .parts import part_apply

    part = _part(account, event, payout)
    if part is None:
        log.error("payout_not_ours", account=str(account.pk), reference=payout.reference)
        return "not a payout of ours"
    if event.refetch:
        from ..tasks import part_ask_later

        WithdrawalPart.objects.filter(pk=part.pk).update(ask_wanted_at=clock.now())  # the task may be lost
        enqueue(part_ask_later, str(part.pk))
        return "asked"
    return part_apply(part_id=part.pk, status=payout, actor=system(f"{account.kind}: {event.name}"))


def _made_elsewhere(
    account: ProviderAccount, event: NormalizedEvent, refund: RefundStatus, message: InboxMessage
) -> str:
    """A refund that no withdrawal of ours asked for: somebody made it on the provider's own pages."""
    mine = Deposit.objects.filter(provider_account=account)
    deposit = mine.filter(payment_reference=refund.payment_reference).first() if refund.payment_reference else None
    deposit = deposit or (mine.filter(pk=event.operation_id).first() if event.operation_id else None)
    if deposit is None and mine.filter(state__in=OPEN_DEPOSITS, payment_reference="").exists():
        raise NotYetKnown(event_name=event.name)
    if deposit is None:
        return "not a refund of ours"
    message.about = str(deposit.pk)
    return deposit_refunded(deposit_id=deposit.pk, refund=refund, actor=system(f"{account.kind}: {event.name}"))
