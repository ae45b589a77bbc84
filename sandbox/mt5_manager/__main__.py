"""`python -m sandbox.mt5_manager`: run the servers found in the state folder, and those created later."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import signal
import ssl
from fractions import Fraction
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sandbox.exchange import tls
from sandbox.exchange.clock import Clock
from sandbox.mt5 import engine
from sandbox.mt5.http import detached
from sandbox.mt5_manager.admin import Desk
from sandbox.mt5_manager.journal import Journals
from sandbox.mt5_manager.registry import DOMAIN, Bridges
from sandbox.mt5_manager.session import House, Session


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mt5_manager", description="MT5 Manager bridge sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="TLS port of the bridge contract, 0: any free")
    parser.add_argument(
        "--admin-port", type=int, required=True, help="plain HTTP port of the control desk, 0: any free"
    )
    parser.add_argument("--state", type=Path, required=True, help="folder of the servers' files")
    parser.add_argument("--tls-dir", type=Path, required=True, help="folder of ca.pem and the certificate")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other prices")
    parser.add_argument("--speed", type=Fraction, default=Fraction(1), help="sandbox seconds per real second")
    parser.add_argument("--heartbeat", type=float, default=15.0, help="seconds between signs of life")
    parser.add_argument("--login-window", type=float, default=10.0, help="seconds between hello and login")
    return parser.parse_args()


class Door:
    """Lets clients in to the server whose name they ask for in TLS."""

    def __init__(self, bridges: Bridges, house: House, context: ssl.SSLContext) -> None:
        self._bridges = bridges
        self._house = house
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        context.sni_callback = self._remember

    def _remember(self, tls_end: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self._names[tls_end] = name or ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        server = self._bridges.bridge(self._names.get(writer.get_extra_info("ssl_object"), ""))
        if server is None:
            writer.close()
        else:
            await Session(self._house, server, reader, writer).run()


def fingerprint(folder: Path) -> str:
    """SHA-256 of our certificate in hex."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "server.pem").read_text())).hexdigest()


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    options.state.mkdir(parents=True, exist_ok=True)
    bridges = Bridges(options.state, Clock(options.state / "clock.json", options.speed), options.seed)
    context, journals = tls.server_context(options.tls_dir, DOMAIN), Journals()
    house = House(fingerprint(options.tls_dir), journals, options.login_window, options.heartbeat)
    door = Door(bridges, house, context)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listeners = [
        await asyncio.start_server(detached(door.accept), options.host, options.port, ssl=context),
        await asyncio.start_server(detached(Desk(bridges, journals).accept), options.host, options.admin_port),
    ]
    beat = asyncio.create_task(engine.run_all(bridges))
    stopped = asyncio.create_task(stop.wait())
    ports = [listener.sockets[0].getsockname()[1] for listener in listeners]
    print(f"manager bridge sandbox ready: tls {ports[0]}, admin http {ports[1]}", flush=True)
    # A dead heartbeat must end the process, not leave a market that silently stands still.
    await asyncio.wait({beat, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for listener in listeners:
        listener.close()
    if beat.done():
        beat.result()
    beat.cancel()
    bridges.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(run(arguments()))
