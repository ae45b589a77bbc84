"""Transfers between clients: off until allowed, to whom is known by two things, limited, and nobody learns who is a client."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.actors import Reach
from kernel.errors import AppError, Conflict, Forbidden, Invalid, NotFound, TooMany
from kernel.ids import uuid7
from kernel.models import AuditEntry, OutboxMessage
from kernel.money import Money
from kernel.redis import client as redis_client
from kernel.tests.dying import killed_anywhere
from tenant_apps.accounts.tests.support import actor as staff_actor
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.clients.errors import SamePerson
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.errors import AccountFrozen
from tenant_apps.ledger.models import Hold, Transfer
from tenant_apps.ledger.services import account_freeze
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.tests.test_pages import officer, trader
from tenant_apps.wallets.errors import MoveRefused, RecipientUnknown, WrongState
from tenant_apps.wallets.models import ClientTransfer, TransferPolicy
from tenant_apps.wallets.selectors import history, wallet_of
from tenant_apps.wallets.services import wallet_ensure
from tenant_apps.wallets.services.transfers import (
    client_transfer_approve,
    client_transfer_cancel,
    client_transfer_reject,
    client_transfer_send,
    transfer_policy_remove,
    transfer_policy_save,
    transfers_switch,
)

from .support import client_actor, give, in_threads, make_client, staff


def eur(text: str) -> Money:
    return Money.of(text, "EUR")


def allow(minimum: str = "1", daily: str = "500", approval: str | None = None) -> TransferPolicy:
    transfers_switch(actor=staff(), on=True)
    return transfer_policy_save(
        actor=staff(),
        currency="EUR",
        minimum=eur(minimum),
        daily=eur(daily),
        approval=eur(approval) if approval else None,
    )


def two() -> tuple[Client, Client]:
    """A sender with 300 euros and somebody to send to."""
    sender, recipient = make_client(), make_client(first_name="Omar", user_id=uuid7())
    give(sender, "300")
    return sender, recipient


def send(sender: Client, recipient: Client, text: str, *, key: str = "", **values: Any) -> ClientTransfer:
    given = {"number": recipient.number, "email": recipient.email, "amount": eur(text), "key": key or uuid7().hex}
    return client_transfer_send(actor=client_actor(sender), client=sender, **{**given, **values})


def has(client: Client) -> tuple[int, int]:
    """Balance and held amount in cents."""
    wallet = wallet_of(client.pk, "EUR")
    return (wallet.balance.minor, wallet.held.minor) if wallet else (0, 0)


def test_it_is_off_until_somebody_allows_it_in_a_currency(tenant: Any) -> None:
    sender, recipient = two()
    policy = None
    for step in range(4):
        if step == 1:
            transfers_switch(actor=staff(), on=True)
        if step == 2:
            policy = allow()
            assert send(sender, recipient, "10").state == "done"
            transfers_switch(actor=staff(), on=False)
        if step == 3 and policy:
            transfers_switch(actor=staff(), on=True)
            transfer_policy_remove(actor=staff(), policy_id=policy.pk)
        with pytest.raises(MoveRefused) as refusal:
            send(sender, recipient, "10")
        assert refusal.value.data["check"] == "off"


def test_it_arrives_at_once_and_both_are_told(tenant: Any) -> None:
    allow()
    sender, recipient = two()
    row = send(sender, recipient, "120.50", email=f" {recipient.email.upper()} ")
    assert (row.state, has(sender), has(recipient)) == ("done", (17_950, 0), (12_050, 0))
    line = history(recipient.pk, "EUR")[0]
    assert (
        line.words.title == f"Transfer from client \u2066{sender.number}\u2069 to client \u2066{recipient.number}\u2069"
    )
    kinds = set(TimelineEntry.objects.filter(kind__startswith="wallets.").values_list("client_id", "kind"))
    assert kinds == {(sender.pk, "wallets.transfer_sent"), (recipient.pk, "wallets.transfer_received")}
    assert OutboxMessage.objects.get(name="wallets.client_transfer_done").payload["recipient_id"] == str(recipient.pk)
    assert AuditEntry.objects.filter(action="wallets.transfer_sent", subject=str(sender.pk)).count() == 1


def test_a_form_sent_twice_counts_once(tenant: Any) -> None:
    allow()
    sender, recipient = two()
    first = send(sender, recipient, "10", key="k")
    assert send(sender, recipient, "10", key="k") == first
    with pytest.raises(Conflict):
        send(sender, recipient, "11", key="k")
    assert (has(sender), Transfer.objects.filter(kind="wallets.transfer").count()) == ((29_000, 0), 1)


def strangers(sender: Client, recipient: Client) -> dict[str, dict[str, Any]]:
    """Every reason why nobody is found."""
    return {
        "no such number": {"number": 999_999_999},
        "no number at all": {"number": 0},
        "another address": {"email": "somebody@example.com"},
        "not verified": {"number": make_client(user_id=uuid7(), kyc_state="none", email="n@example.com").number, "email": "n@example.com"},
        "closed": {"number": make_client(user_id=uuid7(), stage="closed", email="c@example.com").number, "email": "c@example.com"},
        "only a lead": {"number": make_client(email="l@example.com").number, "email": "l@example.com"},
        "oneself": {"number": sender.number, "email": sender.email},
    }  # fmt: skip


def test_every_reason_why_nobody_is_found_has_one_answer_after_the_same_work(tenant: Any) -> None:
    allow()
    sender, recipient = two()
    redis_client().flushdb()
    seen = Counter[tuple[str, str, str]]()
    for values in strangers(sender, recipient).values():
        redis_client().flushdb()
        with CaptureQueriesContext(connection) as queries, pytest.raises(RecipientUnknown) as refusal:
            send(sender, recipient, "10", **values)
        statements = [query["sql"] for query in queries.captured_queries if "SAVEPOINT" not in query["sql"]]
        assert len(statements) > 5
        shapes = " ".join(sql.split(" WHERE ")[0].split(" VALUES ")[0] for sql in statements)
        seen[(str(refusal.value), refusal.value.code, shapes)] += 1
    assert len(seen) == 1, seen
    assert (has(sender), ClientTransfer.objects.count()) == ((30_000, 0), 0)


def test_looking_for_people_is_slow_and_leaves_a_line(tenant: Any) -> None:
    allow()
    sender, recipient = two()
    answers: Counter[type] = Counter()
    for _ in range(9):
        try:
            send(sender, recipient, "10", email="guess@example.com")
        except AppError as refused:
            answers[type(refused)] += 1
    assert answers == {RecipientUnknown: 6, TooMany: 3}
    assert AuditEntry.objects.filter(action="wallets.recipient_unknown").count() == 1


@pytest.mark.parametrize(
    ("values", "check"),
    [({"kyc_state": "none"}, "kyc"), ({"email_changed_at": clock.now(), "email_verified_at": None}, "address")],
)
def test_who_may_not_withdraw_may_not_send(tenant: Any, values: dict[str, Any], check: str) -> None:
    allow()
    sender, recipient = two()
    Client.objects.filter(pk=sender.pk).update(**values)
    sender.refresh_from_db()
    with pytest.raises(MoveRefused) as refusal:
        send(sender, recipient, "10")
    assert refusal.value.data["check"] == check


def test_limits_hold_to_the_cent_and_frozen_wallets_do_not_pay(tenant: Any) -> None:
    allow(minimum="5", daily="100")
    sender, recipient = two()
    for text, check in (("4.99", "limits"), ("100.01", "limits")):
        with pytest.raises(MoveRefused) as refusal:
            send(sender, recipient, text)
        assert refusal.value.data["check"] == check
    send(sender, recipient, "60")
    with pytest.raises(MoveRefused):
        send(sender, recipient, "40.01")
    account_freeze(account=wallet_ensure(client_id=sender.pk, currency="EUR"), frozen=True)
    with pytest.raises(AccountFrozen):
        send(sender, recipient, "40")
    account_freeze(account=wallet_ensure(client_id=sender.pk, currency="EUR"), frozen=False)
    send(sender, recipient, "40")
    allow(daily="5000")
    with pytest.raises(MoveRefused) as refusal:
        send(sender, recipient, "200.01")
    assert refusal.value.data["check"] == "funds"


def test_above_an_amount_it_waits_held_until_staff_agree(tenant: Any) -> None:
    allow(approval="100")
    sender, recipient = two()
    officer_user = person("finance", name="Ann Miller")
    assert send(sender, recipient, "100").state == "done"
    row = send(sender, recipient, "100.01")
    assert (row.state, has(sender), has(recipient)) == ("waiting", (20_000, 10_001), (10_000, 0))
    assert Notification.objects.filter(user_id=officer_user.pk, kind="wallets.transfer_waits").count() == 1
    client_transfer_approve(actor=staff_actor(officer_user), client_transfer_id=row.pk)
    assert (has(sender), has(recipient)) == ((9_999, 0), (20_001, 0))
    for again in (client_transfer_approve, client_transfer_cancel):
        with pytest.raises((WrongState, NotFound)):
            again(actor=staff(), client_transfer_id=row.pk)
    assert ledger.broken_invariants() == {}


def test_neither_party_approves_as_staff(tenant: Any) -> None:
    allow(approval="100")
    sender, recipient = two()
    row = send(sender, recipient, "150")
    for party in (sender, recipient):
        insider = person("finance", name=f"Insider {party.number}")
        type(insider).objects.filter(pk=insider.pk).update(email=party.email.replace("@", "+work@"))
        with pytest.raises(SamePerson):
            client_transfer_approve(actor=staff_actor(insider), client_transfer_id=row.pk)
    with pytest.raises(SamePerson):
        client_transfer_approve(actor=client_actor(sender).__class__(kind="system"), client_transfer_id=row.pk)
    assert has(recipient) == (0, 0)


def test_refused_or_cancelled_it_is_available_again(tenant: Any) -> None:
    allow(approval="10")
    sender, recipient = two()
    refused, cancelled = send(sender, recipient, "100"), send(sender, recipient, "50")
    with pytest.raises(Invalid):
        client_transfer_reject(actor=staff(), client_transfer_id=refused.pk, reason=" ")
    client_transfer_reject(actor=staff(), client_transfer_id=refused.pk, reason="No reason given")
    with pytest.raises(NotFound):
        client_transfer_cancel(actor=client_actor(recipient), client_transfer_id=cancelled.pk)
    client_transfer_cancel(actor=client_actor(sender), client_transfer_id=cancelled.pk)
    assert (has(sender), has(recipient)) == ((30_000, 0), (0, 0))
    assert OutboxMessage.objects.filter(name="wallets.client_transfer_rejected").count() == 1
    assert send(sender, recipient, "300").state == "waiting"  # neither counts for the day any more


def test_what_changed_meanwhile_stops_an_approval(tenant: Any) -> None:
    allow(approval="10")
    sender, recipient = two()
    row = send(sender, recipient, "100")
    Client.objects.filter(pk=recipient.pk).update(kyc_state="rejected")
    with pytest.raises(MoveRefused):
        client_transfer_approve(actor=staff(), client_transfer_id=row.pk)
    Client.objects.filter(pk=recipient.pk).update(kyc_state="approved")
    account_freeze(account=wallet_ensure(client_id=sender.pk, currency="EUR"), frozen=True)
    with pytest.raises(AccountFrozen):
        client_transfer_approve(actor=staff(), client_transfer_id=row.pk)
    assert (ClientTransfer.objects.get().state, has(sender)) == ("waiting", (30_000, 10_000))


def test_rights_and_rules_are_checked(tenant: Any) -> None:
    policy = allow(approval="10")
    sender, recipient = two()
    row = send(sender, recipient, "100")
    nobody = staff("wallets.view")
    for work in (
        lambda: client_transfer_approve(actor=nobody, client_transfer_id=row.pk),
        lambda: client_transfer_reject(actor=nobody, client_transfer_id=row.pk, reason="x"),
        lambda: transfers_switch(actor=nobody, on=False),
        lambda: transfer_policy_remove(actor=nobody, policy_id=policy.pk),
    ):
        with pytest.raises(Forbidden):
            work()
    with pytest.raises(NotFound):
        client_transfer_approve(actor=staff("wallets.transfer.approve", reach=Reach.OWN), client_transfer_id=row.pk)
    for values in ({"daily": eur("0.5")}, {"minimum": eur("0")}, {"approval": Money(1, "USD")}):
        with pytest.raises(Invalid):
            transfer_policy_save(
                actor=staff(), currency="EUR", **{"minimum": eur("1"), "daily": eur("2"), "approval": None, **values}
            )


@settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 30_000), st.sampled_from("arcw")), max_size=10
    )
)
def test_any_history_keeps_the_sum(tenant: Any, steps: list[tuple[int, int, int, str]]) -> None:
    """Whoever sends what to whom and whatever becomes of it: nobody below zero, and what three had they still have."""
    allow(daily="1000000", approval="50")
    people = [make_client(user_id=uuid7()) for _ in range(3)]
    for one in people:
        give(one, "100")
    for sender, recipient, minor, fate in steps:
        redis_client().flushdb()
        try:
            row = send(people[sender], people[recipient], str(Money(minor, "EUR").amount))
            if row.state == "waiting" and fate == "a":
                client_transfer_approve(actor=staff(), client_transfer_id=row.pk)
            elif row.state == "waiting" and fate == "r":
                client_transfer_reject(actor=staff(), client_transfer_id=row.pk, reason="no")
            elif row.state == "waiting" and fate == "c":
                client_transfer_cancel(actor=client_actor(people[sender]), client_transfer_id=row.pk)
        except (MoveRefused, RecipientUnknown):
            pass
    assert sum(has(one)[0] for one in people) == 30_000
    assert all(balance >= held >= 0 for balance, held in map(has, people))
    waiting = ClientTransfer.objects.filter(state="waiting", sender__in=people)
    assert sum(has(one)[1] for one in people) == sum(row.amount_minor for row in waiting)
    assert ledger.broken_invariants() == {}


def test_many_at_once_never_exceed_the_day(live_tenant: Any) -> None:
    redis_client().flushdb()
    allow(daily="100")
    sender, recipient = two()
    answers = in_threads(lambda number: send(sender, recipient, "30", key=f"k{number % 5}").state, 6, live_tenant)
    assert Counter(answers)[MoveRefused] in (2, 3)  # of five forms, one sent twice, three fit
    assert has(sender) == (21_000, 0)
    assert ledger.broken_invariants() == {}


def test_approved_refused_and_cancelled_at_once_one_of_them_happens(live_tenant: Any) -> None:
    redis_client().flushdb()
    allow(approval="10")
    sender, recipient = two()
    row = send(sender, recipient, "100")

    def decide(number: int) -> str:
        if number % 3 == 0:
            return client_transfer_approve(actor=staff(), client_transfer_id=row.pk).state
        if number % 3 == 1:
            return client_transfer_reject(actor=staff(), client_transfer_id=row.pk, reason="no").state
        return client_transfer_cancel(actor=client_actor(sender), client_transfer_id=row.pk).state

    answers = Counter(in_threads(decide, 9, live_tenant))
    assert answers[WrongState] == 8
    done = ClientTransfer.objects.get().state == "done"
    assert (has(sender), has(recipient)) == (((20_000, 0), (10_000, 0)) if done else ((30_000, 0), (0, 0)))
    assert not Hold.objects.filter(state="open").exists()


@pytest.mark.parametrize("what", ["send", "hold", "approve"])
def test_killed_between_any_two_statements_it_is_whole_or_not_there(live_tenant: Any, what: str) -> None:
    redis_client().flushdb()
    allow(approval=None if what == "send" else "10")
    sender, recipient = two()
    waiting = send(sender, recipient, "100") if what == "approve" else None
    before = has(sender), has(recipient)
    after = {
        "send": ((20_000, 0), (10_000, 0)),
        "hold": ((30_000, 10_000), (0, 0)),
        "approve": ((20_000, 0), (10_000, 0)),
    }

    def work() -> Any:
        if waiting is not None:
            return client_transfer_approve(actor=staff(), client_transfer_id=waiting.pk)
        return send(sender, recipient, "100", key="k")

    def check() -> None:
        redis_client().flushdb()
        row = ClientTransfer.objects.first()
        finished = row is not None and (row.state == "done" or what == "hold")
        assert (has(sender), has(recipient)) == (after[what] if finished else before)
        told = OutboxMessage.objects.filter(name="wallets.client_transfer_done").count()
        assert told == int(finished and what != "hold")

    assert killed_anywhere(work, check) > 8
    assert (has(sender), has(recipient)) == after[what]
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_pages_from_sending_to_approval(tenant: Any, language: str) -> None:
    allow(approval="50")
    sender, recipient = two()
    web, desk = trader(tenant, sender), officer(tenant, "wallets.view", "wallets.transfer.approve")
    for one in (web, desk):
        one.cookies["language"] = language
    assert web.get("/wallets/send/").status_code == 200
    form = {"currency": "EUR", "number": str(recipient.number), "email": recipient.email, "amount": "60", "key": "k"}
    wrong = web.post("/wallets/send/", {**form, "email": "x@example.com"})
    assert wrong.status_code == 422
    place = web.post("/wallets/send/", form).headers["Location"]
    assert web.post("/wallets/send/", form).headers["Location"] == place
    assert web.get(place).status_code == 200
    assert recipient.name not in web.get(place).content.decode()
    row = ClientTransfer.objects.get()
    assert row.reference in desk.get("/wallets/transfers/?view=waiting").content.decode()
    assert desk.get(f"/wallets/transfers/{row.pk}/").status_code == 200
    assert desk.post(f"/wallets/transfers/{row.pk}/approve/").status_code == 302
    assert has(recipient) == (6_000, 0)
    assert web.post(f"{place}cancel/").status_code == 409
    stranger = trader(tenant, make_client())
    assert (stranger.get(place).status_code, stranger.post(f"{place}cancel/").status_code) == (404, 404)


def test_who_reaches_only_their_own_clients_sees_only_theirs(tenant: Any) -> None:
    allow(approval="50")
    sender, recipient = two()
    row = send(sender, recipient, "60")
    desk = officer(tenant, "wallets.view", "wallets.transfer.approve", reach=Reach.OWN)
    assert row.reference not in desk.get("/wallets/transfers/").content.decode()
    assert desk.get(f"/wallets/transfers/{row.pk}/").status_code == 404
    assert desk.post(f"/wallets/transfers/{row.pk}/approve/").status_code == 404
    assert officer(tenant, "wallets.view").post(f"/wallets/transfers/{row.pk}/approve/").status_code == 403


def test_the_rules_are_set_on_their_pages(tenant: Any) -> None:
    desk = officer(tenant, "wallets.view", "wallets.settings.edit")
    assert desk.post("/wallets/transfers/switch/", {"on": "1"}).status_code == 302
    form = {"currency": "KWD", "minimum": "1.500", "daily": "100", "approval": ""}
    assert desk.post("/wallets/transfers/rules/", form).status_code == 302
    policy = TransferPolicy.objects.get()
    assert (policy.minimum, policy.approval) == (Money(1_500, "KWD"), None)
    assert desk.post("/wallets/transfers/rules/", {**form, "daily": "1"}).status_code == 422
    assert desk.get("/wallets/transfers/rules/?currency=KWD").status_code == 200
    assert "KWD" in desk.get("/wallets/transfers/").content.decode()
    assert desk.post(f"/wallets/transfers/rules/{policy.pk}/remove/").status_code == 302
    assert not TransferPolicy.objects.exists()


def test_the_list_costs_the_same_with_many_rows(tenant: Any, django_assert_max_num_queries: Any) -> None:
    allow(daily="5000")
    sender, recipient = two()
    for _ in range(5):
        send(sender, recipient, "10")
    desk = officer(tenant, "wallets.view")
    desk.get("/wallets/transfers/")
    with django_assert_max_num_queries(20):
        desk.get("/wallets/transfers/")
