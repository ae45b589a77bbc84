"""What tenancy costs a request: the same view with Django alone, with tenancy, and with the whole chain of middleware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.test import RequestFactory, override_settings

from kernel.tenancy import middleware

from .measure import Result, compare
from .settings import PLAIN
from .urls import QUERIES
from .world import make_tenants

EACH = 40
TENANCY = "kernel.tenancy.middleware.TenancyMiddleware"


def _handler(chain: list[str]) -> Callable[[Any], Any]:
    handler = BaseHandler()
    with override_settings(MIDDLEWARE=chain):
        handler.load_middleware()
    return handler.get_response


def run(rounds: int) -> Result:
    refs = make_tenants(8)
    schema = refs[0].schema
    connections[PLAIN].settings_dict["OPTIONS"]["options"] = f"-c search_path={schema},extensions"
    factory = RequestFactory()

    def variant(chain: list[str], alias: str, hosts: list[str]) -> Callable[[int], None]:
        respond = _handler(chain)

        def work(_: int) -> None:
            for number in range(EACH):
                host = hosts[number % len(hosts)]
                response = respond(factory.get("/bench/", headers={"host": host}, BENCH_ALIAS=alias))
                if response.status_code != 200:
                    raise RuntimeError(f"{response.status_code}: {response.content[:300]!r}")

        return work

    hosts = [f"{ref.slug}.{settings.PLATFORM_DOMAIN}" for ref in refs]
    urlconfs = dict(middleware.URLCONFS)
    middleware.URLCONFS["portal"] = "benchmarks.urls"
    try:
        with override_settings(ROOT_URLCONF="benchmarks.urls"):
            variants = [
                ("Django alone, its own backend", variant([], PLAIN, hosts[:1])),
                ("with tenancy, one brokerage", variant([TENANCY], "default", hosts[:1])),
                ("with tenancy, another brokerage each time", variant([TENANCY], "default", hosts)),
                ("whole chain of middleware, one brokerage", variant(settings.MIDDLEWARE, "default", hosts[:1])),
            ]
            result = compare("A request", variants, rounds=rounds * 5, each=EACH, unit="request")
    finally:
        middleware.URLCONFS.update(urlconfs)
    result.note = f"{QUERIES} queries in the view, persistent connections"
    return result
