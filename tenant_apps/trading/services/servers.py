"""Trading servers of the brokerage: connecting, changing, testing."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, secrets
from kernel.actors import Actor
from kernel.errors import Conflict, Invalid, Outside
from tenant_apps.trading import platforms
from tenant_apps.trading.models import Platform, TradingServer
from tenant_apps.trading.permissions_list import SERVERS_EDIT
from tenant_apps.trading.ports import OpensElsewhere, TradingPlatform
from tenant_apps.trading.probe_words import NO_FAILURE, advice, problem_of
from tenant_apps.trading.services.accounts import bridge_wake


def server_save(
    *,
    actor: Actor,
    name: str,
    host: str,
    port: int,
    manager: int,
    password: str = "",
    settings: dict[str, Any] | None = None,
    enabled: bool = True,
    server_id: UUID | None = None,
    kind: str = "",
) -> TradingServer:
    """Create or change a server; `kind` (one of Platform, MT5 when empty) stays as it was created. An empty `password`
    keeps the stored one, except with another address or transport: whoever may point the connection elsewhere must not
    thereby have the stored password proven to a server of their own.

    Raises Invalid, Conflict (name taken).
    """
    actor.require(SERVERS_EDIT)
    if server_id is None and not password:
        raise Invalid(field="password")
    with transaction.atomic():
        if TradingServer.objects.filter(name=name).exclude(pk=server_id).exists():  # type: ignore[misc]
            raise Conflict(field="name")
        if server_id:
            server = TradingServer.objects.select_for_update().get(pk=server_id)
        else:
            server = TradingServer(kind=Platform(kind or Platform.MT5))
        before = _plain(server) if server_id else {}
        merged = {**server.settings, **(settings or {})}
        here, there = _address(server.host, server.port, server.settings), _address(host, port, merged)
        moved = bool(server_id) and here != there
        if moved and not password and actor.kind != "system":
            raise Invalid(
                pgettext_lazy("trading server", "Another address needs the password again: the stored one stays here."),
                field="password",
            )
        server.name, server.host, server.port, server.manager = name, host.strip().lower(), port, manager
        server.enabled, server.updated_at = enabled, clock.now()
        server.settings = merged
        server.save()
        if password:
            secrets.credential_set(owner=server.secret_owner, name=platforms.PASSWORD, value=password)
        old, new = audit.changes(before, _plain(server) | ({"password": "changed"} if password else {}))
        audit.record(actor=actor, action="trading.server_saved", obj=server, before=old, after=new)
        found = server.pk
        transaction.on_commit(lambda: bridge_wake(found))
    return server


def _address(host: str, port: int, settings: dict[str, Any]) -> tuple[object, ...]:
    """All places where the password is proven, over what, and by what they are known."""
    web_host = str(settings.get("web_host") or "").strip().lower()
    transport, fingerprint = settings.get("transport") or "https", settings.get("fingerprint") or ""
    known_by = fingerprint, settings.get("authority") or ""
    return host.strip().lower(), port, transport, web_host, settings.get("web_port"), *known_by


def _plain(server: TradingServer) -> dict[str, Any]:
    return {
        "kind": server.kind,
        "name": server.name,
        "host": server.host,
        "port": server.port,
        "manager": server.manager,
        "enabled": server.enabled,
        "settings": {key: value for key, value in server.settings.items() if key != "ca_file"},
    }


@dataclass(frozen=True, slots=True)
class Probe:
    """What a test of the connection found. `latency_ms` is one read; `rights` name what works for this manager, `failures`
    what to do about the rest."""

    ok: bool
    problem: str = ""
    advice: str = ""
    name: str = ""
    build: str = ""
    utc_offset: timedelta = timedelta(0)
    clock_skew: timedelta = timedelta(0)
    latency_ms: int = 0
    groups: list[str] = field(default_factory=list)
    rights: dict[str, bool] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def server_test(*, actor: Actor, server: TradingServer) -> Probe:
    """Log in anew, read the clock, the groups and a price. Never raises for what the server does."""
    actor.require(SERVERS_EDIT)
    try:
        with platforms.line_for(server, sessions=1, call_seconds=8.0, connect_seconds=5.0) as line:
            probe = line.run(partial(_look, kind=server.kind))
    except Outside as error:
        TradingServer.objects.filter(pk=server.pk).update(
            last_error=str(error)[:300], last_problem=problem_of(error), last_error_at=clock.now()
        )
        return Probe(ok=False, problem=str(error), advice=advice(error, server.kind))
    TradingServer.objects.filter(pk=server.pk).update(
        last_ok_at=clock.now(),
        latency_ms=probe.latency_ms,
        **NO_FAILURE,
        time_offset_minutes=round(probe.utc_offset.total_seconds() / 60),
    )
    return probe


async def _look(platform: TradingPlatform, *, kind: str) -> Probe:
    info = await platform.server_info()
    started = time.monotonic()
    failures: dict[str, str] = {}
    groups: list[str] = []
    try:
        groups = [group.name for group in await platform.groups()]
    except Outside as error:
        failures["groups"] = advice(error, kind)
    latency = round((time.monotonic() - started) * 1000)
    asks: list[tuple[str, Callable[[], Coroutine[Any, Any, object]]]] = [
        ("accounts", lambda: platform.account_states(group="*")),
        ("positions", lambda: platform.positions(group="*")),
        ("deals", lambda: platform.deals(clock.now() - timedelta(minutes=1), clock.now(), group="*")),
    ]
    if isinstance(platform, OpensElsewhere):
        asks.append(("openings", platform.opening_check))
    for name, ask in asks:
        try:
            await ask()
        except Outside as error:
            failures[name] = advice(error, kind)
    return Probe(
        ok=not failures,
        name=info.name,
        build=info.build,
        utc_offset=info.utc_offset,
        clock_skew=info.clock_skew,
        latency_ms=latency,
        groups=groups,
        rights={name: name not in failures for name in ("groups", *(name for name, _ in asks))},
        failures=failures,
    )
