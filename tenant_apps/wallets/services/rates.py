"""Writing exchange rates: from sources, by hand with four eyes, and the mark-ups on them.

Invariants. A rate is written once per source, pair and moment, however often it is fetched. A rate by hand takes effect
in the transaction of its approval, by another person than who proposed it (the database refuses it too). A fetched rate
that leaps is left out: until people set the pair by hand, the old one stands and grows old.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import AppError, Invalid, NotFound
from kernel.events import publish
from kernel.logs import log
from kernel.money import CURRENCIES
from tenant_apps.clients.eyes import others_required

from .. import events, registry
from ..errors import WrongState
from ..models import MOST_BPS, Decision, ExchangePolicy, ManualRate, PairMarkup, Rate, SourceState, pair_key
from ..permissions_list import RATES_APPROVE, RATES_PROPOSE, SETTINGS
from ..ports import Observation

LEAP = Decimal("0.25")  # a quarter in a day: of 4,000 real sheets none had one; a shifted decimal point always has


def rates_refresh(kind: str) -> int:
    """Ask a source and store what is new; how many rates that were. Calls out: never within a transaction.

    What goes wrong is remembered for the office and not raised: the next turn asks again.
    """
    try:
        found = registry.sources()[kind].fetch()
    except AppError as error:
        log.warning("rates_not_fetched", source=kind, error=error.code)
        _remember(kind, error=error.code)
        return 0
    with transaction.atomic():
        stored = rates_store(kind, found)
        _remember(kind, error="")
    return stored


def rates_due() -> list[str]:
    """The sources that may have something newer than what we have."""
    now = clock.now()
    found = []
    for kind, source in registry.sources().items():
        newest = Rate.objects.filter(source=kind).order_by("-observed_at").values_list("observed_at", flat=True).first()
        if source.due(newest, now):
            found.append(kind)
    return found


def _remember(kind: str, *, error: str) -> None:
    row, _ = SourceState.objects.get_or_create(source=kind)
    row.asked_at = row.updated_at = clock.now()
    row.fetched_at = row.fetched_at if error else clock.now()
    row.error = error[:60]
    row.save()


def rates_store(kind: str, observations: Iterable[Observation]) -> int:
    """Store observations that are not known yet; the number of new ones. Unknown currencies and leaps are left out."""
    now = clock.now()
    usable = [one for one in observations if _usable(one) and one.observed_at <= now]
    last = _last_before([pair_key(one.base, one.quote) for one in usable])
    rows = [_row(kind, one) for one in usable if kind == "manual" or not _leaps(kind, one, last)]
    with transaction.atomic():
        before = Rate.objects.count() if rows else 0
        Rate.objects.bulk_create(rows, ignore_conflicts=True)
        return Rate.objects.count() - before if rows else 0


def _usable(one: Observation) -> bool:
    return {one.base, one.quote} <= CURRENCIES.keys() and one.base != one.quote and one.mid > 0


def _row(kind: str, one: Observation) -> Rate:
    return Rate(
        base=one.base, quote=one.quote, pair=pair_key(one.base, one.quote), mid=one.mid, source=kind,
        observed_at=one.observed_at, pegged=one.pegged,
    )  # fmt: skip


def _last_before(pairs: Sequence[str]) -> dict[str, Rate]:
    rows = Rate.objects.filter(pair__in=pairs).order_by("pair", "-observed_at", "-id").distinct("pair")
    return {row.pair: row for row in rows}


def _leaps(kind: str, one: Observation, last: dict[str, Rate]) -> bool:
    known = last.get(pair_key(one.base, one.quote))
    if known is None or known.observed_at >= one.observed_at:
        return False
    before = Fraction(known.mid) if known.base == one.base else 1 / Fraction(known.mid)
    leap = abs(Fraction(one.mid) / before - 1) > Fraction(LEAP)
    if leap:
        log.error("rate_leaps", source=kind, pair=known.pair, before=str(known.mid), now=str(one.mid))
    return leap


# --- by hand


def manual_rate_propose(
    *, actor: Actor, base: str, quote: str, mid: Decimal, reason: str, pegged: bool = False
) -> ManualRate:
    """First pair of eyes: say what one unit of `base` costs in `quote`, and where that is known from."""
    actor.require(RATES_PROPOSE)
    for name, code in (("base", base), ("quote", quote)):
        if code not in CURRENCIES:
            raise Invalid(field=name)
    if base == quote:
        raise Invalid(pgettext_lazy("wallets error", "Choose two different currencies."), field="quote")
    if not mid.is_finite() or not Decimal("1e-12") <= mid <= Decimal("1e12"):
        raise Invalid(pgettext_lazy("wallets error", "Enter a rate above zero."), field="mid")
    if not reason.strip():
        raise Invalid(pgettext_lazy("wallets error", "Say where this rate is from."), field="reason")
    with transaction.atomic():
        row = ManualRate.objects.create(
            base=base, quote=quote, mid=mid, pegged=pegged, reason=reason.strip()[:300],
            proposer_id=actor.id, proposer_label=actor.label[:160],
        )  # fmt: skip
        audit.record(actor=actor, action="wallets.rate_proposed", obj=row, reason=row.reason, after=_facts(row))
    return row


def manual_rate_approve(*, actor: Actor, rate_id: UUID) -> ManualRate:
    """Second pair of eyes: from now on it is the pair's rate. Raises SamePerson, WrongState."""
    actor.require(RATES_APPROVE)
    with transaction.atomic():
        row = _proposed(rate_id)
        signs = others_required(actor, row.proposer_id, client=None)
        _decide(row, actor, Decision.APPROVED)
        rates_store("manual", [Observation(row.base, row.quote, row.mid, _moment(row), row.pegged)])
        audit.record(
            actor=actor, action="wallets.rate_approved", obj=row,
            after=_facts(row) | ({"likeness": sorted(signs)} if signs else {}),
        )  # fmt: skip
        publish(
            events.RateSet(base=row.base, quote=row.quote, mid=str(row.mid), pegged=row.pegged),
            aggregate=f"rate:{pair_key(row.base, row.quote)}", actor=actor,
        )  # fmt: skip
    return row


