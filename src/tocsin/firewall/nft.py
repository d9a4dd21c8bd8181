"""Guards -> one batch for `nft -j -f -`, and the same as text for people; the table `inet tocsin` is all ours."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv6Network
from typing import Any, NamedTuple

from tocsin.firewall.ruleset import (
    ACCEPTED,
    FORGOTTEN,
    KEPT,
    LOGGED,
    LOGGED_IN_ALL,
    OVERFLOW,
    SOURCES,
    Guard,
    Limit,
)

FAMILY, TABLE = "inet", "tocsin"
_PERIODS = {1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}
_REJECT = {"reject": {"type": "icmpx", "expr": "port-unreachable"}}
_HOOK = {"type": "filter", "hook": "input", "prio": 0, "policy": "accept"}
Json = dict[str, Any]


class Part(NamedTuple):
    """A table, set, counter, chain or rule, as nft's JSON has it, and what it is for."""

    kind: str
    body: Json
    why: str = ""


def batch(guards: Sequence[Guard]) -> Json:
    """All of it in one transaction: whatever the table held before is replaced."""
    table = {"table": {"family": FAMILY, "name": TABLE}}
    commands: list[Json] = [{"metainfo": {"json_schema_version": 1}}, {"add": table}, {"delete": table}]
    return {"nftables": [*commands, *({"add": {part.kind: part.body}} for part in parts(guards))]}


def removal() -> Json:
    """Takes the table away; that it is there is made sure first."""
    table = {"table": {"family": FAMILY, "name": TABLE}}
    return {"nftables": [{"metainfo": {"json_schema_version": 1}}, {"add": table}, {"delete": table}]}


def parts(guards: Sequence[Guard]) -> Iterator[Part]:
    """The whole ruleset, in an order in which nft takes it."""
    yield Part("table", {"family": FAMILY, "name": TABLE}, "a table of our own: nobody else's rules are touched")
    for guard in guards:
        yield from _stores(guard)
    for guard in guards:
        yield Part("chain", _placed(name=f"guard-{guard.name}"))
    yield Part("chain", _placed(name="input") | _HOOK, "packets for this machine, beside whatever else filters them")
    for guard in guards:
        yield _jump(guard)
        yield from _rules(guard)


def _stores(guard: Guard) -> Iterator[Part]:
    name, short = guard.name, {"size": SOURCES, "flags": ["timeout"], "timeout": FORGOTTEN}
    long = short | {"timeout": KEPT, "stmt": [{"counter": None}]}
    for use, kind, why in (
        ("ok", short, "how much each source may still send"),
        ("log", short, "how much of each source is still logged"),
        ("rejected", long, "how many packets of each source were rejected: exact as long as the source is listed"),
    ):
        yield Part("set", _placed(name=f"{use}4-{name}", type="ipv4_addr") | kind, why)
        yield Part("set", _placed(name=f"{use}6-{name}", type="ipv6_addr") | kind, f"the same by /{guard.v6} for v6")
    yield Part("counter", _placed(name=f"accepted-{name}"), "true totals, whatever the log shows")
    yield Part("counter", _placed(name=f"rejected-{name}"))


def _jump(guard: Guard) -> Part:
    port = _match("==", {"payload": {"protocol": "udp", "field": "dport"}}, guard.port)
    expr = [_match("!=", {"meta": {"key": "iifname"}}, "lo"), port, {"jump": {"target": f"guard-{guard.name}"}}]
    why = f"whatever comes from outside for port {guard.port} of udp; the machine's own packets never do"
    return Part("rule", _placed(chain="input", expr=expr, comment=f"tocsin: {guard.name}: jump"), why)


def _rules(guard: Guard) -> Iterator[Part]:
    name, both = guard.name, (("v4", _src4()), ("v6", _src6(guard.v6)))
    for family, src in both:
        expr = [_update(f"@ok{family[1]}-{name}", src, ACCEPTED), {"counter": f"accepted-{name}"}, {"accept": None}]
        yield _rule(guard, f"accept {family}", expr, f"each {_source(family, guard)} has a limit of its own")
    yield _rule(guard, "count", [{"counter": f"rejected-{name}"}], "what gets here is rejected; counted without limit")
    for family, src in both:
        expr = [_update(f"@rejected{family[1]}-{name}", src)]
        yield _rule(guard, f"count {family}", expr, f"and by {_source(family, guard)}")
    for family, src in both:
        expr = [_update(f"@log{family[1]}-{name}", src, LOGGED), limit(LOGGED_IN_ALL), _log(guard.prefix)]
        yield _rule(guard, f"log {family}", expr, f"limited by {_source(family, guard)}, and in all")
    for family, src in both:
        expr = [_match("!=", src, f"@log{family[1]}-{name}"), limit(OVERFLOW), _log(guard.overflow)]
        yield _rule(guard, f"full {family}", expr, "no place in the table of sources: said in a line of its own")
    yield _rule(guard, "reject", [_REJECT], "the sender is told: port unreachable")


