"""A statement moves money when another person than its uploader approves it; discarded it moves nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from kernel.actors import Reach
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import uuid7
from kernel.models import AuditEntry
from kernel.tests.dying import KILLED
from sandbox.bank import camt
from sandbox.bank.mt940 import render_mt940
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, Role, User
from tenant_apps.accounts.tests.support import log_in
from tenant_apps.accounts.tests.support import staff as person
from tenant_apps.clients.errors import ShownDiffers
from tenant_apps.ledger import selectors as ledger
from tenant_apps.notifications.models import Notification
from tenant_apps.payments.adapters.bank_wire import reader
from tenant_apps.payments.errors import SamePerson, StatementRefused, WrongState
from tenant_apps.payments.models import BankLine, BankStatement, Deposit, ProviderAccount, StatementState
from tenant_apps.payments.permissions_list import BANK_APPROVE, BANK_IMPORT
from tenant_apps.payments.services import bank

from .crash_worker import crashed
from .support import eur, make_client, staff
from .test_bank import (
    OURS,
    account,
    announced,
    back,
    balance,
    document,
    entry,
    imported,
    stands,
    uploaded,
    wire_account,
    wired,
)
from .test_exactly_once import in_threads

__all__ = ["account"]  # the fixture


def one(account: ProviderAccount, deposit: Deposit, **values: Any) -> BankStatement:
    done = uploaded(account, document(entry("500", deposit.reference), **values))
    assert (done.waiting, done.lines, done.credited) == (True, 0, 0)
    return done.statements[0]


def approved(row: BankStatement) -> bank.Imported:
    return bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=row.pk)


def test_an_uploaded_statement_credits_nothing_until_another_person_approves(account: ProviderAccount) -> None:
    deposit = announced(account)
    both = staff(BANK_IMPORT, BANK_APPROVE)
    row = uploaded(account, document(entry("500", deposit.reference)), both).statements[0]
    assert (row.state, BankLine.objects.count(), balance(deposit.client)) == ("waiting", 0, eur("0"))
    with pytest.raises(SamePerson):
        bank.statement_approve(actor=both, statement_id=row.pk)
    with pytest.raises(Forbidden):
        bank.statement_approve(actor=staff(BANK_IMPORT), statement_id=row.pk)
    assert balance(deposit.client) == eur("0")
    done = approved(row)
    assert (done.lines, done.credited, balance(deposit.client)) == (1, 1, eur("500"))
    row.refresh_from_db()
    assert (row.state, bool(row.approver_id), row.decided_by) == ("approved", True, "Somebody")
    with pytest.raises(WrongState):
        approved(row)
    acts = AuditEntry.objects.filter(object_id=str(row.pk)).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["payments.statement_uploaded", "payments.statement_imported"]


def test_nobody_approves_a_statement_that_pays_them(account: ProviderAccount) -> None:
    deposit = announced(account)
    user = User.objects.create(realm=Realm.STAFF, email=deposit.client.email, name="Somebody Else", active=True)
    row = one(account, deposit)
    with pytest.raises(SamePerson):
        bank.statement_approve(actor=staff(BANK_APPROVE, staff_id=user.pk), statement_id=row.pk)
    assert (balance(deposit.client), BankLine.objects.count()) == (eur("0"), 0)
    stranger = uploaded(account, document(entry("5", "of nobody"), number=2)).statements[0]
    bank.statement_approve(actor=staff(BANK_APPROVE, staff_id=user.pk), statement_id=stranger.pk)


def test_nor_one_that_gives_them_a_withdrawal_back(account: ProviderAccount) -> None:
    row = wired(account)
    user = User.objects.create(realm=Realm.STAFF, email=row.client.email, name="Somebody Else", active=True)
    sheet = uploaded(account, document(back(row), opening=Decimal(500), number=2)).statements[0]
    with pytest.raises(SamePerson):
        bank.statement_approve(actor=staff(BANK_APPROVE, staff_id=user.pk), statement_id=sheet.pk)
    assert stands(row) == ("sending", "sending", eur("500"))


def test_discarded_it_moves_nothing_and_may_come_again(account: ProviderAccount) -> None:
    deposit = announced(account)
    row = one(account, deposit)
    with pytest.raises(Invalid):
        bank.statement_reject(actor=staff(BANK_IMPORT), statement_id=row.pk, reason=" ")
    bank.statement_reject(actor=staff(BANK_IMPORT), statement_id=row.pk, reason="of last year")
    row.refresh_from_db()
    assert (row.state, row.reason, BankLine.objects.count()) == ("rejected", "of last year", 0)
    for act in (approved, lambda it: bank.statement_reject(actor=staff(BANK_IMPORT), statement_id=it.pk, reason="x")):
        with pytest.raises(WrongState):
            act(row)
    assert balance(deposit.client) == eur("0")
    assert approved(one(account, deposit)).credited == 1
    assert list(BankStatement.objects.order_by("id").values_list("state", flat=True)) == ["rejected", "approved"]


def test_the_same_file_again_is_the_one_that_waits_or_was_imported(account: ProviderAccount) -> None:
    deposit = announced(account)
    data = document(entry("500", deposit.reference))
    first = uploaded(account, data)
    again = uploaded(account, data)
    assert ([row.pk for row in again.statements], again.known) == ([first.statements[0].pk], 1)
    approved(first.statements[0])
    third = uploaded(account, data)
    assert (third.waiting, third.known, BankStatement.objects.count()) == (False, 1, 1)
    assert balance(deposit.client) == eur("500")


def test_two_files_that_wait_with_the_same_line_credit_it_once(account: ProviderAccount) -> None:
    deposit = announced(account)
    line = entry("500", deposit.reference, bank_reference="B1")
    first = uploaded(account, document(line)).statements[0]
    second = uploaded(account, document(line, entry("20", "other", bank_reference="B2"))).statements[0]
    assert approved(second).credited == 1
    done = approved(first)
    assert (done.lines, done.credited, done.known) == (0, 0, 1)
    assert (balance(deposit.client), BankLine.objects.count()) == (eur("500"), 2)


def test_several_statements_of_a_file_are_decided_together(account: ProviderAccount) -> None:
    deposit = announced(account)
    first = camt.Statement(iban=OURS, currency="EUR", entries=[entry("500", deposit.reference)])
    second = camt.Statement(iban=OURS, currency="EUR", entries=[entry("-3", "Fee")], opening=Decimal(500), number=2)
    done = uploaded(account, render_mt940(first) + render_mt940(second))
    assert [row.state for row in done.statements] == ["waiting", "waiting"]
    result = approved(done.statements[1])
    assert (result.lines, result.credited, len(result.statements)) == (2, 1, 2)
    assert not BankStatement.objects.exclude(state=StatementState.APPROVED).exists()


def test_an_approval_covers_no_statement_of_the_file_that_was_not_shown(account: ProviderAccount) -> None:
    deposit = announced(account)
    first = camt.Statement(iban=OURS, currency="EUR", entries=[entry("10", "of nobody")])
    second = camt.Statement(
        iban=OURS, currency="EUR", entries=[entry("500", deposit.reference)], opening=Decimal(10), number=2
    )
    opened = uploaded(account, render_mt940(first) + render_mt940(second)).statements[0]
    told = bank.file_told(opened)
    assert [len(matches) for _, matches in told] == [1, 1]
    seen = bank.file_shown(told)
    Deposit.objects.filter(pk=deposit.pk).update(reference="D00000000")  # the second one credits nobody now
    with pytest.raises(ShownDiffers):
        bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=opened.pk, seen=seen)
    with pytest.raises(ShownDiffers):
        bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=opened.pk, seen=bank.file_shown(told[:1]))
    Deposit.objects.filter(pk=deposit.pk).update(reference=deposit.reference)
    again = bank.file_shown(bank.file_told(opened))
    assert bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=opened.pk, seen=again).credited == 1


def test_the_file_is_read_once_for_an_approval_and_once_for_a_look(
    tenant: Any, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month of days is a file of thirty statements: reading the whole of it for each of them takes minutes."""
    deposit = announced(account)
    first = camt.Statement(iban=OURS, currency="EUR", entries=[entry("500", deposit.reference)])
    second = camt.Statement(iban=OURS, currency="EUR", entries=[entry("-3", "Fee")], opening=Decimal(500), number=2)
    row = uploaded(account, render_mt940(first) + render_mt940(second)).statements[0]
    sizes: list[int] = []
    read = reader.read
    monkeypatch.setattr(reader, "read", lambda data: sizes.append(len(data)) or read(data))
    page = log_in(tenant, person("owner")).get(f"/money/statement/{row.pk}/")
    assert (page.context["seen"], len(sizes)) == (bank.file_shown(bank.file_told(row)), 1)
    bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=row.pk, seen=page.context["seen"])
    assert (len(sizes), balance(deposit.client)) == (3, eur("500"))


