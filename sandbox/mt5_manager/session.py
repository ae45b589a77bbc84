"""One connection: greeting, one log-in, then requests, events and heartbeats until silence or an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused
from sandbox.mt5.http import Abort, Silence
from sandbox.mt5_manager import operations, wire
from sandbox.mt5_manager.calls import CALLS, Call, Context
from sandbox.mt5_manager.handshake import Greeting
from sandbox.mt5_manager.journal import Journal, Journals
from sandbox.mt5_manager.refusals import Declined
from sandbox.mt5_manager.server import BridgedServer

UNANSWERED_MOST = 64
BACKLOG = 64 << 20
"""Bytes a client may lag behind before it is cut off."""
Message = dict[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """What all connections share. `certificate` is ours, SHA-256 in hex; the rest is seconds."""

    certificate: str
    journals: Journals
    login: float = 10.0
    heartbeat: float = 15.0

    @property
    def silence(self) -> float:
        return 3 * self.heartbeat


class Session:
    """A connection with one server, and from the log-in on one manager's."""

    def __init__(
        self, house: House, server: BridgedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._house = house
        self._server = server
        self._reader = reader
        self._writer = writer
        self._manager: Manager | None = None
        self._journal: Journal | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until either side ends it."""
        self._server.hang_up.add(self._abort)
        try:
            if await self._greet():
                self._start(self._beat())
                await self._serve()
        except Silence:
            self._stop()
            while await self._reader.read(65_536):
                continue
        except (Abort, TimeoutError, ConnectionError):
            self._abort()
        except wire.Garbage as garbage:
            self._send({"type": "bye", "reason": str(garbage)})
        finally:
            self._stop()
            self._server.hang_up.discard(self._abort)
            self._writer.close()

    async def _greet(self) -> bool:
        greeting = Greeting.new(self._server, self._house.certificate)
        self._send(greeting.hello)
        login = await asyncio.wait_for(wire.read_message(self._reader, wire.BEFORE_LOGIN), self._house.login)
        if login is None:
            return False
        try:
            self._manager, proof = greeting.answer(login)
        except Declined as declined:
            self._send({"type": "refused", "error": declined.record})
            return False
        self._journal = self._house.journals.of(self._server, self._manager)
        self._send({"type": "welcome", "proof": proof, "heartbeat_seconds": max(1, round(self._house.heartbeat))})
        return True

    async def _serve(self) -> None:
        while True:
            message = await asyncio.wait_for(wire.read_message(self._reader, wire.FROM_CLIENT), self._house.silence)
            if message is None or message.get("type") == "bye":
                return
            if message.get("type") == "ping":
                self._send({"type": "pong", "n": message.get("n")})
            elif message.get("type") == "request":
                self._request(message)

    # -- requests --------------------------------------------------------------------------------------------

    def _request(self, message: Message) -> None:
        number, name = message.get("id"), message.get("call")
        if not isinstance(number, int) or number < 1 or not isinstance(name, str):
            raise wire.Garbage("a request without id or call")
        faults = self._server.faults
        if faults.take("half_open", name):
            raise Silence
        if faults.take("drop_before_commit", name):
            raise Abort
        answer = {"type": "answer", "id": number, **self._answer(name, message)}
        slow = faults.take("slow", name)
        if faults.take("drop_after_commit", name):
            raise Abort
        if slow is not None:
            # Other requests and events go on meanwhile: answers are matched by their id, not by their order.
            self._start(self._later(answer, slow.value))
        else:
            self._send(answer)

    def _answer(self, name: str, message: Message) -> Message:
        try:
            if len(self._tasks) > UNANSWERED_MOST:
                raise Declined("busy")
            if not isinstance(message.get("args"), dict):
                raise Declined("invalid_parameters", "args")
            if name == "events.subscribe":
                return self._subscribe(message["args"])
            call = CALLS.get(name)
            if call is None:
                raise Declined("unsupported", name)
            return self._run(name, call, message)
        except Declined as declined:
            return {"error": declined.record}
        except Refused as refusal:
            return {"error": Declined.of(refusal).record}

    def _run(self, name: str, call: Call, message: Message) -> Message:
        server, manager = self._server, self._manager
        assert manager is not None
        if server.faults.take("rights_missing", name) or call.right not in manager.rights:
            raise Declined("no_permission")
        if not call.changes:
            return {"result": call.run(Context(server, manager, message["args"]))}
        args = {**message["args"], operations.ARGUMENT: message.get("operation")}
        result, repeated = operations.once(
            server, manager, name, message, lambda: call.run(Context(server, manager, args))
        )
        return {"result": result, "repeated": True} if repeated else {"result": result}

    def _subscribe(self, args: Message) -> Message:
        assert self._journal is not None
        self._journal.subscribe(self, self._push, args.get("epoch"), args.get("since"))
        return {"result": {}}

    # -- what goes out ---------------------------------------------------------------------------------------

    def _send(self, message: Message) -> None:
        self._push(wire.frame(message))

    def _push(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > BACKLOG:
            log.warning("a client that does not read is cut off")
            self._abort()

    async def _later(self, answer: Message, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._send(answer)

    async def _beat(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(self._house.heartbeat)
            number += 1
            self._send({"type": "ping", "n": number})

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self) -> None:
        if self._journal is not None:
            self._journal.leave(self)
        for task in self._tasks:
            task.cancel()

    def _abort(self) -> None:
        self._writer.transport.abort()
