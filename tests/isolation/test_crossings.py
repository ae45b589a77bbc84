"""What is signed, stored, sent or cached for one brokerage is worth nothing at another. Hosts decide, and only hosts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import Reject
from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.core.cache import cache

from kernel import files, sessions, tasks
from kernel.live import asgi
from kernel.live.publish import channel, send, token
from kernel.models import StoredFile
from kernel.redis import tenant_key
from kernel.sessions import SessionStore
from kernel.tenancy import context, directory

from .world import CLIENT, Brokerage, caller

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


# --- hosts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "{}.", "{}:8000", "{}.:8000"])
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_spellings_of_a_host_reach_its_brokerage(here: Brokerage, form: str, case: Any) -> None:
    host = form.format(case(here.host("portal")))
    response = caller().get("/login/", headers={"host": host})
    assert response.status_code == 200
    assert here.ref.name in response.text


@pytest.mark.parametrize(
    "host",
    ["", ".", "example.com", "127.0.0.1", "[::1]", "localhost.example.com", "office.localhost", "unknown.localhost"],
)
def test_unknown_hosts_reach_nobody(here: Brokerage, host: str) -> None:
    response = caller(here.cookies["owner"]).get("/", headers={"host": host})
    assert response.status_code == 421
    assert here.ref.name not in response.text


@pytest.mark.parametrize(
    "pattern", ["{0}.example.com", "x.{0}", "{0}@{1}", "{0},{1}", "{0} {1}", "{0}/{1}", "{0}\\{1}", "{0}x"]
)
def test_hosts_built_around_a_real_one_reach_nobody(here: Brokerage, there: Brokerage, pattern: str) -> None:
    host = pattern.format(here.host("portal"), there.host("portal"))
    assert caller().get("/login/", headers={"host": host}).status_code in {400, 421}


def test_forwarded_headers_do_not_choose_the_brokerage(here: Brokerage, there: Brokerage) -> None:
    forged = {
        "host": here.host("portal"),
        "x-forwarded-host": there.host("portal"),
        "forwarded": f"host={there.host('portal')}",
    }
    text = caller().get("/login/", headers=forged).text
    assert here.ref.name in text
    assert there.ref.name not in text


# --- sessions, links, signed texts ------------------------------------------------------------------------------------


def test_a_session_copied_into_the_other_schema_is_nobodys(here: Brokerage, there: Brokerage) -> None:
    """Even a restore into the wrong schema does not log anybody in: the session names its brokerage."""
    key = here.cookies["owner"]
    with context.use(here.ref):
        data = SessionStore(key).load()
    with context.use(there.ref):
        copied = SessionStore(key)
        copied.update(data)
        copied.save(must_create=True)
    response = caller(key).get("/me/", headers={"host": there.host("office")})
    assert response.headers["Location"].startswith(settings.LOGIN_URL)


@pytest.mark.parametrize(("purpose", "path"), [("reset", "/password/reset/{}/"), ("invite", "/invitation/{}/")])
def test_mailed_links_open_at_their_own_brokerage_only(
    here: Brokerage, there: Brokerage, purpose: str, path: str
) -> None:
    from tenant_apps.accounts.links import link_create
    from tenant_apps.accounts.models import User

    with context.use(here.ref):
        text = link_create(user=User.objects.get(email="sales@staff.example"), purpose=purpose)
    own = caller().get(path.format(text), headers={"host": here.host("office")})
    foreign = caller().get(path.format(text), headers={"host": there.host("office")})
    portal = caller().get(path.format(text), headers={"host": here.host("portal")})
    assert "password" in own.text
    assert own.status_code == 200
    assert 'type="password"' not in foreign.text + portal.text


# --- files, cache, keys -----------------------------------------------------------------------------------------------


def test_a_stored_file_does_not_open_elsewhere(here: Brokerage, there: Brokerage) -> None:
    """Not by its row, and not by its bytes moved into the other's folder."""
    with context.use(here.ref):
        row = StoredFile.objects.get(pk=here.own.uuid)
        sealed = files.store().get(f"{here.ref.id}/{row.pk}")
        assert files.read(row)[:4] == b"\x89PNG"
    with context.use(there.ref):
        with pytest.raises(FileNotFoundError):
            files.read(row)
        files.store().put(f"{there.ref.id}/{row.pk}", sealed)
        with pytest.raises(InvalidTag):
            files.read(row)


@pytest.mark.parametrize("key", ["../{}/x", "a/../../{}/x"])
def test_file_keys_do_not_climb_out_of_the_store(here: Brokerage, key: str, tmp_path: Any) -> None:
    with pytest.raises(ValueError, match="outside"):
        files.LocalStore(tmp_path).get("../" + key.format(here.ref.id))


def test_cache_and_redis_keys_differ(here: Brokerage, there: Brokerage) -> None:
    keys = set()
    for brokerage in (here, there):
        with context.use(brokerage.ref):
            keys |= {cache.make_key("k"), tenant_key("k")}
            cache.set("canary", brokerage.ref.slug, 30)
    with context.public():
        keys.add(cache.make_key("k"))
        assert cache.get("canary") is None
    assert len(keys) == 5
    with context.use(here.ref):
        assert cache.get("canary") == here.ref.slug


# --- tasks ------------------------------------------------------------------------------------------------------------