def test_one_person_suffices_where_the_account_says_so(account: ProviderAccount) -> None:
    account.settings["statement_eyes"] = "one"
    account.save()
    deposit = announced(account)
    done = uploaded(account, document(entry("500", deposit.reference)))
    assert (done.waiting, done.credited, done.statements[0].approver_id) == (False, 1, "")
    assert balance(deposit.client) == eur("500")
    assert "statement_eyes" not in deposit.instructions


@pytest.mark.parametrize("when", ["upload", "approval"])
def test_the_same_movements_in_another_format_are_refused(account: ProviderAccount, when: str) -> None:
    """The first client has two open deposits: told a second time, the line would pay the second of them."""
    first = announced(account)
    imported(account, document(entry("250", first.reference)))
    announced(account, "250", first.client)
    announced(account, "250", first.client)
    made = camt.Statement(iban=OURS, currency="EUR", entries=[entry("250", "again")], opening=Decimal(250), number=2)
    waiting = uploaded(account, camt.render(made)) if when == "approval" else None
    other = render_mt940(made, "swift")
    imported(account, other if when == "approval" else camt.render(made))
    before = balance(first.client)
    with pytest.raises(StatementRefused):
        if waiting is not None:
            approved(waiting.statements[0])
        else:
            uploaded(account, other)
    assert balance(first.client) == before


