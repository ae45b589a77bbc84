"""A worker that kills itself with SIGKILL while a step's transaction is open: run by test_once.py."""

from __future__ import annotations

import os
import signal
import sys

import django


def main(tenant_id: str, enrolment_id: str, database: str) -> None:
    django.setup()
    from django.db import connections

    connections["default"].settings_dict["NAME"] = database
    from kernel.tenancy import context, directory
    from tenant_apps.campaigns import series

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    series._advance = die  # the mail and its StepSent row are written, nothing is committed
    tenant = directory.by_id(tenant_id)
    assert tenant is not None
    with context.use(tenant):
        series.step_send(enrolment_id=enrolment_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
