"""Deposits: starting one, and taking in what the provider says of it. Crediting happens here and nowhere else.

Invariants. A deposit is credited at most once: its state is moved under the row's lock and the ledger's key is its id, so
duplicates, re-deliveries out of order and a worker killed anywhere leave one effect. Only a verified webhook, an answer
to our own question, or a bank statement credits; the payer's browser never does. What really came is credited, in the
deposit's own currency or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from django.db import transaction

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.events import publish
from kernel.ids import short_id
from kernel.live import publish as live
from kernel.logs import log
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.clients.models import Client
from tenant_apps.clients.services import activity_mark, ftd_set
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.models import Transfer
from tenant_apps.payments.actors import CASHIER, SWEEP

from .. import addresses, events, registry
from ..errors import MethodNotOffered, WrongState
from ..models import OPEN_DEPOSITS, Deposit, DepositState, ProviderAccount, SuspensePayment
from ..permissions_list import DEPOSIT_MANAGE
from ..ports import DepositOrder, DepositStatus, Payer, PaymentState, RefundState, RefundStatus
from . import deposit_limits, first, freezes, funds, health, posting, refusals, suspense, velocity
from .offers import offer_for, tried_accounts
from .providers import provider_at_work, provider_of
from .routing import Offer, cost_of, device_of, fee_of

PAGE_LIFE = timedelta(hours=24)
SETTLED = (DepositState.CREDITED, DepositState.REVERSED, DepositState.SUSPENSE)  # the money has come
VOIDED = "voided"  # the failure of a payment that was taken back before the bank had settled it


def deposit_start(
    *,
    actor: Actor,
    client: Client,
    amount: Money,
    offer_key: str,
    target_trading_account_id: UUID | None = None,
    language: str = "en",
    instead_of: Deposit | None = None,
) -> Deposit:
    """Write down that the client wants to pay. Raises MethodNotOffered, AmountOutOfLimits, AmountNotPayable.

    Also DepositLimitReached, TooOften, FundsNeeded. `instead_of`: a payment of the client that did not come through; this
    one goes to an account not yet tried for it.
    """
    if actor.kind != "system":
        actor.require_client(client.pk)
    if context.tenant().state != "active":
        raise MethodNotOffered  # a suspended brokerage takes no money in; withdrawals stay open
    offer = offer_for(client, amount.currency, offer_key, device=device_of(actor.user_agent))
    offer.check(amount)
    rule = offer.rule_for(amount) or offer.rule
    with refusals.noted(client, actor), transaction.atomic():
        locks.hold(f"deposits:{client.pk}")
        attempt = _attempt_after(instead_of, client, offer) if instead_of else None
        deposit_limits.check(client, amount, attempt=attempt)
        unusual = velocity.check(client, amount)
        funds.check(client, amount)
        deposit = Deposit.objects.create(
            client=client,
            reference=f"D{short_id(8).upper()}",
            amount_minor=amount.minor,
            currency=amount.currency,
            fee_minor=fee_of(rule, amount).minor,
            cost_minor=cost_of(rule, amount).minor,
            provider_account=offer.account,
            rule=rule,
            attempt=attempt,
            attention="velocity" if unusual else "",
            method=offer.method.code,
            target_trading_account_id=target_trading_account_id,
            language=language,
        )
        _tell(deposit)
    return deposit


def _attempt_after(earlier: Deposit, client: Client, offer: Offer) -> UUID:
    """What binds the tries together. Under the client's lock: two clicks at once do not go to one account twice."""
    if earlier.client_id != client.pk or offer.account.pk in tried_accounts(earlier):
        raise MethodNotOffered(field="method")
    return earlier.attempt or earlier.pk


