"""Two accounts of one human are one pair of eyes."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.models import AuditEntry
from tenant_apps.accounts import humans
from tenant_apps.accounts.models import User, UserSession
from tenant_apps.accounts.tests.support import actor, staff
from tenant_apps.payments.errors import SamePerson
from tenant_apps.payments.models import Withdrawal
from tenant_apps.payments.services.withdrawals import withdrawal_approve, withdrawal_check

from .test_withdrawals import funded, requested


def person(name: str, email: str) -> User:
    user = staff("finance", name=name)
    User.objects.filter(pk=user.pk).update(email=email)
    return User.objects.get(pk=user.pk)


def checked(proposer: User, **client: Any) -> Withdrawal:
    row = requested(funded(**client))
    withdrawal_check(actor=actor(proposer), withdrawal_id=row.pk)
    return row


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("Other Name", "ann.miller+second@example.com"),
        ("Other Name", "Ann.Miller@EXAMPLE.com "),
        ("MILLER, Ann".replace(",", ""), "elsewhere@example.org"),
    ],
)
def test_a_second_account_of_the_proposer_cannot_approve(tenant: Any, name: str, email: str) -> None:
    row = checked(person("Ann Miller", "ann.miller@example.com"))
    with pytest.raises(SamePerson):
        withdrawal_approve(actor=actor(person(name, email)), withdrawal_id=row.pk)


def test_googles_mailboxes_are_one_with_and_without_dots() -> None:
    assert humans.mailbox("A.nn+x@googlemail.com") == humans.mailbox("ann@gmail.com")
    assert humans.mailbox("a.nn@example.com") != humans.mailbox("ann@example.com")


def test_nobody_lets_their_own_money_out(tenant: Any) -> None:
    row = checked(person("Ann Miller", "ann@example.com"), email="bob+trading@example.com")
    with pytest.raises(SamePerson):
        withdrawal_approve(actor=actor(person("Bob Ross", "bob@example.com")), withdrawal_id=row.pk)


def test_what_proves_nothing_is_recorded_and_shown(tenant: Any) -> None:
    ann, bob = person("Ann Miller", "ann@example.com"), person("Bob Ross", "bob@example.com")
    for user in (ann, bob):
        UserSession.objects.create(
            session_key=f"{user.pk.hex}", session_data="", expire_date="2099-01-01T00:00Z", account_id=user.pk,
            ip="203.0.113.7", user_agent="Mozilla",
        )  # fmt: skip
    row = withdrawal_approve(actor=actor(bob), withdrawal_id=checked(ann).pk)
    assert {"code": "two_people", "good": False} in row.checks
    assert AuditEntry.objects.get(action="payments.withdrawal_approved").after["likeness"] == ["device"]


def test_two_people_leave_no_sign(tenant: Any) -> None:
    ann, bob = person("Ann Miller", "ann@example.com"), person("Bob Ross", "bob@example.com")
    row = withdrawal_approve(actor=actor(bob), withdrawal_id=checked(ann).pk)
    assert {"code": "two_people", "good": True} in row.checks
    assert "likeness" not in AuditEntry.objects.get(action="payments.withdrawal_approved").after
