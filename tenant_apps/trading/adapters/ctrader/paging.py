"""Lists that come in pieces."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from .values import Malformed

Row = TypeVar("Row")


async def windowed(fetch: Callable[[int, int], Awaitable[tuple[list[Row], bool]]], since: int, until: int) -> list[Row]:
    """All rows of a window of time (milliseconds), halved as long as the server says there are more.

    In which order a shortened answer comes is not the same for all lists, so its rows are not used. Rows at the borders
    may come twice. Raises Malformed when one millisecond holds more than the server gives.
    """
    rows: list[Row] = []
    pending = [(since, until)]
    while pending:
        start, end = pending.pop()
        page, has_more = await fetch(start, end)
        if not has_more:
            rows += page
        elif end - start <= 1:
            raise Malformed("more rows in a millisecond than the server gives")
        else:
            middle = (start + end) // 2
            pending += [(middle, end), (start, middle)]
    return rows
