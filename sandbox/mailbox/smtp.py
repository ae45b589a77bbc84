"""The SMTP side: takes every mail, except for recipients whose names ask for trouble."""

from __future__ import annotations

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from sandbox.mailbox.store import Mailbox

MAX_MESSAGE_BYTES = 25 * 1024 * 1024


class Handler:
    """``bounce…@`` is refused for good (550), ``defer…@`` for now (451)."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.lower().startswith("bounce"):
            return "550 5.1.1 Mailbox does not exist"
        if address.lower().startswith("defer"):
            return "451 4.2.1 Mailbox busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        number = await self.mailbox.add(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        return f"250 2.0.0 Stored as {number}"


def _anyone(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=True)


async def listen(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    """Accept mail on ``host:port``; log-ins are accepted but not asked for."""

    def factory() -> SMTP:
        return SMTP(
            Handler(mailbox), hostname="mailbox.localhost", enable_SMTPUTF8=True, authenticator=_anyone,
            auth_require_tls=False, data_size_limit=MAX_MESSAGE_BYTES,
        )  # fmt: skip

    return await asyncio.get_running_loop().create_server(factory, host, port)
