"""CryptoProcessing's transactions in our words: callbacks and answers have the same form.

`id` is the fact: two payments of the same amount to one address differ in it only ("Get callbacks"). Statuses:
docs.cryptoprocessing.com, "Statuses" of deposits and of withdrawals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.ids import parse_uuid

from ...ports import DepositStatus, EventKind, NormalizedEvent, PaymentState, RefundState, RefundStatus, if_paid
from .coins import COINS, CURRENCY_OF, NETWORKS, fee_of, floored, from_wire

_FAILED = frozenset({"cancelled", "canceled", "declined", "failed", "rejected"})
_NETWORK_OF = {coin.wire: NETWORKS[coin.network] for coin in COINS}


def deposit_status(data: Mapping[str, Any]) -> DepositStatus:
    """Money that somebody sent to an address of ours. Credited is what arrived, before CryptoProcessing's fee, as far as
    our decimals go."""
    status = str(data.get("status"))
    amount = floored(data["currency_received"])
    state = PaymentState.DELAYED  # on the chain, not yet certain
    if status == "confirmed":
        state = if_paid(PaymentState.PAID, amount)
    elif status in _FAILED:
        state = PaymentState.FAILED
    failed = state is PaymentState.FAILED
    return DepositStatus(
        state=state,
        provider_reference=str((data.get("crypto_address") or {}).get("foreign_id") or ""),
        payment_reference=str(data["id"]),
        amount=amount,
        source=_source(data),
        failure="error" if failed else "",
        failure_text=str(data.get("error") or status) if failed else "",
        fee=fee_of(data.get("fees") or (), amount.currency),
        apart=True,
    )


def _source(data: Mapping[str, Any]) -> str:
    """Network and the ends of the chain's own id, by which it can be looked up."""
    chain = next((one for one in data.get("transactions") or () if one.get("txid")), None)
    if chain is None:
        return ""
    txid = str(chain["txid"]).removeprefix("0x")
    return f"{_NETWORK_OF.get(str(chain.get('currency')), '')} {txid[:6]}…{txid[-4:]}".strip()


def payout_status(data: Mapping[str, Any]) -> RefundStatus:
    """A withdrawal, from a callback or an answer."""
    status = str(data.get("status"))
    sent = data.get("currency_sent") or {"currency": data.get("sender_currency"), "amount": data.get("sender_amount")}
    state = RefundState.PENDING  # pending, verifying, processing
    if status == "confirmed":
        state = RefundState.SUCCEEDED
    elif status in _FAILED:
        state = RefundState.FAILED
    amount = from_wire(sent)
    return RefundStatus(
        state=state,
        reference=str(data["id"]),
        amount=amount,
        failure_text=str(data.get("error") or status) if state is RefundState.FAILED else "",
        fee=fee_of(data.get("fees") or (), amount.currency),
    )


def events_of(data: Mapping[str, Any]) -> list[NormalizedEvent]:
    """One transaction per callback. Invoices, exchanges and coins that we do not carry are put aside."""
    kind, status = str(data["type"]), str(data.get("status"))
    key = f"{kind}:{data['id']}:{status}"
    if kind.startswith("deposit") and str(data["currency_received"]["currency"]) in CURRENCY_OF:
        ours = parse_uuid((data.get("crypto_address") or {}).get("foreign_id"))
        if ours is not None:
            return [
                NormalizedEvent(
                    event_key=key, kind=EventKind.DEPOSIT, name=status, deposit_id=ours, deposit=deposit_status(data)
                )
            ]  # fmt: skip
    if kind.startswith("withdrawal") and str((data.get("currency_sent") or {}).get("currency")) in CURRENCY_OF:
        ours = parse_uuid(data.get("foreign_id"))
        if ours is not None:
            return [
                NormalizedEvent(
                    event_key=key, kind=EventKind.PAYOUT, name=status, operation_id=ours, refund=payout_status(data)
                )
            ]  # fmt: skip
    return [NormalizedEvent(event_key=key, kind=EventKind.OTHER, name=f"{kind} {status}")]
