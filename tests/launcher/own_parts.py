"""The product on an operator's own database, broker, mail server, bucket and Sentry: once through, told as JSON.

Run by test_own_parts.py in a process of its own, with settings from the environment alone.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from unittest import mock

import django

OWNER = "olga.owner@house.example"
PASSWORD = "wooden harbour lantern 7"
SEALED = b"Passport of Olga Owner"
TOKEN = "token-that-nobody-may-see"
CARD = "4111111111111111"


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from kernel.tenancy import context

    call_command("upgrade", stdout=io.StringIO())
    tenant = _brokerage()
    answers = _requests(tenant.slug)
    with context.use(tenant):
        report = {"answers": answers, "file": _file(), "mail": _mail()}
    _defects(tenant.slug)
    print("REPORT", json.dumps(report))


def _brokerage() -> Any:
    from django.contrib.auth.hashers import make_password

    from kernel.actors import Actor
    from kernel.tenancy import context, directory
    from provisioning.executor import advance
    from provisioning.services import run_start
    from shared_apps.tenants.selectors import tenant_by_slug

    request = {
        "slug": "house", "name": "House Brokers", "preset": "eu_retail", "owner_email": OWNER, "owner_name": "Olga Owner",
        "owner_password": make_password(PASSWORD), "languages": ["en"], "currencies": ["EUR"],
    }  # fmt: skip
    with context.public():
        run = run_start(request=request, actor=Actor(kind="operator", label="Operations"))
        assert advance(run.pk) == "done", run.technical
    directory.forget()
    tenant = tenant_by_slug("house")
    assert tenant is not None
    return tenant


def _browser(slug: str) -> Any:
    from django.test import Client

    return Client(HTTP_HOST=f"office.{slug}.localhost", raise_request_exception=False)


def _requests(slug: str) -> list[int]:
    """A page, a log-in (session in PostgreSQL, throttle in Redis), and a mail asked for."""
    browser = _browser(slug)
    form = {"email": OWNER, "password": PASSWORD}
    return [
        browser.get("/login/").status_code,
        browser.post("/login/", form).status_code,
        browser.post("/password/forgot/", {"email": OWNER}).status_code,
    ]


def _file() -> dict[str, Any]:
    from kernel import files

    row = files.save(SEALED, kind="proof", name="proof.txt", content_type="text/plain")
    return {"same": files.read(row) == SEALED, "id": str(row.pk)}


def _mail() -> dict[str, Any]:
    from kernel import mail
    from tenant_apps.notifications.models import Mail

    due = mail.due(Mail)
    sent = [mail.deliver(Mail, one) for one in due]
    return {"sent": sent, "errors": list(Mail.objects.exclude(error="").values_list("error", flat=True))}


def _defects(slug: str) -> None:
    """A request and a task that break, with everything in them that must not leave."""
    import sentry_sdk

    from kernel.logs import log

    broken = RuntimeError(f"no session for {OWNER}, password={PASSWORD!r}, card {CARD}")
    browser = _browser(slug)
    browser.cookies["sid"] = TOKEN
    with mock.patch("kernel.auth.authenticate", side_effect=broken):
        answer = browser.post(
            f"/login/?token={TOKEN}", {"email": OWNER, "password": PASSWORD}, HTTP_AUTHORIZATION=f"Bearer {TOKEN}",
            HTTP_X_FORWARDED_FOR="203.0.113.9", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT=f"Agent {TOKEN}",
        )  # fmt: skip
    assert answer.status_code == 500, answer.status_code
    log.error("mail_failed", to=OWNER, secret=TOKEN)
    sentry_sdk.flush(10)


if __name__ == "__main__":
    # As manage.py does: the product's folders after the standard library.
    import sys

    root = Path(__file__).resolve().parents[2]
    sys.path += [str(root / "platform"), str(root)]
    main()
