"""CryptoProcessing (CoinsPaid): coins to an address of the deposit's own, and to the client's wallet.

docs.cryptoprocessing.com and github.com/coinspaid/docs, API v2: headers `X-Processing-Key` and `X-Processing-Signature` =
hex HMAC-SHA512 of the exact body, in calls and callbacks. There is no page: the payer is shown an address. `foreign_id` is
our deposit or operation id; a withdrawal's is taken once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import pgettext, pgettext_lazy

from kernel import http
from kernel.errors import AppError, OutcomeUnknown, Rejected, Unavailable
from kernel.ids import parse_uuid
from kernel.money import Money

from ...chain_addresses import address_good
from ...errors import AmountNotPayable
from ...ports import (
    Capabilities,
    ConnectionReport,
    DepositOrder,
    DepositStatus,
    DestinationField,
    Method,
    NormalizedEvent,
    Payer,
    PaymentState,
    PayoutMethod,
    PayoutOrder,
    ProviderConfig,
    Redirect,
    RefundStatus,
    SettingField,
    Shape,
    SignatureInvalid,
)
from . import coins, facts

LIVE, SANDBOX = "https://app.cryptoprocessing.com", "https://app.sandbox.cryptoprocessing.com"
TAKEN = "already been taken"  # of a foreign id that an earlier withdrawal has


def _method(code: str, icon: str, label: Any, hint: Any) -> Method:
    currency = coins.BY_METHOD[code].currency
    return Method(
        code=code, icon=icon, label=label, hint=hint, currencies=frozenset({currency}), delayed=True, refundable=False
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Where a coin can be sent. `tag` has to go along where there is one."""

    network: str
    address: str
    tag: str = ""


