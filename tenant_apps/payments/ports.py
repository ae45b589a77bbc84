"""What a payment provider is to us. Adapters implement `PaymentProvider`; nothing else of them is known here.

Rules every adapter keeps (adapters/README.md, checked by tests/contract.py): it moves no money of ours and knows no
model; amounts come and go as `Money` and are turned into the provider's units by the adapter's own table; a call that
surely was not carried out raises Unavailable or Rejected, one that may have been raises OutcomeUnknown; a webhook is
believed only after its signature; an operation id sent twice has one effect or can be found again.

`PaymentProvider` is what all have. `PayoutProvider` sends money to a destination that no deposit came from, `Answering`
says in its own words that a webhook was taken in, `Conversing` is called by the provider and has to decide at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from kernel.errors import Forbidden
from kernel.money import Money


class SignatureInvalid(Forbidden):
    """A webhook that the provider did not sign with the account's secret, or too long ago."""

    code = "signature_invalid"


class PaymentState(StrEnum):
    """Where the provider says a payment stands."""

    OPEN = "open"  # the payer has not finished
    AUTHORISED = "authorised"  # promised, not captured
    DELAYED = "delayed"  # the payer is done, the bank takes days
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    REVERSED = "reversed"  # taken back after it was paid: chargeback, returned debit
    REINSTATED = "reinstated"  # a chargeback decided for us: the money is ours again


def if_paid(state: PaymentState, amount: Money | None) -> PaymentState:
    """The state, unless it says PAID of nothing: no money has come then, and every adapter says so."""
    return PaymentState.OPEN if state is PaymentState.PAID and amount is not None and amount.minor <= 0 else state


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to pay in. `currencies`/`countries` None means any. `label` and `hint` are for codes that `words.py` does
    not know."""

    code: str
    icon: str
    label: Any = ""
    hint: Any = ""
    currencies: frozenset[str] | None = None
    countries: frozenset[str] | None = None  # of the payer, ISO 3166-1 alpha-2
    delayed: bool = False  # money is certain only after days
    refundable: bool = True
    refund_days: int = 180  # how long a refund can go back this way


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingField:
    """A line of the office's form. Secrets are stored sealed and shown by their last characters only."""

    name: str
    label: Any
    secret: bool = False
    required: bool = True
    default: str = ""
    help: Any = ""
    choices: Sequence[tuple[str, Any]] = ()


