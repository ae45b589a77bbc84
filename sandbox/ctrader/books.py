"""A plant's books: traders, their groups and money on top of a server of the shared market, and the only way to change
them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.ctrader import records
from sandbox.ctrader.happenings import Happening, Listener
from sandbox.ctrader.records import CashFlow, CtraderId, Group, Settings, Trader
from sandbox.ctrader.vocabulary import AccountType, Code, Crud, Declined
from sandbox.exchange import store
from sandbox.exchange.catalogue import COMMISSION_RATES, HEDGING, NETTING, GroupSpec, currency_digits
from sandbox.exchange.clock import Clock, real_ms
from sandbox.exchange.feed import Feed
from sandbox.exchange.money import LOT, to_scaled
from sandbox.exchange.records import Account, Deal, Manager
from sandbox.mt5.server import ServerConfig, TradingServer

log = logging.getLogger(__name__)
_FIRST_IDS = {"order": 30_000_000, "deal": 50_000_000, "trader": 7_000_000, "ctid": 900_000, "group": 0}


class Books(TradingServer):
    """A server of the shared market with traders instead of bare accounts."""

    def __init__(self, path: Path, clock: Clock, feed: Feed, seed: int) -> None:
        self.listeners: set[Listener] = set()
        self._happened: list[Happening] = []
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

        The shared market takes commission from the balance at once; here the close of a position does it.
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
                self._inform(listener, told)

    def _inform(self, listener: Listener, told: list[Happening]) -> None:
        try:
            listener(told)
        except (LookupError, ValueError, ArithmeticError, OSError):
            # What is committed stays committed, and its request has to be answered so.
            log.exception("a manager of %s was not told", self.config.name)

    def event(self, kind: str, payload: dict[str, Any]) -> None:
        """Log something that happened. Its number is the id of the event that tells of it."""
        self._last_event = store.event_add(self.db, real_ms(), kind, payload)

    def tell(self, kind: str, login: int, **details: Any) -> None:
        """Have the managers told of the event logged last, once it is committed."""
        self._happened.append(Happening(kind, self._last_event, login, **details))

    def save_trader(self, trader: Trader, operation: Crud | None = None) -> None:
        """Write a trader's row, and with an operation tell the managers of it."""
        self.traders[trader.login] = trader
        self.by_trader_id[trader.trader_id] = trader.login
        records.TRADERS.put(self.db, trader)
        if operation is not None:
            self.event("trader", {"login": trader.login, "trader_id": trader.trader_id, "operation": operation.name})
            balance = self.book.accounts[trader.login].balance
            self.tell("trader", trader.login, operation=operation, trader=replace(trader), balance=balance)

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
        self.tell("cash", cash.login, cash=cash)

    def forget_terms(self) -> None:
        """Take the groups' terms anew: they have changed."""
        self._specs.clear()

    def save_settings(self) -> None:
        """Write this platform's settings."""
        store.meta_put(self.db, "ctrader", asdict(self.settings))
