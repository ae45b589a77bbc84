"""A bank's closing balance against the ledger: what explains itself, what is missing, and the proof of the daily close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from tenant_apps.accounts.tests.support import log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
from tenant_apps.payments.models import BankLine, LineState, ProviderAccount, Withdrawal
from tenant_apps.payments.permissions_list import APPROVE, BANK_APPROVE, BANK_IMPORT, PROPOSE
from tenant_apps.payments.services import bank_lines, posting
from tenant_apps.payments.services.by_hand import part_sent_by_hand
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.payments.tests.support import SYSTEM, client_actor, eur, make_client, staff
from tenant_apps.payments.tests.test_bank import THEIRS, announced, document, entry, imported, wire_account
from tenant_apps.reconciliation import banks
from tenant_apps.reconciliation.errors import ReasonMissing
from tenant_apps.reconciliation.models import Alarm, AlarmKind
from tenant_apps.reconciliation.permissions_list import CLOSE, SIGN
from tenant_apps.reconciliation.services.alarms import alarms_run
from tenant_apps.reconciliation.services.close import close_prepare, close_sign, figures_of, shown
from tenant_apps.reconciliation.sides import sides

Go = Callable[[float], date]
COUNT = iter(range(1, 10_000))
# A Monday at noon: the days before it are a weekend.
MONDAY = datetime.fromisoformat("2026-11-16T12:00:00+00:00")


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> Go:
    """Let it be so many days after that Monday; the day it is then."""

    def to(days: float) -> date:
        monkeypatch.setattr(clock, "now", lambda: MONDAY + timedelta(days=days))
        return clock.today()

    to(0)
    return to


@pytest.fixture
def account(tenant: Any, go: Go) -> ProviderAccount:
    return wire_account()


def told(opening: str, *lines: tuple[str, str], day: date | None = None) -> bytes:
    at, number = day or clock.today(), next(COUNT)
    entries = [
        entry(amount, text, bank_reference=f"B{number}-{n}", booked=at) for n, (amount, text) in enumerate(lines)
    ]
    return document(*entries, opening=Decimal(opening), day=at, number=number)


def wired(account: ProviderAccount) -> Withdrawal:
    """An approved withdrawal of 200, its wire not yet sent, of a client whose 500 a statement of today brought."""
    deposit = announced(account)
    imported(account, told("0", ("500", deposit.reference)))
    row = withdrawal_request(
        actor=client_actor(deposit.client), client=deposit.client, amount=eur("200"), iban=THEIRS, holder="Lena Vogt"
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    row.refresh_from_db()
    return row


def stand(day: date | None = None) -> tuple[str, str, dict[str, str], str]:
    """(bank, ledger, what explains itself, the rest nobody can explain)."""
    (one,) = banks.stands(until=day or clock.today())
    reasons = {name: str(amount.amount) for name, amount in one.reasons}
    return str(one.closing.amount), str(one.posted.amount), reasons, str(one.unexplained.amount)


def proof(day: date) -> tuple[str, bool]:
    """The difference of the close's proof, and whether the day is right."""
    (one,) = shown(figures_of(day))
    return next(str(less.amount) for name, *_, less in one.proofs if name == "bank"), one.right


def covered() -> tuple[str, bool]:
    """What covers clients' money beyond what is owed to them, and whether the day is right."""
    (one,) = shown(figures_of(clock.today()))
    return str(one.cover.amount), one.right


def test_money_that_left_without_an_order_is_no_cover_and_proves_nothing(account: ProviderAccount, go: Go) -> None:
    deposit = announced(account)
    imported(account, told("0", ("500", deposit.reference)))
    assert covered() == ("0.00", True)
    imported(account, told("500", ("-90", "to a thief"), ("40", "of nobody yet")))
    assert stand()[2:] == ({"unassigned": "-50.00"}, "0.00")
    assert covered() == ("-90.00", False)  # what came in is somebody else's
    (side,) = sides()
    assert (side.cover, dict(side.places)["gone"]) == (eur("-90"), eur("-90"))
    go(4)
    alarms_run()
    assert eur("-90") in [alarm.amount for alarm in Alarm.objects.filter(kind=AlarmKind.LINE)]
    go(0)
    line = BankLine.objects.get(amount_minor=-9000)
    bank_lines.line_ignore(actor=staff(BANK_IMPORT), line_id=line.pk, note="Stolen; the police know")
    assert covered() == ("-90.00", True)  # somebody has looked, and the money is still not there
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("90")),
        Leg(account_ensure(owner=HOUSE, kind="write_off", currency="EUR"), eur("-90")),
    ]
    post(kind="reconciliation.correction", legs=legs, key="reconciliation.correction:9", actor=SYSTEM)
    (one,) = shown(figures_of(clock.today()))
    assert ("gone" in one.values, str(one.cover.amount), one.right) == (False, "-90.00", True)


