"""What a payments worker does when it is to die at a named point (`kernel.tests.dying.at_point`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from kernel import commands, inbox
from kernel.tests.dying import at_point, forked
from tenant_apps.payments.services.bank import statement_approve
from tenant_apps.payments.services.batches import payout_batch_release

from .support import staff


def crashed(what: str, row_id: Any, point: str) -> int:
    """Let a worker process a message (`inbox`), carry a command out (`command`) or be the second pair of eyes on a
    statement (`approve`) or a payment file (`release`); its exit status, KILLED where the point was reached."""
    row = UUID(str(row_id))
    work = {
        "inbox": lambda: inbox.process(row),
        "command": lambda: commands.run(row),
        "approve": lambda: statement_approve(actor=staff(), statement_id=row),
        "release": lambda: payout_batch_release(actor=staff(), batch_id=row),
    }[what]

    def killed() -> None:
        at_point(point)
        work()

    return forked(killed)
