"""Reads. Staff see what their right reaches (own, team, all clients); a client sees what is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from kernel import clock
from kernel.actors import Actor
from kernel.errors import NotFound
from kernel.money import Money
from kernel.permissions import scoped
from tenant_apps.kyc.permissions_list import VIEW as KYC_VIEW

from .models import (
    OPEN_DEPOSITS,
    OPEN_WITHDRAWALS,
    BankLine,
    Deposit,
    DepositState,
    FundsRequest,
    FundsState,
    LineState,
    MethodRule,
    ProviderAccount,
    SuspensePayment,
    SuspenseState,
    Withdrawal,
    WithdrawalPolicy,
    WithdrawalState,
)
from .permissions_list import APPROVE, BANK_IMPORT, PROPOSE, VIEW

_KEPT = F("received_minor") - Coalesce(F("reversed_minor"), Value(0))
_OWNER = {"owner": "client__owner_id", "team": "client__team_id"}


def deposits_visible(actor: Actor, code: str = VIEW) -> QuerySet[Deposit]:
    rows = Deposit.objects.select_related("client", "provider_account")
    return scoped(actor, code, rows, **_OWNER)


def withdrawals_visible(actor: Actor, code: str = VIEW) -> QuerySet[Withdrawal]:
    return scoped(actor, code, Withdrawal.objects.select_related("client"), **_OWNER)


def deposit_get(actor: Actor, deposit_id: UUID) -> Deposit:
    """Raises NotFound also for what exists but is not the actor's to know."""
    found = deposits_visible(actor).filter(pk=deposit_id).first()
    if found is None:
        raise NotFound
    return found


def withdrawal_get(actor: Actor, withdrawal_id: UUID) -> Withdrawal:
    found = withdrawals_visible(actor).filter(pk=withdrawal_id).first()
    if found is None:
        raise NotFound
    return found


def client_deposit(client_id: UUID, deposit_id: UUID) -> Deposit:
    found = Deposit.objects.filter(client_id=client_id, pk=deposit_id).select_related("provider_account").first()
    if found is None:
        raise NotFound
    return found


def client_withdrawal(client_id: UUID, withdrawal_id: UUID) -> Withdrawal:
    found = Withdrawal.objects.filter(client_id=client_id, pk=withdrawal_id).first()
    if found is None:
        raise NotFound
    return found


def provider_account_get(account_id: UUID) -> ProviderAccount:
    found = ProviderAccount.objects.filter(pk=account_id).first()
    if found is None:
        raise NotFound
    return found


def withdrawal_policies() -> list[WithdrawalPolicy]:
    return list(WithdrawalPolicy.objects.order_by("currency"))


def withdrawal_policy_get(policy_id: UUID) -> WithdrawalPolicy:
    found = WithdrawalPolicy.objects.filter(pk=policy_id).first()
    if found is None:
        raise NotFound
    return found


def withdrawal_policy_of(currency: str) -> WithdrawalPolicy | None:
    """The limits of a currency; None where there are none."""
    return WithdrawalPolicy.objects.filter(currency=currency).first()


