"""Batches -> totals by src: what the events add up to, for who asks for no single line. In columns, so most is C."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from tocsin.model import Batch, Event, Rule, Totals
from tocsin.parse import netfilter
from tocsin.parse.parser import Parser

_LEAST, _MOST = 1 << 10, 1 << 18  # bytes of lines that are taken at once: more as long as all are about packets
_SRC = netfilter.COLUMNS.index("src")
_OCTET = rb"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ALL_V4 = re.compile(rb"(?:%b\.%b\.%b\.%b\n)*+" % (_OCTET, _OCTET, _OCTET, _OCTET))
Row = tuple[bytes, ...]


class Adder(Parser):
    """A parser whose `totals` of a batch are those of its `events`; sources on allow-lists are among them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(rules, allowed=True)
        simple = len(self._needles) == 1 and all(len(wanted) == 1 for wanted in self._wanted.values())
        self._columns = netfilter.columns(*self._wanted) if simple else None
        self._size = _LEAST

    def totals(self, batch: Batch, now: datetime) -> Iterator[Totals]:
        """A rule may come several times."""
        if self._columns is None:
            yield from added(self.events(batch, now))
            return
        data, end, needle = batch.data, batch.end, self._needles[0]
        self._clock.open(batch, now)
        at = data.find(needle, batch.start, end)
        while at >= 0:
            line = data.rfind(b"\n", batch.start, at) + 1 or batch.start
            after = data.rfind(b"\n", at, min(at + self._size, end)) + 1 or data.find(b"\n", at, end) + 1 or end
            rows = self._columns.findall(data, line, after)
            packets = [row for row in rows if row[0]]
            if packets and (self._ring.held or not self._is_plain(packets)):
                part = batch._replace(offset=batch.offset + line - batch.start, start=line, end=after)
                yield from added(self.events(part, now))
            elif packets:
                yield from self._totals(packets)
            self._size = min(4 * self._size, _MOST) if len(packets) == len(rows) else _LEAST
            at = data.find(needle, after, end)

    def _is_plain(self, rows: Sequence[Row]) -> bool:
        """Whether each line is one packet that the rule watches, and none can be part of a replay."""
        _, repeated, uptimes, _, _, protocols, _, dpts = zip(*rows, strict=True)
        _, port, protocol = next(iter(self._wanted.values()))[0]
        if any(repeated) or not all(uptimes):
            return False
        return (port is None or {port} == set(dpts)) and (protocol is None or {protocol} == set(protocols))

    def _totals(self, rows: Sequence[Row]) -> Iterator[Totals]:
        names = self._names({row[_SRC] for row in rows})
        if not all(names.values()):
            rows = [row for row in rows if names[row[_SRC]]]
        stamps, srcs = [row[0] for row in rows], [names[row[_SRC]] for row in rows]
        runs = [stamp for stamp, _ in groupby(stamps)]
        times = [self._clock.time(stamp) for stamp in runs]
        known = [time for time in times if time]
        if len(known) == len(times) and sorted(set(known)) == known:
            yield self._sums(srcs, stamps, dict(zip(runs, known, strict=True)))
            return
        for time, (stamp, run) in zip(times, groupby(zip(stamps, srcs, strict=True), itemgetter(0)), strict=True):
            part = [src for _, src in run]
            if time:
                yield self._sums(part, [stamp] * len(part), {stamp: time})

    def _names(self, srcs: Collection[bytes]) -> dict[bytes, str]:
        """The addresses as `ipaddress` writes them, empty where there is none."""
        lines = b"\n".join(srcs)
        if _ALL_V4.fullmatch(lines + b"\n"):
            return dict(zip(srcs, lines.decode().split("\n"), strict=True))
        return {src: (self._sources.get(src) or self._learn(src))[0] for src in srcs}

    def _sums(self, srcs: Sequence[str], stamps: Sequence[bytes], times: dict[bytes, datetime]) -> Totals:
        """The stamps come in the order of their times."""
        rule = next(iter(self._wanted.values()))[0].name
        last = dict(zip(srcs, stamps, strict=True))
        first = dict(zip(reversed(srcs), reversed(stamps), strict=True))
        return Totals(
            rule,
            Counter(srcs),
            {src: times[stamp] for src, stamp in first.items()},
            {src: times[stamp] for src, stamp in last.items()},
        )


def added(events: Iterable[Event]) -> Iterable[Totals]:
    """The totals of the events, one for each rule."""
    totals: dict[str, Totals] = {}
    for event in events:
        total = totals.get(event.rule) or totals.setdefault(event.rule, Totals(event.rule, {}, {}, {}))
        src, time = event.src, event.time
        total.packets[src] = total.packets.get(src, 0) + event.packets
        total.first[src] = min(time, total.first.get(src, time))
        total.last[src] = max(time, total.last.get(src, time))
    return totals.values()
