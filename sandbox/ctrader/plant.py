"""One plant: its books, and what trades and swaps do to them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sandbox.ctrader import records
from sandbox.ctrader.books import Books
from sandbox.ctrader.records import Charge, DealNote
from sandbox.ctrader.vocabulary import BalanceType
from sandbox.exchange.money import to_scaled
from sandbox.exchange.records import Action, Deal, Entry, Order, Position


class Plant(Books):
    """A server of the shared market that keeps this platform's rules of swap and commission, and tells of every
    trade.
    """

    _closed: Position | None = None

    def tell_order(self, order: Order) -> None:
        """Log and tell that a pending order was placed or cancelled."""
        self.event("order", {"login": order.login, "order": order.ticket, "symbol": order.symbol})
        self.tell("pending", order.login, order=replace(order))

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
        self.tell("swap", position.login, position=replace(position), charge=replace(charge))

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
        self.tell("order", deal.login, deal=replace(deal))
        super().add_deal(deal)
        records.NOTES.add(self.db, [note])
        self.tell(
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
        account, opened = self.book.accounts[deal.login], deal.volume - deal.volume_closed
        charge = self.charges.get(deal.position) or Charge(deal.position, deal.login, 0, deal.time_msc, 0, 0, 0)
        opened_ms = charge.opened_ms
        share, cost = self._realise(deal, charge) if deal.volume_closed else (0, 0)
        added = self.commission_of(account, opened) if opened else 0
        charge.commission += added
        position.storage += added
        if deal.entry == Entry.INOUT:
            charge.opened_ms = deal.time_msc
        self._keep(charge, position)
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

    def _realise(self, deal: Deal, charge: Charge) -> tuple[int, int]:
        """The closed part's share of what opening cost, which the result contains, and what closing costs."""
        account, trader = self.book.accounts[deal.login], self.traders[deal.login]
        before = charge.volume_seen or deal.volume_closed
        share = to_scaled(Decimal(charge.commission) * deal.volume_closed / before, 0)
        cost = self.commission_of(account, deal.volume_closed)
        charge.commission -= share
        deal.commission = cost
        if deal.profit + deal.storage:
            # The result has given the balance its next version already; one deal is one change.
            trader.balance_seen += cost
            self.save_trader(trader)
        account.balance += cost
        self.save_account(account)
        return share, cost

    def _keep(self, charge: Charge, position: Position) -> None:
        charge.swap_seen, charge.volume_seen = position.storage, position.volume
        charge.touched_ms = position.time_update_msc
        if position.ticket in self.book.positions:
            self.charges[charge.position] = charge
            records.CHARGES.put(self.db, charge)
            super().save_position(position)
        else:
            self.charges.pop(charge.position, None)
            records.CHARGES.delete(self.db, charge.position)
