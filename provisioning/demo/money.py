"""Money of the past, posted in the order of time: deposits, what was passed on, what trading did, withdrawals.

Every amount goes through the ledger's own functions; rows beside it are written in bulk. Deals are read from the trading
server over its own protocol and stored by the bridge's code, so that server, ledger and pages tell the same story.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from kernel import clock
from kernel.errors import AppError
from kernel.ids import short_id
from kernel.money import Money

from . import capital
from .book import BATCH, SEED, Book
from .markets import command_id, server_of
from .people import stage_line
from .plan import Life, months

OPEN_REQUESTS = 6
DECLINES = (
    "insufficient_funds",
    "declined",
    "authentication",
    "expired_card",
    "cancelled",
)  # of every so manieth payment
DECLINED_EVERY = 6
TOLD_EVERY = 250  # postings between two lines of progress
IBAN = "DE89370400440532013000"  # the example of ISO 13616
Step = tuple[datetime, int, Callable[[], None]]


def write(book: Book) -> None:
    """Post everything that happened, month by month, after what the brokerage itself brought."""
    capital.write(book)
    deposits = _deposits(book)
    withdrawals = _withdrawals(book)
    steps: list[Step] = []
    for life in book.lives:
        for number, paid in enumerate(life.deposits):
            deposit = deposits[life.index, number]
            steps.append((paid.at, len(steps), lambda row=deposit: _credit(row)))  # type: ignore[misc]
            if paid.to_account:
                operation = command_id(book.broker, life, number)
                at = paid.at + timedelta(seconds=20)
                steps.append((at, len(steps), lambda found=operation: _pass_on(found)))  # type: ignore[misc]
        for number, paid in enumerate(life.withdrawals):
            row = withdrawals[life.index, number]
            steps.append((paid.at, len(steps), lambda found=row: _pay_out(found)))  # type: ignore[misc]
    steps.sort(key=lambda step: step[:2])
    _post(book, steps)
    _curves()
    _requests(book)
    book.trail.write()


def _post(book: Book, steps: list[Step]) -> None:
    """The steps of a month, then what trading did in it."""
    if not steps:
        return
    read_from, at = clock.now() - timedelta(minutes=10), 0
    for begin, end in months(min(life.created_at for life in book.lives), clock.now() + timedelta(minutes=1)):
        while at < len(steps) and steps[at][0] < end:
            moment, _, work = steps[at]
            with clock.frozen_at(moment):
                work()
            at += 1
            if at % TOLD_EVERY == 0:
                book.say(f"{book.broker.name}: {at} of {len(steps)} postings in the ledger")
        _deals(book, begin, end)
    _watermark(book, read_from)


# --- deposits ------------------------------------------------------------------------------------------------------


def _deposits(book: Book) -> dict[tuple[int, int], Any]:
    from tenant_apps.payments.models import Deposit, DepositState, MethodRule

    offered = defaultdict(list)
    for rule in MethodRule.objects.select_related("provider_account").order_by("position"):
        offered[rule.provider_account.kind, rule.currency].append(rule)
    rows: dict[tuple[int, int], Any] = {}
    declined: list[Any] = []
    for life in book.lives:
        client = book.clients[life.index]
        for number, paid in enumerate(life.deposits):
            rules = offered[paid.provider, paid.currency]
            rule = next((one for one in rules if one.method == paid.method), rules[0])
            rows[life.index, number] = Deposit(
                client=client, reference=f"D{short_id(8).upper()}", amount_minor=paid.minor, currency=paid.currency,
                received_minor=paid.minor, provider_account=rule.provider_account, rule=rule, method=rule.method,
                state=DepositState.CREDITED, provider_reference=f"demo-{life.index}-{number}",
                source=_source(life, paid), first=number == 0, language=life.language, cost_minor=_cost(rule, paid),
                pending_at=paid.at - timedelta(seconds=40 + 31 * (life.index % 9)),
                credited_at=paid.at, closed_at=paid.at, created_at=paid.at - timedelta(minutes=6), updated_at=paid.at,
            )  # fmt: skip
            if (life.index + number) % DECLINED_EVERY == 0 and rule.provider_account.kind != "bank_wire":
                declined.append(_declined(rows[life.index, number], paid.at, len(declined)))
    Deposit.objects.bulk_create([*rows.values(), *declined], batch_size=BATCH)
    for (index, number), row in rows.items():
        _deposit_lines(book, book.clients[index], row, number)
    return rows


def _source(life: Life, paid: Any) -> str:
    """What it was paid with, masked as providers and banks tell it: the same at each payment of a client."""
    digits = f"•••• {1000 + 37 * life.index % 9000}"
    return {"card": f"visa {digits}", "wire": f"{life.country.code} {digits}"}.get(paid.method, "")


def _cost(rule: Any, paid: Any) -> int:
    from tenant_apps.payments.services.routing import cost_of

    return cost_of(rule, Money(paid.minor, paid.currency)).minor


def _declined(row: Any, at: datetime, number: int) -> Any:
    """The try before the one that came through."""
    from tenant_apps.payments.models import Deposit, DepositState

    return Deposit(
        client=row.client, reference=f"D{short_id(8).upper()}", amount_minor=row.amount_minor, currency=row.currency,
        provider_account=row.provider_account, rule=row.rule, method=row.method, state=DepositState.FAILED,
        provider_reference=f"{row.provider_reference}-no", failure=DECLINES[number % len(DECLINES)],
        language=row.language, pending_at=at - timedelta(minutes=10), closed_at=at - timedelta(minutes=9),
        created_at=at - timedelta(minutes=11), updated_at=at - timedelta(minutes=9),
    )  # fmt: skip


def _deposit_lines(book: Book, client: Any, row: Any, number: int) -> None:
    book.trail.line(
        client.pk, "payments.deposit_credited", row.credited_at, SEED, deposit_id=row.pk, reference=row.reference,
        amount=row.amount, method=row.method, first=number == 0,
    )  # fmt: skip
    book.trail.act(
        "payments.deposit_credited", row.credited_at, SEED, row, client.pk, received=str(row.amount), first=number == 0
    )
    if number == 0:
        stage_line(book, client, "funded", row.credited_at)


def _credit(row: Any) -> None:
    from tenant_apps.payments.services.posting import deposit_post

    deposit_post(row, row.amount, Money.zero(row.currency), actor=SEED)


def _pass_on(operation: Any) -> None:
    """Wallet → on its way → account, as the two transfers that the services would have posted."""
    from tenant_apps.ledger import services as ledger
    from tenant_apps.trading import ledgers
    from tenant_apps.trading.models import Transfer

    row = Transfer.objects.select_related("account").get(command_id=operation)
    account, amount = row.account, row.amount
    data = {"transfer_id": str(row.pk), "reference": str(account), "account_id": str(account.pk)}
    ways = (
        ("begun", ledgers.wallet(account), ledgers.in_transit(account)),
        ("done", ledgers.in_transit(account), ledgers.mirror(account)),
    )
    for name, giver, taker in ways:
        ledger.post(
            kind="trading.to_account",
            legs=[ledger.Leg(giver, -amount), ledger.Leg(taker, amount)],
            key=f"trading.transfer:{row.pk}:{name}",
            actor=SEED,
            data=data,
        )


# --- trading -------------------------------------------------------------------------------------------------------


def _deals(book: Book, begin: datetime, end: datetime) -> None:
    """A month's deals, from the server into our tables and the ledger."""
    from tenant_apps.trading import platforms
    from tenant_apps.trading.bridge.ingest import store_deals
    from tenant_apps.trading.bridge.records import accounts_of
    from tenant_apps.trading.models import Transfer
    from tenant_apps.trading.operations import command_of
    from tenant_apps.trading.ports import DealKind

    server = server_of(book.broker)
    groups = ",".join(sorted(set(server.account_types.values_list("group", flat=True))))
    deals = platforms.ask(server, lambda platform: platform.deals(begin, end, group=groups))
    for deal in deals:
        if deal.kind is DealKind.BALANCE and (operation := command_of(deal.comment)):
            Transfer.objects.filter(command_id=operation, deal=None).update(deal=deal.deal)
    with clock.frozen_at(min(end, clock.now())):
        store_deals(server, deals, accounts_of(server.pk), history=True)


