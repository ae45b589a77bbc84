"""Through which account money goes out, and on to which when one surely refuses: paid once, whatever dies where."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kernel import clock, commands
from kernel.audit import AuditEntry
from kernel.errors import Rejected
from kernel.models import Command, CommandState
from kernel.money import Money
from kernel.tests.dying import KILLED, killed_after
from sandbox.tests.support import Receiver, Sandbox
from tenant_apps.clients.models import Client
from tenant_apps.ledger import selectors as ledger
from tenant_apps.ledger.models import Hold
from tenant_apps.ledger.services import HOUSE, account_ensure
from tenant_apps.payments.adapters.dlocal import destinations as dlocal
from tenant_apps.payments.errors import WrongState
from tenant_apps.payments.models import (
    Destination,
    DestinationState,
    Maintenance,
    PayoutRule,
    ProposedChange,
    ProviderAccount,
    Withdrawal,
    WithdrawalFee,
    WithdrawalState,
)  # fmt: skip
from tenant_apps.payments.payouts import payout_method
from tenant_apps.payments.permissions_list import APPROVE, PROPOSE
from tenant_apps.payments.ports import RefundState, RefundStatus
from tenant_apps.payments.services import freezes
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.payments.services.destinations import destination_refuse, fingerprint, masked
from tenant_apps.payments.services.parts import part_apply, parts_to_ask
from tenant_apps.payments.services.payout_routing import Board, accounts_of, accounts_paying, fits, payout_ways
from tenant_apps.payments.services.routing import Situation, brokerage_zone
from tenant_apps.payments.services.sources import plan
from tenant_apps.payments.services.tracker import MISSING
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check, withdrawal_request
from tenant_apps.payments.words import ROUTING
from tenant_apps.wallets.selectors import wallet_of
from tenant_apps.wallets.tests.support import give

from .crash_worker import crashed
from .skrill_side import SkrillSide
from .support import SYSTEM, client_actor, eur, make_account, make_client, run_commands, staff
from .test_pages import officer, trader
from .test_payouts_out import ADDRESS
from .test_rules_eyes import agreed
from .test_withdrawals import funded


def paying(person: Client, amount: str) -> list[ProviderAccount]:
    return accounts_paying(person, "EUR", "skrill", None, sends=lambda account: eur(amount))


REFUSING = {"refuse_payouts": "BALANCE_NOT_ENOUGH"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("skrill", tmp_path_factory.mktemp("skrill"), "--retry-base", "0.05")
    yield running
    running.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def skrill(server: Sandbox, receiver: Receiver, position: int, **settings: str) -> SkrillSide:
    side = SkrillSide(server, receiver)
    side.connect(name=f"Skrill {position}", payouts=["skrill"], position=position)
    if settings:
        side.control("PUT", "settings", settings)
    return side


def email_of(client: Client, **values: Any) -> Destination:
    method = payout_method("skrill")
    assert method is not None
    details = {"email": client.email}
    fields: dict[str, Any] = {
        "method": "skrill", "details": details, "fingerprint": fingerprint(method, details), "label": masked(method, details),
        "state": DestinationState.VERIFIED, "created_at": clock.now() - timedelta(days=30),
    }  # fmt: skip
    return Destination.objects.create(client=client, **{**fields, **values})


def approved(person: Client, amount: str = "200", destination: Destination | None = None) -> Withdrawal:
    row = withdrawal_request(
        actor=client_actor(person), client=person, amount=eur(amount), destination=destination or email_of(person)
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    return withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)


def wallet(person: Client) -> tuple[Money, Money]:
    found = wallet_of(person.pk, "EUR")
    assert found is not None
    return found.balance, found.held


def sent(*sides: SkrillSide) -> int:
    return sum(len(side.control("GET", "payouts")["data"]) for side in sides)


def states(row: Withdrawal) -> list[str]:
    return [str(part.state) for part in row.parts.order_by("created_at", "id")]


def rule(account: ProviderAccount, method: str = "skrill", **values: Any) -> PayoutRule:
    return PayoutRule.objects.create(provider_account=account, method=method, currency="EUR", **values)


def against(person: Client, account: ProviderAccount, amount: str = "200") -> set[str]:
    ways = payout_ways(person, eur(amount), "skrill", None)
    return {code for way in ways if way.account.pk == account.pk for code in way.against}


# --- the order --------------------------------------------------------------------------------------------------------


def two(**values: Any) -> tuple[ProviderAccount, ProviderAccount]:
    first = make_account("skrill", name="First", payouts=["skrill"], position=1, **values)
    return first, make_account("skrill", name="Second", payouts=["skrill"], position=2)


def test_without_rules_accounts_are_taken_in_their_order(tenant: Any) -> None:
    first, second = two()
    made_for_it = make_account("skrill", name="Euro", payouts=["skrill"], position=9, currencies=["EUR"])
    make_account("skrill", name="Not used", payouts=[], position=0)
    assert paying(make_client(), "5") == [made_for_it, first, second]


def test_rules_come_first_in_their_own_order(tenant: Any) -> None:
    first, second = two()
    rule(second, position=5)
    assert paying(make_client(), "5") == [second, first]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"countries": ["FR"]}, "country"),
        ({"excluded_countries": ["DE"]}, "country"),
        ({"kyc_level": 2}, "level"),
        ({"tags_any": ["vip"]}, "tags_any"),
        ({"tags_none": ["slow"]}, "tags_none"),
        ({"minimum_minor": 20_001}, "amount"),
        ({"maximum_minor": 19_999}, "amount"),
        ({"enabled": False}, "off"),
    ],
)
def test_an_account_with_rules_is_taken_by_one_that_fits_alone(tenant: Any, values: dict[str, Any], why: str) -> None:
    first, second = two()
    rule(first, **values)
    person = make_client(tags=["slow"])
    assert against(person, first) == {why}
    assert paying(person, "200") == [second]
    rule(first, position=99)
    assert paying(person, "200") == [first, second]


def test_what_passes_is_planned_with_when_nobody_else_takes_it(tenant: Any) -> None:
    first, second = two()
    now = clock.now()
    Maintenance.objects.create(provider_account=first, starts_at=now - timedelta(hours=1))
    assert against(make_client(), first) == {"maintenance"}
    assert paying(make_client(), "5") == [second, first]
    Maintenance.objects.create(provider_account=None, method="skrill", starts_at=now - timedelta(hours=1))
    assert paying(make_client(), "5") == [first, second]
    assert accounts_of(payout_ways(make_client(), eur("5"), "skrill", None)) == []


@pytest.mark.parametrize(("hides", "left"), [(False, ["Second", "First"]), (True, ["Second"])])
def test_held_back_accounts_are_tried_last_or_not_at_all(tenant: Any, hides: bool, left: list[str]) -> None:
    first, _ = two(backed_off_at=clock.now(), failures=3, backoff_hides=hides)
    found = paying(make_client(), "5")
    assert [account.name for account in found] == left
    ProviderAccount.objects.filter(pk=first.pk).update(backed_off_at=clock.now() - timedelta(hours=1))
    assert paying(make_client(), "5")[0] == first


def test_what_was_verified_has_to_be_what_the_next_provider_asks_for(tenant: Any) -> None:
    wire = payout_method("wire")
    assert wire is not None
    assert fits(wire, {"iban": "DE89370400440532013000", "holder": "Lena Vogt"})
    assert not fits(wire, {"email": "lena@example.com"})
    assert not fits(wire, {"iban": "de89 3704", "holder": "Lena Vogt"})


def test_judging_takes_three_queries_however_many_accounts(tenant: Any, django_assert_num_queries: Any) -> None:
    for _ in range(4):
        first, second = two()
        rule(first)
        rule(second, countries=["FR"])
    situation = Situation.of(make_client(), "EUR", amount=eur("5"))
    with django_assert_num_queries(3):
        assert len(Board.of(situation).ways("skrill")) == 8


def test_planning_takes_three_queries_however_many_accounts_fit(tenant: Any, django_assert_num_queries: Any) -> None:
    """The address is checked against the network and the mode of the accounts, which are read once."""
    for number in range(4):
        make_account("cryptoproc", payouts=["crypto"], mode="live", name=f"Coins {number}")
    person, method = make_client(), payout_method("crypto")
    assert method is not None
    details = {"network": "tron", "address": ADDRESS}
    book = email_of(person, method="crypto", details=details, fingerprint=fingerprint(method, details))
    with django_assert_num_queries(3):
        found = accounts_paying(person, "USDT", "crypto", book, sends=lambda account: Money(5_000_000, "USDT"))
    assert len(found) == 4


def test_a_payout_approved_in_maintenance_goes_through_another_account(
    tenant: Any, server: Sandbox, receiver: Receiver
) -> None:
    one, other = skrill(server, receiver, 1), skrill(server, receiver, 2)
    person = funded()
    row = withdrawal_request(actor=client_actor(person), client=person, amount=eur("200"), destination=email_of(person))
    assert row.parts.get().provider_account == one.account
    Maintenance.objects.create(provider_account=one.account, starts_at=clock.now())
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    run_commands()
    row.refresh_from_db()
    assert (row.state, sent(one), sent(other)) == (WithdrawalState.PAID, 0, 1)
    line = AuditEntry.objects.get(action="payments.payout_rerouted")
    assert (line.before, line.after["provider"]) == ({"provider": "Skrill 1"}, "Skrill 2")


@pytest.mark.parametrize("why", ["maintenance", "hours"])
def test_a_payout_whose_account_rests_waits_and_goes_out_by_itself(
    tenant: Any, server: Sandbox, receiver: Receiver, why: str
) -> None:
    """Nobody else takes it: its account rests from the approval on, whatever else has changed about it since."""
    side, now = skrill(server, receiver, 1), clock.now()
    person = funded()
    row = approved(person)
    if why == "maintenance":
        rests: Any = Maintenance.objects.create(provider_account=side.account, starts_at=now)
        rule(side.account, countries=["FR"])
    else:
        begin = now.astimezone(brokerage_zone()) + timedelta(hours=2)
        rests = rule(side.account, hours_from=begin.time(), hours_until=(begin + timedelta(hours=2)).time())
    run_commands()
    command = Command.objects.get()
    assert (command.state, command.attempts, sent(side), states(row)) == (CommandState.PENDING, 0, 0, ["sending"])
    office = officer(tenant, "payments.view").get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert f"It is not sent for now · {ROUTING[why]}" in office
    page = trader(tenant, person).get(f"/cashier/withdrawals/{row.pk}/").content.decode()
    assert str(MISSING["rests"]) in page
    rests.delete()
    Command.objects.update(available_at=now)
    run_commands()
    row.refresh_from_db()
    assert (row.state, sent(side)) == (WithdrawalState.PAID, 1)


def test_what_was_never_sent_says_nothing_of_whether_a_provider_answers(tenant: Any) -> None:
    make_account("skrill", payouts=["skrill"])
    row = approved(funded())
    account = make_account("dlocal", failures=2)
    row.parts.update(provider_account=account)
    Destination.objects.update(method=next(iter(dlocal.BY_CODE)))
    with pytest.raises(Rejected):  # euros are none of its currencies
        commands.type_of("payments.payout").send(Command.objects.get())
    account.refresh_from_db()
    assert account.failures == 2


# --- on to the next ---------------------------------------------------------------------------------------------------


def test_what_one_surely_refuses_the_next_pays(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    one, other = skrill(server, receiver, 1, **REFUSING), skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    run_commands()
    assert states(row) == ["failed", "sending"]
    assert wallet(person) == (eur("500"), eur("200"))  # held all the while, by one hold
    run_commands()
    row.refresh_from_db()
    assert (row.state, row.paid, states(row)) == (WithdrawalState.PAID, eur("200"), ["failed", "paid"])
    assert (sent(one), sent(other), wallet(person)) == (0, 1, (eur("300"), eur("0")))
    assert ledger.broken_invariants() == {}
    line = AuditEntry.objects.get(action="payments.payout_passed_on")
    assert (line.before["provider"], line.after["provider"]) == ("Skrill 1", "Skrill 2")


def test_refused_by_all_it_is_in_the_wallet_again(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    sides = [skrill(server, receiver, number, **REFUSING) for number in (1, 2, 3)]
    person = funded()
    row = approved(person)
    for _ in range(4):
        run_commands()
    row.refresh_from_db()
    assert (row.state, states(row)) == (WithdrawalState.FAILED, ["failed"] * 3)
    assert (sent(*sides), wallet(person)) == (0, (eur("500"), eur("0")))
    assert Hold.objects.filter(state="open").count() == 0


@pytest.mark.parametrize(
    ("asked", "sent"), [("1020", "1000"), ("1020.01", None), ("30", "10"), ("29.99", None), ("20", None)]
)
def test_an_account_is_planned_by_what_it_would_send(tenant: Any, asked: str, sent: str | None) -> None:
    """Ten to a thousand by this account, of which our fee of twenty is no part."""
    account = make_account("bank_wire", settings={"iban": "DE89370400440532013000"})
    PayoutRule.objects.create(
        provider_account=account, method="wire", currency="EUR", minimum_minor=1_000, maximum_minor=100_000
    )
    WithdrawalFee.objects.create(provider_account=account, method="wire", currency="EUR", fixed_minor=2_000)
    planned = plan(make_client(), eur(asked))
    assert [share.sent for share in planned.shares] == ([] if sent is None else [eur(sent)])
    assert (planned.eaten_by is not None) == (asked == "20")


def test_an_account_whose_fee_takes_all_is_left_to_another(tenant: Any) -> None:
    dear, other = (make_account("bank_wire", name=name, position=at) for at, name in enumerate(("Dear", "Other")))
    WithdrawalFee.objects.create(provider_account=dear, method="wire", currency="EUR", fixed_minor=2_000)
    found = [(plan(make_client(), eur(asked)).shares[0].account, asked) for asked in ("20", "20.01")]
    assert found == [(other, "20"), (dear, "20.01")]
    WithdrawalFee.objects.create(provider_account=other, method="wire", currency="EUR", fixed_minor=2_000)
    assert plan(make_client(), eur("20")).eaten_by == eur("20")


def test_never_after_an_unknown_outcome(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    """The first call was cut off; when it is refused later, nobody can be sure what became of the first."""
    one, other = skrill(server, receiver, 1), skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    Command.objects.update(
        state=CommandState.SENDING, attempts=1, sent_at=clock.now() - timedelta(hours=1),
        lease_until=clock.now() - timedelta(minutes=1),
    )  # fmt: skip
    one.control("PUT", "settings", REFUSING)
    run_commands()
    row.refresh_from_db()
    assert (row.state, states(row)) == (WithdrawalState.FAILED, ["failed"])
    assert (sent(one, other), wallet(person)) == (0, (eur("500"), eur("0")))


@contextmanager
def door(refused_first: bool) -> Iterator[str]:
    """A PayPal that refuses payouts; with `refused_first` False it hangs up on the first call without a word."""

    class Handler(BaseHTTPRequestHandler):
        calls = 0

        def do_POST(self) -> None:
            Handler.calls += 1
            if Handler.calls == 1 and not refused_first:
                self.connection.close()
                return
            token = self.path.endswith("/oauth2/token")
            body = json.dumps(
                {"access_token": "t"} if token else {"name": "INSUFFICIENT_FUNDS", "message": "no"}
            ).encode()
            self.send_response(200 if token else 422)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://paypal.localhost:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()


@pytest.mark.parametrize(("answered", "sent_on"), [(True, True), (False, False)])
def test_never_when_an_attempt_of_the_call_was_lost_and_repeated(tenant: Any, answered: bool, sent_on: bool) -> None:
    """The library repeats by itself; that the last attempt was refused says nothing of the first."""
    person = funded()
    method = payout_method("paypal")
    assert method is not None
    details = {"email": person.email}
    destination = email_of(person, method="paypal", details=details, fingerprint=fingerprint(method, details))
    with door(answered) as address:
        for position in (1, 2):
            make_account(
                "paypal", name=f"PayPal {position}", payouts=["paypal"], position=position,
                settings={"client_id": "x", "base_url": address}, credentials={"client_secret": "y"},
            )  # fmt: skip
        row = approved(person, destination=destination)
        Command.objects.get()
        run_commands()
        assert (len(states(row)) == 2, Command.objects.order_by("created_at")[0].state) == (
            sent_on, "failed" if answered else "unknown"
        )  # fmt: skip
        settled(row)
    row.refresh_from_db()
    assert len(states(row)) == (2 if sent_on else 1)
    if answered:
        assert (row.state, wallet(person)) == (WithdrawalState.FAILED, (eur("500"), eur("0")))
        return
    # PayPal cannot be asked by our id: that a later call was refused proves nothing of the first. Somebody has to look.
    part = row.parts.get()
    assert (part.state, part.failure_text) == ("sending", "no")
    assert (Command.objects.get().state, wallet(person)) == ("unknown", (eur("500"), eur("200")))
    assert part_refused_by_bank(actor=staff(), part_id=part.pk, reason="Not in PayPal's list") == "failed"
    settled(row)
    row.refresh_from_db()
    assert (row.state, wallet(person)) == (WithdrawalState.FAILED, (eur("500"), eur("0")))
    assert Command.objects.get().state == "succeeded"


def test_what_was_refused_after_a_lost_attempt_is_not_sent_again(tenant: Any) -> None:
    person = funded()
    with door(False) as address:
        make_account(
            "paypal", name="PayPal", payouts=["paypal"], settings={"client_id": "x", "base_url": address},
            credentials={"client_secret": "y"},
        )  # fmt: skip
        method = payout_method("paypal")
        assert method is not None
        details = {"email": person.email}
        row = approved(
            person,
            destination=email_of(person, method="paypal", details=details, fingerprint=fingerprint(method, details)),
        )
        run_commands()
        settled(row)
    settled(row)  # nobody is there any more: a call would be lost, and its words would say so
    assert (Command.objects.get().error, row.parts.get().failure_text) == ("no", "no")


def test_a_destination_refused_while_the_outcome_is_unknown_gives_nothing_back(
    tenant: Any, server: Sandbox, receiver: Receiver
) -> None:
    skrill(server, receiver, 1)
    person = funded()
    row = approved(person)
    Command.objects.update(
        state=CommandState.SENDING, attempts=1, sent_at=clock.now() - timedelta(hours=1),
        lease_until=clock.now() - timedelta(minutes=1),
    )  # fmt: skip
    assert row.destination_id is not None
    destination_refuse(actor=staff(), destination_id=row.destination_id, reason="Not the client's")
    settled(row)
    assert (Command.objects.get().state, states(row)) == ("unknown", ["sending"])
    assert wallet(person) == (eur("500"), eur("200"))


def test_paid_after_all_while_the_next_one_is_being_called_waits_for_that(
    tenant: Any, server: Sandbox, receiver: Receiver
) -> None:
    """Booked at once it was the house's loss, and then the client had the next one's hold back as well."""
    skrill(server, receiver, 1, **REFUSING)
    other = skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    run_commands()
    give(person, "-300")
    first = row.parts.get(follows=None)
    calling = Command.objects.filter(state=CommandState.PENDING)
    assert calling.update(state=CommandState.SENDING, sent_at=clock.now(), lease_until=clock.now()) == 1
    paid = RefundStatus(state=RefundState.SUCCEEDED, reference="S1", amount=first.amount)
    assert part_apply(part_id=first.pk, status=paid, actor=SYSTEM, asked=True) == "doubted"
    assert (states(row), wallet(person)) == (["failed", "sending"], (eur("200"), eur("200")))
    Command.objects.filter(state=CommandState.SENDING).update(state=CommandState.PENDING, lease_until=None)
    run_commands()
    assert (sent(other), list(parts_to_ask())) == (0, [first.pk])  # it waits, and the first is asked about
    assert part_apply(part_id=first.pk, status=paid, actor=SYSTEM, asked=True) == "paid"
    settled(row)
    row.refresh_from_db()
    assert (row.state, states(row), sent(other)) == (WithdrawalState.PAID, ["paid", "dropped"], 0)
    assert wallet(person) == (eur("0"), eur("0"))
    assert ledger.balance(account_ensure(owner=HOUSE, kind="suspense", currency="EUR")).balance == eur("0")


def test_nobody_decides_what_the_provider_still_carries_out(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    """The form is not shown; a crafted request is refused, too: the call would go out beside the money given back."""
    skrill(server, receiver, 1)
    person = funded()
    part = approved(person).parts.get()
    for act in (
        lambda: part_refused_by_bank(actor=staff(), part_id=part.pk, reason="x"),
        lambda: part_sent_by_hand(actor=staff(), part_id=part.pk, bank_reference="x"),
    ):
        with pytest.raises(WrongState):
            act()
    Command.objects.update(state=CommandState.UNKNOWN, lease_until=clock.now() + timedelta(minutes=1))
    with pytest.raises(WrongState):  # on its way at this moment
        part_refused_by_bank(actor=staff(), part_id=part.pk, reason="x")
    assert (part.withdrawal.parts.get().state, wallet(person)) == ("sending", (eur("500"), eur("200")))


def test_the_withdrawals_page_asks_what_stands_at_the_provider(
    tenant: Any, server: Sandbox, receiver: Receiver
) -> None:
    skrill(server, receiver, 1)
    person = funded()
    row = approved(person)
    part = row.parts.get()
    finance = officer(tenant, "payments.view", PROPOSE)
    page = finance.get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert "It was carried out" not in page
    Command.objects.update(state=CommandState.UNKNOWN)
    page = finance.get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert "It was carried out" in page
    assert "It was not carried out" in page
    finance.post(f"/payments/parts/{part.pk}/sent/", {"bank_reference": "SK-77"})
    row.refresh_from_db()
    assert (row.state, row.parts.get().provider_reference) == (WithdrawalState.PAID, "SK-77")
    assert AuditEntry.objects.filter(action="payments.call_sent").count() == 1
    settled(row)
    assert (Command.objects.get().state, wallet(person)) == ("succeeded", (eur("300"), eur("0")))


def test_never_after_a_failure_that_is_told_later(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    skrill(server, receiver, 1, hold_payouts="1")
    skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    run_commands()
    part = row.parts.get()
    failed = RefundStatus(
        state=RefundState.FAILED, reference=part.provider_reference, amount=part.amount, failure_text="no"
    )
    assert part_apply(part_id=part.pk, status=failed, actor=SYSTEM) == "failed"
    assert (states(row), wallet(person)) == (["failed"], (eur("500"), eur("0")))


def test_what_is_stopped_meanwhile_goes_no_further(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    """The payout account was refused while the call was under way: back to the wallet, not on to another provider."""
    one, other = skrill(server, receiver, 1, **REFUSING), skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    assert row.destination_id is not None
    destination_refuse(actor=staff(), destination_id=row.destination_id, reason="Not the client's")
    run_commands()
    assert (states(row), sent(one, other), wallet(person)) == (["failed"], 0, (eur("500"), eur("0")))


@pytest.mark.parametrize("spent", ["0", "300"])
def test_paid_after_all_by_who_had_refused_the_next_does_not_pay(
    tenant: Any, server: Sandbox, receiver: Receiver, spent: str
) -> None:
    """The money that was held for the next one is what the first one has paid: the house carries nothing."""
    one, other = skrill(server, receiver, 1, **REFUSING), skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    run_commands()
    if spent != "0":
        give(person, f"-{spent}")
    first = row.parts.get(follows=None)
    paid = RefundStatus(state=RefundState.SUCCEEDED, reference="S1", amount=first.amount)
    assert part_apply(part_id=first.pk, status=paid, actor=SYSTEM) == "doubted"
    run_commands()
    assert (states(row), sent(one, other)) == (["failed", "sending"], 0)  # waits while that is asked
    assert part_apply(part_id=first.pk, status=paid, actor=SYSTEM, asked=True) == "paid"
    Command.objects.update(available_at=clock.now())
    run_commands()
    row.refresh_from_db()
    assert (row.state, states(row), sent(other)) == (WithdrawalState.PAID, ["paid", "dropped"], 0)
    assert (row.paid, wallet(person)) == (eur("200"), (eur("300") - eur(spent), eur("0")))
    assert ledger.balance(account_ensure(owner=HOUSE, kind="suspense", currency="EUR")).balance == eur("0")
    assert ledger.broken_invariants() == {}


def settled(row: Withdrawal) -> None:
    """What is open is taken up as sweeps would, its leases and pauses over."""
    for _ in range(8):
        past = clock.now() - timedelta(hours=1)
        Command.objects.filter(state__in=["pending", "sending", "unknown"]).update(available_at=past)
        Command.objects.filter(state__in=["sending", "unknown"]).update(lease_until=past, sent_at=past)
        run_commands()


def whole(row: Withdrawal, person: Client, *sides: SkrillSide, before: int) -> None:
    """Paid once and out of the wallet, or not paid and all of it back; nothing in between, nothing still held."""
    row.refresh_from_db()
    went = sent(*sides) - before
    balance, held = wallet(person)
    assert held == eur("0")
    assert (row.state, went, balance) in [
        (WithdrawalState.PAID, 1, eur("499")),
        (WithdrawalState.FAILED, 0, eur("500")),
    ]
    assert ledger.broken_invariants() == {}


STRIDE = min(int(os.environ.get("RIALTO_KILL_STRIDE", "5")), 5)  # 1 kills after every statement there is


def test_killed_after_any_statement_it_is_paid_once_or_not_at_all(
    live_tenant: Any, server: Sandbox, receiver: Receiver
) -> None:
    one, other = skrill(server, receiver, 1, **REFUSING), skrill(server, receiver, 2)
    outcomes = set()
    for statement in range(STRIDE, 400, STRIDE):
        person = funded()
        row = approved(person, "1")
        before = sent(one, other)
        died = killed_after(statement, lambda: [run_commands() for _ in range(3)])
        settled(row)
        whole(row, person, one, other, before=before)
        outcomes.add(str(row.state))
        if not died:
            break
    else:
        raise AssertionError("it never came to its end")
    assert (statement > 40, outcomes) == (True, {"paid", "failed"})


@pytest.mark.parametrize(
    "point",
    [
        "tenant_apps.payments.services.next_account.part_rejected:before",
        "tenant_apps.payments.services.next_account._passed_on:before",
        "tenant_apps.payments.services.next_account.payout_issue:after",
        "tenant_apps.payments.commands.part_rejected:after",
    ],
)
def test_killed_on_the_way_to_the_next_nothing_is_passed_on(
    live_tenant: Any, server: Sandbox, receiver: Receiver, point: str
) -> None:
    """All of it is one transaction: cut off before its end the refusal is of unknown outcome, and the wallet has it back."""
    one, other = skrill(server, receiver, 1, **REFUSING), skrill(server, receiver, 2)
    person = funded()
    row = approved(person, "1")
    assert crashed("command", Command.objects.get().pk, point) == (
        0 if "next_account.part_rejected" in point else KILLED
    )
    settled(row)
    whole(row, person, one, other, before=0)


def test_a_chargeback_while_it_is_passed_on_stops_it(tenant: Any, server: Sandbox, receiver: Receiver) -> None:
    skrill(server, receiver, 1, **REFUSING)
    other = skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    run_commands()
    Withdrawal.objects.filter(pk=row.pk).update(hold_reason=freezes.REVERSAL)
    run_commands()
    assert (states(row), sent(other)) == (["failed", "sending"], 0)
    Withdrawal.objects.filter(pk=row.pk).update(hold_reason="")
    Command.objects.filter(state=CommandState.PENDING).update(available_at=clock.now())
    run_commands()
    assert (states(row), sent(other)) == (["failed", "paid"], 1)


# --- pages ------------------------------------------------------------------------------------------------------------


def test_the_withdrawal_shows_every_attempt_and_the_client_the_last(
    tenant: Any, server: Sandbox, receiver: Receiver
) -> None:
    skrill(server, receiver, 1, **REFUSING)
    skrill(server, receiver, 2)
    person = funded()
    row = approved(person)
    run_commands()
    body = officer(tenant, "payments.view").get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert "Attempt 1, passed on to" in body
    assert "Attempt 2" in body
    assert "BALANCE" in body
    assert "<bdi>Somebody</bdi> · <time" in body  # an Arabic name would pull the date beside it apart
    body = trader(tenant, person).get(f"/cashier/withdrawals/{row.pk}/").content.decode()
    assert ("Being sent" in body, "Failed" in body) == (True, False)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_office_sees_the_order_and_why_an_account_is_not_taken(tenant: Any, language: str) -> None:
    first, second = two(currencies=["EUR"])
    rule(second, minimum_minor=100, maximum_minor=50_000)
    rule(first, countries=["FR"], hours_from="09:00", hours_until="17:00")
    web = officer(tenant, "payments.provider.edit", "payments.view")
    web.cookies["language"] = language
    assert web.get("/payments/payout-routing/").status_code == 200
    asked = {"currency": "EUR", "amount": "100", "method": "skrill", "country": "DE", "level": "1"}
    body = web.get("/payments/payout-routing/", asked).content.decode()
    if language == "en":
        body = body[body.index("In this order") :]
        assert body.index("Second") < body.index("Not taken") < body.index("First") < body.index("Not for this country")
    rule(second, minimum_minor=50_001, maximum_minor=None)
    body = web.get("/payments/payout-routing/", {**asked, "amount": "600"}).content.decode()
    assert "– ∞" in body
    assert "<bdi>Second</bdi>" in body
    wrong = web.get("/payments/payout-routing/", {**asked, "client": "nobody@x.de"})
    assert wrong.status_code == 200
    assert officer(tenant, "payments.view").get("/payments/payout-routing/").status_code == 403


def test_a_rule_takes_a_second_person_and_switching_it_off_one(tenant: Any) -> None:
    account, second = two()
    typed = {"method": "skrill", "currency": "EUR", "minimum": "10", "maximum": "", "countries": "de fr", "kyc_level": "1",
             "position": "3", "enabled": "on"}  # fmt: skip
    one, other = officer(tenant, "payments.provider.edit"), officer(tenant, "payments.provider.edit", "payments.view")
    address = f"/payments/providers/{account.pk}/payout-rules/"
    assert one.get(address).status_code == 200
    assert one.post(address, {**typed, "maximum": "5"}).status_code == 422
    assert one.post(address, typed).status_code == 302
    assert PayoutRule.objects.count() == 0
    agreed(other)
    made = PayoutRule.objects.get()
    assert (made.countries, made.minimum_minor, made.maximum_minor) == (["DE", "FR"], 1000, None)
    assert one.get(f"/payments/payout-routing/rules/{made.pk}/").status_code == 200
    off = {**typed, "countries": "DE FR"}
    del off["enabled"]
    assert one.post(f"/payments/payout-routing/rules/{made.pk}/", off).status_code == 302
    made.refresh_from_db()
    assert made.enabled is True  # all would go out by the other account: that is not one person's to choose
    one.post(f"/payments/changes/{ProposedChange.objects.get(state='waiting').pk}/refuse/")
    ProviderAccount.objects.filter(pk=second.pk).update(enabled=False)
    one.post(f"/payments/payout-routing/rules/{made.pk}/", off)
    made.refresh_from_db()
    assert made.enabled is False
    assert "First" in one.get(f"/payments/providers/{account.pk}/").content.decode()
