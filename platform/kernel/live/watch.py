"""Ends live streams whose log-in is over: sign-out, a changed password, a closed account, an ended break-glass entry.

And those whose rights are not any more what the page was rendered with: the page asks for itself again and goes on with
what it may watch now. Nobody who ends a log-in or changes a role has to think of streams: every few seconds each process
asks, in three queries per brokerage that has streams, which of their sessions still live and with what rights. While
the database does not answer, streams stay as they are.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asgiref.sync import sync_to_async

from kernel import sessions
from kernel.logs import log
from kernel.tenancy import context

CHECK_SECONDS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """An open stream: whose, by which session, with the stamp of which rights, and how to end it."""

    owner: context.Scope
    session_key: str
    rights: str
    end: Callable[[], None]


class Watch:
    """The open streams of this process; its task runs while there are any."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, stream: Stream) -> None:
        self.streams.add(stream)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def leave(self, stream: Stream) -> None:
        self.streams.discard(stream)

    async def _run(self) -> None:
        while self.streams:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Look at every stream's session once, and end those without one or with other rights."""
        groups: dict[tuple[str, str], list[Stream]] = defaultdict(list)
        for stream in self.streams:
            groups[stream.owner.kind, stream.owner.schema].append(stream)
        for group in groups.values():
            try:
                alive = await ask(group[0].owner, {stream.session_key for stream in group})
            except Exception:  # noqa: BLE001 - one brokerage's trouble is not the others', and the next round asks again
                log.warning("live_watch_failed", exc_info=True)
                continue
            for stream in group:
                if alive.get(stream.session_key) != stream.rights:
                    stream.end()


async def ask(owner: context.Scope, keys: Iterable[str]) -> dict[str, str]:
    """Which of these session keys still stand for somebody in this scope, and the stamps of their rights."""
    entered = context.enter(owner)
    try:
        return await sync_to_async(_living)(list(keys))
    finally:
        context.leave(entered)


def _living(keys: list[str]) -> dict[str, str]:
    from django.db import close_old_connections

    try:
        return sessions.living(keys)
    finally:
        close_old_connections()


WATCH = Watch()