def _watermark(book: Book, read_from: datetime) -> None:
    """The bridge goes on reading a little before where the seed has ended."""
    from tenant_apps.trading.models import Watermark

    Watermark.objects.update_or_create(server=server_of(book.broker), defaults={"deals_until": read_from})


def _curves() -> None:
    """A point of each account's curve per day with deals, from the deals themselves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_equity_point (account_id, at, balance_minor, equity_minor)"
            " SELECT account_id, day, (sum(total) OVER w)::bigint, (sum(total) OVER w)::bigint FROM ("
            "  SELECT account_id, date_trunc('minute', max(executed_at)) AS day, sum(result_minor) AS total"
            "    FROM trading_deal GROUP BY account_id, executed_at::date) AS days"
            " WINDOW w AS (PARTITION BY account_id ORDER BY day) ON CONFLICT DO NOTHING"
        )


# --- withdrawals ---------------------------------------------------------------------------------------------------


def _withdrawals(book: Book) -> dict[tuple[int, int], Any]:
    """Paid by wire, after two pairs of eyes."""
    from tenant_apps.payments.models import Withdrawal, WithdrawalState

    proposer, approver = (book.actor(book.staff("finance", number)) for number in (0, 1))
    rows: dict[tuple[int, int], Any] = {}
    for life in book.lives:
        client = book.clients[life.index]
        for number, paid in enumerate(life.withdrawals):
            asked = paid.at - timedelta(hours=9)
            rows[life.index, number] = Withdrawal(
                client=client, reference=f"W{short_id(8).upper()}", amount_minor=paid.minor, paid_minor=paid.minor,
                currency=paid.currency, state=WithdrawalState.PAID, iban=IBAN, holder=client.bank_name,
                proposer_id=proposer.id, proposer_label=proposer.label, approver_id=approver.id,
                approver_label=approver.label, checked_at=paid.at - timedelta(hours=5),
                approved_at=paid.at - timedelta(hours=2), closed_at=paid.at, created_at=asked, updated_at=paid.at,
                checks=[{"code": code, "good": True} for code in ("funds", "kyc", "limits", "no_reversal", "name", "iban")],
            )  # fmt: skip
            row = rows[life.index, number]
            told = ((asked, "requested", book.client_actor(life)), (row.checked_at, "checked", proposer),
                    (row.approved_at, "approved", approver), (row.closed_at, "paid", SEED))  # fmt: skip
            for at, what, who in told:
                kind = f"payments.withdrawal_{what}"
                book.trail.line(
                    client.pk, kind, at, who, withdrawal_id=row.pk, reference=row.reference, amount=row.amount
                )
                book.trail.act(kind, at, who, row, client.pk, amount=str(row.amount))
    Withdrawal.objects.bulk_create(list(rows.values()), batch_size=BATCH)
    return rows


def _pay_out(row: Any) -> None:
    """Hold and capture, as request and payment would."""
    from tenant_apps.payments.models import PartState, WithdrawalPart
    from tenant_apps.payments.payouts import WIRE
    from tenant_apps.payments.services import posting
    from tenant_apps.payments.services.payout_routing import accounts_paying

    wire = accounts_paying(row.client, row.currency, WIRE, row.destination, sends=lambda account: row.amount)[0]
    part = WithdrawalPart(
        withdrawal=row, provider_account=wire, amount_minor=row.amount_minor, currency=row.currency,
        state=PartState.PAID, sent_by=row.approver_label, closed_at=clock.now(), created_at=row.created_at,
    )  # fmt: skip
    part.hold_id = str(posting.part_hold(part, actor=SEED).pk)
    part.save(force_insert=True)
    posting.part_capture(part, actor=SEED)


def _requests(book: Book) -> None:
    """A few withdrawals of today that wait for finance, one of them checked already."""
    from tenant_apps.payments.services.withdrawals import withdrawal_check
    from tenant_apps.wallets.selectors import wallet_of

    made = 0
    for life in reversed(book.lives):
        if made == min(OPEN_REQUESTS, max(1, book.size // 10)):
            break
        wallet = wallet_of(book.clients[life.index].pk, life.currency)
        if life.known or wallet is None or wallet.available.minor <= 0:
            continue
        with clock.frozen_at(book.until - timedelta(hours=1 + 3 * made)):
            row = _request(book, life, wallet.available, verified=made != 2)
            if row is not None and made == 1:
                withdrawal_check(actor=book.actor(book.staff("finance")), withdrawal_id=row.pk)
        made += row is not None


def _request(book: Book, life: Life, amount: Money, *, verified: bool) -> Any:
    from tenant_apps.payments.services.destinations import destination_verify
    from tenant_apps.payments.services.withdrawals import withdrawal_request

    client = book.clients[life.index]
    try:
        row = withdrawal_request(
            actor=book.client_actor(life), client=client, amount=amount, iban=_iban(life.index), holder=client.bank_name
        )
        if row.destination is not None and verified:  # one waits for finance to verify the account
            destination_verify(actor=book.actor(book.staff("finance")), destination_id=row.destination.pk)
        return row
    except AppError:  # a limit of the brokerage's; the next client's request will do
        return None


def _iban(number: int) -> str:
    """A German account number of a client's own, with right check digits (ISO 13616)."""
    account = f"37040044{532013000 + number:010d}"
    check = 98 - int(account + "131400") % 97
    return f"DE{check:02d}{account}"
