"""`python -m sandbox.ctrader`: run the plants found in the state folder, and those created later."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import ssl
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sandbox.ctrader.admin.app import Desk
from sandbox.ctrader.manager.session import Session, Windows
from sandbox.ctrader.registry import DOMAIN, Plants
from sandbox.ctrader.webservices.app import WebServices
from sandbox.exchange import tls
from sandbox.exchange.clock import Clock
from sandbox.mt5 import engine
from sandbox.mt5.http import detached

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.ctrader", description="cTrader sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="TLS port of the Manager's API, 0: any free")
    parser.add_argument("--web-port", type=int, required=True, help="HTTPS port of WebServices, 0: any free")
    parser.add_argument(
        "--admin-port", type=int, required=True, help="plain HTTP port of the control desk, 0: any free"
    )
    parser.add_argument("--state", type=Path, required=True, help="folder of the plants' files")
    parser.add_argument("--tls-dir", type=Path, required=True, help="folder of ca.pem and the certificate")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other prices")
    parser.add_argument("--speed", type=Fraction, default=Fraction(1), help="sandbox seconds per real second")
    parser.add_argument("--silence", type=float, default=30.0, help="seconds after which a silent client is dropped")
    parser.add_argument("--heartbeat", type=float, default=25.0, help="seconds between the server's heartbeats")
    return parser.parse_args()


def named(context: ssl.SSLContext) -> Callable[[asyncio.StreamWriter], str]:
    """Remember the host each TLS client asks for; the function returned tells it for a connection."""

    names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def remember(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        names[connection] = name or ""

    context.sni_callback = remember
    return lambda writer: names.get(writer.get_extra_info("ssl_object"), "")


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    options.state.mkdir(parents=True, exist_ok=True)
    plants = Plants(options.state, Clock(options.state / "clock.json", options.speed), options.seed)
    context = tls.server_context(options.tls_dir, DOMAIN)
    host_of, windows = named(context), Windows(options.silence, options.heartbeat)

    async def manage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Session(plants, windows, reader, writer, host_of(writer)).run()

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listeners = [
        await asyncio.start_server(detached(manage), options.host, options.port, ssl=context),
        await asyncio.start_server(detached(WebServices(plants).accept), options.host, options.web_port, ssl=context),
        await asyncio.start_server(detached(Desk(plants).accept), options.host, options.admin_port),
    ]
    beat = asyncio.create_task(engine.run_all(plants))
    stopped = asyncio.create_task(stop.wait())
    ports = [listener.sockets[0].getsockname()[1] for listener in listeners]
    print(f"ctrader sandbox ready: manager {ports[0]}, https {ports[1]}, admin http {ports[2]}", flush=True)
    # A dead heartbeat must end the process, not leave a market that silently stands still.
    await asyncio.wait({beat, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for listener in listeners:
        listener.close()
    if beat.done():
        beat.result()
    beat.cancel()
    plants.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(run(arguments()))
