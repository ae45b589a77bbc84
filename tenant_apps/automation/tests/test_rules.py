"""The default rules do what they say, once; waiting stops when what was waited for happens."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from kernel.actors import VISITOR, Actor, Reach
from kernel.errors import Forbidden
from kernel.events import Envelope, publish
from kernel.models import OutboxMessage
from kernel.money import Money
from tenant_apps.accounts.models import Realm, Role, User
from tenant_apps.automation import defaults, definitions, engine, services
from tenant_apps.automation.actions import PERFORM
from tenant_apps.automation.definitions import RuleInvalid
from tenant_apps.automation.dry_run import dry_run
from tenant_apps.automation.errors import ActNotYours
from tenant_apps.automation.models import Rule, RuleRun, RuleVersion, Wait
from tenant_apps.automation.selectors import trigger_words
from tenant_apps.campaigns.tests.support import SYSTEM, MovedClock, client_make, deliver
from tenant_apps.clients import money_tags
from tenant_apps.clients import services as clients
from tenant_apps.clients.events import ClientRegistered
from tenant_apps.clients.models import Client, Task
from tenant_apps.kyc.events import KycSubmitted
from tenant_apps.notifications.models import Mail, Notification
from tenant_apps.payments.events import DepositCredited
from tenant_apps.trading.events import MarginCall


@pytest.fixture
def agent(tenant: Any) -> User:
    role = Role.objects.create(name="Sales", code="sales", grants={})
    user = User.objects.create(realm=Realm.STAFF, email="agent@example.com", name="Anna Agent", language="en")
    user.roles.add(role)
    return user


def _say(fact: Any, client: Any) -> OutboxMessage:
    with transaction.atomic():
        return publish(fact, aggregate=f"client:{client.pk}")


def _registered(client: Any) -> OutboxMessage:
    return _say(ClientRegistered(client_id=client.pk, user_id=uuid4(), language="de", country="DE"), client)


def test_thirty_active_days_make_one_retention_task(agent: User, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(owner_id=agent.pk, stage="funded")
    for _ in range(31):
        clients.activity_mark(client_id=client.pk, actor=SYSTEM, on=moved_clock.at.date())
        moved_clock.move(days=1)
    deliver()
    task = Task.objects.get(client=client)
    assert (task.kind, task.owner_id) == ("retention", agent.pk)
    assert task.title == "30 active days: talk to Lena Brandt about what comes next"
    assert RuleRun.objects.get(client=client).state == "done"
    assert Notification.objects.filter(user_id=agent.pk, kind="automation.rule").count() == 1


def test_registered_without_kyc_gets_a_mail_and_a_task_after_24_hours(agent: User, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(owner_id=agent.pk, stage="registered")
    _registered(client)
    deliver()
    moved_clock.move(hours=23, minutes=59)
    assert engine.waits_run() == 0
    moved_clock.move(minutes=1)
    assert engine.waits_run() == 1
    assert engine.waits_run() == 0
    deliver()
    assert Task.objects.get(client=client).kind == "kyc"
    reminder = Mail.objects.filter(client_id=client.pk).exclude(dedupe_key__startswith="registered:").get()
    assert reminder.subject == "Ihr Konto wartet auf Sie, \u2068Lena\u2069"


def test_kyc_in_time_ends_the_waiting(agent: User, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(owner_id=agent.pk, stage="registered")
    _registered(client)
    deliver()
    moved_clock.move(hours=5)
    _say(KycSubmitted(client_id=client.pk, case_id=uuid4()), client)
    deliver()
    assert not Wait.objects.exists()
    moved_clock.move(days=2)
    assert engine.waits_run() == 0
    assert not Task.objects.filter(client=client).exists()


def test_first_deposit_tells_the_agent_and_makes_a_call_once(agent: User, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(owner_id=agent.pk, stage="funded")
    for first in (True, False):
        _say(
            DepositCredited(
                deposit_id=uuid4(), client_id=client.pk, amount=Money(50000, "EUR"), provider="stripe", method="card",
                first=first, trading_account_id=None,
            ),
            client,
        )  # fmt: skip
    deliver()
    task = Task.objects.get(client=client)
    assert task.kind == "call"
    assert task.due_at == moved_clock.at + timedelta(hours=4)
    assert Notification.objects.get(user_id=agent.pk).title == "First deposit from Lena Brandt"


@pytest.mark.parametrize("live", [True, False])
def test_a_margin_call_of_a_live_account_asks_for_a_call(agent: User, moved_clock: MovedClock, live: bool) -> None:
    client = client_make(owner_id=agent.pk)
    rule = services.rule_publish(
        rule=None, name="Margin", conditions=None, actor=SYSTEM,
        trigger={"kind": "event", "event": "trading.margin_call", "where": {"live": True}},
        actions=[{"do": "task", "title": "Call", "kind": "call", "due_hours": 1, "to": "owner"}],
    )  # fmt: skip
    services.rule_activate(rule=rule, active=True, actor=SYSTEM)
    account = uuid4()
    _say(
        MarginCall(
            account_id=account, client_id=client.pk, login=7, live=live, alert_id=1, value=Decimal(80), threshold=Decimal(100),
            stop_out=Decimal(50), unit="percent", currency="EUR",
        ),
        client,
    )  # fmt: skip
    deliver()
    assert Task.objects.filter(client=client).exists() is live


def test_an_event_seen_twice_runs_once_even_across_versions(agent: User, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(owner_id=agent.pk)
    rule = services.rule_publish(
        rule=None, name="Tag", trigger={"kind": "event", "event": "clients.registered"}, conditions=None,
        actions=[{"do": "tag", "tag": "New"}], actor=SYSTEM,
    )  # fmt: skip
    services.rule_activate(rule=rule, active=True, actor=SYSTEM)
    message = _registered(client)
    envelope = Envelope(
        message.message_id, message.name, message.aggregate, message.payload, message.created_at, message.headers
    )
    engine.on_event(envelope)
    services.rule_publish(
        rule=rule, name="Tag", trigger={"kind": "event", "event": "clients.registered"}, conditions=None,
        actions=[{"do": "tag", "tag": "newer"}], actor=SYSTEM,
    )  # fmt: skip
    engine.on_event(envelope)
    client.refresh_from_db()
    assert client.tags == ["new"]
    assert RuleRun.objects.filter(rule=rule).count() == 1
    assert [v.number for v in RuleVersion.objects.filter(rule=rule).order_by("number")] == [1, 2]


def test_a_rules_tag_brings_none_back_that_was_taken_away_meanwhile(tenant: Any) -> None:
    read_before = client_make(tags=["vip"])
    clients.tags_set(client=Client.objects.get(pk=read_before.pk), tags=[], actor=SYSTEM)
    PERFORM["tag"]({"tag": "new"}, read_before, "key", SYSTEM)
    assert Client.objects.get(pk=read_before.pk).tags == ["new"]


def test_a_failing_action_leaves_no_half_and_says_why(agent: User, moved_clock: MovedClock) -> None:
    client = client_make(owner_id=agent.pk)
    rule = services.rule_publish(
        rule=None, name="Broken", trigger={"kind": "event", "event": "clients.registered"}, conditions=None,
        actions=[{"do": "tag", "tag": "x"}, {"do": "status", "status": "no-such-status"}], actor=SYSTEM,
    )  # fmt: skip
    services.rule_activate(rule=rule, active=True, actor=SYSTEM)
    _registered(client)
    deliver()
    client.refresh_from_db()
    run = RuleRun.objects.get(rule=rule)
    assert (run.state, run.result, client.tags) == ("failed", [], [])
    assert run.error != ""


def test_schedule_runs_once_per_period_for_who_fits(agent: User, moved_clock: MovedClock) -> None:
    fits = client_make(owner_id=agent.pk, stage="funded")
    client_make(owner_id=agent.pk, stage="lead")
    rule = services.rule_publish(
        rule=None, name="Weekly", trigger={"kind": "schedule", "every": "week", "hour": 9},
        conditions={"op": "and", "items": [{"fact": "stage", "test": "in", "value": ["funded"]}]},
        actions=[{"do": "notify", "title": "Look", "to": "owner"}], actor=SYSTEM,
    )  # fmt: skip
    services.rule_activate(rule=rule, active=True, actor=SYSTEM)
    assert engine.schedules_run() == 0  # this Monday's nine o'clock lay before the rule
    moved_clock.move(days=7)
    assert engine.schedules_run() == 1
    assert engine.schedules_run() == 0
    assert RuleRun.objects.get(rule=rule).client_id == fits.pk


def test_dry_run_counts_the_past_and_does_nothing(agent: User, moved_clock: MovedClock) -> None:
    late, good = client_make(stage="registered"), client_make(stage="registered")
    _registered(late)
    _registered(good)
    moved_clock.move(hours=3)
    _say(KycSubmitted(client_id=good.pk, case_id=uuid4()), good)
    moved_clock.move(days=2)
    trigger = {"kind": "absence", "event": "clients.registered", "hours": 24, "unless": ["kyc.submitted"]}
    found = dry_run(trigger=trigger, conditions=None, days=30)
    assert (found.occurrences, found.clients, found.sample) == (1, 1, [late])
    assert not Task.objects.exists()
    assert not RuleRun.objects.exists()


@pytest.mark.parametrize(
    ("trigger", "actions"),
    [
        ({"kind": "event", "event": "secrets.read"}, [{"do": "tag", "tag": "x"}]),
        ({"kind": "absence", "event": "clients.registered", "hours": 0, "unless": ["kyc.submitted"]}, [{"do": "tag"}]),
        ({"kind": "absence", "event": "clients.registered", "hours": 5, "unless": []}, [{"do": "tag", "tag": "x"}]),
        ({"kind": "schedule", "every": "day", "hour": 9}, [{"do": "tag", "tag": "x"}]),
        ({"kind": "event", "event": "clients.registered"}, []),
        ({"kind": "event", "event": "clients.registered"}, [{"do": "transfer", "amount": 5}]),
        ({"kind": "event", "event": "clients.registered"}, [{"do": "task", "title": "", "kind": "call", "due_hours": 1}]),
    ],
)  # fmt: skip
def test_incomplete_rules_are_refused(tenant: Any, trigger: Any, actions: Any) -> None:
    with pytest.raises(RuleInvalid):
        services.rule_publish(rule=None, name="X", trigger=trigger, conditions=None, actions=actions, actor=SYSTEM)
    assert not Rule.objects.filter(name="X").exists()


def test_without_the_right_nothing_is_published(tenant: Any) -> None:
    with pytest.raises(Forbidden):
        services.rule_publish(
            rule=None, name="X", trigger={"kind": "event", "event": "clients.registered"}, conditions=None,
            actions=[{"do": "tag", "tag": "x"}], actor=VISITOR,
        )  # fmt: skip
    assert not Rule.objects.exists()


def test_a_rule_does_nothing_that_its_author_may_not(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses, tags and mails need the author's own right over all clients; asking colleagues does not."""
    trigger = {"kind": "event", "event": "clients.registered"}

    def publish(action: dict[str, Any], **grants: Reach) -> None:
        held = {"automation.edit": Reach.ALL} | {code.replace("_", "."): reach for code, reach in grants.items()}
        author = Actor(kind="staff", id=str(uuid4()), label="Mara", grants=held)
        services.rule_publish(rule=None, name="X", trigger=trigger, conditions=None, actions=[action], actor=author)

    tag, status = {"do": "tag", "tag": "x"}, {"do": "status", "status": "new"}
    attempts: list[tuple[dict[str, Any], dict[str, Reach]]] = [
        (tag, {}),
        (status, {}),
        (tag, {"clients_edit": Reach.OWN}),
    ]
    for action, grants in attempts:
        with pytest.raises(ActNotYours):
            publish(action, **grants)
    assert not Rule.objects.exists()
    publish(tag, clients_edit=Reach.ALL)
    publish({"do": "notify", "title": "Look", "to": "owner"})
    monkeypatch.setitem(money_tags._sources, "test", lambda: ["x"])
    with pytest.raises(ActNotYours):
        publish(tag, clients_edit=Reach.ALL)
    row = Rule.objects.order_by("created_at").first()
    assert row is not None
    author = Actor(kind="staff", id=str(uuid4()), label="Mara", grants={"automation.edit": Reach.ALL})
    with pytest.raises(ActNotYours):
        services.rule_activate(rule=row, active=True, actor=author)


def test_a_trigger_is_told_in_words() -> None:
    assert trigger_words({"kind": "event", "event": "payments.deposit_credited", "where": {"first": True}}) == (
        "A deposit was credited (the first one)"
    )
    assert trigger_words({"kind": "event", "event": "clients.active_day", "where": {"active_days": 30}}) == (
        "A client had one more active day (Active days: 30)"
    )
    assert "Verified" in trigger_words(
        {"kind": "event", "event": "clients.stage_changed", "where": {"stage": "verified"}}
    )


def test_every_field_of_a_trigger_has_words() -> None:
    assert {name for names in definitions.FIELDS.values() for name in names} == set(definitions.FIELD_WORDS)
