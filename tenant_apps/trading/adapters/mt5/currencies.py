"""Which currency an account is in. The account's own record does not say; its group does."""

import asyncio
from collections.abc import Collection, Iterable

from tenant_apps.trading.adapters.mt5.calls import Call
from tenant_apps.trading.adapters.mt5.config import Mt5Config
from tenant_apps.trading.adapters.mt5.pool import Pool
from tenant_apps.trading.adapters.mt5.records import group_from
from tenant_apps.trading.adapters.mt5.values import Malformed, Record
from tenant_apps.trading.ports import GroupInfo

REMEMBERED = 200_000  # logins; some 20 MB


class Currencies:
    """Remembers login -> group -> currency for a while.

    Safe because a server refuses to move an account to a group of another currency (retcode 3010).
    """

    def __init__(self, config: Mt5Config, pool: Pool) -> None:
        self._config = config
        self._pool = pool
        self._groups: dict[str, tuple[float, GroupInfo]] = {}
        self._group_of: dict[int, tuple[float, str]] = {}

    async def of_group(self, group: str) -> GroupInfo:
        known = self._groups.get(group.casefold())
        if known is not None and known[0] > self._time():
            return known[1]
        answer = await self._pool.call(Call("/api/group/get", {"group": group}))
        if not answer.rows:
            raise Malformed(f"no group {group}")
        info = group_from(Record(answer.rows[0]))
        self._groups[group.casefold()] = (self._time() + self._config.identity_seconds, info)
        return info

    async def of_login(self, login: int) -> GroupInfo:
        """Raises PlatformRejected (NOT_FOUND)."""
        if self._known_group(login) is None:
            self.learn([(await self._pool.call(Call("/api/user/get", {"login": login}))).record])
        group = self._known_group(login)
        if group is None:
            raise Malformed(f"user {login} without a group")
        return await self.of_group(group)

    async def of_logins(self, logins: Collection[int]) -> dict[int, GroupInfo]:
        """Leaves out logins that do not exist."""
        unknown = [login for login in logins if self._known_group(login) is None]
        size = self._config.batch_size
        for start in range(0, len(unknown), size):
            named = ",".join(map(str, unknown[start : start + size]))
            answer = await self._pool.call(Call("/api/user/get_batch", {"login": named}))
            self.learn(Record(row) for row in answer.rows)
        found = {login: group for login in logins if (group := self._known_group(login)) is not None}
        return {login: await self.of_group(group) for login, group in found.items()}

    def knows(self, logins: Iterable[int]) -> bool:
        """Whether the groups of all of them are remembered."""
        return all(self._known_group(login) is not None for login in logins)

    def learn(self, users: Iterable[Record]) -> None:
        """Remember the groups of these user records."""
        if len(self._group_of) > REMEMBERED:
            self._group_of.clear()
        until = self._time() + self._config.identity_seconds
        for user in users:
            self._group_of[user.integer("Login", None)] = (until, user.text("Group"))

    def _known_group(self, login: int) -> str | None:
        known = self._group_of.get(login)
        return known[1] if known is not None and known[1] and known[0] > self._time() else None

    def _time(self) -> float:
        return asyncio.get_running_loop().time()
