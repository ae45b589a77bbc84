"""Frames and messages of the Manager's API: four bytes of length, then an envelope with a message inside."""

import asyncio
import struct
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, Message

from . import manager_pb2 as pb
from .values import Malformed

_LENGTH = struct.Struct(">I")

# Payload numbers and what is inside; see manager.proto.
SPOT = 3
ERROR = 50
HEARTBEAT = 51
PING, PONG = 52, 53
ORDER_ERROR = 138
EXECUTION = 300
TRADER_CHANGED = 503
HELLO = 990


@dataclass(frozen=True, slots=True)
class Kind:
    """A request: its number, its answer's number, and what the answer carries."""

    request: int
    answer: int
    carries: type[Message]


AUTH = Kind(301, 302, pb.AuthRes)
CHECK_PASSWORD = Kind(307, 308, pb.TraderRef)
SERVER_TIME = Kind(313, 314, pb.ServerTimeRes)
VERSION = Kind(154, 155, pb.VersionRes)
TRADERS = Kind(403, 404, pb.TraderListRes)
TRADERS_BY_ID = Kind(703, 704, pb.TraderByIdRes)
POSITIONS = Kind(407, 408, pb.PositionListRes)
BALANCE_HISTORY = Kind(417, 418, pb.BalanceHistoryRes)
BONUS_HISTORY = Kind(786, 787, pb.BonusHistoryRes)
DEALS = Kind(431, 432, pb.DealListRes)
ASSETS = Kind(465, 466, pb.AssetListRes)
SYMBOLS = Kind(467, 468, pb.SymbolListRes)
GROUPS = Kind(473, 474, pb.GroupListRes)
CHANGE_BALANCE = Kind(519, 520, pb.ChangedRes)
CHANGE_BONUS = Kind(780, 781, pb.ChangedRes)
SUBSCRIBE_SPOTS = Kind(601, 602, pb.Empty)
PROBE = Kind(PING, PONG, pb.Ping)

EVENTS: dict[int, type[Message]] = {
    SPOT: pb.SpotEvent,
    EXECUTION: pb.ExecutionEvent,
    TRADER_CHANGED: pb.TraderChanged,
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """An envelope as it came."""

    number: int
    payload: bytes
    client_id: str = ""


def pack(number: int, message: Message | None = None, client_id: str = "") -> bytes:
    """A whole frame."""
    envelope = pb.Envelope(payload_type=number)
    if message is not None:
        envelope.payload = message.SerializeToString()
    if client_id:
        envelope.client_msg_id = client_id
    body = envelope.SerializeToString()
    return _LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Incoming:
    """What a frame holds. Raises Malformed."""
    envelope: pb.Envelope = read(pb.Envelope, body)
    if not envelope.HasField("payload_type"):
        raise Malformed("a message without a type")
    return Incoming(envelope.payload_type, envelope.payload, envelope.client_msg_id)


def read(kind: type[Message], payload: bytes) -> Any:
    """Raises Malformed."""
    message = kind()
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        raise Malformed(f"not a {kind.__name__}: {error}") from error
    return message


async def read_frame(reader: asyncio.StreamReader, limit: int) -> Incoming:
    """The next message. Raises EOFError, OSError, Malformed."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > limit:
        raise Malformed(f"a frame of {length} bytes")
    return unpack(await reader.readexactly(length))
