"""Outgoing mail: rendered and written in the transaction that causes it, sent by a task, never lost, never two of it.

A mail is a row. Queueing renders subject, HTML and plain text at once, so what is sent is what was true at that moment.
A task claims the row by compare-and-set for `LEASE`, hands it to SMTP and marks it sent. Killed between the two, the
sweeper finds the claim run out and sends again under the same Message-ID (RFC 5322, 3.6.4), which mail systems take
for the same message. Permanent refusals (SMTP 5xx) are not tried again.

Two tables use this: `notifications.Mail` in each brokerage and `site.PlatformMail` in the public schema.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import models
from django.template import Context, engines
from django.template.base import Template
from django.utils import translation
from django.utils.translation import pgettext_lazy

from kernel import clock
from kernel.ids import uuid7
from kernel.logs import log
from kernel.ui.brand import BrandTokens, mail_colours
from kernel.ui.context import BASE_THEME, BrandView, UiState, using

LEASE = timedelta(seconds=90)
MAX_ATTEMPTS = 10
SMTP_TIMEOUT = 20.0
BATCH = 200


class MailState(models.TextChoices):
    QUEUED = "queued", pgettext_lazy("mail state", "Waiting")
    SENDING = "sending", pgettext_lazy("mail state", "Being sent")
    SENT = "sent", pgettext_lazy("mail state", "Sent")
    FAILED = "failed", pgettext_lazy("mail state", "Failed")


class AbstractMail(models.Model):
    """One message to one address. `available_at`: not before; while sending, when the claim on the row runs out."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    to = models.CharField(max_length=254)
    sender = models.CharField(max_length=254)
    sender_name = models.CharField(max_length=120, blank=True)
    reply_to = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=300)
    html = models.TextField()
    text = models.TextField()
    language = models.CharField(max_length=10)
    template = models.CharField(max_length=80)
    dedupe_key = models.CharField(max_length=160, blank=True)
    message_id = models.CharField(max_length=320)
    state = models.CharField(max_length=8, choices=MailState.choices, default=MailState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    available_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.template} → {self.to}"


MailRow = TypeVar("MailRow", bound=AbstractMail)


# --- rendering -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MailBrand:
    """How a mail looks and who signs it. URLs are absolute; `colours` as kernel.ui.brand.MailColours names them."""

    name: str
    colours: Mapping[str, str] = field(default_factory=lambda: asdict(mail_colours(BrandTokens())))
    logo_url: str = ""
    home_url: str = ""
    legal_line: str = ""
    support_email: str = ""
    theme: str = BASE_THEME


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    html: str
    text: str


def _render(name: str, context: Mapping[str, Any], *, escape: bool) -> str:
    """A template with escaping only where the result is markup; `Engine` is asked for Django's own template."""
    template: Template = engines["django"].get_template(name).template  # type: ignore[attr-defined]
    return template.render(Context(dict(context), autoescape=escape))


def render(template: str, context: Mapping[str, Any], *, language: str, brand: MailBrand, folder: str) -> Rendered:
    """Subject, HTML and text of `<folder>/<template>.{subject.txt,mjml,txt}` in a language. Raises on a bad template."""
    import mrml

    state = UiState(theme=brand.theme, brand=BrandView(name=brand.name))
    with translation.override(language), using(state):
        rtl = translation.get_language_bidi()
        values = {
            **context,
            "brand": brand,
            "colours": brand.colours,
            "lang": language,
            "rtl": rtl,
            "dir": "rtl" if rtl else "ltr",
            "start": "right" if rtl else "left",
            "end": "left" if rtl else "right",
        }
        subject = " ".join(_render(f"{folder}/{template}.subject.txt", values, escape=False).split())
        values["subject"] = subject
        # No fonts from elsewhere: a mail must not tell a third party that it was opened.
        options = mrml.RenderOptions(fonts={})
        html = mrml.to_html(_render(f"{folder}/{template}.mjml", values, escape=True), render_options=options).content
        text = _render(f"{folder}/{template}.txt", values, escape=False).strip() + "\n"
    return Rendered(subject[:300], html, text)


# --- sending -------------------------------------------------------------------------------------------------------


