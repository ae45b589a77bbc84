"""What can be decided on the control page and over its JSON API."""

from __future__ import annotations

from typing import Any

from sandbox._accounts import Accounts, Document
from sandbox._panel import Panel, Shown
from sandbox.skrill import money


def panel(store: Accounts) -> Panel:
    def act(account: str, kind: str, document: Document, action: str, values: dict[str, Any]) -> Document | None:
        match kind, action:
            case "sessions", "pay":
                status = str(values.get("status", money.PROCESSED))
                return money.pay(store, account, document, status, reason=str(values.get("reason", "")))
            case "transactions", _:
                return money.decide(store, account, document, action)
            case "refunds", _:
                return money.refund_decide(store, account, document, action)
            case "payouts", _:
                return money.sent_decide(store, account, document, action)
        return None

    def waiting(*actions: str, status: str) -> Any:
        return lambda one: [(name.title(), name, {}) for name in actions] if one["status"] == status else []

    return Panel(
        service="Skrill sandbox",
        store=store,
        settings=(
            "merchant_id", "secret_word", "api_password", "currency", "business_name", "hold_refunds", "hold_payouts",
            "refuse_payouts", "last_step_error",
        ),
        without=frozenset({"old_timestamp"}),
        act=act,
        kinds={
            "sessions": Shown("Sessions", ["transaction_id", "amount", "currency"], link=lambda one: f"/?sid={one['id']}"),
            "transactions": Shown("Payments", ["transaction_id", "mb_amount", "mb_currency", "status"], _payment_buttons),
            "refunds": Shown(
                "Refunds", ["of", "mb_amount", "status"], waiting("process", "fail", status=money.PENDING)
            ),
            "payouts": Shown(
                "Money sent", ["transaction_id", "bnf_email", "amount", "status"],
                waiting("process", "cancel", "fail", status=money.SCHEDULED),
            ),
        },
    )  # fmt: skip


def _payment_buttons(made: Document) -> list[tuple[str, str, dict[str, str]]]:
    if made["status"] == money.PROCESSED:
        return [("Chargeback", "chargeback", {})]
    if made["status"] != money.PENDING:
        return []
    return [("Process", "process", {}), ("Cancel", "cancel", {}), ("Fail", "fail", {})]
