"""A worker that dies by SIGKILL at a named point: `python -m …crash_worker <tenant> <what> <id> <point>`.

`point` is `<module>.<function>:before|after` of ours or the kernel's; empty means it lives.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any


def arm(point: str) -> None:
    """Replace the function by one that kills the process before or after doing its work."""
    target, _, when = point.partition(":")
    module_name, _, name = target.rpartition(".")
    module: Any = None
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError:  # a method: the last part but one is its class
        inner, _, class_name = module_name.rpartition(".")
        module = getattr(importlib.import_module(inner), class_name)
    original = getattr(module, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, deadly)


def decide(what: str, row_id: Any) -> None:
    """The second pair of eyes on a statement or a payment file."""
    from tenant_apps.payments.services.bank import statement_approve
    from tenant_apps.payments.services.batches import payout_batch_release

    from .support import staff

    if what == "approve":
        statement_approve(actor=staff(), statement_id=row_id)
    else:
        payout_batch_release(actor=staff(), batch_id=row_id)


def main(tenant_id: str, what: str, row_id: str, point: str = "") -> None:
    import django

    django.setup()
    from pathlib import Path
    from uuid import UUID

    from django.conf import settings

    from kernel import commands, inbox
    from kernel.tenancy import context, directory

    settings.FILES_ROOT = Path(os.environ["CRASH_FILES_ROOT"])
    tenant = directory.by_id(tenant_id)
    assert tenant is not None
    with context.use(tenant):
        if point:
            arm(point)
        if what == "inbox":
            inbox.process(UUID(row_id))
        elif what in {"approve", "release"}:
            decide(what, UUID(row_id))
        else:
            commands.run(UUID(row_id))


if __name__ == "__main__":
    main(*sys.argv[1:])
