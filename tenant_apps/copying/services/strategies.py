"""Offering an account as a strategy, and releasing what is offered.

States: waiting → listed | rejected; listed ⇄ suspended; any → ended → waiting. Other texts or terms of a listed one wait in
`wanted` while those released are shown. Nobody releases what is their own (`clients/eyes.py`), and what is released is what was
shown to who released it. Every act leaves its line in the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.money import Money
from tenant_apps.accounts.telling import staff_told
from tenant_apps.clients.eyes import as_shown, others_required
from tenant_apps.clients.models import Client
from tenant_apps.clients.reading import reader
from tenant_apps.notifications.services import notify
from tenant_apps.trading.models import TradingAccount

from ..errors import AccountUnfit, NameTaken, NoConsent, WrongState
from ..models import Strategy, StrategyState
from ..permissions_list import RELEASE
from .rows import end, note, save, stats_refresh


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client says of a strategy; fees in percent and minor units of the account's currency."""

    name: str
    description: str
    performance_fee: Decimal = Decimal(0)
    management_fee: Decimal = Decimal(0)
    volume_fee_minor: int = 0
    minimum_minor: int = 0
    show_capital: bool = False


NAMES = tuple(Terms.__dataclass_fields__)
PERCENTS = ("performance_fee", "management_fee")


def plain(terms: Terms | Strategy) -> dict[str, Any]:
    """As JSON keeps it."""
    return {name: _plain(getattr(terms, name)) for name in NAMES}


