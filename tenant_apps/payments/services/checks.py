"""What is looked at before a withdrawal is let through. Each check says good or not, in words for people."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any

from django.db.models import Sum

from kernel import clock
from kernel.money import Money
from tenant_apps.clients.address_change import payout_held
from tenant_apps.clients.models import Client, KycState
from tenant_apps.wallets.selectors import wallet_of

from ..models import Deposit, DepositState, Withdrawal, WithdrawalPolicy, WithdrawalState
from . import funds

COUNTED = (
    WithdrawalState.REQUESTED,
    WithdrawalState.CHECKED,
    WithdrawalState.APPROVED,
    WithdrawalState.SENDING,
    WithdrawalState.PAID,
)
ADVICE = frozenset({"no_reversal", "two_people"})  # shown to who decides, but no reason to refuse
DAY = timedelta(hours=24)


# Banks write Latin letters: Cyrillic as passports do (ICAO 9303, with Kazakh and Ukrainian letters), and letters that
# Unicode does not take apart.
_PAIRS = zip("абвгдезиіклмнопрстуфыэәғқңөұүһґ", "abvgdeziiklmnoprstufyeagqnouuhg", strict=True)
_SEVERAL = "ж-zh х-kh ц-ts ч-ch ш-sh щ-shch ъ-ie ь- ю-iu я-ia є-ie ł-l ø-o đ-d ı-i æ-ae œ-oe þ-th ð-d"
_LATIN = str.maketrans(dict(_PAIRS) | dict(pair.split("-") for pair in _SEVERAL.split()))
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
    letters = "".join(char for char in plain if not unicodedata.combining(char)).translate(_LATIN)
    words = re.sub(r"[^\w\s]|_", " ", re.sub(r"['’ʼ`]", "", letters)).split()
    return frozenset(word for word in map(_spelled, words) if word)


def _spelled(word: str) -> str:
    for written, said in _SPELLINGS:
        word = word.replace(written, said)
    return re.sub(r"(.)\1+", r"\1", word)


def same_name(one: str, other: str) -> bool:
    first, second = folded(one), folded(other)
    return bool(first and second) and (first <= second or second <= first)


def iban_good(iban: str) -> bool:
    """ISO 13616: length and modulo-97 check digits."""
    if not (15 <= len(iban) <= 34 and iban.isascii() and iban.isalnum() and iban[:2].isalpha() and iban[2:4].isdigit()):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def within_limits(client: Client, amount: Money, *, besides: Withdrawal | None = None) -> bool:
    """At least the minimum, and with all of the last 24 hours no more than the daily limit of the currency."""
    policy = WithdrawalPolicy.objects.filter(currency=amount.currency).first()
    if policy is None:
        return True
    if amount.minor < policy.minimum_minor:
        return False
    if policy.daily_minor is None:
        return True
    recent = Withdrawal.objects.filter(
        client=client, currency=amount.currency, state__in=COUNTED, created_at__gt=clock.now() - DAY
    )
    if besides is not None:
        recent = recent.exclude(pk=besides.pk)
    total = recent.aggregate(total=Sum("amount_minor"))["total"] or 0
    return total + amount.minor <= policy.daily_minor


def withdrawal_checks(withdrawal: Withdrawal) -> list[dict[str, Any]]:
    """[{code, good}] for the person who decides; codes are worded in the templates."""
    client = withdrawal.client
    wallet = wallet_of(client.pk, withdrawal.currency)
    held = sum(part.amount_minor for part in withdrawal.parts.all())
    parts = list(withdrawal.parts.all())
    wire = any(part.deposit_id is None for part in parts)
    reversed_ = Deposit.objects.filter(client=client, state=DepositState.REVERSED).exists()
    results = [
        ("funds", wallet is not None and wallet.held.minor >= held == withdrawal.amount_minor),
        ("kyc", client.kyc_state == KycState.APPROVED),
        ("limits", within_limits(client, withdrawal.amount, besides=withdrawal)),
        ("no_reversal", not reversed_),
        ("address", not payout_held(client)),
        ("held", not withdrawal.hold_reason),
        ("funds_source", wallet is None or wallet.available >= funds.kept_back(client.pk, withdrawal.currency)),
    ]
    if wire:
        results.append(("name", same_name(withdrawal.holder, client.name)))
        results.append(("iban", iban_good(withdrawal.iban)))
    return [{"code": code, "good": bool(good)} for code, good in results]
