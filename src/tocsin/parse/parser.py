"""Batches -> events. A batch is searched for the rules' prefixes, and only a line that holds one is looked at."""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from ipaddress import ip_address
from typing import NamedTuple

from tocsin.model import Batch, Event, Rule
from tocsin.parse import netfilter, why
from tocsin.parse.clock import Clock
from tocsin.parse.memory import Hit, dump, load
from tocsin.parse.replay import Line

_NOBODY: frozenset[str] = frozenset()
_SOURCES = 1024  # addresses whose meaning is kept at hand


class Verdict(NamedTuple):
    """What became of one piece of a log that ends in LF; where several rules count it, the event of the first."""

    offset: int
    event: Event | None
    why: str  # it is no event, or does not count
    allowed: bool  # the rule allows the src


class Parser:
    """One source's lines -> events; what it must know from batch to batch is `memory`.

    `zone` is that of the stamps that name none; without it the zone is guessed. `allowed` yields the events of allowed
    sources too. The memory holds once the events of a batch have been taken to their end.
    """

    def __init__(
        self, rules: Sequence[Rule], *, zone: tzinfo | None = None, memory: str = "", allowed: bool = False
    ) -> None:
        self._wanted: dict[bytes, list[why.Wanted]] = {}
        for rule in rules:
            for prefix in rule.prefix:
                self._wanted.setdefault(prefix.encode(errors="replace"), []).append(why.wanted(rule))
        self._needles = [prefix + b"IN=" for prefix in self._wanted]
        self._allow = {rule.name: rule.allow for rule in rules if rule.allow}
        known, self._ring, self.replayed = load(memory, frozenset(rule.name for rule in rules))
        self._clock = Clock(zone, known)
        self._allowed = allowed
        self.undated = 0  # lines about packets whose stamps are no moments
        self._pattern: re.Pattern[bytes] | None = None
        self._sources: dict[bytes, tuple[str, frozenset[str]]] = {}
        self._again: set[int] = set()  # offsets of this batch's lines that are replayed

    @property
    def memory(self) -> str:
        """Opaque text of bounded length: a parser made with it goes on as if it had never stopped."""
        return dump(self._clock.known, self._ring, self.replayed)

    @property
    def zone(self) -> str:
        """The zone of stamps that name none, and how it is known, for people."""
        return str(self._clock)

    @property
    def zoneless(self) -> bool:
        """Whether an event had a stamp that names no zone."""
        return self._clock.known.moment is not None

    def flush(self) -> Iterator[Event]:
        """Events held back, in case they would turn out to be replayed: for when all there is has been read."""
        for _, events in self._ring.release():
            yield from events

    def events(self, batch: Batch, now: datetime) -> Iterator[Event]:
        """The events of the batch in the order of its lines, without those that a rule allows."""
        return self._events(batch, now, allowed=self._allowed)

    def verdicts(self, batch: Batch, now: datetime) -> Iterator[Verdict]:
        """What became of each piece of the batch. Events held back at its end are said to count."""
        found: dict[int, Event] = {}
        for event in self._events(batch, now, allowed=True):
            found.setdefault(event.offset, event)
        for _, (_, events) in self._ring.held:
            for event in events:
                found.setdefault(event.offset, event)
        data, line = batch.data, batch.start
        explain = why.Explainer(self._wanted)
        while line < batch.end:
            after = (data.find(b"\n", line, batch.end) + 1) or batch.end
            offset = batch.offset + line - batch.start
            yield self._verdict(offset, found.get(offset), explain, bytes(data[line:after]))
            line = after

    def _verdict(self, offset: int, event: Event | None, explain: why.Explainer, line: bytes) -> Verdict:
        if event is None:
            said = "the kernel's ring again" if offset in self._again else explain(line)
            return Verdict(offset, None, said, allowed=False)
        allowed = event.rule in self._allowing(event.src)
        return Verdict(offset, event, f"the rule allows {event.src}" if allowed else "", allowed=allowed)

    def _events(  # noqa: C901 (the hot path: a call a line would cost a third)
        self, batch: Batch, now: datetime, *, allowed: bool
    ) -> Iterator[Event]:
        data, start, end = batch.data, batch.start, batch.end
        self._clock.open(batch, now)
        self._again.clear()
        seek = _seeker(data, self._needles, end)
        at = seek(start)
        if at < 0:
            return
        if self._pattern is None:
            self._pattern = netfilter.line(self._wanted)
        scanner, find, rfind = netfilter.scanner(self._pattern), data.find, data.rfind
        new: Callable[[type[Event], tuple[object, ...]], Event] = tuple.__new__
        clock, sources, every, ring = self._clock.time, self._sources, self._wanted, self._ring
        base, file, last = batch.offset - start, batch.file, b""
        time: datetime | None = None
        while at >= 0:
            line = begun = rfind(b"\n", start, at) + 1 or start
            # Lines about packets come in runs: each ends where the next begins.
            for found in iter(scanner(data, line, end).match, None):
                stamp, repeated, uptime, prefix, mac, src, _, protocol, spt, dpt = found.groups(b"")
                offset, line = base + line, found.end()
                text, allowing = sources.get(src) or self._learn(src)
                if not text:
                    continue
                if stamp != last:
                    last, time = stamp, clock(stamp)
                if time is None:
                    self.undated += 1
                    continue
                packets = int(repeated) if repeated else 1
                if uptime and not ring.held:
                    for name, port, proto in every[prefix]:
                        fits = (port is None or port == dpt) and (proto is None or proto == protocol)
                        if fits and (allowed or name not in allowing):
                            yield new(Event, (name, text, time, packets, file, offset, spt, dpt, mac))
                    continue
                events = [
                    Event(name, text, time, packets, file, offset, spt, dpt, mac)
                    for name, port, proto in every[prefix]
                    if (port is None or port == dpt) and (proto is None or proto == protocol)
                    if allowed or name not in allowing
                ]
                yield from self._decided(None if uptime else _line(found, time), (offset, events))
            at = seek(line if line > begun else find(b"\n", at, end) + 1 or end)

    def _learn(self, src: bytes) -> tuple[str, frozenset[str]]:
        """(the address as `ipaddress` writes it, the names of the rules that allow it), kept at hand."""
        text = netfilter.address(src)
        if len(self._sources) >= _SOURCES:
            self._sources.clear()
        known = self._sources[src] = text, self._allowing(text) if text and self._allow else _NOBODY
        return known

    def _allowing(self, src: str) -> frozenset[str]:
        found = ip_address(src)
        return frozenset(
            name for name, networks in self._allow.items() if any(found in network for network in networks)
        )

    def _decided(self, line: Line | None, hit: Hit) -> Iterator[Event]:
        """The events that a line makes certain. One with an uptime is not imkmsg's."""
        counting, replayed = self._ring.put(line, hit) if line else ([*self._ring.release(), hit], [])
        for offset, events in replayed:
            self._again.add(offset)
            self.replayed += bool(events)
        for _, events in counting:
            yield from events


def _line(found: re.Match[bytes], time: datetime) -> Line:
    text = found.string[found.start("prefix") : found.end()]
    return Line(zlib.crc32(text.rstrip(b" ]\r\n")), time.timestamp())


def _seeker(data: bytearray, needles: Sequence[bytes], end: int) -> Callable[[int], int]:
    """A function that says where the first needle at or after a place is; -1 if there is none."""
    if len(needles) == 1:
        find, needle = data.find, needles[0]
        return lambda at: find(needle, at, end)
    places = dict.fromkeys(needles, -1)

    def seek(at: int) -> int:
        for needle in [needle for needle, place in places.items() if place < at]:
            places[needle] = data.find(needle, at, end)
            if places[needle] < 0:
                del places[needle]
        return min(places.values(), default=-1)

    return seek
