"""Skrill's three interfaces: Quick Checkout, automated payments in two steps, and queries; their errors in our words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from kernel import http
from kernel.errors import OutcomeUnknown, Rejected, Unavailable

from ...ports import ProviderConfig

CHECKOUT, APP = "https://pay.skrill.com", "https://www.skrill.com/app"
NOT_FOUND = "403"
_SID = re.compile(r"[0-9A-Za-z]{16,64}")
# What a refusal says of our set-up or of a session, not of the payment: worth trying again.
_AGAIN = re.compile(r"LOGIN|PASSWORD|^(INVALID|UNKNOWN)_IP$|SESSION_EXPIRED|INVALID_SID")
# What surely refuses the payment itself. Other words (one of them says "sent before") prove nothing.
SURE = re.compile(r"^MISSING_|^INVALID_(?!FRN)|BALANCE|LIMIT|NOT_FOUND|EXCEEDED|DENIED")


class Api:
    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def _base(self, own: str, tail: str = "") -> str:
        given = self.config.settings.get("base_url", "").rstrip("/")
        return f"{given}{tail}" if given else own

    def page(self, sid: str) -> str:
        return f"{self._base(CHECKOUT)}/?sid={sid}"

    def session(self, fields: Mapping[str, str]) -> str:
        """A session of Quick Checkout. It moves nothing, so a lost answer is just no session."""
        response = http.request("POST", f"{self._base(CHECKOUT)}/", safe_to_repeat=True, data=dict(fields))
        body = response.content.decode("utf-8", "replace").strip()
        if response.status_code == 200 and _SID.fullmatch(body):
            return body
        if 400 <= response.status_code < 500 and response.status_code != 429:
            raise Rejected(_json_words(body), provider="skrill")
        raise Unavailable(provider="skrill")

    def query(self, reference: str) -> dict[str, str] | None:
        """The newest transaction of ours under this reference, or None. Raises Unavailable."""
        response = http.request(
            "POST",
            f"{self._base(APP, '/app')}/query.pl",
            safe_to_repeat=True,
            data={"action": "status_trn", "trn_id": reference, **self._login()},
        )
        first, _, rest = response.content.decode("utf-8", "replace").strip().partition("\n")
        code = first[:3]
        if response.status_code != 200 or code not in {"200", NOT_FOUND}:
            raise Unavailable(first[3:].strip()[:200] or None, provider="skrill")
        return dict(parse_qsl(rest.strip(), keep_blank_values=True)) if code == "200" else None

    def prepare(self, script: str, fields: Mapping[str, str]) -> str:
        """The first step: a session that moves nothing yet. Raises Rejected or Unavailable."""
        body = {"action": "prepare", **self._login(), **fields}
        response = http.request("POST", self._script(script), safe_to_repeat=True, data=body)
        root = _parsed(response.content) if response.status_code == 200 else None
        if root is None:
            raise Unavailable(provider="skrill")
        sid = root.findtext("sid") or ""
        if not _SID.fullmatch(sid):
            _refuse(root)
        return sid

    def execute(self, script: str, action: str, sid: str) -> Element:
        """The second step, sent once: raises OutcomeUnknown unless it surely was not carried out, which only some words say."""
        response = http.request("POST", self._script(script), safe_to_repeat=False, data={"action": action, "sid": sid})
        root = _parsed(response.content) if response.status_code == 200 else None
        if root is None:
            raise OutcomeUnknown(provider="skrill")
        if root.find("error") is not None:
            words = _words(root)
            if not SURE.search(words) and not _AGAIN.search(words):
                raise OutcomeUnknown(words or None, provider="skrill")
            _refuse(root)
        return root

    def _script(self, script: str) -> str:
        return f"{self._base(APP, '/app')}/{script}"

    def _login(self) -> dict[str, str]:
        """Skrill takes the lower-case MD5 of the API password for the password."""
        password = self.config.secrets.get("api_password", "")
        digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
        return {"email": self.config.settings.get("pay_to_email", ""), "password": digest}


def _parsed(content: bytes) -> Element | None:
    try:
        found: Element = ElementTree.fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    return found if found.tag == "response" else None


def _words(root: Element) -> str:
    return (root.findtext("error/error_msg") or "").strip()


def _refuse(root: Element) -> None:
    words = _words(root)
    if not words:
        raise Unavailable(provider="skrill")
    if _AGAIN.search(words):
        raise Unavailable(words, provider="skrill")
    raise Rejected(words, provider="skrill", code=words)


def _json_words(body: str) -> str:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return "Skrill"
    return str(answer.get("message") or "Skrill") if isinstance(answer, dict) else "Skrill"
