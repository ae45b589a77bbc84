"""The ledger side of payments. Keys are made of our ids, so that a repeated posting is the posting there already.

Legs (positive = the account's balance rises):
    deposit      clearing:<provider account> −received · client's wallet +(received − fee) · house fees +fee
    reversal     client's wallet −taken, house suspense −what the wallet no longer holds of it · clearing +taken
    refunded     the same, for a refund made at the provider and not by us; both are mirrored when they come undone
    suspense     another currency came: clearing −received · house suspense +received, both in that currency
    decided      suspense −left · client's wallet +left, or clearing +left when it was sent back or taken back
    fee          of the provider, in its currency: clearing +fee · house provider_fees −fee
    frozen       (capture of a freeze's hold) client's wallet −amount · suspense +amount: covers a loss of the house
    withdrawal   (capture of the part's hold) client's wallet −amount · clearing +amount
    returned     a refund that failed after it had been paid: clearing −amount · client's wallet +amount
    told         what came was presumed, and the provider says otherwise: the deposit's legs by the difference, where less
                 came and the wallet no longer has it out of suspense
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.actors import Actor
from kernel.money import Money
from tenant_apps.ledger.errors import AccountFrozen, InsufficientFunds
from tenant_apps.ledger.models import Account, Entry, Hold, Transfer
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, hold_capture, hold_place, hold_void, post, reverse
from tenant_apps.wallets.services import wallet_ensure

from ..models import Deposit, Freeze, ProviderAccount, WithdrawalPart

DEPOSIT = "payments.deposit"
REVERSAL = "payments.deposit_reversed"
REFUNDED = "payments.deposit_refunded"
SUSPENDED = "payments.suspense"
SUSPENSE_OUT = "payments.suspense_out"
PROVIDER_FEE = "payments.provider_fee"
TOLD = "payments.deposit_told"
FROZEN = "payments.frozen"
WITHDRAWAL = "payments.withdrawal"
RETURNED = "payments.withdrawal_returned"


def clearing(account: ProviderAccount, currency: str) -> Account:
    """What the provider owes us, as the negative of this account's balance; it ages to zero with settlements."""
    return account_ensure(owner=HOUSE, kind=f"clearing:{account.pk}", currency=currency)


def _fees(currency: str) -> Account:
    return account_ensure(owner=HOUSE, kind="fees", currency=currency)


def _suspense(currency: str) -> Account:
    return account_ensure(owner=HOUSE, kind="suspense", currency=currency)


def _told(deposit: Deposit) -> Mapping[str, Any]:
    return {"reference": deposit.reference, "deposit_id": str(deposit.pk), "method": deposit.method}


def deposit_post(deposit: Deposit, received: Money, fee: Money, *, actor: Actor, presumed: bool = False) -> Transfer:
    """Credit a deposit. The second call with the same deposit is the first one's transfer. `presumed`: nobody said yet how
    much came, only that it did."""
    wallet = wallet_ensure(client_id=deposit.client_id, currency=deposit.currency)
    legs = [Leg(clearing(deposit.provider_account, deposit.currency), -received), Leg(wallet, received - fee)]
    if fee:
        legs.append(Leg(_fees(deposit.currency), fee))
    data = {**_told(deposit), **({"presumed": True} if presumed else {})}
    return post(kind=DEPOSIT, legs=legs, key=f"payments.deposit:{deposit.pk}", actor=actor, data=data)


def presumed(deposit: Deposit) -> bool:
    """Whether what came was only presumed when it was credited, and has not been corrected since."""
    credited = posted(f"payments.deposit:{deposit.pk}")
    return credited is not None and bool(credited.data.get("presumed")) and posted(_told_key(deposit)) is None


def _told_key(deposit: Deposit) -> str:
    return f"payments.deposit:{deposit.pk}:told"


