"""What may be asked for, and how payments, refunds and payouts come to their end.

Amounts are decimals in major units; every currency taken has two decimals. A payment's states: new, success, error,
incomplete (its life ran out), revoked (the merchant refused it). A refund is a payment of its own with a negative amount.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sandbox._web import is_http_url
from sandbox.freedompay.signing import Fields
from sandbox.freedompay.store import Payment, Store

CURRENCIES = frozenset({"KZT", "KGS", "UZS", "USD", "EUR", "RUB", "TJS"})
LANGUAGES = {"ru": "ru", "kz": "kk", "en": "en", "kg": "ru", "uz": "ru"}  # what the page is shown in
FEE = Decimal("0.025")  # what this sandbox keeps of a payment; a real merchant's contract says
PAYOUT_FEE = Decimal("0.01")
ALMATY = timezone(timedelta(hours=5))
MOMENT = "%Y-%m-%d %H:%M:%S"
LONGEST_AMOUNT = Decimal(99_999_999)
# The sandbox's own cards: state, error code, description. 4000 0000 0000 0002 asks for authentication first.
APPROVED = ("success", "", "")
CARDS = {
    "4111111111111111": APPROVED,
    "5555555555554444": APPROVED,
    "4000000000000002": APPROVED,
    "4000000000009995": ("error", "10012", "Недостаточно средств на карте"),
    "5200000000000114": ("error", "10010", "Отказ банка-эмитента"),
    "4000000000000069": ("error", "10015", "Истёк срок действия карты"),
}
AUTHENTICATED = frozenset({"4000000000000002"})
CANCELLED = ("error", "400", "Платеж отменен покупателем")
NOT_AUTHENTICATED = ("error", "10020", "Не пройдена аутентификация 3D Secure")
UNKNOWN_CARD = ("error", "10010", "Отказ банка-эмитента")


class Refused(Exception):
    """Ends a request with an error code and a description."""

    def __init__(self, code: int, words: str, *, status: int = 200) -> None:
        super().__init__(words)
        self.code, self.words, self.status = code, words, status


def text(values: dict[str, str], name: str, longest: int = 255, *, required: bool = True) -> str:
    value = values.get(name, "").strip()
    if (required and not value) or len(value) > longest:
        raise Refused(200, f"Не хватает или некорректный параметр запроса: {name}")
    return value


def amount_of(values: dict[str, str], name: str) -> Decimal:
    """A positive amount of at most two decimals."""
    written = text(values, name, 20)
    if not re.fullmatch(r"[0-9]+(\.[0-9]{1,2})?", written) or not 0 < Decimal(written) <= LONGEST_AMOUNT:
        raise Refused(200, f"Не хватает или некорректный параметр запроса: {name}")
    return Decimal(written)


def address(values: dict[str, str], name: str, *, required: bool = False) -> str:
    url = text(values, name, required=required)
    if url and not is_http_url(url):
        raise Refused(200, f"Не хватает или некорректный параметр запроса: {name}")
    return url


def open_payment(store: Store, merchant: str, values: dict[str, str], base_url: str) -> Fields:
    """``init_payment.php``."""
    currency = values.get("pg_currency") or store.merchant(merchant).get("currency") or "KZT"
    if currency not in CURRENCIES:
        raise Refused(200, "Не хватает или некорректный параметр запроса: pg_currency")
    language = values.get("pg_language", "ru")
    lifetime = values.get("pg_lifetime", "86400")
    if language not in LANGUAGES or not lifetime.isdecimal() or not 300 <= int(lifetime) <= 604_800:
        raise Refused(200, "Не хватает или некорректный параметр запроса: pg_language, pg_lifetime")
    if values.get("pg_request_method", "POST") != "POST":
        raise Refused(200, "Не хватает или некорректный параметр запроса: pg_request_method")
    payment: Payment = {
        "order_id": text(values, "pg_order_id", 50),
        "amount": f"{amount_of(values, 'pg_amount'):.2f}",
        "currency": currency,
        "description": text(values, "pg_description"),
        "language": LANGUAGES[language],
        "expires": time.time() + int(lifetime),
        "status": "new",
        "captured": 0,
        "clearing": values.get("pg_auto_clearing", "1") == "1",
        "page": secrets.token_hex(16),
        "extra": {name: value for name, value in values.items() if not name.startswith("pg_")},
    }
    for name in ("check_url", "result_url", "success_url", "failure_url", "site_url"):
        payment[name] = address(values, f"pg_{name}")
    for name in ("user_phone", "user_contact_email"):
        payment[name] = text(values, f"pg_{name}", required=False)
    store.insert(merchant, "payment", payment)
    return [
        ("pg_status", "ok"),
        ("pg_payment_id", payment["id"]),
        ("pg_redirect_url", f"{base_url}/pay.html?customer={payment['page']}"),
        ("pg_redirect_url_type", "need data"),
    ]


def status_now(store: Store, payment: Payment) -> Payment:
    """The payment, ended if its life ran out."""
    if payment["status"] == "new" and time.time() > payment["expires"]:
        payment["status"] = "incomplete"
        store.update(payment)
    return payment


def status(store: Store, merchant: str, values: dict[str, str]) -> Fields:
    """``get_status3.php``: by payment id, or the last payment of an order."""
    payment = None
    if values.get("pg_payment_id"):
        payment = store.find(merchant, values["pg_payment_id"])
    elif values.get("pg_order_id"):
        payment = store.by_order(merchant, "payment", values["pg_order_id"])
    if payment is None or payment["kind"] == "payout":
        raise Refused(340, "Транзакция не найдена")
    payment = status_now(store, payment)
    answer: Fields = [
        ("pg_status", "ok"),
        ("pg_payment_id", payment["id"]),
        ("pg_order_id", payment["order_id"]),
        ("pg_can_reject", 0),
        ("pg_payment_method", "bankcard"),
        ("pg_amount", payment["amount"]),
        ("pg_currency", payment["currency"]),
        ("pg_payment_status", payment["status"]),
        ("pg_captured", payment["captured"]),
        ("pg_create_date", moment(payment["created"])),
    ]
    if payment.get("pan"):
        answer.append(("pg_card_pan", payment["pan"]))
    if payment["status"] == "success" and payment["kind"] == "payment":
        cleared = payment["amount"] if payment["captured"] else "0"
        answer += [("pg_clearing_amount", cleared), ("pg_net_amount", net(payment))]
    if payment["status"] == "error":
        answer += [("pg_failure_code", payment["failure_code"]), ("pg_failure_description", payment["failure"])]
    refunds = store.refunds(payment)
    if refunds:
        answer.append(("pg_refund_payments", [("pg_refund_payment", _refund(item)) for item in refunds]))
        done = sum((Decimal(item["amount"]) for item in refunds if item["status"] == "success"), Decimal(0))
        answer.append(("pg_refund_amount", f"{done:f}"))
    return answer


def _refund(item: Payment) -> Fields:
    return [
        ("pg_payment_id", item["id"]),
        ("pg_payment_status", item["status"]),
        ("pg_amount", item["amount"]),
        ("pg_payment_date", moment(item["created"])),
        ("pg_reference", 900_000_000 + item["id"]),
    ]


def revoke(store: Store, merchant: str, values: dict[str, str]) -> Fields:
    """``revoke.php``: the whole payment without an amount (or with 0), else a part. Makes a refund of its own."""
    payment = store.find(merchant, text(values, "pg_payment_id"))
    if payment is None or payment["kind"] != "payment":
        raise Refused(340, "Транзакция не найдена")
    if payment["status"] != "success" or not payment["captured"]:
        raise Refused(490, "Отмена платежа невозможна")
    spent = sum((-Decimal(item["amount"]) for item in store.refunds(payment) if item["status"] != "error"), Decimal(0))
    left = Decimal(payment["amount"]) - spent
    wanted = amount_of(values, "pg_refund_amount") if values.get("pg_refund_amount", "0") != "0" else left
    if not 0 < wanted <= left:
        raise Refused(490, "Сумма возврата больше остатка платежа")
    outcome = store.merchant(merchant).get("refunds") or "success"
    refund = {
        "order_id": payment["order_id"], "amount": f"-{wanted:.2f}", "currency": payment["currency"],
        "status": outcome, "captured": 0,
        "failure_code": "10010", "failure": "Возврат отклонён банком" if outcome == "error" else "",
    }  # fmt: skip
    store.insert(merchant, "refund", refund, parent=payment["id"])
    return [("pg_status", "ok")]


def moment(seconds: float) -> str:
    """Almaty's time, without an offset: as the real service writes it."""
    return datetime.fromtimestamp(seconds, ALMATY).strftime(MOMENT)


