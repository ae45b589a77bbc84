"""Packets on a stream: `LLLLKKKKF`, hex length and serial and flags, then that many bytes."""

from __future__ import annotations

import asyncio
import string
from dataclasses import dataclass

GREETING = b"MT5WEBAPI"
HEADER = 9
EXTENDED = 1
LARGEST = 0xFFFF
CLIENT_SERIALS = range(0x4000)
ACCESS_SERIALS = range(0x4000, 0x8000)
_DIGITS = frozenset(string.hexdigits.encode())


class Garbage(Exception):
    """What came is not this protocol."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; `extended` means that more of the same message follow."""

    serial: int
    extended: bool
    body: bytes


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """The next packet. Raises Garbage, and IncompleteReadError at the end of the stream."""
    header = await reader.readexactly(HEADER)
    if not _DIGITS.issuperset(header):
        raise Garbage(f"header {header!r}")
    length, serial, flags = int(header[:4], 16), int(header[4:8], 16), int(header[8:], 16)
    if serial not in CLIENT_SERIALS:
        raise Garbage(f"serial {serial}")
    return Packet(serial, bool(flags & EXTENDED), await reader.readexactly(length))


def header_of(serial: int, length: int, *, extended: bool) -> bytes:
    """The nine characters before a body."""
    return f"{length:04x}{serial:04x}{EXTENDED if extended else 0:x}".encode()


def pieces(message: bytes, size: int) -> list[bytes]:
    """A message cut to bodies of at most `size`; at least one, which may be empty."""
    return [message[start : start + size] for start in range(0, len(message), size)] or [b""]
