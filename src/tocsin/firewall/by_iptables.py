"""The rules by iptables, in either variant: a chain for each guard, and a jump that leads to it."""

import json
import os
from collections.abc import Collection, Sequence

from tocsin.errors import FirewallError
from tocsin.firewall import chains, iptables, saved
from tocsin.firewall.backend import Counts
from tocsin.firewall.iptables import FAMILIES, OURS
from tocsin.firewall.ruleset import Finding, Guard
from tocsin.firewall.run import found, permitted, run
from tocsin.firewall.saved import Filter, Held

_PREFIXES = {"v4": "iptables", "v6": "ip6tables"}
_TABLES = {"v4": "ip", "v6": "ip6"}
_WAIT = ("-w", "5")  # seconds for the lock that all of iptables shares
_MARKS = ("table", "chain")
_WHY = "iptables counts no sources; the totals are true"


class Iptables:
    """iptables-nft or iptables-legacy; each family is written all at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._legacy = name == "iptables-legacy"

    def there(self) -> bool:
        return self._found("v4", "save") is not None

    def text(self, guards: Sequence[Guard]) -> str:
        iptables.refuse(guards)
        return iptables.text(guards)

    def plain(self, guards: Sequence[Guard]) -> object:
        iptables.refuse(guards)
        return {family: iptables.restore(guards, family) for family in FAMILIES}

    def holds(self) -> int:
        return sum(saved.rules(self._saved(family)) for family in self._families())

    def ours(self, guards: Sequence[Guard]) -> bool:
        del guards
        tables = [self._read(family) for family in self._families()]
        return any(_names(table) for table in tables)

    def by_hand(self, guards: Sequence[Guard]) -> bool:
        tables = [self._read(family) for family in self._families()]
        return any(chains.by_hand(table.chains.get(iptables.chain(one), [])) for table in tables for one in guards)

    def findings(self, guards: Sequence[Guard]) -> tuple[Finding, ...]:
        fix = "write a shorter prefix, or use --backend nft"
        wrong = [Finding(why, fix) for one in guards if (why := iptables.too_long(one))]
        tables = [(family, self._read(family)) for family in self._families()]
        every = [found for one in guards for family, table in tables for found in chains.findings(one, family, table)]
        return (*wrong, *every, *(found for family, table in tables for found in chains.old(guards, family, table)))

    def apply(self, guards: Sequence[Guard]) -> None:
        iptables.refuse(guards)
        permitted(raw=self._legacy)
        tables = [(family, self._read(family)) for family in self._families()]
        for family, table in tables:
            for guard in guards:
                self._refuse(family, guard, table)
        for family, table in tables:
            old = [name for name in _names(table) if name not in {iptables.chain(one) for one in guards}]
            lines = [*_deleted([*(iptables.chain(one) for one in guards), *old], table), *_emptied(old)]
            self._load(family, iptables.restore(guards, family, lines, self._mark(family, table)))

    def remove(self, guards: Sequence[Guard]) -> bool:
        removed = False
        for family in self._families():
            table = self._read(family)
            names = [*_names(table), *(iptables.chain(one) for one in guards if _stray(one, table))]
            if names:
                mark = _marked(table)
                self._load(family, "\n".join(["*filter", *_deleted(names, table), *_emptied(names), "COMMIT", ""]))
                self._tidy(family, mark)
                removed = True
        return removed

    def counts(self, guards: Sequence[Guard]) -> Counts | None:
        tables = [self._read(family) for family in self._families()]
        held = [(one, table) for one in guards for table in tables if iptables.chain(one) in table.chains]
        if not held:
            return None
        accepted, rejected = (
            sum(
                rule.packets
                for one, table in held
                for rule in table.chains[iptables.chain(one)]
                if rule.target == target
            )
            for target in ("ACCEPT", "REJECT")
        )
        met = sum(rule.packets for one, table in held for rule in _jumps(one, table))
        return Counts(accepted, rejected, why=_WHY, vanished=max(0, met - accepted - rejected))

    def _refuse(self, family: str, guard: Guard, table: Filter) -> None:
        """A chain of our name that somebody else filled is his."""
        held = table.chains.get(iptables.chain(guard), [])
        if held and not chains.ours(table, iptables.chain(guard)) and not chains.by_hand(held):
            name, program = iptables.chain(guard), self._program(family, "save").removesuffix("-save")
            hint = f"{os.path.basename(program)} -E {name} another-name"
            raise FirewallError(f"{family}: the chain {name} is there and is none of ours", hint=hint)

    def _mark(self, family: str, table: Filter) -> str:
        """What of iptables's own will have been made for our sake, so that it goes with ours."""
        if any(rule.comment.startswith(OURS) for rule in table.chains.get("INPUT", [])):
            return f" ({mark})" if (mark := _marked(table)) else ""
        if self._legacy:
            return ""  # there a table, once there, stays
        if not table.policies:
            return f" ({_MARKS[0]})"
        listed = self._listed("chains")
        return f" ({_MARKS[1]})" if listed and not _has(listed, "chain", family, "INPUT") else ""

    def _tidy(self, family: str, mark: str) -> None:
        """Takes away what was made for our sake, if nobody uses it."""
        table = self._read(family)
        if not mark or table.chains.get("INPUT") or table.policies.get("INPUT") != "ACCEPT":
            return
        self._load(family, "*filter\n-X INPUT\nCOMMIT\n")
        inside = [
            one for one in self._listed("table", _TABLES[family], "filter") if not {"table", "metainfo"} & one.keys()
        ]
        nft = found("nft")
        if mark == _MARKS[0] and nft and not inside:
            run([nft, "delete", "table", _TABLES[family], "filter"])

    def _listed(self, *what: str) -> list[dict[str, dict[str, object]]]:
        nft = found("nft")
        listed: list[dict[str, dict[str, object]]] = (
            json.loads(run([nft, "-j", "list", *what]))["nftables"] if nft else []
        )
        return listed

    def _families(self) -> list[str]:
        """Those that the kernel has."""
        return [family for family in FAMILIES if family == "v4" or os.path.exists("/proc/net/if_inet6")]

    def _read(self, family: str) -> Filter:
        return saved.parse(self._saved(family))

    def _saved(self, family: str) -> str:
        return run([self._program(family, "save"), "-c"])

    def _load(self, family: str, text: str) -> None:
        run([self._program(family, "restore"), *_WAIT, "--noflush"], text)

    def _program(self, family: str, verb: str) -> str:
        if program := self._found(family, verb):
            return program
        raise FirewallError(f"{_PREFIXES[family]}-{verb} is not on this machine", hint="apt-get install iptables")

    def _found(self, family: str, verb: str) -> str | None:
        """The program of this variant, by its own name or, where that is what it is, by the short one."""
        prefix = _PREFIXES[family]
        if program := found(f"{prefix}-{'legacy' if self._legacy else 'nft'}-{verb}"):
            return program
        program = found(f"{prefix}-{verb}")
        return program if program and ("nf_tables" in run([program, "--version"])) != self._legacy else None