def net(payment: Payment) -> str:
    return f"{Decimal(payment['amount']) * (1 - FEE):.2f}"


def masked(number: str) -> str:
    return f"{number[:4]}-{number[4:6]}XX-XXXX-{number[-4:]}"


def finish(store: Store, payment: Payment, outcome: tuple[str, str, str]) -> None:
    """Give the payment its result and tell the merchant. A payment that has ended stays as it is."""
    if status_now(store, payment)["status"] != "new":
        return
    state, code, words = outcome
    payment |= {"status": state, "failure_code": code, "failure": words, "finished": time.time()}
    payment["captured"] = int(state == "success" and payment["clearing"])
    store.update(payment)
    tell(store, payment)


def pay(store: Store, payment: Payment, number: str) -> str:
    """The customer presses "pay". ``authenticate`` if the bank wants a word first, else ``done``."""
    payment |= {"pan": masked(number), "brand": "VI" if number.startswith("4") else "MC"}
    payment["test_number"] = number if number in CARDS else ""  # only test cards are remembered whole
    store.update(payment)
    if number in AUTHENTICATED:
        return "authenticate"
    finish(store, payment, CARDS.get(number, UNKNOWN_CARD))
    return "done"


def result_fields(payment: Payment) -> dict[str, Any]:
    """What Result URL is told, still without salt and signature."""
    paid = payment["status"] == "success"
    told: dict[str, Any] = {
        "pg_order_id": payment["order_id"], "pg_payment_id": payment["id"], "pg_amount": payment["amount"],
        "pg_currency": payment["currency"], "pg_net_amount": net(payment) if paid else "0",
        "pg_ps_amount": payment["amount"], "pg_ps_full_amount": payment["amount"],
        "pg_ps_currency": payment["currency"], "pg_description": payment["description"], "pg_result": int(paid),
        "pg_payment_date": moment(payment["finished"]), "pg_can_reject": 1 if paid else 0,
        "pg_user_phone": payment["user_phone"], "pg_user_contact_email": payment["user_contact_email"],
        "pg_testing_mode": 1, "pg_captured": payment["captured"], "pg_payment_method": "bankcard",
    }  # fmt: skip
    if payment.get("pan"):
        told |= {"pg_card_pan": payment["pan"], "pg_card_brand": payment["brand"], "pg_card_exp": "12/49"}
    if not paid:
        told |= {"pg_failure_code": payment["failure_code"], "pg_failure_description": payment["failure"]}
    return {**payment["extra"], **told}


