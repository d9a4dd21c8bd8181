"""The nouns of tocsin: values that the stages hand on. Every time is aware and in UTC."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from tocsin.units import Rate

BLIND = "blind"  # the rule of alerts that say that lines were lost or could not be read
REASONS = ("first", "more", "still", "over", "digest", "heartbeat", "test", "drill")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to watch for: packets logged with one of the prefixes, `threshold` of them from one src within `window`."""

    name: str
    prefix: tuple[str, ...]
    port: int | None = None  # only packets that show this DPT
    protocol: str | None = None  # lower case, as in "udp"; None takes any
    threshold: int = 1
    window: timedelta = timedelta(minutes=10)
    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    group_v6: int = 64  # v6 sources of one network of this length count together


class Batch(NamedTuple):
    """Whole lines as bytes, as a source hands them on; its buffer is used again for the next one."""

    source: str  # the source's name
    file: str  # where the lines were read: a file of the source's chain
    offset: int  # of data[start] in the file's unpacked content
    data: bytearray
    start: int
    end: int  # data[start:end] ends in LF; an unended last line that counts was given one
    mtime: datetime  # the file's
    newest: bytes = b""  # the last whole line of the live file, without its LF; empty if unknown
    newest_mtime: datetime | None = None  # the live file's


class Event(NamedTuple):
    """One line about one packet that the firewall rejected, or about several where it says "message repeated".

    What the packet's line says of ports and hardware stays the line's bytes until somebody shows it.
    """

    rule: str
    src: str  # as `ipaddress` writes it
    time: datetime
    packets: int
    file: str
    offset: int  # of its line
    spt: bytes  # source port; empty where the line has none
    dpt: bytes
    mac: bytes  # the sender's hardware address, or the last router's; empty if the line has none


@dataclass(frozen=True, slots=True)
class Notify:
    """When an operator is told again."""

    repeat: timedelta = timedelta(hours=1)
    over: bool = True
    limit: Rate = Rate(20, timedelta(hours=1))
    heartbeat: timedelta = timedelta(days=7)


class Totals(NamedTuple):
    """What a part of a log holds of a rule, by src."""

    rule: str
    packets: dict[str, int]
    first: dict[str, datetime]
    last: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines of a source that are known to be lost or unread."""

    source: str
    since: datetime | None
    until: datetime | None
    size: int | None  # in bytes, None if nobody knows
    why: str


class Place(NamedTuple):
    """Where a line stands: the offset is in the file's unpacked content."""

    file: str
    offset: int


@dataclass(slots=True)
class Seen:
    """The run of events of one src of a rule so far: counted up in place, as millions of events go by.

    A run is an alert once it reached the threshold within the window: then it has an `attack`.
    """

    rule: str
    key: str  # what is counted: the src, or its network where `group_v6` says so, or a blind alert's source
    src: str  # the first address seen
    first: datetime
    last: datetime
    events: int  # at least
    attack: datetime | None = None  # the start of the attack it belongs to
    named: bool = False  # a notification has listed it
    times: list[datetime] = field(default_factory=list)  # until it is an alert: those within the window, in order
    ports: list[bytes] = field(default_factory=list)  # destination ports, the first 8
    spts: list[bytes] = field(default_factory=list)  # source ports, the first 8
    mac: bytes = b""  # the last one seen
    opening: Place = Place("", 0)  # its first line
    closing: Place = Place("", 0)  # its last line
    why: str = ""  # of a blind alert


@dataclass(slots=True)
class Attack:
    """What an attack amounts to so far: all alerts of a rule from the first until all are over."""

    rule: str
    start: datetime
    last: datetime
    events: int = 0  # at least
    beyond: int = 0  # sources that found no place in the table, at least
    error: int = 0  # what each listed count may be short by


@dataclass(frozen=True, slots=True)
class Told:
    """What has been told of an attack."""

    ordinal: int = 0  # how many notifications it had
    opening: str = ""  # the id of the first
    latest: str = ""  # the id of the last
    at: datetime | None = None  # when the last was decided
    events: int = 0  # what the attack amounted to then
    more: timedelta = timedelta(minutes=10)  # the pause before new sources are told again
    still: timedelta = timedelta(hours=1)  # the pause before it is told that the attack goes on
    over: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that one src set off. A blind alert has no src but the name of a source."""

    rule: str
    src: str | None
    source: str | None
    network: str | None  # what was counted, where `group_v6` made src stand for a network
    first: datetime
    last: datetime
    events: int  # at least: every packet of it from first to last that was logged
    attack: datetime  # the start of the attack that it belongs to
    over: bool
    named: bool  # a notification has listed it
    ports: tuple[int, ...] = ()  # destination ports, the first 8
    spts: tuple[int, ...] = ()  # source ports, the first 8
    mac: str | None = None  # the last one seen
    lines: tuple[Place, ...] = ()  # the first line and the last
    why: str = ""  # of a blind alert


@dataclass(frozen=True, slots=True)
class Others:
    """Sources beyond the table of sources."""

    sources: int = 0  # at least
    events: int = 0
    error: int = 0  # what each listed count may be short by


@dataclass(frozen=True, slots=True)
class Notification:
    """What one receiver is to be told, once. The id is the same on every attempt and in every run."""

    id: str  # 32 hex digits
    rule: str  # empty for digest, heartbeat and test
    reason: str  # one of REASONS
    at: datetime  # when it was decided: the Date of every attempt
    node: str
    node_ip: str  # empty if nobody said
    thread: tuple[str, ...] = ()  # ids of earlier notifications of this attack: the first and the one before
    start: datetime | None = None  # of the attack
    last: datetime | None = None
    over: bool = False  # the attack is over
    events: int = 0  # of the attack, at least
    alerts: tuple[Alert, ...] = ()  # at most 50: the ones not named before come first
    new: int = 0  # how many of them were not named before
    others: Others = Others()
    window: timedelta | None = None  # the rule's
    threshold: int = 1
    attacks: tuple["Notification", ...] = ()  # what a digest tells of
    lines: int = 0  # a heartbeat's: lines read since the one before
    newest: datetime | None = None  # a heartbeat's: the newest line


class Outcome(NamedTuple):
    """What became of an attempt to tell one recipient: accepted if there is no error."""

    recipient: str
    error: str = ""
    permanent: bool = False
