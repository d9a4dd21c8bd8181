"""Events -> alerts: runs of events by rule and src, in event time, in bounded memory.

A run goes on while each event comes less than the rule's window after the run's last one; it is an alert once
`threshold` of its events lie within the window. What seems to come a day before its run was written after a clock was
set right, and begins a new one. Only the order and the times of the events decide, never how they were cut into
batches. Beyond `SOURCES` sources counts become lower bounds by the method of Misra and Gries (1982): no source with
more than 1/SOURCES of the events is lost, and none is counted too high.
"""

from bisect import insort
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import IPv6Network, ip_address
from typing import NamedTuple
from zlib import compress, crc32, decompress

from tocsin.model import BLIND, Alert, Attack, Event, Others, Place, Rule, Seen, Totals

SOURCES = 10_000  # a table of sources keeps at least so many exactly; it is cut down at twice as many
_SLOT = 600  # seconds: counts are kept by ten minutes
_SHOWN = 8  # ports kept of each src
_TIMES = 32  # kept of a run below the threshold: of each event, or of each n-th where the threshold is higher
BACK = timedelta(days=1)  # what comes so long before the last event follows a clock that was ahead
_MARKS = 1 << 20  # by which the sources beyond the table are told apart


class Crowd:
    """The sources beyond a table: how many at least, and by how much a count that is left in the table may be short."""

    def __init__(self, error: int = 0, bitmap: bytes = b"") -> None:
        self.error = error
        self._marks = bytearray(decompress(bitmap)) if bitmap else bytearray()  # one byte a mark: faster than a bit

    @property
    def bitmap(self) -> bytes:
        """What `Crowd` makes the same sources of; empty if there are none."""
        return compress(self._marks, 1) if self._marks else b""

    def add(self, keys: Iterable[str]) -> None:
        marks = self._marks = self._marks or bytearray(_MARKS)
        for mark in map(crc32, map(str.encode, keys)):
            marks[mark % _MARKS] = 1

    def size(self, listed: Iterable[str]) -> int:
        """How many at least: two may share a mark, and one that is listed again is in the crowd no more."""
        if not self._marks:
            return 0
        back = {crc32(key.encode()) % _MARKS for key in listed}
        return self._marks.count(1) - sum(self._marks[mark] for mark in back)


