"""Both sides prove that they know the shared secret, bound to this connection's certificate, without sending it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Literal

CONTRACT = "rialto-mt5-manager"
VERSION = 1
_NONCE = re.compile(r"[0-9a-f]{64}")

Side = Literal["client", "service"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that both sides have said, and the SHA-256 (hex) of the certificate this connection was made with."""

    manager: int
    certificate: str
    service_nonce: str
    service_time: str
    client_nonce: str
    client_time: str
    version: int = VERSION

    def proof(self, secret: str, side: Side) -> str:
        """HMAC-SHA-256 in hex. `side` is who proves, so that neither proof can be given back as the other."""
        lines = (
            *(CONTRACT, str(self.version), side, str(self.manager), self.certificate),
            *(self.service_nonce, self.service_time, self.client_nonce, self.client_time),
        )
        return hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()

    def is_proven(self, secret: str, side: Side, proof: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(self.proof(secret, side).encode(), proof.encode())


def new_nonce() -> str:
    return secrets.token_hex(32)


def is_nonce(text: str) -> bool:
    return bool(_NONCE.fullmatch(text))
