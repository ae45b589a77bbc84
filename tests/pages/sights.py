"""What there is to look at: every address that answers a GET, who looks, and what kind of answer it gives.

Nothing is listed that can be found out. An address is called once as the person who may see it, and its answer says
whether it is a page, a piece of one, a file, or for posts only. Whatever else it answers must be written down here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.isolation.test_matrix import own_values
from tests.isolation.world import caller
from tests.routes import Route, routes

from .world import HOME_SEAT, NEWCOMER, VISITOR, World

TOGETHER = 6  # routes that one test looks at
PAGE, PIECE, SEALED, FILE = "page", "piece", "sealed", "file"  # sealed: a page in which no script may run, as a mail's
POST_ONLY, AWAY, REFUSED = "post only", "away", "refused"


@dataclass(frozen=True, slots=True)
class Look:
    """One more way to look at a route: who, with which parameters and query (names of the world's values, or words)."""

    seat: str = ""
    values: dict[str, str] = field(default_factory=dict)
    query: str = ""


def _states(parameter: str, kind: str, *states: str) -> tuple[Look, ...]:
    """The page of a row in each of these states."""
    return tuple(Look(values={parameter: f"{kind}.{state}"}) for state in states)


# Routes that need another person, a mailed token or a query; several looks where a page has faces of its own.
LOOKS: dict[str, tuple[Look, ...]] = {
    # --- doors: whoever is logged in already is sent on
    "accounts:login": (Look(VISITOR),),
    "accounts:forgot": (Look(VISITOR),),
    "accounts:second-factor": (Look("{surface}.enrols"), Look("{surface}.shows")),
    "accounts:invitation": (Look(VISITOR, {"token": "office.invite"}), Look(VISITOR, {"token": "gone"})),
    "accounts:reset": (Look(VISITOR, {"token": "{surface}.reset"}),),
    "operators:login": (Look(VISITOR),),
    "operators:second-factor": (Look("console.enrols"), Look("console.shows")),
    "operators:invitation": (Look(VISITOR, {"token": "console.invite"}),),
    "clients:register": (Look(VISITOR),),
    "clients:register-documents": (Look("registers"),),
    "clients:register-password": (Look("registers"),),
    "clients:legal-document": (Look(VISITOR, {"kind": "legal.kind"}),),
    "clients:verify": (Look(VISITOR, {"token": "gone"}),),
    # --- sign-up: each page belongs to somebody who has come that far
    "site:code": (Look("begins"),),
    "provisioning:company": (Look("verified"), Look("fails")),
    "provisioning:look": (Look("looks"),),
    "provisioning:look-frame": (Look("looks"),),
    "provisioning:look-preview": (Look("looks"),),
    "provisioning:slug": (Look("looks", query="?slug=pages&name=Pages"), Look("looks", query="?slug=admin")),
    "provisioning:owner": (Look("owns"),),
    "provisioning:progress": (Look("watches"), Look("fails"), Look("arrives")),
    # --- the console's rows are of the public schema
    "console:broker": (Look(values={"tenant_id": "tenant"}),),
    "console:dead-letters": (Look(values={"tenant_id": "tenant"}),),
    "console:broker-enter": (Look(values={"tenant_id": "tenant"}),),
    "console:broker-state": (Look(values={"tenant_id": "tenant"}, query="?to=suspended"),),
    "operators:edit": (Look(values={"operator_id": "operator"}),),
    "provisioning:run": _states("run_id", "run", "running", "compensating", "failed", "done"),
    "payments:provider-new": tuple(Look(values={"kind": kind}) for kind in ("stripe", "bank_wire")),
    "payments:provider-guide": (Look(values={"kind": "stripe"}), Look(values={"kind": "bank_wire"})),
    "payments:bank-upload": (Look(query="statement"),),
    "payments:figures": (Look(), Look(query="?way=out&by=method")),
    "payments:batch": (Look(), *_states("batch_id", "batch", "released", "cancelled")),
    "payments:bank-statement": (Look(), *_states("statement_id", "sheet", "waiting", "discarded")),
    "reconciliation:close": (Look(values={"day": "2026-01-31"}), Look(values={"day": "close.signed"})),
    "reconciliation:close-prepare": (Look(values={"day": "2026-01-31"}),),
    "reconciliation:close-sign": (Look(values={"day": "2026-01-31"}),),
    "reconciliation:close-export": (Look(values={"day": "2026-01-31"}),),
    "reconciliation:clearing-account": (Look(values={"currency": "EUR"}),),
    "reconciliation:report-new": (Look(query="report"), Look(query="report.mapping")),
    "bonuses:grants": (Look(query="?view=all"), Look(query="?view=ended")),
    "bonuses:scheme": (Look(), Look(query="?amount=500&currency=EUR")),
    "bonuses:portal-bonuses": (Look(), Look(NEWCOMER)),
    "bonuses:portal-terms": (Look(),),
    "campaigns:mail-text": (Look(values={"key": "deposit_credited"}),),
    "campaigns:mail-text-preview": (Look(values={"key": "deposit_credited"}),),
    "clients:legal-new": (Look(values={"kind": "terms"}),),
    "campaigns:unsubscribe": (Look(VISITOR, {"token": "unsubscribe"}),),
    "clients:accept": (Look("asked"),),
    "wallets:rates": (Look(), Look(query="?base=USD&quote=EUR"), Look(query="?base=USD&quote=KWD")),
    "wallets:rate-history": (Look(query="?pair=EUR/USD"),),
    "wallets:exchange": (
        Look("funded"),
        Look("funded", query="?give=EUR&get=USD&side=give&amount=5"),
        Look("funded", query="?give=EUR&get=KWD&side=give&amount=5"),
        Look(NEWCOMER),
    ),
    "wallets:send": (Look("funded"), Look(), Look(NEWCOMER)),
    "wallets:exchange-quote": (
        Look(),
        Look(values={"exchange_id": "exchange.done"}),
        Look(values={"exchange_id": "exchange.expired"}),
    ),
    "wallets:transfer-rules": (Look(), Look(query="?currency=EUR")),
    "wallets:sent": (Look(), *_states("client_transfer_id", "clienttransfer", "done", "rejected")),
    "wallets:client-transfer": (Look(), *_states("client_transfer_id", "clienttransfer", "done", "rejected")),
    "wallets:adjustment": (Look(), *_states("adjustment_id", "adjustment", "approved", "rejected")),
    # --- pages that look different by state
    "payments:deposit": (Look(), *_states("deposit_id", "deposit", "delayed", "credited", "failed", "reversed")),
    "payments:withdrawal": (Look(), *_states("withdrawal_id", "withdrawal", "checked", "sending", "paid", "rejected")),
    "trading:office-bulk": (Look(), *_states("bulk_id", "bulk", "plan", "waiting", "running", "done")),
    "trading:office-bulk-new": (Look(), Look(query="?what=type&tag=vip&country=DE")),
    "copying:portal-board": (Look(), Look(query="?currency=USD")),
    "copying:portal-strategy": (Look(), *_states("strategy_id", "strategy", "listed", "few", "ended")),
    "copying:portal-mine": (Look(), Look("funded")),
    "copying:office-strategies": (Look(), Look(query="?view=all")),
    "copying:office-strategy": (Look(), *_states("strategy_id", "strategy", "listed", "suspended")),
    "kyc:office-review": (Look(), Look(values={"case_id": "case.approved"})),
    # --- a client whose check is open, and the empty pages of somebody new
    "portal:home": (Look(), Look(NEWCOMER)),
    "payments:cashier": (Look(), Look(NEWCOMER)),
    "trading:portal-accounts": (Look(), Look(NEWCOMER)),
    "trading:office-exposure": (Look(), Look(query="?split=book&real=demo")),
    "trading:office-exposure-positions": (Look(query="symbol"), Look()),
    "trading:office-server-health": (Look(), Look(query="?window=24h")),
    "kyc:portal-overview": (Look(), Look(NEWCOMER)),
    "kyc:portal-profile": (Look(NEWCOMER),),
    "kyc:portal-identity": (Look(NEWCOMER),),
    "kyc:portal-address": (Look(NEWCOMER),),
    "kyc:portal-questions": (Look(NEWCOMER),),
}
# Pages of surfaces made for desks that people also open on a phone.
ON_PHONES = frozenset(
    {
        *("office:money", "office:money-item", "payments:figures", "payments:withdrawal"),
        *("trading:office-dealing", "trading:office-exposure", "trading:office-exposure-positions"),
        *("trading:office-server-health", "trading:office-bulk"),
    }
)
# Answers that lead elsewhere or refuse in this world, and why that is right.
NOT_A_PAGE: dict[str, str] = {
    "branding:stylesheet": "a file, of a published brand",
    "branding:picture": "a file, of a published brand",
    "branding:mark": "a file, of a published brand",
    "branding:manifest": "a file, of a published brand",
    "payments:account-new": "is there only for a way out that is connected; the app opens it in its own tests",
    "payments:batch-file": "leads to the page of the file until it is released",
    "payments:withdrawal-next": "leads to the next withdrawal",
    "reconciliation:case-next": "leads to the next case",
    "payments:deposit-return": "leads from the provider's page to the deposit's",
    "trading:portal-password": "leads to the account, with its form open",
    "provisioning:enter": "for posts; the sign-up is asked for first",
    "provisioning:retry": "for posts; the sign-up is asked for first",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """An address as somebody sees it."""

    route: Route
    seat: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.route.surface}:{self.path} as {self.seat}"

    def tab(self, query: str) -> Sight:
        """The same page with another of its tabs chosen."""
        return replace(self, path=self.path.partition("?")[0] + query)


def sights(route: Route, world: World) -> Iterator[Sight]:
    for look in LOOKS.get(route.name, (Look(),)):
        seat = look.seat.replace("{surface}", route.surface) or HOME_SEAT[route.surface]
        values = own_values(route, world.brokerage)
        values |= {name: _filled(text, route, world) for name, text in look.values.items()}
        yield Sight(route, seat, route.path(values) + _filled(look.query, route, world))


def _filled(text: str, route: Route, world: World) -> str:
    text = text.replace("{surface}", route.surface)
    return world.values.get(text, text)


def fetched(sight: Sight, world: World, language: str = "en") -> Any:
    """The address's answer to that person."""
    browser = caller(world.cookies[sight.seat])
    browser.cookies["language"] = language
    return browser.get(sight.path, headers={"host": world.host(sight.route.surface)})


def kind_of(sight: Sight, world: World) -> tuple[str, str]:
    """What the address answers, and the answer's status or place for the message."""
    response = fetched(sight, world)
    status = response.status_code
    if status == 405:
        return POST_ONLY, "405"
    if 300 <= status < 400:
        return AWAY, f"{status} to {response.headers['Location']}"
    if status >= 400 and status != 410:
        return REFUSED, str(status)
    if not response.headers.get("Content-Type", "").startswith("text/html") or "Content-Disposition" in response:
        return FILE, response.headers.get("Content-Type", "none")
    if "sandbox" in response.headers.get("Content-Security-Policy", ""):
        return SEALED, str(status)
    return (PAGE if b"<html" in response.content else PIECE), str(status)


def groups() -> dict[str, list[Route]]:
    """All routes by surface and app: one test looks at a few, so that none keeps all others waiting at the end."""
    whole: dict[str, list[Route]] = {}
    for route in routes():
        whole.setdefault(f"{route.surface}-{route.name.partition(':')[0]}", []).append(route)
    return {
        f"{name}-{first // TOGETHER + 1}": found[first : first + TOGETHER]
        for name, found in whole.items()
        for first in range(0, len(found), TOGETHER)
    }
