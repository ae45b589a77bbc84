"""What has to be true of each brokerage when nothing is under way. The server's side is read from its own file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from benchmarks.soak.brokerages import WALLET, Brokerage
from kernel import clock, commands
from kernel.models import Command, OutboxMessage
from kernel.tenancy import context
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Account, Hold, HoldState
from tenant_apps.trading import compare, ledgers
from tenant_apps.trading.bridge.records import BY_HAND
from tenant_apps.trading.models import Case, CaseKind, Deal, Direction, TradingAccount, Transfer, TransferState
from tenant_apps.trading.operations import command_of, operation_id

SHOWN = 5


@dataclass
class Found:
    """`wrong` is empty, or the soak has failed. `seen` counts what was compared."""

    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


def prove(brokerages: Collection[Brokerage], amended: Collection[tuple[UUID, int]]) -> Found:
    """Compare as the night does, then prove."""
    found = Found()
    for one in brokerages:
        with context.use(one.ref):
            changed = {deal for server, deal in amended if server == one.server.pk}
            for wrong in _wrong(one, changed, found.seen):
                found.wrong.append(f"{one.ref.slug} ({one.kind}): {wrong}")
    return found


def _wrong(one: Brokerage, amended: set[int], seen: Counter[str]) -> Iterator[str]:
    yield from _compared(one, amended, seen)
    yield from _deals(one, seen)
    yield from _balances(one, seen)
    yield from _operations(one, seen)
    yield from _wallets(seen)
    yield from _cases(one, amended, seen)
    yield from _rest()


def _compared(one: Brokerage, amended: set[int], seen: Counter[str]) -> Iterator[str]:
    """The first look puts right what the dealer changed, and has nothing else to put right; the second nothing at all."""
    since = clock.now() - compare.WHOLE
    first, second = (compare.compare(one.server, since=since) for _ in range(2))
    seen["deals compared"] += second.deals
    seen["amended or removed, put right by the comparison"] += first.amended + first.deleted
    if first.missed or first.mismatches or first.amended + first.deleted > len(amended):
        yield f"the comparison found {first}"
    if second.missed or second.amended or second.deleted or second.mismatches:
        yield f"the comparison did not put it right: {second}"


def _deals(one: Brokerage, seen: Counter[str]) -> Iterator[str]:
    stored = {
        row.deal: (int(row.login), row.result_minor)
        for row in Deal.objects.filter(server=one.server, deleted_at=None).only("deal", "login", "result_minor")
    }
    theirs = {number: (login, total) for number, (login, total, _) in one.entries().items()}
    seen["deals, each once"] += len(theirs)
    for number in sorted(theirs.keys() - stored.keys())[:SHOWN]:
        yield f"deal {number} of {theirs[number]} is not stored"
    for number in sorted(stored.keys() - theirs.keys())[:SHOWN]:
        yield f"deal {number} of {stored[number]} is stored and not on the server"
    for number in [one for one in theirs.keys() & stored.keys() if theirs[one] != stored[one]][:SHOWN]:
        yield f"deal {number} is {stored[number]}, on the server {theirs[number]}"


def _balances(one: Brokerage, seen: Counter[str]) -> Iterator[str]:
    accounts = list(TradingAccount.objects.select_related("server"))
    mirrors, theirs = ledgers.mirrors(accounts), one.balances()
    ours = {int(row.login or 0): mirrors.get(row.pk, 0) for row in accounts}
    seen["balances, equal to the cent"] += len(theirs)
    for login in sorted(ours.keys() | theirs.keys()):
        if ours.get(login) != theirs.get(login):
            yield f"account {login}: ledger {ours.get(login)}, server {theirs.get(login)}"


def _operations(one: Brokerage, seen: Counter[str]) -> Iterator[str]:
    """What is done stands on the server once, with our id and for its amount; what was refused does not stand there."""
    theirs: dict[str, list[int]] = defaultdict(list)
    for _, total, comment in one.entries().values():
        if command_of(comment):
            theirs[comment.partition(" ")[0]].append(total)
    for row in Transfer.objects.all():
        seen[f"operations {row.state}"] += 1
        signed = -row.amount_minor if row.direction == Direction.TO_WALLET else row.amount_minor
        expected = [signed] if row.state == TransferState.DONE else []
        there = theirs.pop(operation_id(row.command_id), [])
        if row.state == TransferState.PENDING or there != expected:
            yield f"transfer {row.pk} {row.direction} {row.amount_minor} is {row.state}, on the server {there}"
    for unknown in list(theirs)[:SHOWN]:
        yield f"operation {unknown} is nobody's"


def _wallets(seen: Counter[str]) -> Iterator[str]:
    """Each client's wallet is what was there at first, less what went out of it, and what came back."""
    moved: Counter[str] = Counter()
    for row in Transfer.objects.filter(state=TransferState.DONE):
        signed = row.amount_minor if row.direction == Direction.TO_WALLET else -row.amount_minor
        moved[f"client:{row.client_id}"] += signed
    for account in Account.objects.filter(kind="wallet", owner__startswith="client:"):
        seen["wallets"] += 1
        if account.balance != WALLET + moved[account.owner]:
            yield f"wallet of {account.owner}: {account.balance}, not {WALLET + moved[account.owner]}"


def _cases(one: Brokerage, amended: set[int], seen: Counter[str]) -> Iterator[str]:
    """A case for each deal that the dealer made by hand, and none but these and those of what the dealer changed."""
    ours = {operation_id(pk) for pk in Transfer.objects.values_list("command_id", flat=True)}
    by_hand = Deal.objects.filter(server=one.server, kind__in=[kind.value for kind in BY_HAND])
    orphans = {
        deal for deal, comment in by_hand.values_list("deal", "comment") if comment.partition(" ")[0] not in ours
    }
    told: set[int] = set()
    for case in Case.objects.filter(server=one.server):
        seen[f"cases: {case.kind}"] += 1
        deal = int(case.data.get("deal", 0))
        if case.kind == CaseKind.ORPHAN_DEAL and deal in orphans:
            told.add(deal)
        elif case.kind not in (CaseKind.AMENDED_DEAL, CaseKind.DELETED_DEAL) or deal not in amended:
            yield f"case nobody can explain: {case.kind} {case.amount_minor} {case.data}"
    if orphans - told:
        yield f"money moved by hand without a case: {sorted(orphans - told)[:SHOWN]}"


def _rest() -> Iterator[str]:
    for row in Account.objects.filter(kind="in_transit").exclude(balance=0):
        yield f"{row.balance} in transit of {row.owner}"
    if held := Hold.objects.filter(state=HoldState.OPEN).count():
        yield f"{held} amounts held"
    if open_ones := Command.objects.filter(state__in=commands.OPEN).count():
        yield f"{open_ones} commands open"
    if dead := OutboxMessage.objects.filter(dead_at__isnull=False).values_list("name", "error")[:SHOWN]:
        yield f"events that could not be delivered: {list(dead)}"
    if broken := ledger.broken_invariants():
        yield f"the ledger's invariants: {broken}"
    sums: Counter[str] = Counter()
    for _, _, currency, minor in ledger.trial_balance():
        sums[currency] += minor
    if any(sums.values()):
        yield f"the trial balance: {dict(sums)}"
