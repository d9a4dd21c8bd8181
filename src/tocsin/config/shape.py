"""Every key of the settings file with the kind of its value, and the checks that look at several keys."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from tocsin.config import kinds, names
from tocsin.config.given import Given
from tocsin.config.settings import LogSettings
from tocsin.config.zones import timezone
from tocsin.model import Notify, Rule
from tocsin.receivers.email import EmailSettings
from tocsin.sources.file import FileSettings

T = TypeVar("T")

PORTS = {"starttls": 587, "tls": 465, "none": 25}
WITH_PORTS = ("udp", "tcp", "udplite")
PROTOCOLS = (*WITH_PORTS, "icmp", "icmpv6", "esp", "ah")  # as the kernel names them in lower case

LOG = {"format": kinds.choice("text", "json"), "file": kinds.path}
FILE = {"path": kinds.path, "timezone": timezone}
RULE = {
    "name": names.rule_name,
    "prefix": kinds.one_or_more(names.prefix),
    "port": kinds.whole(1, 65535),
    "protocol": kinds.choice(*PROTOCOLS),
    "threshold": kinds.whole(1, 1000),
    "window": kinds.duration(timedelta(days=30)),
    "allow": kinds.listed(names.network, least=0),
    "group_v6": kinds.whole(1, 128),
}
EMAIL = {
    "name": names.slug,
    "server": kinds.one_or_more(names.server),
    "security": kinds.choice(*PORTS),
    "username": lambda given: kinds.text(given, hint="put it in quotes"),
    "password_file": kinds.secret,
    "ca_file": kinds.certificates,
    "from": names.address,
    "to": kinds.listed(names.address),
}
NOTIFY = {
    "repeat": kinds.duration(kinds.LONGEST),
    "over": kinds.truth,
    "limit": kinds.rate,
    "heartbeat": kinds.duration(kinds.LONGEST),
}


def rule(given: Given) -> Rule:
    """One rule."""
    made = kinds.record(Rule, RULE)(given)
    if made.port and made.protocol not in (None, *WITH_PORTS):
        raise given._replace(path=given.below("port")).wrong(f"{made.protocol} packets have no port")
    return made


def rules(given: Given) -> tuple[Rule, ...]:
    """The rules: each name once, and no line that counts for two of them."""
    made = kinds.listed(rule)(given)
    places = given.value if isinstance(given.value, list) else []
    _unique(places, "name", [one.name for one in made])
    for index, one in enumerate(made):
        for other in made[: index + 1]:
            _apart(places[index], one, other)
    return made


def _apart(place: Given, one: Rule, other: Rule) -> None:
    """No prefix begins another one; two rules share one only if their ports or protocols tell them apart."""
    told_apart = any(
        mine and theirs and mine != theirs for mine, theirs in ((one.port, other.port), (one.protocol, other.protocol))
    )
    for mine in one.prefix:
        for theirs in other.prefix:
            same = mine == theirs
            begins = mine.startswith(theirs) or theirs.startswith(mine)
            if (same and one is not other and not told_apart) or (begins and not same):
                text = f"{mine!r} and {theirs!r} of rule {other.name} begin alike: lines would count for both"
                raise place._replace(path=place.below("prefix")).wrong(text)


def source(given: Given) -> FileSettings:
    """One source."""
    return _one(given, {"file": kinds.record(FileSettings, FILE)})


def sources(given: Given) -> tuple[FileSettings, ...]:
    """The sources: each file once."""
    made = kinds.listed(source)(given)
    places = given.value if isinstance(given.value, list) else []
    _unique(places, "file.path", [one.path for one in made])
    return made


def receiver(given: Given) -> EmailSettings:
    """One receiver, its servers with their ports."""
    return _one(given, {"email": email})


def receivers(given: Given) -> tuple[EmailSettings, ...]:
    """The receivers: each name once. None at all is for the verbs to refuse."""
    made = kinds.listed(receiver, least=0)(given)
    places = given.value if isinstance(given.value, list) else []
    _unique(places, "email.name", [one.name for one in made])
    return made


def email(given: Given) -> EmailSettings:
    """Who is told by mail; a password goes out encrypted or stays on this machine."""
    made = kinds.record(EmailSettings, EMAIL)(given)
    made = replace(made, server=tuple(dict.fromkeys(names.with_port(one, PORTS[made.security]) for one in made.server)))
    if bool(made.username) != bool(made.password_file):
        present, absent = ("username", "password_file") if made.username else ("password_file", "username")
        raise given._replace(path=given.below(absent)).wrong("missing", hint=f"{present} needs it")
    if made.username and made.security == "none" and not all(map(names.is_loopback, made.server)):
        text = "a password would cross the network unencrypted"
        raise given._replace(path=given.below("security")).wrong(text, hint="write security: starttls or tls")
    return made


def _one(given: Given, known: dict[str, Callable[[Given], T]]) -> T:
    values: dict[str, T] = kinds.keys(given, known)
    if not values:
        raise given.wrong("an empty map", hint=f"name one of: {', '.join(known)}")
    return next(iter(values.values()))


def _unique(places: list[Given], key: str, found: list[str]) -> None:
    for index, name in enumerate(found):
        first = found.index(name)
        if first != index:
            place = places[index]
            raise place._replace(path=place.below(key)).wrong(f"{name} is that of {places[first].path} already")


SETTINGS = {
    "state": kinds.path,
    "log": kinds.record(LogSettings, LOG),
    "sources": sources,
    "rules": rules,
    "receivers": receivers,
    "notify": kinds.record(Notify, NOTIFY),
    "keep": kinds.duration(kinds.LONGEST),
}
