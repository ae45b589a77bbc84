"""Puts the server together."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from sandbox._web import Application, Request, Response, Router, static_file
from sandbox.stripe import methods, payments, refunds, sessions
from sandbox.stripe.api import Api
from sandbox.stripe.checkout_page import CheckoutPages
from sandbox.stripe.control import Control
from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Store

STATIC = Path(__file__).parents[1] / "_static"


def build(store: Store, public_url: str | None) -> Application:
    """The ASGI application over ``store``."""
    router = Router()

    async def healthz(request: Request) -> Response:
        store.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    router.add("GET", "/healthz", healthz)
    router.add("GET", "/static/{name}", static)
    api = Api(store, public_url)
    api.add_routes(router)
    CheckoutPages(store).add_routes(router)
    Control(store).add_routes(router)

    async def missing(request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return await api.unknown(request)
        return Response(b"Not found\n", 404)

    return Application(router, missing)


async def run_jobs(store: Store) -> None:
    """Do what is due: expiring sessions, settling debits and refunds. Due work survives a restart."""
    while True:
        for job in store.db.rows("SELECT * FROM jobs WHERE due<=? ORDER BY due, id", time.time()):
            with store.db.transaction():
                _do(store, job["account"], job["task"], job["subject"])
                store.db.run("DELETE FROM jobs WHERE id=?", job["id"])
        await asyncio.sleep(0.25)


def _do(store: Store, account: str, task: str, subject: str) -> None:
    if task == "expire_session":
        session = store.find(account, "checkout.session", subject)
        if session and session["status"] == "open":
            sessions.expire(store, account, subject)
    elif task == "settle_debit":
        intent = store.get(account, "payment_intent", subject)
        failing = methods.SEPA_OUTCOMES.get(intent["_details"]["iban"]) == "fail"
        payments.settle_debit(store, account, subject, succeeded=not failing)
    elif task == "settle_refund":
        refunds.settle(store, account, subject)
    else:
        raise ApiError(500, f"unknown job {task}")
