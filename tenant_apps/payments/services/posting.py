"""The ledger side of payments. Keys are made of our ids, so that a repeated posting is the posting there already.

Invariant of parts: one that is paid has taken its amount and its fee, one that is not has taken neither. What the wallet does
not have of a part that was paid late the house carries, its fee included.

Legs (positive = the account's balance rises):
    deposit      clearing:<provider account> −received · client's wallet +(received − fee) · house fees +fee
    reversal     client's wallet −taken, house suspense −what the wallet no longer holds of it · clearing +taken
    refunded     the same, for a refund made at the provider and not by us; both are mirrored when they come undone
    suspense     another currency came: clearing −received · house suspense +received, both in that currency
    decided      suspense −left · client's wallet +left, or clearing +left when it was sent back or taken back
    fee          of the provider, in its currency: clearing +fee · house provider_fees −fee
    frozen       (capture of a freeze's hold) client's wallet −amount · suspense +amount: covers a loss of the house
    withdrawal   (capture of the part's hold) client's wallet −(amount + fee) · clearing +amount · house fees +fee
    returned     a refund that failed after it had been paid, leg by leg: clearing −amount · house fees −fee · client's wallet
                 +(amount + fee)
    told         what came was presumed, and the provider says otherwise: the deposit's legs by the difference, where less
                 came and the wallet no longer has it out of suspense
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from kernel.actors import Actor
from kernel.ids import short_id
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


def told_post(deposit: Deposit, more: Money, fee: Money, *, relief: Money | None, actor: Actor) -> Money:
    """Correct a presumed credit, once. `more` and `fee` are differences and may be negative. Returns what the wallet does
    not have of it, which the house carries.

    `relief`: all that came was taken back, so what came and what went change alike and clearing does not; so much less is
    what the house carries of it. None: nothing was.
    """
    wallet = wallet_ensure(client_id=deposit.client_id, currency=deposit.currency)
    nothing = Money.zero(deposit.currency)
    came, relieved = (more, nothing) if relief is None else (nothing, relief)
    net = came - relieved - fee

    def booked(own: Money) -> None:
        legs = [
            Leg(clearing(deposit.provider_account, deposit.currency), -came), Leg(wallet, own),
            Leg(_suspense(deposit.currency), relieved + net - own), Leg(_fees(deposit.currency), fee),
        ]  # fmt: skip
        legs = [leg for leg in legs if leg.amount]
        if legs:
            post(kind=TOLD, legs=legs, key=_told_key(deposit), actor=actor, data=_told(deposit))

    return _from_wallet(wallet, -net, lambda taken: booked(-taken))


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


def sent_back_key(deposit_id: UUID) -> str:
    """Of what left suspense because two people decided so: the first time under this key, further ones by `unused`."""
    return f"payments.deposit:{deposit_id}:suspense:refunded"


def provider_fees(currency: str) -> Account:
    """What providers have cost us, as the negative of this account's balance."""
    return account_ensure(owner=HOUSE, kind="provider_fees", currency=currency)


def provider_fee_post(deposit: Deposit, fee: Money, *, number: int, actor: Actor) -> Transfer:
    """What the provider keeps, or (negative) the part of it that it had told too much. `number`: how often it was told."""
    key = f"payments.deposit:{deposit.pk}:fee:{number}"
    legs = _fee_legs(deposit.provider_account, fee)
    return post(kind=PROVIDER_FEE, legs=legs, key=key, actor=actor, data=_told(deposit))


def part_fee_post(part: WithdrawalPart, fee: Money, *, number: int, actor: Actor) -> Transfer:
    """As `provider_fee_post`, of what the provider takes for paying the part out."""
    key = f"payments.part:{part.pk}:fee:{number}"
    legs = _fee_legs(part.provider_account, fee)
    return post(kind=PROVIDER_FEE, legs=legs, key=key, actor=actor, data=_told_of(part))


def _fee_legs(account: ProviderAccount, fee: Money) -> list[Leg]:
    return [Leg(clearing(account, fee.currency), fee), Leg(provider_fees(fee.currency), -fee)]


def freeze_hold(freeze: Freeze, amount: Money, *, actor: Actor) -> Hold:
    """Set aside what came since. Raises InsufficientFunds, AccountFrozen."""
    wallet = wallet_ensure(client_id=freeze.client_id, currency=freeze.currency)
    key = f"payments.freeze:{freeze.pk}:{short_id(10)}"  # it is set aside and written down in one transaction
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


def unused(key: str) -> str:
    """The first of key, key:2, key:3 … that nothing is posted under: for what may rightly happen again. Whoever calls sees
    by the row's state, under its lock, that it is to happen now."""
    return _walked(key)[0]


def _walked(key: str) -> tuple[str, Transfer | None]:
    """The first key that is free, and the transfer under the one before it."""
    number, free, last = 1, key, None
    while (found := posted(free)) is not None:
        number, last = number + 1, found
        free = f"{key}:{number}"
    return free, last


def taken_back_post(deposit: Deposit, taken: Money, *, kind: str, key: str, actor: Actor) -> Money:
    """Book money that went back to the payer without us. Returns what the wallet still had of it; the house carries the
    rest. Under the deposit's lock, after `posted(key)` said no: the legs depend on the moment."""
    wallet = wallet_ensure(client_id=deposit.client_id, currency=deposit.currency)

    def booked(own: Money) -> None:
        _taken_back(deposit, wallet, own, taken - own, kind=kind, key=key, actor=actor)

    return taken - _from_wallet(wallet, taken, booked)


