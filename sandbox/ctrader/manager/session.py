"""One connection of the Manager's API: hello, one log-in, then requests and events until silence or an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from sandbox.ctrader import show
from sandbox.ctrader.happenings import Happening
from sandbox.ctrader.manager import accounts, events, trading
from sandbox.ctrader.manager.base import Context, Handler, Spots
from sandbox.ctrader.manager.frames import TooLong, frame, read_frame
from sandbox.ctrader.numbers import PAYLOADS
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.protobuf import Malformed, decode
from sandbox.ctrader.refusals import code_of
from sandbox.ctrader.registry import Plants
from sandbox.ctrader.vocabulary import Code, Declined
from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused
from sandbox.mt5.accounts import group_allowed
from sandbox.mt5.http import Abort, Silence

HANDLERS: dict[str, Handler] = {**accounts.HANDLERS, **trading.HANDLERS}
_SPOT_SECONDS = 0.1
_BACKLOG = 64 << 20
"""Bytes a client may lag behind its events before it is cut off."""
_QUIET = ("ProtoHeartbeatEvent", "ProtoPingReq")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds: a client silent for `silence` is dropped, and hears a heartbeat every `heartbeat`."""

    silence: float = 30.0
    heartbeat: float = 25.0


class Session:
    """A connection: unknown, or authenticated as one manager of one plant."""

    def __init__(
        self,
        plants: Plants,
        windows: Windows,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
    ) -> None:
        self._plants = plants
        self._windows = windows
        self._reader = reader
        self._writer = writer
        self._plant = plants.by_host(host)
        self._manager: Manager | None = None
        self._spots = Spots()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until either side ends it."""
        try:
            self._send("ProtoHelloEvent", {})
            self._start(self._heartbeats())
            await self._serve()
        except Silence:
            self._stop()
            while await self._reader.read(65_536):
                continue
        except (Abort, TimeoutError, ConnectionError):
            self._writer.transport.abort()
        except (Malformed, TooLong) as error:
            code = Code.FRAME_TOO_LONG if isinstance(error, TooLong) else Code.INVALID_REQUEST
            self._send("ProtoErrorRes", {"errorCode": code, "description": str(error)})
        finally:
            self._stop()
            self._writer.close()

    async def _serve(self) -> None:
        while True:
            envelope = await asyncio.wait_for(read_frame(self._reader), self._windows.silence)
            if envelope is None or not await self._answer(envelope):
                return

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self) -> None:
        if self._plant is not None:
            self._plant.listeners.discard(self._hear)
        for task in self._tasks:
            task.cancel()

    def _send(self, name: str, record: dict[str, Any], message_id: str | None = None) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(name, record, message_id))

    # -- requests --------------------------------------------------------------------------------------------

    async def _answer(self, envelope: dict[str, Any]) -> bool:
        """Answer one message, after any armed fault had its say. False ends the connection."""
        schema, message_id = PAYLOADS.get(envelope["payloadType"]), envelope.get("clientMsgId")
        if schema is None:
            self._fail(Declined(Code.UNSUPPORTED_MESSAGE, str(envelope["payloadType"])), message_id)
            return True
        if schema.name == "ProtoHeartbeatEvent":
            return True
        try:
            request = decode(schema, envelope.get("payload", b""))
        except Malformed as error:
            self._fail(Declined(Code.INVALID_REQUEST, str(error)), message_id)
            return True
        if schema.name == "ProtoManagerAuthReq" and self._plant is None:
            self._plant = self._plants.by_login(request["plantId"], request["environmentName"])
        faults = self._plant.faults if self._plant is not None and schema.name not in _QUIET else None
        if faults is not None and faults.take("half_open", schema.name):
            raise Silence
        if faults is not None and faults.take("drop_before_commit", schema.name):
            raise Abort
        answer = self._dispatch(schema.name, request, message_id)
        slow = faults.take("slow", schema.name) if faults is not None else None
        if faults is not None and faults.take("drop_after_commit", schema.name):
            raise Abort
        if slow is not None:
            # Other requests and events go on meanwhile: answers are matched by their id, not by their order.
            self._start(self._later(answer[0], slow.value))
        else:
            self._writer.write(answer[0])
            await self._writer.drain()
        return answer[1]

    async def _later(self, data: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._writer.write(data)

    def _fail(self, declined: Declined, message_id: str | None) -> None:
        self._writer.write(_error(declined, message_id))

    def _dispatch(self, name: str, request: dict[str, Any], message_id: str | None) -> tuple[bytes, bool]:
        try:
            if name == "ProtoPingReq":
                return frame("ProtoPingRes", {"timestamp": request["timestamp"]}, message_id), True
            if name == "ProtoManagerAuthReq":
                return self._log_in(request, message_id)
            handler = HANDLERS.get(name)
            if handler is None:
                raise Declined(Code.UNSUPPORTED_MESSAGE, name)
            if self._plant is None or self._manager is None:
                raise Declined(Code.NOT_ENOUGH_RIGHTS, "not logged in")
            return frame(handler.answer, self._run(name, handler, request), message_id), True
        except Declined as declined:
            return _error(declined, message_id), True
        except Refused as refusal:
            return _error(Declined(code_of(refusal), refusal.detail), message_id), True
        except OverflowError:
            return _error(Declined(Code.INVALID_REQUEST, "a number out of range"), message_id), True

    def _run(self, name: str, handler: Handler, request: dict[str, Any]) -> dict[str, Any]:
        assert self._plant is not None
        assert self._manager is not None
        if self._plant.faults.take("rights_missing", name):
            raise Declined(Code.NOT_ENOUGH_RIGHTS)
        if handler.permission is not None and handler.permission not in self._manager.rights:
            raise Declined(Code.NOT_ENOUGH_RIGHTS, handler.permission.name)
        return handler.run(Context(self._plant, self._manager, request, self._spots))

    def _log_in(self, request: dict[str, Any], message_id: str | None) -> tuple[bytes, bool]:
        if self._manager is not None:
            raise Declined(Code.ALREADY_LOGGED_IN)
        try:
            plant, manager = self._authenticated(request)
        except Declined as declined:
            close = self._plant is None or self._plant.settings.close_on_refusal
            return _error(declined, message_id), not close
        self._manager = manager
        plant.listeners.add(self._hear)
        self._start(self._prices(plant))
        return frame("ProtoManagerAuthRes", {"permission": manager.rights}, message_id), True

    def _authenticated(self, request: dict[str, Any]) -> tuple[Plant, Manager]:
        plant = self._plant
        wanted = (request["plantId"], request["environmentName"])
        if plant is None or wanted != (plant.settings.plant, plant.settings.environment):
            raise Declined(Code.CANT_ROUTE_REQUEST, "/".join(wanted))
        manager = plant.book.managers.get(request["login"])
        spoiled = plant.faults.take("wrong_hash", "ProtoManagerAuthReq")
        if manager is None or manager.secret != request["passwordHash"] or spoiled:
            raise Declined(Code.AUTHENTICATION_FAILED)
        return plant, manager

    # -- what is sent without being asked --------------------------------------------------------------------

    def _hear(self, happened: list[Happening]) -> None:
        plant, manager = self._plant, self._manager
        assert plant is not None
        assert manager is not None
        for one in happened:
            if group_allowed(manager, plant.book.accounts[one.login].group):
                if not one.frames:
                    one.frames.extend(frame(name, record) for name, record in events.messages(plant, one))
                if not self._writer.is_closing():
                    self._writer.writelines(one.frames)
        if self._writer.transport.get_write_buffer_size() > _BACKLOG:
            log.warning("a client that does not read its events is cut off")
            self._writer.transport.abort()

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self._windows.heartbeat)
            self._send("ProtoHeartbeatEvent", {})

    async def _prices(self, plant: Plant) -> None:
        while True:
            for name, told in list(self._spots.told.items()):
                tick = plant.market.quotes[name].tick
                if tick != told and name in self._spots.told:
                    self._spots.told[name] = tick
                    self._send("ProtoSpotEvent", show.spot(plant, name, timed=self._spots.timed))
            await asyncio.sleep(_SPOT_SECONDS)


def _error(declined: Declined, message_id: str | None) -> bytes:
    record = {"errorCode": declined.code, "description": declined.detail or None}
    return frame("ProtoErrorRes", record, message_id)
