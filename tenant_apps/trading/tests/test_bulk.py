"""One setting of many accounts: what the preview says is what is done, once, and nothing that must not be."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from kernel import clock, commands
from kernel.actors import Actor, Reach
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.events import Envelope
from kernel.ids import uuid7
from kernel.models import AuditEntry, Command
from kernel.tests.dying import forked, killed_anywhere
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import User
from tenant_apps.clients.errors import SamePerson
from tenant_apps.clients.models import Client, LegalEntity, TimelineEntry
from tenant_apps.notifications.models import Notification
from tenant_apps.trading import bulk_selectors, caps, handlers, platforms
from tenant_apps.trading.errors import (
    AccountNotReady,
    BulkEmpty,
    BulkOver,
    BulkTooMany,
    LeverageAboveCap,
    LeverageRefused,
    MoneyMoves,
    PlatformRejected,
    PositionsOpen,
    Rejection,
    TypeUnfit,
)
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    BulkChange,
    BulkChangeRow,
    Position,
    TradingAccount,
    TradingServer,
    Transfer,
)
from tenant_apps.trading.services import accounts, bulk, bulk_running
from tenant_apps.trading.tests.conftest import TEST, World, settle
from tenant_apps.trading.tests.test_pages import Desk

GRANTS = dict.fromkeys(("trading.view", "trading.bulk.view", "trading.bulk.edit"), Reach.ALL)
APPROVER = {**GRANTS, "trading.bulk.approve": Reach.ALL}


class Book(Desk):
    """A brokerage with some accounts, each of a client of its own."""

    def __init__(self, tenant: Any, count: int = 4) -> None:
        super().__init__(tenant)
        self.people = [self.person(f"p{number}@example.com", number=10 + number) for number in range(count)]
        self.rows = [self.account_of(person, 600 + number) for number, person in enumerate(self.people)]
        self.case.delete()
        self.account.delete()
        self.pro = self.a_type("pro", leverages=[30])

    def a_type(self, group: str, **values: Any) -> AccountType:
        given = {"server": self.server, "currency": "EUR", "leverages": [10, 30], "leverage_default": 30, **values}
        return AccountType.objects.create(name=group.title(), group=group, **given)

    def staff(self, grants: dict[str, Reach]) -> User:
        """Each of them somebody else: who shares a name may be one human."""
        user = super().staff(grants)
        user.name = f"Agent {user.email}"
        user.save()
        return user

    def actor(self, grants: dict[str, Reach] = GRANTS) -> Actor:
        return actor_for(self.staff(grants))

    def traded(self, account: TradingAccount) -> Position:
        return Position.objects.create(
            server=self.server, account=account, position=account.login, symbol="EURUSD", side="buy", lots=1,
            price_open=1, price_current=1, profit_minor=0, swap_minor=0, currency="EUR", opened_at=clock.now(),
            seen_at=clock.now(),
        )  # fmt: skip

    def moved(self, account: TradingAccount) -> Transfer:
        return Transfer.objects.create(
            account=account,
            client_id=account.client_id,
            direction="in",
            amount_minor=5,
            currency="EUR",
            key=uuid7().hex,
        )


@pytest.fixture
def book(tenant: Any) -> Book:
    return Book(tenant)


class Server:
    """A trading server that takes every setting, but of the logins in `refuses`."""

    def __init__(self) -> None:
        self.refuses: set[int] = set()
        self.asked: list[tuple[int, Any]] = []

    async def account_update(self, login: int, change: Any) -> Any:
        self.asked.append((login, change.leverage or change.group))
        if login in self.refuses:
            raise PlatformRejected("no", name=Rejection.NO_PERMISSION, number=8)
        return SimpleNamespace(leverage=change.leverage, group=change.group, rights=SimpleNamespace(can_trade=True))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(platforms, "ask", lambda row, call: asyncio.run(call(made)))
    return made


def carry_out(change: BulkChange) -> BulkChange:
    """Step, and what the workers would do, until it is over."""
    for _ in range(20):
        bulk_running.step(change.pk)
        for row in commands.due():
            commands.run(row.pk)
        change.refresh_from_db()
        if change.finished_at:
            return change
    raise AssertionError("never over")


def results(change: BulkChange) -> dict[int, tuple[str, str]]:
    rows = change.rows.order_by("account__login").values_list("account__login", "state", "reason")
    return {login: (state, reason) for login, state, reason in rows}


def levers() -> dict[int, int]:
    return dict(TradingAccount.objects.order_by("login").values_list("login", "leverage"))


# --- what stands against a single change -----------------------------------------------------------------------------


def test_the_clients_rules_cap_leverage_at_every_entrance(book: Book) -> None:
    kind = book.a_type("wild", leverages=[30, 100, 500], leverage_default=100)
    account = book.rows[0]
    TradingAccount.objects.filter(pk=account.pk).update(account_type=kind)
    with pytest.raises(LeverageAboveCap):  # a resident of Germany, whatever the type offers
        accounts.leverage_set(actor=TEST, account=account, leverage=100)
    with pytest.raises(LeverageAboveCap):
        accounts.account_open(actor=TEST, client=book.people[0], account_type=kind, leverage=500)
    assert not Command.objects.exists()
    opened = accounts.account_open(actor=TEST, client=book.people[0], account_type=kind)
    assert opened.leverage == 30, "the most below the type's usual one"
    demo = book.a_type("demo", leverages=[30, 500], leverage_default=500, live=False)
    assert accounts.account_open(actor=TEST, client=book.people[0], account_type=demo).leverage == 500


def test_one_person_alone_moves_nobody_out_of_the_rules(book: Book) -> None:
    """A change of a verified identity waits for a second person: until then the strictest rules hold, at every entrance."""
    kind, account, person = book.a_type("wild", leverages=[30, 500], leverage_default=500), book.rows[0], book.people[0]
    TradingAccount.objects.filter(pk=account.pk).update(account_type=kind)
    Client.objects.filter(pk=person.pk).update(country="KZ", identity_changed_at=clock.now())
    person.refresh_from_db()
    with pytest.raises(LeverageAboveCap):
        accounts.leverage_set(actor=TEST, account=account, leverage=500)
    with pytest.raises(LeverageAboveCap):
        accounts.account_open(actor=TEST, client=person, account_type=kind, leverage=500)
    planned = bulk.plan(actor=book.actor(), query="", leverage=500)
    assert results(planned)[account.login or 0] == ("skipped", "above_cap")
    Client.objects.filter(pk=person.pk).update(identity_confirmed_at=clock.now())
    assert accounts.leverage_set(actor=TEST, account=account, leverage=500).payload["leverage"] == 500


def test_no_first_account_where_the_rules_allow_none_of_its_leverages(book: Book) -> None:
    AccountType.objects.update(automatic=False)
    book.a_type("wild", leverages=[100, 500], leverage_default=100, automatic=True)
    person = book.people[0]
    told = {"client_id": str(person.pk)}
    handlers.on_kyc_approved(Envelope(uuid7(), "kyc.approved", "x", told, clock.now(), {}))
    assert not Command.objects.exists()
    line = TimelineEntry.objects.get(client_id=person.pk, kind="trading.account_failed")
    assert line.data["problem"] == "leverage_above_cap"


def test_the_stricter_of_country_and_legal_entity_caps(book: Book, django_assert_num_queries: Any) -> None:
    entity = LegalEntity.objects.create(name="Isle Ltd", pack="fca")
    default = LegalEntity.objects.create(name="Home Ltd", pack="", is_default=True)
    with django_assert_num_queries(1):
        known = caps.Caps.load()
        found = [known.of(*who) for who in (("AE", None), ("AE", entity.pk), ("AE", default.pk), ("DE", default.pk))]
    assert found == [None, 30, None, 30]
    assert (caps.allowed([30, 100], 30), caps.allowed([30, 100], 30, live=False)) == ([30], [30, 100])


def test_a_type_changes_within_server_currency_and_reality_only(book: Book) -> None:
    account = book.rows[0]
    there = TradingServer.objects.create(name="other", host="other.example", manager=1)
    for kind in (
        book.a_type("a", server=there), book.a_type("b", currency="USD"), book.a_type("c", live=False),
    ):  # fmt: skip
        with pytest.raises(TypeUnfit):
            accounts.account_type_set(actor=TEST, account=account, account_type=kind)
    with pytest.raises(LeverageRefused):
        accounts.account_type_set(actor=TEST, account=account, account_type=book.a_type("d", leverages=[10]))
    transfer = book.moved(account)
    with pytest.raises(MoneyMoves):
        accounts.account_type_set(actor=TEST, account=account, account_type=book.pro)
    transfer.delete()
    book.traded(account)
    with pytest.raises(PositionsOpen):
        accounts.account_type_set(actor=TEST, account=account, account_type=book.pro)
    TradingAccount.objects.filter(pk=account.pk).update(state=AccountState.ARCHIVED)
    with pytest.raises(AccountNotReady):
        accounts.account_type_set(actor=TEST, account=account, account_type=book.pro)
    assert not Command.objects.exists()
    Position.objects.all().delete()
    TradingAccount.objects.filter(pk=account.pk).update(state=AccountState.OPEN)
    row = accounts.account_type_set(actor=TEST, account=account, account_type=book.pro)
    assert (row.before, row.payload["group"]) == ({"group": "std"}, "pro")


# --- the preview -----------------------------------------------------------------------------------------------------


def test_a_plan_says_of_every_account_what_becomes_of_it(book: Book) -> None:
    first, second, third, fourth = book.rows
    TradingAccount.objects.filter(pk=first.pk).update(leverage=10)
    TradingAccount.objects.filter(pk=second.pk).update(state=AccountState.ARCHIVED)
    TradingAccount.objects.filter(pk=third.pk).update(account_type=book.pro)
    change = bulk.plan(actor=book.actor(), query="", leverage=10)
    assert results(change) == {
        600: ("skipped", "same"), 601: ("skipped", "not_open"), 602: ("skipped", "not_offered"), 603: ("waiting", ""),
    }  # fmt: skip
    assert (change.accounts, change.changing, change.state) == (4, 1, "planned")
    assert list(change.rows.filter(state="waiting").values_list("before", "after")) == [("30", "10")]
    assert not Command.objects.exists(), "nothing is changed by a plan"


def test_a_plan_of_types_names_money_positions_and_currencies(book: Book) -> None:
    dollars = book.a_type("usd", currency="USD")
    book.moved(book.rows[0])
    book.traded(book.rows[1])
    TradingAccount.objects.filter(pk=book.rows[2].pk).update(account_type=dollars, currency="USD")
    change = bulk.plan(actor=book.actor(), query="", account_type=book.pro)
    assert results(change) == {
        600: ("skipped", "money_moves"), 601: ("skipped", "trades"), 602: ("skipped", "other_currency"),
        603: ("waiting", ""),
    }  # fmt: skip


def test_a_plan_knows_the_filter_and_the_reach(book: Book) -> None:
    agent = book.staff(dict.fromkeys(GRANTS, Reach.OWN))
    Client.objects.filter(pk__in=[book.people[0].pk, book.people[1].pk]).update(owner_id=agent.pk, tags=["vip"])
    Client.objects.filter(pk=book.people[2].pk).update(tags=["vip"], country="AE")
    mine = bulk.plan(actor=actor_for(agent), query="tag=vip", leverage=10)
    assert sorted(results(mine)) == [600, 601]
    found = {
        query: sorted(results(bulk.plan(actor=book.actor(), query=query, leverage=10)))
        for query in ("tag=vip", "country=ae", "q=603", f"type={book.pro.pk}", "leverage=30&currency=eur&real=live")
    }
    everybody = [600, 601, 602, 603]
    assert list(found.values()) == [[600, 601, 602], [602], [603], [], everybody]
    with pytest.raises(Forbidden):
        bulk.plan(actor=book.actor({"trading.view": Reach.ALL, "trading.edit": Reach.ALL}), query="", leverage=10)


def test_a_plan_asks_the_database_the_same_however_many_accounts(
    book: Book, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = book.actor()
    for number in range(20):
        book.account_of(book.people[0], 700 + number)
    with django_assert_max_num_queries(16):
        change = bulk.plan(actor=actor, query="", leverage=10)
    assert change.changing == 24
    monkeypatch.setattr(bulk, "MOST", 23)
    with pytest.raises(BulkTooMany):
        bulk.plan(actor=actor, query="", leverage=10)
    assert BulkChange.objects.count() == 1


# --- carrying it out -------------------------------------------------------------------------------------------------


def test_each_account_is_an_ordinary_command_with_its_result(book: Book, server: Server) -> None:
    actor = book.actor()
    server.refuses = {602}
    change = bulk.plan(actor=actor, query="", leverage=10)
    assert bulk.start(actor=actor, bulk_id=change.pk, reason="quarter's review") is None
    change = carry_out(change)
    assert results(change) == {
        600: ("done", ""), 601: ("done", ""), 602: ("refused", "no_permission"), 603: ("done", ""),
    }  # fmt: skip
    assert levers() == {600: 10, 601: 10, 602: 30, 603: 10}
    assert (change.state, change.done, change.refused, change.skipped) == ("done", 3, 1, 0)
    row = Command.objects.get(aggregate=book.rows[0].aggregate)
    assert (row.before, row.reason, row.actor["id"]) == ({"leverage": 30}, "quarter's review", actor.id)
    assert AuditEntry.objects.filter(action="trading.leverage", reason="quarter's review").count() == 4
    begun = AuditEntry.objects.get(action="trading.bulk_started")
    assert begun.after == {"what": "leverage", "purpose": "change", "aim": "1:10", "accounts": 4}
    assert Notification.objects.filter(kind="trading.bulk_over", user_id=actor.id).count() == 1
    assert bulk_running.step(change.pk) == 0, "over is over"


def test_what_has_changed_since_the_preview_is_left(book: Book, server: Server) -> None:
    actor = book.actor()
    change = bulk.plan(actor=actor, query="", account_type=book.pro)
    bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    book.moved(book.rows[0])
    accounts.account_archive(actor=TEST, account=book.rows[1], reason="asked")
    TradingAccount.objects.filter(pk=book.rows[2].pk).update(account_type=book.a_type("vip"))
    book.traded(book.rows[3])
    change = carry_out(change)
    reasons = {login: reason for login, (_, reason) in results(change).items()}
    assert reasons == {600: "money_moves", 601: "changing", 602: "changed_since", 603: "trades"}
    assert not Command.objects.filter(kind="trading.group").exists()


def test_whoever_asked_has_to_have_the_right_still(book: Book, server: Server) -> None:
    agent = book.staff(dict.fromkeys(GRANTS, Reach.OWN))
    Client.objects.update(owner_id=agent.pk)
    change = bulk.plan(actor=actor_for(agent), query="", leverage=10)
    bulk.start(actor=actor_for(agent), bulk_id=change.pk, reason="x")
    Client.objects.filter(pk=book.people[0].pk).update(owner_id=uuid7())
    assert results(carry_out(change))[600] == ("skipped", "out_of_reach")
    again = bulk.plan(actor=actor_for(agent), query="", leverage=30)
    bulk.start(actor=actor_for(agent), bulk_id=again.pk, reason="x")
    agent.active = False
    agent.save()
    assert {reason for _, reason in results(carry_out(again)).values()} == {"out_of_reach"}
    assert levers() == {600: 30, 601: 10, 602: 10, 603: 10}


def test_a_server_gets_a_few_at_a_time(book: Book, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_running, "PER_SERVER", 2)
    actor = book.actor()
    plans = [bulk.plan(actor=actor, query=f"q={login}", leverage=10) for login in (600, 601)]
    whole = bulk.plan(actor=actor, query="", leverage=10)
    for change in (*plans, whole):
        bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    assert [bulk_running.step(change.pk) for change in (*plans, whole, whole)] == [1, 1, 0, 0]
    commands.run(Command.objects.earliest("created_at").pk)
    assert bulk_running.step(whole.pk) >= 1, "room for one more"
    assert BulkChangeRow.objects.filter(state="sent").count() == 2
    assert sorted(row["state"] for row in whole.rows.values("state")) == ["sent", "skipped", "skipped", "waiting"]
    assert carry_out(whole).state == "done"
    assert results(whole)[601] == ("skipped", "changing")
    assert len(server.asked) == 4, "each account once, whoever asked first"


def test_stopping_leaves_what_was_not_sent(book: Book, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_running, "PER_SERVER", 1)
    actor = book.actor()
    change = bulk.plan(actor=actor, query="", leverage=10)
    bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    bulk_running.step(change.pk)
    stranger = book.actor(dict.fromkeys(GRANTS, Reach.OWN))
    with pytest.raises(NotFound):
        bulk_running.stop(actor=stranger, bulk_id=change.pk)
    change = bulk_running.stop(actor=actor, bulk_id=change.pk)
    assert (change.state, change.finished_at) == ("stopped", None)
    assert AuditEntry.objects.get(action="trading.bulk_stopped").after == {"accounts": 3}
    change = carry_out(change)
    assert Counter(results(change).values()) == {("done", ""): 1, ("skipped", "stopped"): 3}
    assert (change.state, change.done, change.skipped) == ("stopped", 1, 3)
    with pytest.raises(BulkOver):
        bulk_running.stop(actor=actor, bulk_id=change.pk)


# --- undoing and trying again ----------------------------------------------------------------------------------------


def test_undoing_gives_back_what_nobody_has_changed_since(book: Book, server: Server) -> None:
    actor = book.actor()
    TradingAccount.objects.filter(pk=book.rows[3].pk).update(leverage=10)
    change = bulk.plan(actor=actor, query="", leverage=10)
    bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    with pytest.raises(BulkOver):
        bulk.plan_undo(actor=actor, bulk_id=change.pk)
    carry_out(change)
    TradingAccount.objects.filter(pk=book.rows[2].pk).update(leverage=20)
    back = bulk.plan_undo(actor=actor, bulk_id=change.pk)
    assert results(back) == {600: ("waiting", ""), 601: ("waiting", ""), 602: ("skipped", "changed_since")}
    bulk.start(actor=actor, bulk_id=back.pk, reason="wrong list")
    carry_out(back)
    assert levers() == {600: 30, 601: 30, 602: 20, 603: 10}
    assert AuditEntry.objects.get(action="trading.bulk_undone").object_id == str(change.pk)
    assert [row.pk for row in change.followers.all()] == [back.pk]


def test_refused_rows_are_tried_again_as_another_change(book: Book, server: Server) -> None:
    actor = book.actor()
    server.refuses = {600}
    book.moved(book.rows[1])
    change = bulk.plan(actor=actor, query="", account_type=book.pro)
    bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    carry_out(change)
    server.refuses, _ = set(), Transfer.objects.all().delete()
    again = bulk.plan_retry(actor=actor, bulk_id=change.pk)
    bulk.start(actor=actor, bulk_id=again.pk, reason="rights mended")
    assert results(carry_out(again)) == {600: ("done", ""), 601: ("done", "")}
    assert {row.account_type_id for row in TradingAccount.objects.all()} == {book.pro.pk}
    with pytest.raises(NotFound):
        bulk.plan_undo(actor=book.actor(dict.fromkeys(GRANTS, Reach.OWN)), bulk_id=change.pk)


# --- two people ------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(book: Book, monkeypatch: pytest.MonkeyPatch) -> tuple[Actor, Actor]:
    """Whoever changes more than three accounts a day needs the other."""
    monkeypatch.setattr(bulk, "ALONE", 3)
    return book.actor(APPROVER), book.actor(APPROVER)


def test_many_accounts_take_two_people(book: Book, two: tuple[Actor, Actor], server: Server) -> None:
    first, second = two
    change = bulk.plan(actor=first, query="", leverage=10)
    proposal = bulk.start(actor=first, bulk_id=change.pk, reason="review")
    assert proposal is not None
    change.refresh_from_db()
    assert (change.state, bulk_running.step(change.pk), Command.objects.count()) == ("planned", 0, 0)
    assert bulk_selectors.bulk_get(second, change.pk).standing == "waiting"
    assert [bulk_selectors.bulk_mine(who).count() for who in two] == [0, 1]
    with pytest.raises(SamePerson):
        bulk.approve(actor=first, bulk_id=change.pk)
    with pytest.raises(Forbidden):
        bulk.approve(actor=book.actor(), bulk_id=change.pk)
    bulk.approve(actor=second, bulk_id=change.pk)
    change = carry_out(change)
    assert (change.state, change.done, change.approver_label) == ("done", 4, second.label)
    assert {row.actor["id"] for row in Command.objects.all()} == {first.id}


def test_a_refused_proposal_is_a_plan_again_and_can_be_dropped(book: Book, two: tuple[Actor, Actor]) -> None:
    first, second = two
    change = bulk.plan(actor=first, query="", leverage=10)
    bulk.start(actor=first, bulk_id=change.pk, reason="review")
    bulk.refuse(actor=second, bulk_id=change.pk, reason="not before the weekend")
    assert bulk_selectors.bulk_get(first, change.pk).standing == "planned"
    bulk.start(actor=first, bulk_id=change.pk, reason="review")
    with pytest.raises(NotFound):
        bulk.drop(actor=second, bulk_id=change.pk)
    assert bulk.drop(actor=first, bulk_id=change.pk).state == "dropped"
    assert (change.rows.count(), bulk_selectors.bulk_waiting(second).count()) == (0, 0)
    with pytest.raises(BulkOver):
        bulk.start(actor=first, bulk_id=change.pk, reason="review")


def test_many_small_changes_of_a_day_are_one_big_one(book: Book, two: tuple[Actor, Actor]) -> None:
    first, _ = two
    small = bulk.plan(actor=first, query="q=600", leverage=10)
    assert bulk.start(actor=first, bulk_id=small.pk, reason="x") is None
    bulk_running.step(small.pk)
    rest = bulk.plan(actor=first, query="", leverage=10)
    assert rest.changing == 3, "of one, a change is under way"
    assert bulk.start(actor=first, bulk_id=rest.pk, reason="x") is not None
    BulkChange.objects.filter(pk=small.pk).update(started_at=clock.now() - timedelta(hours=25))
    assert not bulk.takes_two(rest)


def test_one_person_alone_in_the_brokerage_may(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ALONE", 0)
    lone = book.actor(APPROVER)
    change = bulk.plan(actor=lone, query="", leverage=10)
    proposal = bulk.start(actor=lone, bulk_id=change.pk, reason="review")
    change.refresh_from_db()
    assert proposal is not None
    assert (proposal.alone, change.state) == (True, "running")


def test_nothing_to_change_and_no_reason_are_refused(book: Book) -> None:
    actor = book.actor()
    change = bulk.plan(actor=actor, query="", leverage=30)
    with pytest.raises(BulkEmpty):
        bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    with pytest.raises(Invalid):
        bulk.start(actor=actor, bulk_id=change.pk, reason="  ")
    with pytest.raises(NotFound):
        bulk.start(actor=book.actor(), bulk_id=change.pk, reason="another's")


def test_old_plans_are_forgotten_and_lost_wakeups_found(book: Book, server: Server) -> None:
    actor = book.actor()
    old, going = (bulk.plan(actor=actor, query="", leverage=10) for _ in range(2))
    bulk.start(actor=actor, bulk_id=going.pk, reason="x")
    BulkChange.objects.filter(pk=old.pk).update(created_at=clock.now() - timedelta(days=2))
    assert bulk_running.sweep() == 4
    old.refresh_from_db()
    assert (old.state, old.rows.count(), going.rows.filter(state="sent").count()) == ("dropped", 0, 4)


def test_many_results_at_once_wake_one_worker(
    book: Book, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[tuple[str, ...]] = []
    monkeypatch.setattr(bulk_running.bulk_run, "apply_async", lambda args, *_, **__: woken.append(args))
    change = bulk.plan(actor=book.actor(), query="", leverage=10)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            bulk_running.wake(change.pk)
        assert woken == []
    assert woken == [(str(change.pk),)]


# --- whoever is killed -----------------------------------------------------------------------------------------------


def test_killed_after_any_statement_no_account_is_doubled_or_lost(live_tenant: Any) -> None:
    book = Book(live_tenant, count=2)
    actor = book.actor()
    change = bulk.plan(actor=actor, query="", leverage=10)
    bulk.start(actor=actor, bulk_id=change.pk, reason="x")

    def whole() -> None:
        issued = Counter(Command.objects.values_list("payload__bulk_row", flat=True))
        sent = set(change.rows.exclude(state="waiting").values_list("pk", "command_id"))
        assert set(issued.values()) <= {1}
        assert sent == set(Command.objects.values_list("payload__bulk_row", "pk"))

    deaths = killed_anywhere(lambda: bulk_running.step(change.pk), whole)
    assert deaths > 5
    assert change.rows.filter(state="sent").count() == 2


def test_two_workers_at_once_send_each_account_once(live_tenant: Any) -> None:
    book = Book(live_tenant, count=3)
    actor = book.actor()
    change = bulk.plan(actor=actor, query="", leverage=10)
    bulk.start(actor=actor, bulk_id=change.pk, reason="x")
    assert forked(lambda: bulk_running.step(change.pk)) == 0
    bulk_running.step(change.pk)
    assert Counter(Command.objects.values_list("payload__bulk_row", flat=True)).most_common(1)[0][1] == 1
    assert Command.objects.count() == 3


def test_leverage_of_several_accounts_reaches_a_server(world: World) -> None:
    rows = [world.open_account(world.client()) for _ in range(2)]
    change = bulk.plan(actor=TEST, query="", leverage=10)
    bulk.start(actor=TEST, bulk_id=change.pk, reason="x")
    bulk_running.step(change.pk)
    settle()
    bulk_running.step(change.pk)
    change.refresh_from_db()
    assert (change.state, change.done) == ("done", 2)
    assert [world.on_server(row.login or 0)["leverage"] for row in rows] == [10, 10]
