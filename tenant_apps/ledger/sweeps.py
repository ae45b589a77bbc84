"""Settling very many accounts beside clients who move money: chunk by chunk, with room between the chunks.

One transaction over 100,000 accounts stops every withdrawal for as long as it runs; chunks of a hundred accounts, with
room between them, cost the clients little (docs/benchmarks.md, sweep). A chunk is all or none, and its locks end with it.
A sweep that was killed is started again with the same postings: those that were posted are passed over by their keys.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db import connection

from kernel.actors import Actor

from .errors import AccountClosed, AccountFrozen, InsufficientFunds
from .services import MOST_LEGS, Posting, post_many

CHUNK_LEGS = 200  # its locks are kept for some milliseconds, a commit included
REST = 3.0  # pause after a chunk, in the time that the chunk took: the sweep has at most a quarter of one core
LONGEST_REST = 2.0  # seconds
_OF_THE_ACCOUNT = (InsufficientFunds, AccountFrozen, AccountClosed)


@dataclass(slots=True)
class Sweep:
    """What a sweep has done so far: `posted` anew, and by key what an account's state refused, for a person to look at."""

    posted: int
    refused: dict[str, str]
    chunks: int


def sweep(*, postings: Iterable[Posting], actor: Actor, pause: Callable[[float], None] = time.sleep) -> Sweep:
    """Post all of them in the order given, in chunks with a transaction each. Give them in the order of their accounts.

    `postings` is read chunk by chunk, so it may be a generator. What one account refuses does not stop the others.
    `pause` is given the seconds to wait. Raises KeyReused, PeriodClosed or Unbalanced for a defect of the caller; the
    chunks before it stay posted.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a sweep commits its chunks; inside a transaction all its locks would stay to the end")
    done, took = Sweep(0, {}, 0), 0.0
    for chunk in _chunks(postings):
        if done.chunks:
            pause(min(took * REST, LONGEST_REST))
        began = time.monotonic()
        done.posted += _post(chunk, actor, done.refused)
        took = time.monotonic() - began
        done.chunks += 1
    return done


def _post(chunk: list[Posting], actor: Actor, refused: dict[str, str]) -> int:
    """Post the chunk without those that their accounts refuse, each noted; how many were new."""
    left = chunk
    while left:
        try:
            return post_many(postings=left, actor=actor)
        except _OF_THE_ACCOUNT as refusal:
            key = str(refusal.data["key"])
            refused[key] = refusal.code
            left = [posting for posting in left if posting.key != key]
    return 0


def _chunks(postings: Iterable[Posting]) -> Iterator[list[Posting]]:
    """Of at most CHUNK_LEGS legs; a posting with more of its own is a chunk by itself. Raises ValueError over MOST_LEGS."""
    chunk: list[Posting] = []
    legs = 0
    for posting in postings:
        if len(posting.legs) > MOST_LEGS:
            raise ValueError(f"{posting.key}: {len(posting.legs)} legs; at most {MOST_LEGS}")
        if chunk and legs + len(posting.legs) > CHUNK_LEGS:
            yield chunk
            chunk, legs = [], 0
        chunk.append(posting)
        legs += len(posting.legs)
    if chunk:
        yield chunk
