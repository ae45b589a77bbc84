"""Payme's JSON-RPC 2.0: who may call, what a call and an answer look like, and Payme's errors.

Errors go out with HTTP 200 (developer.help.paycom.uz). Messages are in the three languages Payme shows to payers.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from ...ports import IncomingCall, WebhookAnswer

LOGIN = "Paycom"
Method = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Refusal(Exception):
    """Ends a call with one of Payme's errors. `data` names what is wrong."""

    def __init__(self, code: int, ru: str, uz: str, en: str, data: str | None = None) -> None:
        super().__init__(en)
        self.code, self.message, self.data = code, {"ru": ru, "uz": uz, "en": en}, data


def unreadable() -> Refusal:
    return Refusal(-32700, "Ошибка разбора JSON", "JSON xatosi", "The call is not JSON")


def incomplete(data: str) -> Refusal:
    return Refusal(-32600, "Неверный запрос", "So‘rov noto‘g‘ri", "A field is missing or of the wrong type", data)


def unknown_method(name: str) -> Refusal:
    return Refusal(-32601, "Метод не найден", "Metod topilmadi", "There is no such method", name)


def not_allowed() -> Refusal:
    return Refusal(-32504, "Недостаточно привилегий", "Huquqlar yetarli emas", "The call is not authorised")


def wrong_amount() -> Refusal:
    return Refusal(-31001, "Неверная сумма", "Summa noto‘g‘ri", "The amount is not the one of the order")


def no_transaction() -> Refusal:
    return Refusal(-31003, "Транзакция не найдена", "Tranzaksiya topilmadi", "There is no such transaction")


def impossible() -> Refusal:
    return Refusal(
        -31008, "Невозможно выполнить операцию", "Amalni bajarib bo‘lmaydi", "This cannot be done in the present state"
    )


def no_order(field: str) -> Refusal:
    return Refusal(-31050, "Заказ не найден", "Buyurtma topilmadi", "There is no such order", field)


def order_closed(field: str) -> Refusal:
    return Refusal(-31051, "Заказ закрыт", "Buyurtma yopilgan", "The order is closed", field)


def order_busy(field: str) -> Refusal:
    return Refusal(
        -31052, "Заказ уже оплачивается", "Buyurtma to‘lanmoqda", "Another payment of the order is under way", field
    )


def authorised(headers: Mapping[str, str], key: str) -> bool:
    """Basic `Paycom:<key>`. An account without a key lets nobody in."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return bool(key) and scheme.lower() == "basic" and hmac.compare_digest(given, f"{LOGIN}:{key}".encode())


def whole(params: Mapping[str, Any], name: str) -> int:
    value = params.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise incomplete(name)
    return value


def text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise incomplete(name)
    return value


def answer(call: IncomingCall, key: str, methods: Mapping[str, Method]) -> WebhookAnswer:
    """The call carried out, or Payme's error for why not."""
    number = None
    try:
        body = _read(call.body)
        number = body.get("id")
        if not authorised(call.headers, key):
            raise not_allowed()
        name, params = body.get("method"), body.get("params")
        if not isinstance(name, str) or not isinstance(params, Mapping):
            raise incomplete("method" if not isinstance(name, str) else "params")
        if name not in methods:
            raise unknown_method(name)
        said: dict[str, Any] = {"result": methods[name](params)}
    except Refusal as refusal:
        said = {"error": {"code": refusal.code, "message": refusal.message, "data": refusal.data}}
    written = json.dumps({"jsonrpc": "2.0", "id": number, **said}, ensure_ascii=False)
    return WebhookAnswer(body=written.encode(), content_type="application/json; charset=utf-8")


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(body)
    except ValueError:
        raise unreadable() from None
    if not isinstance(read, Mapping):
        raise incomplete("")
    return read
