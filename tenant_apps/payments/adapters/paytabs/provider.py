"""PayTabs (Gulf, Egypt, Jordan, Iraq): hosted payment page, signed callbacks, refunds.

Contract: docs.paytabs.com (payment/request, payment/query; `Signature` = hex HMAC-SHA256 of the raw body with the server
key). Amounts are major units. PayTabs has no idempotency key: `cart_id` is ours, and asking by it comes before repeating.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel import http
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import parse_uuid
from kernel.money import CURRENCIES, Money, minor_units

from ...errors import AmountNotPayable
from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    EventKind,
    Method,
    NormalizedEvent,
    PaymentState,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SettingField,
    SignatureInvalid,
    if_paid,
)

# Profiles live in one region and only its host knows them.
REGIONS = {
    "SAU": "https://secure.paytabs.sa",
    "ARE": "https://secure.paytabs.com",
    "EGY": "https://secure-egypt.paytabs.com",
    "OMN": "https://secure-oman.paytabs.com",
    "JOR": "https://secure-jordan.paytabs.com",
    "KWT": "https://secure-kuwait.paytabs.com",
    "IRQ": "https://secure-iraq.paytabs.com",
    "QAT": "https://secure-doha.paytabs.com",
    "GLOBAL": "https://secure-global.paytabs.com",
}
_STATES = {
    "A": PaymentState.PAID,
    "H": PaymentState.AUTHORISED,
    "P": PaymentState.OPEN,
    "V": PaymentState.FAILED,
    "E": PaymentState.FAILED,
    "D": PaymentState.FAILED,
    "X": PaymentState.EXPIRED,
    "C": PaymentState.EXPIRED,
}
VOIDING = frozenset({"void", "release"})
# P and H are under way, as is a status that we do not know.
_REFUND_STATES = {"A": RefundState.SUCCEEDED, **dict.fromkeys("VEDXC", RefundState.FAILED)}
NO_SUCH_TRANSACTION, DUPLICATE = 2, 4  # PayTabs' error codes
_CRYPTO = frozenset({"USDT", "USDC", "BTC", "ETH"})


def to_wire(amount: Money) -> str:
    """Major units with all decimals of the currency: "1.500" for one and a half dinar, "1000" for yen."""
    return f"{amount.amount:f}"


def from_wire(text: object, currency: str) -> Money:
    """Refuses more decimals than the currency has, rather than round what a payer paid. Raises ValueError."""
    amount = Decimal(str(text))
    if not amount.is_finite():
        raise ValueError(f"{text} is no amount")
    return Money.of(amount, currency.upper())


class PayTabsProvider:
    capabilities = Capabilities(
        kind="paytabs",
        label="PayTabs",
        methods=(
            Method(code="card", icon="credit-card", refund_days=180),
            Method(code="mada", icon="credit-card", currencies=frozenset({"SAR"}), countries=frozenset({"SA"})),
            Method(code="knet", icon="credit-card", currencies=frozenset({"KWD"}), countries=frozenset({"KW"})),
            Method(code="applepay", icon="smartphone"),
        ),
        fields=(
            SettingField(name="profile_id", label=pgettext_lazy("provider setting", "Profile ID")),
            SettingField(name="server_key", label=pgettext_lazy("provider setting", "Server key"), secret=True),
            SettingField(
                name="region",
                label=pgettext_lazy("provider setting", "Region"),
                default="ARE",
                choices=tuple((code, code) for code in REGIONS),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for the region's own."),
            ),
        ),
    )

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency in CURRENCIES and currency not in _CRYPTO else 0

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, path: str, body: Mapping[str, Any], *, writes: bool) -> Any:
        """One POST. A write is sent once; a lost answer is of unknown outcome. Error texts are PayTabs' own."""
        settings = self.config.settings
        base = settings.get("base_url") or REGIONS.get(settings.get("region") or "ARE", REGIONS["ARE"])
        profile = settings.get("profile_id", "")
        response = http.request(
            "POST",
            f"{base.rstrip('/')}/{path}",
            safe_to_repeat=not writes,
            headers={"authorization": self.config.secrets.get("server_key", "")},
            json={"profile_id": int(profile) if profile.isdecimal() else profile, **body},
        )
        if response.status_code >= 500:
            raise (OutcomeUnknown if writes else Unavailable)(provider="paytabs")
        try:
            answer = json.loads(response.content, parse_float=Decimal)
        except ValueError as error:
            raise (OutcomeUnknown if writes else Unavailable)(provider="paytabs") from error
        if response.status_code in {401, 403, 429} or (isinstance(answer, dict) and answer.get("code") == 1):
            raise Unavailable(_message(answer), provider="paytabs")
        if response.status_code >= 400:
            raise Rejected(_message(answer), provider="paytabs", code=answer.get("code"))
        return answer

    def create_deposit(self, order: DepositOrder) -> Redirect:
        if not self.amount_step(order.amount.currency):
            raise AmountNotPayable(field="amount")
        payer = order.payer
        body: dict[str, Any] = {
            "tran_type": "sale",
            "tran_class": "ecom",
            "cart_id": str(order.deposit_id),
            "cart_description": order.description,
            "cart_currency": order.amount.currency,
            "cart_amount": _number(order.amount),
            "callback": order.webhook_url,
            "return": order.return_url,
            "paypage_lang": "ar" if order.language == "ar" else "en",
            "payment_methods": ["creditcard" if order.method == "card" else order.method],
            "hide_shipping": True,
            "customer_details": {
                "name": payer.name,
                "email": payer.email,
                "phone": payer.phone,
                "street1": payer.street or "-",
                "city": payer.city or "-",
                "country": payer.country,
                "ip": payer.ip,
            },
        }
        answer = self._call("payment/request", body, writes=True)
        if not answer.get("redirect_url"):
            raise Rejected(_message(answer.get("payment_result") or answer), provider="paytabs")
        return Redirect(url=str(answer["redirect_url"]), provider_reference=str(answer["tran_ref"]))

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        answer = self._call("payment/query", {"tran_ref": provider_reference}, writes=False)
        if isinstance(answer, list):
            answer = next((item for item in answer if item.get("tran_ref") == provider_reference), answer[0])
        return deposit_status(answer)

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        if found := self.find_refund(operation_id, payment_reference=payment_reference):
            return found
        body = {
            "tran_type": "refund",
            "tran_class": "ecom",
            "cart_id": str(operation_id),
            "cart_description": reason,
            "cart_currency": amount.currency,
            "cart_amount": _number(amount),
            "tran_ref": payment_reference,
        }
        try:
            answer = self._call("payment/request", body, writes=True)
        except Rejected as error:
            if error.data.get("code") == DUPLICATE:  # we have sent it before, and that one may be carried out
                raise OutcomeUnknown(provider="paytabs") from error
            raise
        status = refund_status(answer)
        if status.state is RefundState.FAILED:
            raise Rejected(status.failure_text, provider="paytabs")
        return status

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        try:
            answer = self._call("payment/query", {"cart_id": str(operation_id)}, writes=False)
        except Rejected as error:
            if error.data.get("code") != NO_SUCH_TRANSACTION:
                raise Unavailable(str(error), provider="paytabs") from error
            return None
        items = answer if isinstance(answer, list) else [answer]
        if any(not isinstance(item, Mapping) or not item.get("tran_ref") for item in items):
            raise Unavailable(provider="paytabs")  # an answer we cannot read proves nothing
        for item in items:
            if str(item.get("tran_type", "")).lower() == "refund" and item.get("cart_id") == str(operation_id):
                return refund_status(item)
        return None

    # --- webhooks -----------------------------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        key = self.config.secrets.get("server_key", "")
        expected = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        if not key or not hmac.compare_digest(expected, headers.get("signature", "").strip().lower()):
            raise SignatureInvalid
        try:
            return self.read_webhook(body)
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        """One transaction per call. There is no event id: reference, kind and status make the fact."""
        data = json.loads(body, parse_float=Decimal)
        result = data.get("payment_result") or {}
        kind = str(data.get("tran_type", "sale")).lower()
        key = f"{data['tran_ref']}:{kind}:{result.get('response_status', '')}"
        if kind == "refund":
            return [
                NormalizedEvent(
                    event_key=key,
                    kind=EventKind.REFUND,
                    name="refund",
                    operation_id=parse_uuid(data.get("cart_id")),
                    refund=refund_status(data),
                )
            ]
        return [
            NormalizedEvent(
                event_key=key,
                kind=EventKind.DEPOSIT,
                name=kind,
                deposit_id=parse_uuid(data.get("cart_id")),
                deposit=deposit_status(data),
            )
        ]

    def test_connection(self) -> ConnectionReport:
        """Asks about a payment that does not exist: "no such transaction" proves that profile and key are right."""
        try:
            self._call("payment/query", {"cart_id": f"connection-test-{self.config.account_id}"}, writes=False)
        except Rejected:
            pass
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        region = self.config.settings.get("region") or "ARE"
        return ConnectionReport(
            good=True,
            account=pgettext("provider test", "Profile %(profile)s")
            % {"profile": self.config.settings.get("profile_id", "")},
            details=(region,),
        )


