"""Frames: four bytes of length, big-endian, and that many bytes of ProtoMessage."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from sandbox.ctrader.numbers import ENVELOPE, NUMBERS, PAYLOADS
from sandbox.ctrader.protobuf import decode, encode

LIMIT = 1 << 20


class TooLong(Exception):
    """A frame announces more bytes than any message has."""


async def read_frame(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next envelope, None at the end of the stream. TooLong, Malformed."""
    try:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        if length > LIMIT:
            raise TooLong(str(length))
        return decode(ENVELOPE, await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None


def frame(name: str, record: dict[str, Any], message_id: str | None = None) -> bytes:
    """A message of the table, in its envelope and frame."""
    number = NUMBERS[name]
    envelope = {"payloadType": number, "payload": encode(PAYLOADS[number], record), "clientMsgId": message_id}
    data = encode(ENVELOPE, envelope)
    return struct.pack(">I", len(data)) + data
