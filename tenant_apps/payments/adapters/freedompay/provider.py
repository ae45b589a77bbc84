"""Freedom Pay (ex PayBox; Kazakhstan, Kyrgyzstan, Uzbekistan): hosted page, signed results, refunds, payout page.

Contract: freedompay.kz/docs-en/merchant-api and docs.freedompay.kz. `pg_order_id` is our id; the number Freedom Pay
gives a payment is what is asked about, because an order's last payment may be its refund. A refund has a number of its
own and nothing of ours in it, hence `Recognising`; `pg_idempotency_key` is sent along all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta, timezone
from urllib.parse import urljoin
from uuid import UUID

from django.utils.translation import pgettext

from kernel import clock
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import parse_uuid
from kernel.money import Money

from ...errors import AmountNotPayable
from ...ports import (
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    Desk,
    EventKind,
    IncomingCall,
    NormalizedEvent,
    PayoutOrder,
    ProviderConfig,
    Redirect,
    RefundState,
    RefundStatus,
    SignatureInvalid,
    WebhookAnswer,
)
from . import statuses, wire
from .offer import CAPABILITIES, HOSTS

LANGUAGES = {"ru": "ru", "kk": "kz", "ky": "kg", "uz": "uz"}  # of ours in theirs; else English
ALMATY = timezone(timedelta(hours=5))  # times are written without an offset
PAYOUT_LIFE = timedelta(days=3)
SHORTEST, LONGEST = 300, 604_800  # seconds a payment page may live
CHECK = "check"  # the query by which Check URL is told from Result URL; it is no part of what is signed
XML = "text/xml; charset=utf-8"


class FreedomPayProvider:
    capabilities = CAPABILITIES

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency in wire.DECIMALS else 0

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, path: str, fields: Mapping[str, str], *, writes: bool, key: str = "secret_key") -> wire.Reply:
        settings = self.config.settings
        base = settings.get("base_url") or HOSTS.get(settings.get("region") or "kz", HOSTS["kz"])
        whole = {"pg_merchant_id": settings.get("merchant_id", ""), **fields}
        return wire.call(f"{base.rstrip('/')}/{path}", whole, self.config.secrets.get(key, ""), writes=writes)

    def create_deposit(self, order: DepositOrder) -> Redirect:
        if not self.amount_step(order.amount.currency):
            raise AmountNotPayable(field="amount")
        fields = {
            "pg_order_id": str(order.deposit_id),
            "pg_idempotency_key": str(order.deposit_id),
            "pg_amount": wire.to_wire(order.amount),
            "pg_currency": order.amount.currency,
            "pg_description": order.description[:255],
            "pg_language": LANGUAGES.get(order.language, "en"),
            "pg_lifetime": str(min(max(order.minutes * 60, SHORTEST), LONGEST)),
            "pg_auto_clearing": "1",
            "pg_payment_method": "bankcard",
            "pg_request_method": "POST",
            "pg_check_url": f"{order.webhook_url}?{CHECK}=1",
            "pg_result_url": order.webhook_url,
            "pg_success_url": order.return_url,
            "pg_success_url_method": "GET",
            "pg_failure_url": order.return_url,
            "pg_failure_url_method": "GET",
            "pg_site_url": order.cancel_url,
            "pg_user_contact_email": order.payer.email,
            "pg_user_phone": "".join(char for char in order.payer.phone if char.isdigit()),
            "pg_user_ip": order.payer.ip,
        }
        if self.config.mode == "test":
            fields["pg_testing_mode"] = "1"
        reply = self._call("init_payment.php", {name: text for name, text in fields.items() if text}, writes=True)
        try:
            return Redirect(url=reply["pg_redirect_url"], provider_reference=reply["pg_payment_id"])
        except wire.Unreadable as error:
            raise OutcomeUnknown(provider="freedompay") from error

    def _status(self, number: str) -> wire.Reply:
        return self._call("get_status3.php", {"pg_payment_id": number}, writes=False)

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        with _believable():
            return statuses.deposit_of_status(self._status(provider_reference))

    # --- refunds ------------------------------------------------------------------------------------------------------

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Sent, then looked for among the payment's refunds, where it has a number. Freedom Pay may show it later."""
        before = {item.reference for item in self._refunds(payment_reference)}
        fields = {
            "pg_payment_id": payment_reference,
            "pg_refund_amount": wire.to_wire(amount),
            "pg_idempotency_key": str(operation_id),
        }
        self._call("revoke.php", fields, writes=True)
        try:
            made = self.recognise_refund(
                payment_reference=payment_reference, amount=amount, reference="", others=frozenset(before)
            )
        except AppError:
            made = None
        if made is None:
            return RefundStatus(
                state=RefundState.PENDING, reference="", amount=amount, payment_reference=payment_reference
            )
        if made.state is RefundState.FAILED:
            raise Rejected(made.failure_text, provider="freedompay")
        return made

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """Only "surely none" can be told by our id; whoever knows amount and number asks `recognise_refund`."""
        if self._refunds(payment_reference):
            raise OutcomeUnknown(provider="freedompay")
        return None

    def recognise_refund(
        self, *, payment_reference: str, amount: Money, reference: str, others: frozenset[str]
    ) -> RefundStatus | None:
        """One that went through or is on its way comes before one that failed; of several the newest."""
        listed = self._refunds(payment_reference)
        if reference:
            return next((item for item in listed if item.reference == reference), None)
        fitting = [item for item in listed if item.amount == amount and item.reference not in others]
        fitting.sort(key=lambda item: item.state is not RefundState.FAILED)
        return fitting[-1] if fitting else None

    def _refunds(self, payment_reference: str) -> list[RefundStatus]:
        with _believable():
            return statuses.refunds_of(self._status(payment_reference))

    # --- payouts ------------------------------------------------------------------------------------------------------

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """A page where the payee names the card. The order id is ours and taken once."""
        if order.amount.currency != self._payout_currency():
            words = pgettext("freedom pay", "This account pays out in %(currency)s only.")
            raise Rejected(words, provider="freedompay", currency=self._payout_currency())
        if found := self.find_payout(order.operation_id, reference=""):
            return found
        fields = {
            "pg_order_id": str(order.operation_id),
            "pg_amount": wire.to_wire(order.amount),
            "pg_description": order.description[:255],
            "pg_post_link": order.webhook_url,
            "pg_back_link": order.return_url or urljoin(order.webhook_url, "/"),
            "pg_order_time_limit": (clock.now() + PAYOUT_LIFE).astimezone(ALMATY).strftime("%Y-%m-%d %H:%M:%S"),
        }
        reply = self._call("api/reg2nonreg", fields, writes=True, key="payout_key")
        try:
            number, page = reply["pg_payment_id"], reply["pg_redirect_url"]
        except wire.Unreadable as error:
            raise OutcomeUnknown(provider="freedompay") from error
        return RefundStatus(state=RefundState.PENDING, reference=number, amount=order.amount, page_url=page)

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        try:
            asked = {"pg_order_id": str(operation_id)}
            reply = self._call("api/payment_status2", asked, writes=False, key="payout_key")
        except Rejected as error:
            if error.data.get("code") in wire.NO_SUCH:
                return None
            raise Unavailable(str(error), provider="freedompay") from error  # the question was refused, not the payout
        if reply.get("pg_payment_id") == "0":  # "payment_id = 0: the payment does not exist"
            return None
        with _believable():
            return statuses.payout_of_status(reply)

    def _payout_currency(self) -> str:
        return self.config.settings.get("payout_currency") or "KZT"

    # --- calls to us --------------------------------------------------------------------------------------------------

    def _verified(self, fields: Mapping[str, str]) -> str | None:
        key = "secret_key" if "pg_result" in fields or "pg_payment_amount" not in fields else "payout_key"
        return wire.signed_script(self.config.webhook_url, fields, self.config.secrets.get(key, ""))

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        try:
            fields = wire.read_form(body)
            if self._verified(fields) is None:
                raise SignatureInvalid
            return self.read_webhook(body)
        except (wire.Unreadable, KeyError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        """One fact per call. There is no event id, and a repeat has another salt: number and outcome make the fact."""
        fields = wire.read_form(body)
        number = fields["pg_payment_id"]
        if "pg_result" in fields:
            return [
                NormalizedEvent(
                    event_key=f"{number}:result:{fields['pg_result']}:{fields.get('pg_captured', '')}",
                    kind=EventKind.DEPOSIT,
                    name="result",
                    deposit_id=parse_uuid(fields.get("pg_order_id")),
                    deposit=statuses.deposit_of_result(fields),
                )
            ]
        return [
            NormalizedEvent(
                event_key=f"{number}:payout:{fields['pg_status']}",
                kind=EventKind.PAYOUT,
                name="payout",
                operation_id=parse_uuid(fields.get("pg_order_id")),
                refund=statuses.payout_of_call(fields, self._payout_currency()),
            )
        ]

    def answer_webhook(self, body: bytes, headers: Mapping[str, str], *, accepted: bool) -> WebhookAnswer:
        """Signed XML. Money that came is never rejected; without a good signature it is 403, so that it is repeated."""
        if not accepted:
            answer = self._answer(None, {}, "error", "Signature")
            return WebhookAnswer(body=answer, content_type=XML, status=403)
        fields = wire.read_form(body)
        return WebhookAnswer(body=self._answer(self._verified(fields), fields, "ok", "Accepted"), content_type=XML)

    def converse(self, call: IncomingCall, desk: Desk) -> WebhookAnswer | None:
        """Check URL: may this order be paid now? Anything else is a webhook."""
        if CHECK not in call.query:
            return None
        try:
            fields = wire.read_form(call.body)
        except wire.Unreadable:
            fields = {}
        script = self._verified(fields)
        if script is None or "pg_result" in fields:
            answer = self._answer(None, {}, "error", "Signature")
            return WebhookAnswer(body=answer, content_type=XML, status=403)
        refusal = self._refusal(fields, desk)
        return WebhookAnswer(
            body=self._answer(script, fields, "rejected" if refusal else "ok", refusal or "May be paid"),
            content_type=XML,
        )

    def _refusal(self, fields: Mapping[str, str], desk: Desk) -> str:
        """Why an order must not be paid, in words the payer is shown; empty if it may be."""
        deposit = desk.deposit(fields.get("pg_order_id", ""))
        if deposit is None:
            return pgettext("freedom pay", "There is no such order.")
        if not deposit.is_open:
            return pgettext("freedom pay", "This order is closed. Please begin again.")
        try:
            asked = wire.from_wire(fields.get("pg_amount", ""), fields.get("pg_currency", ""))
        except wire.Unreadable:
            asked = None
        return "" if asked == deposit.amount else pgettext("freedom pay", "The amount is not the one of the order.")

    def _answer(self, script: str | None, fields: Mapping[str, str], status: str, words: str) -> bytes:
        """Signed as the call was: with its script name, key and salt."""
        key = "payout_key" if "pg_payment_amount" in fields and "pg_result" not in fields else "secret_key"
        return wire.answer_xml(
            script if script is not None else wire.script_names(self.config.webhook_url)[0],
            status,
            words,
            salted=fields.get("pg_salt") or wire.salt(),
            secret=self.config.secrets.get(key, ""),
        )

    def test_connection(self) -> ConnectionReport:
        """Asks about a payment that does not exist: "not found" proves that merchant and key are right."""
        details = [self.config.settings.get("region") or "kz"]
        try:
            self._not_found("get_status3.php", {"pg_payment_id": "1"}, "secret_key")
            if self.config.secrets.get("payout_key"):
                asked = {"pg_order_id": str(self.config.account_id)}  # 50 characters are the most
                self._not_found("api/payment_status2", asked, "payout_key")
                details.append(pgettext("provider test", "payouts too"))
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        return ConnectionReport(
            good=True,
            account=pgettext("provider test", "Merchant %(merchant)s")
            % {"merchant": self.config.settings.get("merchant_id", "")},
            details=tuple(details),
        )

    def _not_found(self, path: str, fields: Mapping[str, str], key: str) -> None:
        try:
            self._call(path, fields, writes=False, key=key)
        except Rejected as error:
            if error.data.get("code") not in wire.NO_SUCH:
                raise


@contextmanager
def _believable() -> Iterator[None]:
    """An answer that lacks what it should say is no answer."""
    try:
        yield
    except wire.Unreadable as error:
        raise Unavailable(str(error), provider="freedompay") from error
