"""Mail in by SMTP, out by JSON and pages."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.tests.support import Sandbox


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    running = Sandbox("mailbox", tmp_path, "--smtp-port", "0")
    yield running
    running.close()


def smtp_port(server: Sandbox) -> int:
    return int(server.ready_line.rsplit(":", 1)[1])


def send(server: Sandbox, to: str, subject: str, *, html: str | None = None, bcc: str | None = None) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Nordwind <info@nordwind.test>", to, subject
    mail.set_content("Grüße aus Köln\nhttp://nordwind.localhost/verify?a=1&b=2\n")
    if html:
        mail.add_alternative(html, subtype="html")
        picture = mail.get_payload()[1]  # type: ignore[index]
        picture.add_related(b"\x89PNG", "image", "png", cid="<logo>")  # type: ignore[union-attr]
    with smtplib.SMTP("127.0.0.1", smtp_port(server)) as client:
        client.send_message(mail, to_addrs=[to, *([bcc] if bcc else [])])


def messages(server: Sandbox, **query: str) -> list[dict[str, Any]]:
    return server.http.get("/api/messages", params=query).json()["messages"]


def test_a_mail_is_found_and_read(server: Sandbox) -> None:
    send(server, "anna@example.com", "Willkommen, Änne", bcc="audit@example.com")
    send(server, "omar@example.com", "مرحبا")
    (anna,) = messages(server, to="Anna@Example.com")
    assert (anna["subject"], anna["from"]) == ("Willkommen, Änne", "info@nordwind.test")
    assert anna["to"] == ["anna@example.com", "audit@example.com"]
    assert [m["id"] for m in messages(server, to="audit")] == [anna["id"]]
    assert [m["subject"] for m in messages(server, subject="ÄNNE")] == ["Willkommen, Änne"]
    assert [m["subject"] for m in messages(server, after=str(anna["id"]))] == ["مرحبا"]
    assert [m["subject"] for m in messages(server, after=anna["received"])] == ["مرحبا"]
    assert server.http.get("/api/messages?after=never").status_code == 400
    whole = server.http.get(f"/api/messages/{anna['id']}").json()
    assert whole["text"].startswith("Grüße aus Köln")
    assert whole["links"] == ["http://nordwind.localhost/verify?a=1&b=2"]
    assert ["Subject", "Willkommen, Änne"] in whole["headers"]


def test_html_is_shown_in_a_cage(server: Sandbox) -> None:
    html = '<html><head></head><body><img src="cid:logo"><a href="http://x.localhost/?a=1&amp;b=2">Go</a></body></html>'
    send(server, "anna@example.com", "<b>Subject</b>", html=html)
    whole = server.http.get("/api/messages/1").json()
    assert whole["links"] == ["http://x.localhost/?a=1&b=2"]
    assert [(a["content_type"], a["content_id"], a["size"]) for a in whole["attachments"]] == [("image/png", "logo", 4)]
    frame = server.http.get("/messages/1/html")
    assert f"/messages/1/parts/{whole['attachments'][0]['part']}" in frame.text
    assert '<base target="_blank">' in frame.text
    policy = frame.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups" in policy
    page = server.http.get("/messages/1")
    assert "&lt;b&gt;Subject&lt;/b&gt;" in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    picture = server.http.get(f"/messages/1/parts/{whole['attachments'][0]['part']}")
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert server.http.get("/messages/1/source").text.startswith("From: Nordwind")
    assert "&lt;b&gt;Subject" in server.http.get("/?to=anna").text
    assert server.http.get("/messages/99").status_code == 404


def test_waiting_answers_as_soon_as_the_mail_arrives(server: Sandbox) -> None:
    answers: list[Any] = []
    waiter = threading.Thread(
        target=lambda: answers.append(
            httpx.get(f"{server.url}/api/wait?to=anna@example.com&subject=code&timeout=20", timeout=30).json()
        )
    )
    waiter.start()
    send(server, "omar@example.com", "Your code")
    send(server, "anna@example.com", "Your code")
    waiter.join(timeout=10)
    assert [m["to"] for m in answers[0]["messages"]] == [["anna@example.com"]]
    assert answers[0]["messages"][0]["text"].startswith("Grüße")


def test_waiting_ends_empty(server: Sandbox) -> None:
    assert server.http.get("/api/wait?to=nobody@example.com&timeout=0.05").json() == {"messages": []}


def test_recipients_that_ask_for_trouble(server: Sandbox) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(server, "bounce@example.com", "x")
    assert refused.value.recipients["bounce@example.com"][0] == 550
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(server, "defer+1@example.com", "x")
    assert refused.value.recipients["defer+1@example.com"][0] == 451
    assert messages(server) == []


def test_deleting(server: Sandbox) -> None:
    send(server, "anna@example.com", "1")
    send(server, "omar@example.com", "2")
    assert server.http.delete("/api/messages?to=anna@example.com").json() == {"deleted": 1}
    assert [m["subject"] for m in messages(server)] == ["2"]
    assert server.http.post("/clear", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert server.http.post("/clear").status_code == 303
    assert messages(server) == []


def test_an_accepted_mail_survives_kill_9(server: Sandbox) -> None:
    send(server, "anna@example.com", "kept")
    server.kill()
    server.start()
    assert [m["subject"] for m in messages(server)] == ["kept"]
    assert server.stop() == 0