def test_what_was_credited_and_sent_agrees(account: ProviderAccount) -> None:
    row = wired(account)
    assert stand() == ("500.00", "500.00", {}, "0.00")
    imported(account, told("500", ("-200", row.reference)))
    assert stand() == ("300.00", "300.00", {}, "0.00")


def test_lines_that_nobody_has_assigned_explain_the_difference_until_they_are(account: ProviderAccount, go: Go) -> None:
    client = make_client()
    imported(account, told("0", ("40", "no reference")))
    assert stand() == ("40.00", "0.00", {"unassigned": "40.00"}, "0.00")
    day = go(0)
    go(1)
    line = BankLine.objects.get()
    bank_lines.line_propose(actor=staff(BANK_IMPORT), line_id=line.pk, client_number=client.number)
    bank_lines.line_approve(actor=staff(BANK_APPROVE), line_id=line.pk)
    assert stand(day) == ("40.00", "0.00", {"late": "40.00"}, "0.00")  # that day stays as it was
    imported(account, told("40"))
    assert stand() == ("40.00", "40.00", {}, "0.00")


def test_fees_of_the_bank_are_named_and_gone_when_they_are_corrected(account: ProviderAccount) -> None:
    imported(account, told("0", ("-3", "Account fee")))
    line = BankLine.objects.get()
    assert (line.state, stand()) == (LineState.UNMATCHED, ("-3.00", "0.00", {"unassigned": "-3.00"}, "0.00"))
    bank_lines.line_ignore(actor=staff(BANK_IMPORT), line_id=line.pk, note="Account fee")
    assert stand() == ("-3.00", "0.00", {"not_clients": "-3.00"}, "0.00")
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("3")),
        Leg(account_ensure(owner=HOUSE, kind="write_off", currency="EUR"), eur("-3")),
    ]
    post(kind="reconciliation.correction", legs=legs, key="reconciliation.correction:1", actor=SYSTEM)
    assert stand() == ("-3.00", "-3.00", {}, "0.00")


def test_a_wire_sent_by_hand_is_on_its_way_until_the_bank_tells_of_it(account: ProviderAccount, go: Go) -> None:
    row = wired(account)
    part_sent_by_hand(actor=staff(PROPOSE), part_id=row.parts.get().pk, bank_reference="X1")
    assert stand()[2:] == ({"on_the_way": "200.00"}, "0.00")
    first = go(0)
    go(1)
    imported(account, told("500", ("-200", row.reference)))
    assert stand()[2:] == ({}, "0.00")
    assert stand(first)[2:] == ({"on_the_way": "200.00"}, "0.00")


def test_a_wire_that_no_statement_tells_of_is_not_explained_for_ever(account: ProviderAccount, go: Go) -> None:
    row = wired(account)
    part_sent_by_hand(actor=staff(PROPOSE), part_id=row.parts.get().pk, bank_reference="X1")
    go(14)
    imported(account, told("500"))
    assert stand()[2:] == ({}, "200.00")


def test_a_payout_of_a_provider_is_on_its_way_until_a_line_is_known_as_it(account: ProviderAccount) -> None:
    imported(account, told("0"))
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("-70")),
        Leg(account_ensure(owner=HOUSE, kind="clearing:somebody", currency="EUR"), eur("70")),
    ]
    post(kind="reconciliation.payout", legs=legs, key="reconciliation.line:1:payout", actor=SYSTEM)
    assert stand()[2:] == ({"on_the_way": "-70.00"}, "0.00")
    imported(account, told("0", ("70", "PAYOUT 17")))
    assert stand()[2:] == ({"unassigned": "70.00", "on_the_way": "-70.00"}, "0.00")
    bank_lines.line_ignore(actor=staff(BANK_IMPORT), line_id=BankLine.objects.get().pk, note="Stripe's payout")
    assert stand() == ("70.00", "70.00", {}, "0.00")


def test_what_was_sent_back_agrees_when_the_bank_tells_of_it(account: ProviderAccount) -> None:
    """Out of suspense, or because a payer asked for it: nothing links the bank's line to it."""
    imported(account, told("0"))
    suspense = account_ensure(owner=HOUSE, kind="suspense", currency="EUR")
    legs = [Leg(posting.clearing(account, "EUR"), eur("70")), Leg(suspense, eur("-70"))]
    post(kind="payments.suspense_out", legs=legs, key="payments.deposit:x:suspense:refunded", actor=SYSTEM)
    assert stand()[2:] == ({"on_the_way": "70.00"}, "0.00")
    imported(account, told("0", ("-70", "returned to you")))
    assert stand()[2:] == ({"unassigned": "-70.00", "on_the_way": "70.00"}, "0.00")
    assert covered() == ("-70.00", False)  # what was posted once is not taken off twice
    bank_lines.line_ignore(actor=staff(BANK_IMPORT), line_id=BankLine.objects.get().pk, note="sent back")
    assert stand() == ("-70.00", "-70.00", {}, "0.00")


