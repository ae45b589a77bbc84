"""``python -m sandbox.click``: a Click that calls merchants and moves no money. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, serve, server_arguments, static_file
from sandbox.click.checkout import Pages
from sandbox.click.control import Control
from sandbox.click.conversation import Conversation
from sandbox.click.store import Store

STATIC = Path(__file__).parents[1] / "_static"


def build(store: Store, conversation: Conversation) -> Application:
    """The ASGI application over ``store``."""
    router = Router()

    async def healthz(request: Request) -> Response:
        store.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    Control(store, conversation).add_routes(router)
    Pages(store, conversation).add_routes(router)
    return Application(router)


async def _serve(store: Store, host: str, port: int, retry_base: float) -> None:
    conversation = Conversation(store, retry_base=retry_base)
    app = build(store, conversation)
    await serve(app, name="Click sandbox", host=host, port=port, background=[conversation.run])


def main() -> None:
    parser = server_arguments("click", 8427)
    parser.add_argument(
        "--retry-base", type=float, default=2.0, help="seconds before a call without an answer is repeated"
    )
    parser.add_argument(
        "--service", action="append", default=[], metavar="ID=MERCHANT=SECRET=ENDPOINT", help="a service to know"
    )
    options = parser.parse_args()
    store = Store(options.state)
    for written in options.service:
        service, merchant, secret, endpoint = written.split("=", 3)
        store.set_service(service, {"merchant_id": merchant, "secret_key": secret, "endpoint": endpoint})
    asyncio.run(_serve(store, options.host, options.port, options.retry_base))
    store.db.close()


if __name__ == "__main__":
    main()
