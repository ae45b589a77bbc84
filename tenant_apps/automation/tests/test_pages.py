"""The pages of rules, and the demo's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.models import Job
from tenant_apps.accounts.tests.support import log_in, staff
from tenant_apps.automation import defaults, demo_clock
from tenant_apps.automation.models import Rule, RuleVersion
from tenant_apps.campaigns.tests.support import SYSTEM


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[timedelta]:
    """What the clock was moved by; the real one of the machine's Redis stays where it is."""
    settings.CLOCK_MOVABLE = True
    settings.SANDBOX = {**settings.SANDBOX, "mt5_admin_url": ""}
    moved: list[timedelta] = []
    real = clock.now
    monkeypatch.setattr(clock, "shift", lambda: sum(one.total_seconds() for one in moved))
    monkeypatch.setattr(clock, "advance", lambda by: moved.append(by) or real())
    return moved


def test_every_page_of_rules_opens(tenant: Any) -> None:
    defaults.ensure()
    office = log_in(tenant, staff("owner"))
    rule = Rule.objects.get(key="no-kyc-24-hours")
    for path in (
        "/automation/",
        "/automation/new/",
        "/automation/log/",
        f"/automation/{rule.pk}/",
        f"/automation/{rule.pk}/dry-run/",
    ):
        assert office.get(path).status_code == 200, path


def test_a_rule_without_a_published_version_has_nothing_to_try(tenant: Any) -> None:
    office = log_in(tenant, staff("owner"))
    rule = Rule.objects.create(key="unpublished", name="Not yet")
    answer = office.get(f"/automation/{rule.pk}/dry-run/")
    assert answer.status_code == 409
    assert "This rule has no published version yet." in answer.content.decode()


def test_editor_publishes_a_version_and_switches_off(tenant: Any) -> None:
    defaults.ensure()
    office = log_in(tenant, staff("owner"))
    rule = Rule.objects.get(key="retention-30-days")
    form = {
        "name": rule.name, "kind": "event", "event": "clients.active_day", "field": "active_days", "value": "20",
        "a.0.do": "task", "a.0.title": "Call {name}", "a.0.kind": "call", "a.0.due_hours": "8", "a.0.to": "owner",
    }  # fmt: skip
    assert office.post(f"/automation/{rule.pk}/", form).status_code == 302
    latest = RuleVersion.objects.filter(rule=rule).latest("number")
    assert (latest.number, latest.trigger["where"]) == (2, {"active_days": 20})
    assert office.post(f"/automation/{rule.pk}/", {**form, "value": "many"}).status_code == 422
    assert office.post(f"/automation/{rule.pk}/switch/", {"to": "off"}).status_code == 302
    rule.refresh_from_db()
    assert not rule.active


def test_only_the_owner_moves_the_clock_and_only_in_a_demo(tenant: Any, settings: Any, moves: list[timedelta]) -> None:
    owner, marketing = log_in(tenant, staff("owner")), log_in(tenant, staff("marketing"))
    assert marketing.get("/demo/clock/").status_code == 403
    assert owner.get("/demo/clock/").status_code == 200
    assert owner.post("/demo/clock/move/", {"by": "week"}).status_code == 302
    assert moves == [timedelta(days=7)]
    settings.CLOCK_MOVABLE = False
    assert owner.get("/demo/clock/").status_code == 404
    assert owner.post("/demo/clock/move/", {"by": "week"}).status_code == 404
    assert moves == [timedelta(days=7)]


def test_day_by_day_moves_each_day_once_however_often_a_step_is_delivered(tenant: Any, moves: list[timedelta]) -> None:
    job = demo_clock.days_start(days=3, actor=SYSTEM)
    for done in (0, 0, 1, 1, 0, 2, 2, 3):
        demo_clock.day_step(job_id=str(job.pk), done=done)
    assert moves == [timedelta(days=1)] * 3
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.percent, job.result) == ("done", 100, {"days": 3, "done": 3})
