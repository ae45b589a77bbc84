"""The facade for code without an event loop."""

import threading
from functools import partial
from typing import Any

import pytest

from tenant_apps.trading.adapters.blocking import BlockingPlatform
from tenant_apps.trading.errors import PlatformUnavailable


class FakePlatform:
    """Records in which thread it is used; `broken` fails to connect."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.threads: set[str] = set()
        self.closed = False

    async def __aenter__(self) -> "FakePlatform":
        if self.broken:
            raise PlatformUnavailable("down")
        return self

    async def close(self) -> None:
        self.closed = True

    async def double(self, number: int) -> int:
        self.threads.add(threading.current_thread().name)
        return 2 * number

    async def fail(self) -> None:
        raise PlatformUnavailable("gone")


def blocking(fake: Any) -> BlockingPlatform:
    return BlockingPlatform(lambda: fake)


def test_results_and_errors_come_back_and_all_runs_in_one_thread():
    fake = FakePlatform()
    with blocking(fake) as platform:
        assert [platform.run(partial(FakePlatform.double, number=n)) for n in range(3)] == [0, 2, 4]
        with pytest.raises(PlatformUnavailable, match="gone"):
            platform.run(lambda fake: fake.fail())
    assert fake.threads == {"trading platform"}
    assert fake.closed


def test_no_thread_is_left_behind():
    before = threading.active_count()
    with blocking(FakePlatform()):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with pytest.raises(PlatformUnavailable, match="down"), blocking(FakePlatform(broken=True)):
        pass
    assert threading.active_count() == before


def test_after_leaving_nothing_runs():
    platform = blocking(FakePlatform())
    with platform:
        pass
    with pytest.raises(PlatformUnavailable, match="closed"):
        platform.run(lambda fake: fake.double(1))
