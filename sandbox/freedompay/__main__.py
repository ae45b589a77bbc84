"""``python -m sandbox.freedompay``: a Freedom Pay that moves no money. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.freedompay.api import Api
from sandbox.freedompay.control import Control
from sandbox.freedompay.page import Pages
from sandbox.freedompay.store import Store

STATIC = Path(__file__).parents[1] / "_static"


def build(store: Store, public_url: str | None) -> Application:
    """The ASGI application over ``store``."""
    router = Router()

    async def healthz(request: Request) -> Response:
        store.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    Api(store, public_url).add_routes(router)
    Pages(store).add_routes(router)
    Control(store).add_routes(router)
    return Application(router)


def main() -> None:
    parser = server_arguments("freedompay", 8425)
    parser.add_argument("--public-url", help="where browsers reach the hosted pages (default: as the API was called)")
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first repeat of a result")
    parser.add_argument(
        "--merchant", action="append", default=[], metavar="ID:SECRET:PAYOUT_SECRET[:NAME]", help="a merchant to know"
    )
    options = parser.parse_args()
    store = Store(options.state, retry_base=options.retry_base)
    for written in options.merchant:
        number, secret, payout, *name = written.split(":", 3)
        store.set_merchant(number, {"secret_key": secret, "payout_key": payout, "name": name[0] if name else ""})
    public_url = options.public_url.rstrip("/") if options.public_url else None
    asyncio.run(
        serve(
            build(store, public_url),
            name="Freedom Pay sandbox",
            host=options.host,
            port=options.port,
            background=[store.deliveries.run],
        )
    )
    store.db.close()


if __name__ == "__main__":
    main()
