"""Second-factor codes by RFC 6238, out of a list of accounts: the authenticators of the people whose mail comes here.

``python -m sandbox.mailbox.codes FILE EMAIL`` prints the present code of one of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEP_SECONDS = 30
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of an authenticator. ``secret`` is base32; ``recovery`` are codes that work without it, each once."""

    group: str
    label: str
    email: str
    secret: str
    recovery: tuple[str, ...] = ()


def read(path: Path | None) -> list[Account]:
    """The accounts of a JSON file, ``{"accounts": [{group, label, email, secret, recovery}]}``; none while there is no file.

    Raises ValueError or KeyError when the file is something else.
    """
    try:
        content = json.loads(path.read_text()) if path else {"accounts": []}
    except FileNotFoundError:
        return []
    return [
        Account(row["group"], row["label"], row["email"], row["secret"], tuple(row.get("recovery", ())))
        for row in content["accounts"]
    ]


def code_at(secret: str, moment: float) -> str:
    """The code of a base32 secret at a moment (Unix seconds): RFC 6238 with SHA-1, 30 seconds and six digits."""
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(moment) // STEP_SECONDS), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def seconds_left(moment: float) -> float:
    """For how long the codes of a moment are the newest ones."""
    return STEP_SECONDS - moment % STEP_SECONDS


def present(accounts: list[Account], moment: float) -> dict[str, Any]:
    """All codes of a moment, as the JSON interface tells them."""
    return {
        "seconds": round(seconds_left(moment), 3),
        "accounts": [
            {"group": one.group, "label": one.label, "email": one.email, "code": code_at(one.secret, moment)}
            for one in accounts
        ],
    }


def main() -> None:
    path, email = Path(sys.argv[1]), sys.argv[2].strip().lower()
    found = next((one for one in read(path) if one.email == email), None)
    if found is None:
        sys.exit(f"{email} has no second factor in this demo")
    moment = time.time()
    print(f"{code_at(found.secret, moment)}  (for {seconds_left(moment):.0f} more seconds; each code works once)")


if __name__ == "__main__":
    main()
