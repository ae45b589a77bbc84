"""All plants of one process: found by name, host or log-in, created at run time, each in its own file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import Settings
from sandbox.ctrader.vocabulary import Permission
from sandbox.exchange.catalogue import GroupSpec, quoted
from sandbox.exchange.records import Manager
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5.registry import Registry
from sandbox.mt5.server import ServerConfig

DOMAIN = "ctrader.localhost"
ALL_PERMISSIONS = [int(one) for one in Permission]
_CONFIG = {"name", "owner", "login_first", "login_last", "max_leverage", "autotrade", "autotrade_limit"}
# Spotware's money is per lot and deal in dollars; what a group holds in another currency is converted.
DEFAULT_GROUPS = (
    GroupSpec("standard", "USD", spread_diff=6),
    GroupSpec("raw", "USD", commission="3.50"),
    GroupSpec("vip", "USD", commission="2.00", margin_call="80", stop_out="30", spread_diff=2),
    GroupSpec("demo", "USD", spread_diff=6),
)


class Plants(Registry):
    """The process's plants."""

    def _open(self, path: Path) -> Plant:
        plant = Plant(path, self.clock, self.feed, self.seed)
        self.servers[plant.config.name] = plant
        return plant

    def plant(self, name: str) -> Plant | None:
        """A plant by its name."""
        found = self.servers.get(name)
        return found if isinstance(found, Plant) else None

    def by_host(self, host: str) -> Plant | None:
        """The plant a host name (`name.ctrader.localhost`, with or without a port) speaks of."""
        name = host.partition(":")[0].lower()
        return self.plant(name.removesuffix("." + DOMAIN)) if name.endswith("." + DOMAIN) else None

    def by_login(self, plant: str, environment: str) -> Plant | None:
        """The only plant of that id and environment, for a client whose TLS names no host."""
        wanted = (plant, environment)
        found = [
            one
            for one in self.servers.values()
            if isinstance(one, Plant) and (one.settings.plant, one.settings.environment) == wanted
        ]
        return found[0] if len(found) == 1 else None

    def create(self, request: dict[str, Any]) -> Plant:
        """Create a plant from the admin request. Refused 3 for a taken name or anything malformed."""
        known = _CONFIG | Settings.known() | {"managers", "groups"}
        unknown = set(request) - known
        if unknown:
            raise Refused(Retcode.INVALID_PARAMETERS, f"unknown settings: {', '.join(sorted(unknown))}")
        try:
            config = ServerConfig(
                **{"login_first": 3_000_001, "login_last": 9_999_999, "max_leverage": 1000}
                | {key: value for key, value in request.items() if key in _CONFIG},
                timezone_minutes=0,
            )
            settings = Settings(
                **{"plant": config.name} | {key: request[key] for key in request if key in Settings.known()}
            )
            groups = [group_from(one) for one in request.get("groups", [])] or list(map(replace, DEFAULT_GROUPS))
            managers = [manager_from(one) for one in request.get("managers", [])]
        except (TypeError, KeyError, ValueError, ArithmeticError) as error:
            raise Refused(Retcode.INVALID_PARAMETERS, str(error))
        if config.name in self.servers:
            raise Refused(Retcode.INVALID_PARAMETERS, f"server {config.name} exists")
        path = self._state / f"{config.name}.sqlite3"
        Plant.establish(path, config, settings, groups, managers)
        return self._open(path)


def group_from(request: dict[str, Any]) -> GroupSpec:
    """A group's terms, in dollars. ValueError for another currency or a commission that is no number."""
    group = GroupSpec(**{"currency": "USD", **request})
    if group.currency != "USD" or not quoted(group.currency) or Decimal(group.commission) < 0:
        raise ValueError("a group's commission is US dollars per lot; traders choose their own currency")
    return group


def manager_from(request: dict[str, Any]) -> Manager:
    """A manager from `{login, password, groups?, rights?}`; without lists it may do everything everywhere.

    `groups` are masks of group names with `*`; `rights` numbers of ProtoManagerPermission.
    """
    return Manager(
        int(request["login"]),
        hashlib.md5(str(request["password"]).encode()).hexdigest(),
        [str(mask) for mask in request.get("groups") or ["*"]],
        [int(right) for right in request.get("rights", ALL_PERMISSIONS)],
    )
