"""A brokerage with a client, a provider at its sandbox, and a portal that the sandbox can really call."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from uuid import UUID

from kernel import clock, inbox, secrets
from kernel.actors import Actor, Reach, system
from kernel.ids import uuid7
from kernel.money import Money
from kernel.permissions import all_permissions
from kernel.tenancy.context import TenantRef
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.payments.models import Destination, DestinationState, MethodRule, ProviderAccount
from tenant_apps.payments.payouts import payout_method
from tenant_apps.payments.services.destinations import fingerprint, masked

T = TypeVar("T")
_numbers = itertools.count(1)
SYSTEM = system("test")


def make_client(**values: Any) -> Client:
    number = next(_numbers) + int(time.time()) % 1_000_000 * 100
    fields: dict[str, Any] = {
        "number": number,
        "first_name": "Lena",
        "last_name": "Vogt",
        "email": f"lena{number}@example.com",
        "country": "DE",
        "language": "de",
        "currency": "EUR",
        "stage": Stage.VERIFIED,
        "kyc_state": KycState.APPROVED,
        "kyc_level": 1,
    }
    return Client.objects.create(**{**fields, **values})


def client_actor(client: Client) -> Actor:
    return Actor(kind="client", id=str(uuid7()), label=client.name, client_id=client.pk)


def staff(*codes: str, reach: Reach = Reach.ALL, staff_id: UUID | None = None) -> Actor:
    """A member of staff with some rights, or all of them."""
    granted = codes or [permission.code for permission in all_permissions()]
    return Actor(kind="staff", id=str(staff_id or uuid7()), label="Somebody", grants=dict.fromkeys(granted, reach))


def make_account(kind: str = "stripe", *, methods: list[str] | None = None, **values: Any) -> ProviderAccount:
    """An enabled account with keys; `settings` and `credentials` may be given."""
    from tenant_apps.payments import registry

    credentials = values.pop("credentials", {})
    offered = methods or [method.code for method in registry.capabilities(kind).methods]
    fields = {"name": kind.title(), "methods": offered, "enabled": True, "settings": {}, **values}
    account = ProviderAccount.objects.create(kind=kind, **fields)
    for name, value in credentials.items():
        secrets.credential_set(owner=account.secrets_owner, name=name, value=value)
    return account


def make_rule(account: ProviderAccount, method: str, currency: str = "EUR", **values: Any) -> MethodRule:
    limits = {"minimum_minor": 1000, "maximum_minor": 100_000_00}
    return MethodRule.objects.create(provider_account=account, method=method, currency=currency, **{**limits, **values})


def make_destination(client: Client, iban: str = "DE89370400440532013000", **values: Any) -> Destination:
    """A bank account in the client's address book, verified unless `state` says otherwise."""
    method = payout_method("wire")
    assert method is not None
    details = {"iban": iban, "holder": client.name}
    fields: dict[str, Any] = {
        "method": "wire", "details": details, "holder": client.name, "country": iban[:2],
        "fingerprint": fingerprint(method, details), "label": masked(method, details),
        "state": DestinationState.VERIFIED, "created_at": clock.now() - timedelta(days=30),
    }  # fmt: skip
    return Destination.objects.create(client=client, **{**fields, **values})


def eur(text: str) -> Money:
    return Money.of(text, "EUR")


def run_inbox() -> int:
    """Process what came in, as a worker would."""
    due = inbox.due()
    for message in due:
        inbox.process(message.pk)
    return len(due)


def run_commands() -> None:
    from kernel import commands

    for command in commands.due():
        commands.run(command.pk)


def until(probe: Callable[[], T | None], seconds: float = 20) -> T:
    """The first truthy value of a probe; waits on the world, not for a fixed time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        if value := probe():
            return value
        assert time.monotonic() < deadline, "it never came true"
        pause.wait(0.05)


@contextmanager
def portal(tenant: TenantRef) -> Iterator[int]:
    """The portal's webhook endpoint on a real socket, through the whole middleware; yields the port."""
    from django.db import connections
    from django.test import Client as Browser

    host = f"{tenant.slug}.localhost"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
            headers["HTTP_HOST"] = host
            kind = self.headers.get("Content-Type", "application/json")
            answer = Browser(raise_request_exception=False).post(self.path, data=body, content_type=kind, **headers)
            connections.close_all()
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    ThreadingHTTPServer.daemon_threads = False  # closing waits for requests under way
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
