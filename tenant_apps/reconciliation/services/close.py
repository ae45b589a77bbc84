"""The daily close: a UTC day's figures per currency, proved against documents and balances, signed by a second person.

Client money is what the ledger's client accounts hold: wallets, what is on its way, trading accounts' mirrors. Opening plus
movements is closing by construction; what proves something are the sources that know nothing of the postings: the deposits
and payouts as documents, the running balances, the sum of all accounts, and what others say (`outside.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.live import publish as live
from kernel.money import Money
from tenant_apps.ledger.services import HOUSE
from tenant_apps.payments.services.posting import DEPOSIT

from ..errors import CaseClosed, DayNotOver, FiguresChanged, ReasonMissing
from ..models import DayClose, PreparedClose
from ..permissions_list import CLOSE, SIGN
from ..standing import requirement_of
from .eyes import second_required
from .outside import Told, told_of
from .reports import TOPIC
from .telling import tell_those_who_may

MOVEMENTS = ("deposits", "withdrawals", "fees", "fx", "reversals", "trading", "commissions", "corrections", "other")
WHERE_ANY = frozenset({"commissions"})  # a day has these only if something moved: days signed before keep their shape
PROOFS = ("deposits", "withdrawals", "balances", "ledger", "bank", "trading")
_KINDS = {
    "payments.deposit": "deposits", "payments.deposit_told": "deposits", "payments.withdrawal": "withdrawals",
    "payments.withdrawal_returned": "withdrawals", "payments.withdrawal.reversal": "withdrawals",
    "payments.deposit_reversed": "reversals", "payments.deposit_refunded": "reversals",
    "payments.deposit_reversed.reversal": "reversals", "payments.deposit_refunded.reversal": "reversals",
}  # fmt: skip
_PREFIXES = (
    ("trading.", "trading"), ("reconciliation.", "corrections"), ("wallets.adjustment", "corrections"),
    ("wallets.exchange", "fx"), ("fx.", "fx"), ("commissions.", "commissions"),
)  # fmt: skip

_BEFORE = """
    SELECT a.currency, sum(e.amount)::bigint FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
     WHERE a.owner LIKE %(clients)s AND e.created_at < %(start)s GROUP BY 1"""
_DURING = """
    SELECT a.currency, t.kind, sum(e.amount)::bigint FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
      JOIN ledger_transfer t ON t.id = e.transfer_id
     WHERE a.owner LIKE %(clients)s AND e.created_at >= %(start)s AND e.created_at < %(end)s GROUP BY 1, 2"""
_HOUSE = """
    SELECT a.currency, a.kind, t.kind, sum(e.amount)::bigint FROM ledger_entry e
      JOIN ledger_account a ON a.id = e.account_id JOIN ledger_transfer t ON t.id = e.transfer_id
     WHERE a.owner = %(house)s AND a.kind IN ('fees', 'provider_fees')
       AND e.created_at >= %(start)s AND e.created_at < %(end)s GROUP BY 1, 2, 3"""
_WHOLE = """
    SELECT a.currency, sum(e.amount)::bigint FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
     WHERE e.created_at < %(end)s GROUP BY 1"""
# Today's running balances less what was posted after the day: the closing as the balances know it.
_BALANCES = """
    SELECT currency, sum(minor)::bigint FROM (
        SELECT a.currency, a.balance AS minor FROM ledger_account a WHERE a.owner LIKE %(clients)s
        UNION ALL
        SELECT a.currency, -e.amount FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
         WHERE a.owner LIKE %(clients)s AND e.created_at >= %(end)s) told GROUP BY 1"""
# What was presumed before anybody said how much it was is compared as it was posted; it is set right by a posting of its own.
_DEPOSITS = """
    SELECT d.currency, sum(CASE WHEN t.data ? 'presumed' THEN (
               SELECT -sum(e.amount) FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
                WHERE e.transfer_id = t.id AND a.kind LIKE %(clearing)s) ELSE d.received_minor END)::bigint
      FROM payments_deposit d
      LEFT JOIN ledger_transfer t ON t.key = 'payments.deposit:' || d.id::text
     WHERE d.received_minor IS NOT NULL AND d.credited_at >= %(start)s - interval '1 day'
       AND d.credited_at < %(end)s + interval '1 day'
       AND coalesce(t.created_at, d.credited_at) >= %(start)s AND coalesce(t.created_at, d.credited_at) < %(end)s GROUP BY 1"""
_PARTS = """
    SELECT p.currency, sum(CASE WHEN t.kind = 'payments.withdrawal' THEN -p.amount_minor ELSE p.amount_minor END)::bigint
      FROM ledger_transfer t JOIN payments_withdrawal_part p ON p.id::text = split_part(t.key, ':', 2)
     WHERE t.kind = ANY(%(sent)s) AND t.created_at >= %(start)s AND t.created_at < %(end)s GROUP BY 1
    UNION ALL
    SELECT p.currency, -sum(p.amount_minor)::bigint FROM payments_withdrawal_part p
     WHERE p.state = 'paid' AND p.closed_at >= %(start)s AND p.closed_at < %(end)s
       AND NOT EXISTS (
           SELECT 1 FROM ledger_transfer t
            WHERE t.key IN ('payments.part:' || p.id::text || ':paid', 'payments.part:' || p.id::text || ':late'))
     GROUP BY 1"""
# What left by the providers and banks, whoever bore it: a wallet may not have had all of what was paid late.
_SENT = """
    SELECT a.currency, -sum(e.amount)::bigint FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
      JOIN ledger_transfer t ON t.id = e.transfer_id
     WHERE a.owner = %(house)s AND a.kind LIKE %(clearing)s AND t.kind = ANY(%(sent)s)
       AND e.created_at >= %(start)s AND e.created_at < %(end)s GROUP BY 1"""
_REQUIREMENT = requirement_of("""
    SELECT a.currency, a.owner, sum(e.amount) AS minor FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
     WHERE a.owner LIKE %(clients)s AND e.created_at < %(end)s GROUP BY 1, 2""")
_RESOURCES = """
    SELECT a.currency, a.kind = 'bank' OR EXISTS (
               SELECT 1 FROM payments_provider_account p
                WHERE p.kind = 'bank_wire' AND a.kind = 'clearing:' || p.id::text),
           -sum(e.amount)::bigint
      FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
     WHERE a.owner = %(house)s AND (a.kind LIKE %(clearing)s OR a.kind = 'bank') AND e.created_at < %(end)s GROUP BY 1, 2"""


def _day(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.min, UTC)
    return start, start + timedelta(days=1)


def figures_of(day: date) -> list[dict[str, Any]]:
    """A day's figures, one per currency that has any, in minor units. A fixed number of queries, however much happened."""
    start, end = _day(day)
    values: dict[str, Any] = {
        "start": start, "end": end, "house": HOUSE, "clients": "client:%", "clearing": "clearing:%",
        "sent": [kind for kind, movement in _KINDS.items() if movement == "withdrawals"],
    }  # fmt: skip
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    with connection.cursor() as cursor:

        def rows(query: str) -> list[tuple[Any, ...]]:
            cursor.execute(query, values)
            return list(cursor.fetchall())

        for currency, minor in rows(_BEFORE):
            sums[currency]["opening"] = int(minor)
        for currency, kind, minor in rows(_DURING):
            sums[currency][_movement(kind)] += int(minor)
            sums[currency]["posted_deposits"] += int(minor) if kind == DEPOSIT else 0
        for currency, account, kind, minor in rows(_HOUSE):
            _house(sums[currency], account, kind, int(minor))
        for name, query in (
            ("ledger", _WHOLE), ("balances", _BALANCES), ("told_deposits", _DEPOSITS), ("told_withdrawals", _PARTS), ("sent", _SENT),
            ("requirement", _REQUIREMENT),
        ):  # fmt: skip
            for currency, minor in rows(query):
                sums[currency][name] += int(minor)
        for currency, bank, minor in rows(_RESOURCES):
            sums[currency]["bank" if bank else "providers"] += int(minor)
    told = told_of(day)
    any_of = {currency for currency in sums if any(sums[currency].values())} | set(told)
    return [_figures(currency, sums[currency], told.get(currency, Told())) for currency in sorted(any_of)]


