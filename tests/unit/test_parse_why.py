"""What `explain` is told of each line: the same events, and why the others are none."""

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from tocsin.model import Batch, Rule
from tocsin.parse import Parser, Verdict

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RULE = Rule("tftp", ("P: ",), port=69, protocol="udp")
STAMP = b"Nov 23 14:33:56"
HEAD = STAMP + b" node1 kernel: "
LINK = b"P: IN=eth0 OUT= "
WHO = b"SRC=192.0.2.7 DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID=1 "
UDP = b"PROTO=UDP SPT=5 DPT=69 LEN=28 "
LINE = HEAD + LINK + WHO + UDP


def verdicts(log: bytes, rule: Rule = RULE) -> list[Verdict]:
    return list(Parser([rule]).verdicts(Batch("s", "f", 100, bytearray(b"-" + log), 1, len(log) + 1, NOW), NOW))


def why(line: bytes, rule: Rule = RULE) -> str:
    (verdict,) = verdicts(line + b"\n", rule)
    assert verdict.event is None
    return verdict.why


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "the line is empty"),
        (b"\r", "the line is empty"),
        (b"\0\0", "the line is empty"),
        (b"Nov 23 14:33:56 node1 sshd[1]: hello", "no rule's prefix"),
        (b"\xff\xfe\x00", "no rule's prefix"),
        (b"4,345,650761074,-;" + LINK, "no syslog stamp at the line's start"),
        (b"<12>" + LINE, "facility is not kern"),
        (LINE.replace(b"kernel", b"user.warn kernel"), "facility is not kern"),
        (LINE.replace(b"node1 ", b"no/de "), "no host after the stamp"),
        (LINE.replace(b"node1 ", b""), "no host after the stamp"),
        (LINE.replace(b"kernel: ", b"sshd: "), "the tag is sshd, not kernel"),
        (LINE.replace(b"kernel: ", b"sshd[42]: Invalid user x kernel: "), "the tag is sshd, not kernel"),
        (LINE.replace(b"kernel: ", b"kernel[123]: "), "the tag kernel[123] has a pid: the kernel has none"),
        (LINE.replace(b"kernel: ", b"kernel "), "no tag after the host"),
        (LINE.replace(b"kernel: ", b"kern.x kernel: "), "no tag after the host"),
        (LINE.replace(b"kernel: ", b"kern.warn kernel - - - "), "the tag is not the kernel's"),
        (LINE.replace(b"kernel: ", b"kernel: x "), "the prefix does not begin the kernel's message"),
        (LINE.replace(b"kernel: ", b"kernel: [1.0] "), "the prefix does not begin the kernel's message"),
        (HEAD + b"P: SRC=192.0.2.7 DST=192.0.2.1", "the prefix is not followed by IN="),
        (LINE.replace(b"192.0.2.7", b"$(id)"), "the source is no address: $(id)"),
        (LINE.replace(b"192.0.2.7", b"192.0.2.700"), "the source is no address: 192.0.2.700"),
        (LINE.replace(b"192.0.2.7", b"\xff"), "the source is no address: \N{REPLACEMENT CHARACTER}"),
        (LINE + b"SRC=192.0.2.8", "a second SRC"),
        (LINE.replace(b"DPT=69", b"DPT=70"), "port 70 is not the rule's 69"),
        (LINE.replace(b"DPT=69", b"DPT=70000"), "70000 is no port"),
        (LINE.replace(b"SPT=5", b"SPT=70000"), "70000 is no port"),
        (LINE.replace(b"SPT=5", b"SPT=40000") + b"x", "not the kernel's words about a packet"),
        (LINE.replace(UDP, b"FRAG:185 PROTO=UDP"), "no port is shown, and the rule's is 69"),
        (LINE.replace(UDP, b"PROTO=47"), "protocol 47 is not the rule's UDP"),
        (LINE.replace(b"Nov 23", b"Nov 31"), "there is no such time: Nov 31 14:33:56"),
        (LINE.replace(b"Nov 23", b"Foo 23"), "there is no such time: Foo 23 14:33:56"),
        (LINE.replace(STAMP, b"2026-02-30T00:00:00Z"), "there is no such time: 2026-02-30T00:00:00Z"),
        (
            LINE.replace(STAMP, b"2026-11-25T00:00:01Z"),
            "the stamp is more than a day ahead of its file's time: 2026-11-25T00:00:01Z",
        ),
        (LINE + b"from 203.0.113.9 port 22", "not the kernel's words about a packet"),
        (HEAD + LINK + WHO, "the line is cut short"),
        (HEAD + LINK, "the line is cut short"),
        (HEAD + LINK + WHO + b"PROTO=UDP SPT=5 DP", "the line is cut short"),
        (HEAD + LINK + WHO + b"PROTO=ICMP TYPE=3 CODE=3 [SRC=192.0.2.1 DST=1", "not the kernel's words about a packet"),
    ],
)
def test_a_line_that_is_no_event_has_a_reason(line: bytes, said: str) -> None:
    assert why(line) == said


