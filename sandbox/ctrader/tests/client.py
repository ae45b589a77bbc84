"""A bare client of both APIs for the tests, with a reader and writer of its own: nothing is taken from the server.

Messages are lists of (field number, value): int for varints, str and bytes as they are, float for doubles, a list
for a message inside.
"""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import socket
import ssl
import struct
from typing import Any
from urllib.parse import urlencode

PASSWORD = "Password1"
MANAGER = 1000
TRADER_PASSWORD = "Trader1!"
FOREVER = 1 << 43
Parts = list[tuple[int, Any]]


def md5(text: str) -> str:
    """What the platform calls a password's hash."""
    return hashlib.md5(text.encode()).hexdigest()


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def pack(parts: Parts) -> bytes:
    """The bytes of a message."""
    out = b""
    for number, value in parts:
        if isinstance(value, float):
            out += _varint(number << 3 | 1) + struct.pack("<d", value)
        elif isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            data = pack(value) if isinstance(value, list) else value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return out


class Got(dict[int, list[Any]]):
    """A message that was read: raw values by field number."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        at = 0
        while at < len(data):
            key, at = self._number(data, at)
            value: Any
            if key & 7 == 0:
                value, at = self._number(data, at)
            elif key & 7 == 1:
                value, at = struct.unpack("<d", data[at : at + 8])[0], at + 8
            else:
                assert key & 7 == 2, key
                size, at = self._number(data, at)
                value, at = data[at : at + size], at + size
            self.setdefault(key >> 3, []).append(value)

    @staticmethod
    def _number(data: bytes, at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value - (1 << 64) if value >> 63 else value, at

    def one(self, number: int) -> Any:
        """The only value of a field."""
        (value,) = self[number]
        return value

    def text(self, number: int) -> str:
        """A field's text, empty when absent."""
        return bytes(self.get(number, [b""])[0]).decode()

    def inner(self, number: int) -> Got:
        """The only message in a field."""
        return Got(self.one(number))

    def inners(self, number: int) -> list[Got]:
        """The messages of a repeated field."""
        return [Got(one) for one in self.get(number, [])]

    def numbers(self, *wanted: int) -> tuple[Any, ...]:
        """Several fields at once."""
        return tuple(self.one(number) for number in wanted)


class Declined(Exception):
    """ProtoErrorRes."""


