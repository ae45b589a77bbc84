"""What this app does when money reached a wallet elsewhere; and words of ours on other apps' pages: the client's timeline
and the wallet's history. Handlers write to the database only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import pgettext

from kernel.events import Envelope, handles
from kernel.money import Money
from kernel.ui.formatting import money_isolated
from tenant_apps.clients import entities, money_tags
from tenant_apps.clients.models import TimelineEntry
from tenant_apps.clients.timeline import register_kind
from tenant_apps.wallets.lines import name_parties, register_line
from tenant_apps.wallets.stops import register_asked, register_kept, register_stop
from tenant_apps.wallets.words import name_accounts

from . import change_kinds, selectors
from .models import Deposit, ProviderAccount
from .services.freezes import REVERSAL, freeze_more, frozen
from .services.funds import ask_kept, kept_back, left_its_wallet
from .services.turns import in_turn
from .tags import tags_of_rules
from .words import failure_words, method_name, reason_words, refusal_words

# Events by which money reaches a wallet without a deposit: whose it is then, and which field says how much.
ARRIVALS = (
    ("trading.balance_applied", "client_id", "amount"),
    ("trading.balance_refused", "client_id", "amount"),
    ("wallets.exchanged", "client_id", "get"),
    ("wallets.client_transfer_done", "recipient_id", "amount"),
    ("wallets.client_transfer_rejected", "sender_id", "amount"),
    ("wallets.adjusted", "client_id", "amount"),
)


def _arrival(whose: str, amount: str) -> Callable[[Envelope], None]:
    def on_arrival(event: Envelope) -> None:
        """A loss that the wallet could not bear is set aside of whatever comes, by whichever way."""
        freeze_more(event.uuid(whose), event.money(amount).currency)

    return on_arrival


for _event, _whose, _how_much in ARRIVALS:
    handles(_event, name=f"payments.freeze:{_event}")(_arrival(_whose, _how_much))


def _amount(entry: TimelineEntry) -> str:
    return money_isolated(Money.from_json(entry.data["amount"]))


def _credited(entry: TimelineEntry) -> str:
    values = {"amount": _amount(entry), "method": method_name(entry.data.get("method", ""))}
    if entry.data.get("first"):
        return pgettext("timeline", "First deposit of %(amount)s by %(method)s credited.") % values
    return pgettext("timeline", "Deposit of %(amount)s by %(method)s credited.") % values


def _failed(entry: TimelineEntry) -> str:
    values = {"amount": _amount(entry), "reason": failure_words(entry.data.get("reason", ""))}
    return pgettext("timeline", "Deposit of %(amount)s did not go through: %(reason)s") % values


def _reversed(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Deposit of %(amount)s was taken back by the payer's bank.") % {
        "amount": _amount(entry)
    }


def _refunded(entry: TimelineEntry) -> str:
    return pgettext("timeline", "%(amount)s of a deposit went back to where they came from.") % {
        "amount": _amount(entry)
    }


def _reinstated(entry: TimelineEntry) -> str:
    return pgettext("timeline", "%(amount)s that had been taken back came back after all.") % {"amount": _amount(entry)}


def _kept_from(entry: TimelineEntry) -> str:
    return pgettext("timeline", "A deposit of %(amount)s was not started: %(reason)s") % {
        "amount": _amount(entry), "reason": refusal_words(entry.data.get("reason", "")),
    }  # fmt: skip


def _funds_asked(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Asked where the money comes from, after deposits of %(amount)s.") % {
        "amount": _amount(entry)
    }


def _funds_given(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Told where the money comes from.")


def _funds_accepted(entry: TimelineEntry) -> str:
    return pgettext("timeline", "The source of funds was accepted.")


def _funds_refused(entry: TimelineEntry) -> str:
    return pgettext("timeline", "More is needed about the source of funds.")


def _suspended(entry: TimelineEntry) -> str:
    return pgettext("timeline", "%(amount)s came in another currency than asked for.") % {"amount": _amount(entry)}


def _suspense_credited(entry: TimelineEntry) -> str:
    return pgettext("timeline", "%(amount)s, come in another currency, credited as they are.") % {
        "amount": _amount(entry)
    }


def _suspense_out(entry: TimelineEntry) -> str:
    return pgettext("timeline", "%(amount)s, come in another currency, went back.") % {"amount": _amount(entry)}


def _held(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s stopped after a chargeback.") % {"amount": _amount(entry)}


def _let_go(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s goes on.") % {"amount": _amount(entry)}


def _requested(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s requested.") % {"amount": _amount(entry)}


def _checked(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s checked and proposed.") % {"amount": _amount(entry)}


def _approved(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s approved.") % {"amount": _amount(entry)}


def _rejected(entry: TimelineEntry) -> str:
    values = {"amount": _amount(entry), "reason": reason_words(entry.data.get("why", ""))}
    return pgettext("timeline", "Withdrawal of %(amount)s rejected: %(reason)s.") % values


def _cancelled(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s cancelled by the client.") % {"amount": _amount(entry)}


def _paid(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s paid.") % {"amount": _amount(entry)}


def _withdrawal_failed(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s could not be paid; the money is back in the wallet.") % {
        "amount": _amount(entry)
    }


def _agreed(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Withdrawal of %(amount)s agreed to; the next approval follows.") % {
        "amount": _amount(entry)
    }


def _account(entry: TimelineEntry) -> str:
    return f"\u2066{entry.data.get('label', '')}\u2069"


def _destination_added(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Payout account %(account)s added.") % {"account": _account(entry)}


def _destination_verified(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Payout account %(account)s verified.") % {"account": _account(entry)}


def _destination_refused(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Payout account %(account)s refused.") % {"account": _account(entry)}


def _destination_removed(entry: TimelineEntry) -> str:
    return pgettext("timeline", "Payout account %(account)s removed.") % {"account": _account(entry)}


for _name, _icon, _tone, _words, _for_client in (
    ("payments.withdrawal_agreed", "clipboard-check", "info", _agreed, False),
    ("payments.destination_added", "contact", "neutral", _destination_added, True),
    ("payments.destination_verified", "shield-check", "success", _destination_verified, True),
    ("payments.destination_refused", "circle-x", "danger", _destination_refused, True),
    ("payments.destination_removed", "trash-2", "neutral", _destination_removed, True),
    ("payments.deposit_credited", "arrow-down-left", "success", _credited, True),
    ("payments.deposit_failed", "circle-x", "warning", _failed, True),
    ("payments.deposit_reversed", "rotate-ccw", "danger", _reversed, True),
    ("payments.deposit_refunded", "rotate-ccw", "warning", _refunded, True),
    ("payments.deposit_reinstated", "undo-2", "success", _reinstated, True),
    ("payments.deposit_kept_from", "hand", "warning", _kept_from, False),
    ("payments.funds_asked", "hand-coins", "warning", _funds_asked, True),
    ("payments.funds_given", "hand-coins", "info", _funds_given, True),
    ("payments.funds_accepted", "hand-coins", "success", _funds_accepted, True),
    ("payments.funds_refused", "hand-coins", "warning", _funds_refused, True),
    ("payments.suspense_booked", "banknote", "warning", _suspended, True),
    ("payments.suspense_credited", "arrow-down-left", "success", _suspense_credited, True),
    ("payments.suspense_refunded", "undo-2", "info", _suspense_out, True),
    ("payments.suspense_taken_back", "rotate-ccw", "warning", _suspense_out, True),
    ("payments.withdrawal_held", "hand", "warning", _held, False),
    ("payments.withdrawal_let_go", "play", "info", _let_go, False),
    ("payments.withdrawal_requested", "arrow-up-right", "info", _requested, True),
    ("payments.withdrawal_checked", "clipboard-check", "info", _checked, False),
    ("payments.withdrawal_approved", "shield-check", "info", _approved, True),
    ("payments.withdrawal_rejected", "circle-x", "danger", _rejected, True),
    ("payments.withdrawal_cancelled", "undo-2", "neutral", _cancelled, True),
    ("payments.withdrawal_paid", "circle-check", "success", _paid, True),
    ("payments.withdrawal_failed", "triangle-alert", "danger", _withdrawal_failed, True),
):
    register_kind(_name, icon=_icon, tone=_tone, words=_words, for_client=_for_client)


def _deposit_line(data: Any) -> str:
    return pgettext("wallet line", "Deposit by %(method)s") % {"method": method_name(str(data.get("method", "")))}


def _provider_names() -> dict[str, str]:
    return {str(pk): name for pk, name in ProviderAccount.objects.values_list("pk", "name")}


name_accounts("clearing", _provider_names)
name_parties("deposit_id", selectors.deposit_sources)
name_parties("withdrawal_id", selectors.withdrawal_targets)
register_line("payments.deposit", icon="arrow-down-left", words=_deposit_line)
register_line(
    "payments.deposit_reversed", icon="rotate-ccw", words=lambda data: pgettext("wallet line", "Deposit reversed")
)
register_line(
    "payments.deposit_refunded", icon="rotate-ccw", words=lambda data: pgettext("wallet line", "Deposit given back")
)
register_line(
    "payments.deposit_told", icon="rotate-ccw", words=lambda data: pgettext("wallet line", "Deposit corrected")
)
register_line(
    "payments.frozen", icon="rotate-ccw", words=lambda data: pgettext("wallet line", "Covers a deposit taken back")
)
for _kind in ("payments.frozen.reversal", "payments.deposit_reversed.reversal", "payments.deposit_refunded.reversal"):
    register_line(_kind, icon="undo-2", words=lambda data: pgettext("wallet line", "Deposit restored"))


def _withdrawal_line(data: Any) -> str:
    if "fee" not in data:
        return pgettext("wallet line", "Withdrawal")
    return pgettext("wallet line", "Withdrawal, fee of %(fee)s included") % {
        "fee": money_isolated(Money.from_json(data["fee"]))
    }


# What the wallet gave includes the fee; what went out at the provider, and what our fees got, does not.
register_line(
    "payments.withdrawal", icon="arrow-up-right", words=_withdrawal_line,
    house=lambda data: pgettext("wallet line", "Withdrawal"),
)  # fmt: skip
register_line(
    "payments.withdrawal.reversal", icon="undo-2", words=lambda data: pgettext("wallet line", "Withdrawal returned")
)
register_line(
    "payments.provider_fee", icon="percent", words=lambda data: pgettext("wallet line", "Fee of the provider")
)
register_line(
    "payments.suspense", icon="circle-alert",
    words=lambda data: pgettext("wallet line", "Payment in another currency, kept until it is decided"),
)  # fmt: skip
register_line(
    "payments.suspense_out",
    icon="undo-2",
    words=lambda data: pgettext("wallet line", "Payment in another currency sent back"),
)
register_line(
    "payments.withdrawal_returned",
    icon="undo-2",
    words=lambda data: pgettext("wallet line", "Withdrawal returned"),
)

register_stop(REVERSAL, in_turn(frozen))
register_stop("funds_source", in_turn(left_its_wallet))
register_kept(in_turn(kept_back))
register_asked(ask_kept)
change_kinds.register()
money_tags.register("payments", tags_of_rules)
entities.register("payments", lambda client: Deposit.objects.filter(client=client).exists())
