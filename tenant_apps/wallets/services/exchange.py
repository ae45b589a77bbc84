"""Exchange between a client's own wallets: a quote, then its confirmation, once and in time.

States: quoted → done. A quote that is not confirmed before `expires_at` can do nothing, and is forgotten a week later.

Invariants. What the client gets is floored, so no chain of exchanges gains. The posting, the row's change, the audit line
and the event are one transaction under the row's lock, and the ledger's key is the quote's id: however often and from
wherever it is confirmed, it happens once. Legs, zero in each currency:

    client's wallet A −give · house fx A +give · house fx B −worth · client's wallet B +get · house fx_income B +(worth − get)
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.events import publish
from kernel.ids import short_id
from kernel.money import CURRENCIES, Money
from kernel.tenancy import context
from tenant_apps.clients.models import Client
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.models import Account, Transfer
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post

from .. import events
from ..errors import MoveRefused, QuoteExpired
from ..models import Exchange, ExchangePolicy, ExchangeState
from ..pricing import needed, received, worth
from ..rates import exchange_policy, markup_bps, price_now
from ..selectors import wallet_of
from ..stops import asked_for
from . import wallet_ensure
from .checks import enough_required, kept_required, mover_required

EXCHANGE = "wallets.exchange"
DAY = timedelta(hours=24)
KEPT = timedelta(days=7)  # a client may ask what was promised
AT_ONCE = 2_000  # rows that one statement deletes


def exchange_priced(
    *, client: Client, amount: Money, give_currency: str, get_currency: str, policy: ExchangePolicy | None = None
) -> Exchange:
    """What an exchange would be now, not stored. `amount` is what is given or what is wanted, by its currency.

    Raises Invalid at `amount` or `get_currency`, RateUnknown, RateTooOld. Looks at no wallet.
    """
    rules = policy or exchange_policy()
    if give_currency == get_currency or not {give_currency, get_currency} <= CURRENCIES.keys():
        raise Invalid(pgettext_lazy("wallets error", "Choose two different currencies."), field="get_currency")
    if amount.currency not in (give_currency, get_currency) or amount.minor <= 0:
        raise Invalid(pgettext_lazy("wallets error", "Enter an amount above zero."), field="amount")
    found = price_now(give_currency, get_currency, rules)
    bps = markup_bps(give_currency, get_currency, rules)
    applied = found.applied(bps)
    if amount.currency == give_currency:
        give, get = amount, received(amount, applied, get_currency)
    else:
        give, get = needed(amount, applied, give_currency), amount
    _large_enough(give, get, rules)
    now = clock.now()
    return Exchange(
        client=client, reference=f"X{short_id(8).upper()}",
        give_minor=give.minor, give_currency=give_currency, get_minor=get.minor, get_currency=get_currency,
        worth_minor=worth(give, found.mid, get_currency).minor,
        mid=found.mid, bps=bps, applied=applied, source=found.source[:60], rate_at=found.observed_at,
        created_at=now, updated_at=now, expires_at=now + timedelta(seconds=rules.quote_seconds),
    )  # fmt: skip


def _large_enough(give: Money, get: Money, rules: ExchangePolicy) -> None:
    """The minimum in the rules' currency, compared at the mid rate; never so little that nothing arrives."""
    least = rules.minimum
    if least.currency not in (give.currency, get.currency):
        rate = price_now(least.currency, give.currency, rules).mid
        least = worth(least, rate, give.currency)
    if get.minor <= 0 or (give if give.currency == least.currency else get) < least:
        raise Invalid(
            pgettext_lazy("wallets error", "This is less than the least amount of an exchange."), field="amount"
        )


def exchange_quote(*, actor: Actor, client: Client, amount: Money, give_currency: str, get_currency: str) -> Exchange:
    """Promise a rate for the policy's seconds. Raises what `exchange_priced` does, and MoveRefused (with `check`)."""
    actor.require_client(client.pk)
    rules = exchange_policy()
    _open(client, rules)
    offered = context.tenant().setting("currencies")
    if offered and get_currency not in offered and wallet_of(client.pk, get_currency) is None:
        raise Invalid(field="get_currency")  # no way round to a wallet the brokerage does not keep
    row = exchange_priced(
        client=client, amount=amount, give_currency=give_currency, get_currency=get_currency, policy=rules
    )
    with asked_for(client.pk, actor), transaction.atomic():
        enough_required(client, row.give)
        row.save(force_insert=True)
    return row


