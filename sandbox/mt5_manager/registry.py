"""All servers of one process: found by host name, created at run time, each in its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.exchange.records import Manager
from sandbox.mt5.registry import ALL_RIGHTS, Registry
from sandbox.mt5_manager.server import BridgedServer

DOMAIN = "mt5-manager.localhost"


class Bridges(Registry):
    """The process's servers, each with the secrets of its managers."""

    suffix = f".{DOMAIN}"

    def _open(self, path: Path) -> BridgedServer:
        server = BridgedServer(path, self.clock, self.feed, self.seed)
        self.servers[server.config.name] = server
        return server

    def manager_from(self, request: dict[str, Any]) -> Manager:
        """From `{login, secret, groups?, rights?}`; without lists it may do everything everywhere.

        The secret is kept as it is: a proof cannot be checked without it.
        """
        return Manager(
            int(request["login"]),
            str(request["secret"]),
            [str(mask) for mask in request.get("groups") or ["*"]],
            [int(right) for right in request.get("rights", ALL_RIGHTS)],
        )

    def bridge(self, host: str) -> BridgedServer | None:
        """The server a host name (`name.mt5-manager.localhost`) speaks of."""
        found = self.by_host(host)
        return found if isinstance(found, BridgedServer) else None
