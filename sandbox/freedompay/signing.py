"""``pg_sig``: md5 over script name, values in the order of their names, and the merchant's secret, joined by semicolons.

The script name is the last part of the address that is called, without its query; of an address that ends in a slash it
is empty (PayBox' PHP library, ``getScriptNameFromUrl``). Nested elements are signed in place, by their own names.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Iterator
from typing import Union
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

Value = Union[str, int, "list[tuple[str, Value]]"]
Fields = list[tuple[str, Value]]
_SALT = string.ascii_letters + string.digits


def script_name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def salt() -> str:
    return "".join(secrets.choice(_SALT) for _ in range(16))


def _leaves(fields: Fields, path: str = "") -> Iterator[tuple[str, str]]:
    for index, (name, value) in enumerate(fields, start=1):
        if name == "pg_sig":
            continue
        place = f"{path}{name}{index:03d}"
        if isinstance(value, list):
            yield from _leaves(value, place)
        else:
            yield place, str(value)


def signature(script: str, fields: Fields, secret: str) -> str:
    values = [value for _, value in sorted(_leaves(fields))]
    return hashlib.md5(";".join([script, *values, secret]).encode(), usedforsecurity=False).hexdigest()


def signed(script: str, fields: Fields, secret: str) -> Fields:
    """The fields with salt and signature."""
    whole: Fields = [*fields, ("pg_salt", salt())]
    return [*whole, ("pg_sig", signature(script, whole, secret))]


def _xml(fields: Fields) -> str:
    written = []
    for name, value in fields:
        inner = _xml(value) if isinstance(value, list) else escape(str(value))
        written.append(f"<{name}>{inner}</{name}>")
    return "".join(written)


def document(fields: Fields) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<response>{_xml(fields)}</response>\n'.encode()
