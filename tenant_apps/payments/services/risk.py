"""How much speaks against letting a withdrawal through at once: a score of 0 to 100 and the signs behind it.

It refuses nothing by itself: approval rules read it, and people see the signs. A sign that cannot be worked out counts, so
that an outage elsewhere makes withdrawals slower, never easier (money.md, 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q

from kernel import clock
from kernel.logs import log
from kernel.money import Money
from tenant_apps.clients.models import Client
from tenant_apps.wallets import risk_signs

from ..models import Deposit, DepositState, Destination, DestinationState, Withdrawal, WithdrawalState
from .sources import exchanged_since

YOUNG = timedelta(days=7)
FRESH = timedelta(days=3)
HOURS_24 = timedelta(hours=24)
POINTS = {
    "shared_destination": 50,
    "exchanged_since": 60,
    "reversed_deposit": 40,
    "fresh_deposit": 20,
    "new_destination": 15,
    "other_country": 15,
    "often_today": 15,
    "young_account": 10,
    "first_withdrawal": 5,
}
BY_PEOPLE = frozenset({"exchanged_since"})  # with any of these no rule lets a withdrawal out, whatever its score


@dataclass(frozen=True, slots=True)
class Risk:
    score: int
    signs: tuple[str, ...]


def risk_of(client: Client, amount: Money, destination: Destination | None) -> Risk:
    """The signs of a withdrawal that is about to be asked for, ours and those other apps registered."""
    points = {code: POINTS[code] for code in _own_signs(client, amount, destination)}
    for sign in risk_signs.registered():
        try:
            present = sign.found(client.pk, amount)
        except Exception:  # noqa: BLE001 - another app's defect must not hide a sign
            log.exception("risk_sign_failed", sign=sign.code)
            present = True
        if present:
            points[sign.code] = sign.points
    signs = sorted(points, key=lambda code: (-points[code], code))
    return Risk(min(100, sum(points.values())), tuple(signs))


def _own_signs(client: Client, amount: Money, destination: Destination | None) -> list[str]:
    now = clock.now()
    deposits = Deposit.objects.filter(client=client)
    asked = Withdrawal.objects.filter(client=client).exclude(
        state__in=[WithdrawalState.REJECTED, WithdrawalState.CANCELLED, WithdrawalState.FAILED]
    )
    signs = {
        "reversed_deposit": deposits.filter(Q(state=DepositState.REVERSED) | Q(reversed_minor__gt=0)).exists(),
        "fresh_deposit": deposits.filter(state=DepositState.CREDITED, credited_at__gt=now - FRESH).exists(),
        "often_today": asked.filter(created_at__gt=now - HOURS_24).count() >= 3,
        "young_account": now - client.created_at < YOUNG,
        "first_withdrawal": not asked.filter(state=WithdrawalState.PAID).exists(),
    }
    if destination is not None:
        others = Destination.objects.filter(fingerprint=destination.fingerprint).exclude(client=client)
        signs |= {
            "shared_destination": others.exclude(state=DestinationState.REFUSED).exists(),
            "new_destination": now - destination.created_at < YOUNG,
            "exchanged_since": exchanged_since(client.pk, amount.currency),
            "other_country": bool(destination.country and client.country and destination.country != client.country),
        }
    return [code for code, there in signs.items() if there]
