"""Every route × every role × the other brokerage's things. Routes, roles and models are read, not listed: what is new is in.

What a row may expect is derived from the guard alone; an answer of 500 or above is a failure anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from kernel.actors import Reach
from tests.routes import Route, routes

from .world import CLIENT, Brokerage, caller, to_log_in

# Parameters that are not ids of rows, by name: the first page of a picture, a currency the client has a wallet in, a kind
# of work.
NAMED = {"page": 0, "currency": "EUR", "work": "withdrawal"}
TENANT_ROUTES = [route for route in routes() if route.surface in {"portal", "office"}]
PLATFORM_ROUTES = [route for route in routes() if route.surface in {"site", "console"}]
OBJECT_ROUTES = [route for route in TENANT_ROUTES if route.object_parameters]
METHODS = ("get", "post")
pytestmark = pytest.mark.django_db(databases=["default", "owner"])

# Answers other than 404 to an id that is not this brokerage's, and why.
FOREIGN_ANSWER: dict[str, set[int]] = {
    # Only redirects, without a look at the database, to the page that checks.
    "portal:/cashier/return/%(deposit_id)s/": {303},
    # Back to the list of statements with a message: what was typed is checked before the line is looked up.
    "office:/payments/bank/lines/%(line_id)s/ignore/": {302},
    "office:/payments/bank/lines/%(line_id)s/propose/": {302},
    # A notification that is gone leads to the list of them.
    "office:/notifications/%(notification_id)s/open/": {302},
    "portal:/notifications/%(notification_id)s/open/": {302},
}
# Addresses whose own object cannot answer with a page in a populated world, and why.
OWN_OBJECT_MISSING: dict[str, str] = {}


def each(items: list[Route]) -> Any:
    return pytest.mark.parametrize("route", items, ids=lambda route: route.id)


def own_values(route: Route, brokerage: Brokerage) -> dict[str, object]:
    values = route.samples()
    values.update({name: brokerage.own.key(regex) for name, regex in route.object_parameters})
    values.update({name: word for name, word in NAMED.items() if name in values})
    return values


def foreign_values(route: Route, mine: Brokerage, key_of: Any) -> Iterator[dict[str, object]]:
    """All ids foreign, and, where there are several, each one foreign among own ones."""
    names = [(name, regex) for name, regex in route.object_parameters if name not in NAMED]
    base = own_values(route, mine)
    yield base | {name: key_of(regex) for name, regex in names}
    if len(names) > 1:
        for name, regex in names:
            yield base | {name: key_of(regex)}


def call(browser: Any, method: str, brokerage: Brokerage, route: Route, values: dict[str, object]) -> Any:
    return getattr(browser, method)(route.path(values), headers={"host": brokerage.host(route.surface)})


def _widest(grants: Any, codes: tuple[str, ...]) -> Reach:
    """How far the rights reach that let in at a page, taken together."""
    return max((grants.get(code, Reach.NONE) for code in codes), default=Reach.NONE)


def actors(route: Route, brokerage: Brokerage) -> list[str]:
    """One role of each reach that roles have for the route, another one from route to route: a page asks for a right and
    never for a role's name, and all roles at all pages would be a tenth of the suite's time."""
    if route.surface == "portal":
        return [CLIENT]
    assert route.guard is not None
    of_reach: dict[Any, list[str]] = {}
    for role, grants in sorted(brokerage.grants.items()):
        of_reach.setdefault(_widest(grants, route.guard.permissions), []).append(role)
    turn = TENANT_ROUTES.index(route)
    return [roles[turn % len(roles)] for roles in of_reach.values()]


@each(TENANT_ROUTES)
def test_a_visitor_is_sent_to_log_in_unless_open_to_all(route: Route, here: Brokerage) -> None:
    assert route.guard is not None
    for method in METHODS:
        response = call(caller(), method, here, route, own_values(route, here))
        assert response.status_code < 500
        assert to_log_in(response) == (route.guard.kind != "open"), f"{method}: {response.status_code}"


@each(TENANT_ROUTES)
def test_roles_pass_exactly_where_their_rights_say(route: Route, here: Brokerage) -> None:
    assert route.guard is not None
    wrong = []
    for role in actors(route, here):
        response = call(caller(here.cookies[role]), "get", here, route, own_values(route, here))
        codes = route.guard.permissions
        refused = bool(codes) and _widest(here.grants[role], codes) == Reach.NONE
        if refused != (response.status_code == 403) or to_log_in(response) or response.status_code >= 500:
            wrong.append((role, response.status_code, "expected 403" if refused else "expected to pass"))
    assert wrong == []


@each(OBJECT_ROUTES)
def test_own_objects_are_found(route: Route, here: Brokerage) -> None:
    """The control: without it the next tests would pass on addresses that never find anything."""
    role = CLIENT if route.surface == "portal" else "owner"
    response = call(caller(here.cookies[role]), "get", here, route, own_values(route, here))
    if route.id in OWN_OBJECT_MISSING:
        assert response.status_code == 404, "remove the exception"
    else:
        assert response.status_code not in {403, 404}


@each(OBJECT_ROUTES)
def test_objects_of_the_other_brokerage_do_not_exist(route: Route, here: Brokerage, there: Brokerage) -> None:
    role = CLIENT if route.surface == "portal" else "owner"
    answers = set()
    for values in foreign_values(route, here, there.own.key):
        for method in METHODS:
            answers.add(call(caller(here.cookies[role]), method, here, route, values).status_code)
    assert answers - {405} <= FOREIGN_ANSWER.get(route.id, {404})


@each([route for route in OBJECT_ROUTES if route.surface == "portal"])
def test_objects_of_another_client_do_not_exist(route: Route, here: Brokerage) -> None:
    """Same brokerage, same schema, another person: only the selectors stand between."""
    answers = set()
    for values in foreign_values(route, here, here.foreign.key):
        for method in METHODS:
            answers.add(call(caller(here.cookies[CLIENT]), method, here, route, values).status_code)
    if route.guard and route.guard.kind == "client":
        assert answers - {405} <= {404}


@each(TENANT_ROUTES)
def test_cookies_of_the_other_brokerage_are_a_visitors(route: Route, here: Brokerage, there: Brokerage) -> None:
    role = CLIENT if route.surface == "portal" else "owner"
    response = call(caller(there.cookies[role]), "get", here, route, own_values(route, here))
    visitor = call(caller(), "get", here, route, own_values(route, here))
    assert (response.status_code, response.headers.get("Location")) == (
        visitor.status_code,
        visitor.headers.get("Location"),
    )


@each(TENANT_ROUTES)
def test_cookies_of_the_other_surface_are_a_visitors(route: Route, here: Brokerage) -> None:
    """A client's session is nobody in the office, a member of staff nobody in the portal."""
    other = "owner" if route.surface == "portal" else CLIENT
    response = call(caller(here.cookies[other]), "get", here, route, own_values(route, here))
    assert route.guard is not None
    assert to_log_in(response) == (route.guard.kind != "open")