class Table:
    """A rule's sources, each with its run of events, and the attack that they are part of."""

    def __init__(
        self, rule: Rule, attack: Attack | None = None, bitmap: bytes = b"", starts: Collection[datetime] = ()
    ) -> None:
        self.rule = rule
        self.attack = attack  # the one that is on, or was last
        self._starts = set(starts)  # of all attacks that anybody may remember: no two are one
        self.crowd = Crowd(attack.error if attack else 0, bitmap)
        self.seen: dict[str, Seen] = {}
        self.settle()
        self._keys: dict[str, str] = {}
        self._when: datetime | None = None
        self._slot = 0

    def settle(self) -> None:
        """What changed has been stored."""
        self.earlier: list[Attack] = []  # attacks that ended
        self.ended: list[Seen] = []  # alerts whose src began a new run
        self.changed: set[str] = set()
        self._stored = frozenset(self.seen)
        self.counts: dict[tuple[str, int], int] = {}  # events by key and ten minutes since 1970; key "" is the crowd

    def load(self, stored: Iterable[Seen]) -> None:
        """Takes up the runs as they were stored last."""
        self.seen = {seen.key: seen for seen in stored}
        self._stored = frozenset(self.seen)

    @property
    def gone(self) -> frozenset[str]:
        """Keys that are stored and left the table; what came and went since is not among them, however much it was."""
        return self._stored - self.seen.keys()

    def add(self, event: Event) -> None:
        key = self._key(event.src) if ":" in event.src else event.src
        seen = self.seen.get(key)
        if seen is None:
            seen = self._begin(key, event)
        elif self._begins(event, seen):
            self._end(seen)
            seen = self._begin(key, event)
        else:
            _go_on(seen, event)
        self.changed.add(key)
        if seen.attack is None:
            self._weigh(seen, event)
        else:
            assert self.attack  # noqa: S101 (else a new run would have begun)
            self.attack.events += event.packets
            self.attack.last = max(self.attack.last, event.time)
        self._count(key, event)
        if len(self.seen) > 2 * SOURCES:
            self._shrink(event.time)
            self._measure()

    def alerts(self, at: datetime) -> Iterator[Alert]:
        """The last alert of each src, and those that ended since `settle`, as they stand at this moment."""
        runs = (*self.ended, *self.seen.values())
        return (alert(seen, self.rule, at) for seen in runs if seen.attack)

    def _key(self, src: str) -> str:
        if self.rule.name == BLIND or self.rule.group_v6 == 128:
            return src
        key = self._keys.get(src)
        if key is None:
            if len(self._keys) > 2 * SOURCES:
                self._keys.clear()
            key = self._keys[src] = str(IPv6Network((src, self.rule.group_v6), strict=False))
        return key

    def _begins(self, event: Event, seen: Seen) -> bool:
        """Whether a new run of the src begins: its last one is over, or belongs to an attack that is."""
        if _apart(event.time, seen.last, self.rule):
            return True
        return seen.attack is not None and (self.attack is None or seen.attack != self.attack.start)

    def _begin(self, key: str, event: Event) -> Seen:
        place = Place(event.file, event.offset)
        seen = Seen(event.rule, key, event.src, event.time, event.time, event.packets, opening=place, closing=place)
        seen.mac = event.mac
        if event.spt:
            seen.spts.append(event.spt)
        if event.dpt:
            seen.ports.append(event.dpt)
        self.seen[key] = seen
        return seen

    def _end(self, seen: Seen) -> None:
        """The run is over and makes room: as an alert that was, or, where there are too many, in the crowd."""
        if seen.attack and len(self.ended) < SOURCES:
            self.ended.append(seen)
        else:
            self._crowd([seen])

    def _crowd(self, left: Iterable[Seen]) -> None:
        """Counts the sources that leave the table, as far as they are part of the attack."""
        if self.attack:
            self.crowd.add([seen.key for seen in left if seen.attack == self.attack.start])

    def _weigh(self, seen: Seen, event: Event) -> None:
        """Makes the run an alert if its newest event completes a threshold."""
        if self.rule.threshold > 1 and not _reached(seen, event, self.rule):
            return
        if not self.attack or _apart(event.time, self.attack.last, self.rule):
            if self.attack:
                self.earlier.append(self.attack)
            self.attack, self.crowd = Attack(seen.rule, self._start(event.time), seen.last), Crowd()
        seen.attack, seen.times = self.attack.start, []
        self.attack.last = max(self.attack.last, seen.last)
        self.attack.events += seen.events

    def _start(self, time: datetime) -> datetime:
        """A start that no other attack of the rule has."""
        while time in self._starts:
            time += timedelta.resolution
        self._starts.add(time)
        return time

    def _count(self, key: str, event: Event) -> None:
        if event.time is not self._when:  # the stamps of a second are one object
            self._when, self._slot = event.time, int(event.time.timestamp()) // _SLOT
        place = (key, self._slot)
        if place not in self.counts and len(self.counts) >= 2 * SOURCES:
            place = ("", self._slot)
        self.counts[place] = self.counts.get(place, 0) + event.packets

    def _shrink(self, time: datetime) -> None:
        """Runs that are over go first; if that is not enough, every count is cut by the SOURCES-th largest."""
        for seen in [seen for seen in self.seen.values() if time >= seen.last + self.rule.window]:
            self._drop(seen)
            self._end(seen)
        if len(self.seen) <= SOURCES:
            return
        cut = sorted(seen.events for seen in self.seen.values())[-SOURCES]
        self.crowd.error += cut
        small = [seen for seen in self.seen.values() if seen.events <= cut]
        for seen in small:
            self._drop(seen)
        self._crowd(small)
        for seen in self.seen.values():
            seen.events -= cut
        self.changed.update(self.seen)

    def _measure(self) -> None:
        if self.attack:
            self.attack.beyond, self.attack.error = self.crowd.size(self.seen), self.crowd.error

    def _drop(self, seen: Seen) -> None:
        del self.seen[seen.key]
        self.changed.discard(seen.key)


class Total(NamedTuple):
    """What a log holds of one src, whenever it was."""

    rule: str
    src: str
    packets: int
    first: datetime
    last: datetime


