"""The invariants of bonuses, proved on the stored rows, and credit compared with the trading servers.

Nightly, and whenever somebody asks. What does not hold is told as an event and marks the bonuses concerned.
"""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from django.db import transaction
from django.db.models import BigIntegerField, F, IntegerField, OuterRef, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, Greatest

from kernel.errors import Outside
from kernel.events import publish
from kernel.logs import log
from tenant_apps.ledger.models import Account, Entry
from tenant_apps.ledger.models import Transfer as LedgerTransfer
from tenant_apps.ledger.services import HOUSE
from tenant_apps.trading import platforms
from tenant_apps.trading.bridge.records import minor
from tenant_apps.trading.models import CaseKind, TradingAccount, TradingServer
from tenant_apps.trading.services import cases

from .. import events
from ..models import ENDED, CreditMove, Grant, MoveState
from .grants import BONUSES
from .moves import held, save, worry

CHUNK = 200


def broken() -> dict[str, list[str]]:
    """References of grants for which an invariant does not hold on the rows, by its name."""
    moved = CreditMove.objects.filter(grant=OuterRef("pk")).exclude(state=MoveState.FAILED).order_by()
    sums = moved.values("grant").annotate(sum=Sum("amount_minor")).values("sum")
    rows = Grant.objects.annotate(moved=Coalesce(Subquery(sums, output_field=IntegerField()), 0))
    found = {
        "B1": rows.exclude(credit_minor=Greatest(F("moved"), 0)),
        "B2": _paid_wrong(),
        "B4": rows.filter(state__in=ENDED).exclude(moved=0),
    }
    told = {name: list(wrong.values_list("reference", flat=True)) for name, wrong in found.items()}
    return {name: references for name, references in told.items() if references}


def _paid_wrong() -> QuerySet[Grant]:
    """Grants whose row and ledger disagree on what was paid out. One statement."""
    key = Concat(Value("bonuses.grant:"), Cast("pk", TextField()), Value(":released"), output_field=TextField())
    posted = LedgerTransfer.objects.filter(key=OuterRef("key")).values("pk")[:1]
    house = Account.objects.filter(owner=HOUSE, kind="bonus", currency=OuterRef("currency")).values("pk")[:1]
    out = Entry.objects.filter(transfer_id=OuterRef("posted"), account_id=OuterRef("house")).order_by()
    sums = out.values("transfer_id").annotate(sum=Sum("amount")).values("sum")
    rows = Grant.objects.annotate(key=key).annotate(posted=Subquery(posted), house=Subquery(house))
    booked = Coalesce(Subquery(sums), Value(0), output_field=BigIntegerField())
    return rows.annotate(booked=booked).exclude(booked=-F("paid_minor"))


def compare() -> int:
    """Credit at the servers against what our moves say (B3); how many accounts differ. Accounts with a move on its way,
    before or after the server was asked, are left for the next time."""
    accounts = CreditMove.objects.values_list("account_id", flat=True).distinct()
    rows = TradingAccount.objects.filter(pk__in=accounts, login__isnull=False).select_related("server")
    by_server: dict[TradingServer, list[TradingAccount]] = defaultdict(list)
    for row in rows.order_by("server_id", "login"):
        by_server[row.server].append(row)
    found = 0
    for server, mine in by_server.items():
        for at in range(0, len(mine), CHUNK):
            try:
                found += _compare(server, mine[at : at + CHUNK])
            except Outside as error:  # the others are still compared
                log.warning("credit_not_compared", server=server.name, error=str(error)[:200])
    return found


def _compare(server: TradingServer, accounts: list[TradingAccount]) -> int:
    before = _credit(accounts)
    logins = tuple(int(account.login or 0) for account in accounts)
    states = {state.login: state for state in platforms.ask(server, lambda one: one.account_states(logins=logins))}
    after = _credit(accounts)
    found = 0
    for account in accounts:
        state, ours = states.get(int(account.login or 0)), before.get(account.pk)
        if state is None or ours is None or after.get(account.pk) != ours:
            continue
        theirs = minor(state.credit, account.currency)
        if theirs != ours:
            _tell(account, theirs, ours)
            found += 1
    return found


def _credit(accounts: list[TradingAccount]) -> dict[UUID, int]:
    """Sum of the moves carried out, of accounts where nothing is on its way."""
    moves = CreditMove.objects.filter(account__in=accounts)
    moving = set(moves.filter(state=MoveState.PENDING).values_list("account_id", flat=True))
    sums = moves.filter(state=MoveState.DONE).values("account_id").annotate(sum=Sum("amount_minor"))
    told = dict.fromkeys((account.pk for account in accounts), 0) | {row["account_id"]: row["sum"] for row in sums}
    return {account_id: minor for account_id, minor in told.items() if account_id not in moving}


def _tell(account: TradingAccount, theirs: int, ours: int) -> None:
    amount = account.money(theirs - ours)
    cases.case_open(
        kind=CaseKind.MISMATCH, server=account.server, account=account, amount=amount,
        dedupe_key=f"credit:{account.pk}:{theirs}:{ours}", data={"login": account.login, "pocket": "credit"},
        again=True,
    )  # fmt: skip
    with transaction.atomic():
        for grant_id in Grant.objects.filter(account=account).exclude(state__in=ENDED).values_list("pk", flat=True):
            grant = held(grant_id)
            worry(grant, "credit_differs", BONUSES)
            save(grant)
        fact = events.BonusNeedsAttention(client_id=account.client_id, account_id=account.pk, problem="credit_differs")
        publish(fact, aggregate=account.aggregate, actor=BONUSES)
