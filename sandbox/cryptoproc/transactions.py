"""Deposits that appear on a chain and are confirmed, withdrawals that are sent, and the callbacks about both."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from sandbox.cryptoproc.chains import COINS, fresh, is_address, transaction_id
from sandbox.cryptoproc.store import Record, Store

ENDS = frozenset({"confirmed", "declined", "cancelled", "failed"})
PERSON = {"first_name": True, "last_name": True, "date_of_birth": True, "email": False}
COMPANY = {"legal_name": True, "country_of_registration": True, "email": False}
TOO_SMALL = "Deposited funds less than the lower limit"


class Refused(Exception):
    """Ends a call: an HTTP status and the error body."""

    def __init__(self, status: int, body: Record) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def invalid(**errors: str) -> Refused:
    return Refused(400, {"errors": errors})


def _text(values: Record, name: str, longest: int = 255) -> str:
    value = values.get(name)
    words = name.replace("_", " ")
    if value is None or value == "":
        raise invalid(**{name: f"The {words} field is required."})
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(**{name: f"The {words} must be a string of at most {longest} characters."})
    return value


def _customer(values: Record) -> str:
    reference = _text(values, "end_user_reference")
    if "@" in reference:
        raise invalid(end_user_reference="The end user reference must not contain personal data.")
    return reference


def _party(values: Record, who: str) -> None:
    """Who sends and who receives, as the EU's MiCA wants it told ("User data collection")."""
    kind = _text(values, f"{who}_type")
    data = values.get(f"{who}_data")
    fields = {"natural": PERSON, "legal": COMPANY}.get(kind)
    if fields is None or not isinstance(data, dict) or set(data) - set(fields):
        raise invalid(**{f"{who}_data": f"The {who} data is invalid."})
    for name, needed in fields.items():
        if needed:
            _text(data, name)
    if kind == "natural" and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", data["date_of_birth"]):
        raise invalid(**{f"{who}_data": "The date of birth is not a date."})
    if kind == "legal" and not re.fullmatch(r"[A-Z]{3}", data["country_of_registration"]):
        raise invalid(**{f"{who}_data": "The country must be ISO 3166-1 alpha-3."})


def _currency(values: Record) -> str:
    currency = _text(values, "currency")
    if currency not in COINS:
        raise invalid(currency="The selected currency is invalid.")
    return currency


def take_address(store: Store, merchant: str, values: Record) -> Record:
    """``addresses/take``: the same foreign id and currency have the same address for ever."""
    currency, foreign_id = _currency(values), _text(values, "foreign_id")
    reference = _customer(values)
    _party(values, "sender")
    if values.get("convert_to") is not None:
        raise invalid(convert_to="The sandbox does not exchange.")
    known = store.address(merchant, currency, foreign_id)
    if known:
        return known
    return store.insert_address(merchant, {
        "currency": currency,
        "address": fresh(COINS[currency].network),
        "tag": None,
        "foreign_id": foreign_id,
        "end_user_reference": reference,
    })  # fmt: skip


def _amount(values: Record, currency: str) -> Decimal:
    text, coin = _text(values, "amount"), COINS[currency]
    if not re.fullmatch(r"\d{1,12}(\.\d{1,18})?", text):
        raise invalid(amount="The amount must be a number.")
    amount = Decimal(text)
    if amount != amount.quantize(Decimal(1).scaleb(-coin.precision)):
        raise invalid(amount=f"The amount may have at most {coin.precision} decimals.")
    if amount < coin.least:
        raise invalid(amount=f"The amount must be at least {coin.least}.")
    return amount


def balance(store: Store, merchant: str, currency: str) -> Decimal:
    return Decimal(str(store.merchant(merchant).get("balances", {}).get(currency, "1000000")))


def withdraw(store: Store, merchant: str, values: Record) -> Record:
    """``withdrawal/crypto``."""
    currency, foreign_id = _currency(values), _text(values, "foreign_id")
    if store.by_foreign_id(merchant, foreign_id, "withdrawal"):
        raise invalid(foreign_id="The foreign id has already been taken.")
    address = _text(values, "address")
    if not is_address(COINS[currency].network, address):
        raise invalid(address="The address is invalid.")
    amount, reference = _amount(values, currency), _customer(values)
    _party(values, "sender")
    _party(values, "receiver")
    left = balance(store, merchant, currency) - amount
    if left < 0:
        raise invalid(amount="Not enough money on balance.")
    balances = {**store.merchant(merchant).get("balances", {}), currency: str(left)}
    store.set_merchant(merchant, {"balances": balances})
    body = {
        "foreign_id": foreign_id,
        "end_user_reference": reference,
        "type": "withdrawal",
        "crypto_address": {"id": 1, "currency": currency, "address": address, "tag": values.get("tag")},
        "currency_sent": _money(currency, amount),
        "currency_received": _money(currency, amount),
        "transactions": [],
        "fees": [],
        "error": "",
        "status": "processing",
    }
    return store.insert_transaction(merchant, foreign_id, body)


