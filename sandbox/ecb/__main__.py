"""``python -m sandbox.ecb``: the reference rates of the European Central Bank, as a server."""

from __future__ import annotations

import asyncio

from sandbox._web import serve, server_arguments
from sandbox.ecb.app import build


def main() -> None:
    options = server_arguments("ecb", 8426).parse_args()
    asyncio.run(serve(build(options.state), name="Sandbox ECB", host=options.host, port=options.port))


if __name__ == "__main__":
    main()
