"""Cases: whose they are, what was written about them, and two people for what they post."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import conditional_escape

from kernel.actors import Actor
from kernel.errors import Conflict, Forbidden
from kernel.ids import uuid7
from kernel.models import AuditEntry
from kernel.money import Money
from tenant_apps.accounts.models import User
from tenant_apps.accounts.tests.support import actor, log_in, staff
from tenant_apps.clients.errors import SamePerson, ShownDiffers
from tenant_apps.clients.eyes import shown
from tenant_apps.ledger import selectors as books
from tenant_apps.ledger import services as ledger
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.tests.support import make_client
from tenant_apps.trading import case_words
from tenant_apps.trading.case_selectors import cases_filtered, cases_visible
from tenant_apps.trading.case_words import facts
from tenant_apps.trading.compare import COMPARED
from tenant_apps.trading.errors import NoteMissing
from tenant_apps.trading.ledgers import counter, mirror
from tenant_apps.trading.models import (
    AccountState,
    AccountType,
    Case,
    CaseKind,
    CaseState,
    TradingAccount,
    TradingServer,
)
from tenant_apps.trading.ports import DealEntry, DealKind
from tenant_apps.trading.services import cases
from tenant_apps.trading.tests.conftest import TEST
from tenant_apps.wallets.casework import NoColleague
from tenant_apps.wallets.errors import WrongState
from tenant_apps.wallets.models import ProposedChange
from tenant_apps.wallets.services.changes import ChangeWaits, change_refuse
from tenant_apps.wallets.worklist.filters import Filter
from tenant_apps.wallets.worklist.listing import counters, listed
from tenant_apps.wallets.worklist.registry import source_for

AMOUNT = Money(2_500, "EUR")
ALL = Filter(scope="all", kind="trading_case")


def account(**client: Any) -> TradingAccount:
    server, _ = TradingServer.objects.get_or_create(name="mt5", defaults={"host": "mt5.example", "manager": 1000})
    kind, _ = AccountType.objects.get_or_create(
        name="Standard", server=server, currency="EUR",
        defaults={"group": "std", "leverages": [30], "leverage_default": 30},
    )  # fmt: skip
    login = 500 + TradingAccount.objects.count()
    return TradingAccount.objects.create(
        client=make_client(**client), server=server, account_type=kind, login=login, currency="EUR", leverage=30,
        state=AccountState.OPEN, ledger_kind=f"trading:{login}", dedupe_key=str(login),
    )  # fmt: skip


def case_of(kind: str = CaseKind.MISMATCH, of: TradingAccount | None = None, **data: Any) -> Case:
    row = of or account()
    return Case.objects.create(
        kind=kind, server=row.server, account=row, amount_minor=AMOUNT.minor, currency="EUR", dedupe_key=str(uuid7()),
        data=data,
    )  # fmt: skip


def orphan(of: TradingAccount | None = None) -> Case:
    """Money on the server that we did not put there: on the mirror, and missing in suspense."""
    case = case_of(CaseKind.ORPHAN_DEAL, of, deal=7, comment="desk")
    assert case.account is not None
    legs = [ledger.Leg(counter("suspense", "EUR"), -AMOUNT), ledger.Leg(mirror(case.account), AMOUNT)]
    ledger.post(kind="trading.orphan", legs=legs, key=str(case.pk), actor=TEST)
    return case


def house() -> tuple[int, int]:
    """What is in suspense, and in the adjustments of trading."""
    found = {kind: minor for owner, kind, _, minor in books.trial_balance() if owner == "house"}
    return found["suspense"], found.get("trading-adjustments", 0)


def desk() -> tuple[Actor, Actor]:
    """Two who may do everything with cases."""
    return actor(staff("dealing", name="Dora Deal")), actor(staff("owner", name="Olga Own"))


def standing(case: Case) -> str:
    return str(cases_visible(TEST).get(pk=case.pk).standing)


# --- owner and notes


def test_a_case_is_taken_handed_over_and_written_about(tenant: Any) -> None:
    dora, olga = desk()
    case = case_of()
    assert standing(case) == CaseState.OPEN
    cases.case_take(actor=dora, case_id=case.pk)
    assert standing(case) == CaseState.IN_WORK
    cases.case_hand_over(actor=dora, case_id=case.pk, to=olga.id)
    cases.case_note(actor=olga, case_id=case.pk, text=" Asked the platform. ")
    case.refresh_from_db()
    assert (case.owner_id, case.owner_label) == (olga.id, "Olga Own")
    assert list(case.notes.values_list("author", "text")) == [("Olga Own", "Asked the platform.")]
    (told,) = Notification.objects.filter(kind="wallets.case_handed_over")
    assert (str(told.user_id), told.link) == (olga.id, f"/trading/cases/{case.pk}/")
    acts = list(
        AuditEntry.objects.filter(action__startswith="trading.case").order_by("id").values_list("action", flat=True)
    )
    assert acts == ["trading.case_taken", "trading.case_handed_over", "trading.case_noted"]


def test_a_case_goes_to_nobody_who_could_not_work_on_it(tenant: Any) -> None:
    dora, _ = desk()
    case, support = case_of(), staff("support")
    gone = staff("dealing")
    User.objects.filter(pk=gone.pk).update(active=False)
    for to in (support.pk, gone.pk, dora.id, "nobody", ""):
        with pytest.raises(NoColleague):
            cases.case_hand_over(actor=dora, case_id=case.pk, to=str(to))
    case.refresh_from_db()
    assert case.owner_id == ""


def test_work_on_cases_takes_the_right(tenant: Any) -> None:
    reader, case = actor(staff("finance")), case_of()
    for act in (
        lambda: cases.case_take(actor=reader, case_id=case.pk),
        lambda: cases.case_hand_over(actor=reader, case_id=case.pk, to=reader.id),
        lambda: cases.case_note(actor=reader, case_id=case.pk, text="x"),
        lambda: cases.case_resolve(actor=reader, case_id=case.pk, note="x"),
    ):
        with pytest.raises(Forbidden):
            act()


# --- resolving


def test_what_posts_nothing_is_resolved_by_one_person_with_a_note(tenant: Any) -> None:
    dora, _ = desk()
    case = case_of()
    with pytest.raises(NoteMissing):
        cases.case_resolve(actor=dora, case_id=case.pk, note=" ")
    assert cases.case_resolve(actor=dora, case_id=case.pk, note="Rounding") is None
    assert standing(case) == CaseState.RESOLVED
    for act in (
        lambda: cases.case_resolve(actor=dora, case_id=case.pk, note="Again"),
        lambda: cases.case_take(actor=dora, case_id=case.pk),
    ):
        with pytest.raises(Conflict):
            act()


def test_money_leaves_suspense_when_a_second_person_agrees_and_once(tenant: Any) -> None:
    dora, olga = desk()
    case = orphan()
    row = cases.case_resolve(actor=dora, case_id=case.pk, note="Paid out of goodwill")
    assert row is not None
    assert (house(), standing(case)) == ((-2_500, 0), CaseState.WAITING)
    case.refresh_from_db()
    assert (case.owner_id, case.notes.count()) == (dora.id, 0)
    with pytest.raises(SamePerson):
        cases.settlement_approve(actor=dora, change_id=row.pk)
    with pytest.raises(ChangeWaits):
        cases.case_resolve(actor=olga, case_id=case.pk, note="Me too")
    cases.settlement_approve(actor=olga, change_id=row.pk, seen=shown(ProposedChange.objects.get()))
    assert (house(), standing(case)) == ((0, -2_500), CaseState.RESOLVED)
    case.refresh_from_db()
    assert (case.resolved_by, case.note) == ("Olga Own", "Paid out of goodwill")
    assert list(case.notes.values_list("author", "text")) == [("Dora Deal", "Paid out of goodwill")]
    with pytest.raises(WrongState):
        cases.settlement_approve(actor=olga, change_id=row.pk)
    assert house() == (0, -2_500)


def test_an_approver_reads_all_that_will_be_filed(tenant: Any) -> None:
    dora, olga = desk()
    case, words = orphan(), f"{'Paid out of goodwill. ' * 20}Never again."
    cases.case_resolve(actor=dora, case_id=case.pk, note=words)
    web = log_in(tenant, User.objects.get(pk=olga.id))
    assert "Never again." in web.get(f"/trading/cases/{case.pk}/").content.decode()
    source = source_for(olga, "trading_case")
    assert source is not None
    assert words in dict(source.facts(case)).values()


def test_who_may_only_resolve_cannot_agree_and_who_may_agree_needs_no_more(tenant: Any) -> None:
    dora, _ = desk()
    colleague, finance = actor(staff("dealing", name="Dan")), actor(staff("finance"))
    row = cases.case_resolve(actor=dora, case_id=orphan().pk, note="Goodwill")
    assert row is not None
    weaker = Actor(
        kind="staff",
        id=colleague.id,
        label="Dan",
        grants={"trading.cases.edit": colleague.grants["trading.cases.edit"]},
    )
    with pytest.raises(Forbidden):
        cases.settlement_approve(actor=weaker, change_id=row.pk)
    cases.settlement_approve(actor=finance, change_id=row.pk)
    assert house() == (0, -2_500)


def test_what_was_refused_or_taken_back_posts_nothing_and_can_be_proposed_anew(tenant: Any) -> None:
    dora, olga = desk()
    case = orphan()
    first = cases.case_resolve(actor=dora, case_id=case.pk, note="Goodwill")
    assert first is not None
    change_refuse(actor=olga, change_id=first.pk, reason="It was a mistake of the platform")
    assert (house(), standing(case)) == ((-2_500, 0), CaseState.IN_WORK)
    second = cases.case_resolve(actor=dora, case_id=case.pk, note="A mistake of the platform")
    assert second is not None
    with pytest.raises(ShownDiffers):
        cases.settlement_approve(actor=olga, change_id=second.pk, seen=shown(first))
    assert house() == (-2_500, 0)


def test_nobody_resolves_what_is_on_their_own_account(tenant: Any) -> None:
    desk()
    user = staff("dealing", name="Dora Trades")
    case = orphan(account(email=user.email))
    with pytest.raises(SamePerson):
        cases.case_resolve(actor=actor(user), case_id=case.pk, note="Mine")
    assert (house(), ProposedChange.objects.count()) == ((-2_500, 0), 0)


def test_one_person_alone_resolves_at_once_and_the_trail_says_so(tenant: Any) -> None:
    only = actor(staff("owner", name="Olga Own"))
    row = cases.case_resolve(actor=only, case_id=orphan().pk, note="Goodwill")
    assert row is not None
    assert row.alone
    assert house() == (0, -2_500)
    (line,) = AuditEntry.objects.filter(action="payments.change_approved")
    assert (line.after or {})["alone"] is True


def test_who_agrees_is_told_where_it_is_decided(tenant: Any) -> None:
    dora, olga = desk()
    case = orphan()
    cases.case_resolve(actor=dora, case_id=case.pk, note="Goodwill")
    told = Notification.objects.filter(kind="payments.change_waits")
    assert {(str(row.user_id), row.link) for row in told} == {(olga.id, f"/trading/cases/{case.pk}/")}


def test_a_movement_of_ours_that_the_server_took_back_leaves_suspense_too(tenant: Any) -> None:
    dora, olga = desk()
    taken_back, traded = case_of(CaseKind.DELETED_DEAL, by_hand=True), case_of(CaseKind.DELETED_DEAL)
    assert traded.suspended is None
    row = cases.case_resolve(actor=dora, case_id=taken_back.pk, note="Booked again by hand")
    assert row is not None
    cases.settlement_approve(actor=olga, change_id=row.pk)
    assert house() == (2_500, -2_500)


# --- the inbox


def test_the_inbox_has_each_case_once_for_who_may_see_it(tenant: Any) -> None:
    dora, olga = desk()
    case_of()
    waiting = orphan()
    cases.case_resolve(actor=dora, case_id=waiting.pk, note="Goodwill")
    for who, mine in ((dora, 1), (olga, 2)):
        assert {item.state for item in listed(who, ALL).items} == {CaseState.OPEN, CaseState.WAITING}
        one = next(one for one in counters(who).kinds if one.source.kind == "trading_case")
        assert (one.open, one.mine) == (2, mine)
    assert [item.kind for item in listed(olga, Filter(scope="all")).items] == ["trading_case"] * 2
    assert sum(one.mine for one in counters(olga).kinds) == 2
    agent = actor(staff("sales"))
    assert "trading_case" not in {one.source.kind for one in counters(agent).kinds}


def test_a_posting_is_approved_in_the_inbox_by_what_was_shown(tenant: Any) -> None:
    from tenant_apps.payments.tests.test_pages import seen_on

    case, person = orphan(), staff("owner", name="Olga Own")
    dora = actor(staff("dealing", name="Dora Deal"))
    cases.case_resolve(actor=dora, case_id=case.pk, note="Goodwill")
    web, place = log_in(tenant, person), f"/money/trading_case/{case.pk}/"
    text = web.get(place).content.decode()
    for words in ("Dora Deal", "Goodwill", "Suspense → Adjustments in trading", "desk"):
        assert words in text
    seen = seen_on(web, place)
    row = ProposedChange.objects.get()
    change_refuse(actor=dora, change_id=row.pk)
    cases.case_resolve(actor=dora, case_id=case.pk, note="Something else")
    web.post(f"{place}approve/", seen)
    assert house() == (-2_500, 0)
    web.post(f"{place}approve/", seen_on(web, place))
    assert house() == (0, -2_500)


# --- pages


def test_a_filter_that_finds_nothing_does_not_say_that_all_agrees(tenant: Any) -> None:
    web = log_in(tenant, staff("dealing"))
    agrees = "Servers and books agree."
    assert agrees in web.get("/trading/cases/").content.decode()
    for query in ("?state=mine", f"?kind={CaseKind.values[0]}"):
        page = web.get(f"/trading/cases/{query}").content.decode()
        assert (agrees in page, "Loosen a filter" in page) == (False, True)


def test_a_case_is_worked_on_from_its_page(tenant: Any) -> None:
    from tenant_apps.payments.tests.test_pages import seen_on

    dora, olga = staff("dealing", name="Dora Deal"), staff("owner", name="Olga Own")
    case, web, other = orphan(), log_in(tenant, dora), log_in(tenant, olga)
    place = f"/trading/cases/{case.pk}/"
    page = web.get(place).content.decode()
    for words in ("Take it on", "Hand over", "Olga Own", "desk", "Propose"):
        assert words in page
    web.post(f"{place}take/")
    web.post(f"{place}note/", {"text": "Asked the platform"})
    assert web.post(f"{place}resolve/", {"note": ""}).status_code == 422
    web.post(f"{place}resolve/", {"note": "Goodwill"})
    page = web.get(place).content.decode()
    assert f"{place}approve/" not in page
    assert "Take it back" in page
    other.post(f"{place}approve/", {"seen": "something else"})
    assert house() == (-2_500, 0)
    other.post(f"{place}approve/", seen_on(other, place))
    assert house() == (0, -2_500)
    page = web.get(place).content.decode()
    for words in ("Resolved", "Goodwill", "Asked the platform"):
        assert words in page
    assert other.post(f"{place}approve/").status_code == 404
    handed = case_of()
    web.post(f"/trading/cases/{handed.pk}/hand-over/", {"to": str(olga.pk)})
    assert Case.objects.get(pk=handed.pk).owner_id == str(olga.pk)


def test_who_only_looks_has_nothing_to_press(tenant: Any) -> None:
    case, web = case_of(), log_in(tenant, staff("support"))
    page = web.get(f"/trading/cases/{case.pk}/").content.decode()
    assert "No notes yet" in page
    assert f'action="/trading/cases/{case.pk}/' not in page
    for act in ("take", "hand-over", "note", "resolve", "approve", "refuse"):
        assert web.post(f"/trading/cases/{case.pk}/{act}/").status_code == 403


@pytest.mark.parametrize(
    ("view", "number"), [("open", 3), ("mine", 1), ("waiting", 1), ("resolved", 1), ("all", 4), ("nonsense", 3)]
)
def test_the_list_can_be_narrowed(tenant: Any, view: str, number: int) -> None:
    dora, olga = desk()
    rows = [case_of(), case_of(), case_of(), orphan()]
    cases.case_take(actor=olga, case_id=rows[0].pk)
    cases.case_resolve(actor=dora, case_id=rows[1].pk, note="Nothing")
    cases.case_resolve(actor=dora, case_id=rows[3].pk, note="Goodwill")
    assert cases_filtered(olga, view=view, kind="").count() == number


def test_lists_cost_the_same_however_many_there_are(tenant: Any) -> None:
    web, costs = log_in(tenant, staff("owner")), []
    dora, _ = desk()
    paths = ("/trading/cases/?state=all", "/money/?scope=all&kind=trading_case")
    for path in paths:
        web.get(path)
    for more in (1, 5):
        for _ in range(more):
            case_of()
            cases.case_resolve(actor=dora, case_id=orphan().pk, note="Goodwill")
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert web.get(path).status_code == 200
            costs.append(len(queries))
    assert costs[:2] == costs[2:]


# --- words


def test_a_changed_deal_is_told_in_words_and_money(tenant: Any) -> None:
    before = {"kind": "buy", "entry": "out", "symbol": "EUR<USD", "lots": "0.10000000", "price": "1.08450000",
              "profit_minor": "-75000", "swap_minor": "0"}  # fmt: skip
    case = case_of(
        CaseKind.AMENDED_DEAL,
        deal=7,
        fields=["profit_minor", "result_minor"],
        before=before,
        after={"profit_minor": "-80000"},
    )
    Case.objects.filter(pk=case.pk).update(currency="", amount_minor=None)  # nothing but the price changed
    case.refresh_from_db()
    (_, deal), (_, changed), (_, was), (_, now_is) = facts(case)
    assert conditional_escape(now_is) == '<bdi>Profit: <bdi dir="ltr">\u2212€800.00</bdi></bdi>'
    assert deal == "7"
    assert conditional_escape(changed) == "<bdi>Profit</bdi><br><bdi>Result</bdi>"
    assert conditional_escape(was).split("<br>") == [
        "<bdi>Kind of deal: <bdi>Buy</bdi></bdi>",
        "<bdi>Opening or closing: <bdi>Closing</bdi></bdi>",
        '<bdi>Symbol: <bdi dir="ltr">EUR&lt;USD</bdi></bdi>',
        '<bdi>Lots: <bdi dir="ltr">0.1</bdi></bdi>',
        '<bdi>Price: <bdi dir="ltr">1.0845</bdi></bdi>',
        '<bdi>Profit: <bdi dir="ltr">\u2212€750.00</bdi></bdi>',
        '<bdi>Swap: <bdi dir="ltr">€0.00</bdi></bdi>',
    ]


def test_the_kind_of_an_orphan_is_told_in_words(tenant: Any) -> None:
    case = case_of(CaseKind.ORPHAN_DEAL)
    case.data = {"kind": "balance"}
    assert [value for _, value in facts(case)] == ["Deposit or withdrawal"]


def test_there_are_words_for_all_that_is_compared() -> None:
    assert list(case_words.FIELDS) == list(COMPARED)
    assert list(case_words.KINDS) == list(DealKind)
    assert list(case_words.ENTRIES) == list(DealEntry)
