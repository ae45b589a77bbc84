"""``python -m sandbox.paytabs``: a PayTabs that moves no money. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.paytabs.api import Api
from sandbox.paytabs.control import Control
from sandbox.paytabs.page import Pages
from sandbox.paytabs.store import Store

STATIC = Path(__file__).parents[1] / "_static"


def build(store: Store, public_url: str | None, duplicate_window: float) -> Application:
    """The ASGI application over ``store``."""
    router = Router()

    async def healthz(request: Request) -> Response:
        store.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    Api(store, public_url, duplicate_window).add_routes(router)
    Pages(store).add_routes(router)
    Control(store).add_routes(router)
    return Application(router)


def main() -> None:
    parser = server_arguments("paytabs", 8421)
    parser.add_argument("--public-url", help="where browsers reach the hosted pages (default: as the API was called)")
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first callback retry")
    parser.add_argument("--duplicate-window", type=float, default=120.0, help="seconds a same request is refused")
    options = parser.parse_args()
    store = Store(options.state, retry_base=options.retry_base)
    public_url = options.public_url.rstrip("/") if options.public_url else None
    app = build(store, public_url, options.duplicate_window)
    asyncio.run(
        serve(
            app,
            name="PayTabs sandbox",
            host=options.host,
            port=options.port,
            background=[store.deliveries.run],
        )
    )
    store.db.close()


if __name__ == "__main__":
    main()
