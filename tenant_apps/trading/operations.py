"""Our operation ids as they stand in a server's comment: short, reversible, safe in an address line."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

PREFIX = "r"
LENGTH = 23  # PREFIX and 16 bytes in unpadded base64url; 8 of the 31 characters stay for a note
NOTE_LENGTH = 7


def operation_id(command_id: UUID) -> str:
    """`018f…` → `rAY8…`, the same for ever for the same command."""
    return PREFIX + base64.urlsafe_b64encode(command_id.bytes).rstrip(b"=").decode()


def command_of(comment: str) -> UUID | None:
    """The command whose operation a deal's comment names; None for a comment that is not ours."""
    first = comment.partition(" ")[0]
    if len(first) != LENGTH or not first.startswith(PREFIX):
        return None
    try:
        raw = base64.b64decode(first[1:] + "==", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return UUID(bytes=raw) if len(raw) == 16 else None
