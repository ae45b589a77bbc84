"""A running sandbox per test module, and a fresh account per test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.tests.support import Receiver, Sandbox

_numbers = itertools.count(1)


class Merchant:
    """One account of the sandbox with the official client in its hand."""

    def __init__(self, server: Sandbox, account: str) -> None:
        self.server = server
        self.account = account
        self.key = f"sk_test_{account}_1234567890"
        self.client = stripe.StripeClient(self.key, base_addresses={"api": server.url}, max_network_retries=0)
        self.api = self.client.v1

    def session(self, **changes: Any) -> Any:
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 50000,
                        "product_data": {"name": "Deposit"},
                    },
                    "quantity": 1,
                }
            ],
            "success_url": "http://broker.localhost:1/paid?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://broker.localhost:1/cashier",
            "client_reference_id": "dep-1",
            "metadata": {"deposit": "1"},
        }
        return self.api.checkout.sessions.create({**params, **changes})

    def paid(self, method: str = "card", **values: Any) -> Any:
        """A session paid without the page; the PaymentIntent's JSON."""
        session = self.session()
        return self.control("POST", f"sessions/{session.id}/pay", {"method": method, **values})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.http.request(method, f"/_control/api/{self.account}/{path}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self, **values: Any) -> None:
        self.control("PUT", "faults", values)

    def settings(self, **values: Any) -> None:
        self.control("PUT", "settings", values)

    def raw(self, method: str, path: str, body: str = "", **headers: str) -> Any:
        fields = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-www-form-urlencoded"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.http.request(method, path, content=body.encode(), headers={**fields, **given})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("stripe", tmp_path_factory.mktemp("stripe"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox for tests that kill it."""
    running = Sandbox("stripe", tmp_path, "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def merchant(server: Sandbox) -> Merchant:
    return Merchant(server, f"broker{next(_numbers)}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()
