"""What this app does when something happened elsewhere, and its words on other apps' pages. Database only."""

from __future__ import annotations

from django.utils.translation import pgettext

from kernel.events import Envelope, handles
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients import money_tags
from tenant_apps.clients.models import TimelineEntry
from tenant_apps.clients.timeline import register_kind
from tenant_apps.trading import leaving
from tenant_apps.trading.models import Direction, Transfer
from tenant_apps.trading.services.transfers import deposit_of
from tenant_apps.wallets.lines import register_line

from .models import Ending, Grant
from .services import burning, grants, release, restoring
from .services.schemes import versions_in_force
from .words import ending_words

money_tags.register("bonuses", lambda: {tag for version in versions_in_force() for tag in version.tags})
leaving.register("bonuses", before=burning.before_leaving, consequences=burning.consequences)


@handles("trading.balance_applied", name="bonuses.grant_for_deposit")
def on_balance_applied(event: Envelope) -> None:
    """A deposit's money stands on the account: its bonus, if it brings one."""
    if event["direction"] != Direction.TO_ACCOUNT:
        return
    transfer = Transfer.objects.get(pk=event.uuid("transfer_id"))
    deposit_id = deposit_of(transfer)
    if deposit_id is not None:
        grants.grant_make(transfer=transfer, deposit_id=deposit_id)


@handles("trading.balance_refused", name="bonuses.give_back")
def on_balance_refused(event: Envelope) -> None:
    if event["direction"] == Direction.TO_WALLET:
        restoring.transfer_refused(transfer_id=event.uuid("transfer_id"), actor=grants.BONUSES)


@handles("payments.deposit_reversed", name="bonuses.burn_for_reversal")
def on_deposit_reversed(event: Envelope) -> None:
    """Also of a part: a bonus for money that went back in part is a bonus for money that was not there."""
    for grant_id in Grant.objects.filter(deposit_id=event.uuid("deposit_id")).values_list("pk", flat=True):
        burning.grant_end(grant_id=grant_id, ending=Ending.REVERSAL, actor=grants.BONUSES)


@handles("payments.deposit_reinstated", name="bonuses.offer_again")
def on_deposit_reinstated(event: Envelope) -> None:
    restoring.deposit_reinstated(deposit_id=event.uuid("deposit_id"))


@handles("bonuses.ended_by_reversal", name="bonuses.offer_again_after_all")
def on_ended_by_reversal(event: Envelope) -> None:
    """The deposit that came back while its bonus was still being taken had found nothing to offer again."""
    restoring.deposit_reinstated(deposit_id=event.uuid("deposit_id"))


@handles("trading.deal_closed", name="bonuses.release_by_trading")
def on_deal_closed(event: Envelope) -> None:
    release.release_due(account_ids=[event.uuid("account_id")])


def _values(entry: TimelineEntry) -> dict[str, str]:
    return {
        "amount": money_isolated(Money.from_json(entry.data["amount"])),
        "login": f"\u2066{entry.data.get('login', '')}\u2069",
        "reason": ending_words(str(entry.data.get("reason", ""))),
    }


def _offered(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Bonus of %(amount)s offered for account %(login)s.") % _values(entry)


def _granted(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Bonus of %(amount)s given on account %(login)s.") % _values(entry)


def _released(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Bonus of %(amount)s on account %(login)s paid out.") % _values(entry)


def _burnt(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Bonus of %(amount)s on account %(login)s taken back: %(reason)s.") % _values(entry)


def _ended(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Bonus of %(amount)s for account %(login)s ended: %(reason)s.") % _values(entry)


for _name, _icon, _tone, _words in (
    ("bonuses.offered", "gift", "info", _offered),
    ("bonuses.granted", "gift", "success", _granted),
    ("bonuses.released", "circle-check", "success", _released),
    ("bonuses.burnt", "flame", "warning", _burnt),
    ("bonuses.ended", "circle-x", "neutral", _ended),
):
    register_kind(_name, icon=_icon, tone=_tone, words=_words, for_client=True)
register_line("bonuses.released", icon="gift", words=lambda data: pgettext("wallet line", "Bonus"))
