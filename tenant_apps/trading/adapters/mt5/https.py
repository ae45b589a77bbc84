"""The HTTPS form: one TLS socket speaking HTTP/1.1 with keep-alive, one request at a time."""

import json
import ssl
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from tenant_apps.trading.adapters.http import Connection, Response
from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.values import Malformed, Record
from tenant_apps.trading.adapters.sockets import Connector, Lost

PING = "/api/test/access"
QUIT = "/api/quit"


def target_of(call: Call) -> str:
    """Path and query."""
    # Commas, stars and exclamation marks build lists and masks: they stay. A backslash becomes %5C.
    query = urlencode(call.params or {}, quote_via=quote, safe=",*!")
    return f"{call.path}?{query}" if query else call.path


def answer_from(body: bytes) -> Answer:
    """Raises Malformed."""
    try:
        top = Record(json.loads(body.decode("utf-8-sig")))
        retcode = Retcode.parse(top.get("retcode"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not an answer: {error}") from error
    return Answer(retcode, top, top.get("answer"))


class HttpsLine:
    """`transport.Line` over HTTPS. TLS does the encrypting, so the log-in adds nothing to it."""

    greeting: Mapping[str, str] = {"type": "manager"}

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cookies: dict[str, str] = {}

    @classmethod
    async def open(
        cls, host: str, port: int, *, connector: Connector, context: ssl.SSLContext, limit: int
    ) -> "HttpsLine":
        """Raises OSError (ssl.SSLError among them)."""
        return cls(await Connection.open(host, port, connector=connector, context=context, limit=limit))

    @property
    def is_usable(self) -> bool:
        return self._connection.is_usable

    def abort(self) -> None:
        self._connection.abort()

    async def call(self, call: Call, *, seconds: float) -> Answer:
        """Raises Lost: also for an HTTP status other than 200 and for an answer that is none."""
        body = b"" if call.body is None else json.dumps(call.body).encode()
        method = "POST" if call.changes or call.body is not None else "GET"
        headers = [("Connection", "keep-alive"), ("Content-Type", "application/x-www-form-urlencoded")]
        if self._cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())))
        response = await self._connection.exchange(method, target_of(call), headers=headers, body=body, seconds=seconds)
        self._keep_cookies(response)
        if response.status != 200:
            self.abort()
            raise Lost(f"HTTP {response.status}", sent=True, status=response.status)
        try:
            return answer_from(response.body)
        except Malformed as error:
            self.abort()
            raise Lost(str(error), sent=True) from error

    def _keep_cookies(self, response: Response) -> None:
        """Some servers hand out cookies at log-in; whether they matter is unknown, so they are returned."""
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                key, _, content = value.partition(";")[0].partition("=")
                self._cookies[key.strip()] = content.strip()

    def secure(self, hashed: bytes, answer: Answer) -> None:
        """TLS has done it."""

    async def ping(self, *, seconds: float) -> None:
        await self.call(Call(PING), seconds=seconds)

    async def quit(self, *, seconds: float) -> None:
        await self.call(Call(QUIT), seconds=seconds)

    async def close(self) -> None:
        await self._connection.close()