def _names(table: Filter) -> list[str]:
    """The chains that hold rules of ours, those of rules that the settings no longer have included."""
    return [name for name in table.chains if chains.ours(table, name)]


def _deleted(names: Collection[str], table: Filter) -> list[str]:
    """What takes away the jumps to these chains."""
    return [f"-D INPUT {rule.spec}" for rule in table.chains.get("INPUT", []) if rule.target in names]


def _emptied(names: Collection[str]) -> list[str]:
    return [*(f"-F {name}" for name in names), *(f"-X {name}" for name in names)]


def _marked(table: Filter) -> str:
    """What was made for our sake when our jump was; empty if nothing was."""
    ours = [rule.comment for rule in table.chains.get("INPUT", []) if rule.comment.startswith(OURS)]
    return next((mark for comment in ours for mark in _MARKS if comment.endswith(f"({mark})")), "")


def _jumps(guard: Guard, table: Filter) -> list[Held]:
    return [rule for rule in table.chains.get("INPUT", []) if rule.target == iptables.chain(guard)]


def _stray(guard: Guard, table: Filter) -> bool:
    """A jump of ours leads to a chain that somebody emptied."""
    return not chains.ours(table, iptables.chain(guard)) and any(
        rule.comment.startswith(OURS) for rule in _jumps(guard, table)
    )


def _has(listed: Sequence[dict[str, dict[str, object]]], kind: str, family: str, name: str) -> bool:
    wanted = {"family": _TABLES[family], "table": "filter", "name": name}
    return any(wanted.items() <= one.get(kind, {}).items() for one in listed)