def unlimited_currencies() -> list[str]:
    """Currencies that clients can pay in and that have no limits for withdrawals yet."""
    offered = MethodRule.objects.filter(enabled=True, provider_account__enabled=True)
    known = WithdrawalPolicy.objects.values("currency")
    return sorted(offered.exclude(currency__in=known).values_list("currency", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class Movement:
    """A deposit or a withdrawal as one line of a history."""

    kind: str  # "deposit" or "withdrawal"
    row: Any

    @property
    def at(self) -> datetime:
        return self.row.created_at

    @property
    def signed(self) -> Money:
        return self.row.credited_amount if self.kind == "deposit" else -self.row.amount


def movements(client_id: UUID, *, limit: int = 50, before: datetime | None = None) -> list[Movement]:
    """A client's payments, newest first. Two queries."""
    deposits = Deposit.objects.filter(client_id=client_id)
    withdrawals = Withdrawal.objects.filter(client_id=client_id)
    if before is not None:
        deposits, withdrawals = deposits.filter(created_at__lt=before), withdrawals.filter(created_at__lt=before)
    found = [Movement("deposit", row) for row in deposits.order_by("-created_at")[:limit]]
    found += [Movement("withdrawal", row) for row in withdrawals.order_by("-created_at")[:limit]]
    return sorted(found, key=lambda movement: movement.at, reverse=True)[:limit]


@dataclass(frozen=True, slots=True)
class Counters:
    """Numbers on the money inbox."""

    to_check: int
    to_approve: int
    sending: int
    open_deposits: int
    attention: int
    unmatched: int

    @property
    def to_do(self) -> int:
        return self.to_check + self.to_approve + self.attention + self.unmatched


def counters(actor: Actor) -> Counters:
    """Three queries. `to_approve` leaves out what the actor proposed: somebody else has to."""
    mine = Q(state=WithdrawalState.CHECKED) & ~Q(proposer_id=actor.id) & ~Q(requested_by=actor.id)
    out = withdrawals_visible(actor).aggregate(
        to_check=Count("pk", filter=Q(state=WithdrawalState.REQUESTED)),
        to_approve=Count("pk", filter=mine),
        sending=Count("pk", filter=Q(state=WithdrawalState.SENDING)),
    )
    came = deposits_visible(actor).aggregate(
        open=Count("pk", filter=Q(state__in=OPEN_DEPOSITS)), attention=Count("pk", filter=~Q(attention=""))
    )
    lines = 0
    if actor.may(BANK_IMPORT):
        lines = BankLine.objects.filter(state__in=[LineState.UNMATCHED, LineState.PROPOSED]).count()
    return Counters(
        out["to_check"] if actor.may(PROPOSE) else 0,
        out["to_approve"] if actor.may(APPROVE) else 0,
        out["sending"],
        came["open"],
        came["attention"],
        lines,
    )


def waiting_count(actor: Actor) -> int:
    """The badge in the menu."""
    return counters(actor).to_do


def suspense_visible(actor: Actor, code: str = VIEW) -> QuerySet[SuspensePayment]:
    owner = {"owner": "deposit__client__owner_id", "team": "deposit__client__team_id"}
    rows = SuspensePayment.objects.select_related("deposit__client", "deposit__provider_account", "credited")
    return scoped(actor, code, rows, **owner)


def suspense_get(actor: Actor, row_id: UUID) -> SuspensePayment:
    found = suspense_visible(actor).filter(pk=row_id).first()
    if found is None:
        raise NotFound
    return found


def suspense_waiting(actor: Actor) -> int:
    """The badge in the menu."""
    return suspense_visible(actor).filter(state__in=[SuspenseState.OPEN, SuspenseState.PROPOSED]).count()


def funds_visible(actor: Actor) -> QuerySet[FundsRequest]:
    """Source-of-funds requests; for who may see identity checks."""
    return scoped(actor, KYC_VIEW, FundsRequest.objects.select_related("client", "file"), **_OWNER)


def funds_get(actor: Actor, request_id: UUID) -> FundsRequest:
    found = funds_visible(actor).filter(pk=request_id).first()
    if found is None:
        raise NotFound
    return found


def funds_waiting(actor: Actor) -> int:
    """The badge in the menu."""
    return funds_visible(actor).filter(state=FundsState.GIVEN).count()


DEPOSIT_VIEWS = {
    "open": Q(state__in=OPEN_DEPOSITS),
    "credited": Q(state=DepositState.CREDITED),
    "failed": Q(state__in=[DepositState.FAILED, DepositState.EXPIRED]),
    "reversed": Q(state=DepositState.REVERSED),
    "suspense": Q(state=DepositState.SUSPENSE),
    "attention": ~Q(attention=""),
}
WITHDRAWAL_VIEWS = {
    "todo": Q(state__in=[WithdrawalState.REQUESTED, WithdrawalState.CHECKED]),
    "sending": Q(state__in=[WithdrawalState.APPROVED, WithdrawalState.SENDING]),
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
            total=Sum(_KEPT, filter=Q(state=DepositState.CREDITED)),
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
        Deposit.objects.filter(client_id=client_id, state=DepositState.CREDITED)
        .values_list("currency")
        .annotate(total=Sum(_KEPT))
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
    """The next withdrawal waiting for this actor: to check, or to approve unless they proposed it. Oldest first."""
    waiting = Q()
    if actor.may(PROPOSE):
        waiting |= Q(state=WithdrawalState.REQUESTED)
    if actor.may(APPROVE):
        waiting |= Q(state=WithdrawalState.CHECKED) & ~Q(proposer_id=actor.id)
    if not waiting:
        return None
    return withdrawals_visible(actor).filter(waiting).exclude(pk=after.pk).order_by("created_at").first()
