"""Stamps of syslog -> moments in UTC: the year and the zone that RFC 3164 leaves out, and hours that happen twice."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from tocsin.model import Batch
from tocsin.parse import syslog

_NEW_YEAR = timedelta(days=-7)  # a longer step back is a new year
_OLD_YEAR = timedelta(days=358)  # a longer step forward is the old year again
_AHEAD = timedelta(days=1)  # no line is written later than this after its file
_MINUTE = timedelta(minutes=1)
_QUARTER = timedelta(minutes=15)
_JITTER = timedelta(seconds=5)  # lines of several threads stand in no strict order
_LONG = timedelta(days=300)  # after such a silence the order of lines says nothing about the year
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
_FIRST = syslog.NULS + syslog.PRI + syslog.STAMP


class Known(NamedTuple):
    """What a clock remembers from batch to batch."""

    local: datetime | None = None  # of the last RFC 3164 stamp, naive
    moment: datetime | None = None  # of the last stamp without a zone
    read: datetime | None = None  # when that was read
    guess: int | None = None  # the zone, in minutes east of UTC


class Clock:
    """One source's stamps -> moments. Equal stamps in a row are one moment."""

    def __init__(self, zone: tzinfo | None = None, known: Known | None = None) -> None:
        self._given = zone
        self._local, self._moment, self._read, self._guess = known or Known()
        self._now = self._written = self._limit = self._latest = _EPOCH
        self._again: tuple[datetime, datetime] | None = None  # local stamps that mean the later of two moments
        self._hour = b""  # an RFC 3164 stamp up to its minutes, of an hour like any other
        self._start = self._start_local = _EPOCH
        self._use_zone()

    def _use_zone(self) -> None:
        guess = self._guess
        self._zone = self._given or (UTC if guess is None else timezone(timedelta(minutes=guess)))
        self._steady = isinstance(self._zone, timezone)  # clocks never change there
        self._hour = b""

    @property
    def known(self) -> Known:
        return Known(self._local, self._moment, self._read, self._guess)

    def __str__(self) -> str:
        if self._given:
            return f"{self._given} (settings)"
        if self._guess is None:
            return "UTC (nothing better known)"
        return (
            f"{self._zone} (guessed from the newest line and its file's time; lines from before a clock change"
            " may be an hour off: set the source's timezone)"
        )

    def open(self, batch: Batch, now: datetime) -> None:
        """What the files' times and `now` say about the stamps of this batch."""
        self._now, self._limit = now, max(min(batch.mtime, now), _EPOCH) + _AHEAD
        self._written = min(batch.mtime, self._limit)
        self._latest = min(max(batch.mtime, _EPOCH), _LAST) + _AHEAD  # of stamps with a year, whatever `now` is
        self._hour, self._again = b"", None
        if not batch.newest or not batch.newest_mtime or not _EPOCH < batch.newest_mtime <= now + _AHEAD:
            return
        newest = self._newest(batch.newest, batch.newest_mtime)
        if newest is None:
            return
        if not self._given:
            self._guess_zone(newest, batch.newest_mtime)
        elif batch.mtime == batch.newest_mtime and self._is_later(newest, batch.newest_mtime):
            self._again = newest - 2 * _MINUTE, newest

    def time(self, stamp: bytes) -> datetime | None:
        """The moment that a stamp means; None, and nothing is changed, if it is none or too far ahead."""
        if not stamp[:1].isalpha():
            time = syslog.iso(stamp)
            if time is None or time.tzinfo is None:
                return time and self._zoneless(time)
            return time if time <= self._latest else None
        if stamp[:10] == self._hour:
            seconds = int(stamp[10:12]) * 60 + int(stamp[13:])
            if seconds < 3600 and stamp[13:] < b"60":
                after = timedelta(seconds=seconds)
                self._local, self._moment = self._start_local + after, self._start + after
                return self._moment
        local = self._dated(stamp)
        return None if local is None else self._placed(stamp, local)

    def _zoneless(self, local: datetime) -> datetime | None:
        """The moment of an ISO stamp that names no zone; None, and nothing is changed, if it is too far ahead."""
        moment = self._meant(local)
        if moment > self._latest:
            return None
        self._moment = moment
        return moment

    def _dated(self, stamp: bytes) -> datetime | None:
        """The local time of an RFC 3164 stamp, in the year that the order of lines and the file's time leave."""
        limit, last = self._local_limit(), self._last()
        if not syslog.rfc3164(stamp, 2000):
            return None  # not even in a leap year
        if last:
            for year in (last.year, last.year + 1, last.year - 1):
                local = syslog.rfc3164(stamp, year)
                if local and _NEW_YEAR <= local - last <= _OLD_YEAR and local <= limit:
                    return local
        year = limit.year
        while not (local := syslog.rfc3164(stamp, year)) or local > limit:
            if not local and last:
                return None
            year -= 1  # a leap day can be eight years ago
        return local

    def _local_limit(self) -> datetime:
        return self._limit.astimezone(self._zone).replace(tzinfo=None)

    def _last(self) -> datetime | None:
        return self._local if self._read and self._now - self._read < _LONG else None

    def _placed(self, stamp: bytes, local: datetime) -> datetime:
        """The moment of a dated stamp, which the next one is compared with."""
        self._local, self._read = local, self._now
        start, end = local.replace(minute=0, second=0), local.replace(minute=59, second=59)
        plain = end <= self._local_limit() and (self._steady or self._is_plain(start, end))
        self._hour = stamp[:10] if plain else b""
        self._start, self._start_local = self._utc(start, 0), start
        self._moment = moment = self._meant(local)
        return moment

    def _is_plain(self, start: datetime, end: datetime) -> bool:
        """Whether no clock changes in an hour."""
        return len({time - self._utc(time, fold).replace(tzinfo=None) for time in (start, end) for fold in (0, 1)}) == 1

    def _meant(self, local: datetime) -> datetime:
        """The moment of a local time. Of two it is the earlier, unless lines before or the file's time forbid it."""
        moment = self._utc(local, 0)
        later = moment if self._steady else self._utc(local, 1)
        if moment < later <= self._written + _MINUTE:
            before, again = self._moment, self._again
            if (before and moment < before - _JITTER) or (again and again[0] <= local <= again[1]):
                moment = later
        return moment

    def _utc(self, local: datetime, fold: int) -> datetime:
        return local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC)

    def _newest(self, line: bytes, written: datetime) -> datetime | None:
        """The local time of the live file's newest line, if its stamp names no zone."""
        found = re.match(_FIRST, line)
        if not found:
            return None
        stamp = found["stamp"]
        if not stamp[:1].isalpha():
            time = syslog.iso(stamp)
            return time if time and time.tzinfo is None else None
        near = written.replace(tzinfo=None)
        times = (syslog.rfc3164(stamp, near.year + years) for years in (-1, 0, 1))
        return min((time for time in times if time), key=lambda time: abs(time - near), default=None)

    def _guess_zone(self, newest: datetime, written: datetime) -> None:
        """The zone in which the newest line was written when its file was: whole quarters of an hour from UTC."""
        ahead = newest - written.replace(tzinfo=None)
        quarters = round(ahead / _QUARTER)
        if abs(ahead - quarters * _QUARTER) < _MINUTE and -12 * 4 <= quarters <= 14 * 4:
            self._guess = quarters * 15
            self._use_zone()

    def _is_later(self, newest: datetime, written: datetime) -> bool:
        """Whether the newest line's hour comes twice and its file was written in the second one."""
        later = self._utc(newest, 1)
        return self._utc(newest, 0) < later and abs(later - written) < _MINUTE