class Tally:
    """Packets by rule and src over a whole log, in as little memory as a table."""

    def __init__(self) -> None:
        self.events = 0
        self._rules: dict[str, Totals] = {}
        self._crowds: dict[str, Crowd] = {}

    def add(self, new: Totals) -> None:
        """Adds what a part of the log holds."""
        self.events += sum(new.packets.values())
        rule = new.rule
        old = self._rules.setdefault(rule, Totals(rule, {}, {}, {}))
        for src in old.packets.keys() & new.packets.keys():
            new.packets[src] += old.packets[src]
            new.first[src] = min(new.first[src], old.first[src])
            new.last[src] = max(new.last[src], old.last[src])
        old.packets.update(new.packets)
        old.first.update(new.first)
        old.last.update(new.last)
        if len(old.packets) > 2 * SOURCES:
            self._shrink(old)

    def ranked(self) -> list[Total]:
        """By packets, then by address."""
        totals = (
            Total(rule, src, packets, of.first[src], of.last[src])
            for rule, of in self._rules.items()
            for src, packets in of.packets.items()
        )
        return sorted(totals, key=lambda total: (-total.packets, _order(total.src), total.rule))

    def others(self) -> Others:
        listed = sum(sum(of.packets.values()) for of in self._rules.values())
        sources = sum(crowd.size(self._rules[rule].packets) for rule, crowd in self._crowds.items())
        return Others(sources, self.events - listed, max((crowd.error for crowd in self._crowds.values()), default=0))

    def _shrink(self, of: Totals) -> None:
        cut = sorted(of.packets.values())[-SOURCES]
        crowd = self._crowds.setdefault(of.rule, Crowd())
        crowd.error += cut
        crowd.add(src for src, packets in of.packets.items() if packets <= cut)
        left = {src: packets - cut for src, packets in of.packets.items() if packets > cut}
        first, last = ({src: times[src] for src in left} for times in (of.first, of.last))
        self._rules[of.rule] = Totals(of.rule, left, first, last)


def _order(src: str) -> tuple[int, int]:
    address = ip_address(src)
    return address.version, int(address)


def _go_on(seen: Seen, event: Event) -> None:
    seen.events += event.packets
    if event.time > seen.last:
        seen.last = event.time
    elif event.time < seen.first:
        seen.first = event.time
    if len(seen.spts) < _SHOWN and event.spt and event.spt not in seen.spts:
        seen.spts.append(event.spt)
    if event.dpt not in seen.ports and event.dpt and len(seen.ports) < _SHOWN:
        seen.ports.append(event.dpt)
    if event.mac:
        seen.mac = event.mac
    seen.closing = Place(event.file, event.offset)


def _apart(time: datetime, last: datetime, rule: Rule) -> bool:
    """Whether an event begins anew what had its last one then."""
    return time >= last + rule.window or time < last - max(rule.window, BACK)


def _reached(seen: Seen, event: Event, rule: Rule) -> bool:
    """Whether the threshold lies within the window now; of more than `_TIMES` each n-th time is enough to tell."""
    step = -(-rule.threshold // _TIMES)
    enough = rule.threshold // step
    oldest = seen.last - rule.window
    seen.times = times = [time for time in seen.times if time > oldest or abs(time - event.time) < rule.window]
    newest = seen.events - rule.threshold  # the last of each `step` is the one that completes the threshold
    for _ in range(min(newest // step - (newest - event.packets) // step, enough)):
        insort(times, event.time)
    if step > 1 and newest < 0:
        return False
    return any(times[i + enough - 1] - times[i] < rule.window for i in range(len(times) - enough + 1))


def alert(seen: Seen, rule: Rule, at: datetime) -> Alert:
    """The alert that a run of events is; over when the rule's window has passed since its last event."""
    assert seen.attack  # noqa: S101 (a run below the threshold is no alert)
    blind = seen.rule == BLIND
    return Alert(
        rule=seen.rule,
        src=None if blind else seen.src,
        source=seen.key if blind else None,
        network=seen.key if "/" in seen.key and not blind else None,
        first=seen.first,
        last=seen.last,
        events=seen.events,
        attack=seen.attack,
        over=at - seen.last >= rule.window,
        named=seen.named,
        ports=tuple(sorted(map(int, seen.ports))),
        spts=tuple(sorted(map(int, seen.spts))),
        mac=seen.mac.decode() or None,
        lines=(seen.opening, seen.closing) if seen.opening != seen.closing else (seen.opening,),
        why=seen.why,
    )