def _plain(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def told(values: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """The same as people and the audit trail read it: amounts with their currency, shares with their sign."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name.endswith("_minor"):
            found[name.removesuffix("_minor")] = str(Money(value, currency))
        else:
            found[name] = f"{value}%" if name in PERCENTS else value
    return found


def wanted_of(row: Strategy) -> Terms | None:
    """The texts and terms that wait behind those shown."""
    if not row.wanted:
        return None
    said: dict[str, Any] = {**row.wanted, **{name: Decimal(row.wanted[name]) for name in PERCENTS}}
    return Terms(**said)


def may_offer(account: TradingAccount) -> bool:
    return account.live and account.is_open


def strategy_offer(*, actor: Actor, account: TradingAccount, terms: Terms, consent: bool) -> Strategy:
    """Offer an own account, or change what is said of one that is offered. Raises AccountUnfit, NoConsent, NameTaken."""
    actor.require_client(account.client_id)
    if not may_offer(account):
        raise AccountUnfit
    if not consent:
        raise NoConsent(field="consent")
    with transaction.atomic():
        row = Strategy.objects.select_for_update(of=("self",)).filter(account=account).first()
        _name_free(terms.name, row)
        if row is not None and row.state in (StrategyState.LISTED, StrategyState.SUSPENDED):
            return _change(row, terms, actor)
        row = row or Strategy(account=account)
        wanted = None
        if row.released_at is None:
            _say(row, terms)
        elif plain(terms) != plain(row):
            wanted = plain(terms)  # others read what was released, among the ended ones, until this is
        row.state, row.visible, row.wanted, row.ended_at, row.note = StrategyState.WAITING, True, wanted, None, ""
        row.consented_at = clock.now()
        save(row)
        stats_refresh(row)
        note("copying.offered", row, actor, after=told(plain(terms), account.currency))
        _tell_office(row, actor)
    return row


def _say(row: Strategy, terms: Terms) -> None:
    for name in NAMES:
        setattr(row, name, getattr(terms, name))


def _change(row: Strategy, terms: Terms, actor: Actor) -> Strategy:
    currency = row.account.currency
    before, after = audit.changes(told(plain(row), currency), told(plain(terms), currency))
    row.wanted = plain(terms) if after else None
    save(row)
    if after:
        note("copying.changed", row, actor, before=before, after=after)
        _tell_office(row, actor)
    return row


def _name_free(name: str, row: Strategy | None) -> None:
    """Until the transaction ends: of two who want one name at once, one is told that it is taken."""
    locks.hold("copying.names")
    others = Strategy.objects.exclude(pk=row.pk) if row else Strategy.objects.all()
    if others.filter(name__iexact=name).exists() or others.filter(wanted__name__iexact=name).exists():
        raise NameTaken(field="name")


def strategy_show(*, actor: Actor, strategy_id: UUID, visible: bool) -> Strategy:
    """The client's own switch. What is hidden stays among those no longer on the board."""
    with transaction.atomic():
        row = _own(actor, strategy_id)
        if row.state in (StrategyState.ENDED, StrategyState.REJECTED):
            raise WrongState
        if row.visible != visible:
            row.visible = visible
            save(row)
            note("copying.shown" if visible else "copying.hidden", row, actor)
    return row


def strategy_end(*, actor: Actor, strategy_id: UUID) -> Strategy:
    """The client offers it no more; it stays among the ended ones with its last figures. Raises WrongState."""
    with transaction.atomic():
        row = _own(actor, strategy_id)
        if row.state == StrategyState.ENDED:
            raise WrongState
        end(row, actor)
    return row


def strategy_release(*, actor: Actor, strategy_id: UUID, seen: str | None = None) -> Strategy:
    """Let it be seen: a strategy that waits or was suspended, or other texts and terms of one. Raises SamePerson, NameTaken,
    ShownDiffers, WrongState."""
    actor.require(RELEASE)
    with transaction.atomic():
        row = _locked(strategy_id)
        as_shown(seen, row)
        signs = others_required(actor, client=row.account.client)
        wanted = wanted_of(row)
        if row.state not in (StrategyState.WAITING, StrategyState.SUSPENDED) and wanted is None:
            raise WrongState
        if wanted:
            _say(row, wanted)
        _name_free(row.name, row)
        row.state, row.wanted, row.note, row.withheld = StrategyState.LISTED, None, "", False
        row.released_at = row.released_at or clock.now()
        save(row)
        stats_refresh(row)
        more = {"likeness": sorted(signs)} if signs else {}
        note("copying.released", row, actor, after={**told(plain(row), row.account.currency), **more})
        _tell_client(row, lambda: pgettext("notification", "Your strategy is shown to other clients now"))
    return row


def strategy_reject(*, actor: Actor, strategy_id: UUID, reason: str) -> Strategy:
    """Not like this: a strategy that waits is rejected, one that is shown keeps its texts and terms. Raises WrongState."""
    with transaction.atomic():
        row, reason = _decided(actor, strategy_id, reason)
        if not row.waits:
            raise WrongState
        if row.state == StrategyState.WAITING:
            row.state = StrategyState.REJECTED
        row.wanted, row.note = None, reason
        save(row)
        note("copying.rejected", row, actor, reason=reason)
        _tell_client(row, lambda: pgettext("notification", "Your strategy was not released"), reason)
    return row


def strategy_suspend(*, actor: Actor, strategy_id: UUID, reason: str) -> Strategy:
    """Take it off the board; its name is shown to nobody else until it is released again. Raises WrongState."""
    with transaction.atomic():
        row, reason = _decided(actor, strategy_id, reason)
        if row.state != StrategyState.LISTED:
            raise WrongState
        row.state, row.note, row.withheld = StrategyState.SUSPENDED, reason, True
        save(row)
        note("copying.suspended", row, actor, reason=reason)
        _tell_client(row, lambda: pgettext("notification", "Your strategy was suspended"), reason)
    return row


def _decided(actor: Actor, strategy_id: UUID, reason: str) -> tuple[Strategy, str]:
    actor.require(RELEASE)
    words = reason.strip()[:300]
    if not words:
        raise Invalid(pgettext("strategy error", "Say why."), field="reason")
    return _locked(strategy_id), words


def _locked(strategy_id: UUID) -> Strategy:
    rows = Strategy.objects.select_for_update(of=("self",)).select_related("account__client")
    row = rows.filter(pk=strategy_id).first()
    if row is None:
        raise NotFound
    return row


def _own(actor: Actor, strategy_id: UUID) -> Strategy:
    row = _locked(strategy_id)
    if actor.client_id is None or row.account.client_id != actor.client_id:
        raise NotFound
    actor.require_client(actor.client_id)
    return row


def _tell_office(row: Strategy, actor: Actor) -> None:
    staff_told(
        lambda reading: reading.may(RELEASE), kind="copying.waits", besides=(actor.id,), link=f"/copying/{row.pk}/",
        words=lambda: (pgettext("notification", "A strategy waits for release"), row.name),
    )  # fmt: skip


def _tell_client(row: Strategy, words: Callable[[], str], reason: str = "") -> None:
    client: Client = row.account.client
    if client.user_id:
        with reader(client):
            body = f"{row.name}: {reason}" if reason else row.name
            notify(user_id=client.user_id, kind="copying.decided", title=words(), body=body, link="/strategies/mine/")