def _open(client: Client, rules: ExchangePolicy) -> None:
    if not rules.enabled:
        raise MoveRefused(pgettext_lazy("wallets error", "Exchange between wallets is closed."), check="off")
    mover_required(client)
    recent = Exchange.objects.filter(client=client, state=ExchangeState.DONE, confirmed_at__gt=clock.now() - DAY)
    if recent.count() >= rules.daily_count:
        raise MoveRefused(
            pgettext_lazy("wallets error", "You have exchanged as often as is possible in 24 hours."), check="count"
        )


def exchange_confirm(*, actor: Actor, exchange_id: UUID) -> Exchange:
    """Carry a quote out. Of a second call the first one's result.

    Raises QuoteExpired from `expires_at` on, MoveRefused, InsufficientFunds, AccountFrozen; then nothing has moved.
    """
    owner = Exchange.objects.filter(pk=exchange_id).values_list("client_id", flat=True).first()
    if owner is None:
        raise NotFound
    actor.require_client(owner)
    with asked_for(owner, actor), transaction.atomic():
        locks.hold(f"wallets.exchange:{owner}")
        row = Exchange.objects.select_for_update(of=("self",)).select_related("client").get(pk=exchange_id)
        if row.state == ExchangeState.DONE:
            return row
        now = clock.now()
        if now >= row.expires_at:
            raise QuoteExpired
        _open(row.client, exchange_policy())
        kept_required(row.client, row.give)
        row.transfer_id = _post(row, actor).pk
        row.state, row.confirmed_at, row.updated_at = ExchangeState.DONE, now, now
        row.save(update_fields=["transfer_id", "state", "confirmed_at", "updated_at"])
        _tell(row, actor)
    return row


def quotes_forget() -> int:
    """Delete quotes that were not confirmed and ended a week ago: they promised nothing that still holds. Those that
    were confirmed stay for ever. Repeated it does nothing more."""
    ended = Exchange.objects.filter(state=ExchangeState.QUOTED, expires_at__lt=clock.now() - KEPT)
    gone = 0
    while found := list(ended.values_list("pk", flat=True)[:AT_ONCE]):
        gone += ended.filter(pk__in=found).delete()[
            0
        ]  # still quoted: what is confirmed meanwhile is not ours to delete
    return gone


def _post(row: Exchange, actor: Actor) -> Transfer:
    legs = [
        Leg(wallet_ensure(client_id=row.client_id, currency=row.give_currency), -row.give),
        Leg(_house("fx", row.give_currency), row.give),
        Leg(_house("fx", row.get_currency), -row.worth),
        Leg(wallet_ensure(client_id=row.client_id, currency=row.get_currency), row.get),
    ]
    if row.income:
        legs.append(Leg(_house("fx_income", row.get_currency), row.income))
    data = {"reference": row.reference, "exchange_id": row.pk, "give": row.give, "get": row.get, "rate": row.applied}
    return post(kind=EXCHANGE, legs=legs, key=f"wallets.exchange:{row.pk}", actor=actor, data=data)


def _house(kind: str, currency: str) -> Account:
    return account_ensure(owner=HOUSE, kind=kind, currency=currency)


def _tell(row: Exchange, actor: Actor) -> None:
    facts = {"give": row.give, "get": row.get, "reference": row.reference}
    timeline_add(
        client_id=row.client_id, kind="wallets.exchanged", actor=actor, data=facts, dedupe_key=f"exchange:{row.pk}"
    )
    audit.record(
        actor=actor, action="wallets.exchanged", obj=row, subject=row.client_id,
        after={"give": str(row.give), "get": str(row.get), "rate": f"{row.applied.normalize():f}", "bps": row.bps},
    )  # fmt: skip
    publish(
        events.Exchanged(exchange_id=row.pk, client_id=row.client_id, give=row.give, get=row.get, income=row.income),
        aggregate=f"client:{row.client_id}", actor=actor,
    )  # fmt: skip