def test_the_ledgers_past_and_the_banks_stand_before_the_first_statement(account: ProviderAccount, go: Go) -> None:
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("-500")),
        Leg(account_ensure(owner=HOUSE, kind="trading-opening", currency="EUR"), eur("500")),
    ]
    post(kind="payments.deposit", legs=legs, key="payments.deposit:old", actor=SYSTEM)
    assert banks.untold(clock.today()) == {"EUR"}
    go(1)
    deposit = announced(account)
    imported(account, told("800", ("500", deposit.reference)))
    assert stand() == ("1300.00", "1000.00", {"before": "300.00"}, "0.00")
    assert banks.untold(clock.today()) == set()


def test_money_that_no_line_brought_is_not_explained(account: ProviderAccount) -> None:
    imported(account, told("0"))
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("-9")),
        Leg(account_ensure(owner=HOUSE, kind="suspense", currency="EUR"), eur("9")),
    ]
    post(kind="payments.deposit", legs=legs, key="payments.deposit:nobody", actor=SYSTEM)
    assert stand() == ("0.00", "9.00", {}, "-9.00")
    assert proof(clock.today()) == ("-9.00", False)


def test_a_missing_statement_is_told_apart_and_alarms_on_the_next_banking_day(account: ProviderAccount, go: Go) -> None:
    go(3)
    imported(account, told("0", ("10", "a")))
    day = go(4)  # a Friday
    imported(account, told("25", ("1", "b")))
    assert stand() == ("26.00", "0.00", {"unassigned": "11.00", "missing": "15.00"}, "0.00")
    assert proof(day) == ("15.00", False)
    assert alarms_run() == 0
    go(6)
    assert alarms_run() == 0  # Sunday
    go(7)
    alarms_run()
    alarms = Alarm.objects.filter(ended_at=None, kind=AlarmKind.STATEMENT)  # beside what nobody has assigned
    assert [alarm.amount for alarm in alarms] == [eur("15")]
    imported(account, told("10", ("15", "c"), day=day - timedelta(days=1)))
    alarms_run()
    assert not alarms.all().exists()
    assert proof(day) == ("0.00", True)


def test_a_day_the_bank_has_not_told_of_is_not_proved(account: ProviderAccount, go: Go) -> None:
    deposit = announced(account)
    imported(account, told("0", ("500", deposit.reference)))
    monday, tuesday = clock.today(), go(1)
    assert proof(monday) == ("0.00", True)
    assert proof(tuesday) == ("0.00", True)  # nothing was posted since, so there is nothing to tell
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("4")),
        Leg(account_ensure(owner=HOUSE, kind="write_off", currency="EUR"), eur("-4")),
    ]
    post(kind="reconciliation.correction", legs=legs, key="reconciliation.correction:2", actor=SYSTEM)
    assert proof(tuesday) == ("0.00", False)
    go(2)
    close_prepare(actor=staff(CLOSE), day=tuesday)
    with pytest.raises(ReasonMissing):
        close_sign(actor=staff(SIGN), day=tuesday)
    assert close_sign(actor=staff(SIGN), day=tuesday, note="a holiday of the bank's").figures[0]["unproved"] == ["bank"]


def test_two_differences_that_cancel_out_are_still_two(account: ProviderAccount) -> None:
    imported(account, told("0"))
    legs = [
        Leg(posting.clearing(account, "EUR"), eur("-5")),
        Leg(account_ensure(owner=HOUSE, kind="suspense", currency="EUR"), eur("5")),
    ]
    post(kind="payments.deposit", legs=legs, key="payments.deposit:nobody", actor=SYSTEM)
    assert proof(clock.today()) == ("-5.00", False)
    other = wire_account()
    for opening in ("0", "5"):
        imported(other, told(opening, day=clock.today() - timedelta(days=1) if opening == "0" else None))
    assert proof(clock.today()) == ("0.00", False)


def test_the_pages_show_it_and_cost_the_same(tenant: Any, account: ProviderAccount, go: Go) -> None:
    office = log_in(tenant, person("finance"))
    counts: list[list[int]] = []
    opening = 0
    for size in (1, 6):
        for _ in range(size):
            imported(account, told(str(opening), ("5", "somebody")))
            opening += 5
            go(opening / 5)
        counts.append([])
        for path in ("/reconciliation/clearing/", f"/reconciliation/clearing/{account.pk}/EUR/"):
            office.get(path)
            with CaptureQueriesContext(connection) as queries:
                body = office.get(path).content.decode()
            counts[-1].append(len(queries))
            assert "Lines not assigned yet" in body
    assert counts[0] == counts[1]
    day = (clock.today() - timedelta(days=1)).isoformat()
    body = office.get(f"/reconciliation/close/{day}/").content.decode()
    assert "closing balances" in body
    assert 'href="/reconciliation/clearing/">' in body.partition("<tbody")[2]  # what the proof is made of
