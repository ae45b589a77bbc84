"""Money between a client's wallet and trading account.

Each transfer is one row, one command and at most two ledger transfers, all keyed by the row: whatever is killed wherever,
the steps that are missing are done once, and none twice.

Wallet to account: wallet → in_transit in the transaction that writes the command; when the server has the money,
in_transit → mirror; when it refuses, in_transit → wallet.
Account to wallet: what other apps lay claim to first (`leaving`: a bonus that the money carried) and a hold on the mirror
in the transaction that writes the command; when what goes first has gone, the server takes the money (checking its
margin), then the hold is captured mirror → wallet; when it refuses, the hold is released. What is surely too much is
refused before any of that, by the server's last word; the server decides about the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from kernel import audit, clock, commands
from kernel.actors import Actor
from kernel.errors import Conflict
from kernel.events import publish
from kernel.live.publish import publish as tell
from kernel.models import Command
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger import services as ledger
from tenant_apps.ledger.models import Hold
from tenant_apps.trading import leaving, ledgers
from tenant_apps.trading.errors import AccountNotReady, AmountRefused, CurrencyDiffers, NotEnoughFree
from tenant_apps.trading.events import BalanceApplied, BalanceRefused
from tenant_apps.trading.models import AccountState, Direction, TradingAccount, Transfer, TransferState

KIND = "trading.balance"
FRESH = timedelta(minutes=5)


def transfer_to_account(
    *, actor: Actor, account: TradingAccount, amount: Money, key: str, reason: str = ""
) -> Transfer:
    """Begin wallet → account. The same key gives the same transfer, and for another request Conflict.

    An account still being opened is fine: the operation waits for it. Raises AmountRefused, CurrencyDiffers,
    AccountNotReady, InsufficientFunds, Conflict.
    """
    states = (AccountState.OPEN, AccountState.OPENING)
    _check(account, amount, states=states)
    with transaction.atomic():
        _stay(account, states)
        row, is_new = _row(account, Direction.TO_ACCOUNT, amount, key)
        if is_new:
            ledger.post(
                kind="trading.to_account",
                legs=[ledger.Leg(ledgers.wallet(account), -amount), ledger.Leg(ledgers.in_transit(account), amount)],
                key=f"{_key(row)}:begun",
                actor=actor,
                data=_data(row),
            )
            _issue(row, actor, reason)
    return row


def transfer_to_wallet(*, actor: Actor, account: TradingAccount, amount: Money, key: str, reason: str = "") -> Transfer:
    """Begin account → wallet. The same key gives the same transfer, and for another request Conflict.

    Raises AmountRefused, CurrencyDiffers, AccountNotReady, NotEnoughFree, Conflict.

    Whether the free margin suffices is in the end the server's to say (10019 at MT5); its refusal releases the hold.
    """
    _check(account, amount, states=(AccountState.OPEN,))
    with transaction.atomic():
        _stay(account, (AccountState.OPEN,))
        row, is_new = _row(account, Direction.TO_WALLET, amount, key)
        if is_new:
            _within_free(account, amount, now=row.created_at)
            first = leaving.before(row, actor)
            ledger.hold_place(
                account=ledgers.mirror(account), amount=amount, key=f"{_key(row)}:hold", actor=actor, data=_data(row)
            )
            _issue(row, actor, reason, after=first)
    return row


def demo_money(*, actor: Actor, account: TradingAccount, amount: Money, key: str) -> Transfer:
    """Practice money: it exists on the server only."""
    with transaction.atomic():
        row, is_new = _row(account, Direction.DEMO, amount, key)
        if is_new:
            _issue(row, actor, "")
    return row


def _check(account: TradingAccount, amount: Money, *, states: tuple[str, ...]) -> None:
    if amount.minor <= 0:
        raise AmountRefused(field="amount")
    if amount.currency != account.currency:
        raise CurrencyDiffers(field="amount")
    if account.state not in states or not account.live:
        raise AccountNotReady


def withdrawable(account: TradingAccount, *, now: datetime) -> Money | None:
    """The account's `own_free`.

    None when that word is too old to refuse by: older than a transfer that has ended since, or, while positions are open
    and the numbers should tick, older than `FRESH`.
    """
    seen = account.seen_at
    if seen is None or (account.margin and now - seen > FRESH):
        return None
    ended = account.transfers.exclude(finished_at=None).order_by("-finished_at").values_list("finished_at", flat=True)
    if (last := ended.first()) is not None and last >= seen:
        return None
    return account.own_free


def _within_free(account: TradingAccount, amount: Money, *, now: datetime) -> None:
    most = withdrawable(TradingAccount.objects.get(pk=account.pk), now=now)
    if most is not None and amount > most:
        raise NotEnoughFree(field="amount", most=money_isolated(most))


def _stay(account: TradingAccount, states: tuple[str, ...]) -> None:
    """The account as it is now, until we are done: money must not set out for one that is being archived."""
    fresh = TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    leaving = Command.objects.filter(aggregate=account.aggregate, kind="trading.archive", state__in=commands.OPEN)
    if fresh.state not in states or leaving.exists():
        raise AccountNotReady


def _row(account: TradingAccount, direction: str, amount: Money, key: str) -> tuple[Transfer, bool]:
    """The transfer of this key; a second caller waits for the first one's transaction at the unique key."""
    row, is_new = Transfer.objects.get_or_create(
        key=key[:120],
        defaults={
            "account": account,
            "client_id": account.client_id,
            "direction": direction,
            "amount_minor": amount.minor,
            "currency": amount.currency,
        },
    )
    if (row.account_id, row.direction, row.amount) != (account.pk, direction, amount):
        raise Conflict(key=key)
    return row, is_new


