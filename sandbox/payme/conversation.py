"""What Payme says to a merchant, and what it takes for a good answer (developer.help.paycom.uz, Merchant API).

JSON-RPC 2.0 by POST with Basic ``Paycom:<key>``. A transaction goes new → checked → created → performed, or → refused; at
any time it may be cancelled. Each step is written down before the next call, and a call without an answer is repeated.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from typing import Any

from sandbox._caller import Lost
from sandbox.payme.store import Store, Transaction

UNDER_WAY = ("new", "checked", "created", "cancelling")
METHODS = {
    "new": "CheckPerformTransaction",
    "checked": "CreateTransaction",
    "created": "PerformTransaction",
    "cancelling": "CancelTransaction",
}
THEN = {"new": "checked", "checked": "created", "created": "performed", "cancelling": "cancelled"}
ACCOUNT_ERRORS = range(-31099, -31049)
LOCALES = ("ru", "uz", "en")


class BadAnswer(Exception):
    """The merchant's answer is not what the protocol promises; the argument says why."""


def _whole(result: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(result.get(name), int) or isinstance(result.get(name), bool) or result[name] < 0:
            raise BadAnswer(f"{name} is not a time in milliseconds")


def _states(result: dict[str, Any], *allowed: int) -> None:
    if result.get("state") not in allowed:
        raise BadAnswer(f"state is {result.get('state')}, not {' or '.join(map(str, allowed))}")
    if not isinstance(result.get("transaction"), str) or not result["transaction"]:
        raise BadAnswer("transaction is missing")


def check_result(method: str, result: Any) -> None:
    """Raises BadAnswer."""
    if not isinstance(result, dict):
        raise BadAnswer("result is not an object")
    match method:
        case "CheckPerformTransaction":
            if result.get("allow") is not True:
                raise BadAnswer("allow is not true")
        case "CreateTransaction":
            _whole(result, "create_time")
            _states(result, 1)
        case "PerformTransaction":
            _whole(result, "perform_time")
            _states(result, 2)
        case "CancelTransaction":
            _whole(result, "cancel_time")
            _states(result, -1, -2)
        case "CheckTransaction":
            _whole(result, "create_time", "perform_time", "cancel_time")
            _states(result, 1, 2, -1, -2)
            if result.get("reason", 0) is not None and not isinstance(result.get("reason"), int):
                raise BadAnswer("reason is neither a number nor null")
        case "GetStatement":
            if not isinstance(result.get("transactions"), list):
                raise BadAnswer("transactions is not a list")
            for item in result["transactions"]:
                check_result("CheckTransaction", item)
                _whole(item, "time", "amount")


def check_answer(method: str, status: int, body: bytes, number: int) -> dict[str, Any]:
    """The answer as an object with ``result`` or ``error``. Raises BadAnswer."""
    if status != 200:
        raise BadAnswer(f"HTTP status {status}")
    try:
        answer = json.loads(body)
    except ValueError:
        raise BadAnswer("not JSON") from None
    if not isinstance(answer, dict) or answer.get("id") != number or ("result" in answer) == ("error" in answer):
        raise BadAnswer("not an answer to this call")
    if "result" in answer:
        check_result(method, answer["result"])
        return answer
    error = answer["error"]
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        raise BadAnswer("error has no code")
    message = error.get("message")
    if error["code"] in ACCOUNT_ERRORS and not (
        isinstance(message, dict) and all(message.get(name) for name in LOCALES) and isinstance(error.get("data"), str)
    ):
        raise BadAnswer("an account error needs a message in ru, uz and en, and the field's name in data")
    return answer


class Conversation:
    """Talks to merchants."""

    def __init__(self, store: Store, *, retry_base: float) -> None:
        self.store = store
        self.retry_base = retry_base
        self._numbers = itertools.count(int(time.time()) % 1_000_000)
        self._busy: set[str] = set()
        self._wake = asyncio.Event()

    async def say(self, merchant: str, subject: str, method: str, params: Any, key: str = "") -> dict[str, Any]:
        """One call. Raises Lost and BadAnswer."""
        known = self.store.merchant(merchant)
        number = next(self._numbers)
        tampered = self.store.caller.strike(merchant, "tamper_signature")
        secret = key or str(known.get("key", "")) + "!" * tampered
        login = base64.b64encode(f"Paycom:{secret}".encode()).decode()
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        headers = {"Content-Type": "text/json; charset=UTF-8", "Authorization": f"Basic {login}"}
        endpoint = str(known.get("endpoint", ""))
        status, answer, call = await self.store.caller.call(merchant, subject, method, endpoint, body, headers)
        try:
            return check_answer(method, status, answer, number)
        except BadAnswer as bad:
            self.store.caller.note(call, str(bad))
            raise

    async def advance(self, transaction: Transaction) -> Transaction:
        """Say all there is to say, until it is done, refused, or an answer is missing."""
        if transaction["id"] in self._busy:
            return transaction
        self._busy.add(transaction["id"])
        try:
            while transaction["step"] in UNDER_WAY:
                if not await self._step(transaction):
                    break
        finally:
            self._busy.discard(transaction["id"])
            self._wake.set()
        return transaction

    async def _step(self, transaction: Transaction) -> bool:
        step = transaction["step"]
        method, merchant = METHODS[step], transaction["merchant"]
        try:
            answer = await self.say(merchant, transaction["id"], method, params_of(transaction, method))
        except Lost:
            return self._later(transaction)
        except BadAnswer as bad:
            return self._refused(transaction, f"bad answer: {bad}")
        if "error" in answer:
            return self._refused(transaction, words_of(answer["error"]))
        transaction |= {"step": THEN[step], "state": answer["result"].get("state", 0), "due": 0.0}
        self.store.update(transaction)
        return True

    def _later(self, transaction: Transaction) -> bool:
        transaction["due"] = time.time() + self.retry_base
        self.store.update(transaction)
        return False

    def _refused(self, transaction: Transaction, words: str) -> bool:
        """Payme gives up on it. What was created already, it cancels; a refund that is refused leaves it performed."""
        created = transaction["step"] == "created"
        ended = "performed" if transaction["state"] == 2 else "refused"
        transaction |= {"step": "cancelling" if created else ended, "error": words, "reason": 3, "due": 0.0}
        self.store.update(transaction)
        return created

    async def run(self) -> None:
        """Take up what lost its answer, or its process."""
        while True:
            self._wake.clear()
            waiting = [one for one in self.store.under_way(UNDER_WAY) if one["id"] not in self._busy]
            for transaction in waiting:
                if transaction["due"] <= time.time():
                    await self.advance(transaction)
            left = [one["due"] for one in self.store.under_way(UNDER_WAY) if one["id"] not in self._busy]
            wait = max(min(left) - time.time(), 0.01) if left else None
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue


def params_of(transaction: Transaction, method: str) -> dict[str, Any]:
    order = {"amount": transaction["amount"], "account": transaction["account"]}
    match method:
        case "CheckPerformTransaction":
            return order
        case "CreateTransaction":
            return {"id": transaction["id"], "time": transaction["time"], **order}
        case "CancelTransaction":
            return {"id": transaction["id"], "reason": transaction["reason"] or 3}
    return {"id": transaction["id"]}


def words_of(error: dict[str, Any], language: str = "en") -> str:
    message = error.get("message")
    if isinstance(message, dict):
        message = message.get(language) or next(iter(message.values()), "")
    return f"{error['code']} {message or ''}".strip()
