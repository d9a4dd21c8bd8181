"""What a tick stores, and what the state gives back of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tocsin.model import Attack, Gap, Seen, Told
from tocsin.state.outbox import Pending


class Kept(NamedTuple):
    """Where a source was left, what its parser remembers, and the zone that it used, for people."""

    cursor: str
    memory: str
    zone: str
    began: datetime | None = None  # its first start, until all that was there then has been read


@dataclass(slots=True)
class TableChange:
    """What a tick changed in a rule's table of sources."""

    rule: str
    attacks: Sequence[Attack] = ()  # the last one is the one that is on
    bitmap: bytes = b""
    changed: Sequence[Seen] = ()
    gone: Sequence[str] = ()
    ended: Sequence[Seen] = ()
    counts: Mapping[tuple[str, int], int] = field(default_factory=dict)


class Telling(NamedTuple):
    """What has been told of an attack now, the keys that a notification names and names no more, and if it is open."""

    attack: Attack
    told: Told
    named: frozenset[str]
    unnamed: frozenset[str]
    open: bool


@dataclass(slots=True)
class Changes:
    """All that one tick stores, or nothing of it."""

    cursors: dict[str, Kept] = field(default_factory=dict)
    tables: list[TableChange] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)


class Stored(NamedTuple):
    """An attack as it was last stored."""

    attack: Attack
    told: Told
    bitmap: bytes
    open: bool  # something more may have to be told of it
