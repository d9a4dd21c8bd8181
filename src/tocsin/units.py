"""Durations and rates as people write them ("10m", "20/h"), to and from values."""

import re
from dataclasses import dataclass
from datetime import timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_NAMES = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "day": "d", "week": "w"}
_LONGEST = timedelta(days=36500)  # so that a time before or after it is still a date
_DURATION = re.compile(r"(\d{1,10})\s*([smhdw])", re.ASCII)
_RATE = re.compile(r"(\d{1,9})\s*/\s*([a-z]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in each period, one or more."""

    count: int
    period: timedelta

    def __str__(self) -> str:
        period = text(self.period)
        return f"{self.count}/{period[1:] if len(period) == 2 and period[0] == '1' else period}"


def duration(written: str) -> timedelta:
    """The time that "90s", "10m", "1h", "7d" or "2w" means; more than nothing, a century at most. Raises ValueError."""
    found = _DURATION.fullmatch(written.strip())
    if not found or not int(found[1]):
        raise ValueError(f"{written!r} is no duration: a whole number above 0 and one of s, m, h, d, w, as in 10m")
    if int(found[1]) * _SECONDS[found[2]] > _LONGEST.total_seconds():
        raise ValueError(f"{written!r} is too long: a hundred years is the most")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def rate(written: str) -> Rate:
    """The rate that "20/h" or "10/min" means, at least one. Raises ValueError."""
    found = _RATE.fullmatch(written.strip())
    unit = found and _NAMES.get(found[2], found[2])
    if not found or unit not in _SECONDS or not int(found[1]):
        raise ValueError(f"{written!r} is no rate: a whole number above 0, a slash and a unit, as in 20/h")
    return Rate(int(found[1]), timedelta(seconds=_SECONDS[unit]))


def text(time: timedelta) -> str:
    """The shortest exact way to write a whole number of seconds: 600 s are "10m"."""
    seconds = int(time.total_seconds())
    for unit in "wdhm":
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def count(number: int, noun: str) -> str:
    """ "1 packet", "2 packets"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
