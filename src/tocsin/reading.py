"""Sources -> events: each source's lines by its own parser, from where it was left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import NamedTuple, Protocol

from tocsin.detect import Crowd
from tocsin.errors import LogError, NotPermitted, TocsinError
from tocsin.model import Batch, Event, Gap, Rule
from tocsin.parse import Parser
from tocsin.state.changes import Kept

_SAMPLE = 100  # events of each source that are compared with another source's
_SAME = 3  # so many equal ones are no chance
_LISTED = 2_000  # sources whose packets are counted one by one at least; the list is cut down at twice as many
Place = tuple[str, str]  # rule and src


class Source(Protocol):
    """Where lines come from. After `read` was taken to its end, `cursor` says where it was left."""

    name: str

    @property
    def cursor(self) -> str: ...

    @property
    def moved(self) -> bool:
        """The cursor is worth a commit."""

    @property
    def behind(self) -> bool:
        """The limit stopped it."""

    def read(self, cursor: str | None, *, limit: int, since: datetime | None = None) -> Iterator[Batch | Gap]: ...


class Input(NamedTuple):
    """A source and the zone of its stamps, None if the settings name none."""

    source: Source
    zone: tzinfo | None = None


class Counts:
    """Packets by rule and src, in bounded memory: of many sources the loud ones are listed."""

    def __init__(self) -> None:
        self.packets = 0  # of all sources
        self.listed: dict[Place, int] = {}
        self._crowd = Crowd()

    def add(self, place: Place, packets: int) -> None:
        self.packets += packets
        self.listed[place] = self.listed.get(place, 0) + packets
        if len(self.listed) > 2 * _LISTED:
            self._shrink()

    @property
    def others(self) -> int:
        """The sources that are not listed, at least. Where there are any, each count is one at least too."""
        return self._crowd.size({_key(place) for place in self.listed})

    def _shrink(self) -> None:
        least = sorted(self.listed.values())[-_LISTED]
        self._crowd.add(_key(place) for place, packets in self.listed.items() if packets <= least)
        self.listed = {place: packets for place, packets in self.listed.items() if packets > least}


def _key(place: Place) -> str:
    return " ".join(place)


@dataclass(slots=True)
class Read:
    """What a tick read."""

    size: int = 0  # in bytes
    lines: int = 0
    files: list[str] = field(default_factory=list)
    events: Counts = field(default_factory=Counts)
    newest: datetime | None = None  # the newest event
    grown: datetime | None = None  # when a live log grew last
    old: int = 0  # packets that a first start found to be older than the window
    replayed: int = 0  # lines that the kernel's ring repeated
    undated: int = 0  # lines about packets that do not count for their stamps' sake
    moved: bool = False
    behind: bool = False
    reached: list[datetime | None] = field(default_factory=list)  # the newest event of each source that is behind
    first: bool = False  # a source was read for the first time
    gaps: list[Gap] = field(default_factory=list)
    errors: list[TocsinError] = field(default_factory=list)
    twins: list[tuple[str, str]] = field(default_factory=list)  # sources that hold the same lines
    zones: dict[str, str] = field(default_factory=dict)  # of RFC 3164 stamps, by source

    def until(self, now: datetime) -> datetime | None:
        """The time up to which every source has been read; None if nobody knows."""
        if not self.behind:
            return max(now, self.newest or now)
        known = [time for time in self.reached if time]
        return min(known) if len(known) == len(self.reached) else None


class Reading:
    """Every source with its parser. Where they were left moves on with each tick, whether it is committed or not."""

    def __init__(self, inputs: Sequence[Input], rules: Sequence[Rule], kept: Mapping[str, Kept]) -> None:
        self._inputs = inputs
        self._rules = rules
        self.kept = dict(kept)
        self._parsers = {
            each.source.name: Parser(rules, zone=each.zone, memory=self._memory(each.source.name)) for each in inputs
        }

    def events(self, now: datetime, limit: int, read: Read) -> Iterator[Event]:
        """The events of all sources that count, and in `read` all that is to be said of the tick's reading."""
        samples: dict[str, set[tuple[object, ...]]] = {}
        for each in self._inputs:
            source, sample = each.source, samples.setdefault(each.source.name, set())
            before, failed, newest = read.size, False, None
            try:
                for event in self._of(source, now, limit, read):
                    if len(sample) < _SAMPLE:
                        sample.add((event.time, event.src, event.spt, event.dpt))
                    newest = max(newest or event.time, event.time)
                    yield event
            except (LogError, NotPermitted) as error:
                read.errors.append(error)
                failed = True
            read.moved |= source.moved
            if source.behind:
                read.behind = True
                read.reached.append(newest)
            # A first start that came to nothing is still to come.
            if not failed or source.name in self.kept or read.size > before:
                self._keep(source, now, read, whole=not failed and not source.behind)
        read.twins = list(_twins(samples))

    def _keep(self, source: Source, now: datetime, read: Read, *, whole: bool) -> None:
        """Where the source was left; `whole` if all that was there has been read."""
        parser = self._parsers[source.name]
        read.zones[source.name] = zone = parser.zone if parser.zoneless else ""
        read.first |= source.name not in self.kept
        began = None if whole else self._began(source, now)
        self.kept[source.name] = Kept(source.cursor, parser.memory, zone, began)

    def _of(self, source: Source, now: datetime, limit: int, read: Read) -> Iterator[Event]:
        """A first start leaves out what is older than the rule's window."""
        parser = self._parsers[source.name]
        replayed, undated = parser.replayed, parser.undated
        began = self._began(source, now)
        oldest = {rule.name: began - rule.window for rule in self._rules} if began else {}
        for event in self._parsed(source, now, limit, read):
            if began and event.time < oldest[event.rule]:
                read.old += event.packets
                continue
            read.events.add((event.rule, event.src), event.packets)
            if read.newest is None or event.time > read.newest:
                read.newest = event.time
            yield event
        read.replayed += parser.replayed - replayed
        read.undated += parser.undated - undated

    def _parsed(self, source: Source, now: datetime, limit: int, read: Read) -> Iterator[Event]:
        parser = self._parsers[source.name]
        kept = self.kept.get(source.name)
        since = None if kept else now - max(rule.window for rule in self._rules)
        for part in source.read(kept.cursor if kept else None, limit=max(1, limit - read.size), since=since):
            if isinstance(part, Gap):
                read.gaps.append(part)
                continue
            read.size += part.end - part.start
            read.lines += part.data.count(b"\n", part.start, part.end)
            read.grown = part.newest_mtime or read.grown
            if part.file not in read.files:
                read.files.append(part.file)
            yield from parser.events(part, now)
        if not source.behind:
            yield from parser.flush()

    def _began(self, source: Source, now: datetime) -> datetime | None:
        """When the source was first read, as long as not all that was there then has been."""
        kept = self.kept.get(source.name)
        return kept.began if kept else now

    def _memory(self, name: str) -> str:
        kept = self.kept.get(name)
        return kept.memory if kept else ""


def _twins(samples: Mapping[str, set[tuple[object, ...]]]) -> Iterator[tuple[str, str]]:
    names = list(samples)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if len(samples[one] & samples[other]) >= _SAME:
                yield one, other