def manual_rate_reject(*, actor: Actor, rate_id: UUID, reason: str) -> ManualRate:
    """Either right may refuse what another person proposed; who proposed it takes it back."""
    actor.require(RATES_PROPOSE if actor.may(RATES_PROPOSE) else RATES_APPROVE)
    with transaction.atomic():
        row = _proposed(rate_id)
        own = row.proposer_id == actor.id
        row.refusal = reason.strip()[:300]
        _decide(row, actor, Decision.WITHDRAWN if own else Decision.REJECTED)
        act = "wallets.rate_withdrawn" if own else "wallets.rate_rejected"
        audit.record(actor=actor, action=act, obj=row, reason=row.refusal, after=_facts(row))
    return row


def _proposed(rate_id: UUID) -> ManualRate:
    row = ManualRate.objects.select_for_update().filter(pk=rate_id).first()
    if row is None:
        raise NotFound
    if row.state != Decision.PROPOSED:
        raise WrongState
    return row


def _decide(row: ManualRate, actor: Actor, to: Decision) -> None:
    row.state, row.decider_id, row.decider_label = to, actor.id, actor.label[:160]
    row.decided_at = row.updated_at = clock.now()
    row.save()


def _moment(row: ManualRate) -> datetime:
    assert row.decided_at is not None, "decided a line above"
    return row.decided_at


def _facts(row: ManualRate) -> dict[str, object]:
    return {"pair": f"{row.base}/{row.quote}", "rate": f"{row.mid.normalize():f}", "pegged": row.pegged}


# --- mark-ups


def markup_save(*, actor: Actor, base: str, quote: str, bps: int) -> PairMarkup:
    """A pair's own mark-up, both ways, in basis points."""
    actor.require(SETTINGS)
    if base == quote or not {base, quote} <= CURRENCIES.keys():
        raise Invalid(pgettext_lazy("wallets error", "Choose two different currencies."), field="quote")
    if not 0 <= bps <= MOST_BPS:
        raise Invalid(pgettext_lazy("wallets error", "This is more than a mark-up may be."), field="bps")
    pair = pair_key(base, quote)
    with transaction.atomic():
        row = PairMarkup.objects.select_for_update().filter(pair=pair).first()
        before = {"bps": row.bps} if row else {}
        row, _ = PairMarkup.objects.update_or_create(pair=pair, defaults={"bps": bps, "updated_at": clock.now()})
        if before.get("bps") != bps:
            audit.record(actor=actor, action="wallets.markup_saved", obj=row, before=before, after={"bps": bps})
    return row


def markup_remove(*, actor: Actor, markup_id: UUID) -> None:
    """From now on the default stands for this pair. Raises NotFound."""
    actor.require(SETTINGS)
    with transaction.atomic():
        row = PairMarkup.objects.select_for_update().filter(pk=markup_id).first()
        if row is None:
            raise NotFound
        audit.record(actor=actor, action="wallets.markup_removed", obj=row, before={"bps": row.bps}, after={})
        row.delete()


def exchange_policy_save(*, actor: Actor, values: dict[str, object]) -> ExchangePolicy:
    """The brokerage's rules of exchange. `values`: the policy's fields by name. Raises Invalid at a field."""
    actor.require(SETTINGS)
    with transaction.atomic():
        row = ExchangePolicy.objects.select_for_update().first() or ExchangePolicy()
        before = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        _sound(row)
        was, now = audit.changes(before, values)
        row.updated_at = clock.now()
        row.save()
        if now:
            audit.record(actor=actor, action="wallets.exchange_rules_saved", obj=row, before=was, after=now)
    return row


def exchange_close(*, actor: Actor) -> ExchangePolicy:
    """No client exchanges any more: what only tightens takes one person and no time."""
    return exchange_policy_save(actor=actor, values={"enabled": False})


def _sound(row: ExchangePolicy) -> None:
    limits = {
        "markup_bps": (0, MOST_BPS), "quote_seconds": (5, 600), "max_banking_days": (1, 10), "max_age_hours": (1, 24 * 31),
        "daily_count": (1, 10_000),
        "minimum_minor": (1, 10**12),
    }  # fmt: skip
    for name, (least, most) in limits.items():
        if not least <= getattr(row, name) <= most:
            raise Invalid(pgettext_lazy("wallets error", "This is outside of what is possible."), field=name)
    if row.minimum_currency not in CURRENCIES:
        raise Invalid(field="minimum_currency")
