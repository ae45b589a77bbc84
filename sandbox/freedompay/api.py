"""The scripts a merchant calls: form posts in, signed XML out."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable

from sandbox._web import Request, Response, Router
from sandbox.freedompay import payments, signing
from sandbox.freedompay.payments import Refused
from sandbox.freedompay.signing import Fields
from sandbox.freedompay.store import Store

WRONG_SIGNATURE, KEY_OF_ANOTHER = 9999, 9997
Operation = Callable[[str, dict[str, str], str], Fields]


class Api:
    """init_payment, get_status3, revoke, reg2nonreg, payment_status2."""

    def __init__(self, store: Store, public_url: str | None) -> None:
        self.store = store
        self.public_url = public_url

    def add_routes(self, router: Router) -> None:
        store = self.store
        self._add(router, "/init_payment.php", lambda m, v, base: payments.open_payment(store, m, v, base))
        self._add(router, "/revoke.php", lambda m, v, _: payments.revoke(store, m, v))
        self._add(router, "/get_status3.php", lambda m, v, _: payments.status(store, m, v), writes=False)
        self._add(router, "/api/reg2nonreg", lambda m, v, base: payments.open_payout(store, m, v, base), payout=True)
        status = "/api/payment_status2"
        self._add(router, status, lambda m, v, _: payments.payout_status(store, m, v), writes=False, payout=True)

    def _add(
        self, router: Router, path: str, operation: Operation, *, writes: bool = True, payout: bool = False
    ) -> None:
        async def handle(request: Request) -> Response:
            return await self._handle(request, operation, writes=writes, payout=payout)

        router.add("POST", path, handle)

    async def _handle(self, request: Request, operation: Operation, *, writes: bool, payout: bool) -> Response:
        values, script = request.form, signing.script_name(request.path)
        merchant = values.get("pg_merchant_id", "")
        known = self.store.merchant(merchant)
        secret = str(known.get("payout_key" if payout else "secret_key", ""))
        deliveries = self.store.deliveries
        try:
            if not known or not secret:
                raise Refused(101, "Неверный номер магазина")
            faults = deliveries.faults(merchant)
            await asyncio.sleep(faults.api_delay_ms / 1000)
            if faults.api_unauthorized:
                raise Refused(WRONG_SIGNATURE, "Некорректная подпись запроса")
            if deliveries.strike(merchant, "api_error_before_commit"):
                return Response(b"Internal Server Error\n", 500)
            with self.store.db.transaction():
                fields = self._once(merchant, script, values, secret, operation, request)
            if writes and deliveries.strike(merchant, "api_error_after_commit"):
                return Response(b"Internal Server Error\n", 500)
            if writes and deliveries.strike(merchant, "api_reset_after_commit"):
                request.reset_connection()
        except Refused as refused:
            fields = [
                ("pg_status", "error"),
                ("pg_error_code", refused.code),
                ("pg_error_description", refused.words),
            ]
        return Response(
            signing.document(signing.signed(script, fields, secret)), content_type="text/xml; charset=utf-8"
        )

    def _once(
        self, merchant: str, script: str, values: dict[str, str], secret: str, operation: Operation, request: Request
    ) -> Fields:
        """Verify, then do it; under a known idempotency key the first answer is given again."""
        expected = signing.signature(script, list(values.items()), secret)
        if not values.get("pg_salt") or not hmac.compare_digest(expected, values.get("pg_sig", "")):
            raise Refused(WRONG_SIGNATURE, "Некорректная подпись запроса")
        base = self.public_url or request.base_url
        key = values.get("pg_idempotency_key", "")
        if not key:
            return operation(merchant, values, base)
        asked = payments.as_request(script, values)
        if used := self.store.used_key(merchant, key):
            if used[0] != asked:
                raise Refused(KEY_OF_ANOTHER, "pg_idempotency_key уже использован для другой операции")
            return [(name, value) for name, value in json.loads(used[1])]
        answer = operation(merchant, values, base)
        self.store.use_key(merchant, key, asked, json.dumps(answer))
        return answer