@tasks.task(name="isolation.where")
def where() -> str:
    return context.tenant().slug


def run_with(header: dict[str, Any]) -> Any:
    where.push_request(headers=header, **header)
    try:
        return where()
    finally:
        where.pop_request()


def test_a_task_runs_for_the_brokerage_in_its_header(here: Brokerage, there: Brokerage) -> None:
    with context.use(there.ref):
        assert run_with({"rialto_scope": str(here.ref.id)}) == here.ref.slug
        assert context.tenant() == there.ref


@pytest.mark.parametrize(
    "header", [{}, {"rialto_scope": ""}, {"rialto_scope": str(uuid4())}, {"rialto_scope": "nonsense"}]
)
def test_a_task_without_a_brokerage_is_rejected(here: Brokerage, header: dict[str, str]) -> None:
    with context.use(here.ref), pytest.raises(Reject):
        run_with(header)


@pytest.mark.parametrize("state", ["requested", "deleted"])
def test_a_task_of_a_brokerage_that_is_not_there_is_rejected(here: Brokerage, state: str) -> None:
    from shared_apps.tenants.models import Tenant

    with context.public():
        Tenant.objects.filter(pk=here.ref.id).update(state=state)
    directory.forget()
    with pytest.raises(Reject):
        run_with({"rialto_scope": str(here.ref.id)})


def test_enqueueing_outside_a_scope_is_an_error() -> None:
    with pytest.raises(context.NoScope):
        where.apply_async()


# --- live pages -------------------------------------------------------------------------------------------------------


def live_scope(host: str, cookie: str, text: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/live/",
        "query_string": f"t={text}".encode(),
        "headers": [(b"host", host.encode()), (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())],
    }


def live_token(brokerage: Brokerage, role: str, topics: list[str]) -> str:
    """As the pages make it, for the rights that the role has now."""
    key = brokerage.cookies[role]
    with context.use(brokerage.ref):
        return token(topics, key, sessions.living([key])[key])


def allowed(host: str, cookie: str, text: str) -> Any:
    from django.db import connections

    async def ask() -> Any:
        from asgiref.sync import sync_to_async

        try:
            return await asgi._allowed(live_scope(host, cookie, text), text)
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(ask())


def test_a_live_token_opens_for_its_host_and_session_only(here: Brokerage, there: Brokerage) -> None:
    text = live_token(here, "owner", ["leads"])
    owner, other = here.cookies["owner"], here.cookies["sales"]
    opened = allowed(here.host("office"), owner, text)
    assert (opened.scope.tenant.id, opened.topics) == (here.ref.id, ["leads"])
    assert allowed(there.host("office"), owner, text) is None
    assert allowed(there.host("office"), there.cookies["owner"], text) is None
    assert allowed(here.host("office"), other, text) is None
    assert allowed(here.host("office"), "", text) is None
    assert allowed("console.localhost", owner, text) is None
    assert allowed(here.host("office"), owner, text[:-2]) is None
    assert allowed(here.host("portal"), here.cookies[CLIENT], live_token(here, CLIENT, ["money"])) is not None


def test_a_live_token_opens_no_longer_than_the_rights_it_was_given_for(here: Brokerage) -> None:
    cookie = here.cookies["owner"]
    with context.use(here.ref):
        text = token(["leads"], cookie, "a digest of more rights")
    assert allowed(here.host("office"), cookie, text) is None


def test_what_happens_between_a_page_and_its_stream_is_told(here: Brokerage) -> None:
    """A payment that is credited while the browser still draws: the page would wait for it for ever."""
    key = here.cookies["owner"]
    with context.use(here.ref):
        text = token(["leads"], key, sessions.living([key])[key], since=time.time())
    send(here.ref.id, [("leads", {"topic": "leads", "data": {"of": "meanwhile"}, "ts": 1})])
    line = asyncio.run(first_message(live_scope(here.host("office"), key, text)))
    assert json.loads(line.partition("data: ")[2])["data"] == {"of": "meanwhile"}


def test_messages_of_one_brokerage_do_not_reach_the_others_pages(here: Brokerage, there: Brokerage) -> None:
    """Same topic at both: of two messages, the foreign one sent first, the page sees its own only."""
    assert channel(here.ref.id, "leads") != channel(there.ref.id, "leads")
    text = live_token(here, "owner", ["leads"])

    def both() -> None:
        for brokerage in (there, here):
            send(brokerage.ref.id, [("leads", {"topic": "leads", "data": {"of": brokerage.ref.slug}, "ts": 1})])

    line = asyncio.run(first_message(live_scope(here.host("office"), here.cookies["owner"], text), both))
    assert json.loads(line.partition("data: ")[2])["data"] == {"of": here.ref.slug}


async def first_message(scope: dict[str, Any], then: Callable[[], None] = lambda: None) -> str:
    """Of a page's stream; `then` is done once it is open."""
    received: asyncio.Queue[bytes] = asyncio.Queue()
    leave = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await leave.wait()
        return {"type": "http.disconnect"}

    async def respond(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await received.put(message["body"])

    page = asyncio.create_task(asgi.application(scope, receive, respond))
    assert b"hello" in await asyncio.wait_for(received.get(), 10)
    then()
    line = (await asyncio.wait_for(received.get(), 10)).decode()
    leave.set()
    await page
    return line
