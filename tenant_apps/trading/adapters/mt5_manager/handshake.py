"""The first four messages of a connection: each side shows that it knows the secret."""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tenant_apps.trading.adapters.sockets import Connector
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection

from . import frames, names
from .config import Mt5ManagerConfig
from .proof import CONTRACT, VERSION, Transcript, is_nonce, new_nonce
from .values import Malformed, Record, moment_text


class Refused(Exception):
    """The service answered with an error."""

    def __init__(self, error: Record) -> None:
        self.name, self.text = error.text("name"), error.text("text")
        self.native = error.integer("native") if error.raw.get("native") is not None else None
        wait = error.raw.get("retry_after_seconds")
        self.wait = wait if isinstance(wait, int) else None
        super().__init__(f"{self.name} {self.text}".strip())


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session is made with. `hear` gets every event and stream message as it comes; it neither waits nor raises."""

    config: Mt5ManagerConfig
    connector: Connector
    context: ssl.SSLContext
    now: Callable[[], datetime]
    hear: Callable[[Record], None]


async def shake_hands(opening: Opening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Log in, and see that the service knows the secret, too; the seconds within which it wants to hear of us.

    Raises PlatformUnavailable, PlatformRejected (credentials, a server that is another).
    """
    server = opening.config.server
    try:
        async with asyncio.timeout(opening.config.connect_seconds):
            hello = await frames.read_frame(reader, frames.HANDSHAKE_BYTES)
            transcript = _transcript(opening, hello, _certificate(opening.config, writer))
            writer.write(frames.pack(_login(opening.config, transcript)))
            answer = await frames.read_frame(reader, frames.HANDSHAKE_BYTES)
        return _welcomed(opening.config, transcript, answer)
    except TimeoutError as error:
        raise PlatformUnavailable("no handshake in time", server=server) from error
    except (OSError, EOFError, Malformed) as error:
        raise PlatformUnavailable(f"handshake: {type(error).__name__} {error}", server=server) from error


def _certificate(config: Mt5ManagerConfig, writer: asyncio.StreamWriter) -> str:
    """The fingerprint of the certificate shown. Raises PlatformRejected for another than the configured."""
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    shown = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
    if config.fingerprint and not hmac.compare_digest(shown, config.fingerprint):
        raise _another(config, f"a certificate with the fingerprint {shown}")
    return shown


def _transcript(opening: Opening, hello: Record, certificate: str) -> Transcript:
    config = opening.config
    if hello.text("type") != "hello" or hello.text("contract") != CONTRACT:
        raise PlatformRejected("not a bridge service", name=Rejection.WRONG_SERVER, server=config.server)
    versions = hello.raw.get("versions")
    if not isinstance(versions, list) or VERSION not in versions:
        text = f"the service speaks versions {versions}, we {VERSION}"
        raise PlatformRejected(text, name=Rejection.WRONG_SERVER, server=config.server)
    if not is_nonce(hello.text("nonce")):
        raise Malformed("no usable nonce")
    return Transcript(
        manager=config.manager,
        certificate=certificate,
        service_nonce=hello.text("nonce"),
        service_time=moment_text(hello.moment("time")),
        client_nonce=new_nonce(),
        client_time=moment_text(opening.now()),
    )


def _login(config: Mt5ManagerConfig, transcript: Transcript) -> dict[str, Any]:
    return {
        "type": "login",
        "version": VERSION,
        "manager": config.manager,
        "nonce": transcript.client_nonce,
        "time": transcript.client_time,
        "proof": transcript.proof(config.password, "client"),
    }


def _welcomed(config: Mt5ManagerConfig, transcript: Transcript, answer: Record) -> int:
    if answer.text("type") == "refused":
        refused = Refused(answer.record("error"))
        raise names.error_of(refused.name, refused.text, server=config.server, native=refused.native, wait=refused.wait)
    if answer.text("type") != "welcome":
        raise Malformed("neither welcome nor refused")
    if not transcript.is_proven(config.password, "service", answer.text("proof")):
        raise _another(config, "the service does not know our secret: it is not what it claims to be")
    return max(1, answer.integer("heartbeat_seconds"))


def _another(config: Mt5ManagerConfig, text: str) -> PlatformRejected:
    return PlatformRejected(text, name=Rejection.SERVER_IDENTITY, server=config.server)
