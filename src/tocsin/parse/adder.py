"""Batches -> totals by src: what the events add up to, for who asks for no single line. In columns, so most is C."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from tocsin.model import Batch, Event, Rule, Total
from tocsin.parse import netfilter
from tocsin.parse.parser import Parser

_LEAST, _MOST = 1 << 10, 1 << 16  # bytes of lines that are taken at once: more as long as all are about packets
_SRC = netfilter.COLUMNS.index("src")
Row = tuple[bytes, ...]


class Adder(Parser):
    """A parser whose `totals` of a batch are those of its `events`; sources on allow-lists are among them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(rules, allowed=True)
        self._simple = len(self._needles) == 1 and all(len(wanted) == 1 for wanted in self._wanted.values())
        self._columns = netfilter.columns(*self._wanted) if self._simple else None

    def totals(self, batch: Batch, now: datetime) -> Iterator[Total]:
        """A src may come several times."""
        if self._columns is None:
            yield from map(one, self.events(batch, now))
            return
        data, end, needle, size = batch.data, batch.end, self._needles[0], _LEAST
        self._clock.open(batch, now)
        at = data.find(needle, batch.start, end)
        while at >= 0:
            line = data.rfind(b"\n", batch.start, at) + 1 or batch.start
            after = data.rfind(b"\n", at, min(at + size, end)) + 1 or data.find(b"\n", at, end) + 1 or end
            rows = self._columns.findall(data, line, after)
            packets = [row for row in rows if row[0]]
            if packets and (self._ring.held or not self._is_plain(packets)):
                part = batch._replace(offset=batch.offset + line - batch.start, start=line, end=after)
                yield from map(one, self.events(part, now))
            elif packets:
                yield from self._added(packets)
            size = min(2 * size, _MOST) if len(packets) == len(rows) else _LEAST
            at = data.find(needle, after, end)

    def _is_plain(self, rows: Sequence[Row]) -> bool:
        """Whether each line is one packet that the rule watches, and none can be part of a replay."""
        _, repeated, uptimes, _, _, protocols, _, dpts = zip(*rows, strict=True)
        _, port, protocol = next(iter(self._wanted.values()))[0]
        if any(repeated) or not all(uptimes):
            return False
        return (port is None or {port} == set(dpts)) and (protocol is None or {protocol} == set(protocols))

    def _added(self, rows: Sequence[Row]) -> Iterator[Total]:
        names = {src: (self._sources.get(src) or self._learn(src))[0] for src in {row[_SRC] for row in rows}}
        if not all(names.values()):
            rows = [row for row in rows if names[row[_SRC]]]
        stamps, srcs = [row[0] for row in rows], [names[row[_SRC]] for row in rows]
        runs = [stamp for stamp, _ in groupby(stamps)]
        times = [self._clock.time(stamp) for stamp in runs]
        known = [time for time in times if time]
        if len(known) == len(times) and sorted(set(known)) == known:
            yield from self._sums(srcs, stamps, dict(zip(runs, known, strict=True)))
            return
        for time, (stamp, run) in zip(times, groupby(zip(stamps, srcs, strict=True), itemgetter(0)), strict=True):
            part = [src for _, src in run]
            if time:
                yield from self._sums(part, [stamp] * len(part), {stamp: time})

    def _sums(self, srcs: Sequence[str], stamps: Sequence[bytes], times: dict[bytes, datetime]) -> Iterator[Total]:
        """The stamps come in the order of their times."""
        rule = next(iter(self._wanted.values()))[0].name
        last = dict(zip(srcs, stamps, strict=True))
        first = dict(zip(reversed(srcs), reversed(stamps), strict=True))
        for src, packets in Counter(srcs).items():
            yield Total(rule, src, packets, times[first[src]], times[last[src]])


def one(event: Event) -> Total:
    """The total of a single event."""
    return Total(event.rule, event.src, event.packets, event.time, event.time)
