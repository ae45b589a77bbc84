"""``python -m sandbox.mailbox``: takes mail by SMTP and shows it. See README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sandbox._web import serve, server_arguments
from sandbox.mailbox import smtp
from sandbox.mailbox.app import Inbox
from sandbox.mailbox.store import Mailbox


async def run(host: str, port: int, smtp_port: int, mailbox: Mailbox, codes: Path | None) -> None:
    servers: list[asyncio.Server] = []

    async def open_smtp() -> str:
        servers.append(await smtp.listen(mailbox, host, smtp_port))
        return f" smtp://{host}:{servers[0].sockets[0].getsockname()[1]}"

    app = Inbox(mailbox, codes).application()
    await serve(app, name="Sandbox mailbox", host=host, port=port, before=open_smtp)
    servers[0].close()


def main() -> None:
    parser = server_arguments("mailbox", 8422)
    parser.add_argument("--smtp-port", type=int, default=8425, help="0 takes a free one")
    parser.add_argument("--codes", type=Path, help="JSON file of accounts with second factors, shown at /codes")
    options = parser.parse_args()
    mailbox = Mailbox(options.state)
    asyncio.run(run(options.host, options.port, options.smtp_port, mailbox, options.codes))
    mailbox.db.close()


if __name__ == "__main__":
    main()