class CryptoProcessingProvider:
    capabilities = Capabilities(
        kind="cryptoproc",
        label="CryptoProcessing",
        methods=(
            _method(
                "usdt_trc20", "coins", pgettext_lazy("payment method", "USDT (TRC-20)"),
                pgettext_lazy("payment method hint", "Tether on TRON. In your account within minutes."),
            ),
            _method(
                "usdt_erc20", "coins", pgettext_lazy("payment method", "USDT (ERC-20)"),
                pgettext_lazy("payment method hint", "Tether on Ethereum. In your account within minutes."),
            ),
            _method(
                "btc", "bitcoin", pgettext_lazy("payment method", "Bitcoin"),
                pgettext_lazy("payment method hint", "In your account after the network's confirmation."),
            ),
            _method(
                "eth", "coins", pgettext_lazy("payment method", "Ether"),
                pgettext_lazy("payment method hint", "On Ethereum. In your account within minutes."),
            ),
        ),
        payouts_found=True,
        payout_methods=(
            PayoutMethod(
                code="crypto",
                icon="coins",
                label=pgettext_lazy("payment method", "Crypto wallet"),
                hint=pgettext_lazy("payment method hint", "To an address of your own. It cannot be taken back."),
                currencies=coins.CURRENCIES,
                fields=(
                    DestinationField(
                        name="network",
                        label=pgettext_lazy("payout destination", "Network"),
                        choices=tuple(coins.NETWORKS.items()),
                    ),
                    DestinationField(
                        name="address",
                        label=pgettext_lazy("payout destination", "Wallet address"),
                        shape=Shape.ADDRESS,
                        help=pgettext_lazy("payout destination", "Of the chosen network: elsewhere the money is lost."),
                    ),
                ),
                identity=("address", "network"),
            ),
        ),
        fields=(
            SettingField(name="api_key", label=pgettext_lazy("provider setting", "API key")),
            SettingField(name="secret_key", label=pgettext_lazy("provider setting", "Secret key"), secret=True),
            SettingField(
                name="legal_name",
                label=pgettext_lazy("provider setting", "Legal name of the brokerage"),
                help=pgettext_lazy("provider setting", "The law asks who sends a payout."),
            ),
            SettingField(
                name="legal_country",
                label=pgettext_lazy("provider setting", "Country of registration (three letters)"),
            ),
            SettingField(
                name="base_url",
                label=pgettext_lazy("provider setting", "API address"),
                required=False,
                help=pgettext_lazy("provider setting", "Leave empty for CryptoProcessing's own."),
            ),
        ),
        hosted_page=False,
        refunds=False,
        addresses=True,
    )  # fmt: skip

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config

    def amount_step(self, currency: str) -> int:
        return 1 if currency in coins.CURRENCIES else 0

    # --- calls --------------------------------------------------------------------------------------------------------

    def _sign(self, body: bytes) -> str:
        return hmac.new(self.config.secrets.get("secret_key", "").encode(), body, hashlib.sha512).hexdigest()

    def _call(self, method: str, path: str, values: Mapping[str, Any], *, writes: bool) -> Any:
        """One signed call. A write that is not idempotent is sent once; a lost answer is of unknown outcome."""
        base = self.config.settings.get("base_url") or (LIVE if self.config.mode == "live" else SANDBOX)
        body = json.dumps(values, ensure_ascii=False).encode()
        response = http.request(
            method,
            f"{base.rstrip('/')}/api/v2/{path}",
            safe_to_repeat=not writes,
            headers={
                "Content-Type": "application/json",
                "X-Processing-Key": self.config.settings.get("api_key", ""),
                "X-Processing-Signature": self._sign(body),
            },
            content=body,
        )
        unclear = OutcomeUnknown if writes else Unavailable
        if response.status_code >= 500:
            raise unclear(provider="cryptoproc")
        try:
            answer = json.loads(response.content, parse_float=Decimal)
        except ValueError as error:
            raise (Unavailable if response.status_code >= 400 else unclear)(provider="cryptoproc") from error
        if response.status_code in {401, 403, 429}:
            raise Unavailable(_words(answer), provider="cryptoproc")
        if response.status_code >= 400:
            raise Rejected(_words(answer), provider="cryptoproc", status=response.status_code)
        return answer

    def _info(self, **values: Any) -> Any:
        return self._call("GET", "transactions/info", values, writes=False)

    # --- money in -----------------------------------------------------------------------------------------------------

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """An address of the deposit's own: whatever comes to it is this deposit, of whatever amount."""
        coin = coins.BY_METHOD.get(order.method)
        if coin is None or coin.currency != order.amount.currency or order.amount.minor <= 0:
            raise AmountNotPayable(field="amount")
        found = self.address(coin, foreign_id=str(order.deposit_id), payer=order.payer)
        instructions = {"address": found.address, "network": found.network, "tag": found.tag}
        return Redirect(
            url="",
            provider_reference=str(order.deposit_id),
            instructions={name: value for name, value in instructions.items() if value},
        )

    def address(self, coin: coins.Coin, *, foreign_id: str, payer: Payer) -> Address:
        """An address for a coin, for ever the same under the same `foreign_id` (so this may be repeated).

        With a client's id instead of a deposit's this gives the client's permanent address.
        """
        values = {
            "currency": coin.wire,
            "foreign_id": foreign_id,
            "end_user_reference": self._customer(payer),
            "sender_type": "natural",
            "sender_data": _person(payer),
        }
        data = self._call("POST", "addresses/take", values, writes=False)["data"]
        return Address(
            network=coins.NETWORKS[coin.network], address=str(data["address"]), tag=str(data.get("tag") or "")
        )

    def _customer(self, payer: Payer) -> str:
        """The client by a name that names nobody: personal data is forbidden there."""
        if payer.reference:
            return payer.reference
        return hashlib.sha256(f"{self.config.account_id}:{payer.email.lower()}".encode()).hexdigest()[:40]

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """The newest payment to the deposit's address. None yet looks the same there as an address never made."""
        if parse_uuid(provider_reference) is None:
            raise Rejected(pgettext("provider test", "CryptoProcessing has no such address."), provider="cryptoproc")
        try:
            return facts.deposit_status(self._info(foreign_id=provider_reference))
        except Rejected as error:
            if not _not_there(error):
                raise Unavailable(str(error), provider="cryptoproc") from error
            return DepositStatus(state=PaymentState.OPEN, provider_reference=provider_reference)

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        raise Rejected(pgettext("provider test", "Coins are not given back but paid out to an address."))

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        return None

    # --- money out ----------------------------------------------------------------------------------------------------

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """Send coins. An address that cannot be of the network is refused here: nobody gives lost coins back."""
        coin = self._coin_out(order)
        if found := self.find_payout(order.operation_id, reference=""):
            return found
        values = {
            "currency": coin.wire,
            "address": order.destination["address"].strip(),
            "tag": order.destination.get("tag") or None,
            "amount": coins.to_wire(order.amount),
            "foreign_id": str(order.operation_id),
            "end_user_reference": self._customer(order.payee),
            "sender_type": "legal",
            "sender_data": {
                "legal_name": self.config.settings.get("legal_name", ""),
                "country_of_registration": self.config.settings.get("legal_country", "").upper(),
            },
            "receiver_type": "natural",
            "receiver_data": _person(order.payee),
        }
        try:
            return facts.payout_status(self._call("POST", "withdrawal/crypto", values, writes=True)["data"])
        except Rejected as error:
            if TAKEN in str(error):  # we have sent it before, and that one may be carried out
                raise OutcomeUnknown(provider="cryptoproc") from error
            raise

    def _coin_out(self, order: PayoutOrder) -> coins.Coin:
        network = order.destination.get("network", "")
        coin = coins.coin_out(order.amount.currency, network)
        if coin is None:
            raise Rejected(pgettext("provider test", "This currency cannot be sent on this network."))
        if not address_good(network, order.destination.get("address", "").strip(), self.config.mode):
            raise Rejected(pgettext("provider test", "The address is not one of this network."))
        return coin

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        try:
            return facts.payout_status(self._info(foreign_id=str(operation_id)))
        except Rejected as error:
            if not _not_there(error):
                raise Unavailable(str(error), provider="cryptoproc") from error
            return None

    # --- callbacks ----------------------------------------------------------------------------------------------------

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        key, given = self.config.settings.get("api_key", ""), headers.get("x-processing-signature", "").strip().lower()
        ours = hmac.compare_digest(headers.get("x-processing-key", "").encode(), key.encode())
        secret = self.config.secrets.get("secret_key", "")
        if not secret or not ours or not hmac.compare_digest(self._sign(body).encode(), given.encode()):
            raise SignatureInvalid
        try:
            return self.read_webhook(body)
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureInvalid from error

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        return facts.events_of(json.loads(body, parse_float=Decimal))

    def test_connection(self) -> ConnectionReport:
        """Asks for the balances, which payouts are made from."""
        try:
            rows = self._call("POST", "accounts/list", {}, writes=False)["data"]
        except AppError as error:
            return ConnectionReport(good=False, details=(str(error),))
        held = tuple(
            f"{Decimal(str(row['balance'])).normalize():f} {row['currency']}"
            for row in rows
            if row["currency"] in coins.CURRENCY_OF
        )
        return ConnectionReport(good=True, account=self.config.settings.get("api_key", ""), details=held)


def _person(payer: Payer) -> dict[str, str]:
    """Who sends or receives, as the EU's MiCA asks; the date of birth only where we know it."""
    first, _, last = payer.name.strip().rpartition(" ")
    person = {"first_name": first or last, "last_name": last}
    return {**person, "date_of_birth": payer.birth_date} if payer.birth_date else person


def _not_there(error: Rejected) -> bool:
    """404, or its words under another status; a question that was not understood proves nothing."""
    return error.data.get("status") == 404 or "not found" in str(error).lower()


def _words(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return "CryptoProcessing"
    errors = answer.get("errors")
    if isinstance(errors, Mapping):
        return " ".join(str(words) for words in errors.values())
    return str(answer.get("error") or "CryptoProcessing")