def _from_wallet(wallet: Account, wanted: Money, booked: Callable[[Money], None]) -> Money:
    """Book with as much of `wanted` as the wallet has (negative: it gets that). Returns what it has not."""
    for last in (False, False, False, True):
        has = 0 if last else _takeable(wallet)
        own = min(wanted, Money(has, wanted.currency))
        try:
            booked(own)
        except (InsufficientFunds, AccountFrozen):
            if last:
                raise
            continue  # somebody else was at the wallet between reading and posting
        return wanted - own
    raise AssertionError


def _taken_back(
    deposit: Deposit, wallet: Account, own: Money, loss: Money, *, kind: str, key: str, actor: Actor
) -> Transfer:
    legs = [Leg(wallet, -own), Leg(_suspense(deposit.currency), -loss)]
    legs = [leg for leg in legs if leg.amount]
    legs.append(Leg(clearing(deposit.provider_account, deposit.currency), own + loss))
    return post(kind=kind, legs=legs, key=key, actor=actor, data=_told(deposit))


def restored_part_post(deposit: Deposit, taken: Transfer, back: Money, *, house: Money, actor: Actor) -> None:
    """A part of what a round took comes back: first what the house carries of it (`house`), the rest to the wallet."""
    legs = [Leg(clearing(deposit.provider_account, back.currency), -back), Leg(_suspense(back.currency), house)]
    if house != back:
        legs.append(Leg(wallet_ensure(client_id=deposit.client_id, currency=back.currency), back - house))
    legs = [leg for leg in legs if leg.amount]
    post(kind=f"{taken.kind}.reversal", legs=legs, key=f"{taken.key}:undone", actor=actor, data=_told(deposit))


def taken_of(deposit: Deposit, taken: Transfer, *, currency: str = "") -> Money:
    """What a transfer of `taken_back_post` or `suspense_out_post` took, in the deposit's currency unless another came."""
    account = clearing(deposit.provider_account, currency or deposit.currency)
    rows = Entry.objects.filter(transfer_id=taken.pk, account_id=account.pk)
    return account.money(sum(rows.values_list("amount", flat=True)))


def restored_post(deposit: Deposit, taken: Transfer, *, actor: Actor, currency: str = "") -> Money:
    """Undo what `taken_back_post` or `suspense_out_post` booked, leg by leg. Returns the amount, in the deposit's currency
    unless another came. Raises AlreadyReversed."""
    reverse(transfer=taken, key=f"{taken.key}:undone", actor=actor, data=_told(deposit))
    return taken_of(deposit, taken, currency=currency)


def _told_of(part: WithdrawalPart) -> Mapping[str, Any]:
    fee = {"fee": part.fee.as_json()} if part.fee else {}
    return {"reference": part.withdrawal.reference, "withdrawal_id": str(part.withdrawal_id), **fee}


def _sent_and_kept(part: WithdrawalPart) -> list[Leg]:
    """The house's side of a part that is paid: what goes out, and what is ours."""
    legs = [Leg(clearing(part.provider_account, part.currency), part.amount)]
    return [*legs, Leg(_fees(part.currency), part.fee)] if part.fee else legs


def part_hold(part: WithdrawalPart, *, actor: Actor) -> Hold:
    """Set a part's amount and fee aside. Raises InsufficientFunds."""
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    key = f"payments.part:{part.pk}"
    return hold_place(account=wallet, amount=part.gross, key=key, actor=actor, data=_told_of(part))


def part_capture(part: WithdrawalPart, *, actor: Actor) -> Transfer:
    """The part has been paid: what was held leaves the wallet."""
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    legs = [Leg(wallet, -part.gross), *_sent_and_kept(part)]
    return hold_capture(
        hold=Hold.objects.get(pk=part.hold_id),
        kind=WITHDRAWAL,
        legs=legs,
        key=f"payments.part:{part.pk}:paid",
        actor=actor,
        data=_told_of(part),
    )


def part_release(part: WithdrawalPart) -> None:
    hold_void(hold=Hold.objects.get(pk=part.hold_id))


def part_paid_late(part: WithdrawalPart, *, actor: Actor) -> Money:
    """It was paid though it had failed and its hold was released: the amount and the fee again, out of the wallet as far as
    it has them, else the house carries it. Returns what the wallet does not have."""
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    key = unused(_late_key(part))

    def booked(own: Money) -> None:
        legs = [Leg(wallet, -own), Leg(_suspense(part.currency), own - part.gross), *_sent_and_kept(part)]
        legs = [leg for leg in legs if leg.amount]
        post(kind=WITHDRAWAL, legs=legs, key=key, actor=actor, data=_told_of(part))

    return _from_wallet(wallet, part.gross, booked)


def _late_key(part: WithdrawalPart) -> str:
    return f"payments.part:{part.pk}:late"


def part_return(part: WithdrawalPart, *, actor: Actor) -> Transfer:
    """A payment that had succeeded failed after all: what the wallet gave is the client's again, the fee with it."""
    late = _walked(_late_key(part))[1]
    if late is not None:
        return reverse(transfer=late, key=unused(f"payments.part:{part.pk}:returned"), actor=actor, data=late.data)
    wallet = wallet_ensure(client_id=part.withdrawal.client_id, currency=part.currency)
    legs = [*(Leg(leg.account, -leg.amount) for leg in _sent_and_kept(part)), Leg(wallet, part.gross)]
    return post(
        kind=RETURNED,
        legs=legs,
        key=f"payments.part:{part.pk}:returned",
        actor=actor,
        data=_told_of(part),
    )
