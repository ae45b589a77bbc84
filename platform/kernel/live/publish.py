"""Live pages, sending side: `publish(topic, ...)` reaches every open page of this tenant that watches the topic.

Messages say that something changed, with a few values; pages fetch what they show through ordinary, permission-checked
views. Topics are per tenant by construction. The last 200 messages of a topic are kept for reconnecting pages.
"""

from __future__ import annotations

import json
import time
from typing import Any

import redis
from django.db import transaction

from kernel import secrets
from kernel.logs import log
from kernel.redis import client
from kernel.tenancy import context

KEEP = 200
TOKEN_AGE = 12 * 3600


_bare: set[str] = set()


def bare(topic: str) -> None:
    """Declare a topic that people of different reach watch: its pages learn that something changed, and no values.

    So what a message says of one object is known to those only who may see it: their page asks for it.
    """
    _bare.add(topic)


def channel(tenant_id: object, topic: str) -> str:
    return f"rialto:live:{tenant_id}:{topic}"


def publish(topic: str, data: dict[str, Any] | None = None, *, event_ms: int | None = None) -> None:
    """Tell watchers of `topic` after the transaction commits. `event_ms`: epoch milliseconds of the event's origin."""
    scope = context.scope()
    owner = scope.tenant.id if scope.tenant else scope.kind
    told = {} if topic in _bare else data or {}
    message = {"topic": topic, "data": told, "ts": event_ms or int(time.time() * 1000)}
    transaction.on_commit(lambda: send(owner, [(topic, message)]))


def send(owner: object, messages: list[tuple[str, dict[str, Any]]]) -> None:
    """Send now, many at once in one round trip; for the bridge, which has no transaction around it."""
    try:
        pipe = client().pipeline(transaction=False)
        for topic, message in messages:
            text = json.dumps(message, separators=(",", ":"))
            key = channel(owner, topic)
            pipe.xadd(f"{key}:log", {"m": text}, maxlen=KEEP, approximate=True)
            pipe.expire(f"{key}:log", 600)
            pipe.publish(key, text)
        pipe.execute()
    except redis.RedisError:
        log.warning("live_unavailable")


def token(topics: list[str], session_key: str, rights: str = "", *, since: float | None = None) -> str:
    """What a page presents to /live/: the topics its view allowed, bound to tenant and session, for half a day.

    `rights` is the stamp of the rights that the view judged by (AbstractAccount.rights_stamp): with other rights, the
    page has to be asked again. `since`: seconds of the epoch; the page may not have seen what happened from then on, and
    its stream begins with that. Without it, with what happens once the stream is open.
    """
    from_id = "" if since is None else str(int(since * 1000) - 1)
    claims = {"topics": sorted(set(topics)), "session": session_key[:12], "rights": rights, "since": from_id}
    return secrets.sign(claims, purpose="live")
