"""Reads. Staff see what their right reaches (own, team, all clients); a client sees what is theirs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import (
    BinaryField,
    Count,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.lookups import GreaterThan

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.ids import parse_uuid
from kernel.models import InboxMessage
from kernel.money import Money, total
from kernel.permissions import scoped, within
from tenant_apps.kyc.permissions_list import VIEW as KYC_VIEW

from .models import (
    CAME,
    OPEN_DEPOSITS,
    OPEN_WITHDRAWALS,
    STILL_THERE,
    ApprovalRule,
    ApprovalStep,
    Deposit,
    DepositState,
    Destination,
    DestinationState,
    FundsRequest,
    FundsState,
    MethodRule,
    PartState,
    PayoutBatch,
    PayoutLine,
    ProviderAccount,
    SuspensePayment,
    SuspenseState,
    Withdrawal,
    WithdrawalFee,
    WithdrawalPart,
    WithdrawalPolicy,
    WithdrawalState,
)
from .permissions_list import AGREE, APPROVE, DESTINATIONS, PROPOSE, VIEW
from .services.chain import ANYBODY, MANAGER, role_steps
from .services.stops import free_to_go

NEWS, NEWS_SEARCHED = 100, 300  # of a provider on a deposit's page, and the messages that are looked through for it
# Tries of a payout for which another one stands.
STOOD_IN_FOR = Q(state=PartState.FAILED, successor__isnull=False) | Q(state=PartState.DROPPED, follows__isnull=False)
_OWNER = {"owner": "client__owner_id", "team": "client__team_id"}


def deposits_visible(actor: Actor, code: str = VIEW) -> QuerySet[Deposit]:
    rows = Deposit.objects.select_related("client", "provider_account")
    return scoped(actor, code, rows, **_OWNER)


def withdrawals_visible(actor: Actor, code: str = VIEW) -> QuerySet[Withdrawal]:
    rows = Withdrawal.objects.select_related("client", "destination", "rule")
    return scoped(actor, code, rows, **_OWNER)


def deposit_get(actor: Actor, deposit_id: UUID) -> Deposit:
    """Raises NotFound also for what exists but is not the actor's to know."""
    found = deposits_visible(actor).filter(pk=deposit_id).first()
    if found is None:
        raise NotFound
    return found


def news_of(deposit: Deposit) -> list[InboxMessage]:
    """What the provider told of a deposit, the oldest first, without the raw words.

    Messages from before they said what they are about, and such as could not be read, are found by the ids in them, here
    and not by a migration: that would hold every deposit of a brokerage against every body.
    """
    source = f"payments.{deposit.provider_account.kind}:{deposit.provider_account_id}"
    rows = InboxMessage.objects.defer("body", "headers")
    unnamed = rows.filter(source=source, about="", received_at__gte=deposit.created_at)
    first = unnamed.order_by("received_at")[:NEWS_SEARCHED]
    names = [str(deposit.pk), deposit.provider_reference, deposit.payment_reference]
    named = reduce(or_, (Q(GreaterThan(_position(name), 0)) for name in names if name))
    told = rows.filter(pk__in=first.values("pk")).filter(named)
    return list(rows.filter(about=str(deposit.pk)).union(told, all=True).order_by("received_at")[:NEWS])


def _position(name: str) -> Func:
    """Where in the body a name stands, from 1; 0 for nowhere."""
    return Func(
        Value(name.encode(), BinaryField()), F("body"), function="position", arg_joiner=" in ",
        output_field=IntegerField(),
    )  # fmt: skip


