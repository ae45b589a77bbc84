"""Prepare and Complete as Click says them, and what it takes for a good answer (docs.click.uz, Click-API).

Form posts with ``sign_string`` = md5 of the values in their order; JSON back. An attempt goes new → prepared → confirmed,
or → failed (the bank said no: Complete with a negative error, answered with -9), or → refused (the merchant said no).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox._caller import Lost
from sandbox.click.store import Attempt, Store

UNDER_WAY = ("new", "prepared")
PREPARE, COMPLETE = 0, 1
BANK_SAID_NO = -5017
ALREADY_PAID, CANCELLED = -4, -9
KNOWN_ERRORS = range(-9, 1)


class BadAnswer(Exception):
    """The merchant's answer is not what the protocol promises; the argument says why."""


def sign(fields: dict[str, str], secret: str) -> str:
    prepared = fields["merchant_prepare_id"] if fields["action"] == str(COMPLETE) else ""
    text = (
        fields["click_trans_id"] + fields["service_id"] + secret + fields["merchant_trans_id"] + prepared
        + fields["amount"] + fields["action"] + fields["sign_time"]
    )  # fmt: skip
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def check_answer(fields: dict[str, str], status: int, body: bytes) -> dict[str, Any]:
    """Raises BadAnswer."""
    if status != 200:
        raise BadAnswer(f"HTTP status {status}")
    try:
        answer = json.loads(body)
    except ValueError:
        raise BadAnswer("not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("error"), int) or answer["error"] not in KNOWN_ERRORS:
        raise BadAnswer("error is missing or not one of Click's")
    if not isinstance(answer.get("error_note"), str):
        raise BadAnswer("error_note is missing")
    if answer["error"] != 0:
        return answer
    name = "merchant_prepare_id" if fields["action"] == str(PREPARE) else "merchant_confirm_id"
    if not isinstance(answer.get(name), int) or isinstance(answer[name], bool):
        raise BadAnswer(f"{name} is not a number")
    if str(answer.get("click_trans_id")) != fields["click_trans_id"]:
        raise BadAnswer("click_trans_id is another one")
    if answer.get("merchant_trans_id") != fields["merchant_trans_id"]:
        raise BadAnswer("merchant_trans_id is another one")
    return answer


def fields_of(attempt: Attempt, action: int, error: int = 0) -> dict[str, str]:
    """A call without its signature."""
    fields = {
        "click_trans_id": str(attempt["id"]), "service_id": attempt["service"],
        "click_paydoc_id": str(attempt["id"] + 1_000_000), "merchant_trans_id": attempt["order"],
        "amount": attempt["amount"], "action": str(action), "error": str(error),
        "error_note": "Success" if not error else "The bank declined the payment",
        "sign_time": (datetime.now(UTC) + timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S"),
    }  # fmt: skip
    if action == COMPLETE:
        fields["merchant_prepare_id"] = str(attempt["prepare_id"])
    return fields


class Conversation:
    """Talks to merchants."""

    def __init__(self, store: Store, *, retry_base: float) -> None:
        self.store = store
        self.retry_base = retry_base
        self._busy: set[int] = set()
        self._wake = asyncio.Event()

    async def say(self, service: str, fields: dict[str, str]) -> dict[str, Any]:
        """One call; a ``sign_string`` that is there already is left alone. Raises Lost and BadAnswer."""
        known = self.store.service(service)
        secret = str(known.get("secret_key", "")) + "!" * self.store.caller.strike(service, "tamper_signature")
        whole = {"sign_string": sign(fields, secret), **fields}
        name = {"0": "Prepare", "1": "Complete"}.get(fields["action"], fields["action"])
        status, body, call = await self.store.caller.call(
            service, fields["click_trans_id"], name, str(known.get("endpoint", "")), urlencode(whole).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        try:
            return check_answer(fields, status, body)
        except BadAnswer as bad:
            self.store.caller.note(call, str(bad))
            raise

    async def advance(self, attempt: Attempt) -> Attempt:
        """Say all there is to say, until it is over or an answer is missing."""
        if attempt["id"] in self._busy:
            return attempt
        self._busy.add(attempt["id"])
        try:
            while attempt["step"] in UNDER_WAY and await self._step(attempt):
                pass
        finally:
            self._busy.discard(attempt["id"])
            self._wake.set()
        return attempt

    async def _step(self, attempt: Attempt) -> bool:
        prepared = attempt["step"] == "prepared"
        error = BANK_SAID_NO if prepared and attempt["declined"] else 0
        try:
            answer = await self.say(attempt["service"], fields_of(attempt, COMPLETE if prepared else PREPARE, error))
        except Lost:
            attempt["due"] = time.time() + self.retry_base
            self.store.update(attempt)
            return False
        except BadAnswer as bad:
            attempt |= {"step": "refused", "note": f"bad answer: {bad}"}
        else:
            self._heard(attempt, answer, prepared=prepared, failed=bool(error))
        attempt["due"] = 0.0
        self.store.update(attempt)
        return True

    def _heard(self, attempt: Attempt, answer: dict[str, Any], *, prepared: bool, failed: bool) -> None:
        attempt |= {"error": answer["error"], "note": answer["error_note"]}
        if failed:
            attempt["step"] = "failed"
        elif prepared and answer["error"] in (0, ALREADY_PAID):
            # Said again after a lost answer it is "already paid": docs.click.uz, error -4.
            attempt |= {"step": "confirmed", "confirm_id": answer.get("merchant_confirm_id")}
        elif not prepared and answer["error"] == 0:
            attempt |= {"step": "prepared", "prepare_id": answer["merchant_prepare_id"]}
        else:
            attempt["step"] = "refused"

    async def run(self) -> None:
        """Take up what lost its answer, or its process."""
        while True:
            self._wake.clear()
            for attempt in [one for one in self.store.under_way(UNDER_WAY) if one["id"] not in self._busy]:
                if attempt["due"] <= time.time():
                    await self.advance(attempt)
            left = [one["due"] for one in self.store.under_way(UNDER_WAY) if one["id"] not in self._busy]
            wait = max(min(left) - time.time(), 0.01) if left else None
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue
