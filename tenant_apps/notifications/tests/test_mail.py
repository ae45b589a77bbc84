"""A mail is written with what causes it, sent once, and looks like the brokerage in the reader's language."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default as policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as django_settings
from django.db import transaction

from kernel import clock, mail
from kernel.ui.brand import BrandTokens, mail_colours
from tenant_apps.notifications import services, tasks
from tenant_apps.notifications.models import Mail

LOCMEM = {
    "notifications/mail/hello.subject.txt": "{% autoescape off %}Hello {{ name }}{% endautoescape %}",
    "notifications/mail/hello.mjml": (
        '{% extends "mail/base.mjml" %}{% block content %}<mj-text>Dear {{ name }}</mj-text>'
        '<mj-button href="{{ portal_url }}/kyc/">Go</mj-button>{% endblock %}'
    ),
    "notifications/mail/hello.txt": (
        '{% extends "mail/base.txt" %}{% block content %}Dear {{ name }}: {{ portal_url }}/kyc/{% endblock %}'
    ),
}


class Box:
    """An SMTP server's handler that keeps what it is given, and refuses as told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.messages.append(message_from_bytes(envelope.content, policy=policy))
        return self.answer


@pytest.fixture
def box(settings: Any) -> Iterator[Box]:
    handler = Box()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_URL = f"smtp://localhost:{port}"
    yield handler
    server.stop()


@pytest.fixture(autouse=True)
def _templates(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.template import engines

    engine = engines["django"]
    real = engine.get_template

    def get_template(name: str) -> Any:
        return engine.from_string(LOCMEM[name]) if name in LOCMEM else real(name)

    monkeypatch.setattr(engine, "get_template", get_template)


@contextmanager
def _enqueued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    sent: list[Any] = []
    monkeypatch.setattr(tasks.mail_send, "apply_async", lambda args, kwargs, **options: sent.append(args[0]))
    yield sent


def _queue(**changes: Any) -> Mail:
    with transaction.atomic():
        return services.mail_queue(
            **{"to": "lina@example.com", "template": "hello", "context": {"name": "Tom & <Lina>"}, "language": "en"}
            | changes
        )


def test_a_mail_is_rendered_with_escaping_only_where_it_is_markup(tenant: Any) -> None:
    row = _queue()
    assert row.subject == "Hello Tom & <Lina>"
    assert "Dear Tom &amp; &lt;Lina&gt;" in row.html
    assert "Dear Tom & <Lina>: " in row.text
    assert f"http://alpha.localhost:{django_settings.PUBLIC_PORT}/kyc/" in row.html
    assert (row.sender, row.sender_name) == ("no-reply@alpha.localhost", "Alpha Markets")
    assert row.message_id == f"<{row.pk}@alpha.localhost>"
    assert "fonts.googleapis" not in row.html


def test_arabic_mails_run_from_right_to_left(tenant: Any) -> None:
    row = _queue(language="ar")
    assert '<html lang="ar" dir="rtl"' in row.html
    assert "text-align:right" in row.html
    assert row.language == "ar"


def test_an_unknown_language_falls_back_to_one_we_have(tenant: Any) -> None:
    assert _queue(language="pt-BR").language == "en"
    assert _queue(language="de-AT").language == "de"


def test_a_dedupe_key_makes_one_mail(tenant: Any) -> None:
    first, second = _queue(dedupe_key="welcome:1"), _queue(dedupe_key="welcome:1", to="other@example.com")
    assert first.pk == second.pk
    assert Mail.objects.count() == 1


def test_it_is_sent_once_and_the_message_is_complete(tenant: Any, box: Box) -> None:
    row = _queue()
    assert mail.deliver(Mail, row.pk)
    assert not mail.deliver(Mail, row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts, len(box.messages)) == ("sent", 1, 1)
    message = box.messages[0]
    assert message["Message-ID"] == row.message_id
    assert message["From"] == "Alpha Markets <no-reply@alpha.localhost>"
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]


def test_killed_after_handing_over_it_is_sent_again_as_the_same_message(
    tenant: Any, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between SMTP's answer and our row: the sweeper finds the claim once it has run out."""
    row = _queue()
    claimed = mail.claim(Mail, row.pk)
    assert claimed is not None
    mail.transmit(mail.message_of(claimed), sender=claimed.sender, to=claimed.to)
    assert mail.due(Mail) == []
    later = clock.now() + mail.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert mail.due(Mail) == [row.pk]
    assert mail.deliver(Mail, row.pk)
    assert [message["Message-ID"] for message in box.messages] == [row.message_id] * 2
    assert box.messages[0].as_bytes() == box.messages[1].as_bytes()


def test_a_permanent_refusal_ends_it_and_a_passing_one_is_tried_later(tenant: Any, box: Box) -> None:
    box.answer = "550 no such user"
    gone = _queue()
    assert not mail.deliver(Mail, gone.pk)
    box.answer = "451 busy"
    busy = _queue()
    assert not mail.deliver(Mail, busy.pk)
    gone.refresh_from_db()
    busy.refresh_from_db()
    assert (gone.state, busy.state) == ("failed", "queued")
    assert "SMTPDataError" in busy.error
    assert busy.available_at > clock.now()
    assert box.messages == []


def test_a_server_that_is_away_costs_nothing_but_time(tenant: Any, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    row = _queue()
    assert not mail.deliver(Mail, row.pk)
    row.refresh_from_db()
    assert row.state == "queued"


def test_nothing_is_queued_when_the_cause_is_rolled_back(live_tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with _enqueued(monkeypatch) as sent:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            _queue()
            raise ZeroDivisionError
        assert (sent, Mail.objects.count()) == ([], 0)
        row = _queue()
        assert sent == [str(row.pk)]
        tasks.mail_sweep.run()
        assert sent == [str(row.pk)] * 2


@pytest.mark.parametrize(("error", "final"), [(smtplib.SMTPServerDisconnected("bye"), False), (OSError("dns"), False)])
def test_what_counts_as_permanent(error: Exception, final: bool) -> None:
    assert mail._permanent(error) is final


def test_button_and_legal_line_come_from_the_brand(tenant: Any) -> None:
    colours = asdict(mail_colours(BrandTokens()))
    brand = mail.MailBrand(name="Alpha", legal_line="Alpha Ltd. CFDs are risky.", colours=colours)
    rendered = mail.render("hello", {"name": "Ana"}, language="en", brand=brand, folder="notifications/mail")
    assert f"background:{colours['brand']}" in rendered.html
    assert f"color:{colours['brand_fg']}" in rendered.html
    assert rendered.html.count("Alpha Ltd. CFDs are risky.") == 1
    assert rendered.text.count("Alpha Ltd. CFDs are risky.") == 1
