"""What nft lists, compared with the wish by meaning."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.firewall import compare, nft
from tocsin.firewall.ruleset import Guard

TFTP = Guard("tftp", "IPTables-TFTP-Rejected: ", 69, 64)
Entries = list[dict[str, Any]]


def listed() -> Entries:
    """The wish as nft 1.0.6 lists it: handles, counts, and no defaults."""
    entries: Entries = [{"metainfo": {"version": "1.0.6"}}]
    for handle, part in enumerate(json.loads(json.dumps([[p.kind, p.body] for p in nft.parts([TFTP])]))):
        kind, body = part
        entries.append({kind: {**body, "handle": handle}})
        if kind == "counter":
            body |= {"packets": 4711, "bytes": 9}
        for one in body.get("expr", []):
            if "log" in one:
                del one["log"]["level"]
    return entries


def rule(entries: Entries, use: str) -> dict[str, Any]:
    return next(e["rule"] for e in entries if e.get("rule", {}).get("comment") == f"tocsin: tftp: {use}")


def found(entries: Entries) -> list[str]:
    return [finding.what for finding in compare.findings([TFTP], {"nftables": entries})]


def test_the_wish_as_the_kernel_lists_it_is_as_wished() -> None:
    assert found(listed()) == []


def test_elements_counts_and_defaults_spelt_out_mean_nothing() -> None:
    entries = listed()
    held = next(e["set"] for e in entries if e.get("set", {}).get("name") == "ok4-tftp")
    held |= {"flags": ["dynamic", "timeout"], "elem": [{"elem": {"val": "192.0.2.7"}}]}
    counted = next(e["set"] for e in entries if e.get("set", {}).get("name") == "rejected4-tftp")
    counted |= {"flags": "timeout", "stmt": [{"counter": {"packets": 0, "bytes": 0}}]}
    rule(entries, "reject")["expr"] = [{"reject": None}]
    assert found(entries) == []


def test_no_table_at_all_is_one_finding() -> None:
    (finding,) = compare.findings([TFTP], None)
    assert finding == (
        "the table inet tocsin is missing: nothing is limited, rejected or logged",
        "tocsin firewall apply",
    )


def _drop(use: str) -> Callable[[Entries], None]:
    return lambda entries: entries.remove({"rule": rule(entries, use)})


def _numbers(entries: Entries) -> None:
    rule(entries, "accept v4")["expr"][0]["set"]["stmt"][0]["limit"]["rate"] = 20


def _prefix(entries: Entries) -> None:
    rule(entries, "log v6")["expr"][2]["log"]["prefix"] = "Other: "


def _everywhere(entries: Entries) -> None:
    del rule(entries, "jump")["expr"][0]


def _small(entries: Entries) -> None:
    next(e["set"] for e in entries if e.get("set", {}).get("name") == "log6-tftp")["size"] = 4


def _no_set(entries: Entries) -> None:
    entries[:] = [e for e in entries if e.get("set", {}).get("name") != "rejected6-tftp"]


def _hook(entries: Entries) -> None:
    next(e["chain"] for e in entries if e.get("chain", {}).get("name") == "input")["hook"] = "output"


def _policy(entries: Entries) -> None:
    next(e["chain"] for e in entries if e.get("chain", {}).get("name") == "input")["policy"] = "drop"


def _stranger(entries: Entries) -> None:
    entries.insert(-2, {"rule": {"chain": "guard-tftp", "expr": [{"accept": None}]}})


def _strange_set(entries: Entries) -> None:
    entries.append({"set": {"name": "mine", "type": "ipv4_addr"}})


def _order(entries: Entries) -> None:
    reject = {"rule": rule(entries, "reject")}
    entries.remove(reject)
    entries.insert(next(i for i, e in enumerate(entries) if "rule" in e), reject)


def _twice(entries: Entries) -> None:
    entries.append({"rule": rule(entries, "jump")})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_numbers, "the rule tftp: accept v4: `update @ok4-tftp { ip saddr limit rate 20/minute"),
        (_prefix, "the rule tftp: log v6: the prefix is 'Other: ' where 'IPTables-TFTP-Rejected: ' is due: `"),
        (_everywhere, "the rule tftp: jump: the interface lo is not left out: the machine's own packets are limited"),
        (_drop("jump"), "the rule tftp: jump is missing: nothing reaches the guard of tftp"),
        (_drop("log v6"), "the rule tftp: log v6 is missing: IPv6 is forgotten in the log"),
        (_drop("full v4"), "the rule tftp: full v4 is missing"),
        (_small, 'the set log6-tftp is {"flags": ["timeout"], "name": "log6-tftp", "size": 4,'),
        (_no_set, "the set rejected6-tftp is missing"),
        (_hook, 'the chain input is {"hook": "output"'),
        (_policy, 'the chain input is {"hook": "input", "name": "input", "policy": "drop"'),
        (_stranger, "the chain guard-tftp has a rule that is none of ours: accept"),
        (_strange_set, "the set mine in our table is none of ours"),
        (_order, "the rules of the chain guard-tftp stand in another order than they should"),
        (_twice, "the chain input has a rule of ours more than once"),
    ],
)
def test_each_difference_is_a_finding_of_its_own(change: Callable[[Entries], None], told: str) -> None:
    entries = listed()
    change(entries)
    (what,) = found(entries)
    assert what.startswith(told)