def _key(row: Transfer) -> str:
    return f"trading.transfer:{row.pk}"


def _data(row: Transfer) -> dict[str, str]:
    return {"transfer_id": str(row.pk), "reference": str(row.account), "account_id": str(row.account_id)}


def deposit_key(deposit_id: object) -> str:
    """The key of the transfer that passes a deposit on to the account it was made for."""
    return f"deposit:{deposit_id}"


def deposit_stays_key(deposit_id: object) -> str:
    """The key of the timeline's word that a deposit could not be passed on and stays in the wallet."""
    return f"trading.deposit:{deposit_id}"


def deposit_of(row: Transfer) -> UUID | None:
    """The deposit that this transfer passes on, if it passes one on."""
    name, _, rest = row.key.partition(":")
    return UUID(rest) if name == "deposit" and row.direction == Direction.TO_ACCOUNT else None


def _issue(row: Transfer, actor: Actor, reason: str, *, after: Sequence[UUID] = ()) -> None:
    account = row.account
    commands.issue(
        KIND,
        aggregate=account.aggregate,
        payload={
            "account_id": account.pk,
            "transfer_id": row.pk,
            "amount": row.amount,
            "direction": row.direction,
            **({"after": list(after)} if after else {}),
        },
        actor=actor,
        reason=reason,
        before={"balance": account.balance},
        command_id=row.command_id,
    )
    audit.record(
        actor=actor,
        action="trading.transfer_requested",
        obj=row,
        subject=row.client_id,
        reason=reason,
        after={"direction": row.direction, "amount": row.amount.as_json(), "login": account.login},
    )
    _tell(row)


def applied(row: Transfer, *, deal: int, actor: Actor) -> None:
    """The server has carried it out as `deal`. In the transaction that marks the command."""
    if row.state != TransferState.PENDING:
        return
    account, amount = row.account, row.amount
    if row.direction == Direction.TO_ACCOUNT:
        ledger.post(
            kind="trading.to_account",
            legs=[ledger.Leg(ledgers.in_transit(account), -amount), ledger.Leg(ledgers.mirror(account), amount)],
            key=f"{_key(row)}:done",
            actor=actor,
            data={**_data(row), "deal": deal},
        )
    elif row.direction == Direction.TO_WALLET:
        ledger.hold_capture(
            hold=Hold.objects.get(key=f"{_key(row)}:hold"),
            kind="trading.to_wallet",
            legs=[ledger.Leg(ledgers.mirror(account), -amount), ledger.Leg(ledgers.wallet(account), amount)],
            key=f"{_key(row)}:done",
            actor=actor,
            data={**_data(row), "deal": deal},
        )
    row.deal = deal
    _finish(row, TransferState.DONE, actor)
    if row.direction != Direction.DEMO:
        publish(
            BalanceApplied(
                account_id=account.pk,
                client_id=row.client_id,
                transfer_id=row.pk,
                direction=row.direction,
                amount=amount,
                deal_id=deal,
            ),
            aggregate=account.aggregate,
            actor=actor,
        )


def refused(row: Transfer, *, problem: str, actor: Actor) -> None:
    """The server refused: money goes back to where it was. In the transaction that marks the command."""
    if row.state != TransferState.PENDING:
        return
    account, amount = row.account, row.amount
    if row.direction == Direction.TO_ACCOUNT:
        ledger.post(
            kind="trading.to_account_refused",
            legs=[ledger.Leg(ledgers.in_transit(account), -amount), ledger.Leg(ledgers.wallet(account), amount)],
            key=f"{_key(row)}:back",
            actor=actor,
            data=_data(row),
        )
    elif row.direction == Direction.TO_WALLET:
        ledger.hold_void(hold=Hold.objects.get(key=f"{_key(row)}:hold"))
    row.problem = problem[:60]
    _finish(row, TransferState.FAILED, actor)
    publish(
        BalanceRefused(
            account_id=account.pk,
            client_id=row.client_id,
            transfer_id=row.pk,
            direction=row.direction,
            amount=amount,
            problem=row.problem,
        ),
        aggregate=account.aggregate,
        actor=actor,
    )


def _finish(row: Transfer, state: str, actor: Actor) -> None:
    row.state = state
    row.finished_at = row.updated_at = clock.now()
    row.save(update_fields=["state", "deal", "problem", "finished_at", "updated_at"])
    timeline_add(
        client_id=row.client_id,
        kind=f"trading.transfer_{state}",
        actor=actor,
        data={
            "amount": row.amount,
            "login": str(row.account.login or ""),
            "direction": row.direction,
            "problem": row.problem,
        },
        dedupe_key=f"trading.transfer:{row.pk}",
    )
    _tell(row)


def _tell(row: Transfer) -> None:
    tell(f"client:{row.client_id}", {"transfer": str(row.pk), "state": row.state})
    tell("money", {"transfer": row.state})
    if row.account.ledger_kind:
        tell(row.account.book_topic, {"transfer": row.state})