def deposit_open(*, deposit_id: UUID, ip: str = "") -> Deposit:
    """Ask the provider for a page to pay on. Not inside a transaction: it waits for another system.

    Repeating it is safe, the deposit's id is the idempotency key. Raises Rejected, Unavailable or OutcomeUnknown; a
    refusal fails the deposit, the others leave it to be tried again.
    """
    deposit = Deposit.objects.select_related("client", "provider_account").get(pk=deposit_id)
    if deposit.state != DepositState.CREATED:
        return deposit
    provider = provider_at_work(deposit.provider_account)
    try:
        redirect = provider.create_deposit(_order(deposit, ip))
    except Rejected as error:
        health.call_worked(deposit.provider_account_id)
        _fail_unopened(deposit.pk, str(error))
        raise
    except Unavailable:
        health.call_failed(deposit.provider_account_id)
        raise
    health.call_worked(deposit.provider_account_id)
    with transaction.atomic():
        deposit = _locked(deposit_id)
        if deposit.state == DepositState.CREATED:
            deposit.state = DepositState.PENDING
            deposit.pending_at = clock.now()
        deposit.provider_reference = deposit.provider_reference or redirect.provider_reference
        deposit.payment_url = redirect.url
        deposit.instructions = dict(redirect.instructions)
        _save(deposit)
        _tell(deposit)
    return deposit


def _order(deposit: Deposit, ip: str) -> DepositOrder:
    return DepositOrder(
        deposit_id=deposit.pk,
        reference=deposit.reference,
        amount=deposit.amount,
        method=deposit.method,
        language=deposit.language,
        description=f"{context.tenant().name} {deposit.reference}",
        payer=payer_of(deposit.client, ip),
        return_url=addresses.return_url(deposit.pk),
        cancel_url=addresses.cancel_url(deposit.pk),
        webhook_url=addresses.webhook_url(deposit.provider_account_id),
    )


def payer_of(client: Client, ip: str = "") -> Payer:
    """What a provider is told of a client, who pays or is paid."""
    address = client.address or {}
    return Payer(
        name=client.name,
        email=client.email,
        country=client.country,
        phone=client.phone,
        city=str(address.get("city") or ""),
        street=str(address.get("line1") or ""),
        postal_code=str(address.get("postal_code") or ""),
        ip=ip,
        reference=str(client.pk),
        birth_date=client.birth_date.isoformat() if client.birth_date else "",
    )


def _fail_unopened(deposit_id: UUID, words: str) -> None:
    with transaction.atomic():
        deposit = _locked(deposit_id)
        if deposit.state == DepositState.CREATED:
            deposit.failure, deposit.failure_text = "refused", words[:300]
            _close(deposit, DepositState.FAILED, CASHIER)


def _locked(deposit_id: UUID) -> Deposit:
    return (
        Deposit.objects.select_for_update(of=("self",)).select_related("client", "provider_account").get(pk=deposit_id)
    )


def _save(deposit: Deposit) -> None:
    deposit.updated_at = clock.now()
    deposit.save()


def _tell(deposit: Deposit) -> None:
    live.publish(f"client:{deposit.client_id}", {"deposit": str(deposit.pk), "state": deposit.state})
    live.publish("money", {"deposit": str(deposit.pk), "state": deposit.state})


def deposit_find(account: ProviderAccount, deposit_id: UUID | None, status: DepositStatus) -> UUID | None:
    """The deposit an account's event is about. An account can only speak of its own deposits."""
    mine = Deposit.objects.filter(provider_account=account)
    for query in (
        mine.filter(pk=deposit_id) if deposit_id else None,
        mine.filter(provider_reference=status.provider_reference) if status.provider_reference else None,
        mine.filter(payment_reference=status.payment_reference) if status.payment_reference else None,
    ):
        if query is not None and (found := query.values_list("pk", flat=True).first()):
            return found
    return None


def deposit_apply(*, deposit_id: UUID, status: DepositStatus, actor: Actor) -> str:
    """Take in what the provider says. Any order, any number of times. Returns what was done, in a word."""
    with transaction.atomic():
        deposit = _locked(deposit_id)
        _learn(deposit, status)
        done = _MOVES[status.state](deposit, status, actor)
        _provider_fee(deposit, status.fee, actor)
        _save(deposit)
        if done != "nothing":
            _tell(deposit)
    return done


