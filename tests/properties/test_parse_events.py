"""Parsing is total, does not depend on how a log is cut into batches, and equals a naive reading line by line."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model import Batch, Event, Rule
from tocsin.parse import Parser

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RULES = [
    Rule("tftp", ("IPTables-TFTP-Rejected: ", "GLUED"), port=69),
    Rule("ufw", ("[UFW BLOCK] ",), protocol="udp", allow=(ip_network("198.51.100.0/24"),)),
    Rule("all", ("[UFW BLOCK] ",)),
]
PREFIXES = [prefix for rule in RULES for prefix in rule.prefix]


def batch(log: bytes, start: int, end: int) -> Batch:
    return Batch("syslog", "syslog", start, bytearray(log), start, end, NOW)


def whole(log: bytes, **options: ZoneInfo) -> list[Event]:
    parser = Parser(RULES, zone=options.get("zone"))
    return [*parser.events(batch(log, 0, len(log)), NOW), *parser.flush()]


pieces = st.sampled_from(
    [b"IN=", b"OUT= ", b"SRC=192.0.2.7 ", b"SRC=", b"DST=192.0.2.1 ", b"LEN=4 ", b"PROTO=UDP ", b"DPT=69 ", b"kernel: ",
     b"kernel[1]: ", b"node1 ", b"Nov 23 10:00:00 ", b"2026-11-23T10:00:00Z ", b"<4>", b"<12>1 ", b"[ 1.000000] ",
     b"[", b"]",
     b"message repeated 3 times: [ ", b"\n", b"\r\n", b"\0", b"\xff", b" ", *(prefix.encode() for prefix in PREFIXES)]
)  # fmt: skip
text = st.lists(st.one_of(pieces, st.binary(max_size=8)), max_size=60).map(b"".join)


@given(text, st.booleans(), st.text(max_size=40))
def test_any_bytes_are_events_or_nothing(log: bytes, ended: bool, memory: str) -> None:  # noqa: FBT001 (drawn)
    lines = log + b"\n" * ended
    given = Batch("s", "f", 0, bytearray(lines), 0, len(lines), NOW, log[:50], NOW)
    parser = Parser(RULES, memory=memory)
    found = [*parser.events(given, NOW), *parser.flush()]
    assert all(event.packets > 0 and ip_address(event.src) for event in found)
    assert len(list(Parser(RULES).verdicts(given, NOW))) == lines.count(b"\n") + (
        not lines.endswith(b"\n") and lines > b""
    )


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """A line about a packet, mostly right, of few values, so that lines come again."""
    hour, minute = draw(st.integers(0, 3)), draw(st.sampled_from([0, 1, 30, 59]))
    stamp = draw(
        st.sampled_from([
            f"Oct 25 0{hour}:{minute:02}:00", f"Nov {draw(st.integers(20, 31))} 0{hour}:{minute:02}:00",
            f"Jan  1 0{hour}:00:00", f"2026-10-25T0{hour}:{minute:02}:00",
            f"2026-11-23T10:00:0{hour}.5+01:00", "Dec 31 23:59:59", "Feb 29 12:00:00",
            f"2026-11-2{hour + 4}T0{hour}:00:00", f"2026-11-2{hour + 4}T00:00:00+01:00",
        ])
    )  # fmt: skip
    head = draw(st.sampled_from(["node1 kernel: ", "node1 kernel: ", "node1 kernel[7]: ", "node1 sshd[1]: x kernel: "]))
    uptime = draw(st.sampled_from(["", "[    1.000000] "]))
    src = draw(st.sampled_from(["192.0.2.7", "198.51.100.9", "2001:db8::7", "::ffff:192.0.2.7", "192.0.2.700"]))
    port, mark = draw(st.sampled_from(["69", "70", "70000"])), draw(st.integers(1, 3))
    rest = draw(
        st.sampled_from(
            [f"PROTO=UDP SPT=5 DPT={port} LEN=28 ", "PROTO=2 ", f"PROTO=UDP SPT=5 DPT={port} ", "PROTO=47 x"]
        )
    )
    who = f"SRC={src} DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID={mark}"
    body = f"{uptime}{draw(st.sampled_from(PREFIXES))}IN=a OUT= {who} {rest}"
    if draw(st.integers(0, 5)) == 0:
        body = f"message repeated 3 times: [ {body}]"
    return f"{stamp} {head}{body}\n".encode()


noise = st.sampled_from(
    [b"\n", b"Nov 23 10:00:00 node1 sshd[1]: hello\n", b"IPTables-TFTP-Rejected: IN=\n", b"\0\0\r\n"]
)
lines = st.lists(st.one_of(packets(), packets(), noise), max_size=25)
logs = st.builds(lambda first, again: first + first * again, lines, st.integers(0, 1)).map(b"".join)  # as imkmsg does
zones = st.sampled_from([None, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")])


@given(logs, st.sets(st.integers(0, 60), max_size=8), zones)
@settings(max_examples=200)
def test_the_cutting_into_batches_does_not_matter(log: bytes, cuts: set[int], zone: ZoneInfo | None) -> None:
    ends = [found.end() for found in re.finditer(b"\n", log)]
    edges = sorted({0, len(log), *(ends[cut] for cut in cuts if cut < len(ends))})
    found: list[Event] = []
    memory = ""
    for start, end in pairwise(edges):
        parser = Parser(RULES, zone=zone, memory=memory)
        found += parser.events(batch(log, start, end), NOW)
        memory = parser.memory
    last = Parser(RULES, zone=zone, memory=memory)
    straight = Parser(RULES, zone=zone)
    assert found + list(last.flush()) == [*straight.events(batch(log, 0, len(log)), NOW), *straight.flush()]
    assert (last.replayed, last.memory) == (straight.replayed, straight.memory)


@given(lines, st.integers(0, 24), st.sets(st.sampled_from([rule.name for rule in RULES])))
@settings(max_examples=200)
def test_events_are_of_the_rules_there_are_whatever_is_remembered(
    drawn: Sequence[bytes], cut: int, left: set[str]
) -> None:
    first, again = b"".join(drawn), b"".join(drawn[: cut + 1])
    old = Parser(RULES)
    list(old.events(batch(first + again, 0, len(first + again)), NOW))
    new = Parser([rule for rule in RULES if rule.name in left], memory=old.memory)
    assert {event.rule for event in [*new.events(batch(first, 0, len(first)), NOW), *new.flush()]} <= left


@given(logs)
@settings(max_examples=200)
def test_verdicts_agree_with_events(log: bytes) -> None:
    given = batch(log, 0, len(log))
    found = list(Parser(RULES).verdicts(given, NOW))
    events: dict[int, Event] = {}
    for event in [*(parser := Parser(RULES, allowed=True)).events(given, NOW), *parser.flush()]:
        events.setdefault(event.offset, event)
    assert [verdict.event for verdict in found if verdict.event] == list(events.values())
    assert all(bool(verdict.why) != bool(verdict.event) or verdict.allowed for verdict in found)
    assert [verdict.offset for verdict in found] == [0, *(m.end() for m in re.finditer(b"\n", log))][: len(found)]
    assert len(found) == log.count(b"\n")


@given(logs, zones, st.integers(-3 * 86400, 3 * 86400))
@settings(max_examples=200)
def test_no_event_is_later_than_a_day_after_its_file(log: bytes, zone: ZoneInfo | None, seconds: int) -> None:
    written = NOW + timedelta(seconds=seconds)
    parser = Parser(RULES, zone=zone)
    found = [*parser.events(batch(log, 0, len(log))._replace(mtime=written), NOW), *parser.flush()]
    assert all(event.time <= min(written, NOW) + timedelta(days=1, minutes=1) for event in found)


TOO_LATE = re.compile(rb"2026-11-2(?:5T01|6|7)")  # over a day after NOW
NAIVE = re.compile(
    rb"(Nov|Oct|Jan|Dec|Feb|2026)[^ ]* .*?node1 kernel: (?:message repeated (3) times: \[ )?\[    1\.000000\] "
    rb"(IPTables-TFTP-Rejected: |GLUED|\[UFW BLOCK\] )IN=a OUT= SRC=([^ ]*) .*"
    rb" PROTO=(UDP|2)(?: SPT=5 DPT=(69|70) LEN=28)? \]?$"
)


def naive(line: bytes) -> list[tuple[str, str, int, bytes]]:
    """A line with an uptime, read slowly: (rule, src, packets, dpt) for each rule."""
    found = NAIVE.match(line)
    if not found or b"Nov 31" in line or TOO_LATE.match(line) or (found[5] == b"UDP") != bool(found[6]):
        return []
    try:
        address = ip_address(found[4].decode())
    except ValueError:
        return []
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return [
        (rule.name, str(address), int(found[2] or 1), found[6] or b"")
        for rule in RULES
        if found[3].decode() in rule.prefix
        and (rule.port is None or str(rule.port).encode() == found[6])
        and (rule.protocol is None or found[5] == b"UDP")
        and not any(address in network for network in rule.allow)
    ]


@given(lines)
@settings(max_examples=200)
def test_a_naive_reading_line_by_line_finds_the_same(drawn: Sequence[bytes]) -> None:
    log = b"".join(
        line for line in drawn if (b"[    1.000000] " in line or b"TTL=" not in line) and b"Feb 29" not in line
    )
    expected = [event for line in log.split(b"\n") for event in naive(line)]
    assert [(event.rule, event.src, event.packets, event.dpt) for event in whole(log)] == expected


@given(st.lists(st.integers(0, 40 * 86400), max_size=20))
def test_lines_in_order_keep_their_order_in_time_over_new_year(seconds: list[int]) -> None:
    start = datetime(2026, 12, 10, tzinfo=UTC)
    times = [start + timedelta(seconds=second) for second in sorted(seconds)]
    line = "{:%b %e %H:%M:%S} node1 kernel: [    1.000000] GLUEDIN=a OUT= SRC=192.0.2.7 DST=192.0.2.1"
    rest = " LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=5 DPT=69 LEN=28\n"
    log = "".join(line.format(time) + rest for time in times).encode()
    written = times[-1] if times else start
    given = Batch("s", "f", 0, bytearray(log), 0, len(log), written)
    assert [event.time for event in Parser(RULES).events(given, written)] == times
