"""The money inbox and clients' histories: in a brokerage of a hundred clients, and in a very large one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from kernel.tenancy import context

from . import crowd
from .measure import Result, Series, backends, server_seconds
from .world import make_tenants, office_session, portal_session

WARM = 4
EACH_ROUND = 10
SHOWN = 20  # clients, deposits and withdrawals that are looked at in turn


@dataclass(slots=True)
class Place:
    """One brokerage with somebody signed in on either side, and the addresses of what is looked at."""

    name: str
    ref: Any
    office: Browser
    portal: Browser | None
    clients: list[str] = field(default_factory=list)
    deposits: list[str] = field(default_factory=list)
    withdrawals: list[str] = field(default_factory=list)

    def visit(self, page: Page, number: int) -> int:
        """One request through all middleware; how many bytes came. Raises RuntimeError unless it is a page."""
        browser = self.portal if page.portal else self.office
        address = page.address(self, number)
        response = browser.get(address) if browser else None
        if response is None or response.status_code != 200:
            raise RuntimeError(f"{self.name} {address}: {response and response.status_code}")
        return len(response.content)


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    address: Callable[[Place, int], str]
    portal: bool = False
    lists: bool = False  # there also without a client, so it is compared with an empty brokerage too


PAGES = [
    Page("money inbox, what is to decide", lambda at, n: "/payments/?view=waiting", lists=True),
    Page("money inbox, all withdrawals", lambda at, n: "/payments/", lists=True),
    Page("money inbox, all deposits", lambda at, n: "/payments/deposits/", lists=True),
    Page("a withdrawal", lambda at, n: f"/payments/withdrawals/{at.withdrawals[n % SHOWN]}/"),
    Page("a deposit", lambda at, n: f"/payments/deposits/{at.deposits[n % SHOWN]}/"),
    Page("a client’s wallets, in the office", lambda at, n: f"/clients/{at.clients[n % SHOWN]}/?tab=wallets"),
    Page("a client’s payments, in the office", lambda at, n: f"/clients/{at.clients[n % SHOWN]}/?tab=payments"),
    Page("a wallet’s history, in the office", lambda at, n: f"/wallets/{at.clients[n % SHOWN]}/EUR/"),
    Page("a wallet’s history, in the portal", lambda at, n: "/wallets/EUR/", portal=True),
    Page("a statement, in the portal", lambda at, n: "/wallets/EUR/statement/", portal=True),
    Page("payments’ history, in the portal", lambda at, n: "/cashier/history/", portal=True),
]


def run(rounds: int, *, full: bool = False) -> list[Result]:
    large = crowd.LARGE if full else crowd.MIDDLE
    empty, small, big = (_place(name, size) for name, size in (
        ("nothing in it", None), (_words(crowd.SMALL), crowd.SMALL), (_words(large), large)
    ))  # fmt: skip
    return [compare(page, [*([empty] if page.lists else []), small, big], rounds * EACH_ROUND) for page in PAGES]


def _words(size: crowd.Crowd) -> str:
    return f"{size.clients:,} clients, {size.postings:,} postings"


def _place(name: str, size: crowd.Crowd | None) -> Place:
    from tenant_apps.payments.models import ProviderAccount

    (ref,) = make_tenants(1)
    with context.use(ref):
        ProviderAccount.objects.create(kind="stripe", name="Stripe", methods=["card"], enabled=True, settings={})
    if size is not None:
        crowd.fill(ref, size)
    return look_at(name, ref)


def look_at(name: str, ref: Any) -> Place:
    """A place over a brokerage that is there already: filled by this run, or kept from an earlier one."""
    from tenant_apps.clients.models import Client
    from tenant_apps.payments.models import Deposit, Withdrawal

    with context.use(ref):
        middle = list(Client.objects.order_by("number")[: SHOWN * 2])
        place = Place(name, ref, _browser(f"office.{ref.slug}", office_session()), None)
        if middle:
            place.portal = _browser(ref.slug, portal_session(middle[0]))
            place.clients = [str(one.pk) for one in middle[:SHOWN]]
            place.deposits = _ids(Deposit.objects.order_by("created_at"))
            place.withdrawals = _ids(Withdrawal.objects.order_by("-created_at"))
    return place


def _ids(rows: Any) -> list[str]:
    return [str(key) for key in rows.values_list("pk", flat=True)[:SHOWN]]


def _browser(name: str, session: str) -> Browser:
    browser = Browser(HTTP_HOST=f"{name}.{settings.PLATFORM_DOMAIN}")
    browser.cookies[settings.SESSION_COOKIE_NAME] = session
    return browser


def queries(page: Page, place: Place) -> int:
    """The least of three visits: what is kept for a minute may have to be read anew by one of them."""
    counts = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            place.visit(page, 0)
        counts.append(len(captured))
    return min(counts)


def compare(page: Page, places: list[Place], count: int) -> Result:
    """`count` requests to each place, in turns. The p95s stand in the note, by wall time and by CPU."""
    series = [Series(place.name) for place in places]
    for place in places:
        for number in range(WARM):
            place.visit(page, number)
    for number in range(count):
        turns = list(zip(series, places, strict=True))
        for one, place in turns if number % 2 else reversed(turns):
            pids = backends()
            server, client, wall = server_seconds(pids), time.thread_time(), time.perf_counter()
            place.visit(page, number)
            one.wall.append(time.perf_counter() - wall)
            one.client.append(time.thread_time() - client)
            one.server.append(server_seconds(pids) - server)
    counted = "/".join(str(queries(page, place)) for place in places)
    return Result(f"Page: {page.name}", series, note=f"{'; '.join(_p95(series))}; queries {counted}")


def _p95(series: list[Series]) -> Iterator[str]:
    """The last line's p95 as a ratio to each of the others."""

    def by_cpu(one: Series) -> list[float]:
        return [client + server for client, server in zip(one.client, one.server, strict=True)]

    last = series[-1]
    for one in series[:-1]:
        wall, cpu = (p95(values(last)) / p95(values(one)) for values in (lambda s: s.wall, by_cpu))
        yield f"p95 to “{one.name}” {wall:.2f}x wall, {cpu:.2f}x CPU"


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]
