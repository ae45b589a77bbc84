"""What the portal's and the office's statement pages have in common: the period asked for, and what they show of it."""

from __future__ import annotations

from datetime import tzinfo
from itertools import islice
from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode

from kernel import clock
from kernel.errors import Invalid, NotFound
from tenant_apps.clients.models import Client

from .statements import Statement, balances_of, moment_of, period_of, statement_of

ON_SCREEN = 500


def asked(request: HttpRequest, client: Client, currency: str, zone: tzinfo) -> Statement:
    """The statement a request names by `from` and `to`. Raises NotFound without the wallet, Invalid for the period."""
    found = statement_of(client, currency, period_of(request.GET.dict(), zone))
    if found is None:
        raise NotFound
    return found


def shown_values(request: HttpRequest, client: Client, currency: str, zone: tzinfo) -> dict[str, Any]:
    """For a page: a period that cannot be is told, and the present month shown in its place."""
    problem = ""
    try:
        found = asked(request, client, currency, zone)
    except Invalid as error:
        problem = str(error)
        again = statement_of(client, currency, period_of({}, zone))
        if again is None:
            raise NotFound from error
        found = again
    lines = list(islice(found.lines(), ON_SCREEN + 1))
    return {
        **period_values(request, found, zone, problem), "client": client, "lines": lines[:ON_SCREEN],
        "more": len(lines) > ON_SCREEN,
    }  # fmt: skip


def period_values(request: HttpRequest, found: Statement, zone: tzinfo, problem: str) -> dict[str, Any]:
    """The statement, and its period as the form shows it and links carry it on."""
    local = {"from": found.period.start.astimezone(zone), "to": found.period.end.astimezone(zone)}
    return {
        "statement": found, "typed": {name: f"{moment:%Y-%m-%dT%H:%M}" for name, moment in local.items()},
        "query": f"?{urlencode(given_in(request))}" if not problem else "", "problem": problem,
    }  # fmt: skip


def given_in(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}


def named(statement: Statement) -> str:
    """A file's name."""
    whose = statement.client.number if statement.client else f"account-{statement.account.pk}"
    return f"statement-{whose}-{statement.currency}-{statement.period.end:%Y%m%d}"


def balances_values(request: HttpRequest, client: Client, zone: tzinfo) -> dict[str, Any]:
    """All wallets at the instant `at`, now without one or with one that is none."""
    problem, text = "", request.GET.get("at", "")
    try:
        moment = moment_of(text, zone, "at", whole_day=True) or clock.now()
    except Invalid as error:
        problem, moment = str(error), clock.now()
    return {
        "client": client, "balances": balances_of(client, moment), "moment": moment, "problem": problem,
        "typed": f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}", "query": f"?{urlencode({'at': text})}" if text else "",
    }  # fmt: skip
