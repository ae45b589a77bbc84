"""What waits in the queue: a sweeper's wake-up once, whatever it finds again, and a worker that keeps its connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from celery import current_app
from django.conf import settings
from django.db import connection
from redis import Redis, RedisError

from kernel import background, commands, redis, tasks
from kernel.models import Command
from kernel.tenancy import context
from kernel.tests.holding import hold
from kernel.tests.test_commands import Outside, issue, outside
from launcher import valkey
from launcher.layout import ROOT
from launcher.processes import wait_until

__all__ = ["outside"]
ONE, MANY = "kerneltests.one", 20


@tasks.task(name=ONE, queue="kernelwaits")
def one(what: str) -> str:
    return what


@pytest.fixture
def taken() -> Iterator[Callable[[str], list[Any]]]:
    """Takes what waits in a queue: the headers of the messages."""

    def take(name: str) -> list[Any]:
        found = []
        with current_app.connection_for_read() as broker, broker.SimpleQueue(name) as queue:
            while True:
                try:
                    message = queue.get_nowait()
                except Empty:
                    return found
                message.ack()
                found.append(message.headers)

    client = redis.client()
    for name in ("kernelwaits", "money"):
        take(name)
    yield take
    for key in client.scan_iter("rialto:waits:*"):
        client.delete(key)


def begin(headers: dict[str, Any]) -> None:
    one.push_request(headers=headers, **headers)
    try:
        one("again")
    finally:
        one.pop_request()


def test_what_waits_already_is_not_added_again(live_tenant: Any, taken: Callable[[str], list[Any]]) -> None:
    for what in "aab":
        tasks.enqueue(one, what, once=True)
    with context.public():
        tasks.enqueue(one, "a", once=True)
    waiting = taken("kernelwaits")
    assert [message["rialto_scope"] for message in waiting] == [str(live_tenant.id)] * 2 + ["public"]


def test_what_has_begun_waits_no_longer(live_tenant: Any, taken: Callable[[str], list[Any]]) -> None:
    """Not only when it ends: what happens while it runs would be seen by nobody."""
    tasks.enqueue(one, "a", once=True)
    begin(taken("kernelwaits")[0])
    tasks.enqueue(one, "a", once=True)
    assert len(taken("kernelwaits")) == 1


def test_without_the_marks_everything_is_added(
    live_tenant: Any, taken: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "client", lambda: Redis(port=1, socket_connect_timeout=1))
    for _ in range(2):
        tasks.enqueue(one, "a", once=True)
    assert len(taken("kernelwaits")) == 2


def test_a_sweep_wakes_whose_turn_it_is_and_once(
    live_tenant: Any, outside: Outside, taken: Callable[[str], list[Any]]
) -> None:
    """Workers that were behind were given everything again every 15 seconds: 43,000 wake-ups waited for 850 commands."""
    for aggregate in "aaab":
        issue(aggregate)
    taken("money")  # their own wake-ups, lost
    first = {str(row.pk) for row in (Command.objects.filter(aggregate=name).first() for name in "ab") if row}
    assert {str(row.pk) for row in commands.due()} == first
    background.sweep.run()
    background.sweep.run()
    assert sorted(message["argsrepr"].strip("(,)'") for message in taken("money")) == sorted(first)


def _backends(url: str, name: str) -> set[int]:
    """Of the login itself, for a brokerage's role may not see them."""
    with psycopg.connect(url) as plain:
        rows = plain.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [name]).fetchall()
    return {int(pid) for (pid,) in rows}


@contextmanager
def worker(folder: Path, queue: str, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the product over this test's database. What it says is in `folder`/log."""
    environment = {
        **os.environ, "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict),
        "REDIS_URL": settings.REDIS_URL, "DJANGO_SETTINGS_MODULE": "config.settings.demo", "RIALTO_DEMO": "1",
        "RIALTO_STATE": str(folder), "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]), **more,
    }  # fmt: skip
    common = ("-A", "config.celery", "worker", "-Q", queue, "--without-gossip", "--without-mingle")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *common, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def test_a_worker_keeps_its_connection_from_task_to_task(live_tenant: Any, tmp_path: Path) -> None:
    """Celery ended it, and the pool with its threads, before and after each: three quarters of a small task's time."""
    queue = f"kernel{uuid4().hex[:8]}"
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    prefix = options["global_keyprefix"]

    def done() -> bool:
        return not redis.client().llen(f"{prefix}{queue}") and not redis.client().hlen(f"{prefix}unacked")

    with worker(tmp_path, queue, "-c", "1", PGAPPNAME=queue):
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
        seen = []
        with current_app.connection_for_write(settings.REDIS_URL, transport_options=options) as broker:
            for count in (1, MANY):
                for _ in range(count):
                    commands.command_run.apply_async((str(uuid4()),), queue=queue, connection=broker)
                assert wait_until(lambda: done() and bool(_backends(url, queue)), seconds=60), (
                    tmp_path / "log"
                ).read_text()
                seen.append(_backends(url, queue))
        assert len(seen[0]) == 1
        assert seen[0] == seen[1]


class OwnBroker:
    """A Valkey that can be killed and comes back empty, on the same port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            valkey.binary(Path(sysconfig.get_path("purelib"))), "--port", str(self.port), "--bind", "127.0.0.1",
            "--save", "", "--dir", str(folder),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        assert wait_until(self._answers, seconds=20)

    def _answers(self) -> bool:
        with suppress(RedisError):
            return bool(Redis(port=self.port).ping())
        return False

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def somebody_waits(self) -> bool:
        return any(one["cmd"] == "brpop" for one in Redis(port=self.port).client_list())


class Held:
    """A task at work in the worker until it is let go."""

    def __init__(self, broker: OwnBroker, queue: str, pipe: Path) -> None:
        os.mkfifo(pipe)
        self._pipe, self._end = pipe, -1
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        with current_app.connection_for_write(broker.url, transport_options=options) as connected:
            hold.apply_async((str(pipe),), queue=queue, connection=connected, headers={"rialto_scope": tasks.PUBLIC})

    def begun(self) -> bool:
        if self._end < 0:
            with suppress(OSError):  # while nobody reads
                self._end = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        return self._end >= 0

    def let_go(self) -> None:
        if self._end >= 0:
            os.close(self._end)


def test_a_worker_outlives_its_broker(tmp_path: Path) -> None:
    """It ended when it was at one task and waited for the next: see `config.celery.BrokerConnection`."""
    queue = f"kernel{uuid4().hex[:8]}"
    broker = OwnBroker(tmp_path)
    first = Held(broker, queue, tmp_path / "first")
    with worker(tmp_path, queue, "-c", "2", "-I", "kernel.tests.holding", REDIS_URL=broker.url) as process:
        try:
            assert wait_until(lambda: first.begun() and broker.somebody_waits(), seconds=60), (
                tmp_path / "log"
            ).read_text()
            broker.end()
            assert wait_until(lambda: b"broker lost" in (tmp_path / "log").read_bytes(), seconds=60)
            broker.start()
            second = Held(broker, queue, tmp_path / "second")
            assert wait_until(lambda: second.begun() or process.poll() is not None, seconds=60)
            assert process.poll() is None, (tmp_path / "log").read_text()
            second.let_go()
        finally:
            first.let_go()
    broker.end()
