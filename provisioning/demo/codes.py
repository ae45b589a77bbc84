"""Log-ins of the demo: one password for everybody, and second factors that follow from the address.

None of this is secret, and none of it works outside a demo: `seed_demo` refuses to run without RIALTO_DEMO.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

import pyotp

from kernel.clock import UTC

PASSWORD = "Rialto-Demo-2026"  # noqa: S105 - documented, and only ever used by the demo
STEP_SECONDS = 30
# Of every account alike, so that eight hashes serve all; each works once per account.
RECOVERY_CODES = tuple(f"demo-{number:06d}" for number in range(1, 9))


def totp_secret(email: str) -> str:
    """The fixed TOTP secret of an account of the demo (RFC 6238, base32): derived from its address."""
    digest = hashlib.sha256(f"rialto demo: {email.strip().lower()}".encode()).digest()
    return base64.b32encode(digest[:20]).decode()


def code_now(email: str) -> tuple[str, int]:
    """The present code of an account, and for how many more seconds it is the newest one."""
    moment = datetime.now(UTC)  # authenticators follow the real clock, not the demo's
    code = pyotp.TOTP(totp_secret(email)).at(moment)
    return code, STEP_SECONDS - int(moment.timestamp()) % STEP_SECONDS