def test_a_statement_of_an_account_that_has_changed_meanwhile_is_refused(account: ProviderAccount) -> None:
    deposit = announced(account)
    row = one(account, deposit)
    ProviderAccount.objects.filter(pk=account.pk).update(settings={**account.settings, "iban": "AT611904300234573201"})
    with pytest.raises(StatementRefused):
        approved(row)
    assert balance(deposit.client) == eur("0")


def test_an_approval_that_breaks_off_has_done_nothing(account: ProviderAccount) -> None:
    deposits = [announced(account), announced(account)]
    row = uploaded(account, document(*(entry("500", one.reference) for one in deposits))).statements[0]
    with pytest.raises(RuntimeError), transaction.atomic():
        approved(row)
        raise RuntimeError
    assert (BankLine.objects.count(), balance(deposits[0].client)) == (0, eur("0"))
    assert approved(row).credited == 2
    assert ledger.broken_invariants() == {}


def test_two_people_approving_at_once_import_once(live_tenant: Any) -> None:
    live = wire_account()
    deposit = announced(live)
    row = one(live, deposit)
    done = in_threads(live_tenant, 4, lambda _: approved(row).credited)
    assert sorted(str(result) for result in done if not isinstance(result, WrongState)) == ["1"]
    assert (balance(deposit.client), BankLine.objects.count()) == (eur("500"), 1)
    assert ledger.broken_invariants() == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    ["posting.deposit_post:after", "bank._decided:after", "bank.line_credit:after", "parts.part_apply:before"],
)
def test_killed_while_approving_all_of_it_or_nothing_is_done(live_tenant: Any, point: str) -> None:
    live = wire_account()
    row = wired(live)
    deposit = announced(live)
    entries = [entry("500", deposit.reference, bank_reference="B9"), entry("-200", row.reference)]
    sheet = uploaded(live, document(*entries, opening=Decimal(500), number=2)).statements[0]
    module, _, rest = point.partition(".")
    module = "bank" if "part_apply" in rest else module  # the name that the approval calls
    assert crashed("approve", sheet.pk, f"tenant_apps.payments.services.{module}.{rest}") == KILLED
    sheet.refresh_from_db()
    assert (sheet.state, balance(deposit.client), stands(row)[0]) == ("waiting", eur("0"), "sending")
    assert approved(sheet).credited == 1
    assert (balance(deposit.client), stands(row)) == (eur("500"), ("paid", "paid", eur("300")))


def test_the_database_refuses_the_same_person_too(account: ProviderAccount) -> None:
    row = one(account, announced(account))
    with pytest.raises(IntegrityError), transaction.atomic():
        BankStatement.objects.filter(pk=row.pk).update(approver_id=row.uploader_id)


def a_person(*codes: str) -> User:
    grants = dict.fromkeys(codes, int(Reach.ALL))
    role = Role.objects.create(name=str(uuid7()), code=str(uuid7()), grants=grants, second_factor_required=False)
    user = User.objects.create(realm=Realm.STAFF, email=f"{uuid7()}@example.com", name=str(uuid7()), active=True)
    user.roles.add(role)
    return user


def test_those_who_may_approve_it_hear_of_it_once(account: ProviderAccount) -> None:
    people = [a_person(BANK_IMPORT, BANK_APPROVE), a_person(BANK_APPROVE), a_person(BANK_IMPORT)]
    uploader, approver, _ = people
    data = document(entry("5", "of nobody"))
    for _ in range(2):
        uploaded(account, data, actor_for(uploader))
    told = Notification.objects.filter(kind="payments.statement_waits")
    assert [(one.user_id, one.link) for one in told] == [
        (approver.pk, f"/payments/bank/{BankStatement.objects.get().pk}/")
    ]


def test_what_does_not_exist(account: ProviderAccount) -> None:
    make_client()
    with pytest.raises(NotFound):
        bank.statement_approve(actor=staff(BANK_APPROVE), statement_id=uuid7())
