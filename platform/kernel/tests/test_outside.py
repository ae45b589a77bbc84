"""What comes in and what goes out: inbox, idempotency, throttle, the guard on outgoing connections, uploads."""

from __future__ import annotations

import io
import socket
import ssl
from pathlib import Path
from typing import Any

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kernel import files, http, idempotency, inbox, throttle
from kernel.actors import Actor, Reach
from kernel.errors import Conflict, TooMany
from kernel.models import InboxMessage, Job
from kernel.permissions import masked


def test_a_webhook_is_stored_and_processed_once(live_tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def process(message: InboxMessage) -> str:
        Job.objects.create(kind="webhook", owner=message.event_key)
        return "credited"

    monkeypatch.setitem(inbox._processors, "kerneltest", process)
    first, new = inbox.receive(source="kerneltest:1", event_key="evt_1", headers={}, body=b"{}")
    again, second_new = inbox.receive(source="kerneltest:1", event_key="evt_1", headers={}, body=b"{}")
    assert (new, second_new, again) == (True, False, first)
    assert inbox.process(first.id) == "credited"
    assert inbox.process(first.id) == "nothing to do"
    assert Job.objects.filter(kind="webhook").count() == 1


def test_a_failing_webhook_is_kept_and_replayable(live_tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(message: InboxMessage) -> str:
        Job.objects.create(kind="webhook", owner="half")
        message.about = "42"
        raise RuntimeError("defect")

    monkeypatch.setitem(inbox._processors, "kerneltest", fail)
    message, _ = inbox.receive(source="kerneltest:1", event_key="evt_2", headers={}, body=b"raw")
    assert inbox.process(message.id) == "failed"
    message.refresh_from_db()
    assert (message.attempts, message.processed_at, bytes(message.body)) == (1, None, b"raw")
    assert message.about == "42"  # said before it failed: who looks for it finds it
    assert not Job.objects.filter(kind="webhook").exists()
    monkeypatch.setitem(inbox._processors, "kerneltest", lambda _: "fine")
    inbox.replay(message.id)
    assert inbox.process(message.id) == "fine"


def test_same_key_same_answer_other_request_conflict(tenant: Any) -> None:
    for _ in range(2):
        with idempotency.once(scope="t", key="k", request={"amount": 5}) as attempt:
            if not attempt.repeated:
                Job.objects.create(kind="once", owner="1")
                attempt.answer = {"id": 7}
        assert attempt.answer == {"id": 7}
    assert Job.objects.filter(kind="once").count() == 1
    with pytest.raises(Conflict), idempotency.once(scope="t", key="k", request={"amount": 6}):
        pass


def test_throttle_counts_per_tenant(tenant: Any, other_tenant: Any) -> None:
    from kernel.ids import short_id
    from kernel.tenancy import context

    key = short_id()
    for _ in range(3):
        throttle.check("test", key, burst=3, per_minute=1)
    with pytest.raises(TooMany) as refused:
        throttle.check("test", key, burst=3, per_minute=1)
    assert refused.value.data["retry_after"] > 30
    with context.use(other_tenant):
        throttle.check("test", key, burst=3, per_minute=1)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
        "::127.0.0.1", "::a00:1", "64:ff9b:1::a00:1",
    ],
)  # fmt: skip
def test_private_addresses_are_refused(address: str) -> None:
    assert not http.is_public(address)


@given(st.ip_addresses(v=4))
def test_mapped_forms_are_as_public_as_what_they_map(address: Any) -> None:
    assert http.is_public(f"::ffff:{address}") == http.is_public(str(address))


def test_a_name_that_resolves_inward_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer)
    with pytest.raises(http.BlockedAddress):
        http.resolve("evil.example", 443)


def test_the_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    http._trust.cache_clear()
    try:
        with http.client():
            authorities.unlink()
        with http.client():
            assert http._trust(True).verify_mode == ssl.CERT_REQUIRED
            assert http._trust(True).check_hostname
    finally:
        http._trust.cache_clear()


def picture(kind: str = "JPEG", size: tuple[int, int] = (400, 300)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 180, 160)).save(out, format=kind)
    return out.getvalue()


def test_an_upload_is_what_its_bytes_say(tenant: Any, settings: Any, tmp_path: Any) -> None:
    settings.FILES_ROOT = tmp_path
    jpeg = picture() + b"<script>alert(1)</script>"
    row = files.save_upload(jpeg, kind="kyc", name="..\\..\\passport.html", subject="c1")
    assert (row.content_type, row.name, row.pages) == ("image/jpeg", "passport.html", 1)
    assert b"script" not in files.read(row)
    assert files.page_picture(row, width=100)[8:12] == b"WEBP"
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent.name for path in stored] == [str(tenant.id)]
    assert b"JFIF" not in stored[0].read_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ\x90",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff broken",
        b"%PDF-1.7 broken",
        b"GIF89a",
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(files.FileRefused):
        files.accept(data)
    with pytest.raises(files.FileTooLarge):
        files.accept(b"\xff\xd8\xff" + b"0" * files.MAX_BYTES)


def test_reach_and_masks() -> None:
    class Row:
        owner_id = "me"
        team_id = "t"

    class Other:
        owner_id = "you"
        team_id = "t"

    agent = Actor(kind="staff", id="me", grants={"x": Reach.OWN}, masks=frozenset({"email"}))
    lead = Actor(kind="staff", id="me", grants={"x": Reach.TEAM}, team_ids=frozenset({"t"}))  # type: ignore[arg-type]
    assert (agent.may("x", Row()), agent.may("x", Other()), lead.may("x", Other())) == (True, False, True)
    assert not Actor(kind="visitor").may("x")
    assert masked(agent, "email", "layla@example.com") == "l•••@example.com"
    assert masked(lead, "email", "layla@example.com") == "layla@example.com"


def test_beat_sends_every_recurring_task_in_the_public_scope() -> None:
    """Beat has no scope of its own; a task that asked for one would never be sent."""
    from celery import current_app as app

    from kernel.schedule import entries
    from kernel.tasks import ScopedTask

    app.finalize()
    with app.connection_for_write() as connection_, connection_.SimpleQueue("kerneltest") as queue:
        queue.clear()
        for entry in entries():
            task = app.tasks[entry.task]
            assert isinstance(task, ScopedTask)
            task.apply_async(headers={"rialto_scope": "public"}, queue="kerneltest", connection=connection_)
        sent = [queue.get(block=True, timeout=5) for _ in entries()]
        assert {message.headers["rialto_scope"] for message in sent} == {"public"}
        assert {message.headers["task"] for message in sent} == {entry.task for entry in entries()}
        queue.clear()
