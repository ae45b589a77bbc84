"""Health: `live` says the process answers, without I/O; `ready` that its database and Redis do. Never third parties."""

from __future__ import annotations

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from kernel.guards import open_to_all
from kernel.redis import client
from kernel.tenancy import context


@open_to_all("health")
def live(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@open_to_all("health")
def ready(request: HttpRequest) -> HttpResponse:
    checks = {"database": _database(), "redis": _redis()}
    return JsonResponse(checks, status=200 if all(checks.values()) else 503)


def _database() -> bool:
    try:
        with context.public(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return True
    except DatabaseError:
        return False


def _redis() -> bool:
    try:
        return bool(client().ping())
    except redis.RedisError:
        return False
