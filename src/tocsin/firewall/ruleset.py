"""Rules -> guards: what the firewall is to do with the packets of each; the back ends write it in their own ways."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from tocsin.errors import SettingsError
from tocsin.model import Rule
from tocsin.units import Rate

PORT = 69  # where a rule names no port and is the only one
PROTOCOL = "udp"
SOURCES = 65_535  # places in a table of sources
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)


class Limit(NamedTuple):
    """So many in a time, and so many at once."""

    rate: Rate
    burst: int


ACCEPTED = Limit(Rate(10, _MINUTE), 10)  # of one source
LOGGED = Limit(Rate(11, _MINUTE), 10)  # of one source, of what was not accepted
LOGGED_IN_ALL = Limit(Rate(50, _SECOND), 50)  # a flood of spoofed sources must not fill the disk
OVERFLOW = Limit(Rate(6, _MINUTE), 2)  # how often it is said that the table of sources is full
FORGOTTEN = 60  # seconds after which a silent source has its whole burst again, and so needs no place any more
KEPT = 3600  # seconds that a rejected source's count stays after its last packet


class Finding(NamedTuple):
    """How the kernel is not as wished, and what to do about it."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Guard:
    """One rule of the settings as the firewall sees it."""

    name: str
    prefix: str  # of the lines that the kernel logs
    port: int
    v6: int  # sources of v6 share their limits by networks of this length

    @property
    def overflow(self) -> str:
        """The prefix of the line that says that the table of sources is full."""
        return f"tocsin-{self.name}-full: "


def guards(rules: Sequence[Rule]) -> tuple[Guard, ...]:
    """What is to be guarded, in the order of the settings. Raises SettingsError where there is nothing."""
    ours = [rule for rule in rules if _port(rule, rules) and rule.protocol in (None, PROTOCOL)]
    if not ours:
        raise SettingsError("rules: none of them names a port of udp", hint="write port: 69 in the rule that is meant")
    made = tuple(Guard(rule.name, rule.prefix[0], _port(rule, rules), rule.group_v6) for rule in ours)
    _refuse(made)
    return made


def left(rules: Sequence[Rule]) -> Iterator[str]:
    """The rules whose packets another firewall has to reject, each with the reason."""
    for rule in rules:
        if rule.protocol not in (None, PROTOCOL):
            yield f"rule {rule.name} is left to others: its packets are {rule.protocol}"
        elif not _port(rule, rules):
            yield f"rule {rule.name} is left to others: it names no port"


def _port(rule: Rule, rules: Sequence[Rule]) -> int:
    return rule.port or (PORT if len(rules) == 1 else 0)


def _refuse(made: Sequence[Guard]) -> None:
    for index, one in enumerate(made):
        for other in made[:index]:
            if one.port == other.port:
                text = f"rules: {other.name} and {one.name} both guard port {one.port}"
                raise SettingsError(text, hint="what the first one rejects the second one never sees")
        for other in made:
            if one.overflow.startswith(other.prefix) or other.prefix.startswith(one.overflow):
                text = f"rule {other.name}: prefix {other.prefix!r} and {one.overflow!r} begin alike"
                raise SettingsError(text, hint=f"{one.overflow!r} says that a table of sources is full")
