"""Calls to dLocal: two signatures, one set of outcomes.

Payins (docs.dlocal.com/reference/payins-security): `Authorization: V2-HMAC-SHA256, Signature: <hex>` with HMAC-SHA256 of
X-Login + X-Date + body under the secret key; what is signed is, to the byte, what is sent. Payouts: `Payload-Signature`,
the same HMAC of the body alone (…/payouts-security), or, where dLocal gave a client id, an OAuth token that lives three
minutes (…/security-payouts-v3). Errors are `{code, message, param}` with 4xx; 3001–3003 say that the keys or our address
are not known, which a change at dLocal can mend.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kernel import clock, http
from kernel.errors import OutcomeUnknown, Rejected, Unavailable

from ...ports import ProviderConfig

HOSTS = {"test": "https://sandbox.dlocal.com", "live": "https://api.dlocal.com"}
NOT_LET_IN = frozenset({"3001", "3002", "3003"})
PREFIX = "V2-HMAC-SHA256, Signature: "


def sign(secret: str, *parts: str | bytes) -> str:
    """Hex HMAC-SHA256 of the parts one after the other."""
    text = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Wire:
    """One account's way to dLocal, for one call of ours."""

    def __init__(self, config: ProviderConfig) -> None:
        self.login = config.settings.get("x_login", "")
        self._key = config.secrets.get("x_trans_key", "")
        self._secret = config.secrets.get("secret_key", "")
        self._client = config.settings.get("payouts_client_id", "")
        self._client_secret = config.secrets.get("payouts_client_secret", "")
        base = config.settings.get("base_url") or HOSTS.get(config.mode, HOSTS["test"])
        self._base = base.rstrip("/")

    def payins(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, params: Any = None) -> Any:
        """A GET may be repeated; a POST is sent once, and a lost answer to it is of unknown outcome."""
        content = _bytes(body)
        headers = self._headers()
        headers["Authorization"] = PREFIX + sign(self._secret, self.login, headers["X-Date"], content)
        return self._send(method, path, content, headers, params)

    def payouts(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, params: Any = None) -> Any:
        content = _bytes(body)
        headers = self._headers()
        if self._client:
            headers["Authorization"] = f"Bearer {self._token()}"
        else:
            headers["Payload-Signature"] = sign(self._secret, content)
        return self._send(method, path, content, headers, params)

    def is_theirs(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether a notification carries one of the two signatures under our secret key."""
        if not self._secret:
            return False
        given = headers.get("authorization", "")
        if given.startswith(PREFIX):
            expected = sign(self._secret, self.login, headers.get("x-date", ""), body)
            return hmac.compare_digest(expected, given[len(PREFIX) :].strip().lower())
        expected = sign(self._secret, body)
        return hmac.compare_digest(expected, headers.get("payload-signature", "").strip().lower())

    def _headers(self) -> dict[str, str]:
        moment = clock.present().isoformat(timespec="milliseconds")
        return {
            "X-Date": moment.replace("+00:00", "Z"),
            "X-Login": self.login,
            "X-Trans-Key": self._key,
            "X-Version": "2.1",
            "Content-Type": "application/json",
        }

    def _token(self) -> str:
        asked = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "client_secret": self._client_secret,
        }
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._send("POST", "oauth/token", _bytes(asked), headers, None, repeats=True)
            return str(answer["access_token"])
        except (Rejected, KeyError, TypeError) as error:  # nothing was asked of the payouts themselves yet
            raise Unavailable(provider="dlocal") from error

    def _send(
        self, method: str, path: str, content: bytes, headers: Mapping[str, str], params: Any, *, repeats: bool = False
    ) -> Any:
        reads = method == "GET" or repeats
        response = http.request(
            method,
            f"{self._base}/{path}",
            safe_to_repeat=reads,
            headers=headers,
            content=content or None,
            params=params,
        )
        unknown = Unavailable if reads else OutcomeUnknown
        if response.status_code >= 500:
            raise unknown(provider="dlocal")
        try:
            answer = json.loads(response.content, parse_float=Decimal)
        except ValueError as error:
            raise unknown(provider="dlocal") from error
        if response.status_code < 400:
            return answer
        code = str(answer.get("code", "")) if isinstance(answer, dict) else ""
        if response.status_code in {401, 403, 429} or code in NOT_LET_IN:
            raise Unavailable(_message(answer), provider="dlocal", code=code)
        raise Rejected(_message(answer), provider="dlocal", code=code, param=_param(answer))


def _bytes(body: Mapping[str, Any] | None) -> bytes:
    if body is None:
        return b""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _param(answer: Any) -> str:
    return str(answer.get("param") or answer.get("field") or "") if isinstance(answer, dict) else ""


def _message(answer: Any) -> str:
    if not isinstance(answer, dict):
        return "dLocal"
    words = str(answer.get("message") or "dLocal")
    param = _param(answer)
    return f"{words} ({param})" if param and param not in words else words
