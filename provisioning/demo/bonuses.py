"""A deposit bonus at one brokerage: rules and terms that two people agreed to, and a client in each place of its way.

The running one is asked for like any other: the worker puts its credit on the trading server once the demo runs, and the
robots' trades move it on. The offer waits to be read and accepted. The one paid out is of the past, as it would stand.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from kernel import clock
from kernel.ids import short_id
from kernel.money import Money

from .book import Book
from .brokers import ALNOOR
from .plan import Life

NAMES = {"ar": "مكافأة الإيداع", "en": "Deposit bonus"}
TERMS = {
    "ar": "المكافأة رصيد ائتماني للتداول ولا تُسحب. تُحتسب اللوتات من الصفقات المغلقة فقط، ولا تُحتسب الصفقات المغلقة بعضها ببعض.",
    "en": "The bonus is credit to trade with and cannot be withdrawn. Lots count when positions are closed; positions closed "
    "against each other do not count.",
}  # fmt: skip
# Minor units; KWD has three decimals.
CURRENCIES: dict[str, dict[str, Any]] = {
    "USD": {"minimum": 10_000, "cap": 100_000, "client_cap": 300_000, "lots": "0.002"},
    "AED": {"minimum": 40_000, "cap": 400_000, "client_cap": 1_200_000, "lots": "0.0005"},
    "KWD": {"minimum": 30_000, "cap": 300_000, "client_cap": 900_000, "lots": "0.006"},
}


def write(book: Book) -> None:
    from tenant_apps.bonuses.models import Grant

    if book.broker is not ALNOOR or Grant.objects.exists():
        return
    version = _agreed(book)
    running, *others = _deposits(book)
    others.sort(key=lambda one: not _stands(book, *one))  # an offer is accepted only while its deposit is still there
    for begin, (life, number) in zip((_running, _offered, _released), (running, *others), strict=False):
        begin(book, _grant(book, version, life, number))
    book.trail.write()


def _agreed(book: Book) -> Any:
    from tenant_apps.bonuses.services.packs import choice_approve, choice_propose
    from tenant_apps.bonuses.services.schemes import Terms, scheme_approve, scheme_propose

    one, other = (book.actor(book.staff("compliance", number)) for number in (0, 1))
    choice = choice_propose(actor=one, default="offshore", countries={}, reason="Licence of the brokerage")
    choice_approve(actor=other, choice_id=choice.pk)
    terms = Terms(
        names=NAMES, terms=TERMS, percent=Decimal(20), currencies=CURRENCIES, starts_at=book.until - timedelta(days=200),
        opt_in=True, offer_days=14, days=90,
    )  # fmt: skip
    version = scheme_propose(actor=one, code="deposit bonus", terms=terms)
    return scheme_approve(actor=other, version_id=version.pk)


def _deposits(book: Book) -> list[tuple[Life, int]]:
    """Deposits on accounts of clients whom the rules allow a bonus, the documented client's first."""
    from tenant_apps.bonuses.services.offers import bonus_of
    from tenant_apps.bonuses.services.packs import pack_of
    from tenant_apps.bonuses.services.schemes import versions_in_force

    version = versions_in_force()[0]
    found = []
    for life in sorted(book.lives, key=lambda one: (not one.known, one.index)):
        pack = pack_of(book.clients[life.index])
        if pack is None or not pack.allows_bonuses:
            continue
        for number, paid in enumerate(life.deposits):
            if paid.to_account and bonus_of(version, Money(paid.to_account, paid.currency)) is not None:
                found.append((life, number))
    return found


def _stands(book: Book, life: Life, number: int) -> bool:
    """Whether as much as the deposit brought stands on the account, and nobody trades it away while the demo runs."""
    from tenant_apps.trading.models import TradingAccount

    account = TradingAccount.objects.get(client=book.clients[life.index], live=True)
    return not life.robot and account.balance_minor >= life.deposits[number].to_account


def _grant(book: Book, version: Any, life: Life, number: int) -> Any:
    """The bonus of a deposit, offered; the transfer gets the key by which a deposit's money is known on the account."""
    from tenant_apps.bonuses.models import Grant
    from tenant_apps.bonuses.services.offers import bonus_of
    from tenant_apps.payments.models import Deposit
    from tenant_apps.trading.models import Transfer
    from tenant_apps.trading.services.transfers import deposit_key

    paid = life.deposits[number]
    deposit = Deposit.objects.get(provider_reference=f"demo-{life.index}-{number}")
    transfer = Transfer.objects.select_related("account").get(key=f"demo:{life.index}:{number}")
    Transfer.objects.filter(pk=transfer.pk).update(key=deposit_key(deposit.pk))
    amount = bonus_of(version, Money(paid.to_account, paid.currency))
    assert amount is not None
    return Grant.objects.create(
        client=book.clients[life.index], version=version, account=transfer.account, deposit=deposit,
        reference=f"B{short_id(8).upper()}", amount_minor=amount.minor, currency=amount.currency,
        lots_per_unit=version.lots_per_unit(amount.currency), pack="offshore 1",
    )  # fmt: skip


def _running(book: Book, grant: Any) -> None:
    from tenant_apps.bonuses.models import GrantState, MovePurpose
    from tenant_apps.bonuses.services.grants import BONUSES
    from tenant_apps.bonuses.services.moves import move_issue, save

    grant.state = GrantState.GRANTING
    move_issue(grant, MovePurpose.GRANT, grant.amount_minor, actor=BONUSES)
    save(grant)


def _offered(book: Book, grant: Any) -> None:
    from tenant_apps.bonuses.services.grants import BONUSES, offer

    offer(grant, BONUSES)


def _released(book: Book, grant: Any) -> None:
    """Given a while after the deposit, traded for, and paid out a moment ago into the wallet."""
    from tenant_apps.bonuses.models import CreditMove, Ending, GrantState, MovePurpose, MoveState
    from tenant_apps.bonuses.services.grants import BONUSES
    from tenant_apps.bonuses.services.moves import line, save
    from tenant_apps.bonuses.services.release import RELEASE, bonus_account
    from tenant_apps.ledger.services import Leg, post
    from tenant_apps.trading import ledgers

    given, paid = grant.deposit.credited_at + timedelta(minutes=5), clock.now()
    for purpose, sign, at in ((MovePurpose.GRANT, 1, given), (MovePurpose.RELEASE, -1, paid)):
        CreditMove.objects.create(
            grant=grant, account=grant.account, purpose=purpose, amount_minor=sign * grant.amount_minor,
            currency=grant.currency, state=MoveState.DONE, finished_at=at, created_at=at,
        )  # fmt: skip
    grant.active_at, grant.ended_at, grant.expires_at = given, paid, given + timedelta(days=grant.version.days)
    grant.lots_used, grant.paid_minor = grant.lots_needed, grant.amount_minor
    grant.state, grant.ending = GrantState.RELEASED, Ending.TRADED
    post(
        kind=RELEASE,
        legs=[Leg(bonus_account(grant.currency), -grant.amount), Leg(ledgers.wallet(grant.account), grant.amount)],
        key=f"bonuses.grant:{grant.pk}:released", actor=BONUSES,
        data={"reference": grant.reference, "grant_id": str(grant.pk)},
    )  # fmt: skip
    save(grant)
    book.trail.line(
        grant.client_id, "bonuses.granted", given, BONUSES, amount=grant.amount, reference=grant.reference,
        login=str(grant.account.login or ""),
    )  # fmt: skip
    line(grant, RELEASE, BONUSES, amount=grant.amount)
