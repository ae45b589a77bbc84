"""Everybody of the demo who logs in with a second factor, as the sandbox's authenticator wants to know them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .brokers import BROKERS, OPERATORS
from .codes import RECOVERY_CODES, totp_secret


def accounts() -> Iterator[dict[str, object]]:
    """All staff of all brokerages, then the vendor's people: group, label, email, secret, recovery codes."""
    for broker in BROKERS:
        for person in broker.staff:
            yield _entry(broker.name, person.role, person.name, broker.email(person))
    for email, name, role in OPERATORS:
        yield _entry("Vendor", role, name, email)


def _entry(group: str, role: str, name: str, email: str) -> dict[str, object]:
    label = f"{role.replace('_', ' ')}: {name}"
    return {
        "group": group, "label": label, "email": email, "secret": totp_secret(email), "recovery": RECOVERY_CODES,
    }  # fmt: skip


def write(path: Path) -> None:
    """Replace the file as a whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"accounts": list(accounts())}, stream, ensure_ascii=False, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
