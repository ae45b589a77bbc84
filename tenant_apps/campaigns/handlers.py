"""What happens elsewhere and means a mail, a look at the segments, a stop of a series or a day of activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils.timezone import localtime
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import named, system
from kernel.events import EVERY, Envelope, handles
from kernel.ids import parse_uuid
from kernel.money import Money
from kernel.tenancy import context, directory
from kernel.ui.formatting import datetime_text, money_text
from tenant_apps.bonuses.models import Ending
from tenant_apps.bonuses.words import ending_words
from tenant_apps.clients.models import Client
from tenant_apps.clients.reading import reader
from tenant_apps.clients.services import activity_mark
from tenant_apps.trading.margin_words import amount_words
from tenant_apps.trading.selectors import margin_mails_wanted

from . import segments, series
from .mails import client_mail

MAILER = system(named("mails", pgettext_lazy("system actor", "Mails")))
ACTIVITY = system(named("activity", pgettext_lazy("system actor", "Activity")))

# Events about a client after which the facts that segments ask for may have changed.
REVIEWED = frozenset(
    {
        "clients.lead_created", "clients.lead_assigned", "clients.registered", "clients.stage_changed",
        "clients.active_day", "clients.tags_changed", "clients.updated", "leads.status_changed",
        "kyc.submitted", "kyc.approved", "kyc.more_needed", "kyc.rejected",
        "payments.deposit_credited", "payments.withdrawal_paid", "trading.account_opened",
    }
)  # fmt: skip


def client_of(payload: Mapping[str, Any]) -> UUID | None:
    """The client an event is about, if it is about one."""
    return parse_uuid(payload.get("client_id"))


@handles(EVERY, name="campaigns.review")
def review(event: Envelope) -> None:
    """End series that name this event, then see which segments the client is in now."""
    client_id = client_of(event.payload)
    if client_id is None or event.name.startswith("campaigns."):
        return
    series.stop_on_event(client_id=client_id, event_name=event.name)
    if event.name in REVIEWED:
        segments.segments_of_client_update(client_id=client_id)


@handles("campaigns.segment_entered", name="campaigns.enrol")
def enrol(event: Envelope) -> None:
    series.enrol_on_entry(segment_id=event.uuid("segment_id"), client_id=event.uuid("client_id"))


# --- mails about the client's own account ----------------------------------------------------------------------------------


def _mail(event: Envelope, key: str, **values: str | Callable[[Envelope], str]) -> None:
    """What is taken from the event by a function is said as the client reads it: in their language, by their clock."""
    client = Client.objects.filter(pk=event["client_id"]).first()
    if client is None:
        return
    with reader(client):
        said = {name: value(event) if callable(value) else value for name, value in values.items()}
    client_mail(client=client, key=key, values=said, dedupe_key=f"{key}:{event.message_id}", actor=MAILER)


@handles("clients.registered", name="campaigns.mail_registered")
def mail_registered(event: Envelope) -> None:
    _mail(event, "registered")


@handles("trading.account_opened", name="campaigns.mail_account_opened")
def mail_account_opened(event: Envelope) -> None:
    """The welcome mail: login, server and where to set the password, which is never in a mail."""
    _mail(
        event,
        "account_opened",
        login=event["login"],
        server=event.payload.get("server_name", ""),
        currency=event["currency"],
        platform_url="https://www.metatrader5.com/en/download",
        password_url=directory.absolute_url(context.tenant(), "portal", f"/accounts/{event['account_id']}/password/"),
    )


@handles("kyc.more_needed", name="campaigns.mail_kyc_more_needed")
def mail_kyc_more_needed(event: Envelope) -> None:
    _mail(event, "kyc_more_needed", reason=event.payload.get("reason", ""))


@handles("payments.deposit_credited", name="campaigns.mail_deposit_credited")
def mail_deposit_credited(event: Envelope) -> None:
    _mail(event, "deposit_credited", amount=_amount, method=_method)


@handles("payments.withdrawal_paid", name="campaigns.mail_withdrawal_paid")
def mail_withdrawal_paid(event: Envelope) -> None:
    _mail(event, "withdrawal_paid", amount=_amount, fee=_fee)


@handles("bonuses.offered", name="campaigns.mail_bonus_offered")
def mail_bonus_offered(event: Envelope) -> None:
    _mail(event, "bonus_offered", amount=_amount, until=_until)


@handles("bonuses.granted", name="campaigns.mail_bonus_given")
def mail_bonus_given(event: Envelope) -> None:
    _mail(event, "bonus_given", amount=_amount)


@handles("bonuses.released", name="campaigns.mail_bonus_released")
def mail_bonus_released(event: Envelope) -> None:
    _mail(event, "bonus_released", amount=_amount)


@handles("bonuses.burnt", name="campaigns.mail_bonus_taken_back")
def mail_bonus_taken_back(event: Envelope) -> None:
    _mail(event, "bonus_taken_back", amount=_amount, ending=_ending)


@handles("bonuses.ended", name="campaigns.mail_bonus_ended")
def mail_bonus_ended(event: Envelope) -> None:
    """Of those the client has not ended himself."""
    if event["reason"] not in (Ending.DECLINED, Ending.WITHDRAWAL):
        _mail(event, "bonus_ended", amount=_amount, ending=_ending)


@handles("trading.margin_call", name="campaigns.mail_margin_call")
def mail_margin_call(event: Envelope) -> None:
    """Of live accounts, and only to those who have not asked for none: the bell tells everybody."""
    if event["live"] and margin_mails_wanted(event.uuid("client_id")):
        _mail(event, "margin_call", login=str(event["login"]), value=_level, stop_out=_stop_out, account_url=_account)


@handles("trading.stopped_out", name="campaigns.mail_stopped_out")
def mail_stopped_out(event: Envelope) -> None:
    if event["live"] and margin_mails_wanted(event.uuid("client_id")):
        _mail(event, "stopped_out", login=str(event["login"]), account_url=_account)


def _level(event: Envelope) -> str:
    return amount_words(event["value"], event.payload)


def _stop_out(event: Envelope) -> str:
    return amount_words(event["stop_out"], event.payload)


def _account(event: Envelope) -> str:
    return directory.absolute_url(context.tenant(), "portal", f"/accounts/{event['account_id']}/")


def _until(event: Envelope) -> str:
    """With the zone: who reads it elsewhere than at home has another clock before them."""
    at = datetime.fromisoformat(event["until"])
    return f"{datetime_text(at)} {localtime(at).tzname()}"


def _ending(event: Envelope) -> str:
    return ending_words(event["reason"])


@handles("automation.mail_wanted", name="campaigns.mail_by_rule")
def mail_by_rule(event: Envelope) -> None:
    """A rule asks for one of the product's mails; a neighbour asks by an event, not by a call."""
    client = Client.objects.filter(pk=event["client_id"]).first()
    if client is not None:
        client_mail(client=client, key=event["mail"], dedupe_key=event["key"], actor=event.actor)