def tell(store: Store, payment: Payment) -> None:
    """Queue the call of Result URL, in the transaction of the change."""
    url = payment["result_url"]
    if url:
        body = urlencode(result_fields(payment)).encode()
        store.deliveries.enqueue(payment["merchant"], url, str(payment["id"]), "result", url, body)


def open_payout(store: Store, merchant: str, values: dict[str, str], base_url: str) -> Fields:
    """``/api/reg2nonreg``: a page on which the payee says which card the money goes to."""
    limit = text(values, "pg_order_time_limit", 19)
    try:
        expires = datetime.strptime(limit, MOMENT).replace(tzinfo=ALMATY).timestamp()
    except ValueError:
        raise Refused(200, "Не хватает или некорректный параметр запроса: pg_order_time_limit") from None
    order = text(values, "pg_order_id", 50)
    if store.by_order(merchant, "payout", order):
        raise Refused(200, "Заказ с таким pg_order_id уже существует")
    payout: Payment = {
        "order_id": order,
        "amount": f"{amount_of(values, 'pg_amount'):.2f}",
        "currency": store.merchant(merchant).get("currency") or "KZT",
        "description": text(values, "pg_description"),
        "post_link": address(values, "pg_post_link", required=True),
        "back_link": address(values, "pg_back_link", required=True),
        "expires": expires,
        "language": "ru",
        "status": "process",
        "page": secrets.token_hex(16),
    }
    store.insert(merchant, "payout", payout)
    return [
        ("pg_status", "ok"),
        ("pg_payment_id", payout["id"]),
        ("pg_redirect_url", f"{base_url}/payout.html?customer={payout['page']}"),
    ]


def payout_status(store: Store, merchant: str, values: dict[str, str]) -> Fields:
    """``/api/payment_status2``, by the merchant's order id."""
    payout = store.by_order(merchant, "payout", text(values, "pg_order_id", 50))
    if payout is None:
        raise Refused(340, "Транзакция не найдена")
    if payout["status"] == "process" and not payout.get("pan") and time.time() > payout["expires"]:
        end_payout(store, payout, "error", "Истекло время заказа")
    answer: Fields = [
        ("pg_status", "ok"), ("pg_payment_id", payout["id"]), ("pg_order_id", payout["order_id"]),
        ("pg_payment_status", payout["status"]), ("pg_amount", payout["amount"]), ("pg_currency", payout["currency"]),
        ("pg_payment_date", moment(payout["created"])),
    ]  # fmt: skip
    if payout["status"] == "error":
        answer += [("pg_error_code", "10010"), ("pg_error_description", payout["failure"])]
    return answer


def end_payout(store: Store, payout: Payment, state: str, words: str = "", number: str = "4111111111111111") -> None:
    """``success`` or ``error``, once, and tell the post link."""
    if payout["status"] != "process":
        return
    payout |= {"status": state, "failure": words, "pan": masked(number)}
    store.update(payout)
    amount = Decimal(payout["amount"])
    told = {
        "pg_payment_id": payout["id"], "pg_order_id": payout["order_id"], "pg_card_hash": payout["pan"],
        "pg_status": "ok" if state == "success" else "error", "pg_balance": "1000000.00",
        "pg_payment_amount": payout["amount"], "pg_to_pay": f"{amount * (1 + PAYOUT_FEE):.2f}",
        "pg_merchant_id": payout["merchant"], "pg_payment_date": moment(time.time()),
    }  # fmt: skip
    if words:
        told["pg_error_description"] = words
    url = payout["post_link"]
    store.deliveries.enqueue(payout["merchant"], url, str(payout["id"]), "payout", url, urlencode(told).encode())


def as_request(script: str, values: dict[str, str]) -> str:
    """A request without what changes when it is repeated."""
    kept = {name: value for name, value in values.items() if name not in {"pg_salt", "pg_sig"}}
    return json.dumps([script, sorted(kept.items())], ensure_ascii=False)
