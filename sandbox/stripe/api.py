"""The API's front door: keys, versions, idempotency, faults, and errors worded as Stripe words them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
import time
from typing import Any

from stripe import api_version as CURRENT_VERSION

from sandbox._web import Request, Response, Router
from sandbox.stripe import contract
from sandbox.stripe.errors import ApiError
from sandbox.stripe.resources import OPERATIONS, Call, Operation
from sandbox.stripe.store import Store, token

SECRET_KEY = re.compile(r"(?:sk|rk)_test_([A-Za-z0-9][A-Za-z0-9-]{0,62})_([A-Za-z0-9_]+)")
VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z_]+)?")
DAY = 24 * 3600


class Api:
    """Every address under /v1."""

    def __init__(self, store: Store, public_url: str | None) -> None:
        self.store = store
        self.public_url = public_url
        self._in_flight: set[tuple[str, str]] = set()

    def add_routes(self, router: Router) -> None:
        for method, path, params_class, operation in OPERATIONS:
            router.add(method, path, self._endpoint(params_class, operation))

    def _endpoint(self, params_class: str, operation: Operation) -> Any:
        async def handler(request: Request) -> Response:
            return await self.handle(request, params_class, operation)

        return handler

    async def unknown(self, request: Request) -> Response:
        """Addresses the sandbox has not."""
        request_id = f"req_{token(14)}"
        try:
            authenticate(request)
        except ApiError as error:
            return _answer(error.status, error.body, request_id)
        message = (
            f"Unrecognized request URL ({request.method}: {request.path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/."
        )
        return _answer(404, ApiError(404, message).body, request_id)

    async def handle(self, request: Request, params_class: str, operation: Operation) -> Response:
        request_id = f"req_{token(14)}"
        try:
            account = authenticate(request)
            _check_version(request)
            faults = self.store.deliveries.faults(account)
            if faults.api_unauthorized:
                raise ApiError(401, "Expired API Key provided.", code="api_key_expired")
            if faults.api_delay_ms and request.method == "GET":
                await asyncio.sleep(faults.api_delay_ms / 1000)
            if self.store.deliveries.strike(account, "api_error_before_commit"):
                raise _server_error()
            if request.method == "POST":
                return await self._post(request, account, params_class, operation, request_id, faults.api_delay_ms)
            params = contract.check(params_class, contract.parse_form(request.query_string))
            with self.store.db.transaction():
                body = operation(self._call(request, account, params, request_id))
        except ApiError as error:
            return _answer(error.status, error.body, request_id)
        return _answer(200, body, request_id)

    async def _post(
        self,
        request: Request,
        account: str,
        params_class: str,
        operation: Operation,
        request_id: str,
        delay_ms: int,
    ) -> Response:
        """docs.stripe.com/api/idempotent_requests: same key, same answer, even if it was an error; other
        parameters or a request still under way are refused; refused parameters leave no trace."""
        key = request.headers.get("idempotency-key", "")
        if len(key) > 255:
            raise ApiError(400, "Idempotency keys may be at most 255 characters.", kind="idempotency_error")
        digest = f"{request.method} {request.path} {hashlib.sha256(request.body).hexdigest()}"
        if key:
            replay = self._replay(account, key, digest)
            if replay:
                return replay
            if (account, key) in self._in_flight:
                raise ApiError(
                    409,
                    "There is currently another in-progress request using this Idempotent Key (that probably "
                    "means you submitted twice, and the other request is still going through): "
                    f"{key}. Please try again later.",
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._in_flight.add((account, key))
        try:
            await asyncio.sleep(delay_ms / 1000)
            params = contract.check(params_class, contract.parse_form(_text(request.body)))
            response = self._commit(request, account, operation, params, request_id, key, digest)
        finally:
            self._in_flight.discard((account, key))
        if self.store.deliveries.strike(account, "api_reset_after_commit"):
            request.reset_connection()
        return response

    def _commit(
        self, request: Request, account: str, operation: Operation, params: dict[str, Any], request_id: str,
        key: str, digest: str,
    ) -> Response:  # fmt: skip
        """The operation and the memory of its answer in one transaction."""
        with self.store.db.transaction():
            try:
                with self._savepoint():
                    body = operation(self._call(request, account, params, request_id))
                response = _answer(200, body, request_id)
            except ApiError as error:
                response = _answer(error.status, error.body, request_id)
            if response.status == 200 and self.store.deliveries.strike(account, "api_error_after_commit"):
                response = _answer(500, _server_error().body, request_id)
            if key:
                self.store.db.run(
                    "INSERT OR REPLACE INTO idempotency VALUES (?,?,?,?,?,?,?)",
                    *(account, key, digest, request_id, response.status, response.body, time.time()),
                )
                response.headers |= {"Idempotency-Key": key, "Original-Request": request_id}
        return response

    def _savepoint(self) -> Any:
        return _Savepoint(self.store)

    def _replay(self, account: str, key: str, digest: str) -> Response | None:
        row = self.store.db.row(
            "SELECT * FROM idempotency WHERE account=? AND key=? AND created>?",
            account,
            key,
            time.time() - DAY,
        )
        if row is None:
            return None
        if row["request"] != digest:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        response = _answer(row["status"], json.loads(row["body"]), f"req_{token(14)}")
        response.headers |= {
            "Idempotency-Key": key,
            "Idempotent-Replayed": "true",
            "Original-Request": row["request_id"],
        }
        return response

    def _call(self, request: Request, account: str, params: dict[str, Any], request_id: str) -> Call:
        base = self.public_url or request.base_url
        return Call(self.store, account, params, request.params, base, request_id, request.path)


class _Savepoint:
    """A refused operation is undone while the transaction around it goes on."""

    def __init__(self, store: Store) -> None:
        self.db = store.db

    def __enter__(self) -> None:
        self.db.run("SAVEPOINT operation")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self.db.run("ROLLBACK TO operation")
        self.db.run("RELEASE operation")


def authenticate(request: Request) -> str:
    """The account of the secret key in Authorization (Bearer, or Basic with the key as user name).

    ``sk_test_<account>_<anything>`` opens the account of that name; a key whose last part begins with
    ``revoked`` is an expired one. Raises ApiError 401.
    """
    header = request.headers.get("authorization", "")
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if not key:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    shown = f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}"
    if key.startswith("pk_"):
        raise ApiError(
            401, "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )  # fmt: skip
    match = SECRET_KEY.fullmatch(key)
    if not match:
        raise ApiError(401, f"Invalid API Key provided: {shown}")
    if match[2].startswith("revoked"):
        raise ApiError(401, f"Expired API Key provided: {shown}", code="api_key_expired")
    return match[1]


def _check_version(request: Request) -> None:
    """The parameters are those of the pinned library, so another version is answered, not imitated."""
    version = request.headers.get("stripe-version", CURRENT_VERSION)
    if not VERSION.fullmatch(version):
        raise ApiError(400, f"Invalid Stripe API version: {version}")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "Invalid request body: not UTF-8.") from None


def _server_error() -> ApiError:
    message = "An unknown error occurred. If this persists please contact us at https://support.stripe.com."
    return ApiError(500, message, kind="api_error")


def _answer(status: int, body: Any, request_id: str) -> Response:
    if status != 200 and "error" in body:
        body["error"].setdefault("request_log_url", f"https://dashboard.stripe.com/test/logs/{request_id}")
    headers = {"Request-Id": request_id, "Stripe-Version": CURRENT_VERSION}
    return Response(json.dumps(body, indent=2).encode(), status, "application/json", headers)
