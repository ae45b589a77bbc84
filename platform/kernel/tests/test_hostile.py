"""Hostile input at the edges: files that explode, figures that are none, targets that lead away, sessions that are over."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.utils.module_loading import import_string
from PIL import Image

from kernel import files
from kernel.errors import Invalid
from kernel.guards import safe_next
from kernel.live import asgi
from kernel.live.publish import token
from kernel.redis import client as redis_client
from kernel.tenancy import context


def pdf(width: float, height: float) -> bytes:
    """A PDF of one empty page of this size, in points."""
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    document.new_page(width, height)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(1.0, 14_400.0), (0.1, 5.0), (14_400.0, 1.0)])
def test_a_page_of_absurd_shape_is_drawn_small(tenant: Any, width: float, height: float) -> None:
    with context.use(tenant):
        row = files.save_upload(pdf(width, height), kind="kyc", name="a.pdf")
        picture = Image.open(io.BytesIO(files.page_picture(row, width=100)))
    assert picture.width <= 100
    assert picture.height <= 300


def test_two_pdfs_are_never_open_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFium ends the process when two threads use it; a client's page shows several documents at the same time."""
    met: list[bool] = []
    together = Barrier(2, timeout=0.5)

    class Pdf:
        def __init__(self, data: bytes) -> None: ...

        def __len__(self) -> int:
            with suppress(BrokenBarrierError):
                together.wait()
                met.append(True)
            return 1

        def close(self) -> None: ...

    monkeypatch.setattr("pypdfium2.PdfDocument", Pdf)
    with ThreadPoolExecutor(2) as threads:
        kinds = [found[1] for found in threads.map(files.accept, [b"%PDF-1.7", b"%PDF-1.7"])]
    assert kinds == ["application/pdf", "application/pdf"]
    assert met == []


def test_nothing_of_a_pictures_comment_is_kept() -> None:
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(out, format="JPEG", comment=b"<script>alert(1)</script>")
    assert b"<script>" in out.getvalue()
    assert b"<script>" not in files.accept(out.getvalue())[0]


def png_with_a_bomb() -> bytes:
    """A small picture whose comment is packed from 80 MB."""
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(out, format="PNG")
    plain, comment = out.getvalue(), b"zTXtComment\0\0" + zlib.compress(b"a" * 80 * 1024 * 1024, 9)
    header = 33  # signature and IHDR
    chunk = struct.pack(">I", len(comment) - 4) + comment + struct.pack(">I", zlib.crc32(comment))
    return plain[:header] + chunk + plain[header:]


@pytest.mark.parametrize("accept", ["kernel.files.accept", "tenant_apps.branding.pictures.picture_save"])
def test_a_picture_that_unpacks_without_end_is_refused(tenant: Any, accept: str) -> None:
    extra: dict[str, Any] = {"role": "logo", "name": "logo"} if accept.endswith("picture_save") else {}
    with pytest.raises(Invalid):
        import_string(accept)(png_with_a_bomb(), **extra)


def test_an_upload_without_end_is_cut_off(tenant: Any, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 50_000
    browser = Client(HTTP_HOST="alpha.localhost")
    small = browser.post("/login/", {"file": SimpleUploadedFile("a.bin", b"x" * 10_000)})
    large = browser.post("/login/", {"file": SimpleUploadedFile("a.bin", b"x" * 200_000)})
    assert (small.status_code, large.status_code) == (422, 400)


@pytest.mark.parametrize(("declared", "most_read"), [(b"9000000", 0), (b"", 6)])
def test_a_body_without_end_is_not_kept_on_the_disk(
    tenant: Any, settings: Any, declared: bytes, most_read: int
) -> None:
    """Declared or in chunks: refused with what the limit lets in, before it has filled a temporary file."""
    settings.BODY_MAX_BYTES = 50_000
    application = import_string(settings.ASGI_APPLICATION)
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": read < 1_000}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"alpha.localhost")] + ([(b"content-length", declared)] if declared else [])
    scope = {"type": "http", "method": "POST", "path": "/login/", "query_string": b"", "headers": headers}
    asyncio.run(application(scope, receive, send))
    assert sent[0]["status"] == 413
    assert read <= most_read


def test_a_portal_page_allows_no_inline_code_and_no_other_origin(tenant: Any) -> None:
    answer = Client(HTTP_HOST="alpha.localhost").get("/login/")
    assert answer.status_code == 200
    rules = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";") if part.strip())
    allowed = set(" ".join(rules.values()).split())
    assert rules["script-src"] == "'self'"
    assert (rules["frame-ancestors"], rules["form-action"]) == ("'none'", "'self'")
    assert allowed <= {"'self'", "'none'", "data:", "blob:"}
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "target", ["/\t/evil.example", "/\r/evil.example", "//evil.example", "/\\evil.example", "https://evil.example"]
)
def test_the_way_on_never_leads_to_another_host(target: str) -> None:
    assert safe_next(RequestFactory().post("/login/", {"next": target})) == "/"


