"""Totals in columns equal the events added up one by one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model import Batch, Rule, Totals
from tocsin.parse import Parser
from tocsin.parse.adder import Adder, added

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RULES = [
    [Rule("tftp", ("P: ",))],
    [Rule("tftp", ("P: ",), port=69)],
    [Rule("tftp", ("P: ",), protocol="udp")],
    [Rule("tftp", ("P: ", "Q: "))],
    [Rule("tftp", ("P: ",), port=69), Rule("other", ("P: ",), port=70)],
]
MAC = "00:00:5e:00:53:01:00:00:5e:00:53:02:08:00"
lines = st.builds(
    (
        "{} {}{}P: IN=a OUT= {}SRC={} DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID={} "
        "PROTO={} SPT=5 DPT={} LEN=28 {}\n"
    ).format,
    st.sampled_from(["Nov 23 10:00:00", "Nov 23 10:00:00", "Nov 23 10:00:01", "Nov 23 09:00:00", "Nov 31 10:00:00"]),
    st.sampled_from(["node1 kernel: "] * 20 + ["node1 kernel: message repeated 3 times: [ ", "node1 sshd[1]: x "]),
    st.sampled_from(["[    1.000000] "] * 20 + [""]),
    st.sampled_from([f"MAC={MAC} "] * 20 + ["", "MAC= "]),
    st.sampled_from(["192.0.2.7", "192.0.2.8", "2001:db8::7", "::ffff:192.0.2.7", "192.0.2.700"]),
    st.integers(1, 3),
    st.sampled_from(["UDP"] * 20 + ["UDPLITE"]),
    st.sampled_from(["69"] * 20 + ["70", "65536"]),
    st.sampled_from([""] * 20 + ["]"]),
)
noise = st.sampled_from(
    ["\n", "Nov 23 10:00:00 node1 sshd[1]: hello\n", "Nov 23 10:00:00 node1 sshd[1]: " + "x" * 2000 + "\n"]
)
logs = st.lists(st.one_of(lines, lines, lines, noise), max_size=60).map("".join)


def summed(parts: Iterable[Totals]) -> dict[tuple[str, str], tuple[int, datetime, datetime]]:
    sums: dict[tuple[str, str], tuple[int, datetime, datetime]] = {}
    for part in parts:
        for src, packets in part.packets.items():
            count, first, last = sums.get((part.rule, src), (0, part.first[src], part.last[src]))
            sums[part.rule, src] = (count + packets, min(first, part.first[src]), max(last, part.last[src]))
    return sums


@given(logs, st.sampled_from(RULES))
@settings(max_examples=400)
def test_totals_are_what_the_events_add_up_to(log: str, rules: list[Rule]) -> None:
    content = log.encode()
    batch = Batch("s", "f", 0, bytearray(content), 0, len(content), NOW)
    adder, parser = Adder(rules), Parser(rules, allowed=True)
    totals = [*adder.totals(batch, NOW), *added(adder.flush())]
    assert summed(totals) == summed(added([*parser.events(batch, NOW), *parser.flush()]))
    assert adder.memory == parser.memory


def test_a_long_run_of_lines_takes_few_steps() -> None:
    line = (
        "Nov 23 10:{:02}:{:02} node1 kernel: [    1.000000] P: IN=a OUT= MAC={} SRC=192.0.2.7 DST=192.0.2.1 LEN=48 "
        "TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=5 DPT=69 LEN=28 \n"
    )
    log = "".join(line.format(i // 60, i % 60, MAC) for i in range(3000)).encode()
    batch = Batch("s", "f", 0, bytearray(log), 0, len(log), NOW)
    totals = list(Adder(RULES[0]).totals(batch, NOW))
    assert len(totals) < 20
    ((packets, first, last),) = summed(totals).values()
    assert (packets, last - first) == (3000, timedelta(seconds=2999))
