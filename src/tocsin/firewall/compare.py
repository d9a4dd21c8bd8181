"""What nft lists of our table -> how it differs in meaning from the wish; handles, counts and defaults mean nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tocsin.firewall import nft
from tocsin.firewall.nft import Json, Part
from tocsin.firewall.ruleset import Finding, Guard

FIX = "tocsin firewall apply"
_FLEETING = ("handle", "packets", "bytes", "elem", "index", "family", "table", "comment")
_BURST = 5  # of a limit that names none


def findings(guards: Sequence[Guard], listing: Json | None) -> tuple[Finding, ...]:
    """What is not as wished; `listing` is what nft lists of our table, None if it is not there."""
    if listing is None:
        return (Finding("the table inet tocsin is missing: nothing is limited, rejected or logged", FIX),)
    wish, held = list(nft.parts(guards)), parts(listing)
    return (*_stores(wish, held), *_rules(wish, held))


def parts(listing: Json) -> list[Part]:
    """The parts that nft lists."""
    pairs = (next(iter(entry.items())) for entry in listing.get("nftables", []) if entry)
    return [Part(kind, body) for kind, body in pairs if kind != "metainfo"]


def _stores(wish: Sequence[Part], held: Sequence[Part]) -> Iterator[Finding]:
    """Sets, counters and chains."""
    found = {_name(part): part for part in held if part.kind != "rule"}
    for part in wish:
        if part.kind == "rule":
            continue
        other = found.pop(_name(part), None)
        if other is None:
            yield Finding(f"the {part.kind} {part.body['name']} is missing", FIX)
        elif _meaning(part.body) != _meaning(other.body):
            due, there = (json.dumps(_meaning(one.body), sort_keys=True) for one in (part, other))
            yield Finding(f"the {part.kind} {part.body['name']} is {there} where {due} is due", FIX)
    for part in found.values():
        yield Finding(f"the {part.kind} {part.body.get('name')} in our table is none of ours", FIX)


def _rules(wish: Sequence[Part], held: Sequence[Part]) -> Iterator[Finding]:
    chains = dict.fromkeys(part.body["chain"] for part in (*wish, *held) if part.kind == "rule")
    for chain in chains:
        due, there = (
            [part.body for part in every if part.kind == "rule" and part.body["chain"] == chain]
            for every in (wish, held)
        )
        yield from _chain(chain, due, there)


def _chain(chain: str, due: Sequence[Json], there: Sequence[Json]) -> Iterator[Finding]:
    kept = {_meaning_of_rule(body): body for body in there}
    names = {body.get("comment"): body for body in there}
    wanted = {_meaning_of_rule(body) for body in due}
    for body in due:
        if _meaning_of_rule(body) not in kept:
            yield _lacking(body, names.get(body["comment"]))
    comments = {body["comment"] for body in due}
    for body in there:
        if _meaning_of_rule(body) not in wanted and body.get("comment") not in comments:
            yield Finding(f"the chain {chain} has a rule that is none of ours: {nft.words(_expr(body))}", FIX)
    mine = [key for key in map(_meaning_of_rule, there) if key in wanted]
    if sorted(mine) == sorted(wanted) and mine != [_meaning_of_rule(body) for body in due]:
        yield Finding(f"the rules of the chain {chain} stand in another order than they should", FIX)
    elif len(mine) > len(set(mine)):
        yield Finding(f"the chain {chain} has a rule of ours more than once", FIX)


def _lacking(due: Json, there: Json | None) -> Finding:
    name = due["comment"].removeprefix("tocsin: ")
    if there is None:
        return Finding(f"the rule {name} is missing{_cost(due)}", FIX)
    reason = _reason(due, there)
    return Finding(f"the rule {name}: {reason}`{nft.words(_expr(there))}` where `{nft.words(due['expr'])}` is due", FIX)


def _cost(due: Json) -> str:
    name, _, use = due["comment"].removeprefix("tocsin: ").rpartition(": ")
    costs = {
        "jump": f": nothing reaches the guard of {name}",
        "accept v4": ": every v4 packet is rejected",
        "accept v6": ": every v6 packet is rejected",
        "log v4": ": rejected v4 sources are not logged",
        "log v6": ": IPv6 is forgotten in the log",
        "count v6": ": IPv6 is forgotten in the counts",
        "reject": ": nothing is rejected",
    }
    return costs.get(use, "")


def _reason(due: Json, there: Json) -> str:
    """What a person should see first in two rules that differ."""
    wish, held = (json.dumps(_plain(_expr(body))) for body in (due, there))
    if '"iifname"' in wish and '"iifname"' not in held:
        return "the interface lo is not left out: the machine's own packets are limited too: "
    prefixes = [_prefix(_expr(body)) for body in (due, there)]
    if prefixes[0] != prefixes[1]:
        return f"the prefix is {prefixes[1]!r} where {prefixes[0]!r} is due: "
    return ""


def _prefix(expr: Sequence[Mapping[str, Any]]) -> str | None:
    logs = (one["log"] for one in expr if "log" in one)
    return next((log.get("prefix") for log in logs if isinstance(log, dict)), None)


def _expr(body: Json) -> list[Json]:
    expr: list[Json] = body.get("expr", [])
    return expr


def _name(part: Part) -> tuple[str, str]:
    return part.kind, part.body.get("name", "")


def _meaning_of_rule(body: Json) -> str:
    return json.dumps(_plain(_expr(body)), sort_keys=True)


def _meaning(body: Json) -> Json:
    """A set, counter or chain without what changes by itself."""
    plain = {key: _plain(value) for key, value in body.items() if key not in _FLEETING}
    flags = plain.get("flags", [])
    if "flags" in plain:
        plain["flags"] = sorted({flags} - {"dynamic"} if isinstance(flags, str) else {*flags} - {"dynamic"})
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """The same with one spelling for what can be written in several ways."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _spelt(key, _plain(one)) for key, one in value.items()}


def _spelt(key: str, value: Any) -> Any:  # noqa: ANN401 (JSON)
    if key == "log" and isinstance(value, dict):
        return {name: one for name, one in value.items() if (name, one) != ("level", "warn")}
    if key == "reject":
        return value or {"type": "icmpx", "expr": "port-unreachable"}
    if key == "counter" and isinstance(value, dict):
        return None
    if key == "limit" and isinstance(value, dict):
        return {"burst": _BURST} | value
    return value
