"""``python -m sandbox.stripe``: a Stripe that moves no money. See README.md."""

from __future__ import annotations

import asyncio

from sandbox._web import serve, server_arguments
from sandbox.stripe.app import build, run_jobs
from sandbox.stripe.store import Store


def main() -> None:
    parser = server_arguments("stripe", 8420)
    parser.add_argument("--public-url", help="where browsers reach the hosted pages (default: as the API was called)")
    parser.add_argument("--retry-base", type=float, default=1.0, help="seconds before the first webhook retry")
    parser.add_argument("--max-attempts", type=int, default=12, help="attempts per webhook")
    options = parser.parse_args()
    store = Store(options.state, retry_base=options.retry_base, max_attempts=options.max_attempts)
    public_url = options.public_url.rstrip("/") if options.public_url else None
    asyncio.run(
        serve(
            build(store, public_url),
            name="Stripe sandbox",
            host=options.host,
            port=options.port,
            background=[store.deliveries.run, lambda: run_jobs(store)],
        )
    )
    store.db.close()


if __name__ == "__main__":
    main()