def told_post(deposit: Deposit, more: Money, fee: Money, *, actor: Actor) -> Transfer:
    """Correct a presumed credit, once. `more` and `fee` are differences and may be negative."""
    wallet = wallet_ensure(client_id=deposit.client_id, currency=deposit.currency)
    net = more - fee
    own = net if net.minor >= 0 else -Money(min(-net.minor, _takeable(wallet)), net.currency)
    legs = [
        Leg(clearing(deposit.provider_account, deposit.currency), -more), Leg(wallet, own),
        Leg(_suspense(deposit.currency), net - own), Leg(_fees(deposit.currency), fee),
    ]  # fmt: skip
    legs = [leg for leg in legs if leg.amount]
    return post(kind=TOLD, legs=legs, key=_told_key(deposit), actor=actor, data=_told(deposit))


def _takeable(wallet: Account) -> int:
    wallet.refresh_from_db()
    return 0 if wallet.frozen else max(0, wallet.balance - wallet.held)


def suspense_post(deposit: Deposit, received: Money, *, actor: Actor) -> Transfer:
    """Money of another currency than asked for: the house keeps it in that currency."""
    legs = [
        Leg(clearing(deposit.provider_account, received.currency), -received),
        Leg(_suspense(received.currency), received),
    ]
    return post(
        kind=SUSPENDED, legs=legs, key=f"payments.deposit:{deposit.pk}:suspense", actor=actor, data=_told(deposit)
    )


def suspense_credit_post(deposit: Deposit, *, actor: Actor) -> Transfer:
    """From suspense to the wallet, as a deposit of its own: `deposit` is that one."""
    wallet = wallet_ensure(client_id=deposit.client_id, currency=deposit.currency)
    legs = [Leg(_suspense(deposit.currency), -deposit.amount), Leg(wallet, deposit.amount)]
    return post(kind=DEPOSIT, legs=legs, key=f"payments.deposit:{deposit.pk}", actor=actor, data=_told(deposit))


def suspense_out_post(deposit: Deposit, amount: Money, *, key: str, actor: Actor) -> Transfer:
    """Out of suspense to where it came from."""
    legs = [Leg(_suspense(amount.currency), -amount), Leg(clearing(deposit.provider_account, amount.currency), amount)]
    return post(kind=SUSPENSE_OUT, legs=legs, key=key, actor=actor, data=_told(deposit))


def provider_fees(currency: str) -> Account:
    """What providers have cost us, as the negative of this account's balance."""
    return account_ensure(owner=HOUSE, kind="provider_fees", currency=currency)


def provider_fee_post(deposit: Deposit, fee: Money, *, number: int, actor: Actor) -> Transfer:
    """What the provider keeps, or (negative) the part of it that it had told too much. `number`: how often it was told."""
    legs = [
        Leg(clearing(deposit.provider_account, fee.currency), fee),
        Leg(provider_fees(fee.currency), -fee),
    ]
    key = f"payments.deposit:{deposit.pk}:fee:{number}"
    return post(kind=PROVIDER_FEE, legs=legs, key=key, actor=actor, data=_told(deposit))


def freeze_hold(freeze: Freeze, amount: Money, *, actor: Actor) -> Hold:
    """Set aside what came since. Raises InsufficientFunds, AccountFrozen."""
    wallet = wallet_ensure(client_id=freeze.client_id, currency=freeze.currency)
    key = f"payments.freeze:{freeze.pk}:{len(freeze.holds) + len(freeze.taken)}"
    return hold_place(account=wallet, amount=amount, key=key, actor=actor, data=_told(freeze.deposit))


def freeze_capture(freeze: Freeze, hold_id: str, *, actor: Actor) -> Transfer:
    """What was set aside covers the loss."""
    hold = Hold.objects.get(pk=hold_id)
    wallet = wallet_ensure(client_id=freeze.client_id, currency=freeze.currency)
    amount = Money(hold.amount, freeze.currency)
    legs = [Leg(wallet, -amount), Leg(_suspense(freeze.currency), amount)]
    return hold_capture(
        hold=hold, kind=FROZEN, legs=legs, key=f"payments.freeze:{hold.pk}:taken", actor=actor,
        data=_told(freeze.deposit),
    )  # fmt: skip


def freeze_release(hold_id: str) -> None:
    hold_void(hold=Hold.objects.get(pk=hold_id))


def undone(key: str, *, deposit: Deposit, actor: Actor) -> None:
    """Mirror a transfer, once."""
    taken = posted(key)
    if taken is not None and posted(f"{key}:undone") is None:
        reverse(transfer=taken, key=f"{key}:undone", actor=actor, data=_told(deposit))


