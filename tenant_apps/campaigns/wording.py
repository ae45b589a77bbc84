"""A brokerage's own wording of the product's mails: written, tried out, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, locks, mail
from kernel.actors import Actor
from kernel.errors import NotFound
from tenant_apps.notifications.brand import mail_brand
from tenant_apps.notifications.models import Mail
from tenant_apps.notifications.services import FOLDER, mail_queue

from . import texts
from .mails import TEMPLATE
from .models import MailText
from .permissions_list import EDIT

NAMES = {
    "registered": pgettext_lazy("mail text", "Welcome after registration"),
    "account_opened": pgettext_lazy("mail text", "Trading account opened"),
    "kyc_more_needed": pgettext_lazy("mail text", "More is needed to verify the identity"),
    "kyc_reminder": pgettext_lazy("mail text", "Reminder of the identity check"),
    "deposit_credited": pgettext_lazy("mail text", "Deposit credited"),
    "withdrawal_paid": pgettext_lazy("mail text", "Withdrawal paid"),
    "bonus_offered": pgettext_lazy("mail text", "Bonus offered"),
    "bonus_given": pgettext_lazy("mail text", "Bonus given"),
    "bonus_released": pgettext_lazy("mail text", "Bonus paid out"),
    "bonus_taken_back": pgettext_lazy("mail text", "Bonus taken back"),
    "bonus_ended": pgettext_lazy("mail text", "Bonus ended before it was given"),
    "margin_call": pgettext_lazy("mail text", "Margin call"),
    "stopped_out": pgettext_lazy("mail text", "Positions closed by a stop-out"),
}
MEANINGS = {
    "first_name": pgettext_lazy("placeholder", "The client's first name"),
    "name": pgettext_lazy("placeholder", "The client's full name"),
    "brand": pgettext_lazy("placeholder", "The name of your brand"),
    "portal_url": pgettext_lazy("placeholder", "Address of the trader's room"),
    "login": pgettext_lazy("placeholder", "Number of the trading account"),
    "server": pgettext_lazy("placeholder", "Name of the server in the terminal"),
    "currency": pgettext_lazy("placeholder", "Currency of the trading account"),
    "platform_url": pgettext_lazy("placeholder", "Where the terminal can be downloaded"),
    "password_url": pgettext_lazy("placeholder", "Where the client sets the password"),
    "reason": pgettext_lazy("placeholder", "What compliance wrote to the client"),
    "amount": pgettext_lazy("placeholder", "The amount with its currency"),
    "method": pgettext_lazy("placeholder", "The payment method"),
    "fee": pgettext_lazy("placeholder", "What you kept of it"),
    "until": pgettext_lazy("placeholder", "Until when it is open"),
    "ending": pgettext_lazy("placeholder", "Why the bonus ended"),
    "value": pgettext_lazy("placeholder", "The margin level the account has fallen to"),
    "stop_out": pgettext_lazy("placeholder", "The level at which positions are closed"),
    "account_url": pgettext_lazy("placeholder", "Address of the trading account in the trader's room"),
}


@dataclass(frozen=True, slots=True)
class Placeholder:
    name: str
    meaning: Any
    example: str


def placeholders(key: str) -> list[Placeholder]:
    """What this mail may name, with the values of previews."""
    examples = _examples("en") | texts.MAILS[key]
    return [Placeholder("{" + name + "}", MEANINGS.get(name, ""), value) for name, value in examples.items()]


def _examples(language: str) -> dict[str, str]:
    brand = mail_brand(language)
    return {"first_name": "Lena", "name": "Lena Brandt", "brand": brand.name, "portal_url": brand.home_url.rstrip("/")}


def mail_rendered(*, key: str, language: str, text: Mapping[str, Any]) -> mail.Rendered:
    """The mail with example values in the brokerage's look."""
    content = texts.filled(text, _examples(language) | texts.MAILS[key])
    return mail.render(TEMPLATE, {"content": content}, language=language, brand=mail_brand(language), folder=FOLDER)


@transaction.atomic
def mail_text_save(*, key: str, language: str, text: Mapping[str, Any], actor: Actor) -> None:
    """Use these words for a mail in a language from now on; the product's own words take the brokerage's back.

    Raises TextIncomplete, PlaceholderUnknown, NotFound.
    """
    actor.require(EDIT)
    _known(key, language)
    texts.check(text, texts.COMMON | texts.MAILS[key].keys())
    if dict(text) == texts.shipped_text(key, language):
        mail_text_reset(key=key, language=language, actor=actor)
        return
    row = _locked(key, language)
    before = row.content if row else None
    if before == dict(text):
        return
    row = row or MailText(key=key, language=language)
    row.content, row.updated_at = dict(text), clock.now()
    row.save()
    audit.record(
        actor=actor, action="campaigns.mail_text_saved", obj=row, before={"content": before}, after={"content": row.content}
    )  # fmt: skip


@transaction.atomic
def mail_text_reset(*, key: str, language: str, actor: Actor) -> bool:
    """Back to the product's words. Whether there were own ones. Raises NotFound for a mail that does not exist."""
    actor.require(EDIT)
    _known(key, language)
    row = _locked(key, language)
    if row is None:
        return False
    audit.record(
        actor=actor, action="campaigns.mail_text_reset", obj=row, before={"content": row.content}, after={"content": None}
    )  # fmt: skip
    row.delete()
    return True


@transaction.atomic
def mail_text_try(*, key: str, language: str, text: Mapping[str, Any], to: str, actor: Actor) -> Mail:
    """Send these words, saved or not, with example values to the address of whoever writes them. Raises as saving does."""
    actor.require(EDIT)
    _known(key, language)
    texts.check(text, texts.COMMON | texts.MAILS[key].keys())
    content = texts.filled(text, _examples(language) | texts.MAILS[key])
    content["subject"] = pgettext("mail text", "Test: %(subject)s") % {"subject": content["subject"]}
    row = mail_queue(to=to, template=TEMPLATE, context={"content": content}, language=language)
    audit.record(actor=actor, action="campaigns.mail_text_tried", obj=row, label=f"{key} {language}")
    return row


def _known(key: str, language: str) -> None:
    if key not in texts.MAILS or language not in dict(settings.LANGUAGES):
        raise NotFound


def _locked(key: str, language: str) -> MailText | None:
    locks.hold(f"campaigns.mail_text:{key}:{language}")
    return MailText.objects.filter(key=key, language=language).first()