class Shape(StrEnum):
    """What a field of a destination holds: how it is checked, masked and recognised as the same as another."""

    TEXT = "text"
    IBAN = "iban"
    EMAIL = "email"
    PHONE = "phone"
    ACCOUNT = "account"  # a bank's own account number
    CARD = "card"  # a provider's token of a card, never a number
    ADDRESS = "address"  # of a blockchain
    DOCUMENT = "document"  # a national identity number, where banks ask for it


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationField:
    """One thing that has to be known to pay out somewhere."""

    name: str
    label: Any
    shape: Shape = Shape.TEXT
    required: bool = True
    help: Any = ""
    choices: Sequence[tuple[str, Any]] = ()
    longest: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutMethod:
    """A way to pay out. `identity` names the fields that make two destinations the same one."""

    code: str
    icon: str
    label: Any
    hint: Any = ""
    fields: tuple[DestinationField, ...] = ()
    identity: tuple[str, ...] = ()
    currencies: frozenset[str] | None = None
    countries: frozenset[str] | None = None  # where the destination is
    latin_holder: bool = False  # paid by a bank's file, in which a name has Latin letters
    own_page: bool = False  # the payee gives the destination on the provider's page; `fields` may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    kind: str
    label: Any
    methods: tuple[Method, ...]
    fields: tuple[SettingField, ...]
    payout_methods: tuple[PayoutMethod, ...] = ()
    hosted_page: bool = True  # the payer is sent to the provider; otherwise we show instructions
    webhooks: bool = True
    refunds: bool = True
    asks: bool = True  # it can be asked how a payment stands; otherwise an unpaid one ends after a day
    # The payer is shown an address that stays the deposit's own for ever. Unpaid for a few days the deposit ends like any
    # other, so that nothing counts it as open; what comes to the address later is credited as if it were in time.
    addresses: bool = False
    # How long "no such refund" proves nothing after one was sent: longer than our own time-outs, unless sending it again
    # under the same operation id has one effect anyway.
    refund_quiet: timedelta = timedelta(minutes=10)
    # For so long a refund's id sent again has one effect and gets the first answer. Nothing where the provider promises none.
    same_answer: timedelta = timedelta(0)
    # Asked by our id, "not there" proves that nothing was carried out: a refusal of a later attempt is certain then. Without
    # it, and after `same_answer`, what was refused after a lost attempt waits for news or for somebody who looks there.
    refunds_found: bool = False
    payouts_found: bool = False

    def method(self, code: str) -> Method | None:
        return next((method for method in self.methods if method.code == code), None)

    def payout_method(self, code: str) -> PayoutMethod | None:
        return next((method for method in self.payout_methods if method.code == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """What an adapter is built from, for one call: never kept, because secrets are read when needed."""

    account_id: UUID
    mode: str  # "test" or "live"
    settings: Mapping[str, str]
    webhook_url: str = ""  # where this account's calls arrive: some providers sign the address too
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    name: str
    email: str
    country: str  # ISO 3166-1 alpha-2, may be empty
    phone: str = ""
    city: str = ""
    street: str = ""
    postal_code: str = ""
    ip: str = ""
    reference: str = ""  # stays the same for this person and tells nobody who it is
    birth_date: str = ""  # ISO 8601, where we know it


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositOrder:
    """What the payer is to pay. `deposit_id` is our reference and the idempotency key."""

    deposit_id: UUID
    reference: str  # short, for people and bank statements
    amount: Money
    method: str
    language: str
    description: str
    payer: Payer
    return_url: str
    cancel_url: str
    webhook_url: str
    minutes: int = 60  # how long the page may be paid, where the provider lets us say


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutOrder:
    """What is to be paid out. `operation_id` is our reference and the idempotency key; `destination` has the method's fields."""

    operation_id: UUID
    reference: str
    amount: Money
    method: str
    destination: Mapping[str, str]
    payee: Payer
    language: str
    description: str
    webhook_url: str
    return_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Where to send the payer. Without a page `url` is empty and `instructions` hold what to transfer, and where to."""

    url: str
    provider_reference: str
    instructions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositStatus:
    """A payment as the provider tells it. `amount` is what was really paid, in the currency it was paid in; of a loss
    None is the whole payment, and never an amount that was converted."""

    state: PaymentState
    provider_reference: str
    payment_reference: str = ""  # what a refund refers to
    amount: Money | None = None
    method: str = ""
    source: str = ""  # masked instrument: "Visa •••• 4242"
    source_country: str = ""
    failure: str = ""  # a code of ours: declined, insufficient_funds, expired_card, authentication, fraud, error
    failure_text: str = ""  # the provider's words, for staff
    fee: Money | None = None  # what the provider keeps of it, where it says so; in any currency
    apart: bool = False  # each payment has its own `payment_reference`: another one is more money, not old news
    # Of REVERSED and REINSTATED. A payment may be taken back, won and taken back again; what tells the rounds apart:
    dispute: str = ""  # the provider's reference of the round: the same when money goes and when it comes back
    follows: str = ""  # the round before it in the same dispute, which was won before this one began
    movement: str = ""  # where no reference binds the two: that of this very taking, or of this very return
    bank_amount: bool = False  # `amount` may be in the currency of the payer's bank: in another it counts for the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStatus:
    """Money on its way out: a refund, or a payout."""

    state: RefundState
    reference: str
    amount: Money
    failure_text: str = ""
    payment_reference: str = ""  # of the payment it gives back, where the provider says so
    fee: Money | None = None  # what the provider takes for it, in any currency
    page_url: str = ""  # where the payee still has to say where the money goes (PayoutMethod.own_page)


class EventKind(StrEnum):
    DEPOSIT = "deposit"
    REFUND = "refund"
    PAYOUT = "payout"
    OTHER = "other"  # stored and acknowledged, of no consequence


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizedEvent:
    """A webhook in our words. `event_key` is unique at the provider: the same key is the same fact told again."""

    event_key: str
    kind: EventKind
    name: str  # the provider's own name of the event
    deposit_id: UUID | None = None
    operation_id: UUID | None = None
    deposit: DepositStatus | None = None
    refund: RefundStatus | None = None  # also of a payout
    refetch: str = ""  # a reference to ask about, when the event itself does not say enough


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionReport:
    """Result of "Test connection": who the provider thinks we are, and what to mend."""

    good: bool
    account: str = ""
    details: tuple[str, ...] = ()


class PaymentProvider(Protocol):
    """One configured account at a provider. Instances live for one call."""

    capabilities: Capabilities

    def __init__(self, config: ProviderConfig) -> None: ...

    def amount_step(self, currency: str) -> int:
        """Smallest step of an amount in our minor units; 0 when the provider does not take the currency."""
        ...

    def create_deposit(self, order: DepositOrder) -> Redirect:
        """Open a payment. Called again with the same order it gives the same page."""
        ...

    def fetch_deposit(self, provider_reference: str) -> DepositStatus:
        """Ask where a payment stands. Raises Rejected when the provider knows no such reference."""
        ...

    def refund(self, *, operation_id: UUID, payment_reference: str, amount: Money, reason: str) -> RefundStatus:
        """Give back a part of a payment. Raises Rejected when refused, OutcomeUnknown when it may have happened."""
        ...

    def find_refund(self, operation_id: UUID, *, payment_reference: str) -> RefundStatus | None:
        """The refund that carried our operation id, or None if the provider surely has none."""
        ...

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[NormalizedEvent]:
        """Check the signature over the raw body, then translate. Raises SignatureInvalid. Header names are lower case."""
        ...

    def read_webhook(self, body: bytes) -> list[NormalizedEvent]:
        """Translate a body that was verified when it came: processing and replays, at any later time."""
        ...

    def test_connection(self) -> ConnectionReport:
        """One harmless call with the stored keys. Raises nothing that the form could not show."""
        ...


class PayoutProvider(PaymentProvider, Protocol):
    """A provider that also pays out; its capabilities name at least one payout method."""

    def payout(self, order: PayoutOrder) -> RefundStatus:
        """Pay out. Raises Rejected when refused, OutcomeUnknown when it may have happened. Sent again under the same
        operation id it has one effect, or raises OutcomeUnknown."""
        ...

    def find_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        """The payout that carried our operation id, or None if the provider surely has none. `reference` is the
        provider's, when we know it."""
        ...


@runtime_checkable
class Completing(Protocol):
    """A provider at which the payee says where to, so that a payout goes out only when we complete it (Praxis).

    There `find_payout` completes what the payee has said; what is not to go out for now is asked about by this alone.
    """

    def look_payout(self, operation_id: UUID, *, reference: str) -> RefundStatus | None:
        """What `find_payout` answers, with nothing done about it."""
        ...


@runtime_checkable
class Recognising(Protocol):
    """A provider whose refunds carry no id of ours (Freedom Pay): what we know of one has to tell it from the others.

    Where a provider is this, it is asked so instead of by `find_refund`.
    """

    def recognise_refund(
        self, *, payment_reference: str, amount: Money, reference: str, others: frozenset[str]
    ) -> RefundStatus | None:
        """The refund with the provider's own `reference`; where we were never told one, one of this amount that is not
        among `others`, which are the references of other refunds of ours. None if the provider surely has none."""
        ...


@runtime_checkable
class Subscribing(Protocol):
    """A provider that tells only the events which were named when the webhook was registered (Stripe, PayPal).

    A later release may listen to more: the endpoint of then is completed.
    """

    def webhook_keep(self, url: str) -> list[str]:
        """Have the endpoint of `url` told of all we listen to, and answer what was missing. Its secret stays; where there
        is no such endpoint nothing is done. Raises Outside."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    body: bytes = b""
    content_type: str = "text/plain"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Answering(Protocol):
    """A provider that reads what we answer to a webhook, and sends it again when it does not like it."""

    def answer_webhook(self, body: bytes, headers: Mapping[str, str], *, accepted: bool) -> WebhookAnswer:
        """Not accepted: the signature was wrong. Nothing of `body` may be believed then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCall:
    body: bytes
    headers: Mapping[str, str]  # names in lower case
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositView:
    """What a provider that asks may learn of a deposit of its own account."""

    deposit_id: UUID
    reference: str
    amount: Money
    state: str  # of DepositState
    is_open: bool


class Desk(Protocol):
    """What an adapter may ask and do while the provider waits for its answer.

    One transaction with the answer: what was remembered and applied stands exactly if the answer was made. The notes are
    the adapter's own memory of the provider's transactions, for calls that are repeated and asked about later.
    """

    now: datetime

    def deposit(self, reference: str) -> DepositView | None:
        """A deposit of this account by its short reference or its id. It stays locked until the answer."""
        ...

    def recall(self, key: str) -> Mapping[str, Any] | None: ...

    def remember(self, key: str, note: Mapping[str, Any], *, deposit_id: UUID) -> None:
        """Write or replace the note under a key. Plain JSON values."""
        ...

    def remembered(self, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        """Notes first made in the half-open interval, oldest first."""
        ...

    def note_of(self, deposit_id: UUID) -> tuple[str, Mapping[str, Any]] | None:
        """The newest note about a deposit, with its key."""
        ...

    def apply(self, deposit_id: UUID, status: DepositStatus) -> str:
        """Take in what the provider says, as a webhook would. Returns what was done, in a word."""
        ...


@runtime_checkable
class Conversing(Protocol):
    """A provider that calls us and needs an answer of substance (Payme, Click, Praxis' validation)."""

    def converse(self, call: IncomingCall, desk: Desk) -> WebhookAnswer | None:
        """Answer a call, or None when it is a webhook. Authenticates by itself; whoever is not the provider gets the
        provider's own words for that and changes nothing. Repeated calls get the same answer."""
        ...
