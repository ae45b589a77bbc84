"""A brokerage is made whole or not at all, whoever dies when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from kernel import clock
from kernel.errors import Unavailable
from kernel.tenancy import context
from provisioning import services, steps, tasks
from provisioning.errors import NotRetryable, StepFailed
from provisioning.executor import advance
from provisioning.models import ProvisioningRun
from provisioning.presets import register_default
from provisioning.selectors import progress_of, timing
from provisioning.tests import helpers
from shared_apps.tenants.errors import SlugRefused, SlugTaken
from shared_apps.tenants.models import Tenant

POINTS = [f"{step.key}:{where}" for step in steps.STEPS for where in ("begun", "forward", "verified", "committed")]
POINTS.insert(POINTS.index("connect:forward"), "connect:called")
Runs = Callable[..., ProvisioningRun]


def test_it_makes_a_brokerage_in_seconds(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = runs()
    assert advance(run.pk) == "done"
    made = helpers.snapshot(run)
    assert made["users"] == [("owner@example.com", "Greta Lind", ["owner"])]
    assert made["brand"][0][:2] == (1, "published")
    assert made["mails"] == [("owner@example.com", "provisioning.welcome")]
    assert ("tenant.created", "Olga") in made["audit"]
    assert made["settings"]["languages"] == ["de", "en"]
    assert made["settings"]["base_currency"] == "EUR"
    assert not made["password_kept"]
    with capsys.disabled(), context.public():
        took = ", ".join(f"{line.key} {line.seconds:.2f}" for line in progress_of(run).lines)
        print(f"\nprovisioning: {run.seconds:.2f} s from the button to the office ({took})")
    assert run.seconds is not None


def test_killed_at_any_point_it_resumes_to_the_same_result(runs: Runs) -> None:
    """One run, killed at every point in turn, each time by SIGKILL, against one that was never disturbed."""
    calm, hunted = runs(), runs()
    assert advance(calm.pk) == "done"
    for point in POINTS:
        assert helpers.advance_and_die(hunted, point) == helpers.KILLED, point
    assert advance(hunted.pk) == "done"
    one, other = helpers.snapshot(calm), helpers.snapshot(hunted)
    assert one == other


@pytest.mark.parametrize("step", [step.key for step in steps.STEPS])
def test_a_permanent_failure_at_any_step_leaves_nothing(runs: Runs, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr("provisioning.executor.ATTEMPTS", 1)
    broken = next(known for known in steps.STEPS if known.key == step)
    monkeypatch.setattr(type(broken), "verify", lambda self, plan: False)
    run = runs()
    assert advance(run.pk) == "failed"
    assert helpers.nothing_left(run)
    with context.public():
        lines = {line.key: line.state for line in progress_of(ProvisioningRun.objects.get(pk=run.pk)).lines}
    assert lines == {known.key: "failed" if known.key == step else "todo" for known in steps.STEPS}


def test_undoing_survives_being_killed_too(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.executor.ATTEMPTS", 1)
    monkeypatch.setattr(steps.Activate, "verify", lambda self, plan: False)
    run = runs()
    for step in reversed(steps.STEPS):
        for where in ("undo", "undone"):
            assert helpers.advance_and_die(run, f"{step.key}:{where}") == helpers.KILLED
    assert advance(run.pk) == "failed"
    assert helpers.nothing_left(run)


def test_a_passing_failure_is_tried_again_after_a_pause(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def ensure(ref: Any, preset: str) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise StepFailed

    monkeypatch.setattr("provisioning.presets._defaults", [])
    register_default(1, "shaky", ensure)
    run = runs()
    assert advance(run.pk) == "running"
    with context.public():
        progress = progress_of(ProvisioningRun.objects.get(pk=run.pk))
        assert (progress.waiting, progress.retryable) == (True, True)
        assert str(progress.error) == "A check after this step found something missing."
    later = clock.now() + timedelta(seconds=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert advance(run.pk) == "done"
    assert len(calls) == 2


def test_other_systems_are_called_outside_of_any_transaction(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the defaults, which are in one; and again, not from the beginning, when the call fails."""
    calls: list[tuple[str, bool, str]] = []

    def called(name: str) -> Any:
        def call(ref: Any, preset: str) -> None:
            calls.append((name, connection.in_atomic_block, preset))
            assert context.tenant() == ref
            if name == "connect" and len(calls) == 2:
                raise Unavailable

        return call

    monkeypatch.setattr("provisioning.presets._defaults", [(1, "rows", called("ensure"))])
    monkeypatch.setattr("provisioning.presets._connections", [(1, "outside", called("connect"))])
    run = runs()
    assert advance(run.pk) == "running"
    later = clock.now() + timedelta(seconds=60)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert advance(run.pk) == "done"
    assert calls == [
        ("ensure", True, "eu_retail"),
        ("connect", False, "eu_retail"),
        ("connect", False, "eu_retail"),
    ]


def test_a_failed_run_can_be_started_over_with_another_address(runs: Runs) -> None:
    first, second = runs(), None
    assert advance(first.pk) == "done"
    slug = first.request["slug"]
    second = runs()
    with context.public(), transaction.atomic():
        ProvisioningRun.objects.filter(pk=second.pk).update(request={**second.request, "slug": slug})
    assert advance(second.pk) == "failed"
    with context.public():
        second.refresh_from_db()
        assert second.error == "slug_taken"
        assert Tenant.objects.filter(slug=slug).count() == 1
        with pytest.raises(SlugTaken):
            services.run_retry(run_id=second.pk)
        services.run_retry(run_id=second.pk, changes={"slug": f"{slug}2"})
    assert advance(second.pk) == "done"


def test_only_failed_or_waiting_runs_can_be_retried(runs: Runs) -> None:
    run = runs()
    with pytest.raises(NotRetryable):
        services.run_retry(run_id=run.pk)


def test_a_second_executor_finds_the_run_taken(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    inside, answer = threading.Event(), []
    run = runs()
    go_on = threading.Event()

    def slow(self: Any, plan: Any) -> None:
        inside.set()
        go_on.wait(20)

    monkeypatch.setattr(steps.Domains, "forward", slow)
    monkeypatch.setattr(steps.Domains, "verify", lambda self, plan: True)

    def other() -> None:
        inside.wait(20)
        answer.append(advance(run.pk))
        connections.close_all()
        go_on.set()

    thread = threading.Thread(target=other)
    thread.start()
    advance(run.pk)
    thread.join()
    assert answer == ["busy"]


def test_the_sweeper_wakes_what_is_due(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run, woken = runs(), []
    monkeypatch.setattr(tasks.run_advance, "apply_async", lambda args, kwargs, **options: woken.append(args[0]))
    with context.public():
        tasks.sweep.run()
        assert str(run.pk) in woken
        woken.clear()
        assert advance(run.pk) == "done"
        tasks.sweep.run()
        assert str(run.pk) not in woken
        assert timing()["count"] >= 1


@pytest.mark.parametrize("slug", ["ab", "9lives", "a--b", "-abc", "console", "Straße", "x" * 31, "a_b"])
def test_addresses_that_cannot_be(runs: Runs, slug: str) -> None:
    with pytest.raises(SlugRefused):
        runs(slug=slug)
