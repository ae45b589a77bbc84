"""Identifiers. Version 7 UUIDs (RFC 9562, 5.7): unguessable enough to be public, ordered enough to index well."""

import os
import time
import uuid
from datetime import UTC, datetime


def uuid7() -> uuid.UUID:
    """48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & (1 << 62) - 1
    return uuid.UUID(int=value)


def made_at(value: uuid.UUID) -> datetime | None:
    """When a version 7 id was made, by its own word; None of another version, which says nothing of it."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC) if value.version == 7 else None


def short_id(length: int = 10) -> str:
    """Random lower-case base-32 text without letters that look alike; for schema names and references."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(alphabet[byte % 32] for byte in os.urandom(length))


def parse_uuid(text: object) -> uuid.UUID | None:
    """The id that text from outside spells out; None when it spells none."""
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
