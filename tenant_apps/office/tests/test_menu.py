"""The menu of money: few entries, every page of them two clicks away and found by the search."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from kernel import badges, navigation
from tenant_apps.leads.tests.support import actor, log_in, staff
from tenant_apps.payments.tests.support import make_client
from tenant_apps.payments.tests.test_pages import deposit_of, officer

EVERYTHING = sorted({code for entry in navigation._entries for code in entry.permissions if entry.surface == "office"})
MONEY = [entry for entry in navigation._entries if (entry.surface, entry.section) == ("office", "money")]


def hrefs(part: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', part)


def menu_of(page: str) -> str:
    return page[page.index('<aside class="shell-aside"') : page.index("</aside>")]


def tabs_of(page: str) -> list[str]:
    main = page[page.index('<main id="main"') :]
    found = re.search(r'<nav class="ui-tabs no-print mb-4".*?</nav>', main, re.S)
    return hrefs(found[0]) if found else []


def test_money_has_few_entries_and_all_its_pages_are_two_clicks_away(tenant: Any) -> None:
    web = officer(tenant, *EVERYTHING)
    page = web.get("/").content.decode()
    menu = menu_of(page)
    money = menu[menu.index(">Money<") : menu.index(">Trading<")]
    assert len(hrefs(money)) <= 8
    reached = set(hrefs(money))
    for address in hrefs(money):
        reached |= set(tabs_of(web.get(address).content.decode()))
    assert {reverse(entry.url, urlconf="config.urls_office") for entry in MONEY} <= reached


def test_the_search_knows_each_page_of_a_group(tenant: Any) -> None:
    page = officer(tenant, *EVERYTHING).get("/").content.decode()
    found = hrefs(page[page.index('id="ui-palette-options"') :])
    assert {reverse(entry.url, urlconf="config.urls_office") for entry in MONEY} <= set(found)
    names = re.findall(r'id="(palette-[\d-]+)"', page)
    assert len(names) == len(set(names)) > len(MONEY)


@pytest.mark.parametrize(
    ("path", "tab"), [("/payments/suspense/", "/payments/suspense/"), ("/payments/", "/payments/")]
)
def test_a_page_marks_its_tab_and_its_entry(tenant: Any, path: str, tab: str) -> None:
    page = officer(tenant, *EVERYTHING).get(path).content.decode()
    marked = [re.search(r'href="([^"]*)"', one)[1] for one in re.findall(r'<a [^>]*aria-current="page"[^>]*>', page)]  # type: ignore[index]
    assert marked.count(tab) >= 1
    assert "/payments/" in marked  # the entry leads to the first page of its group


def test_a_page_below_one_stands_under_its_tab(tenant: Any) -> None:
    row = deposit_of(make_client())
    page = officer(tenant, *EVERYTHING).get(f"/payments/deposits/{row.pk}/").content.decode()
    assert re.search(r'<a class="ui-tab" href="/payments/deposits/" aria-current="page"', page)


@pytest.mark.parametrize(
    ("name", "tab"),
    [
        ("rule", "/payments/providers/"),
        ("withdrawal-fee", "/payments/providers/"),
        ("payout-rule", "/payments/payout-routing/"),
        ("approval-rule", "/payments/approval/"),
        ("threshold", "/payments/deposit-limits/"),
    ],
)
def test_the_page_of_a_rule_stands_under_the_page_that_lists_it(name: str, tab: str) -> None:
    """The longest address of a tab that begins a page's own is its tab: "Withdrawals" begins all of them."""
    own = reverse(f"payments:{name}", urlconf="config.urls_office", args=[UUID(int=1)])
    tabs = [reverse(entry.url, urlconf="config.urls_office") for entry in MONEY]
    assert max((one for one in tabs if own.startswith(one)), key=len) == tab


def test_who_may_open_one_page_of_a_group_has_that_page_and_no_tabs(tenant: Any) -> None:
    page = officer(tenant, "payments.batch.view").get("/payments/batches/").content.decode()
    menu = menu_of(page)
    assert "Payment files" in menu
    assert ">Bank<" not in menu
    assert tabs_of(page) == []


def test_what_somebody_did_shows_in_the_menu_of_the_next_page(tenant: Any, settings: Any) -> None:
    """Its figures are kept for seconds, but never over an act of one's own."""
    settings.MENU_COUNTS_KEPT = 60
    owner = staff("owner")
    browser = log_in(tenant, owner)
    assert browser.get("/").status_code == 200
    assert badges._kept(actor(owner)) is not None
    browser.post("/no-such-address/")
    assert badges._kept(actor(owner)) is None