def _source(family: str, guard: Guard) -> str:
    return "source" if family == "v4" else f"/{guard.v6} of v6"


def _rule(guard: Guard, use: str, expr: list[Json], why: str) -> Part:
    body = _placed(chain=f"guard-{guard.name}", expr=expr, comment=f"tocsin: {guard.name}: {use}")
    return Part("rule", body, why)


def _placed(**keys: object) -> Json:
    return {"family": FAMILY, "table": TABLE, **keys}


def _src4() -> Json:
    return {"payload": {"protocol": "ip", "field": "saddr"}}


def _src6(length: int) -> Json:
    src = {"payload": {"protocol": "ip6", "field": "saddr"}}
    return src if length == 128 else {"&": [src, str(IPv6Network(f"::/{length}").netmask)]}


def _match(op: str, left: Json, right: object) -> Json:
    return {"match": {"op": op, "left": left, "right": right}}


def _update(name: str, src: Json, by: Limit | None = None) -> Json:
    return {"set": {"op": "update", "elem": src, "set": name} | ({"stmt": [limit(by)]} if by else {})}


def limit(by: Limit) -> Json:
    period = _PERIODS[int(by.rate.period.total_seconds())]
    return {"limit": {"rate": by.rate.count, "per": period, "burst": by.burst}}


def _log(prefix: str) -> Json:
    return {"log": {"prefix": prefix, "level": "warn"}}


def text(guards: Sequence[Guard]) -> str:
    """What `batch` loads, line by line as `nft -f -` takes it, with the reasons."""
    every = list(parts(guards))
    rows = [
        f"# {every[0].why}",
        f"table {FAMILY} {TABLE}",
        f"delete table {FAMILY} {TABLE}",
        f"table {FAMILY} {TABLE} {{",
    ]
    for part in every[1:]:
        if part.kind != "rule":
            rows += _block(part, [one for one in every if one.body.get("chain") == part.body["name"]])
    return "\n".join([*rows, "}", ""])


def _block(part: Part, rules: Sequence[Part]) -> Iterator[str]:
    if part.why:
        yield f"  # {part.why}"
    yield f"  {part.kind} {part.body['name']} {{"
    yield from (f"    {row}" for row in _attributes(part))
    for rule in rules:
        yield f"    # {rule.why}"
        yield f'    {words(rule.body["expr"])} comment "{rule.body["comment"]}"'
    yield "  }"


def _attributes(part: Part) -> Iterator[str]:
    body = part.body
    if part.kind == "set":
        yield f"type {body['type']}; size {body['size']}; flags dynamic,timeout; timeout {body['timeout']}s;"
        if "stmt" in body:
            yield "counter"
    elif "hook" in body:
        yield f"type {body['type']} hook {body['hook']} priority {body['prio']}; policy {body['policy']};"


def words(expr: Sequence[Mapping[str, Any]]) -> str:
    """Statements as nft writes them; as JSON what is none of ours."""
    return " ".join(_said(key, value) for one in expr for key, value in one.items())


def _said(kind: str, value: Any) -> str:  # noqa: ANN401 (JSON)
    try:
        return _WORDS[kind](value)
    except (KeyError, TypeError, ValueError):
        return json.dumps({kind: value})


def _operand(value: Any) -> str:  # noqa: ANN401 (JSON)
    if not isinstance(value, dict):
        return json.dumps(value) if isinstance(value, str) and not value.startswith("@") else str(value)
    if "&" in value:
        return f"{_operand(value['&'][0])} & {value['&'][1]}"
    if "payload" in value:
        return f"{value['payload']['protocol']} {value['payload']['field']}"
    return str(value["meta"]["key"])


def _compared(value: Json) -> str:
    op = "" if value["op"] == "==" else f"{value['op']} "
    return f"{_operand(value['left'])} {op}{_operand(value['right'])}"


def _updated(value: Json) -> str:
    inner = "".join(f" {words([one])}" for one in value.get("stmt", []))
    return f"{value['op']} {value['set']} {{ {_operand(value['elem'])}{inner} }}"


_WORDS: dict[str, Callable[[Any], str]] = {
    "match": _compared,
    "set": _updated,
    "limit": lambda value: f"limit rate {value['rate']}/{value['per']} burst {value['burst']} packets",
    "log": lambda value: f'log prefix "{value["prefix"]}" level {value.get("level", "warn")}',
    "counter": lambda value: f'counter name "{value}"' if isinstance(value, str) else "counter",
    "accept": lambda _: "accept",
    "jump": lambda value: f"jump {value['target']}",
    "reject": lambda value: f"reject with {value['type']} {value['expr']}" if value else "reject",
}