def message_of(mail: AbstractMail) -> EmailMessage:
    """The message as it goes out: the same bytes, ids included, whenever it is built."""
    message = EmailMessage()
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(mail.created_at)
    local, _, domain = mail.sender.partition("@")
    message["From"] = Address(display_name=mail.sender_name, username=local, domain=domain)
    message["To"] = mail.to
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    message["Subject"] = mail.subject
    message["Content-Language"] = mail.language
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    for name, value in getattr(mail, "headers", {}).items():  # List-Unsubscribe and the like
        message[name] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message.set_boundary(f"rialto-{mail.pk.hex}")
    return message


def claim(model: type[MailRow], mail_id: object) -> MailRow | None:
    """Take a due row for `LEASE`; None when it is sent, given up, not due, or another worker has it."""
    now = clock.now()
    taken = model._default_manager.filter(
        pk=mail_id, state__in=[MailState.QUEUED, MailState.SENDING], available_at__lte=now
    ).update(state=MailState.SENDING, attempts=models.F("attempts") + 1, available_at=now + LEASE)
    return model._default_manager.get(pk=mail_id) if taken else None


def deliver(model: type[MailRow], mail_id: object) -> bool:
    """Send a queued mail now. Returns whether it went out in this call. Safe to call any number of times."""
    mail = claim(model, mail_id)
    if mail is None:
        return False
    try:
        transmit(message_of(mail), sender=mail.sender, to=mail.to)
    except (smtplib.SMTPException, OSError) as error:
        _failed(mail, error)
        return False
    model._default_manager.filter(pk=mail.pk, state=MailState.SENDING).update(
        state=MailState.SENT, sent_at=clock.now(), error=""
    )
    return True


def transmit(message: EmailMessage, *, sender: str, to: str) -> None:
    """Hand a message to the server of EMAIL_URL, `user:password@` allowed.

    `smtps://` is TLS from the first byte (port 465), `smtp+tls://` insists on STARTTLS (587), `smtp://` takes STARTTLS where
    it is offered (25). The certificate must be of that host, by an authority this machine trusts; a password is never
    sent in the clear, except to this machine itself. Raises SMTPException or OSError.
    """
    url = urlsplit(settings.EMAIL_URL)
    if not url.hostname:
        raise OSError("EMAIL_URL is not set")
    local = url.hostname == "localhost" or url.hostname.endswith(".localhost")
    host = "127.0.0.1" if local else url.hostname
    with _connected(url.scheme, host, url.port) as server:
        if url.username:
            if not isinstance(server.sock, ssl.SSLSocket) and not _is_loopback(host):
                raise smtplib.SMTPNotSupportedError("the server offers no TLS; the password was not sent")
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(message, from_addr=sender, to_addrs=[to])


def _connected(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    """A greeted connection, encrypted as the scheme says."""
    trust = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SMTP_TIMEOUT, context=trust)
    server = smtplib.SMTP(host, port or (587 if scheme == "smtp+tls" else 25), timeout=SMTP_TIMEOUT)
    try:
        server.ehlo_or_helo_if_needed()
        if scheme == "smtp+tls" or server.has_extn("starttls"):
            server.starttls(context=trust)
    except BaseException:
        server.close()
        raise
    return server


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _permanent(error: Exception) -> bool:
    """Whether it is this message that is refused. A log-in or greeting that fails is our settings' or the server's fault."""
    if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return False
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500


def _failed(mail: AbstractMail, error: Exception) -> None:
    """Try again later, ever more slowly up to an hour; a permanent refusal or the tenth failure ends it."""
    over = _permanent(error) or mail.attempts >= MAX_ATTEMPTS
    log.warning("mail_failed", mail=str(mail.pk), attempts=mail.attempts, final=over, error=type(error).__name__)
    type(mail)._default_manager.filter(pk=mail.pk, state=MailState.SENDING).update(
        state=MailState.FAILED if over else MailState.QUEUED,
        error=f"{type(error).__name__}: {error}"[:300],
        available_at=clock.now() + timedelta(seconds=min(3600, 5 * 2**mail.attempts)),
    )


def due(model: type[MailRow]) -> list[Any]:
    """Ids of mails whose time has come: new ones whose task was lost, retries, and claims of killed workers."""
    open_rows = model._default_manager.filter(
        state__in=[MailState.QUEUED, MailState.SENDING], available_at__lte=clock.now()
    )
    return list(open_rows.order_by("available_at").values_list("pk", flat=True)[:BATCH])
