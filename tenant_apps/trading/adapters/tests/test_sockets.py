"""A connection given up at any moment leaves nothing that stands in the way of the next."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from tenant_apps.trading.adapters.mt5.tests.scripted import certificate
from tenant_apps.trading.adapters.sockets import connect_directly, open_tls

NAME = "given-up.localhost"


@pytest.mark.parametrize("steps", range(12))
def test_giving_up_at_any_step_of_the_handshake_frees_the_socket(steps: int, tmp_path: Path) -> None:
    """Right after the handshake, its transport was left with a closed socket, and refused the number to everybody."""
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*certificate(tmp_path, NAME))
    ours.load_verify_locations(tmp_path / "ca.pem")

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def tried() -> None:
        server = await asyncio.start_server(hold, "127.0.0.1", 0, ssl=theirs)
        port = server.sockets[0].getsockname()[1]
        raw = await connect_directly(NAME, port)

        async def ready(host: str, port: int) -> socket.socket:
            return raw

        opening = asyncio.create_task(open_tls(NAME, port, connector=ready, context=ours))
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        for _ in range(10):  # one of them gets the number that is free again
            (await connect_directly(NAME, port)).close()
        server.close()
        raw.close()

    asyncio.run(tried())