def _number(amount: Money) -> float | int:
    """A JSON number. The only float of money in the house: its shortest repr is the decimal, below 10^15 minor units."""
    if abs(amount.minor) >= 10**15:
        raise AmountNotPayable(field="amount")
    return float(to_wire(amount)) if minor_units(amount.currency) else amount.minor


def _message(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return "PayTabs"
    return str(answer.get("message") or answer.get("response_message") or "PayTabs")


def _amount(data: Mapping[str, Any]) -> Money:
    """What was charged, in its own currency; a cart's amount never with a charge's currency."""
    if data.get("tran_total") is None or not data.get("tran_currency"):
        return from_wire(data["cart_amount"], str(data["cart_currency"]))
    return from_wire(data["tran_total"], str(data["tran_currency"]))


def _state(kind: str, code: str) -> PaymentState:
    """What a transaction says of the payment: a void that was carried out takes it back, an authorisation only promises."""
    if kind in VOIDING:
        return PaymentState.FAILED if code == "A" else PaymentState.OPEN
    if kind == "auth" and code == "A":
        return PaymentState.AUTHORISED
    return _STATES.get(code, PaymentState.OPEN)


def _failure(data: Mapping[str, Any]) -> str:
    """PayTabs' words in the codes a client can act on; the code numbers differ by acquirer, the words hardly."""
    result = data.get("payment_result") or {}
    if str(data.get("tran_type", "")).lower() in VOIDING or result.get("response_status") == "V":
        return "voided"
    status, words = str(result.get("response_status", "")), str(result.get("response_message", "")).lower()
    if status == "C" or "cancel" in words:
        return "cancelled"
    for piece, code in (
        ("insufficient", "insufficient_funds"),
        ("expired card", "expired_card"),
        ("3d", "authentication"),
        ("authentic", "authentication"),
        ("fraud", "fraud"),
        ("cvv", "wrong_details"),
    ):
        if piece in words:
            return code
    return "error" if status == "E" else "declined"


def deposit_status(data: Mapping[str, Any]) -> DepositStatus:
    """A payment from a callback or a query."""
    result = data.get("payment_result") or {}
    code = str(result.get("response_status", "P"))
    state = if_paid(_state(str(data.get("tran_type", "sale")).lower(), code), _amount(data))
    info = data.get("payment_info") or {}
    failed = state in (PaymentState.FAILED, PaymentState.EXPIRED)
    voids = str(data.get("tran_type", "")).lower() in VOIDING
    reference = str((data.get("previous_tran_ref") if voids else "") or data["tran_ref"])
    return DepositStatus(
        state=state,
        provider_reference=reference,
        payment_reference=reference,
        amount=_amount(data),
        source=" ".join(filter(None, [str(info.get("card_scheme") or ""), _masked(info.get("payment_description"))])),
        failure=_failure(data) if failed else "",
        failure_text=str(result.get("response_message") or "") if failed else "",
    )


def _masked(description: object) -> str:
    digits = "".join(char for char in str(description or "") if char.isdigit())
    return f"•••• {digits[-4:]}" if digits else ""


def refund_status(data: Mapping[str, Any]) -> RefundStatus:
    result = data.get("payment_result") or {}
    state = _REFUND_STATES.get(str(result.get("response_status", "P")), RefundState.PENDING)
    return RefundStatus(
        state=state,
        reference=str(data["tran_ref"]),
        amount=_amount(data),
        failure_text=str(result.get("response_message") or "") if state is RefundState.FAILED else "",
        payment_reference=str(data.get("previous_tran_ref") or ""),
    )
