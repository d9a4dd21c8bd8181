"""Batches -> totals by src: what the events add up to, for who asks for no single line. In columns, so most is C."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import groupby
from operator import itemgetter

from tocsin.model import Batch, Event, Rule, Totals
from tocsin.parse import netfilter
from tocsin.parse.parser import Parser

_LEAST, _MOST = 1 << 9, 1 << 20  # bytes of lines that are taken at once: more where prefixes are dense
_OCTET = rb"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ALL_V4 = re.compile(rb"(?:%b\.%b\.%b\.%b\n)*+" % (_OCTET, _OCTET, _OCTET, _OCTET))
Packet = tuple[bytes, bytes, bytes, bytes]  # netfilter.COMMON


class Adder(Parser):
    """A parser whose `totals` of a batch are those of its `events`; sources on allow-lists are among them."""

    def __init__(self, rules: Sequence[Rule], *, zone: tzinfo | None = None) -> None:
        super().__init__(rules, zone=zone, allowed=True)
        self._given = zone
        wanted = [rule for several in self._wanted.values() for rule in several]
        simple = len(wanted) == 1 and wanted[0].protocol in (None, b"UDP")
        self._common = netfilter.common(*self._wanted) if simple else None
        self._rule, self._port, _ = wanted[0]
        self._size = _LEAST

    @property
    def guessed(self) -> bool:
        """Whether an event's time rests on a zone that nobody named."""
        return self.zoneless and not self._given and self._clock.known.guess is not None

    def totals(self, batch: Batch, now: datetime) -> Iterator[Totals]:
        """A rule may come several times."""
        if self._common is None:
            yield from added(self.events(batch, now))
            return
        self._clock.open(batch, now)
        packets, rest = self._taken(batch, self._common)
        if packets:
            yield from self._totals(packets)
        if rest:
            yield from added(self.events(rest, now))

    def _taken(self, batch: Batch, common: "re.Pattern[bytes]") -> tuple[list[Packet], Batch | None]:
        """The batch's packets, and from where on each line must be looked at."""
        taken: list[Packet] = []
        data, start, end, needle = batch.data, batch.start, batch.end, self._needles[0]
        at = data.find(needle, start, end)
        while at >= 0:
            line = data.rfind(b"\n", start, at) + 1 or start
            after = data.rfind(b"\n", at, min(at + self._size, end)) + 1 or data.find(b"\n", at, end) + 1 or end
            rows = common.findall(data, line, after)
            packets = [row for row in rows if row[0]]
            if self._ring.held or any(row[3] for row in rows):
                return taken, batch._replace(offset=batch.offset + line - start, start=line)
            taken += packets
            at = data.find(needle, after, end)
            self._size = min(4 * self._size, _MOST) if at - after < self._size else _LEAST
        return taken, None

    def _totals(self, packets: Sequence[Packet]) -> Iterator[Totals]:
        names = self._names({src for _, src, _, _ in packets})
        if not all(names.values()):
            packets = [packet for packet in packets if names[packet[1]]]
        stamps, srcs, ports, _ = zip(*packets, strict=True) if packets else ((), (), (), ())
        runs = [stamp for stamp, _ in groupby(stamps)]
        times = [self._clock.time(stamp) for stamp in runs]
        known = [time for time in times if time]
        port = self._port
        if len(known) == len(times) and sorted(set(known)) == known and (port is None or {port} >= set(ports)):
            yield self._sums([names[src] for src in srcs], stamps, dict(zip(runs, known, strict=True)))
            return
        for time, (stamp, run) in zip(times, groupby(packets, itemgetter(0)), strict=True):
            part = [names[src] for _, src, dpt, _ in run if port in (None, dpt)]
            if not time:
                self.undated += len(part)
            else:
                yield self._sums(part, [stamp] * len(part), {stamp: time})

    def _names(self, srcs: Collection[bytes]) -> dict[bytes, str]:
        """The addresses as `ipaddress` writes them, empty where there is none."""
        lines = b"\n".join(srcs)
        if _ALL_V4.fullmatch(lines + b"\n"):
            return dict(zip(srcs, lines.decode().split("\n"), strict=True))
        return {src: (self._sources.get(src) or self._learn(src))[0] for src in srcs}

    def _sums(self, srcs: Sequence[str], stamps: Sequence[bytes], times: dict[bytes, datetime]) -> Totals:
        """The stamps come in the order of their times."""
        last = dict(zip(srcs, stamps, strict=True))
        first = dict(zip(reversed(srcs), reversed(stamps), strict=True))
        return Totals(
            self._rule,
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
