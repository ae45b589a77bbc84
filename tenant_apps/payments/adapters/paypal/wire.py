"""PayPal's REST API: a token for this one call, requests, and errors in our words."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kernel import http
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.ids import uuid7

from ...ports import ProviderConfig

HOSTS = {"live": "https://api-m.paypal.com", "test": "https://api-m.sandbox.paypal.com"}
# Another request with this id is being carried out, or the id was used for something else.
_UNCLEAR = frozenset({"PREVIOUS_REQUEST_IN_PROGRESS", "PAYPAL_REQUEST_ID_PREVIOUSLY_USED", "DUPLICATE_REQUEST_ID"})


class Api:
    """Lives for one call of ours: the token is asked for when first needed, and kept nowhere else."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        self._token = ""

    @property
    def base(self) -> str:
        own = self.config.settings.get("base_url") or HOSTS["live" if self.config.mode == "live" else "test"]
        return own.rstrip("/")

    def token(self) -> str:
        """Raises Unavailable, with PayPal's words, when the keys are refused."""
        if not self._token:
            answer = self._sent(
                "POST",
                "/v1/oauth2/token",
                safe=True,
                headers={"Authorization": _basic(self.config)},
                data={"grant_type": "client_credentials"},
            )
            self._token = str(answer.get("access_token") or "")
        return self._token

    def get(self, path: str) -> dict[str, Any]:
        return self._sent("GET", path, safe=True, headers=self._headers())

    def ask(self, path: str, content: bytes) -> dict[str, Any]:
        """A POST that changes nothing."""
        return self._sent("POST", path, safe=True, headers=self._headers(), content=content)

    def post(self, path: str, body: Mapping[str, Any], *, request_id: str = "") -> dict[str, Any]:
        """A write, sent once: a lost answer is of unknown outcome. `request_id` makes repeating it harmless."""
        headers = self._headers() | {"Prefer": "return=representation", "PayPal-Request-Id": request_id or str(uuid7())}
        return self._sent("POST", path, safe=False, headers=headers, content=json.dumps(body).encode())

    def patch(self, path: str, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A write that says how things are to stand: repeated it changes nothing more."""
        return self._sent("PATCH", path, safe=True, headers=self._headers(), content=json.dumps(changes).encode())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}

    def _sent(
        self, method: str, path: str, *, safe: bool, headers: Mapping[str, str], content: bytes | None = None,
        data: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        response = http.request(
            method, f"{self.base}{path}", safe_to_repeat=safe, headers=headers, content=content, data=data
        )
        lost = Unavailable if safe else OutcomeUnknown
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = {}
        status, issue = response.status_code, issue_of(answer)
        if status in {401, 403, 429}:
            raise Unavailable(_words(answer), provider="paypal")
        if status >= 500 or status == 409 or issue in _UNCLEAR or not isinstance(answer, dict):
            raise lost(_words(answer), provider="paypal")
        if status >= 400:
            raise Rejected(
                _words(answer), provider="paypal", code=issue, name=str(answer.get("name") or ""), links=_links(answer)
            )
        if status >= 300 or not answer:
            raise lost(provider="paypal")
        return answer


def _basic(config: ProviderConfig) -> str:
    pair = f"{config.settings.get('client_id', '')}:{config.secrets.get('client_secret', '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def issue_of(answer: Any) -> str:
    """PayPal's code of what is wrong: the first detail's issue, else the error's name."""
    if not isinstance(answer, Mapping):
        return ""
    details = answer.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], Mapping) else {}
    return str(first.get("issue") or answer.get("name") or "")


def _words(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return "PayPal"
    details = answer.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], Mapping) else {}
    told = first.get("description") or answer.get("message") or answer.get("error_description")
    return str(told or "PayPal")


def _links(answer: Mapping[str, Any]) -> list[str]:
    """Where a refusal points: a duplicate at the first of its kind."""
    links = answer.get("links")
    return [str(link.get("href", "")) for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
