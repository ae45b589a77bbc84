"""``python -m acmepay.sandbox``: an Acmepay that moves no money, with faults on demand under /_control.

Shares no code with the adapter: what is signed here is signed by this file.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any

import sandbox
from sandbox._accounts import Accounts
from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file

from .api import Api
from .page import Pages, panel

STATIC = Path(sandbox.__file__).parent / "_static"


class Sender:
    """Signs each attempt with the account's webhook key; any 2xx ends a delivery."""

    def __init__(self, store: Accounts) -> None:
        self.store = store

    def headers(self, delivery: Any, *, now: float, tamper: bool, old: bool) -> dict[str, str]:
        key = str(self.store.settings(delivery["account"]).get("webhook_key", ""))
        signed = hmac.new(key.encode(), delivery["body"] + b" " * tamper, hashlib.sha256).hexdigest()
        return {"content-type": "application/json", "acmepay-signature": signed}

    def accepts(self, status: int) -> bool:
        return 200 <= status < 300

    def settled(self, delivery: Any, *, delivered: bool) -> None:
        return


def build(store: Accounts) -> Application:
    router = Router()

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/static/{name}", static)
    Api(store).add_routes(router)
    Pages(store).add_routes(router)
    panel(store).add_routes(router)
    return Application(router)


def main() -> None:
    parser = server_arguments("acmepay", 8440)
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first retry of a webhook")
    options = parser.parse_args()
    store = Accounts(options.state, "acmepay", retry_base=options.retry_base, max_attempts=8)
    store.sends_with(Sender(store))
    name, background = "Acmepay sandbox", [store.deliveries.run]
    asyncio.run(serve(build(store), name=name, host=options.host, port=options.port, background=background))
    store.db.close()


if __name__ == "__main__":
    main()
