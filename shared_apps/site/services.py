"""Signing up until the address is verified; the vendor's mail."""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import pgettext_lazy

from kernel import clock, mail, secrets, throttle
from kernel.errors import Invalid
from kernel.ids import uuid7
from kernel.tasks import enqueue
from kernel.tenancy import context as tenancy

from . import tasks
from .errors import CodeWrong, LinkUnusable, MailDisposable
from .models import PlatformMail, SignUp

CODE_AGE = timedelta(minutes=30)
CODE_TRIES = 6
LINK_AGE = 7 * 24 * 3600
DISPOSABLE = frozenset(
    [
        "10minutemail.com",
        "dispostable.com",
        "fakeinbox.com",
        "getnada.com",
        "guerrillamail.com",
        "maildrop.cc",
        "mailinator.com",
        "mailnesia.com",
        "moakt.com",
        "sharklasers.com",
        "temp-mail.org",
        "tempmail.com",
        "throwawaymail.com",
        "trashmail.com",
        "yopmail.com",
    ]
)


def site_url(path: str = "") -> str:
    """An address on the platform's own host."""
    return f"{settings.PUBLIC_SCHEME}://{settings.PLATFORM_DOMAIN}{settings.PUBLIC_PORT_SUFFIX}{path}"


def platform_mail_queue(
    *, to: str, template: str, context: Mapping[str, Any], language: str, dedupe_key: str = ""
) -> PlatformMail:
    """Render `notifications/mail/<template>.*` in the vendor's look and queue it. Idempotent by `dedupe_key`."""
    with tenancy.public():
        if dedupe_key and (known := PlatformMail.objects.filter(dedupe_key=dedupe_key).first()):
            return known
        chosen = language if language in dict(settings.LANGUAGES) else "en"
        brand = mail.MailBrand(name="Rialto", home_url=site_url("/"))
        rendered = mail.render(
            template, {"site_url": site_url(), **context}, language=chosen, brand=brand, folder="notifications/mail"
        )
        mail_id = uuid7()
        row = PlatformMail(
            id=mail_id,
            to=to,
            sender=settings.DEFAULT_FROM_EMAIL,
            sender_name="Rialto",
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            language=chosen,
            template=template,
            dedupe_key=dedupe_key,
            message_id=f"<{mail_id}@{settings.PLATFORM_DOMAIN}>",
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
                enqueue(tasks.platform_mail_send, str(row.pk))
        except IntegrityError:
            return PlatformMail.objects.get(dedupe_key=dedupe_key)
    return row


def email_checked(email: str) -> str:
    """Lower case and plausible. Raises Invalid or MailDisposable."""
    text = email.strip().lower()
    try:
        validate_email(text)
    except ValidationError as error:
        raise Invalid(
            pgettext_lazy("sign-up", "Enter an e-mail address such as name@company.com."), field="email"
        ) from error
    domain = text.rpartition("@")[2]
    if any(domain == known or domain.endswith(f".{known}") for known in DISPOSABLE):
        raise MailDisposable(field="email")
    return text


@transaction.atomic
def sign_up_begin(*, email: str, language: str, ip: str | None, sign_up_id: Any = None) -> SignUp:
    """Write down who begins and mail a code with a link. The same visitor goes on with the same row. Raises TooMany."""
    address = email_checked(email)
    throttle.check("sign-up-ip", throttle.place(ip), burst=10, per_minute=2)
    throttle.check("sign-up-mail", address, burst=4, per_minute=0.5)
    row = SignUp.objects.filter(pk=sign_up_id, run_id=None).first() if sign_up_id else None
    if row is None or row.email != address:
        row = SignUp.objects.create(email=address, language=language, ip=ip)
    code = f"{random.randbelow(1_000_000):06d}"
    row.language, row.code_hash, row.code_tries = language, _hash(row, code), 0
    row.code_until = clock.now() + CODE_AGE
    row.save(update_fields=["language", "code_hash", "code_tries", "code_until"])
    platform_mail_queue(
        to=address,
        template="site.code",
        context={"code": code, "url": site_url(reverse("site:resume", args=[resume_token(row)]))},
        language=language,
    )
    return row


def _hash(row: SignUp, code: str) -> str:
    return hashlib.sha256(f"{row.pk}:{code}".encode()).hexdigest()


def sign_up_verify(*, sign_up: SignUp, code: str) -> SignUp:
    """Check the mailed code: six tries, half an hour. Raises CodeWrong. A try counts even when it fails."""
    digits = "".join(str(int(char)) for char in code if char.isdecimal())
    counted = SignUp.objects.filter(pk=sign_up.pk, code_tries__lt=CODE_TRIES, code_until__gte=clock.now())
    if not counted.update(code_tries=F("code_tries") + 1):
        raise CodeWrong(field="code")
    sign_up.refresh_from_db()
    if not sign_up.code_hash or not constant_time_compare(_hash(sign_up, digits), sign_up.code_hash):
        raise CodeWrong(field="code")
    return _verified(sign_up)


def _verified(sign_up: SignUp) -> SignUp:
    sign_up.verified_at = sign_up.verified_at or clock.now()
    sign_up.code_hash = ""
    sign_up.save(update_fields=["verified_at", "code_hash"])
    return sign_up


def resume_token(sign_up: SignUp) -> str:
    return secrets.sign(str(sign_up.pk), purpose="sign-up")


def sign_up_resume(*, token: str) -> SignUp:
    """Whoever opens the mailed link has the mailbox: verified, and back where they were. Raises LinkUnusable."""
    try:
        sign_up = SignUp.objects.filter(pk=secrets.unsign(token, purpose="sign-up", max_age=LINK_AGE)).first()
    except ValueError as error:
        raise LinkUnusable from error
    if sign_up is None:
        raise LinkUnusable
    return _verified(sign_up)


def sign_up_answer(*, sign_up: SignUp, answers: Mapping[str, Any], run_id: Any = None) -> SignUp:
    """Keep a page's answers, and the run once it is started."""
    sign_up.data = {**sign_up.data, **answers}
    sign_up.run_id = run_id or sign_up.run_id
    sign_up.updated_at = clock.now()
    sign_up.save(update_fields=["data", "run_id", "updated_at"])
    return sign_up
