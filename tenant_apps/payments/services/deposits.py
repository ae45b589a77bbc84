"""Deposits: starting one, and taking in what the provider says of it. Crediting happens here and nowhere else.

Invariants. A deposit is credited at most once: its state is moved under the row's lock and the ledger's key is its id, so
duplicates, re-deliveries out of order and a worker killed anywhere leave one effect. Only a verified webhook, an answer
to our own question, or a bank statement credits; the payer's browser never does. What really came is credited, in the
deposit's own currency or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import short_id
from kernel.logs import log
from kernel.money import Money
from kernel.tenancy import context
from tenant_apps.clients.models import Client
from tenant_apps.payments.actors import CASHIER, SWEEP

from .. import addresses, registry
from ..errors import MethodNotOffered, WrongState
from ..models import OPEN_DEPOSITS, Deposit, DepositState, ProviderAccount, SuspensePayment
from ..permissions_list import DEPOSIT_MANAGE
from ..ports import DepositOrder, DepositStatus, Payer, PaymentState
from . import deposit_limits, funds, health, refusals, velocity
from .crediting import VOIDED, paid
from .deposit_rows import applied, closed, locked, save, tell
from .losses import reinstated, taken_back
from .news import ask_no_more, let_go
from .offers import offer_for, tried_accounts
from .providers import provider_at_work, provider_of
from .routing import Offer, cost_of, device_of, fee_of, passed_on_of

PAGE_LIFE = timedelta(hours=24)
ADDRESS_LIFE = timedelta(days=3)  # how long one who was shown an address may take, before the deposit counts as left


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
        funds.check(client, amount, attempt=attempt)
        deposit = Deposit.objects.create(
            client=client,
            reference=f"D{short_id(8).upper()}",
            amount_minor=amount.minor,
            currency=amount.currency,
            fee_minor=fee_of(rule, amount).minor,
            cost_minor=cost_of(rule, amount).minor,
            passed_on_minor=passed_on_of(rule, amount).minor,
            provider_account=offer.account,
            rule=rule,
            attempt=attempt,
            attention="velocity" if unusual else "",
            method=offer.method.code,
            target_trading_account_id=target_trading_account_id,
            language=language,
        )
        tell(deposit)
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
        deposit = locked(deposit_id)
        if deposit.state == DepositState.CREATED:
            deposit.state = DepositState.PENDING
            deposit.pending_at = clock.now()
        deposit.provider_reference = deposit.provider_reference or redirect.provider_reference
        deposit.payment_url = redirect.url
        deposit.instructions = dict(redirect.instructions)
        save(deposit)
        tell(deposit)
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
        deposit = locked(deposit_id)
        if deposit.state == DepositState.CREATED:
            deposit.failure, deposit.failure_text = "refused", words[:300]
            closed(deposit, DepositState.FAILED, CASHIER)


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
    return applied(deposit_id, _MOVES[status.state], status, actor)


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
        return taken_back(deposit, status, actor)
    if deposit.state not in OPEN_DEPOSITS:
        return "nothing"
    deposit.failure = status.failure or "declined"
    deposit.failure_text = status.failure_text[:300]
    return closed(deposit, DepositState.FAILED, actor)


def _expired(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    """A session ran out. A debit that is on its way does not expire with its page."""
    if deposit.state not in (DepositState.CREATED, DepositState.PENDING):
        return "nothing"
    return closed(deposit, DepositState.EXPIRED, actor)


def _reversed(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    return taken_back(deposit, in_its_currency(deposit, status), actor)


def _reinstated(deposit: Deposit, status: DepositStatus, actor: Actor) -> str:
    return reinstated(deposit, in_its_currency(deposit, status), actor)


def in_its_currency(deposit: Deposit, status: DepositStatus) -> DepositStatus:
    """A bank may name a loss in a currency of its own. What the client lost is a payment, and that is taken whole."""
    if not status.bank_amount or status.amount is None:
        return status
    came = SuspensePayment.objects.filter(deposit=deposit).values_list("currency", flat=True).first()
    return status if status.amount.currency == (came or deposit.currency) else replace(status, amount=None)


_MOVES = {
    PaymentState.OPEN: _still_open,
    PaymentState.AUTHORISED: _authorised,
    PaymentState.DELAYED: _delayed,
    PaymentState.PAID: paid,
    PaymentState.FAILED: _failed,
    PaymentState.EXPIRED: _expired,
    PaymentState.REVERSED: _reversed,
    PaymentState.REINSTATED: _reinstated,
}


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
    if status.state is PaymentState.OPEN and registry.capabilities(deposit.provider_account.kind).addresses:
        done = _gone_quiet(deposit, ADDRESS_LIFE)
    else:
        done = deposit_apply(deposit_id=deposit_id, status=status, actor=actor)
    ask_no_more(deposit)
    return done


def _gone_quiet(deposit: Deposit, life: timedelta = PAGE_LIFE) -> str:
    """No page was ever shown, the provider only calls us, or it has forgotten the payment (PayPal drops orders that nobody
    agreed to): after a day without news it is closed. News that nothing can be learnt of is let go."""
    let_go(deposit)
    waiting = (DepositState.CREATED, DepositState.PENDING)
    if deposit.state not in waiting or clock.now() - deposit.created_at < life:
        return "nothing"
    nothing = DepositStatus(state=PaymentState.EXPIRED, provider_reference="")
    return deposit_apply(deposit_id=deposit.pk, status=nothing, actor=SWEEP)


def deposit_close(*, actor: Actor, deposit_id: UUID, reason: str) -> Deposit:
    """Give up an open deposit by hand (a wire that never came). Money that still arrives will credit it."""
    with transaction.atomic():
        deposit = locked(deposit_id)
        actor.require(DEPOSIT_MANAGE, deposit.client)
        if deposit.state not in OPEN_DEPOSITS:
            raise WrongState
        deposit.failure, deposit.failure_text = "closed", reason[:300]
        closed(deposit, DepositState.FAILED, actor)
        audit.record(
            actor=actor, action="payments.deposit_closed", obj=deposit, subject=deposit.client_id, reason=reason
        )
    return deposit


def deposit_looked_at(*, actor: Actor, deposit_id: UUID) -> Deposit:
    """A person has looked at what stood out; it no longer waits. Raises WrongState when nothing did."""
    with transaction.atomic():
        deposit = locked(deposit_id)
        actor.require(DEPOSIT_MANAGE, deposit.client)
        if not deposit.attention:
            raise WrongState
        was, deposit.attention = deposit.attention, ""
        save(deposit)
        tell(deposit)
        audit.record(
            actor=actor, action="payments.deposit_looked_at", obj=deposit, subject=deposit.client_id,
            before={"attention": was}, after={"attention": ""},
        )  # fmt: skip
    return deposit