def _amount(event: Envelope) -> str:
    return money_text(event.money("amount"))


def _fee(event: Envelope) -> str:
    """What we kept; nothing in events of before there were fees."""
    return money_text(event.money("fee") if "fee" in event.payload else Money.zero(event.money("amount").currency))


def _method(event: Envelope) -> str:
    """The method's name: brand names stay, the generic ones are in the client's language."""
    known = {
        "card": pgettext("payment method", "Card"),
        "klarna": "Klarna",
        "wire": pgettext("payment method", "Bank transfer"),
        "bank_wire": pgettext("payment method", "Bank transfer"),
    }
    method = str(event.payload.get("method", ""))
    return known.get(method, method.replace("_", " ").title())


# --- days of activity ----------------------------------------------------------------------------------------------------------


@handles("trading.deal_closed", name="campaigns.activity_by_deal")
def activity_by_deal(event: Envelope) -> None:
    """A closed trade makes its UTC day an active one."""
    moment = event.payload.get("executed_at")
    at = datetime.fromisoformat(moment) if moment else event.created_at
    activity_mark(client_id=event.uuid("client_id"), actor=ACTIVITY, on=_day(at))


@handles("payments.deposit_credited", name="campaigns.activity_by_deposit")
def activity_by_deposit(event: Envelope) -> None:
    activity_mark(client_id=event.uuid("client_id"), actor=ACTIVITY, on=_day(event.created_at))


@handles("payments.withdrawal_requested", name="campaigns.activity_by_withdrawal")
def activity_by_withdrawal(event: Envelope) -> None:
    activity_mark(client_id=event.uuid("client_id"), actor=ACTIVITY, on=_day(event.created_at))


def _day(moment: datetime) -> Any:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).date()
