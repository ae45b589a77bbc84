"""`python -m sandbox.mt5`: run the trading servers found in the state folder, and those created later."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from fractions import Fraction
from pathlib import Path

from sandbox.exchange import tls
from sandbox.exchange.clock import Clock
from sandbox.mt5 import engine
from sandbox.mt5.admin.app import Admin
from sandbox.mt5.http import detached
from sandbox.mt5.raw.connection import RawSettings
from sandbox.mt5.raw.listeners import RawListeners
from sandbox.mt5.registry import Registry
from sandbox.mt5.session import Windows
from sandbox.mt5.webapi import WebApi


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mt5", description="MT5 Web API sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="HTTPS port of the Web API, 0: any free")
    parser.add_argument(
        "--admin-port", type=int, required=True, help="plain HTTP port of the control desk, 0: any free"
    )
    parser.add_argument(
        "--raw-port", type=int, help="TCP port of the text protocol for the first server, 0: any free; none without"
    )
    parser.add_argument("--raw-ping", type=float, default=20.0, help="seconds between the server's pings over TCP")
    parser.add_argument("--raw-packet", type=int, default=0xFFFE, help="most bytes in one packet over TCP")
    parser.add_argument("--state", type=Path, required=True, help="folder of the servers' files")
    parser.add_argument("--tls-dir", type=Path, required=True, help="folder of ca.pem and the certificate")
    parser.add_argument("--seed", type=int, default=7, help="another seed, other prices")
    parser.add_argument("--speed", type=Fraction, default=Fraction(1), help="sandbox seconds per real second")
    parser.add_argument("--auth-window", type=float, default=10.0, help="seconds between auth/start and auth/answer")
    parser.add_argument("--silence", type=float, default=180.0, help="seconds after which a silent client is dropped")
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    options.state.mkdir(parents=True, exist_ok=True)
    clock = Clock(options.state / "clock.json", options.speed)
    registry = Registry(options.state, clock, options.seed)
    windows = Windows(options.auth_window, options.silence)
    api = WebApi(registry, windows)
    raw = RawListeners(
        registry, windows, RawSettings(options.raw_ping, options.raw_packet), options.host, options.raw_port or 0
    )
    context = tls.server_context(options.tls_dir, "mt5.localhost")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    secure = await asyncio.start_server(detached(api.accept), options.host, options.port, ssl=context)
    plain = await asyncio.start_server(detached(Admin(registry).accept), options.host, options.admin_port)
    if options.raw_port is not None:
        await raw.listen_all()
    beat = asyncio.create_task(engine.run_all(registry))
    stopped = asyncio.create_task(stop.wait())
    ports = [listener.sockets[0].getsockname()[1] for listener in (secure, plain)]
    print(f"mt5 sandbox ready: https {ports[0]}, admin http {ports[1]}", flush=True)
    # A dead heartbeat must end the process, not leave a market that silently stands still.
    await asyncio.wait({beat, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for listener in (secure, plain):
        listener.close()
    raw.close()
    if beat.done():
        beat.result()
    beat.cancel()
    registry.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(run(arguments()))
