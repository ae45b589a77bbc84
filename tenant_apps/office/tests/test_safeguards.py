"""What one person may do alone: tightened by one at once, loosened by two, kept per brokerage."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kernel.actors import Actor, system
from kernel.errors import Forbidden, Invalid
from kernel.models import AuditEntry
from tenant_apps.office.safeguards import KNOWN, current, safeguards_set
from tenant_apps.payments.tests.test_pages import officer
from tenant_apps.wallets.change_models import ProposedChange

RIGHT = "office.safeguards"
SENT = {"email_change_hold_hours": "72", "trading_bulk_alone": "100"}
BEGUN = {"kyc_four_eyes": False, "email_change_hold_hours": 72, "trading_bulk_alone": 100}


def test_what_is_stricter_holds_at_once(tenant: Any) -> None:
    web, _other = officer(tenant, RIGHT), officer(tenant, RIGHT)
    stricter = {"kyc_four_eyes": "on", "email_change_hold_hours": "96", "trading_bulk_alone": "0"}
    assert web.post("/safeguards/", stricter)["Location"] == "/safeguards/"
    assert current() == {"kyc_four_eyes": True, "email_change_hold_hours": 96, "trading_bulk_alone": 0}
    line = AuditEntry.objects.get(action="office.safeguards_changed")
    assert (line.before, line.after) == (BEGUN, current())
    assert not ProposedChange.objects.exists()


@pytest.mark.parametrize("looser", [{"email_change_hold_hours": "0"}, {"trading_bulk_alone": "101"}])
def test_what_is_looser_takes_two(tenant: Any, looser: dict[str, str]) -> None:
    one, other = officer(tenant, RIGHT, "payments.view"), officer(tenant, RIGHT, "payments.view")
    one.post("/safeguards/", {**SENT, **looser, "kyc_four_eyes": "on"})
    assert current() == BEGUN
    assert "waits for a second person" in one.get("/safeguards/").content.decode()
    change = ProposedChange.objects.get()
    one.post(f"/payments/changes/{change.pk}/approve/")
    assert current() == BEGUN
    other.post(f"/payments/changes/{change.pk}/approve/")
    assert current() == {**BEGUN, "kyc_four_eyes": True, **{name: int(value) for name, value in looser.items()}}


def test_four_eyes_are_not_switched_off_by_one(tenant: Any) -> None:
    one, _other = officer(tenant, RIGHT), officer(tenant, RIGHT)
    one.post("/safeguards/", {**SENT, "kyc_four_eyes": "on"})
    one.post("/safeguards/", SENT)
    assert current()["kyc_four_eyes"] is True
    assert ProposedChange.objects.get(state="waiting").values == {"kyc_four_eyes": False}


def test_what_changed_meanwhile_is_not_loosened(tenant: Any) -> None:
    one, other = officer(tenant, RIGHT, "payments.view"), officer(tenant, RIGHT, "payments.view")
    one.post("/safeguards/", {**SENT, "email_change_hold_hours": "24"})
    other.post("/safeguards/", {**SENT, "email_change_hold_hours": "200"})
    other.post(f"/payments/changes/{ProposedChange.objects.get().pk}/approve/")
    assert current()["email_change_hold_hours"] == 200


@pytest.mark.parametrize(
    "wrong", [{"email_change_hold_hours": "721"}, {"trading_bulk_alone": "-1"}, {"trading_bulk_alone": "many"}]
)
def test_a_value_that_it_does_not_take_is_refused_at_its_field(tenant: Any, wrong: dict[str, str]) -> None:
    answer = officer(tenant, RIGHT).post("/safeguards/", {**SENT, **wrong})
    assert answer.status_code == 422
    (name,) = wrong
    assert re.search(rf'name="{name}"[^>]*aria-invalid="true"', answer.content.decode())
    assert current() == BEGUN


def test_the_service_refuses_for_itself(tenant: Any) -> None:
    may = system("test")
    for values in (
        {"languages": 1},
        {"kyc_four_eyes": 1},
        {"trading_bulk_alone": True},
        {"email_change_hold_hours": "24"},
    ):
        with pytest.raises(Invalid):
            safeguards_set(actor=may, values=values)  # type: ignore[arg-type]
    assert officer(tenant, "clients.view").get("/safeguards/").status_code == 403
    assert current() == {name: one.default for name, one in KNOWN.items()}


def test_nobody_without_the_right_sets_them(tenant: Any) -> None:
    with pytest.raises(Forbidden):
        safeguards_set(actor=Actor(kind="staff", label="Nobody"), values={"trading_bulk_alone": 5})
