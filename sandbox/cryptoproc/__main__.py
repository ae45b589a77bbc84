"""``python -m sandbox.cryptoproc``: a crypto processor that moves no coins. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.cryptoproc.api import Api
from sandbox.cryptoproc.control import Control
from sandbox.cryptoproc.store import Store

STATIC = Path(__file__).parents[1] / "_static"


def build(store: Store) -> Application:
    """The ASGI application over ``store``."""
    router = Router()

    async def healthz(request: Request) -> Response:
        store.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    Api(store).add_routes(router)
    Control(store).add_routes(router)
    return Application(router)


def main() -> None:
    parser = server_arguments("cryptoproc", 8441)
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first callback retry")
    options = parser.parse_args()
    store = Store(options.state, retry_base=options.retry_base)
    asyncio.run(
        serve(
            build(store),
            name="CryptoProcessing sandbox",
            host=options.host,
            port=options.port,
            background=[store.deliveries.run],
        )
    )
    store.db.close()


if __name__ == "__main__":
    main()
