"""The web process: /live/ goes to the stream application, everything else to Django."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.demo")

from django.core.asgi import get_asgi_application  # noqa: E402

_django = get_asgi_application()

from kernel.live.asgi import application as _live  # noqa: E402
from kernel.uploads import limited  # noqa: E402


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"].startswith("/live/"):
        await _live(scope, receive, send)
    else:
        await limited(_django, scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
