"""Operators: inviting, changing, resetting. All in the public schema, each act with its line."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from kernel import secrets, sessions
from kernel.actors import Actor
from kernel.errors import Invalid
from kernel.tenancy import context

from . import audit, break_glass
from .errors import EmailTaken, LastOwner, LinkUnusable
from .models import BreakGlassEntry, Operator, OperatorRole

INVITATION_AGE = 3 * 24 * 3600
MANAGE = "console.operators"


@transaction.atomic
def operator_create(*, actor: Actor, email: str, name: str, role: str, password: str = "") -> Operator:
    """Make an operator. Without a password they log in after setting one by an invitation. Raises EmailTaken."""
    actor.require(MANAGE)
    with context.public():
        operator = Operator(email=email.strip().lower(), name=name.strip()[:120], role=OperatorRole(role))
        if password:
            operator.set_password(password)
        try:
            with transaction.atomic():
                operator.save(force_insert=True)
        except IntegrityError as error:
            raise EmailTaken(field="email") from error
        audit.record(
            actor=actor,
            action="operator.created",
            label=operator.email,
            object_type="operator",
            object_id=operator.pk,
            after={"role": operator.role},
        )
    return operator


def invitation_token(operator: Operator) -> str:
    """For a mailed link. Setting the password raises the epoch, so the link works once."""
    with context.public():
        return secrets.sign({"id": str(operator.pk), "epoch": operator.auth_epoch}, purpose="operator-invitation")


def invited(token: str) -> Operator:
    """Whose invitation this is. Raises LinkUnusable."""
    with context.public():
        try:
            claims = secrets.unsign(token, purpose="operator-invitation", max_age=INVITATION_AGE)
        except ValueError as error:
            raise LinkUnusable from error
        operator = Operator.objects.filter(pk=claims["id"], auth_epoch=claims["epoch"], active=True).first()
    if operator is None:
        raise LinkUnusable
    return operator


@transaction.atomic
def invitation_accept(*, token: str, password: str) -> Operator:
    """Set the first password. Raises LinkUnusable, PasswordWeak."""
    operator = invited(token)
    with context.public():
        operator.set_password(password)
        operator.save(update_fields=["password", "auth_epoch"])
        audit.record(actor=self_actor(operator), action="operator.password_set", label=operator.email)
    return operator


@transaction.atomic
def operator_update(*, actor: Actor, operator: Operator, role: str, active: bool) -> Operator:
    """Change role or activity: that ends all sessions, and entries into brokerages, which the role had allowed.

    Raises LastOwner.
    """
    actor.require(MANAGE)
    if role not in OperatorRole.values:
        raise Invalid(field="role")
    with context.public():
        before = {"role": operator.role, "active": operator.active}
        operator.role, operator.active = OperatorRole(role), active
        operator.auth_epoch += 1
        operator.save(update_fields=["role", "active", "auth_epoch"])
        if not Operator.objects.filter(role=OperatorRole.OWNER, active=True).exists():
            raise LastOwner
        sessions.end_all(operator.pk)
        open_entries = list(
            BreakGlassEntry.objects.filter(operator=operator, ended_at=None).values_list("pk", flat=True)
        )
        audit.record(
            actor=actor,
            action="operator.changed",
            label=operator.email,
            object_type="operator",
            object_id=operator.pk,
            before=before,
            after={"role": operator.role, "active": operator.active},
        )
    for entry_id in open_entries:
        break_glass.entry_end(entry_id=entry_id, by="console")
    return operator


@transaction.atomic
def second_factor_reset(*, actor: Actor, operator: Operator, reason: str) -> None:
    """Take a lost second factor away; the next log-in enrols a new one."""
    actor.require(MANAGE)
    with context.public():
        Operator.objects.filter(pk=operator.pk).update(
            totp_sealed=None, totp_confirmed_at=None, recovery_codes=[], auth_epoch=operator.auth_epoch + 1,
            factor_failures=0, factor_locked_until=None,
        )  # fmt: skip
        sessions.end_all(operator.pk)
        audit.record(actor=actor, action="operator.second_factor_reset", label=operator.email, reason=reason)


def self_actor(operator: Operator, ip: str | None = None) -> Actor:
    """An operator acting on their own account, without any right."""
    return Actor(kind="operator", id=str(operator.pk), label=operator.name, ip=ip)