class Wire:
    """One TLS connection to the Manager's API; keeps the events that arrive between answers."""

    def __init__(self, port: int, ca: str, server: str, timeout: float = 20.0) -> None:
        context = ssl.create_default_context(cafile=ca)
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock = context.wrap_socket(plain, server_hostname=f"{server}.ctrader.localhost")
        self._server = server
        self._ids = itertools.count(1)
        self.events: list[tuple[int, Got]] = []

    def send(self, payload: int, parts: Parts, message_id: str | None = None) -> None:
        """One frame out."""
        envelope: Parts = [(1, payload), (2, pack(parts))]
        data = pack(envelope if message_id is None else [*envelope, (3, message_id)])
        self.sock.sendall(struct.pack(">I", len(data)) + data)

    def receive(self) -> tuple[int, Got, str]:
        """One frame in: payload type, message, clientMsgId. ConnectionError at the end."""
        (size,) = struct.unpack(">I", self._exactly(4))
        envelope = Got(self._exactly(size))
        return envelope.one(1), Got(envelope.get(2, [b""])[0]), envelope.text(3)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise ConnectionError("the server has closed")
            data += more
        return data

    def ask(self, payload: int, *parts: tuple[int, Any]) -> Got:
        """The answer to a request, whatever arrives before it. Declined for an error."""
        message_id = f"m{next(self._ids)}"
        self.send(payload, list(parts), message_id)
        while True:
            kind, message, found = self.receive()
            if found != message_id:
                self.events.append((kind, message))
            elif kind == 50:
                raise Declined(message.text(2))
            else:
                return message

    def event(self, *kinds: int) -> Got:
        """The next event of these payload types, heard before or yet to come."""
        while True:
            for index, (kind, message) in enumerate(self.events):
                if kind in kinds:
                    del self.events[index]
                    return message
            kind, message, _ = self.receive()
            self.events.append((kind, message))

    def execution(self, kind: int) -> Got:
        """The next execution event of this type; others before it are passed over."""
        while True:
            found = self.event(300)
            if found.one(2) == kind:
                return found

    def log_in(self, login: int = MANAGER, password: str = PASSWORD, environment: str = "demo") -> Wire:
        """Hello, and authenticate."""
        self.event(990)
        self.permissions = self.ask(301, (2, self._server), (3, environment), (4, login), (5, md5(password))).get(2, [])
        return self

    def open_trader(self, *more: tuple[int, Any], group: int = 1, asset: int | None = None, balance: int = 0) -> Got:
        """A new trader, in US dollars unless told otherwise."""
        assets = {one.text(2): one.one(1) for one in self.ask(465).inners(2)}
        trader: Parts = [
            (1, 0), (2, 0), (3, group), (8, balance), (11, md5(TRADER_PASSWORD)), (61, asset or assets["USD"]), *more
        ]  # fmt: skip
        made = self.ask(501, (2, 1), (3, trader))
        return self.trader(made.one(3))

    def trader(self, trader_id: int) -> Got:
        """ProtoTrader."""
        return self.ask(703, (2, trader_id)).inner(2)

    def deposit(self, trader_id: int, minor: int, *more: tuple[int, Any], kind: int = 0) -> int:
        """Change the balance; the balanceHistoryId."""
        number: int = self.ask(519, (2, trader_id), (3, minor), (5, kind), (10, 1), *more).one(3)
        return number

    def deals(self, *more: tuple[int, Any]) -> list[Got]:
        """All deals the manager sees."""
        return self.ask(431, (3, 0), (4, FOREVER), *more).inners(2)

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


class Web:
    """WebServices by HTTPS, a connection per call."""

    def __init__(self, port: int, ca: str, server: str, timeout: float = 20.0) -> None:
        self._context = ssl.create_default_context(cafile=ca)
        self._port, self._host, self._timeout = port, f"{server}.ctrader.localhost", timeout
        self.token = ""

    def raw(
        self, method: str, path: str, body: Any = None, accept: str = "application/json", **query: Any
    ) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=self._timeout)
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=self._timeout)
        connection.sock = self._context.wrap_socket(plain, server_hostname=self._host)
        target = f"{path}?{urlencode({'token': self.token, **query})}"
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, target, body=data, headers={"Accept": accept})
        response = connection.getresponse()
        answer = response.status, response.getheader("Content-Type") or "", response.read()
        connection.close()
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON of a call that must succeed, None for an empty one."""
        status, _, data = self.raw(method, path, body, **query)
        assert status in (200, 204), (status, data)
        return json.loads(data) if data else None

    def code(self, method: str, path: str, body: Any = None, **query: Any) -> str:
        """The error code of a call that must fail."""
        status, _, data = self.raw(method, path, body, **query)
        assert status >= 400, (status, data)
        found: str = json.loads(data)["error"]["errorCode"]
        return found

    def log_in(self, login: int = MANAGER, password: str = PASSWORD) -> Web:
        """Take a token."""
        body = {"login": login, "hashedPassword": md5(password)}
        self.token = self.call("POST", "/v2/webserv/managers/token", body)["webservToken"]
        return self

    def open_trader(self, **fields: Any) -> dict[str, Any]:
        """A new trader, in US dollars unless told otherwise."""
        body = {
            "accessRights": "FULL_ACCESS", "accountType": "HEDGED", "balance": 0, "brokerName": "sandbox",
            "depositCurrency": "USD", "groupName": "standard", "hashedPassword": md5(TRADER_PASSWORD),
            "leverageInCents": 10_000, **fields,
        }  # fmt: skip
        made: dict[str, Any] = self.call("POST", "/v2/webserv/traders", body)
        return made
