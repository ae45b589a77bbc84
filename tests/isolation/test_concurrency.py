"""A canary in each of several brokerages, a random mix of everything at once, and every answer must be one's own canary.

Threads, coroutines and real requests through the ASGI application run interleaved, with errors, rolled-back savepoints
and, in the second test, a `SET` that fails now and then. The mix is drawn from a fixed seed; the interleaving is not.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import DatabaseError, connection, connections, transaction

from kernel import files, secrets
from kernel.models import Job, StoredFile
from kernel.tasks import task
from kernel.tenancy import context
from kernel.tenancy.postgresql import base

BROKERAGES = 5
OPERATIONS = 400
AT_ONCE = 12


class Injected(DatabaseError):
    """The SET was made to fail: an error is a right answer, a foreign canary never is."""


def own_row() -> str:
    return Job.objects.get(kind="canary").owner


def own_path() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        schema, role = cursor.fetchone()
    assert role == f"r_{schema}"
    return str(schema)


def after_rolled_back_savepoint() -> str:
    with transaction.atomic():
        try:
            with transaction.atomic():
                Job.objects.create(kind="gone", owner="nobody")
                raise KeyError
        except KeyError:
            pass
        return own_row()


def after_database_error() -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    except DatabaseError as error:
        if isinstance(error, Injected):
            raise
    return own_row()


def through_cache() -> str:
    cache.add("canary", context.tenant().slug, 60)
    return str(cache.get("canary"))


def through_a_file() -> str:
    row = files.save(context.tenant().slug.encode(), kind="canary", name="canary", content_type="text/plain")
    return files.read(StoredFile.objects.get(pk=row.pk)).decode()


def through_a_signature() -> str:
    text = secrets.sign(context.tenant().slug, purpose="canary")
    return str(secrets.unsign(text, purpose="canary", max_age=60))


def in_another_scope_and_back() -> str:
    with context.public():
        own_schema = context.scope().schema
        assert own_schema == "public"
    return own_row()


@task(name="isolation.canary")
def canary_task() -> str:
    return own_row()


SYNC: list[Callable[[], str]] = [
    own_row,
    after_rolled_back_savepoint,
    after_database_error,
    through_cache,
    through_a_file,
    through_a_signature,
    in_another_scope_and_back,
]


class Mix:
    """Runs operations for random brokerages and keeps what was not one's own canary."""

    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs
        self.random = random.Random(20_261_121)  # noqa: S311
        self.threads = ThreadPoolExecutor(AT_ONCE // 2)
        self.wrong: list[tuple[str, str, str]] = []
        self.right = 0
        self.failed = 0

    async def run(self, http: httpx.AsyncClient) -> None:
        ways = [self.in_thread, self.in_thread, self.in_coroutine, self.as_task, self.as_request]
        todo = iter([(self.random.choice(ways), self.random.choice(self.refs)) for _ in range(OPERATIONS)])
        await asyncio.gather(*[self.worker(todo, http) for _ in range(AT_ONCE)])
        await asyncio.gather(*[self.off(connections.close_all) for _ in range(AT_ONCE)])
        self.threads.shutdown()

    async def worker(self, todo: Iterator[Any], http: httpx.AsyncClient) -> None:
        for way, ref in todo:
            try:
                seen = await way(ref, http)
            except DatabaseError:
                self.failed += 1
                continue
            if seen == ref.slug:
                self.right += 1
            else:
                self.wrong.append((way.__name__, ref.slug, seen))

    async def off(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def in_thread(self, ref: Any, http: httpx.AsyncClient) -> str:
        """A plain thread: nothing of the loop's context arrives there, and the thread has served others before."""
        operation = self.random.choice(SYNC)

        def work() -> str:
            assert context.scope_or_none() is None
            with context.use(ref):
                if own_path() != ref.schema:
                    return "path of another"
                return operation()

        return str(await self.off(work))

    async def in_coroutine(self, ref: Any, http: httpx.AsyncClient) -> str:
        with context.use(ref):
            await asyncio.sleep(0)
            row = await Job.objects.aget(kind="canary")
            await cache.aset(f"async:{row.pk}", row.owner, 60)
            await asyncio.sleep(0)
            seen = await cache.aget(f"async:{row.pk}")
            again = await sync_to_async(own_row)()
            return str(seen) if seen == again else f"{seen}/{again}"

    async def as_task(self, ref: Any, http: httpx.AsyncClient) -> str:
        def work() -> str:
            canary_task.push_request(headers={"rialto_scope": str(ref.id)}, id=str(uuid4()))
            try:
                return str(canary_task())
            finally:
                canary_task.pop_request()

        return str(await self.off(work))

    async def as_request(self, ref: Any, http: httpx.AsyncClient) -> str:
        response = await http.get("/login/", headers={"host": f"{ref.slug}.localhost"})
        if response.status_code == 500:
            raise Injected
        names = {other.slug for other in self.refs if other.name in response.text}
        return ",".join(sorted(names)) or f"status {response.status_code}"


@pytest.fixture
def refs(live_tenants: Any, settings: Any, tmp_path: Any) -> list[Any]:
    settings.FILES_ROOT = tmp_path
    made = [live_tenants() for _ in range(BROKERAGES)]
    for ref in made:
        with context.use(ref):
            Job.objects.create(kind="canary", owner=ref.slug)
    return made


def run_mix(refs: list[Any]) -> Mix:
    from config.asgi import application

    mix = Mix(refs)

    async def main() -> None:
        transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            await mix.run(http)

    asyncio.run(main())
    return mix


def test_everybody_sees_their_own_canary(refs: list[Any]) -> None:
    mix = run_mix(refs)
    assert mix.wrong == []
    assert (mix.right, mix.failed) == (OPERATIONS, 0)


def test_a_failing_set_is_an_error_and_never_anothers_row(refs: list[Any]) -> None:
    """tenancy.md, L2: the error of the SET was swallowed, and rows of the connection's last brokerage came back."""
    dice = random.Random(7)  # noqa: S311
    sound = base.scope_sql

    def sometimes_broken(scope: context.Scope) -> str:
        sql = sound(scope)
        return f"SELECT 1/0; {sql}" if dice.random() < 0.1 else sql

    with pytest.MonkeyPatch.context() as patch:  # the brokerages are dropped with what is sound
        patch.setattr(base, "scope_sql", sometimes_broken)
        mix = run_mix(refs)
    assert mix.wrong == []
    assert mix.failed > 0
    assert mix.right + mix.failed == OPERATIONS


def test_a_set_that_fails_is_forgotten_with_its_connection(refs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In autocommit: after the failure the next query connects anew and is right, for either brokerage."""
    one, two = refs[:2]
    with context.use(one):
        assert own_row() == one.slug
    sound = base.scope_sql
    monkeypatch.setattr(base, "scope_sql", lambda scope: "SELECT 1/0")
    with context.use(two), pytest.raises(DatabaseError):
        own_row()
    monkeypatch.setattr(base, "scope_sql", sound)
    for ref in (one, two):
        with context.use(ref):
            assert own_row() == ref.slug
