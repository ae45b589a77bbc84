"""``make demo``: everything on one machine, from an empty folder to the tour."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from launcher import assets, management, messages, processes, sandboxes, services
from launcher.console import LauncherError, say, step
from launcher.layout import ROOT, child_environment, python, state_dir
from launcher.state import HOST, InUseError, State
from launcher.supervise import AliveReady, DoneReady, HttpReady, LogReady, Process, Supervisor

QUEUES = "money,webhooks,provisioning,mail,reports,default"
SETTINGS = "config.settings.demo"
LONGEST_LOG = 10 * 1024 * 1024
# What a stand-in for somebody else's server has no business to know.
OURS_ALONE = (
    "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "RIALTO_SECRET_KEY", "RIALTO_MASTER_KEY", "EMAIL_URL",
    "S3_ACCESS_KEY", "S3_SECRET_KEY", "SENTRY_DSN",
)  # fmt: skip
TITLES = {
    "upgrade": "Preparing the database",
    "seed_demo": "Making the four brokerages",
    "web": "Pages (web)",
    "worker": "Background work (worker)",
    "beat": "Timetable (beat)",
    "relay": "Events (relay)",
    "bridge": "Link to the trading server (bridge)",
}
KEPT_ON_RESET = ("lock", "test", "bench")


def main() -> None:
    """Bring everything up and stay until Ctrl-C or SIGTERM. Raises LauncherError when something cannot be."""
    folder = state_dir()
    if os.environ.get("RESET", "0") not in ("", "0"):
        reset(folder)
    # Inside, so that a second demo of this checkout is refused before it touches anything.
    with services.running(folder) as running:
        assets.ensure()
        messages.compile_all()
        _shorten_logs(running.state.log)
        environment = {**running.environment, **_web_environment(running.state)}
        specs = _sandbox_processes(running.state, environment)
        specs += _our_processes(child_environment(environment), running.state, [spec.name for spec in specs])
        supervisor = Supervisor(
            specs, log=running.state.log, undertaker=running.undertaker, watch=lambda: _keep_services(running)
        )
        try:
            asyncio.run(supervisor.run(when_ready=lambda: _welcome(environment)))
        finally:
            # From here on it is only the servers' clean end; a further Ctrl-C must not cut it short.
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signum, signal.SIG_IGN)
            say("Stopping the database and the broker")
    say("Everything is stopped")


def manage() -> None:
    """`make manage ARGS="demo_code anna.agent@nordwind.example"`: a management command in the demo's environment.

    Raises LauncherError when there is no demo yet, or when the command fails.
    """
    state = State(state_dir())
    if not state.remembered().get("ports", {}).get("web") and not os.environ.get("RIALTO_PORT"):
        raise LauncherError("There is no demo here yet", advice="Start one with `make demo`.")
    arguments = shlex.split(os.environ.get("ARGS", "")) or ["help"]
    command = _quick_code(state, arguments) or management.command(*arguments)
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment_of(state), check=False).returncode)


def _quick_code(state: State, arguments: list[str]) -> list[str] | None:
    """How the mailbox's authenticator tells a code, without the seconds that Django takes to start."""
    known = state.folder / "sandbox" / "mailbox" / sandboxes.CODES
    if arguments[0] != "demo_code" or len(arguments) != 2 or arguments[1].startswith("-") or not known.exists():
        return None
    return [python(), "-m", "sandbox.mailbox.codes", str(known), arguments[1]]


def environment_of(state: State) -> dict[str, str]:
    """The environment of the demo's own processes, from what its state folder remembers. Starts and chooses nothing."""
    ports = state.remembered()["ports"]
    environment = {**services.environment(state.folder), **_web_environment(state, int(ports.get("web", 0)))}
    for name, sandbox in sandboxes.TABLE.items():
        if sandboxes.is_present(name) and name in ports:
            extra = {one: int(ports[f"{name}-{one}"]) for one in sandbox.extra_ports}
            at = sandboxes.Place(state.folder / "sandbox" / name, int(ports[name]), extra)
            environment.update({key: os.environ.get(key) or value for key, value in sandbox.variables(at).items()})
    return child_environment(environment)


def reset(folder: Path) -> None:
    """Stop what runs from this state folder and delete what is in it. Raises when the folder is not ours."""
    if not folder.exists():
        return
    state = State(folder)
    if not state.remembered().get("mark"):
        if any(path.name.split("-")[0] not in KEPT_ON_RESET for path in folder.iterdir()):
            raise LauncherError(
                f"{folder} does not look like a state folder of Rialto; nothing was deleted",
                advice="Is RIALTO_STATE set to the right folder?",
            )
        return
    with step("Starting over: deleting the data of this demo"):
        _stop_holder(state)
        with state.locked():
            for program in ("postgres", "valkey-server"):
                for seen in processes.find(program, state.mark()):
                    processes.stop(seen.pid, first=signal.SIGTERM, grace=5)
            _delete(folder)
    if os.environ.get("DATABASE_URL"):
        say("DATABASE_URL is set: that database is yours and was not touched")


def _stop_holder(state: State) -> None:
    try:
        with state.locked(wait=False):
            return
    except InUseError as error:
        if error.holder is not None:
            say(f"Stopping the demo that runs as process {error.holder}")
            processes.send(error.holder, signal.SIGTERM)
            holder = error.holder
            if not processes.wait_until(lambda: not processes.is_alive(holder), seconds=90):
                processes.send(holder, signal.SIGKILL)  # its undertaker does the rest
                processes.wait_until(lambda: not processes.is_alive(holder), seconds=10)