def test_every_cut_of_a_line_has_a_reason() -> None:
    for cut in range(LINE.index(b"LEN=28") + 5):
        assert why(LINE[:cut])


def test_each_piece_has_its_place_and_what_counts_has_no_reason() -> None:
    found = verdicts(b"\n" + LINE + b"\n\n")
    assert [verdict.offset for verdict in found] == [100, 101, 102 + len(LINE)]
    assert [verdict.why for verdict in found] == ["the line is empty", "", "the line is empty"]
    assert found[1].event is not None
    assert found[1].event.offset == 101


def test_what_a_rule_allows_is_an_event_that_is_allowed() -> None:
    rule = Rule("tftp", ("P: ",), allow=(ip_network("192.0.2.0/24"),))
    (verdict,) = verdicts(LINE + b"\n", rule)
    assert verdict.event
    assert (verdict.allowed, verdict.why) == (True, "the rule allows 192.0.2.7")
    (verdict,) = verdicts(LINE.replace(b"192.0.2.7", b"198.51.100.1") + b"\n", rule)
    assert (verdict.allowed, verdict.why) == (False, "")


def test_several_rules_have_the_line_of_the_first() -> None:
    rules = [Rule("a", ("P: ",), port=69), Rule("b", ("P: ",), port=70), Rule("c", ("P: ",))]
    log = LINE.replace(b"DPT=69", b"DPT=70") + b"\n" + LINE + b"\n"
    found = Parser(rules).verdicts(Batch("s", "f", 0, bytearray(log), 0, len(log), NOW), NOW)
    assert [verdict.event and verdict.event.rule for verdict in found] == ["b", "a"]


def test_a_replay_of_the_ring_is_told() -> None:
    log = LINE + b"\n" + LINE.replace(b":56", b":59").replace(b"ID=1", b"ID=2") + b"\n"
    assert [verdict.why for verdict in verdicts(log + log)] == [
        "",
        "",
        "the kernel's ring again",
        "the kernel's ring again",
    ]


def test_a_replay_in_one_file_says_nothing_of_the_next() -> None:
    log = LINE + b"\n" + LINE.replace(b":56", b":59").replace(b"ID=1", b"ID=2") + b"\n"
    parser = Parser([RULE])
    list(parser.verdicts(Batch("s", "f", 0, bytearray(log + log), 0, 2 * len(log), NOW), NOW))
    noise = bytearray(b"x" * (len(log) - 1) + b"\n\n")
    found = list(parser.verdicts(Batch("s", "g", 0, noise, 0, len(noise), NOW), NOW))
    assert [verdict.why for verdict in found] == ["no rule's prefix", "the line is empty"]


def test_what_is_held_back_at_the_end_is_told_to_count() -> None:
    log = LINE + b"\n" + LINE.replace(b":56", b":59") + b"\n" + LINE + b"\n"
    assert [bool(verdict.event) for verdict in verdicts(log)] == [True, True, True]


def test_a_piece_without_its_line_feed_is_a_piece() -> None:
    assert [verdict.offset for verdict in verdicts(b"\nx")] == [100, 101]
