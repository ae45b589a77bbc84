"""The server's return codes, as what they mean for a caller. Numbers: the vendor's return code list."""

from dataclasses import dataclass

from tenant_apps.trading.errors import PlatformError, PlatformRejected, PlatformUnavailable, Rejection

DONE = frozenset({0, 1, 10009})  # done, done without data, trade request done
NOT_FOUND = 13
INVALID_PASSWORD = 3006

# The server could not serve us now. A change answered so was not begun.
BUSY = frozenset({11, 12, 1018})
# Something broke on the way between access server and trade server, or half way: a change may have happened.
BROKEN = frozenset({2, 5, 6, 7, 9, 10, 14, 15, 16, 10012})

REJECTIONS: dict[int, Rejection] = {
    3: Rejection.INVALID_PARAMETERS,
    4: Rejection.INVALID_DATA,
    8: Rejection.NO_PERMISSION,
    NOT_FOUND: Rejection.NOT_FOUND,
    17: Rejection.ALREADY_EXISTS,
    1000: Rejection.AUTHENTICATION_FAILED,
    1001: Rejection.AUTHENTICATION_FAILED,
    1002: Rejection.ACCOUNT_DISABLED,
    1011: Rejection.AUTHENTICATION_FAILED,
    1012: Rejection.BLOCKED_ADDRESS,
    1020: Rejection.NOT_FOUND,
    3002: Rejection.LOGINS_EXHAUSTED,
    3003: Rejection.WRONG_SERVER,
    3004: Rejection.ALREADY_EXISTS,
    INVALID_PASSWORD: Rejection.INVALID_PASSWORD,
    3007: Rejection.LIMIT_REACHED,
    3008: Rejection.HAS_OPEN_TRADES,
    3009: Rejection.WRONG_SERVER,
    3010: Rejection.CURRENCY_DIFFERS,
    4005: Rejection.MONEY_LIMIT,
    10013: Rejection.INVALID_PARAMETERS,
    10018: Rejection.MARKET_CLOSED,
    10019: Rejection.NOT_ENOUGH_MONEY,
    12001: Rejection.WRONG_SERVER,
}


@dataclass(frozen=True, slots=True)
class Retcode:
    """A return code as the server writes it: `"8 Not enough permissions"`.

    The number decides, the text is only for people and differs between builds.
    """

    code: int
    text: str

    @classmethod
    def parse(cls, value: object) -> "Retcode":
        """Raises ValueError when there is no leading number."""
        number, _, text = str(value).strip().partition(" ")
        return cls(int(number), text.strip())

    @property
    def is_done(self) -> bool:
        return self.code in DONE

    @property
    def is_doubtful(self) -> bool:
        """Whether a change answered with this may have happened all the same."""
        return self.code in BROKEN

    def error(self, server: str) -> PlatformError:
        """The error of a refused read, or of a change that certainly did not happen."""
        if self.code in BUSY or self.code in BROKEN:
            return PlatformUnavailable(f"retcode {self.code} {self.text}", server=server)
        name = REJECTIONS.get(self.code, Rejection.OTHER)
        return PlatformRejected(self.text or "refused", name=name, number=self.code, server=server)
