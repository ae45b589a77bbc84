"""The one judgement of what a deposit brings: for the grant, the cashier's preview and the office's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from kernel.money import Money
from kernel.tenancy import context
from shared_apps.tenants.models import TenantState
from tenant_apps.clients.models import Client
from tenant_apps.clients.rule_packs import RulePack
from tenant_apps.trading.models import AccountState, TradingAccount

from ..models import ENDED, CreditMove, Grant, GrantState, MovePurpose, MoveState, SchemeVersion
from .packs import pack_of
from .schemes import versions_in_force

# What does not count against the most per client: whatever ended without its credit ever having been at the server.
NEVER_GIVEN = Q(state__in=ENDED, active_at=None) & ~Exists(
    CreditMove.objects.filter(grant=OuterRef("pk"), purpose=MovePurpose.GRANT, state=MoveState.DONE)
)


@dataclass(frozen=True, slots=True)
class Offer:
    """`full` is what the deposit would bring without the caps."""

    version: SchemeVersion
    amount: Money
    full: Money
    pack: RulePack

    @property
    def lots(self) -> Decimal:
        return self.amount.amount * self.version.lots_per_unit(self.amount.currency)


def offer_for(*, client: Client, account: TradingAccount, amount: Money, first: bool, at: datetime) -> Offer | None:
    """What a deposit of `amount` to `account` brings, None for nothing.

    To be asked again under the client's lock (`grants.grant_make`) before anything is promised: caps move.
    """
    pack = pack_of(client)
    if pack is None or not pack.allows_bonuses or not _fits_account(account, amount):
        return None
    for version in versions_in_force():
        given = bonus_of(version, amount)
        if given is None or not _fits(version, client, account, first=first, at=at):
            continue
        left = _left(version, client, amount.currency)
        if left is not None and (offered := min(given, left)).minor > 0:
            return Offer(version, offered, _full(version, amount), pack)
    return None


def _fits_account(account: TradingAccount, amount: Money) -> bool:
    at_work = context.tenant().state == TenantState.ACTIVE
    return at_work and account.live and account.state == AccountState.OPEN and account.currency == amount.currency


def _fits(version: SchemeVersion, client: Client, account: TradingAccount, *, first: bool, at: datetime) -> bool:
    return (
        version.starts_at <= at
        and (version.ends_at is None or at < version.ends_at)
        and (first or not version.first_only)
        and (not version.countries or client.country in version.countries)
        and (not version.tags or bool(set(version.tags) & set(client.tags)))
        and (not version.account_types or str(account.account_type_id) in version.account_types)
    )


def bonus_of(version: SchemeVersion, amount: Money) -> Money | None:
    """By percentage, minimum and the cap per bonus alone; None where they give nothing."""
    minimum, cap = version.amount_of(amount.currency, "minimum"), version.amount_of(amount.currency, "cap")
    if minimum is None or cap is None or amount < minimum:
        return None
    given = min(_full(version, amount), cap)
    return given if given.minor > 0 else None


def _full(version: SchemeVersion, amount: Money) -> Money:
    return amount.scaled(version.percent / 100, rounding=ROUND_DOWN)


def _left(version: SchemeVersion, client: Client, currency: str) -> Money | None:
    """What the client may still get of this scheme, over all its versions."""
    return _left_beside(version, currency, Grant.objects.filter(client=client))


def left_for(grant: Grant, *, offers: bool) -> Money:
    """What the most per client leaves for this bonus beside the client's others, with or without those that are only
    offered. Under the client's lock, taken before the account's."""
    others = Grant.objects.filter(client_id=grant.client_id).exclude(pk=grant.pk)
    if not offers:
        others = others.exclude(state=GrantState.OFFERED)
    return _left_beside(grant.version, grant.currency, others) or Money(0, grant.currency)


def _left_beside(version: SchemeVersion, currency: str, rows: QuerySet[Grant]) -> Money | None:
    most = version.amount_of(currency, "client_cap")
    if most is None:
        return None
    mine = rows.filter(version__scheme_id=version.scheme_id, currency=currency)
    had = mine.exclude(NEVER_GIVEN).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return Money(max(0, most.minor - had), currency)