def withdrawal_get(actor: Actor, withdrawal_id: UUID) -> Withdrawal:
    found = withdrawals_visible(actor).filter(pk=withdrawal_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Wires:
    """Approved wires of one bank account and currency that are in no payment file yet."""

    account: ProviderAccount
    currency: str
    parts: list[WithdrawalPart]

    @property
    def total(self) -> Money:
        return total([part.amount for part in self.parts], self.currency)


def wires() -> QuerySet[WithdrawalPart]:
    """Parts that go out by wires of a bank without an API, in whatever state."""
    rows = WithdrawalPart.objects.filter(deposit=None, provider_account__kind="bank_wire")
    return rows.select_related("withdrawal__client", "provider_account")


def wires_free() -> QuerySet[WithdrawalPart]:
    """Approved ones that are in no payment file yet; none that is stopped (services/stops.py). No query of its own."""
    in_file = PayoutLine.objects.filter(part=OuterRef("pk"), live=True)
    sent = wires().filter(state=PartState.SENDING, withdrawal__state=WithdrawalState.SENDING)
    return sent.filter(free_to_go()).exclude(Exists(in_file))


def wires_to_send(limit: int = 500) -> list[Wires]:
    """By account and currency, the oldest first."""
    rows = wires_free().order_by("created_at", "id")[:limit]
    groups: dict[tuple[UUID, str], Wires] = {}
    for part in rows:
        key = (part.provider_account_id, part.currency)
        groups.setdefault(key, Wires(part.provider_account, part.currency, [])).parts.append(part)
    return list(groups.values())


def payout_batches(limit: int = 50) -> list[PayoutBatch]:
    """The newest, with how many of their wires the bank refused."""
    refused = Count("lines", filter=Q(lines__state="refused"))
    rows = PayoutBatch.objects.select_related("provider_account").annotate(refused=refused)
    return list(rows.order_by("-created_at", "-id")[:limit])


@dataclass(frozen=True, slots=True)
class Attempt:
    """A part among those that tried the same payout: which one it is, and who was tried after it."""

    number: int
    next: str


def attempts_of(parts: list[WithdrawalPart]) -> dict[UUID, Attempt]:
    """By part, of payouts that were tried more than once. No query: `parts` are all of a withdrawal, with their accounts."""
    after = {part.follows_id: part for part in parts if part.follows_id}
    by_id = {part.pk: part for part in parts}
    found: dict[UUID, Attempt] = {}
    for part in parts:
        number, one = 1, part
        while one.follows_id in by_id:
            number, one = number + 1, by_id[one.follows_id]
        following = after.get(part.pk)
        if number > 1 or following:
            found[part.pk] = Attempt(number, following.provider_account.name if following else "")
    return found


def payout_batches_of(parts: list[WithdrawalPart]) -> dict[UUID, PayoutBatch]:
    """The live payment file of each part that is in one."""
    rows = PayoutLine.objects.filter(part__in=parts, live=True).select_related("batch")
    return {row.part_id: row.batch for row in rows}


def payout_batch_get(batch_id: UUID) -> PayoutBatch:
    found = PayoutBatch.objects.select_related("provider_account", "file").filter(pk=batch_id).first()
    if found is None:
        raise NotFound
    return found


def client_deposit(client_id: UUID, deposit_id: UUID) -> Deposit:
    found = Deposit.objects.filter(client_id=client_id, pk=deposit_id).select_related("provider_account").first()
    if found is None:
        raise NotFound
    return found


def client_withdrawal(client_id: UUID, withdrawal_id: UUID) -> Withdrawal:
    rows = Withdrawal.objects.select_related("client", "destination")
    found = rows.filter(client_id=client_id, pk=withdrawal_id).first()
    if found is None:
        raise NotFound
    return found


def provider_account_get(account_id: UUID) -> ProviderAccount:
    found = ProviderAccount.objects.filter(pk=account_id).first()
    if found is None:
        raise NotFound
    return found


def withdrawal_fee_get(fee_id: UUID) -> WithdrawalFee:
    found = WithdrawalFee.objects.select_related("provider_account").filter(pk=fee_id).first()
    if found is None:
        raise NotFound
    return found


def withdrawal_policies() -> list[WithdrawalPolicy]:
    return list(WithdrawalPolicy.objects.order_by("currency", "kyc_level"))


def withdrawal_policy_get(policy_id: UUID) -> WithdrawalPolicy:
    found = WithdrawalPolicy.objects.filter(pk=policy_id).first()
    if found is None:
        raise NotFound
    return found


def unlimited_currencies() -> list[str]:
    """Currencies that clients can pay in and that have no limits for withdrawals yet."""
    offered = MethodRule.objects.filter(enabled=True, provider_account__enabled=True)
    known = WithdrawalPolicy.objects.values("currency")
    return sorted(offered.exclude(currency__in=known).values_list("currency", flat=True).distinct())


def waiting_for(actor: Actor) -> QuerySet[Withdrawal]:
    """Withdrawals whose next step is this actor's: theirs to check, or to approve by right, role or as the manager."""
    step = ApprovalStep.objects.filter(withdrawal=OuterRef("pk"))
    rows = withdrawals_visible(actor).filter(state__in=[WithdrawalState.REQUESTED, WithdrawalState.CHECKED])
    rows = rows.alias(next_who=Subquery(step.filter(decided_at=None).order_by("position").values("who")[:1]))
    mine = Q(pk__in=[])
    if actor.may(PROPOSE):
        mine |= Q(state=WithdrawalState.REQUESTED) & within(actor, PROPOSE, **_OWNER)
    approve = Q(state=WithdrawalState.CHECKED)
    if actor.may(APPROVE):
        whose = Q(next_who=ANYBODY) | Q(next_who__in=role_steps(actor))
        mine |= approve & whose & within(actor, APPROVE, **_OWNER)
    if actor.may(APPROVE) or actor.may(AGREE):
        mine |= approve & Q(next_who=MANAGER, client__owner_id=parse_uuid(actor.id))
    decided = step.filter(decided_by_id=actor.id)
    theirs = Q(requested_by=actor.id) | Q(state=WithdrawalState.CHECKED) & Exists(decided)
    return rows.filter(mine).exclude(theirs)


def destinations_visible(actor: Actor) -> QuerySet[Destination]:
    return scoped(actor, DESTINATIONS, Destination.objects.select_related("client"), **_OWNER)


def destination_get(actor: Actor, destination_id: UUID) -> Destination:
    found = destinations_visible(actor).filter(pk=destination_id).first()
    if found is None:
        raise NotFound
    return found


def client_destinations(client_id: UUID) -> list[Destination]:
    """The client's address book, without what was taken out of it."""
    rows = Destination.objects.filter(client_id=client_id).exclude(state=DestinationState.RETIRED)
    return list(rows.order_by("created_at"))


def same_elsewhere(actor: Actor, destination: Destination) -> tuple[list[Destination], int]:
    """The same account in other clients' books, a cluster or a household: those within reach, and how many more."""
    rows = destinations_visible(actor).filter(fingerprint=destination.fingerprint)
    found = list(rows.exclude(client_id=destination.client_id)[:10])
    return found, same_elsewhere_count(destination) - len(found)


def same_elsewhere_count(destination: Destination) -> int:
    rows = Destination.objects.filter(fingerprint=destination.fingerprint)
    return rows.exclude(client_id=destination.client_id).count()


def approval_rules() -> list[ApprovalRule]:
    return list(ApprovalRule.objects.order_by("position", "created_at"))


def approval_rule_get(rule_id: UUID) -> ApprovalRule:
    found = ApprovalRule.objects.filter(pk=rule_id).first()
    if found is None:
        raise NotFound
    return found


def suspense_visible(actor: Actor, code: str = VIEW) -> QuerySet[SuspensePayment]:
    owner = {"owner": "deposit__client__owner_id", "team": "deposit__client__team_id"}
    rows = SuspensePayment.objects.select_related("deposit__client", "deposit__provider_account", "credited")
    return scoped(actor, code, rows, **owner)


def suspense_get(actor: Actor, row_id: UUID) -> SuspensePayment:
    found = suspense_visible(actor).filter(pk=row_id).first()
    if found is None:
        raise NotFound
    return found


def suspense_waiting(actor: Actor) -> QuerySet[SuspensePayment]:
    """What is to be proposed or approved."""
    return suspense_visible(actor).filter(state__in=[SuspenseState.OPEN, SuspenseState.PROPOSED])


def funds_visible(actor: Actor) -> QuerySet[FundsRequest]:
    """Source-of-funds requests; for who may see identity checks."""
    return scoped(actor, KYC_VIEW, FundsRequest.objects.select_related("client", "file"), **_OWNER)


def funds_get(actor: Actor, request_id: UUID) -> FundsRequest:
    found = funds_visible(actor).filter(pk=request_id).first()
    if found is None:
        raise NotFound
    return found


def funds_waiting(actor: Actor) -> QuerySet[FundsRequest]:
    """What clients said and showed, to be accepted."""
    return funds_visible(actor).filter(state=FundsState.GIVEN)


DEPOSIT_VIEWS = {
    "open": Q(state__in=OPEN_DEPOSITS),
    "credited": Q(state=DepositState.CREDITED),
    "failed": Q(state__in=[DepositState.FAILED, DepositState.EXPIRED]),
    "reversed": Q(state=DepositState.REVERSED),
    "suspense": Q(state=DepositState.SUSPENSE),
    "attention": ~Q(attention=""),
}
WITHDRAWAL_VIEWS = {
    "waiting": Q(state__in=[WithdrawalState.REQUESTED, WithdrawalState.CHECKED]),
    "sending": Q(state=WithdrawalState.SENDING),
    "paid": Q(state=WithdrawalState.PAID),
    "refused": Q(state__in=[WithdrawalState.REJECTED, WithdrawalState.CANCELLED, WithdrawalState.FAILED]),
}


def searched(rows: QuerySet[Any], text: str, *references: str, masks: frozenset[str] = frozenset()) -> QuerySet[Any]:
    """By reference, client's number, name or e-mail; every word has to be found somewhere.

    `masks`: what the one who searches sees masked. They find an e-mail address by the whole of it only.
    """
    by_email = "client__email" if "email" in masks else "client__email__icontains"
    for word in text.split()[:6]:
        query = Q(client__first_name__icontains=word) | Q(client__last_name__icontains=word)
        query |= Q(**{by_email: word.lower()})
        for field in references:
            query |= Q(**{f"{field}__icontains": word})
        if word.isdecimal() and len(word) < 10:
            query |= Q(client__number=int(word))
        rows = rows.filter(query)
    return rows


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One currency today: money in, money out, and how many of the finished deposits came through."""

    currency: str
    deposits: Money
    withdrawals: Money
    approval: float | None

    @property
    def net(self) -> Money:
        return self.deposits - self.withdrawals


def day_figures(actor: Actor, *, hours: int = 24) -> list[DayFigures]:
    """By currency, over the last hours. Two queries."""
    since = clock.now() - timedelta(hours=hours)
    came = (
        deposits_visible(actor)
        .filter(closed_at__gte=since)
        .values("currency")
        .annotate(
            total=Sum(STILL_THERE, filter=CAME),
            good=Count("pk", filter=Q(state=DepositState.CREDITED)),
            bad=Count("pk", filter=Q(state=DepositState.FAILED)),
        )
        .order_by("currency")
    )
    out = dict(
        withdrawals_visible(actor)
        .filter(closed_at__gte=since, state=WithdrawalState.PAID)
        .values_list("currency")
        .annotate(total=Sum("paid_minor"))
        .order_by("currency")
    )
    rows: dict[str, dict[str, Any]] = {row["currency"]: dict(row) for row in came}
    return [
        _figures(currency, rows.get(currency, {}), int(out.get(currency) or 0)) for currency in sorted({*rows, *out})
    ]


def _figures(currency: str, row: dict[str, Any], paid: int) -> DayFigures:
    good, bad = row.get("good", 0), row.get("bad", 0)
    return DayFigures(
        currency,
        Money(row.get("total") or 0, currency),
        Money(paid, currency),
        good / (good + bad) if good + bad else None,
    )


def client_totals(client_id: UUID) -> list[DayFigures]:
    """Everything a client ever paid in and out, by currency: the context beside a decision.

    What a provider or bank took back of a deposit has not been paid in.
    """
    came = dict(
        Deposit.objects.filter(CAME, client_id=client_id).values_list("currency").annotate(total=Sum(STILL_THERE))
    )
    out = dict(
        Withdrawal.objects.filter(client_id=client_id, state=WithdrawalState.PAID)
        .values_list("currency")
        .annotate(total=Sum("paid_minor"))
    )
    return [
        DayFigures(currency, Money(came.get(currency) or 0, currency), Money(out.get(currency) or 0, currency), None)
        for currency in sorted({*came, *out})
    ]


def open_withdrawals_of(client_id: UUID) -> list[Withdrawal]:
    return list(Withdrawal.objects.filter(client_id=client_id, state__in=OPEN_WITHDRAWALS).order_by("-created_at"))


def next_to_decide(actor: Actor, after: Withdrawal) -> Withdrawal | None:
    """The next withdrawal whose step is this actor's, the one promised soonest first."""
    return waiting_for(actor).exclude(pk=after.pk).order_by(F("due_at").asc(nulls_last=True), "created_at").first()


# --- the other side of payments, for lines of wallets' histories


def deposit_sources(ids: Collection[str]) -> dict[str, str]:
    """What each of these deposits was paid with, masked, where that is known. One query."""
    rows = Deposit.objects.filter(pk__in=_known_ids(ids)).exclude(source="")
    return {str(pk): source for pk, source in rows.values_list("pk", "source")}


def withdrawal_targets(ids: Collection[str]) -> dict[str, str]:
    """Where each of these withdrawals went, masked: back to what was paid with, to an account, or both. One query."""
    rows = WithdrawalPart.objects.filter(withdrawal__in=_known_ids(ids)).order_by("created_at", "pk")
    asked = rows.values_list(
        "withdrawal", "deposit", "deposit__source", "withdrawal__destination__label", "withdrawal__iban"
    )
    found: dict[str, dict[str, None]] = {}
    for pk, deposit, source, label, iban in asked:
        place = source if deposit else label or (f"{iban[:2]} •••• {iban[-4:]}" if iban else "")
        if place:
            found.setdefault(str(pk), {})[place] = None
    return {pk: " · ".join(places) for pk, places in found.items()}


def _known_ids(ids: Collection[str]) -> list[UUID]:
    return [one for one in map(parse_uuid, ids) if one is not None]