def _delete(folder: Path) -> None:
    try:
        for path in folder.iterdir():
            if path.name.split("-")[0] in KEPT_ON_RESET:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except PermissionError as error:
        raise LauncherError(
            f"Not everything in {folder} could be deleted: {error}",
            advice=f"It is from a run as another user. Delete it as that user: sudo rm -rf '{folder}'",
        ) from error


def _web_environment(state: State, port: int = 0) -> dict[str, str]:
    """`port` is that of a demo that runs already; 0 chooses."""
    return {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "RIALTO_DEMO": "1",
        "RIALTO_DOMAIN": os.environ.get("RIALTO_DOMAIN") or "localhost",
        "RIALTO_SCHEME": os.environ.get("RIALTO_SCHEME") or "http",
        "RIALTO_PORT": str(port or _web_port(state)),
    }


def _web_port(state: State) -> int:
    """8000 or the next free one, the same at every start; RIALTO_PORT in the environment is obeyed."""
    asked = os.environ.get("RIALTO_PORT")
    if asked:
        state.remember(ports={**state.remembered().get("ports", {}), "web": int(asked)})
        return int(asked)
    return state.usable_port("web", preferred=8000)


def _sandbox_processes(state: State, environment: dict[str, str]) -> list[Process]:
    """The sandbox servers; their addresses are added to ``environment`` unless the operator named others."""
    specs = []
    for name, sandbox in sandboxes.TABLE.items():
        if not sandboxes.is_present(name):
            say(f"sandbox/{name} is not in this checkout; going on without it")
            continue
        at = sandboxes.place(name, state)
        for variable, value in sandbox.variables(at).items():
            environment[variable] = os.environ.get(variable) or value
        bare = {key: value for key, value in child_environment().items() if key not in OURS_ALONE}
        specs.append(
            Process(
                name=f"sandbox-{name}",
                title=sandbox.title,
                command=sandboxes.command(name, at, python()),
                environment=bare,
                ready=HttpReady(sandbox.health_port(at)),
                cwd=ROOT,
            )
        )
    return specs


def _our_processes(environment: dict[str, str], state: State, sandbox_names: list[str]) -> list[Process]:
    """Upgrade and seed once, then the five kinds of process of the product."""
    if not management.MANAGE.exists():
        say("platform/manage.py is not in this checkout; only the services and sandboxes run")
        return []
    specs: list[Process] = []

    def add(name: str, command: list[str], ready: object, after: tuple[str, ...], grace: float = 10.0) -> None:
        specs.append(
            Process(name, command, environment, ready, after, grace, ROOT, TITLES[name])  # type: ignore[arg-type]
        )

    before: tuple[str, ...] = ()
    for name in ("upgrade", "seed_demo"):
        if management.has_command(name):
            add(name, management.command(name), DoneReady(), (*sandbox_names, *before))
            before = (name,)
        else:
            say(f"manage.py {name} is not in this checkout; going on without it")
    celery = [python(), "-m", "celery", "-A", "config.celery"]
    worker = [*celery, "worker", "-c", "2", "-Q", QUEUES, "--without-gossip", "--without-mingle"]
    add(
        "web",
        _uvicorn(environment["RIALTO_PORT"]),
        HttpReady(int(environment["RIALTO_PORT"]), "/healthz/ready"),
        before,
    )
    add("worker", worker, LogReady(r"celery@\S+ ready"), before, grace=20)
    add("beat", [*celery, "beat", "-s", str(state.run / "beat")], LogReady(r"beat: Starting"), before)
    for name in ("relay", "bridge"):
        if management.has_command(name):
            add(name, management.command(name), AliveReady(), (*sandbox_names, *before))
        else:
            say(f"manage.py {name} is not in this checkout; going on without it")
    return specs


def _uvicorn(port: str) -> list[str]:
    """One worker: live pages fan out inside the process. Event streams are cut five seconds after the end."""
    options = ["--host", HOST, "--port", port, "--workers", "1", "--no-server-header"]
    return [
        python(),
        "-m",
        "uvicorn",
        "config.asgi:application",
        *options,
        "--timeout-graceful-shutdown",
        "5",
    ]


def _keep_services(running: services.Services) -> None:
    """Start the database or the broker again if it died. Raises LauncherError when that fails."""
    for name, server in (("PostgreSQL", running.postgres), ("Valkey", running.valkey)):
        if server is not None and server.process.poll() is not None:
            say(f"{name} ended with status {server.process.returncode}; starting it again (log: {server.log})")
            running.undertaker.done(server.process.pid)
            server.start()
            say(f"{name} is back")


def _welcome(environment: dict[str, str]) -> None:
    """Addresses, log-ins and the tour, as the applications tell them."""
    address = f"{environment['RIALTO_SCHEME']}://{environment['RIALTO_DOMAIN']}:{environment['RIALTO_PORT']}"
    if management.has_command("demo_guide"):
        with step("Gathering addresses and log-ins"):
            text = management.manage("demo_guide", env=child_environment(environment))
        print(f"\n{text}\n", flush=True)
    else:
        print(f"\nRialto runs at {address}\n", flush=True)
    say("Everything runs. Ctrl-C stops it; `make demo RESET=1` starts over.")


def _shorten_logs(folder: Path) -> None:
    """Keep one older file of each log, so that a demo left running for weeks does not fill the disk."""
    for path in folder.glob("*.log"):
        if path.stat().st_size > LONGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
