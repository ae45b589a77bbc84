"""``python -m sandbox.skrill``: a Skrill that moves no money. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._accounts import Accounts
from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.skrill import control
from sandbox.skrill.api import Api
from sandbox.skrill.page import Pages
from sandbox.skrill.reports import Sender

STATIC = Path(__file__).parents[1] / "_static"


def store(folder: Path, retry_base: float) -> Accounts:
    made = Accounts(folder, "skrill", retry_base=retry_base, max_attempts=10)
    made.sends_with(Sender())
    return made


def build(accounts: Accounts, public_url: str | None) -> Application:
    """The ASGI application over `accounts`."""
    router = Router()

    async def healthz(request: Request) -> Response:
        accounts.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    Api(accounts, public_url).add_routes(router)
    Pages(accounts).add_routes(router)
    control.panel(accounts).add_routes(router)
    return Application(router)


def main() -> None:
    parser = server_arguments("skrill", 8433)
    parser.add_argument("--public-url", help="where browsers reach the hosted pages (default: as the API was called)")
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first retry of a webhook")
    options = parser.parse_args()
    accounts = store(options.state, options.retry_base)
    public_url = options.public_url.rstrip("/") if options.public_url else None
    asyncio.run(
        serve(
            build(accounts, public_url),
            name="Skrill sandbox",
            host=options.host,
            port=options.port,
            background=[accounts.deliveries.run],
        )
    )
    accounts.db.close()


if __name__ == "__main__":
    main()
