"""What iptables-save prints -> rules by their meaning; defaults, spelling and counts mean nothing."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_ONE = ("--log-prefix", "--comment", "--hashlimit-name")  # whose next word is the value, whatever it looks like
_DEFAULTS = {
    ("--log-level", "4"),
    ("--log-level", "warning"),
    ("--limit-burst", "5"),
    ("--hashlimit-burst", "5"),
    ("--hashlimit-htable-expire", "60000"),
}
_RATES = ("--limit", "--hashlimit-upto")
_UNITS = {"s": "sec", "m": "min", "h": "hour", "d": "day"}
_LONG = {"--protocol": "-p", "--source": "-s", "--destination": "-d", "--in-interface": "-i", "--jump": "-j"}


@dataclass(frozen=True, slots=True)
class Held:
    """One rule of a chain."""

    spec: str  # as iptables-save writes it, without the chain
    options: Mapping[str, str]  # what it asks of a packet and does; "!lo" is whatever is not lo
    packets: int = 0

    @property
    def target(self) -> str:
        return self.options.get("-j", self.options.get("-g", ""))

    @property
    def comment(self) -> str:
        return self.options.get("--comment", "")

    @property
    def meaning(self) -> dict[str, str]:
        """The same without what it says of itself."""
        return {key: value for key, value in self.options.items() if key != "--comment"}


@dataclass(frozen=True, slots=True)
class Filter:
    """The table `filter`: its chains in order, each with its rules; the policies of the built-in ones."""

    chains: dict[str, list[Held]] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)


def parse(saved: str) -> Filter:
    """Reads what `iptables-save -c` prints; an empty Filter where the kernel has no such table."""
    table = Filter()
    for line in _filter(saved):
        if line.startswith(":"):
            name, policy = line[1:].split()[:2]
            table.chains[name], table.policies[name] = [], policy
            continue
        counts, _, rest = line.partition("] ") if line.startswith("[") else ("", "", line)
        name, _, spec = rest.removeprefix("-A ").partition(" ")
        packets = int(counts[1:].partition(":")[0] or 0)
        table.chains.setdefault(name, []).append(Held(spec, options(_words(spec)), packets))
    return table


def rules(saved: str) -> int:
    """How many rules there are, in every table."""
    return sum(line.startswith(("-A ", "[")) for line in saved.splitlines())


def _words(spec: str) -> list[str]:
    try:
        return shlex.split(spec)
    except ValueError:  # somebody else's rule, quoted in his module's own way
        return spec.split()


def _filter(saved: str) -> Iterator[str]:
    inside = False
    for line in saved.splitlines():
        if line.startswith("*"):
            inside = line.strip() == "*filter"
        elif inside and line.strip() and line != "COMMIT" and not line.startswith("#"):
            yield line


def options(words: Sequence[str]) -> dict[str, str]:
    """The options of a rule with their values; the modules that they come from mean nothing."""
    found: dict[str, str] = {}
    index = 0
    while index < len(words):
        denied = words[index] == "!"
        key = words[index + denied] if index + denied < len(words) else ""
        index += denied + 1
        end = index + 1 if key in _ONE else _end(words, index)
        value = " ".join(words[index:end])
        index = end
        key = _LONG.get(key, key)
        if key != "-m" and (key, value) not in _DEFAULTS:
            found[key] = ("!" if denied else "") + _spelt(key, value)
    return found


def _end(words: Sequence[str], index: int) -> int:
    while index < len(words) and words[index] != "!" and not words[index].startswith("-"):
        index += 1
    return index


def _spelt(key: str, value: str) -> str:
    if key in _RATES:
        count, _, unit = value.partition("/")
        return f"{count}/{_UNITS.get(unit[:1], unit)}"
    if key == "-p":
        return {"17": "udp", "6": "tcp"}.get(value, value)
    return value
