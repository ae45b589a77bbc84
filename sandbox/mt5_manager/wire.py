"""Frames and scalars of the contract, from the service's side."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from sandbox.exchange.money import scaled_text

BEFORE_LOGIN = 16 << 10
FROM_CLIENT = 1 << 20
TO_CLIENT = 8 << 20


class Garbage(Exception):
    """What came is not the contract: the connection ends."""


async def read_message(reader: asyncio.StreamReader, limit: int) -> dict[str, Any] | None:
    """The next message, None when the client has gone between two. Garbage, ConnectionError."""
    try:
        head = await reader.readexactly(4)
    except asyncio.IncompleteReadError as short:
        if short.partial:
            raise Garbage("half a length")
        return None
    size = int.from_bytes(head, "big")
    if size == 0 or size > limit:
        raise Garbage(f"a frame of {size} bytes")
    try:
        message = json.loads((await reader.readexactly(size)).decode())
    except asyncio.IncompleteReadError:
        raise Garbage("half a frame")
    except (ValueError, RecursionError) as error:
        raise Garbage(f"not JSON: {error}")
    if not isinstance(message, dict):
        raise Garbage("not an object")
    return message


def frame(message: dict[str, Any]) -> bytes:
    """A message as it goes out. Garbage when a client could not take it."""
    body = json.dumps(message, ensure_ascii=False).encode()
    if len(body) > TO_CLIENT:
        raise Garbage(f"an answer of {len(body)} bytes")
    return len(body).to_bytes(4, "big") + body


def time_text(utc_ms: int) -> str:
    """Milliseconds of UTC as the contract writes them."""
    seconds, milliseconds = divmod(utc_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds:03d}Z"


def time_ms(text: Any) -> int:
    """The reverse. ValueError for anything else than `2026-03-02T09:00:00.250Z`."""
    if not isinstance(text, str):
        raise ValueError("a time is a text")
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if len(text) != 24:
        raise ValueError("milliseconds have three digits")
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def money(minor: int, digits: int) -> str:
    return scaled_text(minor, digits)
