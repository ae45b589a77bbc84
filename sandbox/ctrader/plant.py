"""One plant: a trading server of the shared market that keeps this platform's books and tells what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.ctrader import records
from sandbox.ctrader.records import CashFlow, Charge, CtraderId, DealNote, Group, Settings, Trader
from sandbox.ctrader.vocabulary import Access, AccountType, BalanceType, Code, Crud, Declined
from sandbox.exchange import store
from sandbox.exchange.catalogue import COMMISSION_RATES, HEDGING, NETTING, SYMBOLS, GroupSpec, currency_digits
from sandbox.exchange.clock import Clock, real_ms
from sandbox.exchange.feed import Feed
from sandbox.exchange.money import LOT, to_scaled
from sandbox.exchange.records import (
    RIGHT_ENABLED,
    RIGHT_TRADE_DISABLED,
    Account,
    Action,
    Deal,
    Entry,
    Manager,
    Position,
)
from sandbox.mt5.server import ServerConfig, TradingServer

SYMBOL_IDS = {spec.name: number for number, spec in enumerate(SYMBOLS, 1)}
ASSETS = sorted({name for spec in SYMBOLS for name in (spec.base, spec.profit)})
ASSET_IDS = {name: number for number, name in enumerate(ASSETS, 1)}
_FIRST_IDS = {"order": 30_000_000, "deal": 50_000_000, "trader": 7_000_000, "ctid": 900_000, "group": 0}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to tell the managers who may see this login; the copies are of the moment it happened."""

    kind: str
    event_id: int
    login: int
    deal: Deal | None = None
    position: Position | None = None
    note: DealNote | None = None
    charge: Charge | None = None
    cash: CashFlow | None = None
    operation: Crud | None = None
    trader: Trader | None = None
    balance: int = 0
    closed: bool = False
    frames: list[bytes] = field(default_factory=list, compare=False)
    """The messages that tell of it, written once, by the first session that sends them."""


