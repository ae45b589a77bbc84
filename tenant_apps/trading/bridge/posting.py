"""What deals do to the ledger: each account's mirror goes where they brought the server, in the transaction that stores them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext_lazy

from kernel.actors import named, system
from kernel.money import Money
from tenant_apps.ledger import services as ledger
from tenant_apps.ledger.models import Account
from tenant_apps.trading import ledgers
from tenant_apps.trading.bridge.records import BY_HAND, AccountRef, result_of
from tenant_apps.trading.models import CaseKind, Direction, TradingAccount, TradingServer, Transfer, TransferState
from tenant_apps.trading.operations import command_of
from tenant_apps.trading.ports import Deal, DealKind
from tenant_apps.trading.services import cases

BRIDGE = system(named("trading: bridge", pgettext_lazy("system actor", "Trading server")))
RESULTS = "trading-pnl"
MOST_POSTINGS = ledger.MOST_LEGS // 2  # of two legs each


def post(
    server: TradingServer,
    deals: Iterable[Deal],
    accounts: Mapping[int, AccountRef],
    rows: Mapping[UUID, TradingAccount],
) -> None:
    """Bring the ledger's mirrors to where these deals brought the server. Accounts in one order, against deadlocks."""
    by_account: dict[UUID, list[Deal]] = defaultdict(list)
    refs = {accounts[deal.login].id: accounts[deal.login] for deal in deals}
    for deal in deals:
        if accounts[deal.login].live:
            by_account[accounts[deal.login].id].append(deal)
    books = Books(rows[account_id] for account_id in by_account)
    for account_id in sorted(by_account):
        _post_account(server, rows[account_id], refs[account_id], by_account[account_id], books)
    books.close()


class Books:
    """What is to be posted, in one round trip for many accounts instead of several for each."""

    def __init__(self, accounts: Iterable[TradingAccount]) -> None:
        self._mirrors, results = ledgers.mirrors_and(RESULTS, accounts)
        self._against: dict[tuple[str, str, UUID | None], Account] = {
            (RESULTS, currency, None): account for currency, account in results.items()
        }
        self._postings: list[ledger.Posting] = []

    def move(self, account: TradingAccount, amount: Money, *, house: str, **posting: Any) -> None:
        """As `move`, when the books are closed."""
        place = (house, amount.currency, account.pk if house == ledgers.COPYING else None)
        if place not in self._against:
            self._against[place] = ledgers.against(account, house)
        if account.pk not in self._mirrors:
            self._mirrors[account.pk] = ledgers.mirror(account)
        self.add(self._against[place], self._mirrors[account.pk], amount, **posting)

    def add(self, source: Account, target: Account, amount: Money, **posting: Any) -> None:
        legs = [ledger.Leg(source, -amount), ledger.Leg(target, amount)]
        self._postings.append(ledger.Posting(legs=legs, **posting))

    def close(self) -> None:
        for start in range(0, len(self._postings), MOST_POSTINGS):
            ledger.post_many(postings=self._postings[start : start + MOST_POSTINGS], actor=BRIDGE)


def _post_account(
    server: TradingServer, account: TradingAccount, ref: AccountRef, deals: list[Deal], books: Books
) -> None:
    own = _own_operations(account, deals)
    past: list[Deal] = []
    copied: list[Deal] = []
    traded: list[Deal] = []
    for deal in deals:
        if ref.adopted_at and deal.executed_at < ref.adopted_at:
            past.append(deal)
        elif deal.kind is DealKind.COPY:
            copied.append(deal)
        elif deal.kind not in BY_HAND:
            traded.append(deal)
        elif deal.deal not in own:
            _orphan(server, account, deal, books)
    _post_sum(account, past, "trading-opening", books)
    _open_copies(account, [deal for deal in past if deal.kind is DealKind.COPY], books)
    _won_by_copying(account, copied, books)
    _post_sum(account, copied, ledgers.COPYING, books)
    _post_sum(account, traded, RESULTS, books)


KINDS = {ledgers.COPYING: "trading.copied"}  # others are named for the house's account