def reversal_key(deposit: Deposit, number: int = 1) -> str:
    """Of one round of a dispute. The first keeps the name it had when only one was booked."""
    return f"payments.deposit:{deposit.pk}:reversed" + (f":{number}" if number > 1 else "")


def refund_key(deposit: Deposit, reference: str) -> str:
    return f"payments.deposit:{deposit.pk}:refund:{reference}"[:150]


def posted(key: str) -> Transfer | None:
    return Transfer.objects.filter(key=key).first()


def taken_back_post(deposit: Deposit, taken: Money, *, kind: str, key: str, actor: Actor) -> Money:
    """Book money that went back to the payer without us. Returns what the wallet still had of it; the house carries the
    rest. Under the deposit's lock, after `posted(key)` said no: the legs depend on the moment."""
    wallet = wallet_ensure(client_id=deposit.client_id, currency=deposit.currency)
    for _ in range(3):
        own = Money(min(taken.minor, _takeable(wallet)), taken.currency)
        try:
            _taken_back(deposit, wallet, own, taken - own, kind=kind, key=key, actor=actor)
        except (InsufficientFunds, AccountFrozen):
            continue  # somebody else was at the wallet between reading and posting
        return own
    nothing = Money.zero(taken.currency)
    _taken_back(deposit, wallet, nothing, taken, kind=kind, key=key, actor=actor)
    return nothing


def _taken_back(
    deposit: Deposit, wallet: Account, own: Money, loss: Money, *, kind: str, key: str, actor: Actor
) -> Transfer:
    legs = [Leg(wallet, -own), Leg(_suspense(deposit.currency), -loss)]
    legs = [leg for leg in legs if leg.amount]
    legs.append(Leg(clearing(deposit.provider_account, deposit.currency), own + loss))
    return post(kind=kind, legs=legs, key=key, actor=actor, data=_told(deposit))


def restored_post(deposit: Deposit, taken: Transfer, *, actor: Actor, currency: str = "") -> Money:
    """Undo what `taken_back_post` or `suspense_out_post` booked, leg by leg. Returns the amount, in the deposit's currency
    unless another came. Raises AlreadyReversed."""
    back = reverse(transfer=taken, key=f"{taken.key}:undone", actor=actor, data=_told(deposit))
    account = clearing(deposit.provider_account, currency or deposit.currency)
    return account.money(
        -sum(Entry.objects.filter(transfer_id=back.pk, account_id=account.pk).values_list("amount", flat=True))
    )


def part_hold(part: WithdrawalPart, *, actor: Actor) -> Hold:
    """Set a part's amount aside. Raises InsufficientFunds."""
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    data = {"reference": part.withdrawal.reference, "withdrawal_id": str(part.withdrawal_id)}
    return hold_place(account=wallet, amount=part.amount, key=f"payments.part:{part.pk}", actor=actor, data=data)


def part_capture(part: WithdrawalPart, *, actor: Actor) -> Transfer:
    """The part has been paid: what was held leaves the wallet."""
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    legs = [Leg(wallet, -part.amount), Leg(clearing(part.provider_account, part.currency), part.amount)]
    return hold_capture(
        hold=Hold.objects.get(pk=part.hold_id),
        kind=WITHDRAWAL,
        legs=legs,
        key=f"payments.part:{part.pk}:paid",
        actor=actor,
        data={"reference": part.withdrawal.reference, "withdrawal_id": str(part.withdrawal_id)},
    )


def part_release(part: WithdrawalPart) -> None:
    hold_void(hold=Hold.objects.get(pk=part.hold_id))


def part_return(part: WithdrawalPart, *, actor: Actor) -> Transfer:
    """A refund that had succeeded failed after all: the money is the client's again."""
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    legs = [Leg(clearing(part.provider_account, part.currency), -part.amount), Leg(wallet, part.amount)]
    return post(
        kind=RETURNED,
        legs=legs,
        key=f"payments.part:{part.pk}:returned",
        actor=actor,
        data={"reference": part.withdrawal.reference, "withdrawal_id": str(part.withdrawal_id)},
    )
