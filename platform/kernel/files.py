"""Files: sniffed by content, size-limited, sealed at rest, kept outside every web root, one folder per tenant.

A file's type is what its bytes open as, not what its name or the browser says. Images are decoded and written anew,
which drops metadata and anything appended; PDFs must open, and are shown as pictures of their pages, never as PDF.
Bytes are stored before the row, the row in the caller's transaction: a crash leaves at worst an orphan blob, which
`orphans` finds, never a row without its bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel import secrets
from kernel.errors import Invalid
from kernel.models import StoredFile
from kernel.tenancy import context

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_PAGES = 20
_PDFIUM = Lock()  # PDFium is not made for threads: two documents drawn at once end the whole process


class FileRefused(Invalid):
    """Too large, empty, damaged or of a type that is not accepted."""

    code = "file_refused"
    message = pgettext_lazy("upload", "This file cannot be accepted. Use a JPEG, PNG or WebP picture or a PDF.")


class FileTooLarge(FileRefused):
    code = "file_too_large"
    message = pgettext_lazy("upload", "This file is too large. It may have up to 10 MB.")


class BlobStore(Protocol):
    """Where sealed bytes lie. Keys start with the tenant's id, computed at each call."""

    def put(self, key: str, data: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def delete(self, key: str) -> None: ...


class LocalStore:
    """A folder, for one machine. Writes to a temporary name, syncs, then renames: no half file is ever visible."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError("a key leads outside the store")
        return path

    def put(self, key: str, data: bytes) -> None:
        import os

        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.rename(path)

    def get(self, key: str) -> bytes:
        return self._path(key).read_bytes()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)


@cache
def _s3_client(endpoint_url: str, access_key: str, secret_key: str) -> Any:
    """One client per process: it is safe for threads, and making one reads a megabyte of descriptions."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url or None,
        # Without keys, those of the machine's own role.
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        config=Config(
            # Servers other than Amazon's rarely answer at bucket.host, and do not all know the newer checksums.
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 3, "mode": "standard"},
        ),
    )


class S3Store:
    """An S3 bucket (or anything that speaks its protocol)."""

    def __init__(self) -> None:
        given = settings.S3
        self.bucket = given["bucket"]
        self.client: Any = _s3_client(given["endpoint_url"], given["access_key"], given["secret_key"])

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)


def store() -> BlobStore:
    return S3Store() if settings.S3["bucket"] else LocalStore(Path(settings.FILES_ROOT))


def _key(file_id: UUID) -> str:
    return f"{context.tenant().id}/{file_id}"


def sniff(data: bytes) -> str:
    """The type by content: image/jpeg, image/png, image/webp or application/pdf. Raises FileRefused."""
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:5] == b"%PDF-":
        return "application/pdf"
    raise FileRefused(field="file")


def accept(data: bytes) -> tuple[bytes, str, int]:
    """Cleaned bytes, content type and number of pages of an upload. Raises FileRefused or FileTooLarge."""
    if len(data) > MAX_BYTES:
        raise FileTooLarge(field="file")
    kind = sniff(data)
    if kind == "application/pdf":
        return data, kind, _pdf_pages(data)
    return _clean_image(data), kind, 1


def _clean_image(data: bytes) -> bytes:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS or min(image.width, image.height) < 200:
                raise FileRefused(
                    pgettext_lazy("upload", "This picture is too small or too large to be read."),
                    field="file",
                )
            chosen = image.format or "PNG"
            upright = ImageOps.exif_transpose(image)
            if chosen == "JPEG" and upright.mode != "RGB":
                upright = upright.convert("RGB")
            # Pillow writes a JPEG's comment back from here; only what the colours need is kept.
            upright.info = {key: upright.info[key] for key in ("icc_profile", "transparency") if key in upright.info}
            out = io.BytesIO()
            upright.save(out, format=chosen, quality=90)
            return out.getvalue()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FileRefused(field="file") from error


@contextmanager
def _pdf(data: bytes) -> Iterator[Any]:
    """An open PDF, one at a time in this process. Raises FileRefused for what does not open or cannot be drawn."""
    import pypdfium2

    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
            try:
                yield document
            finally:
                document.close()
        except pypdfium2.PdfiumError as error:
            raise FileRefused(field="file") from error


def _pdf_pages(data: bytes) -> int:
    with _pdf(data) as document:
        pages = len(document)
    if not 1 <= pages <= MAX_PAGES:
        raise FileRefused(pgettext_lazy("upload", "This PDF has too many pages. It may have up to 20."), field="file")
    return pages


def save_upload(data: bytes, *, kind: str, name: str, subject: object = "") -> StoredFile:
    """Check, clean, seal and store an upload from outside."""
    clean, content_type, pages = accept(data)
    return save(clean, kind=kind, name=name, content_type=content_type, pages=pages, subject=subject)


def save(data: bytes, *, kind: str, name: str, content_type: str, pages: int = 0, subject: object = "") -> StoredFile:
    """Seal and store bytes of our own making, or already accepted ones."""
    row = StoredFile(
        kind=kind,
        subject=str(subject or ""),
        name=Path(name.replace("\\", "/")).name[:200] or "file",
        content_type=content_type,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        pages=pages,
    )
    store().put(_key(row.id), secrets.seal(data, "kernel.file", "bytes", row.id))
    row.save(force_insert=True)
    return row


def read(row: StoredFile) -> bytes:
    """The file's bytes; the caller has checked that the actor may see them."""
    return secrets.unseal(store().get(_key(row.id)), "kernel.file", "bytes", row.id)


def _scale(page_width: float, page_height: float, width: int) -> float:
    """To `width` pixels, but never higher than three times that: a page's shape is the uploader's to choose, and one of
    1 × 14,400 points would take 100 GB to draw."""
    return min(width / max(page_width, 0.01), 3 * width / max(page_height, 0.01))


def page_picture(row: StoredFile, page: int = 0, *, width: int = 1400) -> bytes:
    """A page as WebP for the screen: `width` pixels wide, narrower when very high. Pictures count as one page."""
    from PIL import Image

    data = read(row)
    if row.content_type == "application/pdf":
        with _pdf(data) as document:
            sheet = document[page]
            page_width, page_height = sheet.get_size()
            # The picture's own copy: PDFium's bitmap ends with the document.
            picture = sheet.render(scale=_scale(page_width, page_height, width)).to_pil().copy()
    else:
        picture = Image.open(io.BytesIO(data))
        picture.thumbnail((width, width * 3))
    out = io.BytesIO()
    picture.convert("RGB").save(out, format="WEBP", quality=82)
    return out.getvalue()
