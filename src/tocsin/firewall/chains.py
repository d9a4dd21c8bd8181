"""What iptables holds of a family -> how it differs in meaning from the wish, the seed's own chain included."""

from collections.abc import Iterator, Sequence

from tocsin.firewall import iptables, saved
from tocsin.firewall.compare import FIX
from tocsin.firewall.iptables import OURS, Line
from tocsin.firewall.ruleset import Finding, Guard
from tocsin.firewall.saved import Filter, Held

PARTLY = {  # what makes a rule of others be about a part of our packets
    "-s", "-d", "-i", "--sport", "--limit", "--limit-burst", "--match-set", "--mac-source", "--src-range", "--state",
    "--ctstate", "--dports", "--dport", "--dst-type",
}  # fmt: skip
_FINAL = ("ACCEPT", "DROP", "REJECT")
_NEW = "NEW"
_DEEP = 16  # chains that lead to one another


def findings(guard: Guard, family: str, table: Filter) -> Iterator[Finding]:
    """What is not as wished about one guard in one family."""
    name = iptables.chain(guard)
    held = table.chains.get(name)
    if held is None:
        yield Finding(_missing(guard, family), FIX)
        return
    jumps = [(index, rule) for index, rule in enumerate(table.chains.get("INPUT", [])) if rule.target == name]
    yield from _jumps(guard, family, [rule for _, rule in jumps])
    if jumps:
        yield from _before(guard, family, table, jumps[0][0])
    yield from _by_hand(guard, family, held) if by_hand(held) else _rules(guard, family, held)


def old(guards: Sequence[Guard], family: str, table: Filter) -> Iterator[Finding]:
    """Chains of ours that no rule of the settings has any more."""
    names = {iptables.chain(one) for one in guards}
    for name in table.chains:
        if ours(table, name) and name not in names:
            yield Finding(f"{family}: the chain {name} is tocsin's, and no rule of the settings is behind it", FIX)


def by_hand(held: Sequence[Held]) -> bool:
    """It is the chain that the README's commands make: accept, log and reject, with one limit for everybody."""
    return [rule.target for rule in held] == ["ACCEPT", "LOG", "REJECT"] and all(
        "--limit" in rule.options and not rule.comment.startswith(OURS) for rule in held[:2]
    )


def ours(table: Filter, name: str) -> bool:
    """We wrote in this chain, and it is none of the kernel's own."""
    return table.policies.get(name) == "-" and any(rule.comment.startswith(OURS) for rule in table.chains[name])


def _missing(guard: Guard, family: str) -> str:
    name = iptables.chain(guard)
    if family == "v6":
        return f"IPv6 is not covered: ip6tables has no chain {name}, and v6 packets are neither limited nor logged"
    return f"v4: the chain {name} is missing: nothing is limited, rejected or logged"


def _jumps(guard: Guard, family: str, jumps: Sequence[Held]) -> Iterator[Finding]:
    name = iptables.chain(guard)
    if not jumps:
        yield Finding(f"{family}: no rule of INPUT leads to {name}: what it holds is never reached", FIX)
    if len(jumps) > 1:
        yield Finding(f"{family}: {len(jumps)} rules of INPUT lead to {name}: each takes from the same limits", FIX)
    due = saved.options(iptables.jump(guard).words)
    due.pop("--comment")
    for rule in jumps:
        if "-i" not in rule.options:
            text = "the interface lo is not left out: the machine's own packets are limited too"
            yield Finding(f"{family}: {text}: `{rule.spec}`", FIX)
        elif rule.meaning != due:
            yield Finding(
                f"{family}: `{rule.spec}` leads to {name} where `{_written(iptables.jump(guard))}` is due", FIX
            )


def _before(guard: Guard, family: str, table: Filter, index: int) -> Iterator[Finding]:
    if ending := _ending(guard, table, table.chains["INPUT"][:index]):
        does = "accepts" if ending.target == "ACCEPT" else "rejects or drops"
        text = f"{family}: a rule before the jump to {iptables.chain(guard)} {does} packets first: `{ending.spec}`"
        yield Finding(text, FIX)


