"""What is looked at before a withdrawal is let through. Each check says good or not, in words for people."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any

from django.db.models import Q, Sum

from kernel import clock
from kernel.letters import LATIN
from kernel.money import Money
from tenant_apps.clients import identity_change
from tenant_apps.clients.address_change import payout_held
from tenant_apps.clients.models import Client, KycState
from tenant_apps.wallets.selectors import wallet_of

from ..models import Deposit, DepositState, Freeze, Withdrawal, WithdrawalPolicy, WithdrawalState
from . import funds
from .routing import level_of

COUNTED = (
    WithdrawalState.REQUESTED,
    WithdrawalState.CHECKED,
    WithdrawalState.SENDING,
    WithdrawalState.PAID,
)
ADVICE = frozenset({"no_reversal", "two_people"})  # shown to who decides, but no reason to refuse
DAY, WEEK, MONTH = timedelta(days=1), timedelta(days=7), timedelta(days=30)

# One spelling for sounds that people and passports write in several ways, and for German umlauts written out.
_SPELLINGS = (
    ("shch", "sch"), ("kh", "h"), ("gh", "g"), ("q", "k"), ("x", "ks"), ("j", "i"), ("y", "i"), ("ii", "i"), ("iu", "u"),
    ("ia", "a"), ("ie", "e"), ("io", "e"), ("ae", "a"), ("oe", "o"), ("ue", "u"),
)  # fmt: skip


def folded(name: str) -> frozenset[str]:
    """A name's words without accents, case, order, alphabet or punctuation.

    José Núñez and NUNEZ, JOSE are the same person's, and so are Юлия Жукова and YULIYA ZHUKOVA. Arabic is left as it is:
    it cannot be spelled in Latin letters by rule.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(char for char in plain if not unicodedata.combining(char)).translate(LATIN)
    words = re.sub(r"[^\w\s]|_", " ", re.sub(r"['’ʼ`]", "", letters)).split()
    return frozenset(word for word in map(_spelled, words) if word)


def _spelled(word: str) -> str:
    for written, said in _SPELLINGS:
        word = word.replace(written, said)
    return re.sub(r"(.)\1+", r"\1", word)


def same_name(one: str, other: str) -> bool:
    first, second = folded(one), folded(other)
    return bool(first and second) and (first <= second or second <= first)


def own_name(name: str, client: Client) -> bool:
    """Whether a name is the client's, as they write it or as their passport spells it in Latin letters."""
    return any(same_name(name, own) for own in client.names)


def iban_good(iban: str) -> bool:
    """ISO 13616: length and modulo-97 check digits."""
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum() and iban[:2].isalpha() and iban[2:4].isdigit()):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def policy_for(client: Client, currency: str) -> WithdrawalPolicy | None:
    """The limits of a currency at the client's KYC level: the row of the highest level reached; None where there is none."""
    rows = WithdrawalPolicy.objects.filter(currency=currency, kyc_level__lte=level_of(client))
    return rows.order_by("-kyc_level").first()


def within_limits(client: Client, amount: Money, *, besides: Withdrawal | None = None) -> bool:
    """At least the minimum, and with all of the last 24 hours, 7 and 30 days no more than the limits. Two queries."""
    policy = policy_for(client, amount.currency)
    if policy is None:
        return True
    if amount.minor < policy.minimum_minor:
        return False
    caps = {DAY: policy.daily_minor, WEEK: policy.weekly_minor, MONTH: policy.monthly_minor}
    spans = {span: cap for span, cap in caps.items() if cap is not None}
    if not spans:
        return True
    now = clock.now()
    counted = Withdrawal.objects.filter(client=client, currency=amount.currency, state__in=COUNTED)
    if besides is not None:
        counted = counted.exclude(pk=besides.pk)
    sums = counted.filter(created_at__gt=now - max(spans)).aggregate(
        **{f"d{span.days}": Sum("amount_minor", filter=Q(created_at__gt=now - span)) for span in spans}
    )
    return all((sums[f"d{span.days}"] or 0) + amount.minor <= cap for span, cap in spans.items())


def withdrawal_checks(withdrawal: Withdrawal) -> list[dict[str, Any]]:
    """[{code, good}] for the person who decides; codes are worded in the templates."""
    from .destinations import usable

    client = withdrawal.client
    wallet = wallet_of(client.pk, withdrawal.currency)
    parts = list(withdrawal.parts.all())
    held = sum(part.gross.minor for part in parts)
    paid_out = any(part.deposit_id is None for part in parts)
    reversed_ = Deposit.objects.filter(client=client, state=DepositState.REVERSED).exists()
    results = [
        ("funds", wallet is not None and wallet.held.minor >= held == withdrawal.amount_minor),
        ("kyc", client.kyc_state == KycState.APPROVED),
        ("limits", within_limits(client, withdrawal.amount, besides=withdrawal)),
        ("no_reversal", not reversed_),
        ("address", not payout_held(client)),
        ("identity", not identity_change.held(client)),
        ("held", not withdrawal.hold_reason and not Freeze.objects.filter(client=client, active=True).exists()),
        ("funds_source", not funds.left_its_wallet(client.pk)),
    ]
    if paid_out:
        results.append(("destination", withdrawal.destination is not None and not usable(withdrawal.destination)))
    if paid_out and withdrawal.holder:
        results.append(("name", own_name(withdrawal.holder, client)))
    if paid_out and withdrawal.iban:
        results.append(("iban", iban_good(withdrawal.iban)))
    return [{"code": code, "good": bool(good)} for code, good in results]
