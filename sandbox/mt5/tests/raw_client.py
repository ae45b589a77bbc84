"""A bare client of the text protocol for the tests: own framing, own keystream, nothing taken from the server."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.mt5.tests.client import MANAGER, PASSWORD, answer_to, password_digest

PING = b"000000000"


def chain(digest: bytes, random: bytes) -> list[bytes]:
    """The sixteen vectors that password digest and random bytes give."""
    vectors = [digest]
    for start in range(0, 256, 16):
        vectors.append(hashlib.md5(random[start : start + 16] + vectors[-1]).digest())
    return vectors[1:]


class Stream:
    """One direction: zeros in CBC mode are the keystream, and whole blocks of it are taken for every packet."""

    def __init__(self, key: bytes, vector: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()

    def cross(self, body: bytes) -> bytes:
        """A packet's body, encrypted or decrypted."""
        stream = self._cipher.update(bytes((len(body) + 15) // 16 * 16))
        return bytes(one ^ other for one, other in zip(body, stream, strict=False))


class RawWire:
    """One TCP connection to a trading server's raw port. `packets` are all that came: (serial, flag, body)."""

    def __init__(self, port: int, timeout: float = 20.0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.packets: list[tuple[int, int, bytes]] = []
        self._serial = 0
        self._greeting = b"MT5WEBAPI"
        self._sending: Stream | None = None
        self._receiving: Stream | None = None

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def send(self, text: str, size: int = 0xFFFE) -> int:
        """Send a command in packets of at most `size`; its serial."""
        self._serial += 1
        message = text.encode("utf-16-le")
        parts = [message[start : start + size] for start in range(0, len(message), size)]
        wire, self._greeting = self._greeting, b""
        for number, part in enumerate(parts):
            flag = int(number < len(parts) - 1)
            body = self._sending.cross(part) if self._sending else part
            wire += f"{len(body):04x}{self._serial:04x}{flag}".encode() + body
        self.sock.sendall(wire)
        return self._serial

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self.sock.recv(count - len(found))
            if not piece:
                raise ConnectionResetError("closed")
            found += piece
        return found

    def packet(self) -> tuple[int, int, bytes]:
        """The next packet, decrypted."""
        header = self._exactly(9).decode("ascii")
        body = self._exactly(int(header[:4], 16))
        body = self._receiving.cross(body) if self._receiving else body
        self.packets.append((int(header[4:8], 16), int(header[8]), body))
        return self.packets[-1]

    def message(self, serial: int) -> str:
        """The answer with this serial, joined; pings are passed over."""
        whole = b""
        while True:
            found, flag, body = self.packet()
            if 0x4000 <= found < 0x8000 and not body:
                continue
            assert found == serial, (found, serial)
            whole += body
            if not flag:
                return whole.decode("utf-16-le")

    def ask(self, name: str, below: Any = None, **parameters: Any) -> tuple[dict[str, str], Any]:
        """Parameters and JSON of a command's answer. Values must need no escapes."""
        line = "".join(f"{key}={value}|" for key, value in parameters.items())
        text = "" if below is None else json.dumps(below)
        head, _, rest = self.message(self.send(f"{name}|{line}\r\n{text}")).partition("\r\n")
        answered, *pairs = head.split("|")
        assert answered == name
        return dict(_pairs(pairs)), json.loads(rest) if rest else None

    def done(self, name: str, below: Any = None, **parameters: Any) -> Any:
        """What a command that must succeed gives: its JSON, or its parameters where there is none."""
        found, payload = self.ask(name, below, **parameters)
        assert found.pop("RETCODE") == "0 Done", found
        return found if payload is None else payload

    def code(self, name: str, below: Any = None, **parameters: Any) -> int:
        """The return code's number."""
        return int(self.ask(name, below, **parameters)[0]["RETCODE"].split()[0])

    def start(self, login: int = MANAGER, **more: Any) -> dict[str, str]:
        """AUTH_START; `more` changes its parameters."""
        values = {"VERSION": 1290, "AGENT": "tests", "LOGIN": login, "TYPE": "MANAGER", "CRYPT_METHOD": "AES256OFB"}
        return self.ask("AUTH_START", **{**values, **more})[0]

    def log_in(self, login: int = MANAGER, password: str = PASSWORD, method: str = "AES256OFB") -> RawWire:
        """Authenticate, check the server's proof, and begin to encrypt."""
        challenge = os.urandom(16).hex()
        proof = answer_to(password, self.start(login, CRYPT_METHOD=method)["SRV_RAND"])
        found, _ = self.ask("AUTH_ANSWER", SRV_RAND_ANSWER=proof, CLI_RAND=challenge)
        assert found["RETCODE"] == "0 Done", found
        assert found["CLI_RAND_ANSWER"] == answer_to(password, challenge)
        if method != "NONE":
            vectors = chain(password_digest(password), bytes.fromhex(found["CRYPT_RAND"]))
            key = vectors[0] + vectors[1]
            self._sending, self._receiving = Stream(key, vectors[2]), Stream(key, vectors[3])
        return self

    def open_account(self) -> int:
        """A new account's login; the name goes as JSON, the passwords as parameters."""
        passwords = {"PASS_MAIN": "1Ar#pqkj", "PASS_INVESTOR": "2Ar#pqkj"}
        found, user = self.ask("USER_ADD", {"Name": "Zoë | Doe", "Leverage": 100}, GROUP="real\\\\std-usd", **passwords)
        assert found["RETCODE"] == "0 Done", found
        assert user["Login"] == found["LOGIN"]
        return int(found["LOGIN"])


def _pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        if part:
            key, _, value = part.partition("=")
            yield key, value
