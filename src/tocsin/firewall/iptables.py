"""Guards -> text for `iptables-restore --noflush`, one for each family, with a chain for each guard."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from tocsin.errors import SettingsError
from tocsin.firewall.ruleset import ACCEPTED, LOGGED, LOGGED_IN_ALL, SOURCES, Guard, Limit

LONGEST = 29  # bytes of a prefix: what is longer is cut without a word
CHAIN = 28  # bytes of a chain's name
OURS = "tocsin: "  # what our rules' comments begin with
FAMILIES = ("v4", "v6")
_ENDING = "_protector"
_PERIODS = {1: "sec", 60: "min", 3600: "hour", 86400: "day"}
_REJECT = {"v4": "icmp-port-unreachable", "v6": "icmp6-port-unreachable"}


class Line(NamedTuple):
    """One rule as words, and what it is for."""

    words: tuple[str, ...]
    why: str


def chain(guard: Guard) -> str:
    """The name of a guard's chain; `tftp_protector` is that of the rule `tftp`."""
    name, room = guard.name, CHAIN - len(_ENDING)
    if len(name) > room or name.startswith("-"):  # which iptables would take for an option
        name = f"{name[:9].strip('-') or 'rule'}-{sha256(name.encode()).hexdigest()[:8]}"
    return f"{name}{_ENDING}"


def too_long(guard: Guard) -> str:
    """Why iptables cannot log with this prefix; empty if it can."""
    if len(guard.prefix) <= LONGEST:
        return ""
    return (
        f"rule {guard.name}: the prefix has {len(guard.prefix)} bytes, and iptables cuts it at {LONGEST} without a word"
    )


def refuse(guards: Iterable[Guard]) -> None:
    """Raises SettingsError where iptables would load something else than it is told."""
    for guard in guards:
        if why := too_long(guard):
            raise SettingsError(why, hint="write a shorter prefix, or use --backend nft")


def rules(guard: Guard, family: str) -> list[Line]:
    """What a guard's chain holds, in order."""
    src = "source" if family == "v4" else f"/{guard.v6}"
    accept = (*_by_source(guard, "ok", family, ACCEPTED), *comment(guard, "accept"), "-j", "ACCEPT")
    in_all = ("-m", "limit", "--limit", _rate(LOGGED_IN_ALL), "--limit-burst", str(LOGGED_IN_ALL.burst))
    logging = ("-j", "LOG", "--log-prefix", guard.prefix, "--log-level", "4")
    log = (*_by_source(guard, "log", family, LOGGED), *in_all, *comment(guard, "log"), *logging)
    reject = (*comment(guard, "reject"), "-j", "REJECT", "--reject-with", _REJECT[family])
    return [
        Line(accept, f"each {src} has a limit of its own"),
        Line(log, f"the rest is logged, limited by {src} and in all"),
        Line(reject, "and rejected; the sender is told: port unreachable"),
    ]


def jump(guard: Guard, mark: str = "") -> Line:
    """The rule of INPUT that leads to a guard's chain."""
    packets = ("!", "-i", "lo", "-p", "udp", "-m", "udp", "--dport", str(guard.port))
    why = f"whatever comes from outside for port {guard.port} of udp, before anybody else's rule accepts it"
    return Line((*packets, *comment(guard, f"jump{mark}"), "-j", chain(guard)), why)


def comment(guard: Guard, use: str) -> tuple[str, ...]:
    return ("-m", "comment", "--comment", f"{OURS}{guard.name}: {use}")


def _by_source(guard: Guard, use: str, family: str, by: Limit) -> tuple[str, ...]:
    """A limit for each source. A table keeps the numbers that it was made with: they are part of its name."""
    mask = guard.v6 if family == "v6" else 32
    name = f"{guard.name}-{use}-{_rate(by).replace('/', '-')}-{by.burst}-{mask}"
    words = ("-m", "hashlimit", "--hashlimit-upto", _rate(by), "--hashlimit-burst", str(by.burst))
    masked = () if mask in {32, 128} else ("--hashlimit-srcmask", str(mask))
    table = ("--hashlimit-mode", "srcip", "--hashlimit-name", name, "--hashlimit-htable-max", str(SOURCES))
    return (*words, *table, *masked)


def _rate(by: Limit) -> str:
    return f"{by.rate.count}/{_PERIODS[int(by.rate.period.total_seconds())]}"


def restore(guards: Sequence[Guard], family: str, before: Iterable[str] = (), mark: str = "") -> str:
    """Makes or empties the chains, fills them and leads to them, all at once; `before` are lines that go first."""
    rows = ["*filter", *(f":{chain(guard)} - [0:0]" for guard in guards), *before]
    for guard in guards:
        rows += [f"-A {chain(guard)} {written(line.words)}" for line in rules(guard, family)]
    rows += [f"-I INPUT 1 {written(jump(guard, mark).words)}" for guard in reversed(guards)]
    return "\n".join([*rows, "COMMIT", ""])


def text(guards: Sequence[Guard]) -> str:
    """The same for both families, with the reasons."""
    return "\n".join(row for family in FAMILIES for row in _rows(guards, family)) + "\n"


def _rows(guards: Sequence[Guard], family: str) -> Iterator[str]:
    yield f"# {family}: iptables-restore --noflush" if family == "v4" else "# v6: ip6tables-restore --noflush"
    yield "*filter"
    yield "# chains of our own, made or emptied"
    yield from (f":{chain(guard)} - [0:0]" for guard in guards)
    for guard in guards:
        for line in rules(guard, family):
            yield f"# {line.why}"
            yield f"-A {chain(guard)} {written(line.words)}"
    for guard in reversed(guards):
        yield f"# {jump(guard).why}"
        yield f"-I INPUT 1 {written(jump(guard).words)}"
    yield "COMMIT"


def written(words: Iterable[str]) -> str:
    """Words as iptables-restore reads them: no prefix and no name holds a quote or a backslash."""
    return " ".join(f'"{word}"' if " " in word or not word else word for word in words)
