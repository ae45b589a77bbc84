"""The server's wall clock and ours.

MT5 writes times as "seconds since 1970" of its *wall clock*, in a zone the broker chooses, summer time
included. The offset is measured, not believed: what the server shows against what our clock shows, rounded
to a quarter of an hour, the finest step any zone has.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the server's wall clock has no zone, that is the point
QUARTER = timedelta(minutes=15)


def measure(server_seconds: int, ours: datetime) -> tuple[timedelta, timedelta]:
    """(offset, skew) of a server showing `server_seconds` at the moment `ours` (aware UTC)."""
    difference = EPOCH + timedelta(seconds=server_seconds) - ours.astimezone(UTC).replace(tzinfo=None)
    offset = round(difference / QUARTER) * QUARTER
    return offset, difference - offset


@dataclass(frozen=True, slots=True)
class WallClock:
    """Converts between the server's wall clock and UTC; with a zone also across changes of summer time.

    In the repeated hour of autumn the first reading is taken: the wall clock does not tell which it is.
    """

    offset: timedelta
    zone: ZoneInfo | None = None
    shift: timedelta = timedelta(0)

    def to_utc(self, seconds: int, microseconds: int = 0) -> datetime:
        wall = EPOCH + timedelta(seconds=seconds, microseconds=microseconds)
        if self.zone is None:
            return (wall - self.offset).replace(tzinfo=UTC)
        return (wall - self.shift).replace(tzinfo=self.zone).astimezone(UTC)

    def from_utc(self, moment: datetime) -> int:
        """Whole seconds of the wall clock at this moment, rounded down."""
        if self.zone is None:
            wall = moment.astimezone(UTC).replace(tzinfo=None) + self.offset
        else:
            wall = moment.astimezone(self.zone).replace(tzinfo=None) + self.shift
        return (wall - EPOCH) // timedelta(seconds=1)

    def offset_at(self, moment: datetime) -> timedelta:
        """What the wall clock shows minus UTC at this moment."""
        if self.zone is None:
            return self.offset
        wall = moment.astimezone(self.zone).replace(tzinfo=None) + self.shift
        return wall - moment.astimezone(UTC).replace(tzinfo=None)
