"""Whoever says "paid" of nothing has not been paid: no adapter tells it on."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from kernel.money import Money
from tenant_apps.payments.adapters.adyen import items as adyen
from tenant_apps.payments.adapters.cryptoproc import facts as cryptoproc
from tenant_apps.payments.adapters.dlocal import reading as dlocal
from tenant_apps.payments.adapters.freedompay import statuses as freedompay
from tenant_apps.payments.adapters.freedompay.wire import Reply
from tenant_apps.payments.adapters.paypal import facts as paypal
from tenant_apps.payments.adapters.paytabs import provider as paytabs
from tenant_apps.payments.adapters.praxis import facts as praxis
from tenant_apps.payments.adapters.praxis.units import Units
from tenant_apps.payments.adapters.skrill import reports as skrill
from tenant_apps.payments.adapters.stripe import events as stripe
from tenant_apps.payments.adapters.stripe.provider import session_status
from tenant_apps.payments.adapters.tap import reading as tap
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.registry import adapters

Reader = Callable[[str], DepositStatus | None]


def _adyen(amount: str) -> DepositStatus | None:
    item = {
        "eventCode": "AUTHORISATION", "success": "true", "pspReference": "P", "merchantReference": "M",
        "merchantAccountCode": "A", "amount": {"value": int(amount) * 100, "currency": "USD"},
    }  # fmt: skip
    return adyen.normalise(item, "A").deposit


def _cryptoproc(amount: str) -> DepositStatus:
    received = {"currency": "USDTT", "amount": amount}
    return cryptoproc.deposit_status({"id": 1, "status": "confirmed", "currency_received": received})


def _freedompay(amount: str) -> DepositStatus:
    fields = {"pg_payment_id": "1", "pg_amount": amount, "pg_currency": "USD", "pg_result": "1"}
    return freedompay.deposit_of_result(fields)


def _freedompay_asked(amount: str) -> DepositStatus:
    fields = {"pg_payment_id": "1", "pg_amount": amount, "pg_currency": "USD", "pg_payment_status": "success"}
    return freedompay.deposit_of_status(Reply(fields))


def _paypal(amount: str) -> DepositStatus:
    return paypal.capture_status(
        {"id": "C", "status": "COMPLETED", "amount": {"value": amount, "currency_code": "USD"}}, "O"
    )


def _paytabs(amount: str) -> DepositStatus:
    return paytabs.deposit_status({
        "tran_ref": "T", "tran_type": "sale", "tran_total": Decimal(amount), "tran_currency": "USD", "cart_amount": "100",
        "cart_currency": "EUR", "payment_result": {"response_status": "A"},
    })  # fmt: skip


def _praxis(amount: str) -> DepositStatus:
    fact = {"tid": 1, "transaction_status": "approved", "amount": int(amount) * 100, "currency": "USD"}
    return praxis.deposit_status({"session": {"order_id": "O"}, "transaction": fact}, Units(""))


def _skrill(amount: str) -> DepositStatus:
    fields = {"transaction_id": "T", "status": "2", "mb_amount": amount, "mb_currency": "USD", "currency": "USD"}
    return skrill.deposit_status(fields, signed=True)


def _stripe(amount: str) -> DepositStatus | None:
    session = {"id": "cs", "payment_status": "paid", "amount_total": int(amount) * 100, "currency": "usd"}
    event = {"id": "evt", "type": "checkout.session.completed", "data": {"object": session}}
    return stripe.normalise(event).deposit


def _stripe_asked(amount: str) -> DepositStatus:
    return session_status({
        "id": "cs", "status": "complete", "payment_status": "paid", "amount_total": int(amount) * 100, "currency": "usd",
    })  # fmt: skip


READERS: dict[str, list[Reader]] = {
    "adyen": [_adyen],
    "cryptoproc": [_cryptoproc],
    "dlocal": [
        lambda amount: dlocal.deposit_status({"id": "D", "status": "PAID", "amount": amount, "currency": "USD"})
    ],
    "freedompay": [_freedompay, _freedompay_asked],
    "paypal": [_paypal],
    "paytabs": [_paytabs],
    "praxis": [_praxis],
    "skrill": [_skrill],
    "stripe": [_stripe, _stripe_asked],
    "tap": [lambda amount: tap.deposit_status({"id": "T", "status": "CAPTURED", "amount": amount, "currency": "USD"})],
}
EXACT = {"bank_wire", "click", "payme"}  # lines of a statement, and what only the amount asked for can pay


def test_every_adapter_is_looked_at() -> None:
    assert set(adapters()) - EXACT == set(READERS)


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, number) for kind in READERS for number in range(len(READERS[kind]))]
)
def test_nothing_is_never_told_as_paid(kind: str, number: int) -> None:
    read = READERS[kind][number]
    paid = read("100")
    assert paid is not None
    assert (paid.state, paid.amount is not None and paid.amount.amount) == (PaymentState.PAID, Decimal(100))
    for amount in ("0", "-100"):
        told = read(amount)
        assert told is None or told.state is PaymentState.OPEN


def test_a_carts_amount_is_never_in_a_charges_currency() -> None:
    """PayTabs: what was charged stands by itself; where only one of its two fields is there, the cart's two count."""
    cart = {"tran_ref": "T", "cart_amount": "100", "cart_currency": "EUR", "payment_result": {"response_status": "A"}}
    assert paytabs.deposit_status({**cart, "tran_currency": "USD"}).amount == Money(10_000, "EUR")
    assert paytabs.deposit_status({**cart, "tran_total": "90"}).amount == Money(10_000, "EUR")
    told = paytabs.deposit_status({**cart, "tran_total": "90", "tran_currency": "USD"})
    assert told.amount == Money(9_000, "USD")