def _post_sum(account: TradingAccount, deals: Sequence[Deal], house: str, books: Books) -> None:
    """One ledger transfer for the sum of these deals: account's mirror against a house account, or what the client copies with."""
    total = sum(result_of(deal, account.currency) for deal in deals)
    if not total:
        return
    first, last = deals[0].deal, deals[-1].deal
    books.move(
        account,
        account.money(total),
        house=house,
        kind=KINDS.get(house) or house.replace("-", "."),
        key=f"{house}:{account.pk}:{first}-{last}:{len(deals)}",
        data={"first": first, "last": last, "deals": len(deals), "reference": str(account)},
    )


def _open_copies(account: TradingAccount, past: Sequence[Deal], books: Books) -> None:
    """What was in copying when the account was adopted: what had been put in and not come back."""
    if not past:
        return
    copying, total = ledgers.copying(account), -sum(result_of(deal, account.currency) for deal in past)
    if total:
        amount, key = account.money(total), f"trading-opening:{account.pk}:copying:{past[0].deal}-{past[-1].deal}"
        opening = ledgers.counter("trading-opening", account.currency)
        data = {"reference": str(account)}
        books.add(opening, copying, amount, kind="trading.opening", key=key, data=data)


def _won_by_copying(account: TradingAccount, copied: Sequence[Deal], books: Books) -> None:
    """More came back than was known to be there: that was won, and is the client's now and not only with the next night."""
    if not copied:
        return
    copying = ledgers.copying(account)  # from now on the nights ask for it, whatever the sum is
    won = sum(result_of(deal, account.currency) for deal in copied) - max(copying.balance, 0)
    if won > 0:
        key = f"trading.copies:{account.pk}:{copied[0].deal}-{copied[-1].deal}:{len(copied)}"
        house, data = ledgers.counter(RESULTS, account.currency), {"reference": str(account)}
        books.add(house, copying, account.money(won), kind="trading.copies", key=key, data=data)


def move(account: TradingAccount, amount: Money, *, house: str, kind: str, key: str, data: dict[str, object]) -> None:
    """`amount` onto the account's mirror (or off it, when negative), against what `house` names (`ledgers.against`)."""
    ledger.post(
        kind=kind,
        legs=[
            ledger.Leg(ledgers.against(account, house), -amount),
            ledger.Leg(ledgers.mirror(account), amount),
        ],
        key=key,
        actor=BRIDGE,
        data=data,
    )


def _own_operations(account: TradingAccount, deals: list[Deal]) -> set[int]:
    """Deals that one of our commands made: id in the comment, account and amount agree, and no other deal has it.

    One whose transfer was given up is nobody's: the money stayed where it was, yet here it moves.
    """
    named = {deal.deal: command for deal in deals if deal.kind in BY_HAND and (command := command_of(deal.comment))}
    if not named:
        return set()
    rows = Transfer.objects.filter(command_id__in=named.values(), account=account).exclude(state=TransferState.FAILED)
    transfers = {row.command_id: row for row in rows}
    own: set[int] = set()
    taken: set[UUID] = set()
    for deal in deals:
        command = named.get(deal.deal)
        transfer = transfers.get(command) if command else None
        if transfer is None or command is None or command in taken or transfer.deal not in (None, deal.deal):
            continue
        sign = -1 if transfer.direction == Direction.TO_WALLET else 1
        if result_of(deal, account.currency) == sign * transfer.amount_minor:
            own.add(deal.deal)
            taken.add(command)
    return own


def _orphan(server: TradingServer, account: TradingAccount, deal: Deal, books: Books) -> None:
    """Money moved on the server without us: the mirror follows, against `suspense`, and a person looks at it."""
    amount = account.money(result_of(deal, account.currency))
    if amount.minor:
        books.move(
            account,
            amount,
            house="suspense",
            kind="trading.orphan",
            key=f"trading.orphan:{server.pk}:{deal.deal}",
            data={"deal": deal.deal, "comment": deal.comment, "reference": str(account)},
        )
    cases.case_open(
        kind=CaseKind.ORPHAN_DEAL,
        server=server,
        account=account,
        amount=amount,
        dedupe_key=f"orphan:{server.pk}:{deal.deal}",
        data={"deal": deal.deal, "kind": deal.kind.value, "comment": deal.comment},
    )
