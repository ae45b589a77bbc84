"""Frames: four bytes of length, then one JSON object in UTF-8."""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

from .values import Malformed, Record

_LENGTH = struct.Struct(">I")
HANDSHAKE_BYTES = 16 * 1024
SEND_BYTES = 1024 * 1024
RECEIVE_BYTES = 8 * 1024 * 1024


def pack(message: Mapping[str, Any]) -> bytes:
    """A whole frame. Raises Malformed when it is too large for the service to take."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > SEND_BYTES:
        raise Malformed(f"a message of {len(body)} bytes")
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader, limit: int) -> Record:
    """The next message. Raises EOFError, OSError, Malformed."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if not 0 < length <= limit:
        raise Malformed(f"a frame of {length} bytes")
    return _parse(await reader.readexactly(length))


def _parse(body: bytes) -> Record:
    try:
        return Record(json.loads(body, parse_float=_no_float, parse_constant=_no_float))
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not a message: {error}") from error


def _no_float(text: str) -> NoReturn:
    raise Malformed(f"a number that is not whole: {text[:20]}")