def _ending(guard: Guard, table: Filter, rules: Sequence[Held], way: tuple[Held, ...] = ()) -> Held | None:
    """The first rule that accepts a packet of ours, or drops every one, in other chains too; `way` led there."""
    for rule in rules:
        if not _about(guard, rule):
            continue
        whole = not any(one.options.keys() & PARTLY - {"--dport", "--dports"} for one in (*way, rule))
        if rule.target == "ACCEPT" or (rule.target in _FINAL and whole):
            return rule
        if rule.target == "RETURN" and whole:
            return None
        if rule.target in table.chains and len(way) < _DEEP:
            found = _ending(guard, table, table.chains[rule.target], (*way, rule))
            if found:
                return found
    return None


def _about(guard: Guard, rule: Held) -> bool:
    """It may decide about packets that come from outside for the guard's port."""
    asked = {key: value for key, value in rule.meaning.items() if key not in {"-j", "-g", "--reject-with"}}
    if not asked.keys() <= PARTLY | {"-p"} or asked.get("-i") == "lo" or asked.get("-p", "udp") not in {"udp", "all"}:
        return False
    states = asked.get("--ctstate", asked.get("--state", _NEW))
    ports = asked.get("--dport", asked.get("--dports", str(guard.port)))
    return (_NEW in states) != states.startswith("!") and _holds(ports, guard.port)


def _holds(ports: str, port: int) -> bool:
    """A port is among "69", "60:70", "67,69" or "!53"."""
    spans = [one.partition(":") for one in ports.removeprefix("!").split(",")]
    inside = any(int(low or 0) <= port <= int(high or (65535 if colon else low)) for low, colon, high in spans)
    return inside != ports.startswith("!")


def _rules(guard: Guard, family: str, held: Sequence[Held]) -> Iterator[Finding]:
    name, due = iptables.chain(guard), iptables.rules(guard, family)
    meanings = [_meaning(line) for line in due]
    there = [dict(rule.options) for rule in held]
    comments = {rule.comment: rule for rule in held}
    for line, meaning in zip(due, meanings, strict=True):
        if meaning not in there:
            yield _lacking(guard, family, line, comments.get(meaning["--comment"]))
    wanted = {meaning["--comment"] for meaning in meanings}
    for rule in held:
        if rule.options not in meanings and rule.comment not in wanted:
            yield Finding(f"{family}: the chain {name} has a rule that is none of ours: `{rule.spec}`", FIX)
    mine = [options for options in there if options in meanings]
    if len(mine) == len(meanings) and mine != meanings and all(one in mine for one in meanings):
        yield Finding(f"{family}: the rules of the chain {name} stand in another order than they should", FIX)
    elif len(mine) > len(meanings):
        yield Finding(f"{family}: the chain {name} has a rule of ours more than once", FIX)


def _meaning(line: Line) -> dict[str, str]:
    return saved.options(line.words)


def _lacking(guard: Guard, family: str, due: Line, there: Held | None) -> Finding:
    meaning = _meaning(due)
    use = meaning["--comment"].removeprefix(OURS)
    if there is None:
        return Finding(f"{family}: the rule {use} of the chain {iptables.chain(guard)} is missing", FIX)
    prefixes = [options.get("--log-prefix") for options in (there.options, meaning)]
    reason = f"the prefix is {prefixes[0]!r} where {prefixes[1]!r} is due: " if prefixes[0] != prefixes[1] else ""
    return Finding(f"{family}: the rule {use}: {reason}`{there.spec}` where `{_written(due)}` is due", FIX)


def _written(line: Line) -> str:
    return iptables.written(line.words)


def _by_hand(guard: Guard, family: str, held: Sequence[Held]) -> Iterator[Finding]:
    """What it hides, in the order of what it costs."""
    accept, log, _ = held
    name, place = iptables.chain(guard), f"{family}: the chain typed by hand"
    limits = [f"{rule.options['--limit']}, burst {rule.options.get('--limit-burst', '5')}" for rule in (accept, log)]
    yield Finding(
        f"{place}, {name}, works, with one limit for everybody ({limits[0]}): whoever sends most takes it all, and one "
        "flooder locks every honest client out",
        FIX,
    )
    yield Finding(
        f"{place} logs a sample only ({limits[1]}, of all sources together): it hides how many packets were rejected, "
        "and one flooder hides every other source",
        FIX,
    )
    if log.options.get("--log-prefix", "") != guard.prefix:
        told = log.options.get("--log-prefix", "")
        yield Finding(f"{place} logs with {told!r} where the rule {guard.name} looks for {guard.prefix!r}", FIX)
