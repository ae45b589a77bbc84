"""cTrader IDs: who a client is to the terminals. An account is seen there once it is linked to one."""

from .parts import Parts
from .values import password_hash
from .web import Fields, Request


class Ctid:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config

    async def create(self, email: str) -> int:
        """The user of this e-mail address, made when there is none: so asking again does no harm."""
        body = {"email": email, "brokerName": self._config.broker, "preferredLanguage": "EN"}
        answer = await self._parts.web.call(Request("POST", f"{self._config.cid_base}/ctid/create", body=body))
        with self._parts.decoding("ctid/create"):
            return Fields(answer).integer("userId")

    async def link(self, login: int, password: str, user: int) -> int:
        """Show the account in the user's terminals; the link's own number."""
        body = {
            "traderLogin": login,
            "traderPasswordHash": password_hash(password),
            "userId": user,
            "brokerName": self._config.broker,
            "environmentName": self._config.environment,
            "returnAccountDetails": True,
        }
        answer = await self._parts.web.call(Request("POST", f"{self._config.cid_base}/ctid/link", body=body))
        with self._parts.decoding("ctid/link"):
            return Fields(answer).integer("ctidTraderAccountId", 0)
