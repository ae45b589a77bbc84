"""What finance has set up: exchange rates that no source publishes, and who decides large withdrawals."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings

from kernel.money import Money

from .book import Book

RULE_NAMES = {
    "de": "Große Auszahlungen",
    "ar": "السحوبات الكبيرة",
    "ru": "Крупные выводы",
    "es": "Retiros grandes",
}


def write(book: Book) -> None:
    """Each rate proposed by one of finance and approved by the other; a rule of approval per currency."""
    _rates(book)
    _chain(book)


def _rates(book: Book) -> None:
    from tenant_apps.wallets.services.rates import manual_rate_approve, manual_rate_propose, rates_refresh

    if settings.SANDBOX.get("ecb_url"):
        rates_refresh(
            "ecb"
        )  # else the first quarter of an hour has no rate for the least amount of an exchange, in euro
    proposer, approver = (book.actor(book.staff("finance", number)) for number in (0, 1))
    for one in book.broker.manual_rates:
        proposed = manual_rate_propose(
            actor=proposer, base=one.base, quote=one.quote, mid=Decimal(one.mid), reason=one.source, pegged=one.pegged
        )
        manual_rate_approve(actor=approver, rate_id=proposed.pk)


def _chain(book: Book) -> None:
    """Above an amount, after the check: who is responsible for the client, then finance. In place of the preset's rules."""
    from tenant_apps.payments.defaults import APPROVAL_LAST
    from tenant_apps.payments.models import ApprovalRule
    from tenant_apps.payments.services.chain import ANYBODY, MANAGER, ROLE
    from tenant_apps.payments.services.rules import approval_rule_save

    broker = book.broker
    defaults = ApprovalRule.objects.filter(position__gte=APPROVAL_LAST, steps=[MANAGER, ANYBODY])
    if ApprovalRule.objects.exclude(pk__in=defaults.values("pk")).exists():
        return
    defaults.delete()
    for position, (currency, rate) in enumerate(broker.rates.items(), start=1):
        rule = ApprovalRule(
            name=f"{RULE_NAMES[broker.languages[0]]}, {currency}",
            position=10 * position,
            currency=currency,
            minimum_minor=Money.of(Decimal(broker.chain_above * rate), currency).minor,
            steps=[MANAGER, f"{ROLE}finance"],
        )
        approval_rule_save(actor=book.actor(broker.owner), rule=rule)
