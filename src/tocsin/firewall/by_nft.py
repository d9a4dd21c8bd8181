"""The rules by nft: a table of their own."""

import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

from tocsin.errors import FirewallError
from tocsin.firewall import compare, nft
from tocsin.firewall.backend import Counts, Rejected
from tocsin.firewall.nft import Json, Part
from tocsin.firewall.ruleset import SOURCES, Finding, Guard
from tocsin.firewall.run import found, run


class Nft:
    """Reads and writes as JSON: no text is ever pasted together."""

    name = "nft"

    def there(self) -> bool:
        return found("nft") is not None

    def text(self, guards: Sequence[Guard]) -> str:
        return nft.text(guards)

    def plain(self, guards: Sequence[Guard]) -> object:
        return nft.batch(guards)

    def holds(self) -> int:
        """Rules in tables that are not those of iptables."""
        rules = (part.body for part in self._listed() if part.kind == "rule")
        return sum(not (rule["family"] in {"ip", "ip6"} and _foreign(rule)) for rule in rules)

    def ours(self, guards: Sequence[Guard]) -> bool:
        del guards
        return self._table() is not None

    def by_hand(self, guards: Sequence[Guard]) -> bool:
        del guards
        return False

    def findings(self, guards: Sequence[Guard]) -> tuple[Finding, ...]:
        return compare.findings(guards, self._table())

    def apply(self, guards: Sequence[Guard]) -> None:
        self._load(nft.batch(guards))

    def remove(self, guards: Sequence[Guard]) -> bool:
        del guards
        if self._table() is None:
            return False
        self._load(nft.removal())
        return True

    def counts(self, guards: Sequence[Guard]) -> Counts | None:
        table = self._table()
        if table is None:
            return None
        held = {part.body["name"]: part.body for part in compare.parts(table) if part.kind in {"set", "counter"}}
        sets = [(guard, held.get(f"rejected{family}-{guard.name}", {})) for guard in guards for family in "46"]
        sources = [one for guard, held_set in sets for one in _sources(guard, held_set)]
        full = any(len(held_set.get("elem", ())) >= SOURCES for _, held_set in sets)
        return Counts(
            sum(_packets(held.get(f"accepted-{one.name}")) for one in guards),
            sum(_packets(held.get(f"rejected-{one.name}")) for one in guards),
            sources=tuple(sorted(sources, key=lambda one: (-one.packets, one.src))),
            exact=not full,
            why="a table of sources is full: later sources are in the total only" if full else "",
        )

    def _program(self) -> str:
        if program := found("nft"):
            return program
        raise FirewallError("nft is not on this machine", hint="apt-get install nftables")

    def _table(self) -> Json | None:
        """What nft lists of our table, None if there is none."""
        mine = (nft.FAMILY, nft.TABLE)
        if not any(p.kind == "table" and (p.body["family"], p.body["name"]) == mine for p in self._listed("tables")):
            return None
        return self._listing("table", nft.FAMILY, nft.TABLE)

    def _listed(self, what: str = "ruleset") -> list[Part]:
        return compare.parts(self._listing(what))

    def _listing(self, *what: str) -> Json:
        said = run([self._program(), "-j", "list", *what])
        try:
            listing: Json = json.loads(said or '{"nftables": []}')
        except ValueError as error:
            raise FirewallError("nft: lists what is no JSON", hint="nft needs to be built with JSON") from error
        return listing

    def _load(self, batch: Json) -> None:
        run([self._program(), "-j", "-f", "-"], json.dumps(batch))


def _foreign(rule: Json) -> bool:
    """A rule of iptables: in tables and chains of its own names."""
    return rule["table"] in {"filter", "nat", "mangle", "raw", "security"}


def _packets(counter: Json | None) -> int:
    return int(counter["packets"]) if counter else 0


def _sources(guard: Guard, held: Json) -> Iterator[Rejected]:
    for entry in held.get("elem", ()):
        elem: dict[str, Any] = entry.get("elem", {}) if isinstance(entry, dict) else {}
        if elem:
            yield Rejected(guard.name, _shown(elem["val"], guard), _packets(elem.get("counter")))


def _shown(src: str, guard: Guard) -> str:
    """An address of v4 as it is, a network of v6 with its length."""
    return str(ip_network(f"{src}/{guard.v6}", strict=False)) if ":" in src and guard.v6 < 128 else src