def decide(store: Store, merchant: str, transaction: Record, status: str) -> bool:
    """A withdrawal goes out, or a colleague of the merchant or CryptoProcessing stops it."""
    if transaction["type"] != "withdrawal" or transaction["status"] in ENDS:
        return False
    currency, amount = transaction["currency_sent"]["currency"], Decimal(transaction["currency_sent"]["amount"])
    transaction["status"] = status
    if status == "confirmed":
        held = transaction["crypto_address"]
        transaction["transactions"] = [_on_chain(currency, held["address"], amount, "withdrawal", 0)]
        gas = "ETH" if COINS[currency].network == "ethereum" else currency
        transaction["fees"] = [
            {"type": "mining", **_money(gas, Decimal("0.00007480"))},
            {"type": "withdrawal", **_money(currency, amount * _percent(store, merchant))},
        ]
    elif status in ENDS:
        words = {"declined": "Declined by the owner", "failed": "Not enough money on balance"}
        transaction["error"] = words.get(status, "Cancelled by CryptoProcessing")
        back = balance(store, merchant, currency) + amount
        balances = {**store.merchant(merchant).get("balances", {}), currency: str(back)}
        store.set_merchant(merchant, {"balances": balances})
    store.save_transaction(transaction)
    notify(store, merchant, transaction)
    return True


def receive(
    store: Store, merchant: str, address: Record, amount: Decimal, *, currency: str = "", at_once: bool
) -> Record:
    """Somebody sends to one of the merchant's addresses. ``at_once`` is CryptoProcessing's instant confirmation."""
    currency = currency or address["currency"]
    shown = {name: address[name] for name in ("id", "currency", "address", "tag", "foreign_id")}
    if currency != address["currency"]:
        shown["cross_currency"] = True
    body = {
        "end_user_reference": address["end_user_reference"],
        "type": "deposit",
        "crypto_address": shown,
        "currency_sent": _money(currency, amount),
        "currency_received": {**_money(currency, amount), "amount_minus_fee": _written(amount)},
        "transactions": [_on_chain(currency, address["address"], amount, "deposit", 0)],
        "fees": [],
        "error": "",
        "status": "not_confirmed",
    }
    transaction = store.insert_transaction(merchant, address["foreign_id"], body)
    if at_once:
        confirm(store, merchant, transaction)
    else:
        notify(store, merchant, transaction)
    return transaction


def confirm(store: Store, merchant: str, transaction: Record, status: str = "confirmed") -> bool:
    """A deposit gets its confirmations; one below the minimum fails, one that vanishes is cancelled."""
    if transaction["type"] != "deposit" or transaction["status"] in ENDS:
        return False
    received = transaction["currency_received"]
    amount, coin = Decimal(received["amount"]), COINS[received["currency"]]
    transaction["status"] = status
    if status == "confirmed" and amount < coin.least:
        transaction |= {"status": "failed", "error": TOO_SMALL}
    elif status == "confirmed":
        fee = amount * _percent(store, merchant)
        transaction["fees"] = [{"type": "deposit", **_money(received["currency"], fee)}]
        received["amount_minus_fee"] = _written(amount - fee)
        transaction["transactions"][0]["confirmations"] = str(coin.confirmations)
    else:
        transaction["error"] = "The transaction was cancelled"
    store.save_transaction(transaction)
    notify(store, merchant, transaction)
    return True


def _percent(store: Store, merchant: str) -> Decimal:
    return Decimal(str(store.merchant(merchant).get("fee_percent", "0.8"))) / 100


def _written(amount: Decimal) -> str:
    """Eight decimals, more only when there are more."""
    return f"{amount:.8f}" if amount == amount.quantize(Decimal("1e-8")) else f"{amount:f}"


def _money(currency: str, amount: Decimal) -> Record:
    return {"currency": currency, "amount": _written(amount)}


def _on_chain(currency: str, address: str, amount: Decimal, kind: str, confirmations: int) -> Record:
    return {
        "id": 1,
        "transaction_type": "blockchain",
        "type": kind,
        "address": address,
        "tag": None,
        "txid": transaction_id(COINS[currency].network),
        "riskscore": "0.1",
        "confirmations": str(confirmations),
        **_money(currency, amount),
    }


def notify(store: Store, merchant: str, transaction: Record) -> None:
    """Queue a callback in the transaction of the change."""
    url = str(store.merchant(merchant).get("callback_url", ""))
    if url:
        body = json.dumps(transaction, ensure_ascii=False, separators=(",", ":")).encode()
        number = str(transaction["id"])
        store.deliveries.enqueue(merchant, f"{transaction['type']} {number}", number, transaction["status"], url, body)


def as_answer(transaction: Record) -> dict[str, Any]:
    """The short form in which ``withdrawal/crypto`` answers."""
    sent, received = transaction["currency_sent"], transaction["currency_received"]
    return {
        "id": transaction["id"],
        "foreign_id": transaction["foreign_id"],
        "end_user_reference": transaction["end_user_reference"],
        "type": transaction["type"],
        "status": transaction["status"],
        "amount": sent["amount"],
        "sender_amount": sent["amount"],
        "sender_currency": sent["currency"],
        "receiver_amount": received["amount"],
        "receiver_currency": received["currency"],
    }
