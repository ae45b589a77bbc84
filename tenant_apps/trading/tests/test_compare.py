"""What was changed, removed or missed on the server is found, put right to the cent, and shown to a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.clock import now
from kernel.money import Money
from tenant_apps.ledger import selectors as ledger
from tenant_apps.trading import platforms, under_way
from tenant_apps.trading.bridge import ingest
from tenant_apps.trading.bridge.records import accounts_of
from tenant_apps.trading.compare import compare
from tenant_apps.trading.models import Case, CaseKind, Deal, TradingAccount, TradingServer
from tenant_apps.trading.operations import operation_id
from tenant_apps.trading.ports import AccountState as State
from tenant_apps.trading.ports import Amount, BalanceKind, BalanceOperation
from tenant_apps.trading.services import transfers
from tenant_apps.trading.services.cases import case_open
from tenant_apps.trading.tests.conftest import TEST, World
from tenant_apps.trading.tests.test_bridge import server_minor, trader
from tenant_apps.trading.tests.test_journey import balance


def look(world: World) -> tuple[int, int, int, int]:
    found = compare(world.server, since=now() - timedelta(days=1))
    return found.missed, found.amended, found.deleted, found.mismatches


def agrees(world: World, account: TradingAccount) -> bool:
    return balance(account.client_id, account.ledger_kind) == server_minor(world, account)


def test_missed_deals_are_read_and_posted(world: World) -> None:
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 10})
    assert look(world) == (11, 0, 0, 0)
    assert agrees(world, account)
    assert look(world) == (0, 0, 0, 0)
    assert Case.objects.count() == 0


def test_an_amended_deal_moves_the_mirror_by_the_difference(world: World) -> None:
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 2})
    look(world)
    closing = Deal.objects.get(entry="out")
    world.admin("POST", "/faults", {"kind": "amend_deal", "deal": closing.deal, "profit": "123.45"})
    assert look(world) == (0, 1, 0, 0)
    closing.refresh_from_db()
    assert (closing.profit_minor, closing.amended_at is not None) == (12_345, True)
    assert closing.original is not None
    assert agrees(world, account)
    (case,) = Case.objects.all()
    assert (case.kind, case.data["after"]) == (
        CaseKind.AMENDED_DEAL, {"profit_minor": "12345", "result_minor": str(closing.result_minor)},
    )  # fmt: skip
    assert look(world) == (0, 0, 0, 0)
    assert ledger.broken_invariants() == {}


def test_a_deleted_deal_is_taken_back(world: World) -> None:
    account = trader(world)
    world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 2})
    look(world)
    closing = Deal.objects.get(entry="out")
    world.admin("POST", "/faults", {"kind": "delete_deal", "deal": closing.deal})
    assert look(world) == (0, 0, 1, 0)
    assert agrees(world, account)
    (case,) = Case.objects.all()
    assert (case.kind, case.suspended) == (CaseKind.DELETED_DEAL, None)
    assert look(world) == (0, 0, 0, 0)


def test_a_movement_of_money_that_was_deleted_leaves_its_amount_in_suspense(world: World) -> None:
    account = trader(world)
    look(world)
    world.admin("POST", "/faults", {"kind": "delete_deal", "deal": Deal.objects.get(kind="balance").deal})
    assert look(world) == (0, 0, 1, 0)
    assert agrees(world, account)
    (case,) = Case.objects.all()
    assert case.suspended == Money(-1_000_000, "EUR")
    house = {kind: minor for owner, kind, _, minor in ledger.trial_balance() if owner == "house"}
    assert house["suspense"] == 1_000_000


def test_deals_stored_while_the_server_answers_are_not_taken_for_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Robots and people trade on; the bridge stores their deals between the server's answer and the comparison."""
    account = trader(world)
    look(world)
    asked, since = platforms.ask, now() - timedelta(days=1)

    def traded_meanwhile(server: TradingServer, call: Any) -> Any:
        answer = asked(server, call)
        if Deal.objects.count() < 3:
            world.admin("POST", "/faults", {"kind": "burst", "login": account.login, "count": 2})
            logins = (account.login,)
            deals = asked(server, lambda platform: platform.deals(since, now() + timedelta(days=1), logins=logins))
            ingest.store_deals(server, deals, accounts_of(server.pk))
        return answer

    monkeypatch.setattr(platforms, "ask", traded_meanwhile)
    assert look(world) == (0, 0, 0, 0)
    assert Deal.objects.count() == 3
    assert agrees(world, account)
    assert Case.objects.count() == 0


def test_an_operation_carried_out_after_it_was_given_up_is_shown_to_a_person(world: World) -> None:
    """Our side gave the money back; the server moved it all the same. The mirror follows, and the house carries it."""
    account = trader(world)
    look(world)
    world.funds(account.client, 3_000)
    row = transfers.transfer_to_account(actor=TEST, account=account, amount=Money(3_000, "EUR"), key="late")
    with transaction.atomic():
        transfers.refused(row, problem="other", actor=TEST)
    operation = BalanceOperation(
        login=account.login, kind=BalanceKind.BALANCE, amount=Amount(Decimal(30)),
        operation_id=operation_id(row.command_id), note="",
    )  # fmt: skip
    platforms.ask(world.server, lambda platform: platform.balance_operation(operation))
    assert look(world) == (1, 0, 0, 0)
    assert agrees(world, account)
    assert [case.kind for case in Case.objects.all()] == [CaseKind.ORPHAN_DEAL]
    assert ledger.broken_invariants() == {}


