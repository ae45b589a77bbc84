"""Limits for what is sent to us while it arrives.

Django limits the fields of a form, but takes files of any size to the disk; and as an ASGI application it keeps the
whole body there before anything of ours has seen the request, whoever sends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class QuotaHandler(FileUploadHandler):
    """First in `FILE_UPLOAD_HANDLERS`: ends a request whose files together exceed `settings.UPLOAD_MAX_BYTES` with 400."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.taken += len(raw_data)
        if self.taken > settings.UPLOAD_MAX_BYTES:
            raise RequestDataTooBig("the files of this request are too large")
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


AsgiApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class _BodyTooLarge(Exception):
    """More has come than any page takes."""


async def limited(app: AsgiApplication, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The application with a body of at most `settings.BODY_MAX_BYTES`; beyond it 413, and the rest is not read."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(length) > settings.BODY_MAX_BYTES:
        await _refuse(send)
        return
    taken = 0

    async def counted() -> dict[str, Any]:
        nonlocal taken
        message: dict[str, Any] = await receive()
        taken += len(message.get("body", b""))
        if taken > settings.BODY_MAX_BYTES:
            raise _BodyTooLarge
        return message

    try:
        await app(scope, counted, send)
    except _BodyTooLarge:
        await _refuse(send)


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"too large"})
