"""``python -m sandbox.praxis``: a Praxis Cashier that moves no money. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.praxis import payments
from sandbox.praxis.api import Api
from sandbox.praxis.control import Control
from sandbox.praxis.page import Pages
from sandbox.praxis.store import Store

STATIC = Path(__file__).parents[1] / "_static"
LOOK_EVERY = 1.0  # seconds between looks for sessions that ran out


def build(store: Store, public_url: str | None, session_minutes: float) -> Application:
    """The ASGI application over ``store``."""
    router = Router()

    async def healthz(request: Request) -> Response:
        store.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    Api(store, public_url, session_minutes).add_routes(router)
    Pages(store).add_routes(router)
    Control(store).add_routes(router)
    return Application(router)


async def watch_sessions(store: Store) -> None:
    """End sessions when their time is over, for ever."""
    while True:
        with store.db.transaction():
            for session in store.overdue():
                payments.expire(store, session)
        await asyncio.sleep(LOOK_EVERY)


def main() -> None:
    parser = server_arguments("praxis", 8431)
    parser.add_argument("--public-url", help="where browsers reach the cashier (default: as the API was called)")
    parser.add_argument("--retry-base", type=float, default=5.0, help="seconds before a notification is sent again")
    parser.add_argument("--session-minutes", type=float, default=15.0, help="how long a cashier session lives")
    options = parser.parse_args()
    store = Store(options.state, retry_base=options.retry_base)
    public_url = options.public_url.rstrip("/") if options.public_url else None
    asyncio.run(
        serve(
            build(store, public_url, options.session_minutes),
            name="Praxis sandbox",
            host=options.host,
            port=options.port,
            background=[store.deliveries.run, lambda: watch_sessions(store)],
        )
    )
    store.db.close()


if __name__ == "__main__":
    main()