def test_money_without_a_deal_is_a_mismatch_until_it_is_put_right(world: World) -> None:
    account = trader(world)
    look(world)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "7.50"})
    assert look(world) == (0, 0, 0, 1)
    case = Case.objects.get()
    assert (case.kind, case.amount_minor, case.resolved_at) == (CaseKind.MISMATCH, 750, None)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "-7.50"})
    assert look(world) == (0, 0, 0, 0)
    case.refresh_from_db()
    assert case.resolved_at is not None


def shift(world: World, account: TradingAccount, amount: str) -> None:
    """The server's balance moves without a deal."""
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": amount})


def of_states(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """What the server says of its accounts goes through `change` first."""
    asked = platforms.ask

    def ask(server: TradingServer, call: Any) -> Any:
        answer = asked(server, call)
        return change(answer) if answer and isinstance(answer[0], State) else answer

    monkeypatch.setattr(platforms, "ask", ask)


def differing(world: World) -> tuple[TradingAccount, Case]:
    """An account that has 7.50 more on the server, and its case."""
    account = trader(world)
    look(world)
    shift(world, account, "7.50")
    assert look(world) == (0, 0, 0, 1)
    return account, Case.objects.get()


def test_a_mismatch_that_a_transfer_may_explain_stays_open(world: World) -> None:
    account, case = differing(world)
    world.funds(account.client, 750)
    transfers.transfer_to_account(actor=TEST, account=account, amount=Money(750, "EUR"), key="same amount")
    assert look(world) == (0, 0, 0, 0)
    case.refresh_from_db()
    assert case.resolved_at is None


def test_a_mismatch_that_the_server_says_nothing_of_stays_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, case = differing(world)
    of_states(monkeypatch, lambda answer: ())
    assert look(world) == (0, 0, 0, 0)
    case.refresh_from_db()
    assert case.resolved_at is None


def test_a_mismatch_that_changes_from_look_to_look_stays_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account, case = differing(world)

    def moved_since(answer: Any) -> Any:
        shift(world, account, "1.00")
        return answer

    of_states(monkeypatch, moved_since)
    assert look(world) == (0, 0, 0, 0)
    case.refresh_from_db()
    assert case.resolved_at is None


def test_balances_are_read_in_one_query_however_many_accounts(world: World) -> None:
    asked = []
    for _ in range(2):
        trader(world)
        look(world)
        with CaptureQueriesContext(connection) as queries:
            look(world)
        asked.append(sum('FROM "ledger_account"' in query["sql"] for query in queries))
    assert asked == [1, 1]


def test_a_mismatch_that_is_found_again_is_a_new_case_on_the_same_day_too(world: World) -> None:
    account, _ = differing(world)
    for amount, unresolved in (("-7.50", 0), ("7.50", 1)):
        shift(world, account, amount)
        look(world)
        assert Case.objects.filter(resolved_at=None).count() == unresolved
    assert Case.objects.count() == 2


def test_a_mismatch_that_stays_is_one_case_over_midnight(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, case = differing(world)
    tomorrow = clock.today() + timedelta(days=1)
    monkeypatch.setattr(clock, "today", lambda: tomorrow)
    assert look(world) == (0, 0, 0, 1)
    assert Case.objects.get() == case


def test_balances_that_agree_say_nothing_of_credit(world: World) -> None:
    account = trader(world)
    case_open(
        kind=CaseKind.MISMATCH, server=account.server, account=account, amount=Money(500, "EUR"),
        dedupe_key=f"credit:{account.pk}:500:0", data={"pocket": "credit"},
    )  # fmt: skip
    look(world)
    assert Case.objects.get().resolved_at is None


@pytest.mark.parametrize(
    ("moves", "explained", "unexplained"),
    [
        ((), (0,), (1, -1)),
        ((3_000,), (0, 3_000), (1, 750, -3_000, 3_001)),
        ((-3_000,), (0, -3_000), (3_000, -1)),
        ((3_000, -500, 200), (0, 3_000, 2_500, 2_700, 3_200, -300, 200), (300, 500, -700, 3_700)),
        ((100,) * 9 + (-100,), (0, 1, 900, -100), (901, -101)),  # of many only the bounds
    ],
)
def test_pending_transfers_explain_their_partial_sums(
    moves: tuple[int, ...], explained: tuple[int, ...], unexplained: tuple[int, ...]
) -> None:
    assert [under_way.explains(moves, one) for one in explained] == [True] * len(explained)
    assert [under_way.explains(moves, one) for one in unexplained] == [False] * len(unexplained)


def test_money_to_a_wallet_explains_a_smaller_balance_only(world: World) -> None:
    account = trader(world)
    look(world)
    transfers.transfer_to_wallet(actor=TEST, account=account, amount=Money(750, "EUR"), key="out")
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "-7.50"})
    assert look(world) == (0, 0, 0, 0)
    world.admin("POST", "/faults", {"kind": "balance_mismatch", "login": account.login, "amount": "15.00"})
    assert look(world) == (0, 0, 0, 1)
