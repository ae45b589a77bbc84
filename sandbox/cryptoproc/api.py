"""The merchant's calls, with keys, signatures, faults and CryptoProcessing's errors."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from typing import Any

from sandbox._web import Request, Response, Router
from sandbox.cryptoproc import transactions
from sandbox.cryptoproc.chains import COINS
from sandbox.cryptoproc.signing import sign
from sandbox.cryptoproc.store import Record, Store
from sandbox.cryptoproc.transactions import Refused

Operation = Callable[[str, Record], tuple[int, Any]]


class Api:
    """``/api/v2`` as far as a brokerage needs it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add_routes(self, router: Router) -> None:
        self._route(router, "POST", "addresses/take", self._take, writes=True)
        self._route(router, "POST", "withdrawal/crypto", self._withdraw, writes=True)
        self._route(router, "GET", "transactions/info", self._info)
        self._route(router, "POST", "accounts/list", self._accounts)
        self._route(router, "POST", "currencies/list", self._currencies)

        async def ping(request: Request) -> Response:
            return Response(b"OK")

        router.add("GET", "/api/v2/ping", ping)

    def _route(self, router: Router, method: str, path: str, operation: Operation, *, writes: bool = False) -> None:
        async def handler(request: Request) -> Response:
            return await self._handle(request, operation, writes=writes)

        router.add(method, f"/api/v2/{path}", handler)

    async def _handle(self, request: Request, operation: Operation, *, writes: bool) -> Response:
        deliveries = self.store.deliveries
        try:
            merchant, values = self._authenticate(request)
            faults = deliveries.faults(merchant)
            if faults.api_unauthorized:
                raise Refused(403, {"error": "Bad key header", "code": "bad_header_key"})
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if deliveries.strike(merchant, "api_error_before_commit"):
                raise Refused(500, {"error": "Internal server error"})
            with self.store.db.transaction():
                status, answer = operation(merchant, values)
            if writes and deliveries.strike(merchant, "api_error_after_commit"):
                raise Refused(500, {"error": "Internal server error"})
            if writes and deliveries.strike(merchant, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            status, answer = refused.status, refused.body
        return Response(json.dumps(answer, ensure_ascii=False).encode(), status, "application/json")

    def _authenticate(self, request: Request) -> tuple[str, Record]:
        """The key has to be one that was set up here; the signature is checked over the body as it came."""
        key = request.headers.get("x-processing-key", "")
        given = request.headers.get("x-processing-signature", "")
        secret = str(self.store.merchant(key).get("secret_key", ""))
        if not secret:
            raise Refused(403, {"error": "Bad key header", "code": "bad_header_key"})
        if not given:
            raise Refused(403, {"error": "No signature header", "code": "required_header_signature"})
        if not hmac.compare_digest(given, sign(secret, request.body)):
            raise Refused(403, {"error": "Bad signature header", "code": "bad_header_signature"})
        try:
            values = json.loads(request.body)
        except ValueError:
            values = None
        if not isinstance(values, dict) or not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(400, {"error": "Bad content format", "code": "bad_content_format"})
        return key, values

    def _take(self, merchant: str, values: Record) -> tuple[int, Any]:
        return 201, {"data": transactions.take_address(self.store, merchant, values)}

    def _withdraw(self, merchant: str, values: Record) -> tuple[int, Any]:
        return 201, {"data": transactions.as_answer(transactions.withdraw(self.store, merchant, values))}

    def _info(self, merchant: str, values: Record) -> tuple[int, Any]:
        """By one of id, foreign_id and txid."""
        if len({"id", "foreign_id", "txid"} & set(values)) != 1:
            raise transactions.invalid(id="One of id, foreign_id and txid is required.")
        found = None
        if type(values.get("id")) is int:
            found = self.store.transaction(merchant, values["id"])
        elif "foreign_id" in values:
            found = self.store.by_foreign_id(merchant, str(values["foreign_id"]))
        if found is None:
            raise Refused(404, {"error": "Transaction not found", "code": "not_found"})
        return 200, found

    def _accounts(self, merchant: str, values: Record) -> tuple[int, Any]:
        rows = [
            {"currency": code, "type": "crypto", "balance": f"{transactions.balance(self.store, merchant, code):.8f}"}
            for code in COINS
        ]
        return 200, {"data": rows}

    def _currencies(self, merchant: str, values: Record) -> tuple[int, Any]:
        rows = [
            {"id": number, "type": "crypto", "currency": code, "minimum_amount": str(coin.least),
             "deposit_fee_percent": "0.008", "withdrawal_fee_percent": "0.008", "precision": coin.precision}
            for number, (code, coin) in enumerate(COINS.items(), 1)
        ]  # fmt: skip
        return 200, {"data": rows}
