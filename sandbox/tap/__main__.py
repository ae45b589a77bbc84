"""``python -m sandbox.tap``: a Tap Payments that moves no money. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.tap.api import Api
from sandbox.tap.control import Control
from sandbox.tap.page import Pages
from sandbox.tap.store import Store

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
    parser = server_arguments("tap", 8432)
    parser.add_argument("--public-url", help="where browsers reach the hosted pages (default: as the API was called)")
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first webhook retry")
    options = parser.parse_args()
    store = Store(options.state, retry_base=options.retry_base)
    app = build(store, options.public_url.rstrip("/") if options.public_url else None)
    asyncio.run(serve(app, name="Tap sandbox", host=options.host, port=options.port, background=[store.deliveries.run]))
    store.db.close()


if __name__ == "__main__":
    main()
