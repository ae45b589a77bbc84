"""Idempotency keys for whoever may ask twice: a form sent twice, an API client that retries.

    with once(scope="portal.deposit", key=key, request=payload) as attempt:
        if attempt.answer is None:
            attempt.answer = {...}          # stored in the same transaction as the effects
    return attempt.answer

Same key and same request: the stored answer. Same key, another request: Conflict. Two at once: the second waits on the
unique row and then finds the answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from kernel.errors import Conflict
from kernel.events import as_plain
from kernel.models import IdempotencyRecord


@dataclass
class Attempt:
    answer: Any = None
    repeated: bool = False


def request_hash(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(as_plain(request), sort_keys=True).encode()).hexdigest()


@contextmanager
def once(*, scope: str, key: str, request: Mapping[str, Any]) -> Iterator[Attempt]:
    """Run the block at most once per key; its effects and its answer commit together."""
    digest = request_hash(request)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO kernel_idempotency (scope, key, request_hash) VALUES (%s, %s, %s)"
                " ON CONFLICT (scope, key) DO NOTHING",
                [scope, key, digest],
            )
        record = IdempotencyRecord.objects.select_for_update().get(scope=scope, key=key)
        if record.request_hash != digest:
            raise Conflict(key=key)
        attempt = Attempt(record.response, repeated=record.response is not None)
        yield attempt
        if not attempt.repeated:
            record.response = as_plain(attempt.answer)
            record.save(update_fields=["response"])
