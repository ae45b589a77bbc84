"""Wallets by currency, their history in words, and the balance at an instant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kernel import clock
from kernel.actors import system
from kernel.ids import uuid7
from kernel.money import Money
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, hold_place, post
from tenant_apps.wallets.selectors import balance_at, history, wallet_of, wallets_of
from tenant_apps.wallets.services import wallet_ensure

ACTOR = system("test")


def credit(client_id: Any, amount: Money, key: str, kind: str = "payments.deposit") -> None:
    clearing = account_ensure(owner=HOUSE, kind="clearing", currency=amount.currency)
    wallet = wallet_ensure(client_id=client_id, currency=amount.currency)
    data = {"reference": key, "method": "card"}
    post(kind=kind, legs=[Leg(clearing, -amount), Leg(wallet, amount)], key=key, actor=ACTOR, data=data)


def test_a_wallet_per_currency(tenant: Any) -> None:
    client_id = uuid7()
    assert wallets_of(client_id) == []
    credit(client_id, Money(1_500, "KWD"), "D1")
    credit(client_id, Money(20_000, "AED"), "D2")
    hold_place(
        account=wallet_ensure(client_id=client_id, currency="AED"), amount=Money(5_000, "AED"), key="h", actor=ACTOR
    )
    assert [(w.balance, w.available) for w in wallets_of(client_id)] == [
        (Money(20_000, "AED"), Money(15_000, "AED")),
        (Money(1_500, "KWD"), Money(1_500, "KWD")),
    ]
    assert wallet_of(uuid7(), "AED") is None


def test_history_is_newest_first_in_words_and_pages(tenant: Any) -> None:
    client_id = uuid7()
    for number in range(5):
        credit(client_id, Money(100, "EUR"), f"D{number}")
    credit(client_id, Money(-50, "EUR"), "X1", kind="somebody.elses")
    first = history(client_id, "EUR", limit=2)
    assert [(line.amount.minor, line.words.title, line.words.detail) for line in first] == [
        (-50, "Transfer", "X1"),
        (100, "Deposit by Card", "D4"),
    ]
    older = history(client_id, "EUR", before_entry=first[-1].entry_id, limit=10)
    assert [line.words.detail for line in older] == ["D3", "D2", "D1", "D0"]
    assert older[0].balance_after == Money(400, "EUR")


def test_the_balance_at_an_instant(tenant: Any) -> None:
    client_id = uuid7()
    credit(client_id, Money(100, "EUR"), "D1")
    assert balance_at(client_id, "EUR", clock.now()) == Money(100, "EUR")
    assert balance_at(client_id, "EUR", clock.now() - timedelta(hours=1)) == Money(0, "EUR")
