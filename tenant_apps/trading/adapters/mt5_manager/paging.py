"""Lists that come in pages."""

from collections.abc import Collection, Mapping
from typing import Any

from .config import Mt5ManagerConfig
from .link import Link
from .values import Malformed, Record


class Pages:
    def __init__(self, config: Mt5ManagerConfig, link: Link) -> None:
        self._config = config
        self._link = link

    async def all(self, call: str, rows: str, args: Mapping[str, Any]) -> list[Record]:
        """Every row there is; some may come twice. Raises Malformed, PlatformUnavailable, PlatformRejected."""
        found: list[Record] = []
        after: str | None = None
        while True:
            answer = await self._link.ask(call, {**args, "after": after, "limit": self._config.page_size})
            page = answer.records(rows)
            found += page
            following = answer.raw.get("next")
            if following is None:
                return found
            if not isinstance(following, str) or not page or following == after:
                raise Malformed(f"{call}: pages without end")
            after = following

    async def of_accounts(
        self, call: str, rows: str, logins: Collection[int], group: str, args: Mapping[str, Any] | None = None
    ) -> list[Record]:
        """The same of the logins named, or of a group mask. Exactly one of the two, else ValueError."""
        if bool(logins) == bool(group):
            raise ValueError("either logins or a group mask")
        if group:
            return await self.all(call, rows, {"group": group, **(args or {})})
        named, size = sorted(set(logins)), self._config.batch_size
        found: list[Record] = []
        for start in range(0, len(named), size):
            found += await self.all(call, rows, {"logins": named[start : start + size], **(args or {})})
        return found
