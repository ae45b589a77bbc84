"""What every client and the house should have, re-added in plain Python from what happened, not from the ledger.

A client's wallet is what came in less what went out by the rows of requests; what it could not bear of money taken back
stands against the house's suspense. A provider's clearing account is the provider's own books, movement by movement.
"""

from __future__ import annotations

from collections import Counter

from hypothesis.stateful import invariant

from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account, Entry
from tenant_apps.ledger.models import Transfer as LedgerTransfer
from tenant_apps.ledger.services import HOUSE, client_owner
from tenant_apps.payments.models import (
    Deposit,
    DepositState,
    Freeze,
    PartState,
    ProviderAccount,
    SuspensePayment,
    WithdrawalPart,
)
from tenant_apps.payments.services import posting
from tenant_apps.reconciliation.kinds import LineKind
from tenant_apps.reconciliation.models import ReportLine
from tenant_apps.trading import ledgers
from tenant_apps.trading.models import Direction, Transfer, TransferState
from tenant_apps.wallets.models import Adjustment, ClientTransfer, Decision, Exchange, ExchangeState
from tenant_apps.wallets.models import TransferState as SendingState

from .brokerage import CURRENCIES, Brokerage, Person
from .providers import Moved

ON_ITS_WAY = (TransferState.PENDING, TransferState.DONE)
NOT_OF_THE_PROVIDER = (posting.PROVIDER_FEE, "reconciliation.fee", "reconciliation.correction")
Sums = Counter[tuple[str, str]]  # owner and currency


def wallets_should_have() -> Sums:
    """Of all clients of the brokerage: what each wallet would hold if the client had borne every loss."""
    sums: Sums = Counter()
    for row in Deposit.objects.filter(state__in=[DepositState.CREDITED, DepositState.REVERSED]):
        if row.received_minor is not None:
            sums[str(row.client_id), row.currency] += row.received_minor - row.fee_minor - (row.reversed_minor or 0)
    for part in WithdrawalPart.objects.filter(state=PartState.PAID).select_related("withdrawal"):
        sums[str(part.withdrawal.client_id), part.currency] -= part.amount_minor + part.fee_minor
    for move in Transfer.objects.filter(state__in=ON_ITS_WAY):
        if move.direction == Direction.TO_ACCOUNT:
            sums[str(move.client_id), move.currency] -= move.amount_minor
        elif move.direction == Direction.TO_WALLET and move.state == TransferState.DONE:
            sums[str(move.client_id), move.currency] += move.amount_minor
    for one in Exchange.objects.filter(state=ExchangeState.DONE):
        sums[str(one.client_id), one.give_currency] -= one.give_minor
        sums[str(one.client_id), one.get_currency] += one.get_minor
    for sent in ClientTransfer.objects.filter(state=SendingState.DONE):
        sums[str(sent.sender_id), sent.currency] -= sent.amount_minor
        sums[str(sent.recipient_id), sent.currency] += sent.amount_minor
    for adjusted in Adjustment.objects.filter(state=Decision.APPROVED):
        sums[str(adjusted.client_id), adjusted.currency] += adjusted.amount_minor
    return sums


def house_balance(kind: str, currency: str) -> int:
    account = Account.objects.filter(owner=HOUSE, kind=kind, currency=currency).first()
    return ledger.balance(account).balance.minor if account else 0


def providers_should_have_cost() -> Counter[str]:
    """By currency: what each payment in or out is said to cost, and what reports tell apart from any of them."""
    sums: Counter[str] = Counter()
    charged = [
        *Deposit.objects.exclude(provider_fee_currency=""),
        *WithdrawalPart.objects.exclude(provider_fee_currency=""),
    ]
    for row in charged:
        sums[row.provider_fee_currency] += row.provider_fee_minor
    for line in ReportLine.objects.exclude(booked_at=None):
        if line.deposit_id is None or line.kind != LineKind.CHARGE:
            sums[line.fee_currency] += line.fee_minor if line.part_id is None else 0
        if line.kind == LineKind.FEE:
            sums[line.currency] -= line.amount_minor
    return sums


