"""The list of all work over money: every kind in one order, only what one may see, counted in one query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.actors import Actor, Reach
from kernel.counts import count_all
from kernel.ids import uuid7
from kernel.money import Money
from tenant_apps.accounts.models import Role
from tenant_apps.accounts.tests.support import actor as actor_of
from tenant_apps.accounts.tests.support import staff as staff_user
from tenant_apps.clients.models import Client
from tenant_apps.payments.models import Deposit, DepositState, DestinationState, Freeze, Withdrawal
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE, VIEW
from tenant_apps.payments.services.withdrawals import withdrawal_approve
from tenant_apps.wallets.permissions_list import ADJUST_APPROVE, ADJUST_PROPOSE
from tenant_apps.wallets.permissions_list import VIEW as WALLETS
from tenant_apps.wallets.services.adjustments import adjustment_propose
from tenant_apps.wallets.worklist.filters import Filter
from tenant_apps.wallets.worklist.listing import Counters, counters, everything, item_of, listed, neighbour, totals
from tenant_apps.wallets.worklist.registry import source_for, sources_for, to_do

from .support import eur, make_client, make_destination, staff
from .test_chain import checked, make_rule
from .test_pages import deposit_of
from .test_withdrawals import funded, requested

ALL = Filter(scope="all")


def kinds(actor: Actor, chosen: Filter = ALL) -> list[str]:
    return [item.kind for item in listed(actor, chosen).items]


def references(actor: Actor, **chosen: str) -> set[str]:
    return {item.reference for item in listed(actor, Filter.parse({"scope": "all", **chosen})).items}


def of(found: Counters, kind: str) -> tuple[int, int, int]:
    one = next(one for one in found.kinds if one.source.kind == kind)
    return one.open, one.mine, one.late


def due_in(row: Withdrawal, hours: int) -> Withdrawal:
    Withdrawal.objects.filter(pk=row.pk).update(due_at=clock.now() + timedelta(hours=hours))
    return row


def striking(client: Client, attention: str = "overpaid", **values: Any) -> Deposit:
    return deposit_of(client, DepositState.CREDITED, attention=attention, **values)


def test_all_kinds_stand_in_one_list_what_is_due_first_on_top(tenant: Any) -> None:
    person = funded()
    late = due_in(requested(person, "10"), -5)
    soon = due_in(requested(person, "20"), 2)
    striking(person)
    adjustment_propose(actor=staff(), client=person, amount=eur("5"), reason="goodwill", text="For waiting")
    found = listed(staff(), ALL).items
    assert [item.kind for item in found] == ["withdrawal", "withdrawal", "deposit", "adjustment"]
    assert [item.reference for item in found[:2]] == [late.reference, soon.reference]
    assert [item.late for item in found] == [True, False, False, False]
    assert found[0].amount == eur("10")
    assert found[0].client == person


def test_what_is_past_its_promise_is_late(tenant: Any, settings: Any) -> None:
    settings.DEMO = True
    requested(funded())
    assert of(counters(staff()), "withdrawal")[2] == 0
    with clock.frozen_at(clock.now() + timedelta(hours=25)):
        assert of(counters(staff()), "withdrawal")[2] == 1


def test_pages_hold_each_item_once_in_both_directions(tenant: Any) -> None:
    person, officer = funded(), staff()
    for number in range(7):
        due_in(requested(person, "10"), number % 3)
    striking(person)
    whole = [item.id for item in listed(officer, ALL).items]
    seen, page = [], listed(officer, ALL, size=3)
    assert page.before == ""
    while True:
        seen += [item.id for item in page.items]
        if not page.after:
            break
        last, page = page, listed(officer, ALL, after=page.after, size=3)
        back = listed(officer, ALL, before=page.before, size=3)
        assert [item.id for item in back.items] == [item.id for item in last.items]
    assert seen == whole
    assert len(seen) == 8


def test_neighbours_are_known_even_of_what_is_decided(tenant: Any) -> None:
    person, officer = funded(), staff()
    rows = [due_in(requested(person, "10"), hours) for hours in (1, 2, 3)]
    source = source_for(officer, "withdrawal")
    assert source is not None
    Withdrawal.objects.filter(pk=rows[1].pk).update(state="rejected")
    found = item_of(officer, source, rows[1].pk)
    assert found is not None
    after, before = neighbour(officer, ALL, found[0]), neighbour(officer, ALL, found[0], backwards=True)
    assert (before and before.id, after and after.id) == (rows[0].pk, rows[2].pk)
    assert found[0].state == "rejected"


def test_mine_is_what_i_may_decide_now(tenant: Any) -> None:
    """Not what waits for another role, nor one's own proposal, nor what one's right does not cover."""
    finance, owner = staff_user("finance", name="Fin One"), staff_user("owner", name="Olga Own")
    make_rule(steps=["role:owner"])
    checked(funded())
    assert of(counters(actor_of(finance)), "withdrawal")[:2] == (1, 0)
    assert of(counters(actor_of(owner)), "withdrawal")[:2] == (1, 1)
    proposer, other = staff(WALLETS, ADJUST_PROPOSE, ADJUST_APPROVE), staff(WALLETS, ADJUST_APPROVE)
    adjustment_propose(actor=proposer, client=funded(), amount=eur("5"), reason="goodwill", text="For waiting")
    assert of(counters(proposer), "adjustment")[:2] == (1, 0)
    assert of(counters(other), "adjustment")[:2] == (1, 1)
    assert kinds(proposer, Filter()) == []
    assert kinds(other, Filter()) == ["adjustment"]


def test_who_sees_only_their_own_clients_sees_and_counts_only_theirs(tenant: Any) -> None:
    me = uuid7()
    mine, other = funded(owner_id=me), funded()
    for person in (mine, other):
        requested(person)
        striking(person)
        make_destination(person, iban="GB82WEST12345698765432", state=DestinationState.NEW)
        Freeze.objects.create(
            deposit=deposit_of(person), client=person, currency="EUR", lost_minor=10, uncovered_minor=0
        )
        adjustment_propose(actor=staff(), client=person, amount=eur("5"), reason="goodwill", text="For waiting")
    agent, boss = staff(reach=Reach.OWN, staff_id=me), staff()
    assert {item.client_id for item in listed(agent, ALL).items} == {mine.pk}
    assert len(listed(agent, ALL).items) == 5
    assert len(listed(boss, ALL).items) == 10
    assert (counters(agent).open, counters(boss).open) == (5, 10)
    assert totals(agent, ALL).count == 5
    source, theirs = source_for(agent, "withdrawal"), Withdrawal.objects.get(client=other)
    assert source is not None
    assert item_of(agent, source, theirs.pk) is None


def test_without_the_right_a_kind_is_not_there(tenant: Any) -> None:
    requested(funded())
    clerk = staff(VIEW)
    assert "destination" not in {source.kind for source in sources_for(clerk)}
    assert source_for(clerk, "batch") is None
    assert counters(staff("leads.view")).kinds == []
    assert listed(staff("leads.view"), ALL).items == []
    assert totals(staff("leads.view"), ALL).count == 0


FILTERS: list[tuple[dict[str, str], str]] = [
    ({"q": "Zimmer"}, "client"), ({"q": "77.50"}, "amount"), ({"country": "fr"}, "client"), ({"tag": "VIP"}, "client"),
    ({"least": "70", "most": "80"}, "amount"), ({"age": "24"}, "old"), ({"late": "1"}, "late"),
    ({"currency": "jpy"}, "yen"), ({"q": "5000"}, "yen"), ({"least": "4000"}, "yen"), ({"kind": "deposit"}, "yen"),
]  # fmt: skip


@pytest.mark.parametrize(("chosen", "expected"), FILTERS)
def test_filters(tenant: Any, chosen: dict[str, str], expected: str) -> None:
    """Amounts are in whole units, whatever decimals the currency has."""
    plain = requested(funded(), "20")
    rows = {
        "client": requested(funded(country="FR", tags=["vip"]), "21"),
        "amount": requested(funded(), "77.50"),
        "old": requested(funded(), "22"),
        "late": due_in(requested(funded(), "23"), -1),
        "yen": striking(make_client(), amount_minor=5000, currency="JPY"),
    }
    Client.objects.filter(pk=rows["client"].client_id).update(last_name="Zimmer")
    Withdrawal.objects.filter(pk=rows["old"].pk).update(created_at=clock.now() - timedelta(days=2))
    assert references(staff(), **chosen) == {rows[expected].reference}
    assert plain.reference in references(staff())


def test_filters_by_provider_and_manager(tenant: Any) -> None:
    me = uuid7()
    mine, other = requested(funded(owner_id=me)), striking(make_client())
    account = str(mine.parts.get().provider_account_id)
    assert references(staff(), provider=account) == {mine.reference}
    assert references(staff(staff_id=me), manager="me") == {mine.reference}
    assert references(staff(), manager=str(me)) == {mine.reference}
    assert references(staff(), manager="none") == {other.reference}
    assert references(staff(), q=mine.reference) == {mine.reference}


def test_a_masked_address_finds_only_by_the_whole_of_it(tenant: Any) -> None:
    row = requested(funded(email="secret@example.com"))
    blind = Actor(kind="staff", id=str(uuid7()), grants={VIEW: Reach.ALL}, masks=frozenset({"email"}))
    assert references(blind, q="secret@ex") == set()
    assert references(blind, q="secret@example.com") == {row.reference}


def test_an_unusable_filter_is_left_out(tenant: Any) -> None:
    odd = {"scope": "x", "least": "NaN", "most": "abc", "provider": "1", "manager": "x", "age": "7", "late": "yes"}
    assert Filter.parse(odd).as_query() == "scope=mine&late=1"
    assert listed(staff(), ALL, after="nonsense").items == []


def test_totals_are_per_currency_of_what_is_filtered(tenant: Any) -> None:
    person = funded()
    requested(person, "10")
    requested(person, "20.50")
    striking(person, amount_minor=5000, currency="JPY")
    found = totals(staff(), ALL)
    assert [(total.amount, total.count) for total in found.amounts] == [
        (eur("30.50"), 2), (Money.of(5000, "JPY"), 1),
    ]  # fmt: skip
    assert found.count == 3
    assert totals(staff(), Filter(scope="all", currency="EUR")).count == 2


def test_everything_is_read_for_exports_in_the_lists_order(tenant: Any) -> None:
    person, officer = funded(), staff()
    for hours in (3, 1, 2):
        due_in(requested(person, "10"), hours)
    assert [item.id for item in everything(officer, ALL)] == [item.id for item in listed(officer, ALL).items]
    assert all(item.client == person for item in everything(officer, ALL))


def sql(ask: Callable[[], object]) -> str:
    with CaptureQueriesContext(connection) as seen:
        ask()
    (one,) = seen
    return str(one["sql"])


def test_no_reading_asks_for_more_than_it_tells(tenant: Any) -> None:
    """Three readings make a page, of a score of kinds each: what nobody is told of is half of their price."""
    officer, mine = staff(), Filter(scope="mine")
    assert '"reference"' not in sql(lambda: counters(officer))
    for chosen in (mine, ALL):
        assert '"reference"' not in sql(lambda chosen=chosen: totals(officer, chosen))
    asked = sql(lambda: listed(officer, mine))
    assert "CASE WHEN" not in asked.split("UNION ALL")[0]  # not asked a second time whether it is mine
    assert '"reference"' in asked


def queries(ask: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as seen:
        ask()
    return len(seen)


def test_every_reading_costs_the_same_however_many_kinds_and_rows(tenant: Any) -> None:
    officer, person = staff(), funded()
    for _ in range(2):
        requested(person, "10")
        striking(person)
        make_destination(make_client(), iban="GB82WEST12345698765432", state=DestinationState.NEW)
        assert queries(lambda: counters(officer)) == 1
        assert queries(lambda: totals(officer, ALL)) == 1
        assert queries(lambda: listed(officer, ALL)) == 2
        assert queries(lambda: listed(officer, Filter())) == 2
        assert queries(lambda: count_all(dict(enumerate(to_do(officer))))) == 1
    first = listed(officer, ALL).items[0]
    assert queries(lambda: neighbour(officer, ALL, first)) == 1


def test_two_decide_at_once_and_the_second_learns_who_was_first(tenant: Any) -> None:
    row = checked(funded())
    first, second = staff(VIEW, APPROVE, PROPOSE), staff(VIEW, APPROVE)
    withdrawal_approve(actor=first, withdrawal_id=row.pk)
    source = source_for(second, "withdrawal")
    assert source is not None
    found = item_of(second, source, row.pk)
    assert found is not None
    assert source.decisions(second, found[1]) == []
    assert source.decided_by(found[1]) == first.label


@pytest.mark.parametrize(
    ("kind", "index"), [("deposit", "payments_deposit_attention"), ("freeze", "payments_freeze_open")]
)
def test_open_rows_are_found_by_an_index(tenant: Any, kind: str, index: str) -> None:
    """Nobody reads a table of hundreds of thousands to find the few that wait."""
    source = source_for(staff(), kind)
    assert source is not None
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    plan = source.open(staff()).order_by().select_related(None).explain()
    assert index in plan


def test_roles_are_asked_in_the_same_query(tenant: Any) -> None:
    role = Role.objects.create(code="cashiers", name="Cashiers", grants={VIEW: 3, APPROVE: 3})
    user = staff_user("finance", name="Cash Ier")
    user.roles.set([role])
    make_rule(steps=["role:cashiers"])
    row = checked(funded())
    assert [item.id for item in listed(actor_of(user), Filter()).items] == [row.pk]
