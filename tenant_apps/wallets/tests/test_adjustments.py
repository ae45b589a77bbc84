"""Adjustments of wallets: four eyes, a counter account by reason, never below what is available."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.actors import Actor, Reach
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.models import AuditEntry, OutboxMessage
from kernel.money import Money
from kernel.tests.dying import killed_anywhere
from tenant_apps.accounts.tests.support import actor as staff_actor
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.clients.errors import SamePerson
from tenant_apps.clients.models import Client, TimelineEntry
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.errors import AccountFrozen, InsufficientFunds
from tenant_apps.ledger.services import account_freeze, hold_place
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.tests.test_pages import officer, trader
from tenant_apps.wallets.errors import WrongState
from tenant_apps.wallets.models import Adjustment
from tenant_apps.wallets.selectors import history, wallet_of
from tenant_apps.wallets.services import wallet_ensure
from tenant_apps.wallets.services.adjustments import adjustment_approve, adjustment_propose, adjustment_refuse

from .support import SYSTEM, client_actor, give, in_threads, make_client, staff


def eur(text: str) -> Money:
    return Money.of(text, "EUR")


def proposed(client: Client, text: str, reason: str = "correction", by: Actor | None = None) -> Adjustment:
    return adjustment_propose(actor=by or staff(), client=client, amount=eur(text), reason=reason, text="It was so.")


def balance(client: Client) -> int:
    wallet = wallet_of(client.pk, "EUR")
    return wallet.balance.minor if wallet else 0


@pytest.mark.parametrize(
    ("reason", "text", "counter"),
    [("goodwill", "10", "goodwill"), ("correction", "10", "corrections"), ("correction", "-10", "corrections"),
     ("fee_refund", "10", "fees"), ("fee", "-10", "fees")],
)  # fmt: skip
def test_an_approved_one_is_posted_against_its_account(tenant: Any, reason: str, text: str, counter: str) -> None:
    client = make_client()
    give(client, "100")
    row = proposed(client, text, reason)
    assert balance(client) == 10_000
    adjustment_approve(actor=staff(), adjustment_id=row.pk)
    moved = eur(text).minor
    books = {(kind, currency): minor for _, kind, currency, minor in ledger.trial_balance()}
    assert (balance(client), books[(counter, "EUR")]) == (10_000 + moved, -moved)
    assert history(client.pk, "EUR")[0].words.title == row.get_reason_display()
    assert ledger.broken_invariants() == {}


@pytest.mark.parametrize(
    ("field", "values"),
    [("reason", {"reason": "because"}), ("reason", {"reason": "goodwill", "amount": eur("-1")}),
     ("reason", {"reason": "fee", "amount": eur("1")}), ("amount", {"amount": eur("0")}), ("text", {"text": " "})],
)  # fmt: skip
def test_what_cannot_be_is_refused(tenant: Any, field: str, values: dict[str, Any]) -> None:
    given: dict[str, Any] = {"amount": eur("5"), "reason": "correction", "text": "x"}
    with pytest.raises(Invalid) as refusal:
        adjustment_propose(actor=staff(), client=make_client(), **{**given, **values})
    assert (refusal.value.field, Adjustment.objects.count()) == (field, 0)


def test_it_takes_two_people_and_not_the_client(tenant: Any) -> None:
    ann, bob = person("finance", name="Ann Miller"), person("finance", name="Bob Ross")
    other_ann = person("finance", name="ann MILLER")
    client = make_client(email="bob+trading@example.com")
    type(bob).objects.filter(pk=bob.pk).update(email="bob@example.com")
    row = proposed(client, "10", by=staff_actor(ann))
    for one in (ann, other_ann, bob):
        with pytest.raises(SamePerson):
            adjustment_approve(actor=staff_actor(one), adjustment_id=row.pk)
    with pytest.raises(SamePerson):
        adjustment_approve(actor=SYSTEM, adjustment_id=row.pk)
    with pytest.raises(Forbidden):
        proposed(client, "10", by=SYSTEM)
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjustment.objects.filter(pk=row.pk).update(state="approved", decider_id=row.proposer_id, transfer_id=1)
    assert balance(client) == 0
    adjustment_approve(actor=staff(), adjustment_id=row.pk)
    assert balance(client) == 1_000


def test_a_debit_never_goes_below_what_is_available(tenant: Any) -> None:
    client = make_client()
    give(client, "100")
    row = proposed(client, "-60")
    wallet = wallet_ensure(client_id=client.pk, currency="EUR")
    hold_place(account=wallet, amount=eur("40.01"), key="h", actor=SYSTEM)
    with pytest.raises(InsufficientFunds):
        adjustment_approve(actor=staff(), adjustment_id=row.pk)
    account_freeze(account=wallet, frozen=True)
    with pytest.raises(AccountFrozen):
        adjustment_approve(actor=staff(), adjustment_id=row.pk)
    assert (Adjustment.objects.get().state, balance(client)) == ("proposed", 10_000)


def test_refused_by_others_taken_back_by_its_author_and_decided_once(tenant: Any) -> None:
    client, ann = make_client(), staff()
    rejected, withdrawn = proposed(client, "10", by=ann), proposed(client, "10", by=ann)
    with pytest.raises(Invalid):
        adjustment_refuse(actor=staff(), adjustment_id=rejected.pk)
    assert adjustment_refuse(actor=staff(), adjustment_id=rejected.pk, reason="no").state == "rejected"
    assert adjustment_refuse(actor=ann, adjustment_id=withdrawn.pk).state == "withdrawn"
    for row in (rejected, withdrawn):
        with pytest.raises(WrongState):
            adjustment_approve(actor=staff(), adjustment_id=row.pk)
    assert balance(client) == 0


def test_everybody_concerned_can_read_of_it(tenant: Any) -> None:
    officer_user, client = person("finance", name="Ann Miller"), make_client()
    row = proposed(client, "10", "goodwill")
    assert Notification.objects.filter(user_id=officer_user.pk, kind="wallets.adjustment_waits").count() == 1
    adjustment_approve(actor=staff(), adjustment_id=row.pk)
    kinds = (
        TimelineEntry.objects.filter(client=client, kind__startswith="wallets.")
        .order_by("id")
        .values_list("kind", flat=True)
    )
    assert list(kinds) == ["wallets.adjustment_proposed", "wallets.adjusted"]
    acts = AuditEntry.objects.filter(action__startswith="wallets.adj").order_by("id")
    assert [(line.action, line.subject, line.after["counter"]) for line in acts] == [
        ("wallets.adjustment_proposed", str(client.pk), "goodwill"), ("wallets.adjusted", str(client.pk), "goodwill"),
    ]  # fmt: skip
    assert OutboxMessage.objects.get(name="wallets.adjusted").payload["amount"] == {"minor": 1_000, "currency": "EUR"}


def test_rights_reach_as_far_as_the_client_does(tenant: Any) -> None:
    client = make_client()
    row = proposed(client, "10")
    for work in (
        lambda actor: proposed(client, "1", by=actor),
        lambda actor: adjustment_approve(actor=actor, adjustment_id=row.pk),
        lambda actor: adjustment_refuse(actor=actor, adjustment_id=row.pk, reason="x"),
    ):
        for actor, refusal in (
            (staff("wallets.view"), Forbidden),
            (staff("wallets.adjust.propose", "wallets.adjust.approve", reach=Reach.OWN), NotFound),
            (client_actor(client), Forbidden),
        ):
            with pytest.raises(refusal):
                work(actor)


@settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(-20_000, 20_000), st.sampled_from(["approve", "refuse", "both"])), max_size=8))
def test_any_history_keeps_the_wallet_at_what_was_approved(tenant: Any, steps: list[tuple[int, str]]) -> None:
    client = make_client()
    give(client, "100")
    expected = 10_000
    for minor, fate in steps:
        if not minor:
            continue
        row = proposed(client, str(Money(minor, "EUR").amount))
        if fate == "refuse":
            adjustment_refuse(actor=staff(), adjustment_id=row.pk, reason="no")
            continue
        try:
            adjustment_approve(actor=staff(), adjustment_id=row.pk)
            expected += minor
        except InsufficientFunds:
            assert expected + minor < 0
    assert balance(client) == expected >= 0
    assert ledger.broken_invariants() == {}


def test_approved_and_refused_at_once_one_of_them_happens(live_tenant: Any) -> None:
    client = make_client()
    row = proposed(client, "10")

    def decide(number: int) -> str:
        if number % 2:
            return adjustment_approve(actor=staff(), adjustment_id=row.pk).state
        return adjustment_refuse(actor=staff(), adjustment_id=row.pk, reason="no").state

    answers = Counter(in_threads(decide, 8, live_tenant))
    assert answers[WrongState] == 7
    assert balance(client) == (1_000 if Adjustment.objects.get().state == "approved" else 0)


def test_killed_between_any_two_statements_it_is_whole_or_not_there(live_tenant: Any) -> None:
    client = make_client()
    row = proposed(client, "10")

    def check() -> None:
        done = Adjustment.objects.get().state == "approved"
        told = OutboxMessage.objects.filter(name="wallets.adjusted").count()
        assert (balance(client), told) == ((1_000, 1) if done else (0, 0))

    assert killed_anywhere(lambda: adjustment_approve(actor=staff(), adjustment_id=row.pk), check) > 8
    assert Adjustment.objects.get().state == "approved"
    assert ledger.broken_invariants() == {}


RIGHTS = ("wallets.view", "wallets.adjust.propose", "wallets.adjust.approve", "clients.view")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_pages_from_a_proposal_to_the_clients_history(tenant: Any, language: str) -> None:
    client = make_client()
    give(client, "100")
    one, other = officer(tenant, *RIGHTS), officer(tenant, *RIGHTS)
    for web in (one, other):
        web.cookies["language"] = language
    place = f"/wallets/adjustments/new/{client.pk}/"
    form = {"currency": "EUR", "direction": "debit", "amount": "10", "reason": "fee", "text": "Monthly fee"}
    assert one.get(place).status_code == 200
    assert one.post(place, {**form, "reason": "goodwill"}).status_code == 422
    there = one.post(place, form).headers["Location"]
    assert f"{there}approve/" not in one.get(there).content.decode()
    assert one.post(f"{there}approve/").status_code == 403
    assert f"{there}approve/" in other.get(there).content.decode()
    assert other.post(f"{there}approve/").status_code == 302
    assert balance(client) == 9_000
    assert Adjustment.objects.get().reference in one.get("/wallets/adjustments/").content.decode()
    assert trader(tenant, client).get("/wallets/EUR/").status_code == 200


def test_a_refusal_by_the_ledger_is_told_on_the_page(tenant: Any) -> None:
    client = make_client()
    row = proposed(client, "-10")
    web = officer(tenant, *RIGHTS)
    answer = web.post(f"/wallets/adjustments/{row.pk}/approve/", follow=True)
    assert "The available amount is not enough." in answer.content.decode()


def test_others_clients_are_not_there(tenant: Any) -> None:
    client = make_client()
    row = proposed(client, "10")
    web = officer(tenant, *RIGHTS, reach=Reach.OWN)
    assert web.get(f"/wallets/adjustments/new/{client.pk}/").status_code == 404
    assert web.get(f"/wallets/adjustments/{row.pk}/").status_code == 404
    assert row.reference not in web.get("/wallets/adjustments/").content.decode()
