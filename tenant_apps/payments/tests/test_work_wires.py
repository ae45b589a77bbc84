"""Approved wires as work, and the work narrowed by payment method and KYC level."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.actors import Actor
from tenant_apps.clients.models import Client, KycState
from tenant_apps.leads.models import SavedView
from tenant_apps.payments import selectors
from tenant_apps.payments.models import Deposit, DestinationState, PartState, ProviderAccount, WithdrawalPart
from tenant_apps.payments.permissions_list import BATCH_MAKE, BATCH_VIEW, VIEW
from tenant_apps.payments.services import batches
from tenant_apps.wallets.worklist.filters import Filter
from tenant_apps.wallets.worklist.listing import KindCount, counters, item_of, listed
from tenant_apps.wallets.worklist.registry import source_for

from .support import eur, make_client, make_destination, staff
from .test_bank import account, wired
from .test_batches import made
from .test_pages import deposit_of, officer
from .test_withdrawals import funded, requested
from .test_worklist import references, striking

__all__ = ["account"]  # the fixture


def of(actor: Actor, kind: str = "wire") -> KindCount:
    return next(one for one in counters(actor).kinds if one.source.kind == kind)


def test_an_approved_wire_is_work_until_it_is_in_a_file(account: ProviderAccount) -> None:
    row = wired(account)
    maker, looker = staff(BATCH_VIEW, BATCH_MAKE), staff(BATCH_VIEW)
    (item,) = listed(maker, Filter()).items
    assert (item.kind, item.reference, item.amount, item.client_id) == (
        "wire",
        row.reference,
        eur("200"),
        row.client_id,
    )
    assert (item.due, item.since) == (row.due_at, row.approved_at)
    assert [(of(who).open, of(who).mine) for who in (maker, looker)] == [(1, 1), (1, 0)]
    part = row.parts.get()
    batch = made(account, row, actor=maker)
    assert (of(maker).open, of(maker, "batch").open) == (0, 1)
    source = source_for(maker, "wire")
    assert source is not None
    found = item_of(maker, source, part.pk)
    assert found is not None
    assert (source.decided_by(part), dict(source.facts(part))["Payment file"]) == (maker.label, batch.reference)
    batches.payout_batch_cancel(actor=maker, batch_id=batch.pk, reason="another day")
    assert of(maker).open == 1
    WithdrawalPart.objects.update(state=PartState.PAID)
    assert of(maker).open == 0


def test_the_work_and_the_page_of_payment_files_have_the_same_wires(account: ProviderAccount) -> None:
    stopped, free = wired(account), wired(account)
    stopped.hold_reason = "chargeback"
    stopped.save()
    assert [item.reference for item in listed(staff(BATCH_VIEW), Filter(scope="all")).items] == [free.reference]
    (group,) = selectors.wires_to_send()
    assert [part.withdrawal.reference for part in group.parts] == [free.reference]


def test_without_the_right_there_are_no_wires(account: ProviderAccount) -> None:
    wired(account)
    assert source_for(staff(VIEW), "wire") is None
    assert listed(staff(VIEW), Filter(scope="all")).items == []


# --- by payment method


def test_work_is_narrowed_by_payment_method(tenant: Any, account: ProviderAccount) -> None:
    card, klarna = striking(make_client()), striking(make_client())
    Deposit.objects.filter(pk=klarna.pk).update(method="klarna")
    back = requested(funded(), "20")
    back.parts.update(deposit=card)  # to the card it came from
    wire = wired(account)
    book = make_destination(make_client(), iban="GB82WEST12345698765432", state=DestinationState.NEW)
    assert references(staff(), method="klarna") == {klarna.reference}
    assert references(staff(), method="card") == {card.reference, back.reference}
    assert references(staff(), method="wire") == {wire.reference, book.label}
    assert references(staff(), method="wire", kind="wire") == {wire.reference}
    assert references(staff(), method="knet") == set()


# --- by KYC level


@pytest.mark.parametrize(
    ("level", "expected"), [("0", {"new"}), ("1", {"first", "early"}), ("2", {"second"}), ("3", set())]
)
def test_work_is_narrowed_by_the_level_that_limits_count(tenant: Any, level: str, expected: set[str]) -> None:
    """Somebody whose identity is not verified has none, whatever level they once had."""
    people = {
        "new": {"kyc_state": KycState.SUBMITTED, "kyc_level": 2}, "early": {"kyc_level": 0}, "first": {"kyc_level": 1},
        "second": {"kyc_level": 2},
    }  # fmt: skip
    rows = {name: striking(make_client(**values)) for name, values in people.items()}
    assert references(staff(), level=level) == {rows[name].reference for name in expected}


def test_what_is_nobodys_has_no_level(account: ProviderAccount) -> None:
    made(account, wired(account))
    Client.objects.update(kyc_state=KycState.APPROVED)
    assert "batch" not in {item.kind for item in listed(staff(), Filter(scope="all", level="0")).items}
    assert "batch" in {item.kind for item in listed(staff(), Filter(scope="all")).items}


def test_levels_that_are_none_are_left_out() -> None:
    assert [Filter.parse({"level": value}).level for value in ("10", "-1", "x", "²", "2")] == ["", "", "", "", "2"]


# --- the page


def test_a_wire_leads_to_the_page_where_it_is_put_into_a_file(tenant: Any, account: ProviderAccount) -> None:
    part = wired(account).parts.get()
    page = officer(tenant, BATCH_VIEW).get(f"/money/wire/{part.pk}/").content.decode()
    assert 'href="/payments/batches/"' in page
    assert "It waits to be put into a payment file" in page


def test_a_saved_view_keeps_method_and_level(tenant: Any, account: ProviderAccount) -> None:
    web = officer(tenant, VIEW)
    query = "scope=all&method=wire&level=2"
    web.post("/money/views/save/", {"name": "Wires of two", "query": query})
    assert SavedView.objects.get().query == query
    page = web.get(f"/money/?{query}").content.decode()
    options = dict(re.findall(r'<option value="(wire|2)" selected>([^<]*)<', page))
    assert options == {"wire": "Bank transfer", "2": "Level 2"}


def test_the_page_with_wires_and_filters_costs_the_same_however_much_waits(
    tenant: Any, account: ProviderAccount
) -> None:
    web, costs = officer(tenant, VIEW, BATCH_VIEW, BATCH_MAKE), []
    paths = ("/money/?scope=all", "/money/?scope=all&method=wire&level=1")
    for path in paths:
        web.get(path)
    for more in (1, 4):
        for _ in range(more):
            wired(account)
            deposit_of(make_client(), attention="late")
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert web.get(path).status_code == 200
            costs.append(len(queries))
    assert costs[:2] == costs[2:]
    assert max(costs) <= 12
