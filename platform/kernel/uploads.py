"""A limit for uploads while they arrive. Django limits the fields of a form, but takes files of any size to the disk."""

from __future__ import annotations

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
