"""Every view of every surface says who may call it, and says it in words that mean something."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from kernel.guards import guard, guard_of
from kernel.permissions import known
from tests.routes import routes, walk


def test_every_view_has_a_guard() -> None:
    assert [route.id for route in routes() if route.guard is None] == []


def test_rights_that_guards_ask_for_are_registered() -> None:
    """A misspelt right would lock everybody out, or be granted by nobody."""
    asked = {(route.id, code) for route in routes() if route.guard for code in route.guard.permissions}
    assert {item for item in asked if not known(item[1])} == set()


def test_open_views_give_their_reason() -> None:
    opened = [route for route in routes() if route.guard and route.guard.kind == "open"]
    assert [route.id for route in opened if not route.guard.reason.strip()] == []  # type: ignore[union-attr]


def test_guards_fit_their_surface() -> None:
    """Clients are a portal's, rights are an office's or the console's."""
    odd = [
        route.id
        for route in routes()
        if route.guard
        and (
            (route.guard.kind == "client" and route.surface != "portal")
            or (route.guard.kind == "permission" and route.surface in {"portal", "site"})
        )
    ]
    assert odd == []


def test_an_unguarded_view_is_noticed() -> None:
    def bare(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    guarded = guard("x.view")(lambda request: HttpResponse())
    walked = list(walk([path("a/", bare), path("b/", guarded)]))
    assert [(template, guard_of(view) is None) for template, _, view, _ in walked] == [("a/", True), ("b/", False)]
