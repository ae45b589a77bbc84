"""What is known of a server's accounts in this process: their money, their open positions, and what is not stored yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from kernel import clock
from tenant_apps.trading.bridge import alerts, ingest
from tenant_apps.trading.bridge.records import AccountRef, PositionRow, Snapshot, position_row, snapshot_of
from tenant_apps.trading.models import Position
from tenant_apps.trading.ports import AccountState
from tenant_apps.trading.ports import Position as PlatformPosition


class Book:
    """Begins empty: nothing is thought to be stored that is not."""

    def __init__(self) -> None:
        self.snapshots: dict[UUID, Snapshot] = {}
        self.positions: dict[int, PositionRow] = {}
        self._unstored: dict[UUID, Snapshot] = {}
        self._unstored_positions: dict[int, PositionRow] = {}
        self._curve_minute = -1
        self._stored: set[int] = set()  # positions that have a row
        self._whole = True  # everything was read since the last `store`

    @property
    def is_stored(self) -> bool:
        """Whether the last `store` wrote all that is known."""
        return not (self._unstored or self._unstored_positions)

    def positions_of(self, account_id: UUID) -> list[PositionRow]:
        return [row for row in self.positions.values() if row.account_id == account_id]

    def take_states(self, states: Iterable[AccountState], accounts: Mapping[int, AccountRef]) -> set[UUID]:
        """The accounts whose money is no longer what it was."""
        changed: set[UUID] = set()
        for state in states:
            account = accounts.get(state.login)
            if account is None:
                continue
            snapshot = snapshot_of(state, account.currency)
            if self.snapshots.get(account.id) != snapshot:
                self.snapshots[account.id] = self._unstored[account.id] = snapshot
                changed.add(account.id)
        return changed

    def take_positions(
        self,
        positions: Iterable[PlatformPosition],
        accounts: Mapping[int, AccountRef],
        asked: Collection[UUID] | None = None,
    ) -> set[UUID]:
        """The accounts whose positions opened, closed or changed size. `asked`: whose positions these are all of; None: all's."""
        self._whole |= asked is None
        current = {row.position: position_row(row, accounts[row.login]) for row in positions if row.login in accounts}
        before = {number: row for number, row in self.positions.items() if asked is None or row.account_id in asked}
        changed = {row.account_id for number, row in before.items() if number not in current}
        for number, row in current.items():
            known = before.get(number)
            if known is None or known.lots != row.lots:
                changed.add(row.account_id)
            if known != row:
                self._unstored_positions[number] = row
        self.positions = {number: row for number, row in self.positions.items() if number not in before} | current
        return changed

    def look_again(self, account_ids: Iterable[UUID]) -> None:
        """Take what is known of these accounts as changed: what they are measured by has."""
        self._unstored |= {key: self.snapshots[key] for key in account_ids if key in self.snapshots}

    def store(self, server_id: UUID, accounts: Mapping[int, AccountRef]) -> None:
        """Write what changed since the last time, and once a minute a point of the equity curves. After everything was read the
        rows are looked at too: another bridge may have written some, and an account may be no longer ours."""
        minute = int(clock.now().timestamp() // 60)
        ingest.store_states(self._unstored, curve=minute != self._curve_minute)
        if self._unstored:
            self._curve_minute = minute
        if self._unstored or self._whole:
            alerts.look(server_id, self.snapshots, self._unstored, {one.id: one for one in accounts.values()})
        self._unstored = {}
        if self._whole:
            self._stored = set(Position.objects.filter(server_id=server_id).values_list("position", flat=True))
        rows = [row for number, row in self._unstored_positions.items() if number in self.positions]
        ingest.store_positions(server_id, rows, [number for number in self._stored if number not in self.positions])
        self._stored = (self._stored | {row.position for row in rows}) & self.positions.keys()
        self._unstored_positions, self._whole = {}, False