def _movement(kind: str) -> str:
    known = _KINDS.get(kind)
    return known or next((name for prefix, name in _PREFIXES if kind.startswith(prefix)), "other")


def _house(told: dict[str, int], account: str, kind: str, minor: int) -> None:
    """A fee is taken out of the deposit or the withdrawal: shown apart, so that these are what clients paid and were sent."""
    if account == "provider_fees":
        told["provider_fees"] += minor
    elif _KINDS.get(kind) in ("deposits", "withdrawals"):
        told[_KINDS[kind]] += minor
        told["fees"] -= minor
        told["posted_deposits"] += minor if kind == DEPOSIT else 0


def _figures(currency: str, told: Mapping[str, int], outside: Told) -> dict[str, Any]:
    plain = {
        name: int(told.get(name, 0)) for name in ("opening", *MOVEMENTS) if told.get(name) or name not in WHERE_ANY
    }
    closing = sum(plain.values())
    proofs = {
        "deposits": [int(told.get("told_deposits", 0)), int(told.get("posted_deposits", 0))],
        "withdrawals": [int(told.get("told_withdrawals", 0)), int(told.get("sent", 0))],
        "balances": [int(told.get("balances", 0)), closing],
        "ledger": [int(told.get("ledger", 0)), 0],
        **outside.proofs,
    }
    money = {name: int(told.get(name, 0)) for name in ("requirement", "providers", "bank", "provider_fees")}
    money |= {"gone": outside.gone} if outside.gone else {}  # days signed before keep their shape
    unproved = {"unproved": sorted(outside.unproved)} if outside.unproved else {}
    return {"currency": currency, **plain, "closing": closing, "proofs": proofs, **unproved, **money}


