"""One signed call to Praxis, and what came of it in our errors."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from kernel import http
from kernel.errors import OutcomeUnknown, Rejected, Unavailable

from ...ports import ProviderConfig
from . import signing

LIVE, SANDBOX = "https://gw.praxisgate.com", "https://pci-gw-test.praxispay.com"
VERSION = "1.3"
CONTENT = "application/json; charset=utf-8"
# No page lists the codes, so it is the words: of an order or transaction, never of a merchant or an application.
NOT_THERE = re.compile(r"\b(order|session|transaction|tid)(_id)?\b.{0,20}\b(not found|not exist)", re.IGNORECASE)


def call(config: ProviderConfig, path: str, order: tuple[str, ...], body: Mapping[str, Any], *, writes: bool) -> Any:
    """Status 0 is done, above it the mistake is ours, below it theirs and of unknown effect (Praxis' "status").

    Raises Rejected, Unavailable (also for keys and addresses that Praxis does not know) and OutcomeUnknown. A read is
    Rejected only where Praxis, with our secret, says that what was asked for is not there; else it is Unavailable.
    """
    secret = config.secrets.get("merchant_secret", "")
    message = {**identity(config), "version": VERSION, "timestamp": int(time.time()), **body}
    base = config.settings.get("base_url") or (LIVE if config.mode == "live" else SANDBOX)
    response = http.request(
        "POST",
        f"{base.rstrip('/')}/{path}",
        safe_to_repeat=not writes,
        headers={"Content-Type": CONTENT, "Gt-Authentication": signing.signature(secret, message, order)},
        content=json.dumps(message, ensure_ascii=False).encode(),
    )
    unclear = OutcomeUnknown if writes else Unavailable
    if response.status_code >= 500:
        raise unclear(provider="praxis")
    try:
        answer = signing.read(response.content)
        status = int(answer["status"])
    except (ValueError, KeyError, TypeError) as error:
        raise (Unavailable if response.status_code >= 400 else unclear)(provider="praxis") from error
    if response.status_code >= 400:
        raise Unavailable(_words(answer), provider="praxis")
    if status < 0:
        raise unclear(_words(answer), provider="praxis")
    if status > 0:
        signed = signing.genuine(secret, answer, signing.ANSWER, response.headers.get("gt-authentication", ""))
        sure = writes or (signed and NOT_THERE.search(_words(answer)))
        raise (Rejected if sure else Unavailable)(_words(answer), provider="praxis", code=status, signed=signed)
    return answer


def identity(config: ProviderConfig) -> dict[str, str]:
    return {
        "merchant_id": config.settings.get("merchant_id", ""),
        "application_key": config.settings.get("application_key", ""),
    }


def _words(answer: Mapping[str, Any]) -> str:
    return str(answer.get("description") or "Praxis")