class Oracle(Brokerage):
    # --- at every moment -----------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_sound(self) -> None:
        """I1 to I4, I8 and I9 on the stored rows; sums of zero; nobody below zero."""
        assert ledger.broken_invariants() == {}
        totals: Counter[str] = Counter()
        for _, _, currency, minor in ledger.trial_balance():
            totals[currency] += minor
        assert not any(totals.values())
        for kind in ("wallet", "in_transit"):
            assert not Account.objects.filter(kind=kind, balance__lt=0).exists()

    @invariant()
    def everybody_has_what_is_theirs(self) -> None:
        """Each wallet by re-adding; what wallets lack of it is, together with what waits, the house's suspense."""
        should, carried = wallets_should_have(), Counter[str]()
        for wallet in Account.objects.filter(kind="wallet"):
            key = (wallet.owner.partition(":")[2], wallet.currency)
            lacking = wallet.balance - should.pop(key, 0)
            assert lacking >= 0, (key, wallet.balance, lacking)
            carried[wallet.currency] += lacking
        assert not any(should.values()), should
        for currency in CURRENCIES:
            waiting = sum(SuspensePayment.objects.filter(currency=currency).values_list("left_minor", flat=True))
            assert house_balance("suspense", currency) == waiting - carried[currency], currency

    @invariant()
    def the_house_has_what_it_earned(self) -> None:
        for currency in CURRENCIES:
            credited = Deposit.objects.filter(
                state__in=[DepositState.CREDITED, DepositState.REVERSED], currency=currency
            )
            fees = sum(credited.exclude(received_minor=None).values_list("fee_minor", flat=True))
            paid = WithdrawalPart.objects.filter(state=PartState.PAID, currency=currency)
            fees += sum(paid.values_list("fee_minor", flat=True))
            adjusted = Adjustment.objects.filter(state=Decision.APPROVED, currency=currency)
            for kind, earned in (("fees", fees), ("goodwill", 0)):
                given = sum(adjusted.filter(counter=kind).values_list("amount_minor", flat=True))
                assert house_balance(kind, currency) == earned - given, (kind, currency)
            done = Exchange.objects.filter(state=ExchangeState.DONE)
            income = sum(one.worth_minor - one.get_minor for one in done if one.get_currency == currency)
            assert house_balance("fx_income", currency) == income
            position = sum(one.give_minor for one in done if one.give_currency == currency)
            position -= sum(one.worth_minor for one in done if one.get_currency == currency)
            assert house_balance("fx", currency) == position

    @invariant()
    def providers_cost_what_they_told(self) -> None:
        """Of each payment in or out once, however often it was told, and whether a report told it too."""
        should = providers_should_have_cost()
        for currency in CURRENCIES:
            assert house_balance("provider_fees", currency) == -should[currency], currency

    @invariant()
    def nothing_is_booked_that_did_not_happen(self) -> None:
        """Each effect in the ledger has a movement of its own at the provider. The other way round it may take time."""
        for account, moved in self.books():
            booked = self.booked(account, moved)
            assert not booked - moved, (account.kind, booked - moved, moved)
        for person in self.people:
            assert Deposit.objects.filter(client=person.client, first=True).count() <= 1

    @invariant()
    def what_is_set_aside_is_on_its_way(self) -> None:
        """Holds and money in transit belong to something that is still going on, to the unit."""
        for person in self.people:
            for wallet in Account.objects.filter(owner=client_owner(person.client.pk), kind="wallet"):
                assert wallet.held == self.set_aside(person, wallet.currency), (person, wallet)
            going = Transfer.objects.filter(account=person.account, state=TransferState.PENDING)
            amounts: Counter[str] = Counter()
            for row in going:
                amounts[row.direction] += row.amount_minor
            assert ledgers.in_transit(person.account).balance == amounts[Direction.TO_ACCOUNT]
            assert ledgers.mirror(person.account).held == amounts[Direction.TO_WALLET]

    def set_aside(self, person: Person, currency: str) -> int:
        parts = WithdrawalPart.objects.filter(
            withdrawal__client=person.client, currency=currency, state__in=[PartState.PLANNED, PartState.SENDING]
        )
        frozen = Freeze.objects.filter(client=person.client, currency=currency, active=True)
        sending = ClientTransfer.objects.filter(sender=person.client, currency=currency, state=SendingState.WAITING)
        return (
            sum(sent + fee for sent, fee in parts.values_list("amount_minor", "fee_minor"))
            + sum(freeze.held.minor for freeze in frozen)
            + sum(sending.values_list("amount_minor", flat=True))
        )

    @invariant()
    def the_server_has_what_we_say(self) -> None:
        """Its balance is the mirror's, give or take operations whose outcome we do not know yet."""
        for person in self.people:
            difference = self.on_server(person) - ledgers.mirror(person.account).balance
            reachable = {0}
            for row in Transfer.objects.filter(account=person.account, state=TransferState.PENDING):
                signed = -row.amount_minor if row.direction == Direction.TO_WALLET else row.amount_minor
                reachable |= {value + signed for value in reachable}
            assert difference in reachable

    def nothing_is_free_that_covers_a_loss(self) -> None:
        """Once everything has been heard: a client with a loss has money to use only when all of the loss is set aside."""
        for person in self.people:
            for freeze in Freeze.objects.filter(client=person.client, active=True):
                owner = client_owner(person.client.pk)
                wallet = Account.objects.filter(owner=owner, kind="wallet", currency=freeze.currency).first()
                free = wallet.balance - wallet.held if wallet else 0
                assert not free or freeze.held == freeze.uncovered, (freeze.held, freeze.uncovered, free)

    # --- what the other sides say --------------------------------------------------------------------------------------

    def on_server(self, person: Person) -> int:
        said = self.world.on_server(int(person.account.login or 0))["balance"]
        return Money.of(said, person.account.currency).minor

    def booked(self, provider: ProviderAccount, moved: Moved) -> Moved:
        """What the ledger says has moved at a provider: amounts as the provider sees them.

        A credit and what corrected it are one movement. An amount that was only presumed, and may be corrected yet, counts
        if there is such a movement.
        """
        accounts = dict(Account.objects.filter(kind=f"clearing:{provider.pk}").values_list("pk", "currency"))
        rows = list(Entry.objects.filter(account_id__in=accounts).order_by("id"))
        transfers = LedgerTransfer.objects.in_bulk({row.transfer_id for row in rows})
        found, credits, presumed = Moved(), dict[tuple[str, str], int](), set[tuple[str, str]]()
        for row in rows:
            transfer, currency = transfers[row.transfer_id], accounts[row.account_id]
            if transfer.kind in NOT_OF_THE_PROVIDER:
                continue
            if transfer.kind not in (posting.DEPOSIT, posting.TOLD):
                found[currency, -row.amount] += 1
                continue
            key = (str(transfer.data["deposit_id"]), currency)
            credits[key] = credits.get(key, 0) - row.amount
            (presumed.add if transfer.data.get("presumed") else presumed.discard)(key)
        for key, minor in credits.items():
            if key not in presumed:
                found[key[1], minor] += 1
        for _, currency in sorted(presumed):
            minor = credits[_, currency]
            if found[currency, minor] < moved[currency, minor]:
                found[currency, minor] += 1
        return +found
