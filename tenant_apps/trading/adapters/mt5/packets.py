"""Packets of the text protocol: a header of nine characters, `LLLLKKKKF` (hex length, serial, flag), then the body."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tenant_apps.trading.adapters.mt5.values import Malformed

PREFIX = b"MT5WEBAPI"  # once, before the first header
LAST_CLIENT_SERIAL = 0x3FFF  # above it are the access server's and the trade server's own messages
BODY_SIZE = 0xFFFE  # the largest that the length can say, without cutting a UTF-16 unit in two
MORE = 1  # the flag of all packets of a message but the last

_HEADER_SIZE = 9
_HEADER = re.compile(rb"([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})([0-9A-Fa-f])")


@dataclass(frozen=True, slots=True)
class Packet:
    serial: int
    more: bool
    body: bytes = b""

    def encode(self) -> bytes:
        return b"%04x%04x%x" % (len(self.body), self.serial, MORE if self.more else 0) + self.body


def packets_of(serial: int, message: bytes, size: int = BODY_SIZE) -> Iterator[Packet]:
    """A message in as many packets as it needs; an empty one is a ping."""
    last = max(0, len(message) - 1) // size * size
    for start in range(0, last + 1, size):
        yield Packet(serial, start < last, message[start : start + size])


class Unpacker:
    """Packets out of a stream that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Packet | None:
        """The next whole packet, or None while it is not there yet. Raises Malformed for what is no header."""
        head = bytes(self._buffer[:_HEADER_SIZE])
        if len(head) < _HEADER_SIZE:
            return None
        found = _HEADER.fullmatch(head)
        if found is None:
            raise Malformed(f"not a packet: {head!r}")
        length, serial, flag = (int(part, 16) for part in found.groups())
        end = _HEADER_SIZE + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER_SIZE:end])
        del self._buffer[:end]
        return Packet(serial, bool(flag & MORE), body)
