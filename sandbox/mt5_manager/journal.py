"""What one manager is told: numbered, kept for a while, also while nobody listens."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.exchange.records import Manager
from sandbox.mt5.accounts import group_allowed
from sandbox.mt5_manager import show
from sandbox.mt5_manager.server import BridgedServer, Happening
from sandbox.mt5_manager.wire import frame

KEPT = 10_000
Send = Callable[[bytes], None]


class Journal:
    """Belongs to one manager of one server, from the first log-in on."""

    def __init__(self, server: BridgedServer, manager: Manager) -> None:
        self._server = server
        self._manager = manager
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._hearers: dict[object, Send] = {}
        self._begin()
        server.listeners.append(self._hear)

    def _begin(self) -> None:
        self.epoch, self._next = os.urandom(8).hex(), 1
        self._kept.clear()

    def subscribe(self, key: object, send: Send, epoch: Any, since: Any) -> None:
        """Send the stream's beginning, and from then on what happens."""
        # Nobody has to tell what is to come, only what has been kept since then.
        oldest = self._kept[0][0] if self._kept else self._next
        resumed = epoch == self.epoch and isinstance(since, int) and oldest - 1 <= since < self._next
        begin = since + 1 if resumed else self._next
        send(self._stream(begin, resumed))
        for number, data in self._kept:
            if number >= begin:
                send(data)
        self._hearers[key] = send

    def leave(self, key: object) -> None:
        """Tell them no more."""
        self._hearers.pop(key, None)

    def forget(self) -> None:
        """As after a lost connection to the trade server: a new epoch, of which all who listen are told."""
        self._begin()
        self._send(self._stream(self._next, False))

    def _stream(self, number: int, resumed: bool) -> bytes:
        return frame({"type": "stream", "epoch": self.epoch, "next": number, "resumed": resumed})

    def _send(self, data: bytes) -> None:
        for send in list(self._hearers.values()):
            send(data)

    def _hear(self, happened: list[Happening]) -> None:
        for one in happened:
            if self._may_see(one.login):
                self._tell(one)

    def _may_see(self, login: int) -> bool:
        account = self._server.book.accounts.get(login)
        return not login or account is None or group_allowed(self._manager, account.group)

    def _tell(self, one: Happening) -> None:
        number, self._next = self._next, self._next + 1
        data = frame({"type": "event", "seq": number, **show.happening(self._server, one)})
        self._kept.append((number, data))
        if self._server.faults.take("skip_event", one.kind):
            return
        self._send(data)
        if self._server.faults.take("repeat_event", one.kind):
            self._send(data)


class Journals:
    """All managers' journals of a process."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, int], Journal] = {}

    def of(self, server: BridgedServer, manager: Manager) -> Journal:
        """The manager's journal; it begins when first asked for."""
        key = (server.config.name, manager.login)
        if key not in self._all:
            self._all[key] = Journal(server, manager)
        return self._all[key]

    def forget(self, server: BridgedServer) -> None:
        """New epochs for everybody at this server."""
        for (name, _), journal in self._all.items():
            if name == server.config.name:
                journal.forget()
