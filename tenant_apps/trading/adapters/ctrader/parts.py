"""What every part of the adapter works with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from tenant_apps.trading.adapters.sockets import Connector
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection

from .catalogue import Catalogue
from .config import CTraderConfig
from .link import Link
from .prices import Prices
from .traders import Book
from .values import Malformed
from .web import Web


@dataclass(frozen=True, slots=True)
class Parts:
    """One server's connections and what is remembered of it."""

    config: CTraderConfig
    now: Callable[[], datetime]
    link: Link
    web: Web
    catalogue: Catalogue
    prices: Prices
    book: Book

    @classmethod
    def made(cls, config: CTraderConfig, *, connect: Connector, now: Callable[[], datetime]) -> "Parts":
        link = Link(config, connector=connect, now=now)
        web = Web(config, connector=connect, now=now)
        catalogue = Catalogue(config, link)
        return cls(config, now, link, web, catalogue, Prices(config, link, catalogue), Book(config, link, web, now))

    @contextmanager
    def decoding(self, what: str) -> Iterator[None]:
        """An answer we cannot read is as good as none: a read may simply be tried again."""
        try:
            yield
        except Malformed as error:
            raise PlatformUnavailable(f"{what}: {error}", server=self.config.server) from error

    def refused(self, text: str, name: Rejection) -> PlatformRejected:
        """Of what is refused before anything is sent."""
        return PlatformRejected(text, name=name, server=self.config.server)
