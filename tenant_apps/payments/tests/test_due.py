"""What is promised is honest: hours of each way out, counted while the brokerage works, the slowest way deciding."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Invalid
from kernel.models import AuditEntry
from tenant_apps.payments.models import PayoutSettings, ProposedChange
from tenant_apps.payments.permissions_list import RULES
from tenant_apps.payments.services.due import due_after, hours_promised
from tenant_apps.payments.services.rules import payout_settings_save
from tenant_apps.wallets.target_days import is_banking_day

from .support import make_account, staff
from .test_pages import officer
from .test_rules_eyes import agreed
from .test_withdrawals import funded, requested

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {"work_days": [0, 1, 2, 3, 4], "work_from": time(9), "work_until": time(17)}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("rules", "start", "hours", "due"),
    [
        ({}, "2026-05-08T16:00", 24, "2026-05-09T16:00"),
        (OFFICE, "2026-05-08T16:00", 1, "2026-05-08T17:00"),
        (OFFICE, "2026-05-08T16:00", 4, "2026-05-11T12:00"),  # Friday afternoon to Monday noon
        (OFFICE, "2026-05-09T11:00", 8, "2026-05-11T17:00"),  # a Saturday
        (OFFICE, "2026-05-11T03:00", 8, "2026-05-11T17:00"),  # before the day begins
        (OFFICE, "2026-05-08T16:00", 24, "2026-05-13T16:00"),
        ({"work_days": [6]}, "2026-05-08T16:00", 30, "2026-05-17T06:00"),  # Sundays alone, all day
        ({"work_from": time(22), "work_until": time(6)}, "2026-05-08T01:00", 6, "2026-05-08T23:00"),  # passes midnight
        ({"banking_days": True}, "2026-04-02T12:00", 24, "2026-04-07T12:00"),  # Maundy Thursday to Easter Tuesday
        ({**OFFICE, "banking_days": True}, "2026-04-30T16:00", 2, "2026-05-04T10:00"),  # over 1 May
        ({"work_days": [6, 0]}, "2026-03-29T00:00", 23, "2026-03-30T00:00"),  # the day of 23 hours
    ],
)
def test_hours_count_while_the_brokerage_works(rules: dict[str, Any], start: str, hours: int, due: str) -> None:
    assert due_after(local(start), hours, PayoutSettings(**rules), BERLIN) == local(due)


@given(
    minutes=st.integers(0, 365 * 24 * 60), hours=st.integers(1, 720), days=st.sets(st.integers(0, 4), min_size=1),
    begin=st.integers(0, 23), length=st.integers(1, 23), banking=st.booleans(),
)  # fmt: skip
def test_it_is_never_sooner_than_the_hours_and_ends_at_work(
    minutes: int, hours: int, days: set[int], begin: int, length: int, banking: bool
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    rules = PayoutSettings(
        work_days=sorted(days), work_from=time(begin), work_until=time((begin + length) % 24), banking_days=banking
    )
    due = due_after(start, hours, rules, BERLIN)
    assert due >= start + timedelta(hours=hours)
    assert due_after(start, hours + 1, rules, BERLIN) > due
    last = (due - timedelta(seconds=1)).astimezone(BERLIN)
    day = last.date() if last.hour >= begin else last.date() - timedelta(days=1)  # a night's shift is of its first day
    assert day.weekday() in days
    assert is_banking_day(day) or not banking


def test_the_slowest_way_decides() -> None:
    rules = PayoutSettings(promised_hours=24, promised_by_method={"wire": 48, "skrill": 1})
    assert [hours_promised(ways, rules) for ways in (["wire"], ["skrill"], ["skrill", "wire"], ["back"], ["skrill", "back"], [])
            ] == [48, 1, 48, 24, 24, 24]  # fmt: skip


def test_a_request_is_due_as_its_way_is_promised_and_stays_so(tenant: Any) -> None:
    actor = staff(RULES)
    payout_settings_save(actor=actor, values={"promised_hours": 24, "promised_by_method": {"wire": 72}})
    row = requested(funded())
    assert row.due_at is not None
    assert timedelta(hours=71) < row.due_at - row.created_at <= timedelta(hours=72, minutes=1)
    payout_settings_save(actor=actor, values={"promised_by_method": {}})
    row.refresh_from_db()
    assert row.due_at - row.created_at > timedelta(hours=71)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"promised_by_method": {"wire": 0}}, "promised_hours"),
        ({"work_from": "09:00"}, "work_until"),
        ({"work_from": "09:00", "work_until": "09:30"}, "work_until"),
        ({"work_from": "09:00", "work_until": "09:00"}, "work_until"),
        ({"work_days": [7]}, "work_days"),
        ({"work_days": [5, 6], "banking_days": True}, "work_days"),
    ],
)
def test_promises_that_nobody_could_keep_are_refused(tenant: Any, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        payout_settings_save(actor=staff(RULES), values=values)
    assert refused.value.field == field


def test_the_office_sets_it_with_a_second_person(tenant: Any) -> None:
    make_account("bank_wire", settings={"iban": "DE89370400440532013000"})
    one, other = officer(tenant, "payments.rules.edit"), officer(tenant, "payments.rules.edit", "payments.view")
    body = one.get("/payments/approval/").content.decode()
    assert 'name="hours_wire"' in body
    sent = {"promised_hours": "24", "verify_destinations": "on", "cooling_hours": "0", "hours_wire": "48", "hours_back": "",
            "work_days": ["0", "4"], "work_from": "09:00", "work_until": "17:30", "banking_days": "on"}  # fmt: skip
    assert one.post("/payments/approval/", {**sent, "hours_wire": "0"}).status_code == 422
    assert one.post("/payments/approval/", sent).status_code == 302
    assert not PayoutSettings.objects.exists()
    change = ProposedChange.objects.get()
    assert change.values["promised_by_method"] == {"wire": 48}
    assert agreed(other) == "approved"
    row = PayoutSettings.objects.get()
    assert (row.promised_by_method, row.work_days, row.work_from, row.banking_days) == (
        {"wire": 48},
        [0, 4],
        time(9),
        True,
    )
    line = AuditEntry.objects.get(action="payments.payout_settings_saved")
    assert line.after["work_until"] == "17:30"
    assert 'value="48"' in one.get("/payments/approval/").content.decode()