@each(PLATFORM_ROUTES)
def test_platform_pages_know_operators_only(route: Route, here: Brokerage, operator_cookies: dict[str, str]) -> None:
    """Nobody of a brokerage is anybody at the vendor's addresses; operators pass by their role."""
    from shared_apps.operators.actors import GRANTS

    assert route.guard is not None
    host = settings.PLATFORM_DOMAIN if route.surface == "site" else f"console.{settings.PLATFORM_DOMAIN}"
    path = route.path(route.samples())
    for cookie in ("", here.cookies["owner"], here.cookies[CLIENT]):
        response = caller(cookie).get(path, headers={"host": host})
        assert response.status_code < 500
        assert to_log_in(response) == (route.guard.kind != "open")
    if route.surface == "console":
        for role, cookie in operator_cookies.items():
            response = caller(cookie).get(path, headers={"host": host})
            codes = route.guard.permissions
            refused = bool(codes) and _widest(GRANTS[role], codes) == Reach.NONE
            assert (response.status_code == 403) == refused, (role, response.status_code)
            assert response.status_code < 500


@each(TENANT_ROUTES)
def test_operators_are_nobody_in_a_brokerage(route: Route, here: Brokerage, operator_cookies: dict[str, str]) -> None:
    """Only break-glass entry lets the vendor in, never the console's own session."""
    assert route.guard is not None
    for cookie in operator_cookies.values():
        response = call(caller(cookie), "get", here, route, own_values(route, here))
        assert to_log_in(response) == (route.guard.kind != "open")


def test_there_is_something_to_test() -> None:
    assert len(TENANT_ROUTES) > 20
    assert {route.surface for route in routes()} == {"site", "console", "portal", "office"}
