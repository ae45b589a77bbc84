"""Bulk changes in the office: from the filtered list to what came of it, and who may see and do what."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kernel.actors import Reach
from kernel.models import AuditEntry, Command
from kernel.tenancy import context
from tenant_apps.accounts.actors import actor_for
from tenant_apps.clients.models import Client
from tenant_apps.trading.models import BulkChange, TradingAccount
from tenant_apps.trading.services import bulk
from tenant_apps.trading.tests.test_bulk import APPROVER, GRANTS, Book, Server, book, carry_out, server
from tenant_apps.wallets.models import ProposedChange
from tenant_apps.wallets.worklist.registry import Said, source_for

__all__ = ["book", "server"]  # fixtures
VIEWER = {"trading.view": Reach.ALL, "trading.bulk.view": Reach.ALL}
PARTS = ("start", "drop", "approve", "refuse", "stop", "undo", "retry")


def planned(book: Book, user: Any, **target: Any) -> BulkChange:
    return bulk.plan(actor=actor_for(user), query="", **(target or {"leverage": 10}))


def text(response: Any) -> str:
    return str(response.content.decode())


def test_from_the_list_to_the_preview_to_the_end(book: Book, server: Server) -> None:
    user = book.staff(GRANTS)
    web = book.browser(user, "office")
    Client.objects.filter(pk__in=[one.pk for one in book.people[:3]]).update(tags=["vip"])
    listed = text(web.get("/trading/accounts/", {"tag": "vip"}))
    assert "All 3 accounts of this filter" in listed
    assert "/trading/bulk/new/?what=leverage&amp;tag=vip" in listed
    form = text(web.get("/trading/bulk/new/?what=leverage&tag=vip"))
    assert ('<option value="10"' in form, ">vip<" in form) == (True, True)
    assert '<option value="" selected>Choose' in form
    answer = web.post("/trading/bulk/new/?what=leverage&tag=vip", {"value": "10"})
    change = BulkChange.objects.get()
    page = f"/trading/bulk/{change.pk}/"
    assert (answer.status_code, answer["Location"], change.changing) == (302, page, 3)
    preview = text(web.get(page))
    assert all(words in preview for words in ("Preview", "Change 3 accounts", "1:30", "1:10", "vip"))
    assert not Command.objects.exists()
    web.post(f"{page}start/", {"reason": ""})
    assert "Say why." in text(web.get(page))
    web.post(f"{page}start/", {"reason": "review"})
    running = text(web.get(page))
    assert all(words in running for words in ("Running", "Stop this bulk change?", "0 / 3"))
    carry_out(change)
    over = text(web.get(page))
    assert all(words in over for words in ("Finished", "Undo", "review"))
    back = web.post(f"{page}undo/")
    assert text(web.get(back["Location"])).count("1:10</bdi>") == 3
    assert "trading/bulk/" + str(change.followers.get().pk) in text(web.get(page))
    assert "Leverage as before" in text(web.get("/trading/bulk/"))


@pytest.mark.parametrize(
    ("purpose", "leverage", "title"),
    [
        ("change", 30, "Leverage: \u20681:30\u2069"), ("retry", 30, "Leverage: \u20681:30\u2069"),
        ("undo", None, "Leverage as before"), ("retry", None, "Leverage as before"),
    ],
)  # fmt: skip
def test_another_try_is_called_as_what_is_tried(purpose: str, leverage: int | None, title: str) -> None:
    assert BulkChange(what="leverage", purpose=purpose, leverage=leverage).title == title


def test_a_dropped_plan_keeps_what_it_would_have_changed(book: Book) -> None:
    user = book.staff(GRANTS)
    web, change = book.browser(user, "office"), planned(book, user)
    pages = [text(web.get(f"/trading/bulk/{change.pk}/"))]
    web.post(f"/trading/bulk/{change.pk}/drop/")
    pages.append(text(web.get(f"/trading/bulk/{change.pk}/")))
    figures = [re.findall(r'class="ui-stat-value[^>]*>(.*?)</p>', page, re.DOTALL) for page in pages]
    assert "Dropped" in pages[1]
    assert figures[0] == figures[1] != []


def test_a_type_is_chosen_among_all_and_skipped_accounts_say_why(book: Book) -> None:
    web = book.browser(book.staff(GRANTS), "office")
    book.moved(book.rows[0])
    assert "Pro EUR" in text(web.get("/trading/bulk/new/?what=type"))
    assert web.post("/trading/bulk/new/?what=type", {"value": "nonsense"}).status_code == 422
    page = web.post("/trading/bulk/new/?what=type", {"value": str(book.pro.pk)})["Location"]
    assert "Money is on its way" in text(web.get(page))
    rows = text(web.get(page, {"reason": "money_moves"}, headers={"HX-Request": "true", "HX-Target": "div#rows"}))
    assert (">600<" in rows, ">601<" in rows, "<html" in rows) == (True, False, False)
    found = text(web.get(page, {"q": "601", "state": "waiting"}))
    assert (">600<" in found, ">601<" in found) == (False, True)
    assert "No such accounts" in text(web.get(page, {"q": "nobody"}))
    head = text(web.get(page, {"part": "head"}, headers={"HX-Request": "true"}))
    assert ("Why accounts are left" in head, "<html" in head) == (True, False)


def test_the_file_has_every_account_with_before_after_and_reason(book: Book) -> None:
    user = book.staff(GRANTS)
    TradingAccount.objects.filter(pk=book.rows[1].pk).update(leverage=10)
    change = planned(book, user)
    answer = book.browser(user, "office").get(f"/trading/bulk/{change.pk}/file/")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]
    assert lines[0] == "Login,Client,Before,After,Result,Reason,When"
    assert lines[1:3] == [
        "600,Greta Lind,1:30,1:10,To be changed,,", "601,Greta Lind,1:10,1:10,Left as it is,It is so already,",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(action="trading.bulk_exported", object_id=str(change.pk)).count() == 1


def test_a_manager_sees_and_changes_only_what_is_theirs(book: Book) -> None:
    agent, other = (book.staff(dict.fromkeys(GRANTS, Reach.OWN)) for _ in range(2))
    Client.objects.filter(pk=book.people[0].pk).update(owner_id=agent.pk)
    web = book.browser(agent, "office")
    assert "1 account of this filter" in text(web.get("/trading/accounts/"))
    page = web.post("/trading/bulk/new/?what=leverage", {"value": "10"})["Location"]
    assert BulkChange.objects.get().accounts == 1
    stranger = book.browser(other, "office")
    assert stranger.get(page).status_code == 404
    assert text(stranger.get("/trading/bulk/")).count("/trading/bulk/") == text(
        stranger.get("/trading/bulk/?state=done")
    ).count("/trading/bulk/")
    for part in PARTS[:2] + PARTS[4:]:
        assert stranger.post(f"{page}{part}/").status_code == 404, part
    Client.objects.filter(pk=book.people[0].pk).update(owner_id=other.pk)
    assert ">600<" not in text(web.get(page)), "no longer theirs"


@pytest.mark.parametrize("grants", [{"trading.view": Reach.ALL, "trading.edit": Reach.ALL}, VIEWER])
def test_without_the_right_nothing_is_offered_or_done(book: Book, grants: dict[str, Reach]) -> None:
    change = planned(book, book.staff(GRANTS))
    web, page = book.browser(book.staff(grants), "office"), f"/trading/bulk/{change.pk}/"
    assert "accounts of this filter" not in text(web.get("/trading/accounts/"))
    sees = 200 if grants is VIEWER else 403
    assert [web.get(path).status_code for path in ("/trading/bulk/", page, f"{page}file/")] == [sees] * 3
    assert web.get("/trading/bulk/new/").status_code == 403
    assert [web.post(f"{page}{part}/").status_code for part in PARTS] == [403] * len(PARTS)
    change.refresh_from_db()
    assert (change.state, Command.objects.count()) == ("planned", 0)


def test_another_brokerages_bulk_change_does_not_exist(book: Book, other_tenant: Any) -> None:
    with context.use(other_tenant):
        there = Book(other_tenant, count=1)
        change = planned(there, there.staff(GRANTS))
    web = book.browser(book.staff(APPROVER), "office")
    page = f"/trading/bulk/{change.pk}/"
    assert [web.get(path).status_code for path in (page, f"{page}file/")] == [404, 404]
    assert [web.post(f"{page}{part}/", {"reason": "x"}).status_code for part in PARTS] == [404] * len(PARTS)


def test_a_second_person_agrees_on_the_page_or_from_the_work_list(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ALONE", 3)
    first, second = book.staff(APPROVER), book.staff(APPROVER)
    change = planned(book, first)
    page = f"/trading/bulk/{change.pk}/"
    mine, theirs = book.browser(first, "office"), book.browser(second, "office")
    assert "More than 3 accounts in a day" in text(mine.get(page))
    mine.post(f"{page}start/", {"reason": "review"})
    assert "You proposed this." in text(mine.get(page))
    waiting = text(theirs.get(page))
    assert ("It waits for a second person" in waiting, "review" in waiting) == (True, True)
    theirs.post(f"{page}refuse/", {"reason": "not now"})
    assert "not now" in text(mine.get(page))
    mine.post(f"{page}start/", {"reason": "review"})
    actor = actor_for(second)
    source = source_for(actor, "trading_bulk")
    assert source is not None
    (row,) = source.mine(actor)
    assert (row.title.strip("\u2069")[-4:], dict(source.facts(row))["Accounts that change"]) == ("1:10", 4)
    assert theirs.get(f"/money/trading_bulk/{row.pk}/").status_code == 200
    theirs.post(f"{page}approve/", {"seen": "another proposal"})
    change.refresh_from_db()
    assert change.state == "planned"
    approve, _ = source.decisions(actor, row)
    approve.act(actor, row, Said(seen=source.seen(row)))
    change.refresh_from_db()
    assert (change.state, ProposedChange.objects.filter(state="approved").count()) == ("running", 1)
    theirs.post(f"{page}stop/")
    change.refresh_from_db()
    assert (change.state, change.stopper_label) == ("stopped", second.name)


def test_pages_ask_the_database_the_same_however_many_accounts(book: Book, django_assert_max_num_queries: Any) -> None:
    user = book.staff(GRANTS)
    for number in range(30):
        book.account_of(book.people[0], 700 + number)
    change = planned(book, user)
    web = book.browser(user, "office")
    web.get("/trading/bulk/")
    for path, most in ((f"/trading/bulk/{change.pk}/", 34), ("/trading/bulk/", 22), ("/trading/accounts/", 34)):
        with django_assert_max_num_queries(most):
            assert web.get(path).status_code == 200


@pytest.mark.parametrize("surface", ["office", "portal"])
def test_dialogs_neither_offer_nor_take_more_leverage_than_the_rules_allow(book: Book, surface: str) -> None:
    book.kind.leverages = [10, 30, 100]
    book.kind.save()
    account = book.account_of(book.client, 900)
    in_office = surface == "office"
    user = book.staff({"trading.view": Reach.ALL, "trading.edit": Reach.ALL}) if in_office else book.user
    web, path = book.browser(user, surface), f"{'/trading' if in_office else ''}/accounts/{account.pk}/leverage/"
    assert ('value="30"' in text(web.get(path)), 'value="100"' in text(web.get(path))) == (True, False)
    assert web.post(path, {"leverage": 100, "reason": "asked"}).status_code == 422
    assert not Command.objects.exists()


def test_pages_are_told_in_arabic(book: Book) -> None:
    user = book.staff(GRANTS)
    change = planned(book, user)
    web = book.browser(user, "office")
    web.cookies["language"] = "ar"
    page = text(web.get(f"/trading/bulk/{change.pk}/"))
    assert "1:10" in page
