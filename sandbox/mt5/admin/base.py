"""What every admin handler gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.mt5.http import Request
from sandbox.mt5.registry import Registry
from sandbox.mt5.server import TradingServer


class NotFound(Exception):
    """No such path or server (HTTP 404)."""


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """A request with its path parameters."""

    registry: Registry
    http: Request
    parameters: dict[str, str]

    @property
    def server(self) -> TradingServer:
        """The server in the path (NotFound)."""
        found = self.registry.servers.get(self.parameters["server"])
        if found is None:
            raise NotFound(self.parameters["server"])
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object in the body, empty without one. ValueError for anything else."""
        body = self.http.json()
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise ValueError("a JSON object is expected")
        return body

    def number(self, name: str, default: int) -> int:
        """A whole number from the query (ValueError)."""
        return int(self.http.query.get(name, default))