@dataclass(frozen=True, slots=True)
class Figures:
    """One currency of a close, for people."""

    currency: str
    values: dict[str, Money]
    proofs: list[tuple[str, Money, Money, Money]]  # name, as the other source tells it, as posted, difference
    unproved: frozenset[str] = frozenset()  # proofs whose source has not said it all, or whose parts differ

    @property
    def right(self) -> bool:
        return not self.unproved and all(not difference for *_, difference in self.proofs)

    @property
    def resources(self) -> Money:
        """What providers and banks hold, less what has left a bank and was not posted."""
        gone = self.values.get("gone", Money(0, self.currency))
        return self.values["providers"] + self.values["bank"] + gone

    @property
    def cover(self) -> Money:
        """What is there for clients' money beyond what is owed to them; negative is a shortfall."""
        return self.resources - self.values["requirement"]


def shown(figures: Any) -> list[Figures]:
    """Stored figures as money."""
    made = []
    for one in figures if isinstance(figures, list) else []:
        code = one["currency"]
        proofs = [
            (name, Money(told, code), Money(posted, code), Money(told - posted, code))
            for name, (told, posted) in sorted(one["proofs"].items(), key=lambda item: PROOFS.index(item[0]))
        ]
        values = {name: Money(value, code) for name, value in one.items() if isinstance(value, int)}
        made.append(Figures(code, values, proofs, frozenset(one.get("unproved", ()))))
    return made


def _over(day: date) -> None:
    if day >= clock.today():
        raise DayNotOver


def close_prepare(*, actor: Actor, day: date, note: str = "") -> PreparedClose:
    """First pair of eyes: keep the day's figures for somebody to sign. Raises DayNotOver, CaseClosed when it is signed."""
    actor.require(CLOSE)
    _over(day)
    with transaction.atomic():
        locks.hold("reconciliation:close")
        if DayClose.objects.filter(day=day).exists():
            raise CaseClosed
        given = {"figures": figures_of(day), "note": note.strip()[:500], "preparer_id": actor.id,
                 "preparer_label": actor.label[:160], "updated_at": clock.now()}  # fmt: skip
        row, _ = PreparedClose.objects.update_or_create(day=day, defaults=given)
        audit.record(actor=actor, action="reconciliation.close_prepared", obj=row, reason=note[:500])
        tell_those_who_may(
            SIGN, "close", day.isoformat(), None, link=f"/reconciliation/close/{day.isoformat()}/", besides=[actor.id]
        )
        live.publish(TOPIC, {"close": day.isoformat()})
    return row


def close_sign(*, actor: Actor, day: date, note: str = "") -> DayClose:
    """Second pair of eyes. Raises SamePerson, FiguresChanged, ReasonMissing where proofs differ and nobody says why."""
    actor.require(SIGN)
    _over(day)
    with transaction.atomic():
        locks.hold("reconciliation:close")
        prepared = PreparedClose.objects.select_for_update().filter(day=day).first()
        if prepared is None or DayClose.objects.filter(day=day).exists():
            raise CaseClosed
        second_required(actor, prepared.preparer_id)
        if figures_of(day) != prepared.figures:
            raise FiguresChanged
        words = "\n".join(filter(None, (prepared.note, note.strip())))[:500]
        if not words and not all(one.right and one.cover.minor >= 0 for one in shown(prepared.figures)):
            raise ReasonMissing(field="note")
        last = DayClose.objects.order_by("-signed_at", "-id").first()
        previous = last.sha256 if last else ""
        row = DayClose.objects.create(
            day=day, figures=prepared.figures, note=words, preparer_id=prepared.preparer_id,
            preparer_label=prepared.preparer_label, signer_id=actor.id, signer_label=actor.label[:160],
            signed_at=clock.now(), previous_sha256=previous, sha256=fingerprint(day, prepared.figures, previous),
        )  # fmt: skip
        audit.record(
            actor=actor, action="reconciliation.close_signed", obj=row, reason=words, after={"sha256": row.sha256}
        )
        live.publish(TOPIC, {"close": day.isoformat()})
    return row


def fingerprint(day: date, figures: Any, previous: str) -> str:
    told = json.dumps([day.isoformat(), figures, previous], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def chain_broken() -> list[date]:
    """Days whose row is not what was signed, or does not follow the one before."""
    broken, previous = [], ""
    for row in DayClose.objects.order_by("signed_at", "id"):
        if row.previous_sha256 != previous or row.sha256 != fingerprint(row.day, row.figures, previous):
            broken.append(row.day)
        previous = row.sha256
    return broken