class Plant(TradingServer):
    """A server of the shared market with traders instead of bare accounts."""

    def __init__(self, path: Path, clock: Clock, feed: Feed, seed: int) -> None:
        self.listeners: set[Callable[[list[Happening]], None]] = set()
        self.tokens: dict[str, int] = {}
        self._happened: list[Happening] = []
        self._closed: Position | None = None
        self._specs: dict[tuple[str, str, bool], GroupSpec] = {}
        super().__init__(path, clock, feed, seed)
        self.settings = Settings(**(store.meta_get(self.db, "ctrader") or {"plant": self.config.name}))

    @staticmethod
    def establish(
        path: Path, config: ServerConfig, settings: Settings, groups: list[GroupSpec], managers: list[Manager]
    ) -> None:
        """Write the file of a new plant.

        Refused 3 for a name that is no host label.
        """
        TradingServer.create(path, config, groups, managers)
        db = store.open_database(path)
        with db:
            db.execute("BEGIN IMMEDIATE")
            records.prepare(db)
            store.meta_put(db, "ctrader", asdict(settings))
            store.meta_put(db, "counters", {**_FIRST_IDS, "group": len(groups)})
            named = [Group(group.name, number, f"{group.name} terms") for number, group in enumerate(groups, 1)]
            records.GROUPS.add(db, named)
        db.close()

    def _reload(self) -> None:
        super()._reload()
        self.groups = {group.name: group for group in records.GROUPS.all(self.db)}
        self.traders = {trader.login: trader for trader in records.TRADERS.all(self.db)}
        self.by_trader_id = {trader.trader_id: trader.login for trader in self.traders.values()}
        self.charges = {charge.position: charge for charge in records.CHARGES.all(self.db)}
        self.ctids: dict[int, CtraderId] = {one.user_id: one for one in records.CTIDS.all(self.db)}
        self._specs.clear()

    # -- looking up ------------------------------------------------------------------------------------------

    def trader(self, login: int) -> Trader:
        """A live trader. Declined TRADER_NOT_FOUND."""
        found, account = self.traders.get(login), self.book.accounts.get(login)
        if found is None or account is None or account.archived:
            raise Declined(Code.TRADER_NOT_FOUND, str(login))
        return found

    def trader_by_id(self, trader_id: int) -> Trader:
        """A live trader by the id that is not the login. Declined TRADER_NOT_FOUND."""
        return self.trader(self.by_trader_id.get(trader_id, -1))

    def group_named(self, name: str) -> Group:
        """Declined TRADER_GROUP_NOT_FOUND."""
        found = self.groups.get(name)
        if found is None:
            raise Declined(Code.TRADER_GROUP_NOT_FOUND, name)
        return found

    def group_by_id(self, number: int) -> Group:
        """Declined TRADER_GROUP_NOT_FOUND."""
        for group in self.groups.values():
            if group.id == number:
                return group
        raise Declined(Code.TRADER_GROUP_NOT_FOUND, str(number))

    def group_of(self, account: Account) -> GroupSpec:
        """The account's terms: its group's, in its own currency and way of netting, without commission.

        The shared market takes commission from the balance at once; here `_settle` does it, at the close.
        """
        trader = self.traders[account.login]
        hedging = trader.account_type != AccountType.NETTED
        key = (account.group, trader.currency, hedging)
        found = self._specs.get(key)
        if found is None:
            found = self._specs[key] = replace(
                self.book.groups[account.group],
                currency=trader.currency,
                currency_digits=currency_digits(trader.currency),
                margin_mode=HEDGING if hedging else NETTING,
                commission="0",
                fee="0",
            )
        return found

    def commission_of(self, account: Account, volume: int) -> int:
        """What a deal of this size costs, minor units, negative."""
        terms, spec = self.book.groups[account.group], self.group_of(account)
        rate = Decimal(terms.commission) * COMMISSION_RATES.get(spec.currency, 1)
        return -to_scaled(rate * volume / LOT, spec.currency_digits)

    # -- changing --------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As the shared server's; what happened is told after the commit, and never otherwise."""
        outermost = self._depth == 0
        try:
            with super().transaction():
                yield
        except BaseException:
            if outermost:
                self._happened.clear()
            raise
        if outermost and self._happened:
            told, self._happened = self._happened, []
            for listener in list(self.listeners):
                listener(told)

    def event(self, kind: str, payload: dict[str, Any]) -> None:
        """Log something that happened. Its number is the id of the event that tells of it."""
        self._last_event = store.event_add(self.db, real_ms(), kind, payload)

    def _tell(self, kind: str, login: int, **details: Any) -> None:
        self._happened.append(Happening(kind, self._last_event, login, **details))

    def save_trader(self, trader: Trader, operation: Crud | None = None) -> None:
        """Write a trader's row, and with an operation tell the managers of it."""
        self.traders[trader.login] = trader
        self.by_trader_id[trader.trader_id] = trader.login
        records.TRADERS.put(self.db, trader)
        if operation is not None:
            self.event("trader", {"login": trader.login, "trader_id": trader.trader_id, "operation": operation.name})
            balance = self.book.accounts[trader.login].balance
            self._tell("trader", trader.login, operation=operation, trader=replace(trader), balance=balance)

    def save_account(self, account: Account) -> None:
        """Write an account's row; a changed balance gets the next version."""
        super().save_account(account)
        trader = self.traders.get(account.login)
        if trader is not None and trader.balance_seen != account.balance:
            trader.balance_seen = account.balance
            trader.balance_version += 1
            self.save_trader(trader)

    def cash_flow(
        self,
        deal: Deal,
        kind: int,
        *,
        is_bonus: bool = False,
        comment: str = "",
        external_note: str = "",
        source: str = "",
        external_id: str = "",
    ) -> CashFlow:
        """What a money deal was, with what stands after it."""
        account, trader = self.book.accounts[deal.login], self.traders[deal.login]
        return CashFlow(
            id=deal.ticket,
            login=deal.login,
            is_bonus=is_bonus,
            type=kind,
            delta=abs(deal.profit),
            balance=account.balance,
            bonus=trader.manager_bonus if is_bonus else trader.locked_bonus,
            balance_version=trader.balance_version,
            equity=self.state(account).equity,
            at_ms=deal.time_msc,
            comment=comment,
            external_note=external_note,
            source=source,
            external_id=external_id,
        )

    def add_cash(self, cash: CashFlow) -> None:
        """Record what a change of money was, beside its deal, and tell it."""
        records.CASH.add(self.db, [cash])
        self._tell("cash", cash.login, cash=cash)

    def forget_terms(self) -> None:
        """Take the groups' terms anew: they have changed."""
        self._specs.clear()

    def save_settings(self) -> None:
        """Write this platform's settings."""
        store.meta_put(self.db, "ctrader", asdict(self.settings))

    # -- trades ----------------------------------------------------------------------------------------------

    def save_position(self, position: Position) -> None:
        """Write an open position's row. A swap that was charged is told, or undone for a swap-free trader."""
        charge = self.charges.get(position.ticket)
        untouched = charge is not None and (charge.volume_seen, charge.touched_ms) == (
            position.volume,
            position.time_update_msc,
        )
        if charge is None or not untouched or charge.swap_seen == position.storage:
            super().save_position(position)
            return
        if self.traders[position.login].swap_free:
            position.storage = charge.swap_seen
            return
        super().save_position(position)
        amount = position.storage - charge.swap_seen
        charge.swap_seen = position.storage
        records.CHARGES.put(self.db, charge)
        self.event("swap", {"login": position.login, "position": position.ticket, "amount": amount})
        self._tell("swap", position.login, position=replace(position), charge=replace(charge))

    def drop_position(self, position: Position) -> None:
        """Remove a closed position, which the deal that follows still has to tell of."""
        self._closed = position
        super().drop_position(position)

    def add_deal(self, deal: Deal) -> None:
        """Record a deal, settle its commission and tell it; changes of money are told by `add_cash`."""
        if deal.action not in (Action.BUY, Action.SELL):
            super().add_deal(deal)
            if deal.action == Action.STOP_OUT_COMPENSATION:
                kind = BalanceType.DEPOSIT_NEGATIVE_BALANCE_PROTECTION
                self.add_cash(self.cash_flow(deal, kind, comment=deal.comment))
            return
        position = self.book.positions.get(deal.position) or self._closed
        assert position is not None
        note, charge = self._settle(deal, position)
        self.event("order", {"login": deal.login, "order": deal.order_ticket, "symbol": deal.symbol})
        self._tell("order", deal.login, deal=replace(deal))
        super().add_deal(deal)
        records.NOTES.add(self.db, [note])
        self._tell(
            "deal",
            deal.login,
            deal=replace(deal),
            position=replace(position),
            note=note,
            charge=replace(charge),
            closed=deal.position not in self.book.positions,
        )

    def _settle(self, deal: Deal, position: Position) -> tuple[DealNote, Charge]:
        """Take the commission of what was closed from the balance, and add that of what was opened to the
        position.
        """
        account = self.book.accounts[deal.login]
        still_open = deal.position in self.book.positions
        opened = deal.volume - deal.volume_closed
        charge = self.charges.get(deal.position) or Charge(deal.position, deal.login, 0, deal.time_msc, 0, 0, 0)
        opened_ms, share, cost = charge.opened_ms, 0, 0
        if deal.volume_closed:
            before = charge.volume_seen or deal.volume_closed
            share = to_scaled(Decimal(charge.commission) * deal.volume_closed / before, 0)
            cost = self.commission_of(account, deal.volume_closed)
            charge.commission -= share
            deal.commission = cost
            if deal.profit + deal.storage:
                # The result has given the balance its next version already; one deal is one change.
                trader = self.traders[deal.login]
                trader.balance_seen += cost
                self.save_trader(trader)
            account.balance += cost
            self.save_account(account)
        added = self.commission_of(account, opened) if opened else 0
        if deal.entry == Entry.INOUT:
            charge.opened_ms = deal.time_msc
        charge.commission += added
        position.storage += added
        charge.swap_seen, charge.volume_seen = position.storage, position.volume
        charge.touched_ms = position.time_update_msc
        if still_open:
            self.charges[charge.position] = charge
            records.CHARGES.put(self.db, charge)
            super().save_position(position)
        else:
            self.charges.pop(charge.position, None)
            records.CHARGES.delete(self.db, charge.position)
        return DealNote(
            ticket=deal.ticket,
            login=deal.login,
            commission=cost + added,
            realised_commission=share + cost,
            swap=deal.storage - share,
            balance=account.balance,
            balance_version=self.traders[deal.login].balance_version,
            equity=self.state(account).equity,
            opened_ms=opened_ms,
        ), charge


def account_rights(access: int) -> int:
    """The shared account's rights bits for this platform's access rights."""
    return {
        Access.FULL_ACCESS: RIGHT_ENABLED,
        Access.CLOSE_ONLY: RIGHT_ENABLED | RIGHT_TRADE_DISABLED,
        Access.NO_TRADING: RIGHT_ENABLED | RIGHT_TRADE_DISABLED,
        Access.NO_LOGIN: RIGHT_TRADE_DISABLED,
    }[Access(access)]
