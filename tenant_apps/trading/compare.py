"""Comparing with the servers, hourly for the last days and nightly for everything: what was changed, removed or missed.

A deal that differs is corrected here and the ledger's mirror follows by the difference; a case tells a person. A balance
that differs from the mirror by what no pending transfer explains (under_way.py), looked at three times, is a case too.
What the nightly comparison found is kept with its day, for the daily close.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from kernel import clock
from kernel.errors import Outside
from kernel.logs import log
from kernel.money import Money
from tenant_apps.trading import copies, ledgers, platforms, under_way
from tenant_apps.trading.bridge import ingest, posting
from tenant_apps.trading.bridge.records import (
    BY_HAND,
    DEAL_COLUMNS,
    AccountRef,
    accounts_of,
    deal_row,
    minor,
)
from tenant_apps.trading.models import (
    AccountState,
    CaseKind,
    Comparison,
    Deal,
    TradingAccount,
    TradingServer,
)
from tenant_apps.trading.ports import Deal as PlatformDeal
from tenant_apps.trading.ports import DealKind
from tenant_apps.trading.services import cases

RECENT = timedelta(days=3)
WHOLE = timedelta(days=365 * 15)
CHUNK = 50
LOOKS = 3
# What decides whether a deal is still the one we stored.
COMPARED = (
    "login",
    "kind",
    "entry",
    "symbol",
    "lots",
    "price",
    "profit_minor",
    "swap_minor",
    "commission_minor",
    "result_minor",
)


@dataclass(slots=True)
class Side:
    """One currency of a server, as `models.Comparison.figures` keeps it. Minor units."""

    platform: int = 0
    mirror: int = 0
    difference: int = 0
    accounts: int = 0
    differing: int = 0
    unsettled: int = 0
    missing: int = 0

    @property
    def in_transit(self) -> int:
        """Booked on one side only: what pending transfers explain, and what changed from look to look."""
        return self.platform - self.mirror - self.difference


class Look(NamedTuple):
    """An account when last looked at: both sides in minor units, and whether nothing explains what lies between."""

    platform: int
    mirror: int
    unexplained: bool


@dataclass(slots=True)
class Findings:
    """What a comparison found and put right."""

    sides: dict[str, Side] = field(default_factory=lambda: defaultdict(Side))
    compared: set[int] = field(default_factory=set)  # logins

    deals: int = 0
    missed: int = 0
    amended: int = 0
    deleted: int = 0
    mismatches: int = 0


def compare(server: TradingServer, *, since: datetime, day: date | None = None, whole: bool = False) -> Findings:
    """Compare all accounts of a server from `since` on, and keep the figures for the close of `day`; `whole`: as the night's
    comparison of that day. Raises Outside when the server cannot be asked; nothing is kept then."""
    found = Findings()
    accounts = accounts_of(server.pk)
    logins = sorted(login for login, account in accounts.items() if account.synced)
    for start in range(0, len(logins), CHUNK):
        chunk = {login: accounts[login] for login in logins[start : start + CHUNK]}
        _compare_deals(server, chunk, since, found)
        _compare_balances(server, chunk, found)
        for login in copies.follow(server, chunk) if whole else ():
            found.sides[chunk[login].currency].unsettled += 1
    if day is not None:
        _keep(server, day, found, whole=whole)
    return found


def _keep(server: TradingServer, day: date, found: Findings, *, whole: bool) -> None:
    """Accounts that were there when the day ended and that the server did not speak of are missing, not equal."""
    ended = datetime.combine(day + timedelta(days=1), time.min, UTC)
    rows = TradingAccount.objects.filter(
        server=server, live=True, state=AccountState.OPEN, login__isnull=False, created_at__lt=ended
    )
    for login, currency in rows.values_list("login", "currency"):
        found.sides[currency].missing += login not in found.compared
    figures = [
        {"currency": currency, "in_transit": side.in_transit, **asdict(side)}
        for currency, side in sorted(found.sides.items())
    ]
    Comparison.objects.create(server=server, day=day, at=clock.now(), figures=figures, whole=whole)


def compare_all(window: timedelta) -> list[Findings]:
    """All enabled servers of the brokerage; one that cannot be asked does not stop the others."""
    results = []
    for server in TradingServer.objects.filter(enabled=True):
        try:
            results.append(compare(server, since=clock.now() - window))
        except Outside as error:
            log.warning("compare_failed", server=server.name, error=str(error)[:200])
    return results


def _compare_deals(server: TradingServer, accounts: Mapping[int, AccountRef], since: datetime, found: Findings) -> None:
    """Ours are read before theirs: what the bridge stores while the server answers would look deleted there."""
    logins = tuple(accounts)
    ids = [account.id for account in accounts.values()]
    ours = {row.deal: row for row in Deal.objects.filter(server=server, account_id__in=ids, executed_at__gte=since)}
    theirs = {
        deal.deal: deal
        for deal in platforms.ask(
            server, lambda platform: platform.deals(since, clock.now() + timedelta(days=1), logins=logins)
        )
        if deal.login in accounts
    }
    found.deals += len(theirs)
    missing = [deal for number, deal in theirs.items() if number not in ours]
    found.missed += len(ingest.store_deals(server, missing, accounts, advance=False).new)
    for number, deal in theirs.items():
        if (row := ours.get(number)) and _differs(server, row, deal, accounts[deal.login]):
            found.amended += _amend(server, row, deal, accounts[deal.login])
    for number, row in ours.items():
        if number not in theirs and row.deleted_at is None:
            found.deleted += _delete(server, row)


def _values(deal: PlatformDeal, server: TradingServer, account: AccountRef) -> dict[str, Any]:
    return dict(zip(DEAL_COLUMNS, deal_row(deal, server.pk, account, clock.now()), strict=True))


def _differs(server: TradingServer, row: Deal, deal: PlatformDeal, account: AccountRef) -> bool:
    theirs = _values(deal, server, account)
    return row.deleted_at is not None or any(getattr(row, name) != theirs[name] for name in COMPARED)


def _amend(server: TradingServer, row: Deal, deal: PlatformDeal, account: AccountRef) -> int:
    theirs = _values(deal, server, account)
    with transaction.atomic():
        fresh = Deal.objects.select_for_update().get(pk=row.pk)
        before = 0 if fresh.deleted_at else fresh.result_minor
        changed = {name: theirs[name] for name in COMPARED if getattr(fresh, name) != theirs[name]}
        if not changed and fresh.deleted_at is None:
            return 0
        fresh.original = fresh.original or {name: str(getattr(fresh, name)) for name in COMPARED}
        fresh.amended_at, fresh.deleted_at = clock.now(), None
        for name, value in changed.items():
            setattr(fresh, name, value)
        fresh.save()
        _follow(server, fresh, fresh.result_minor - before, CaseKind.AMENDED_DEAL, sorted(changed))
    return 1


def _delete(server: TradingServer, row: Deal) -> int:
    with transaction.atomic():
        fresh = Deal.objects.select_for_update().get(pk=row.pk)
        if fresh.deleted_at:
            return 0
        fresh.deleted_at = clock.now()
        fresh.save(update_fields=["deleted_at"])
        _follow(server, fresh, -fresh.result_minor, CaseKind.DELETED_DEAL, [])
    return 1


def _follow(server: TradingServer, row: Deal, difference: int, kind: str, fields: list[str]) -> None:
    """The mirror follows the server by the difference; a case tells a person."""
    rows = TradingAccount.objects.select_related("server").select_for_update(of=("self",), no_key=True)
    account = rows.get(pk=row.account_id)
    stamp = f"{row.pk}:{clock.now():%Y%m%d%H%M%S%f}"
    amount = account.money(difference)
    by_hand = bool(difference and account.live) and DealKind(row.kind) in BY_HAND
    house = ledgers.COPYING if row.kind == DealKind.COPY else "trading-pnl"
    if difference and account.live:
        posting.move(
            account,
            amount,
            house="suspense" if by_hand else house,
            kind=f"trading.{kind}",
            key=f"trading.{kind}:{stamp}",
            data={"deal": row.deal, "reference": str(account)},
        )
    cases.case_open(
        kind=kind,
        server=server,
        account=account,
        amount=amount,
        dedupe_key=f"{kind}:{stamp}",
        data={
            "deal": row.deal,
            "fields": fields,
            "before": row.original or {},
            "after": {name: str(getattr(row, name)) for name in fields},
            **({"by_hand": True} if by_hand else {}),
        },
    )


def _compare_balances(server: TradingServer, accounts: Mapping[int, AccountRef], found: Findings) -> None:
    """A difference counts when it is the same in several looks, between which missed deals are read. One that changes is
    looked at again all the same: only when it is gone or explained at last, it is settled."""
    suspects = {login: account for login, account in accounts.items() if account.live}
    differences: dict[int, Money] = {}
    looked: dict[int, Look] = {}
    for look in range(LOOKS):
        current = _differences(server, suspects, looked)
        suspects = {login: suspects[login] for login in current}
        if look:
            current = {login: amount for login, amount in current.items() if differences.get(login) == amount}
        differences = current
        if not suspects:
            break
        now = clock.now()
        _fill(server, suspects, now - RECENT)
    _mismatches(accounts, differences, looked)
    found.mismatches += len(differences)
    for login, last in looked.items():
        side = found.sides[accounts[login].currency]
        side.platform, side.mirror = side.platform + last.platform, side.mirror + last.mirror
        side.accounts += 1
        if login in differences:
            side.difference, side.differing = side.difference + differences[login].minor, side.differing + 1
        else:
            side.unsettled += last.unexplained
    found.compared |= set(looked)


def _fill(server: TradingServer, accounts: Mapping[int, AccountRef], since: datetime) -> None:
    logins = tuple(accounts)
    deals = platforms.ask(
        server, lambda platform: platform.deals(since, clock.now() + timedelta(days=1), logins=logins)
    )
    ingest.store_deals(server, deals, accounts, advance=False)


def _differences(
    server: TradingServer, accounts: Mapping[int, AccountRef], looked: dict[int, Look]
) -> dict[int, Money]:
    """Server's balance less mirror, where no pending transfer explains it. `looked` gets all."""
    if not accounts:
        return {}
    logins = tuple(accounts)
    states = platforms.ask(server, lambda platform: platform.account_states(logins=logins))
    rows = TradingAccount.objects.select_related("server").in_bulk([account.id for account in accounts.values()])
    # Before the mirrors: what is carried out meanwhile stands on both sides by then.
    moving = under_way.pending(rows)
    mirrors = ledgers.mirrors(rows.values())
    found: dict[int, Money] = {}
    for state in states:
        account = accounts.get(state.login)
        if account is None:
            continue
        platform, mirror = minor(state.balance, account.currency), mirrors.get(account.id, 0)
        unexplained = not under_way.explains(moving.get(account.id, ()), platform - mirror)
        looked[state.login] = Look(platform, mirror, unexplained)
        if unexplained:
            found[state.login] = Money(platform - mirror, account.currency)
    return found


def _mismatches(
    accounts: Mapping[int, AccountRef], differences: Mapping[int, Money], looked: Mapping[int, Look]
) -> None:
    """Cases for the differences; those of accounts that agreed when last looked at are over. Of one that the server said
    nothing of, whose difference changed meanwhile or may be a transfer's, nothing is known: its case stays."""
    rows = TradingAccount.objects.select_related("server").in_bulk([accounts[login].id for login in differences])
    for login, amount in differences.items():
        cases.mismatch_open(rows[accounts[login].id], amount)
    cases.mismatches_agree(accounts[login].id for login, last in looked.items() if last.platform == last.mirror)