def test_the_way_on_may_be_any_path_of_ours() -> None:
    assert safe_next(RequestFactory().post("/login/", {"next": "/clients/?q=a&b=//c"})) == "/clients/?q=a&b=//c"


@pytest.mark.parametrize(
    ("state", "opens"),
    [
        ("requested", False), ("provisioning", False), ("deleted", False),
        ("active", True), ("read_only", True), ("suspended", True), ("offboarding", True),
    ],
)  # fmt: skip
def test_a_brokerage_that_is_not_served_streams_nothing(
    tenant: Any, monkeypatch: pytest.MonkeyPatch, state: str, opens: bool
) -> None:
    """Host, cookie and token are right; what decides is the state, as for any other request."""
    stood = replace(tenant, state=state)
    monkeypatch.setattr(asgi.directory, "by_host", lambda host: (stood, "portal"))

    async def everybody(owner: context.Scope, keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "")

    monkeypatch.setattr(asgi.watch, "ask", everybody)
    with context.use(stood):
        text = token(["leads"], "a" * 32)
    headers = [(b"host", b"alpha.localhost"), (b"cookie", b"sid=" + b"a" * 32)]
    scope = {"method": "GET", "path": "/live/", "headers": headers, "query_string": urlencode({"t": text}).encode()}
    allowed = asyncio.run(asgi._allowed(scope, text))
    assert (allowed.topics if allowed else None) == (["leads"] if opens else None)


def known_page(tenant: Any) -> Callable[..., Any]:
    async def known(scope: dict[str, Any], text: str) -> asgi.Allowed | None:
        return asgi.Allowed(context.tenant_scope(tenant), ["leads"], "a" * 32, "") if text == "its own" else None

    return known


@pytest.mark.parametrize(("token", "status"), [("its own", 204), ("", 403), ("another's", 403)])
def test_only_a_page_of_ours_reports_delays(
    tenant: Any, monkeypatch: pytest.MonkeyPatch, token: str, status: int
) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"p50": 1, "p95": 2, "n": 3, "t": token}).encode()}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    monkeypatch.setattr(asgi, "_allowed", known_page(tenant))
    redis_client().hdel(asgi.LATENCY_KEY, str(tenant.id))
    asyncio.run(asgi._latency({"headers": []}, receive, send))
    assert sent[0]["status"] == status
    assert redis_client().hexists(asgi.LATENCY_KEY, str(tenant.id)) is (status == 204)


@pytest.mark.parametrize(
    "body",
    [b'{"p50": NaN, "p95": 1}', b'{"p50": Infinity, "p95": -Infinity}', b'{"p50": 1, "p95": 1, "n": 1e999}', b"[]"],
)
def test_a_delay_that_is_no_number_is_not_kept(tenant: Any, body: bytes) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asgi, "_allowed", known_page(tenant))
        redis_client().hdel(asgi.LATENCY_KEY, str(tenant.id))
        asyncio.run(asgi._latency({"headers": []}, receive, send))
    kept = redis_client().hget(asgi.LATENCY_KEY, str(tenant.id))
    assert kept is None, json.loads(str(kept))
    assert sent[0]["status"] == 400
