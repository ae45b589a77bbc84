"""All trading servers of one process: found by name, created at run time, each in its own file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox.exchange.catalogue import GroupSpec, default_groups, quoted
from sandbox.exchange.clock import Clock
from sandbox.exchange.feed import HISTORY, Feed
from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5.secrets import manager_secret
from sandbox.mt5.server import ServerConfig, TradingServer

HOST_SUFFIX = ".mt5.localhost"
ALL_RIGHTS = [0, 1, 24, 25, 26, 27, 29]


class Registry:
    """The process's servers, its clock and its feed."""

    suffix = HOST_SUFFIX

    def __init__(self, state: Path, clock: Clock, seed: int) -> None:
        self._state = state
        self.clock = clock
        self.seed = seed
        self.feed = Feed(seed, HISTORY)
        self.servers: dict[str, TradingServer] = {}
        self.on_create: Callable[[TradingServer], Awaitable[None]] | None = None
        for path in sorted(state.glob("*.sqlite3")):
            self._open(path)

    def _open(self, path: Path) -> TradingServer:
        server = TradingServer(path, self.clock, self.feed, self.seed)
        self.servers[server.config.name] = server
        return server

    def by_host(self, host: str) -> TradingServer | None:
        """The server a host (`name.mt5.localhost`, with or without a port) speaks of."""
        name = host.partition(":")[0].lower()
        return self.servers.get(name.removesuffix(self.suffix)) if name.endswith(self.suffix) else None

    def manager_from(self, request: dict[str, Any]) -> Manager:
        """See `manager_from` below."""
        return manager_from(request)

    def create(self, request: dict[str, Any]) -> TradingServer:
        """Create a server from the admin request. Refused 3 for a taken name or anything malformed."""
        settings = {key: value for key, value in request.items() if key in ServerConfig.known()}
        unknown = set(request) - ServerConfig.known() - {"managers", "groups", "currencies"}
        if unknown:
            raise Refused(Retcode.INVALID_PARAMETERS, f"unknown settings: {', '.join(sorted(unknown))}")
        try:
            config = ServerConfig(**settings)
            managers = [self.manager_from(one) for one in request.get("managers", [])]
            currencies = request.get("currencies") or [config.currency]
            groups = [GroupSpec(**one) for one in request.get("groups", [])] or default_groups(currencies)
        except (TypeError, KeyError, ValueError) as error:
            raise Refused(Retcode.INVALID_PARAMETERS, str(error))
        strange = {group.currency for group in groups if not quoted(group.currency)}
        if strange:
            raise Refused(Retcode.INVALID_PARAMETERS, f"no prices for {', '.join(sorted(strange))}")
        if config.name in self.servers:
            raise Refused(Retcode.INVALID_PARAMETERS, f"server {config.name} exists")
        path = self._state / f"{config.name}.sqlite3"
        TradingServer.create(path, config, groups, managers)
        return self._open(path)

    def close(self) -> None:
        """Close every file."""
        for server in self.servers.values():
            server.close()


def manager_from(request: dict[str, Any]) -> Manager:
    """A manager from `{login, password, groups?, rights?}`; without lists it may do everything everywhere."""
    return Manager(
        int(request["login"]),
        manager_secret(str(request["password"])),
        [str(mask) for mask in request.get("groups") or ["*"]],
        [int(right) for right in request.get("rights", ALL_RIGHTS)],
    )