def _learn(deposit: Deposit, status: DepositStatus) -> None:
    """References and the masked instrument: kept when first heard of."""
    deposit.provider_reference = deposit.provider_reference or status.provider_reference
    deposit.payment_reference = deposit.payment_reference or status.payment_reference
    deposit.source = deposit.source or status.source[:80]
    deposit.source_country = deposit.source_country or status.source_country[:2]


def provider_fees_settled(fees: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """The provider's report has told payments' fees, by deposit, and the caller books them: returns what was booked before.

    In the caller's transaction, under the deposits' locks, taken by id: what is told later is booked as a difference.
    """
    if not fees:
        return {}
    rows = list(Deposit.objects.select_for_update(of=("self",)).filter(pk__in=fees).order_by("pk"))
    before = {row.pk: row.provider_fee for row in rows if row.provider_fee is not None}
    for row in rows:
        row.provider_fee_minor, row.provider_fee_currency = fees[row.pk].minor, fees[row.pk].currency
    Deposit.objects.bulk_update(rows, ["provider_fee_minor", "provider_fee_currency"], batch_size=500)
    return before


def _provider_fee(deposit: Deposit, fee: Money | None, actor: Actor) -> None:
    """Book what the provider keeps, in its currency, whenever it tells; told another amount later, the difference.

    Told in another currency than before, the earlier one is taken out whole.
    """
    if fee is None or fee.minor < 0 or fee == deposit.provider_fee or (not fee and deposit.provider_fee is None):
        return
    known = deposit.provider_fee
    changes = [fee - known] if known is not None and known.currency == fee.currency else [fee]
    if known is not None and known.currency != fee.currency and known:
        changes.insert(0, -known)
    for change in changes:
        if change:
            deposit.provider_fee_told += 1
            posting.provider_fee_post(deposit, change, number=deposit.provider_fee_told, actor=actor)
    deposit.provider_fee_minor, deposit.provider_fee_currency = fee.minor, fee.currency
    audit.record(
        actor=actor, action="payments.provider_fee_booked", obj=deposit, subject=deposit.client_id,
        before={"fee": str(known) if known else None}, after={"fee": str(fee)},
    )  # fmt: skip


def _still_open(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """The payer has not finished. A declined attempt is remembered, so that the page can say why."""
    if deposit.state not in OPEN_DEPOSITS:
        return "nothing"
    if status.failure and deposit.failure != status.failure:
        deposit.failure, deposit.failure_text = status.failure, status.failure_text[:300]
        return "attempt declined"
    return "nothing"


def _authorised(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    return _advance(deposit, DepositState.AUTHORISED, (DepositState.CREATED, DepositState.PENDING))


def _delayed(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    before = (DepositState.CREATED, DepositState.PENDING, DepositState.AUTHORISED)
    return _advance(deposit, DepositState.DELAYED, before)


def _advance(deposit: Deposit, to: DepositState, before: tuple[DepositState, ...]) -> str:
    if deposit.state not in before:
        return "nothing"
    deposit.state = to
    deposit.pending_at = deposit.pending_at or clock.now()
    deposit.failure = deposit.failure_text = ""
    return str(to.value)


def _failed(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    if deposit.state in (DepositState.CREDITED, DepositState.SUSPENSE) and status.failure == VOIDED:
        return _reversed(deposit, status, actor)
    if deposit.state not in OPEN_DEPOSITS:
        return "nothing"
    deposit.failure = status.failure or "declined"
    deposit.failure_text = status.failure_text[:300]
    return _close(deposit, DepositState.FAILED, actor)


def _expired(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A session ran out. A debit that is on its way does not expire with its page."""
    if deposit.state not in (DepositState.CREATED, DepositState.PENDING):
        return "nothing"
    return _close(deposit, DepositState.EXPIRED, actor)


def _close(deposit: Deposit, to: DepositState, actor: Actor) -> str:
    deposit.state = to
    deposit.closed_at = clock.now()
    _save(deposit)
    publish(
        events.DepositFailed(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=deposit.amount,
            provider=deposit.provider_account.kind,
            method=deposit.method,
            reason=deposit.failure or str(to.value),
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    _line(deposit, "payments.deposit_failed", actor, amount=deposit.amount, reason=deposit.failure or str(to.value))
    _tell(deposit)
    return str(to.value)


def _paid(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """Credit, once. Money that comes after we gave up on it is money all the same."""
    if deposit.state in SETTLED or deposit.failure == VOIDED:
        return _paid_again(deposit, status, actor)
    received = status.amount or deposit.amount
    if received.minor <= 0:
        deposit.attention = "underpaid"
        return "nothing came"
    if received.currency != deposit.currency:
        log.warning("deposit_currency", deposit=str(deposit.pk), got=str(received))
        suspense.suspense_book(deposit, received, actor=actor)
        return "other currency"
    if deposit.state in (DepositState.FAILED, DepositState.EXPIRED):
        deposit.attention = "late"
    fee = deposit.fee
    if received != deposit.amount:
        deposit.attention = "underpaid" if received < deposit.amount else "overpaid"
        fee = fee.scaled(Decimal(received.minor) / Decimal(deposit.amount_minor), rounding=ROUND_DOWN)
        deposit.fee_minor = fee.minor
    posting.deposit_post(deposit, received, fee, actor=actor)
    deposit.state = DepositState.CREDITED
    if status.apart:
        deposit.payment_reference = status.payment_reference
    deposit.received_minor = received.minor
    deposit.credited_at = deposit.closed_at = clock.now()
    deposit.failure = deposit.failure_text = ""
    deposit.cost_minor = _cost(deposit, received)
    credit_announce(deposit, actor)
    return "credited"


def _cost(deposit: Deposit, received: Money) -> int:
    """What the provider is expected to charge for what really came."""
    return cost_of(deposit.rule, received).minor if deposit.rule is not None else deposit.cost_minor


def credit_announce(deposit: Deposit, actor: Actor) -> None:
    """What follows a credit, in its transaction: the first deposit, the day's activity, what larger sums and losses ask
    for, and the news of it. The caller saves the deposit again."""
    assert deposit.credited_at is not None
    assert deposit.received_minor is not None
    deposit.first = ftd_set(
        client_id=deposit.client_id,
        minor=deposit.received_minor,
        currency=deposit.currency,
        at=deposit.credited_at,
        actor=actor,
    )
    activity_mark(client_id=deposit.client_id, actor=actor)
    _save(deposit)
    funds.after_credit(deposit, actor=actor)
    freezes.freeze_more(deposit.client_id, deposit.currency)
    _announce_credit(deposit, actor)


def _paid_again(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """Told again it is old news. Another payment to the same address is a deposit of its own: made under the lock of the
    first and known by the payment's reference, so that there is one however often it is told.
    """
    received = status.amount
    if not status.apart or received is None or status.payment_reference == deposit.payment_reference:
        return "nothing"
    if received.currency != deposit.currency or received.minor <= 0:
        deposit.attention = "currency"
        return "other currency"
    payments = Deposit.objects.filter(provider_account_id=deposit.provider_account_id)
    if payments.filter(payment_reference=status.payment_reference).exists():
        return "nothing"
    fee = deposit.fee.scaled(Decimal(received.minor) / Decimal(deposit.amount_minor), rounding=ROUND_DOWN)
    another = Deposit.objects.create(
        client=deposit.client,
        reference=f"D{short_id(8).upper()}",
        amount_minor=received.minor,
        currency=deposit.currency,
        fee_minor=fee.minor,
        provider_account=deposit.provider_account,
        rule_id=deposit.rule_id,
        method=deposit.method,
        state=DepositState.PENDING,
        pending_at=clock.now(),
        payment_reference=status.payment_reference,
        source=status.source[:80],
        target_trading_account_id=deposit.target_trading_account_id,
        language=deposit.language,
    )
    done = _paid(another, status, actor)
    _save(another)
    _tell(another)
    return f"{done} as {another.reference}"


def _announce_credit(deposit: Deposit, actor: Actor) -> None:
    publish(
        events.DepositCredited(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=deposit.credited_amount,
            provider=deposit.provider_account.kind,
            method=deposit.method,
            first=deposit.first,
            trading_account_id=deposit.target_trading_account_id,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    _line(
        deposit, "payments.deposit_credited", actor, amount=deposit.credited_amount, method=deposit.method,
        first=deposit.first,
    )  # fmt: skip
    audit.record(
        actor=actor,
        action="payments.deposit_credited",
        obj=deposit,
        subject=deposit.client_id,
        after={"received": str(deposit.received), "fee": str(deposit.fee), "first": deposit.first},
    )


def _reversed(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A chargeback or returned debit, booked once. Heard of before the payment itself, the two are booked one after the
    other; heard of once more after it was decided for us, it is old news."""
    key = posting.reversal_key(deposit)
    if posting.posted(key):
        return "nothing"
    _make_paid(deposit, status.amount, actor)
    if deposit.state not in SETTLED:
        return "nothing"
    if deposit.state == DepositState.SUSPENSE:
        return _suspense_reversed(deposit, status, key, actor)
    taken = _take_back(deposit, status.amount, kind=posting.REVERSAL, key=key, attention="reversed", actor=actor)
    if taken is None:
        return "nothing taken"
    deposit.state = DepositState.REVERSED
    deposit.failure, deposit.failure_text = status.failure or "chargeback", status.failure_text[:300]
    _line(deposit, "payments.deposit_reversed", actor, amount=taken)
    return "reversed"


def _reinstated(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A dispute decided for us: what was taken comes back, leg by leg. Heard of first, both are booked."""
    if (child := _corrected(deposit)) is not None:
        return deposit_apply(deposit_id=child, status=status, actor=actor)
    key = posting.reversal_key(deposit)
    if posting.posted(key) is None:
        _reversed(deposit, status, actor)
    taken = posting.posted(key)
    if taken is None or posting.posted(f"{key}:undone"):
        return "nothing"
    if taken.kind == posting.SUSPENSE_OUT:
        suspense.suspense_restore(deposit, taken, actor=actor)
        return "reinstated"
    _restore(deposit, taken, "payments.deposit_reinstated", actor)
    return "reinstated"


def _suspense_reversed(deposit: Deposit, status: DepositStatus, key: str, actor: Actor) -> str:
    """Of a payment in another currency: out of suspense, or from the deposit it was credited as."""
    if (child := _corrected(deposit)) is not None:
        return deposit_apply(deposit_id=child, status=status, actor=actor)
    taken = suspense.suspense_back(deposit, status.amount, key=key, actor=actor)
    if taken is None:
        return "nothing taken"
    deposit.failure, deposit.failure_text = status.failure or "chargeback", status.failure_text[:300]
    return "reversed"


def _corrected(deposit: Deposit) -> UUID | None:
    """The deposit that this one, paid in another currency, was credited as."""
    rows = SuspensePayment.objects.filter(deposit=deposit, credited__isnull=False)
    return rows.values_list("credited_id", flat=True).first()


def _make_paid(deposit: Deposit, amount: Money | None, actor: Actor) -> None:
    """Money cannot be taken back before it came: news of the payment itself is still on the way. It came in the currency
    it is taken back in, and it was at least as much as was asked for unless that is another currency."""
    if deposit.state in SETTLED:
        return
    other = amount if amount is not None and amount.currency != deposit.currency else None
    _paid(deposit, DepositStatus(state=PaymentState.PAID, provider_reference="", amount=other), actor)


def deposit_refunded(*, deposit_id: UUID, refund: RefundStatus, actor: Actor) -> str:
    """Take in a refund made on the provider's own pages: no withdrawal of ours, but the money has left all the same.

    Any order, any number of times. It counts from the moment it is asked for there; one that fails is given back.
    """
    with transaction.atomic():
        deposit = _locked(deposit_id)
        _make_paid(deposit, refund.amount, actor)
        if deposit.state not in SETTLED:
            return "nothing"
        if deposit.state == DepositState.SUSPENSE and (child := _corrected(deposit)) is not None:
            _save(deposit)
            return deposit_refunded(deposit_id=child, refund=refund, actor=actor)
        key = posting.refund_key(deposit, refund.reference)
        done = "nothing"
        if deposit.state == DepositState.SUSPENSE or _suspended(key):
            done = _suspense_refunded(deposit, refund, key, actor)
            _save(deposit)
            _tell(deposit)
            return done
        if posting.posted(key) is None:
            taken = _take_back(
                deposit, refund.amount, kind=posting.REFUNDED, key=key, attention="refunded", actor=actor
            )  # fmt: skip
            done = "nothing taken" if taken is None else "refunded"
            if taken is not None:
                _line(deposit, "payments.deposit_refunded", actor, once=refund.reference, amount=taken)
        booked = posting.posted(key)
        if refund.state is RefundState.FAILED and booked and not posting.posted(f"{key}:undone"):
            _restore(deposit, booked, "payments.deposit_reinstated", actor)
            done = "refund failed"
        _save(deposit)
        _tell(deposit)
    return done


def _suspended(key: str) -> bool:
    found = posting.posted(key)
    return found is not None and found.kind == posting.SUSPENSE_OUT


def _suspense_refunded(deposit: Deposit, refund: RefundStatus, key: str, actor: Actor) -> str:
    """A refund at the provider of a payment in another currency: it leaves suspense; one that fails comes back."""
    done = "nothing"
    if posting.posted(key) is None:
        taken = suspense.suspense_back(deposit, refund.amount, key=key, actor=actor)
        done = "nothing taken" if taken is None else "refunded"
    booked = posting.posted(key)
    if refund.state is RefundState.FAILED and booked and not posting.posted(f"{key}:undone"):
        suspense.suspense_restore(deposit, booked, actor=actor)
        done = "refund failed"
    return done


def _take_back(
    deposit: Deposit, taken: Money | None, *, kind: str, key: str, attention: str, actor: Actor
) -> Money | None:
    """Book money that is the payer's again, and say so. A person has to look where it returns None: the money is of
    another currency, or none was left to take (the payer's bank disputes what had been given back before).
    """
    received = deposit.received or deposit.amount
    if taken is None:
        taken = Money(received.minor - (deposit.reversed_minor or 0), deposit.currency)
    if taken.currency != deposit.currency or taken.minor <= 0:
        deposit.attention = "currency" if taken.currency != deposit.currency else attention
        return None
    own = posting.taken_back_post(deposit, taken, kind=kind, key=key, actor=actor)
    deposit.reversed_minor = (deposit.reversed_minor or 0) + taken.minor
    deposit.attention = attention if own == taken else "reversed_uncovered"
    if deposit.reversed_minor >= received.minor:
        deposit.state = DepositState.REVERSED
        first.first_gone(deposit, actor=actor)
    if kind == posting.REVERSAL:
        freezes.freeze_begin(deposit, lost=taken, uncovered=taken - own, actor=actor)
    publish(
        events.DepositReversed(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=taken,
            provider=deposit.provider_account.kind,
            method=deposit.method,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id,
        after={"taken": str(taken), "from_wallet": str(own)},
    )  # fmt: skip
    return taken


def _restore(deposit: Deposit, taken: Transfer, kind: str, actor: Actor) -> None:
    """What had been taken back is ours again."""
    amount = posting.restored_post(deposit, taken, actor=actor)
    deposit.reversed_minor = max(0, (deposit.reversed_minor or 0) - amount.minor)
    if deposit.reversed_minor < (deposit.received_minor or 0):
        deposit.state = DepositState.CREDITED
        deposit.attention = deposit.failure = deposit.failure_text = ""
        first.first_back(deposit, actor=actor)
    if taken.kind == posting.REVERSAL:
        freezes.freeze_undo(deposit, actor=actor)
    publish(
        events.DepositReinstated(
            deposit_id=deposit.pk,
            client_id=deposit.client_id,
            amount=amount,
            provider=deposit.provider_account.kind,
            method=deposit.method,
        ),
        aggregate=f"deposit:{deposit.pk}",
        actor=actor,
    )
    _line(deposit, kind, actor, once=str(taken.pk), amount=amount)
    audit.record(
        actor=actor, action=kind, obj=deposit, subject=deposit.client_id, after={"amount": str(amount)}
    )  # fmt: skip


_MOVES = {
    PaymentState.OPEN: _still_open,
    PaymentState.AUTHORISED: _authorised,
    PaymentState.DELAYED: _delayed,
    PaymentState.PAID: _paid,
    PaymentState.FAILED: _failed,
    PaymentState.EXPIRED: _expired,
    PaymentState.REVERSED: _reversed,
    PaymentState.REINSTATED: _reinstated,
}


def _line(deposit: Deposit, kind: str, actor: Actor, *, once: str = "", **data: object) -> None:
    timeline_add(
        client_id=deposit.client_id,
        kind=kind,
        actor=actor,
        data={"deposit_id": deposit.pk, "reference": deposit.reference, **data},
        dedupe_key=":".join(filter(None, (kind, str(deposit.pk), once))),
    )


def deposit_ask(*, deposit_id: UUID, actor: Actor) -> str:
    """Ask the provider how a deposit stands, and take in the answer. What the sweep and the "Ask again" button do."""
    if actor.kind != "system":
        actor.require(DEPOSIT_MANAGE)
    deposit = Deposit.objects.select_related("provider_account").get(pk=deposit_id)
    Deposit.objects.filter(pk=deposit_id).update(asked_at=clock.now())
    if not deposit.provider_reference or not registry.capabilities(deposit.provider_account.kind).asks:
        return _gone_quiet(deposit)
    try:
        status = provider_of(deposit.provider_account).fetch_deposit(deposit.provider_reference)
    except Unavailable:
        health.call_failed(deposit.provider_account_id)
        return "no answer"
    except OutcomeUnknown:
        return "no answer"
    except AppError as error:
        log.warning("deposit_unknown_there", deposit=str(deposit_id), error=str(error))
        closed = _gone_quiet(deposit) if isinstance(error, Rejected) else "nothing"
        return closed if closed != "nothing" else "not known there"
    health.call_worked(deposit.provider_account_id)
    return deposit_apply(deposit_id=deposit_id, status=status, actor=actor)


def _gone_quiet(deposit: Deposit) -> str:
    """No page was ever shown, the provider only calls us, or it has forgotten the payment (PayPal drops orders that nobody
    agreed to): after a day without news it is closed."""
    waiting = (DepositState.CREATED, DepositState.PENDING)
    if deposit.state not in waiting or clock.now() - deposit.created_at < PAGE_LIFE:
        return "nothing"
    nothing = DepositStatus(state=PaymentState.EXPIRED, provider_reference="")
    return deposit_apply(deposit_id=deposit.pk, status=nothing, actor=SWEEP)


def deposit_close(*, actor: Actor, deposit_id: UUID, reason: str) -> Deposit:
    """Give up an open deposit by hand (a wire that never came). Money that still arrives will credit it."""
    with transaction.atomic():
        deposit = _locked(deposit_id)
        actor.require(DEPOSIT_MANAGE, deposit.client)
        if deposit.state not in OPEN_DEPOSITS:
            raise WrongState
        deposit.failure, deposit.failure_text = "closed", reason[:300]
        _close(deposit, DepositState.FAILED, actor)
        audit.record(
            actor=actor, action="payments.deposit_closed", obj=deposit, subject=deposit.client_id, reason=reason
        )
    return deposit


def deposit_looked_at(*, actor: Actor, deposit_id: UUID) -> Deposit:
    """A person has looked at what stood out; it no longer waits. Raises WrongState when nothing did."""
    with transaction.atomic():
        deposit = _locked(deposit_id)
        actor.require(DEPOSIT_MANAGE, deposit.client)
        if not deposit.attention:
            raise WrongState
        was, deposit.attention = deposit.attention, ""
        _save(deposit)
        _tell(deposit)
        audit.record(
            actor=actor, action="payments.deposit_looked_at", obj=deposit, subject=deposit.client_id,
            before={"attention": was}, after={"attention": ""},
        )  # fmt: skip
    return deposit
