"""The grammar of a line: what counts, in which shapes, and what must never count."""

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from tocsin.model import Batch, Event, Rule
from tocsin.parse import Parser

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PREFIX = "IPTables-TFTP-Rejected: "
HEAD = b"Nov 23 14:33:56 node1 kernel: "
UPTIME = b"[  705.905357] "
LINK = b"IN=eth0 OUT= MAC=da:71:35:a8:01:0d:4a:a9:0f:54:e5:7d:08:00 "
WHO = b"SRC=192.0.2.7 DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID=39636 DF "
UDP = b"PROTO=UDP SPT=55526 DPT=69 LEN=28 "
BODY = PREFIX.encode() + LINK + WHO + UDP
LINE = HEAD + UPTIME + BODY + b"\n"
RULE = Rule("tftp", (PREFIX,), port=69)
ANY = Rule("any", (PREFIX,))


def events(lines: bytes, *rules: Rule, allowed: bool = False, start: int = 0) -> list[Event]:
    batch = Batch("syslog", "syslog", start, bytearray(lines), start, len(lines), NOW)
    parser = Parser(rules or (RULE,), allowed=allowed)
    return [*parser.events(batch, NOW), *parser.flush()]


def test_a_line_is_an_event_with_all_it_says() -> None:
    time = datetime(2026, 11, 23, 14, 33, 56, tzinfo=UTC)
    event = Event("tftp", "192.0.2.7", time, 1, "syslog", 0, b"55526", b"69", b"4a:a9:0f:54:e5:7d")
    assert events(LINE) == [event]


def test_the_offset_is_the_lines_in_its_file() -> None:
    noise = b"Nov 23 14:33:55 node1 sshd[1]: hello\n"
    batch = Batch(
        "syslog", "syslog.1", 5000, bytearray(b"xxx" + noise + LINE + LINE), 3, 3 + len(noise + LINE * 2), NOW
    )
    found = [(event.file, event.offset) for event in Parser([RULE]).events(batch, NOW)]
    assert found == [("syslog.1", 5000 + len(noise)), ("syslog.1", 5000 + len(noise + LINE))]


@pytest.mark.parametrize(
    "head",
    [
        b"Nov 23 14:33:56 node1 kernel: ",
        b"Nov  3 14:33:56 node1 kernel: ",
        b"2026-11-23T14:33:56.087384+00:00 node1 kernel: ",
        b"2026-11-23T14:33:56+00:00 node1 kernel: ",
        b"2026-11-23T14:33:56Z node1 kernel: ",
        b"2026-11-23T15:33:56.5+0100 node1 kernel: ",
        b"2026-11-23T14:33:56 node1 kernel: ",
        b"<4>1 2026-11-23T14:33:56.087384+00:00 node1 kernel - - - ",
        b"<4>Nov 23 14:33:56 node1 kernel: ",
        b"<7>2026-11-23T14:33:56Z node1 kernel: ",
        b"Nov 23 14:33:56 node1 kern.warn kernel: ",
        b"Nov 23 14:33:56 fe80::1 kernel: ",
        b"Nov 23 14:33:56 %b kernel: " % (b"h" * 255),
        b"\0\0\0\0Nov 23 14:33:56 node1 kernel: ",
        b"\0" * 100_000 + b"Nov 23 14:33:56 node1 kernel: ",
    ],
)
@pytest.mark.parametrize(
    "uptime", [b"", UPTIME, b"[    0.000001] ", b"[1234567.890123][ T1234] ", b"[ 1.000000][    C0] "]
)
def test_every_head_of_a_kernel_line_counts(head: bytes, uptime: bytes) -> None:
    assert len(events(head + uptime + BODY + b"\n")) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"Nov 23 14:33:56 node1 kernel[123]: ",
        b"Nov 23 14:33:56 node1 kernel[0]: ",
        b"Nov 23 14:33:56 node1 sshd[4242]: Invalid user x kernel: ",
        b"Nov 23 14:33:56 node1 sshd: kernel: ",
        b"Nov 23 14:33:56 sshd: kernel: ",
        b"Nov 23 14:33:56 in.tftpd[1]: a#012Nov 23 14:33:56 node1 kernel: ",
        b"Nov 23 14:33:56 node1 kernel: kernel: ",
        b"Nov 23 14:33:56 node1 kernel: x ",
        b"Nov 23 14:33:56 node1 Kernel: ",
        b"Nov 23 14:33:56 node1  kernel: ",
        b"Nov 23 14:33:56  kernel: ",
        b"Nov 23 14:33:56 %b kernel: " % (b"h" * 256),
        b"Nov 23 14:33:56 node/1 kernel: ",
        b"Nov 23 14:33:56 node1 user.warn kernel: ",
        b"<12>Nov 23 14:33:56 node1 kernel: ",
        b"<8>1 2026-11-23T14:33:56Z node1 kernel - - - ",
        b"<4>1 Nov 23 14:33:56 node1 kernel: ",
        b"<4>1 2026-11-23T14:33:56Z node1 kernel 123 - - ",
        b" Nov 23 14:33:56 node1 kernel: ",
        b"xNov 23 14:33:56 node1 kernel: ",
        b"kernel: ",
        b"",
        b"4,345,650761074,-;",
    ],
)
def test_no_other_head_counts(head: bytes) -> None:
    assert events(head + BODY + b"\n") == events(head + UPTIME + BODY + b"\n") == []


@pytest.mark.parametrize(
    "uptime", [b"[1.0] ", b"[      1.000000] ", b"[ 1.000000]", b"[ 1.000000][ X1] ", b"[%b" % (b" " * 7900)]
)
def test_an_uptime_has_one_shape(uptime: bytes) -> None:
    assert events(HEAD + uptime + BODY + b"\n") == []


@pytest.mark.parametrize(
    "stamp",
    [
        b"Nov 31 14:33:56",
        b"Foo 23 14:33:56",
        b"Nov 23 24:33:56",
        b"Nov 23 14:60:56",
        b"Nov 23 14:33:60",
        b"Nov  0 14:33:56",
        b"Feb 30 14:33:56",
        b"2026-02-29T14:33:56Z",
        b"2026-11-23T14:33:56+99:99",
        b"2026-13-01T00:00:00",
    ],
)
def test_a_stamp_that_cannot_be_is_no_event(stamp: bytes) -> None:
    assert events(stamp + LINE[15:]) == []
    assert [event.time.minute for event in events(LINE + stamp + LINE[15:] + LINE)] == [33, 33]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("blank", [b"", b" "])
def test_a_carriage_return_and_a_lost_blank_at_the_end_do_not_matter(blank: bytes, end: bytes) -> None:
    assert len(events(LINE[:-2] + blank + end)) == 1


@pytest.mark.parametrize("end", [b"\r\r\n", b"  \n", b" x\n", b" SRC=192.0.2.8 \n", b" from 203.0.113.1 port 22\n"])
def test_nothing_else_may_stand_at_the_end(end: bytes) -> None:
    assert events(LINE[:-2] + end) == []


@pytest.mark.parametrize("inside", [b" ", UPTIME, b" " + UPTIME, b" [  705.905357][ T1234] "])
@pytest.mark.parametrize("end", [b" ]\n", b"]\n", b" ]\r\n"])
def test_a_repeated_message_counts_as_often_again(inside: bytes, end: bytes) -> None:
    line = HEAD + b"message repeated 9 times: [" + inside + BODY.rstrip() + end
    assert [event.packets for event in events(LINE + line)] == [1, 9]


@pytest.mark.parametrize("times", [b"0", b"-1", b"x", b"1234567890", b""])
def test_a_repetition_needs_a_number(times: bytes) -> None:
    assert events(HEAD + b"message repeated " + times + b" times: [ " + BODY + b"]\n") == []


def test_a_repetition_needs_its_bracket() -> None:
    assert events(HEAD + b"message repeated 9 times: [ " + BODY + b"\n") == events(LINE[:-1] + b"]\n") == []


@pytest.mark.parametrize(
    ("packet", "ports"),
    [
        (b"PROTO=UDP SPT=41156 DPT=75 LEN=3008 ", (b"41156", b"75")),
        (b"PROTO=UDPLITE SPT=1 DPT=65535 LEN=8 ", (b"1", b"65535")),
        (b"FRAG:185 PROTO=UDP ", (b"", b"")),
        (b"MF FRAG:185 PROTO=UDP ", (b"", b"")),
        (b"PROTO=UDP INCOMPLETE [4 bytes] ", (b"", b"")),
        (b"PROTO=TCP SPT=45084 DPT=72 WINDOW=64240 RES=0x00 SYN URGP=0 ", (b"45084", b"72")),
        (b"PROTO=TCP SPT=1 DPT=2 SEQ=9 ACK=0 WINDOW=1 RES=0x00 ACK PSH FIN URGP=0 OPT (0204A0) ", (b"1", b"2")),
        (b"PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1 ", (b"", b"")),
        (
            b"PROTO=ICMP TYPE=3 CODE=3 [SRC=198.51.100.1 DST=192.0.2.7 LEN=38 PROTO=UDP SPT=5 DPT=69 LEN=18 ] ",
            (b"", b""),
        ),
        (b"PROTO=ICMP TYPE=3 CODE=4 [SRC=198.51.100.1 DST=192.0.2.7 INCOMPLETE [8 bytes] ] MTU=1400 ", (b"", b"")),
        (b"PROTO=ESP SPI=0xdeadbeef ", (b"", b"")),
        (b"PROTO=47 ", (b"", b"")),
        (b"PROTO=2 MARK=0x2a ", (b"", b"")),
        (b"OPT (94040000) PROTO=2 ", (b"", b"")),
        (b"CE DF MF PROTO=UDP SPT=1 DPT=2 LEN=9 UID=0 GID=0 MARK=0x1 ", (b"1", b"2")),
    ],
)
def test_every_protocol_counts_for_a_rule_without_a_port(packet: bytes, ports: tuple[bytes, bytes]) -> None:
    line = HEAD + UPTIME + PREFIX.encode() + LINK + WHO.replace(b"DF ", b"") + packet
    assert [(event.spt, event.dpt) for event in events(line + b"\n", ANY)] == [ports]
    assert [(event.spt, event.dpt) for event in events(line.rstrip() + b"\n", ANY)] == [ports]


@pytest.mark.parametrize(
    "packet",
    [
        b"PROTO=UDP ",
        b"PROTO=TCP ",
        b"PROTO=ICMP ",
        b"PROTO=ICMPv6 ",
        b"PROTO=UDP SPT=1 ",
        b"PROTO=UDP SPT=1 DPT=69 ",
        b"PROTO=UDP SPT=1 DPT=69 LEN=",
        b"PROTO=UDP SPT=1 DPT=65536 LEN=9 ",
        b"PROTO=UDP SPT=65536 DPT=69 LEN=9 ",
        b"PROTO=UDP SPT=99999 DPT=69 LEN=9 ",
        b"PROTO=UDP SPT=123456 DPT=69 LEN=9 ",
        b"PROTO=TCP SPT=1 DPT=69 WINDOW=1 ",
        b"PROTO=UDP SPT=1 DPT=69 LEN=9 SRC=198.51.100.9 ",
        b"SRC=198.51.100.9 PROTO=UDP SPT=1 DPT=69 LEN=9 ",
        b"",
    ],
)
def test_a_packet_cut_short_or_with_more_in_it_is_no_event(packet: bytes) -> None:
    assert events(HEAD + UPTIME + PREFIX.encode() + LINK + WHO + packet + b"\n", ANY) == []


def test_no_part_of_a_line_is_a_line() -> None:
    whole = LINE.index(b"LEN=28") + 5
    assert [cut for cut in range(whole) if events(LINE[:cut] + b"\n")] == []


@pytest.mark.parametrize(
    ("link", "mac"),
    [
        (b"IN=eth0 OUT= MAC= ", b""),
        (b"IN= OUT=eth0 ", b""),
        (b"IN=fva OUT=fva2 MAC=a2:99:7b:fe:e1:de:b6:57:44:ce:9a:6a:08:00 ", b"b6:57:44:ce:9a:6a"),
        (b"IN=br0 OUT= PHYSIN=eth0 PHYSOUT=eth1 MAC=a2:99:7b:fe:e1:de:b6:57:44:ce:9a:6a:08:00 ", b"b6:57:44:ce:9a:6a"),
        (b"IN=x OUT= MACSRC=4a:a9:0f:54:e5:7d MACDST=da:71:35:a8:01:0d MACPROTO=0800 ", b"4a:a9:0f:54:e5:7d"),
        (
            b"IN=x OUT= VPROTO=8100 VID=7 MACSRC=4a:a9:0f:54:e5:7d MACDST=da:71:35:a8:01:0d MACPROTO=0800 ",
            b"4a:a9:0f:54:e5:7d",
        ),
        (b"IN=tun0 OUT= MAC=45:00 ", b""),
        (b"IN=sixteen-letters OUT= ", b""),
    ],
)
def test_the_hardware_address_is_the_senders(link: bytes, mac: bytes) -> None:
    assert [event.mac for event in events(HEAD + UPTIME + PREFIX.encode() + link + WHO + UDP + b"\n")] == [mac]


@pytest.mark.parametrize(
    "link",
    [
        b"IN=sixteen-letters-X OUT= ",
        b"IN=eth0 ",
        b"OUT= ",
        b"IN=a b OUT= ",
        b"IN=x OUT= MAC=zz ",
        b"IN=x OUT= MACSRC=4a ",
    ],
)
def test_what_is_no_link_is_no_event(link: bytes) -> None:
    assert events(HEAD + UPTIME + PREFIX.encode() + link + WHO + UDP + b"\n") == []


@pytest.mark.parametrize(
    ("written", "src"),
    [
        (b"192.0.2.7", "192.0.2.7"),
        (b"255.255.255.255", "255.255.255.255"),
        (b"2001:0db8:0000:0000:0000:0000:0000:0002", "2001:db8::2"),
        (b"0000:0000:0000:0000:0000:ffff:c000:0207", "192.0.2.7"),
        (b"::ffff:192.0.2.7", "192.0.2.7"),
        (b"2001:db8::7", "2001:db8::7"),
    ],
)
def test_an_address_is_written_as_ipaddress_writes_it(written: bytes, src: str) -> None:
    assert [event.src for event in events(LINE.replace(b"192.0.2.7", written))] == [src]


@pytest.mark.parametrize(
    "src",
    [
        b"192.0.2.256",
        b"192.0.2",
        b"192.0.2.07",
        b"1.2.3.4.5",
        b"192.0.2.7.",
        b"fd99:::2",
        b":::::::",
        b"$(id)",
        b"",
        b".......",
        b"Your account is suspended",
        b"1.2.3.4 DST=1.2.3.4 SRC=1.2.3.4",
        b"\xd9\xa1.2.3.4",
        b"1:2:3:4:5:6:7:8:9",
        b"1234:::",
    ],
)
def test_what_is_no_address_is_no_event(src: bytes) -> None:
    assert events(LINE.replace(b"192.0.2.7", src)) == []
    assert len(events(LINE.replace(b"192.0.2.7", src) + LINE)) == 1


def test_v6_is_understood_with_and_without_a_fragment() -> None:
    v6 = b"SRC=2001:db8::7 DST=2001:db8::1 LEN=65 TC=0 HOPLIMIT=64 FLOWLBL=1038479 "
    first, later = b"FRAG:0 INCOMPLETE ID:0badcafe ", b"FRAG:1448 ID:0badcafe PROTO=UDP \n"
    start = HEAD + PREFIX.encode() + LINK + v6
    assert [event.dpt for event in events(start + UDP + b"\n" + start + first + UDP + b"\n", ANY)] == [b"69", b"69"]
    assert [event.dpt for event in events(start + later, ANY)] == [b""]


def test_only_the_src_after_the_exact_prefix_counts() -> None:
    rule = Rule("odd", ("SRC=198.51.100.4 DST=9.9.9.9 ", "sp IN=fake SRC=198.51.100.5 "))
    lines = [HEAD + prefix.encode() + LINK + WHO + UDP + b"\n" for prefix in rule.prefix]
    assert [event.src for event in events(b"".join(lines), rule)] == ["192.0.2.7", "192.0.2.7"]


def test_a_prefix_may_be_glued_to_the_text() -> None:
    assert len(events(HEAD + UPTIME + b"GLUED" + LINK + WHO + UDP + b"\n", Rule("glued", ("GLUED",)))) == 1


def test_a_prefix_is_no_pattern() -> None:
    rule = Rule("ufw", ("[UFW BLOCK] ",))
    assert len(events(HEAD + UPTIME + b"[UFW BLOCK] " + LINK + WHO + UDP + b"\n", rule)) == 1
    assert events(HEAD + UPTIME + b"U" + LINK + WHO + UDP + b"\n", rule) == []


def test_a_rule_counts_only_its_port_and_protocol() -> None:
    tcp = LINE.replace(UDP, b"PROTO=TCP SPT=1 DPT=69 WINDOW=1 RES=0x00 SYN URGP=0 ")
    fragment = LINE.replace(b"DF " + UDP, b"FRAG:185 PROTO=UDP ")
    log = LINE + LINE.replace(b"DPT=69", b"DPT=70") + tcp + fragment
    assert [event.dpt for event in events(log)] == [b"69", b"69"]
    assert [event.spt for event in events(log, Rule("tcp", (PREFIX,), port=69, protocol="tcp"))] == [b"1"]
    assert [event.dpt for event in events(log, Rule("udp", (PREFIX,), protocol="udp"))] == [b"69", b"70", b""]
    assert len(events(log, ANY)) == 4


def test_icmp_of_v6_is_a_protocol() -> None:
    line = HEAD + PREFIX.encode() + b"IN=a OUT= SRC=2001:db8::7 DST=2001:db8::1 LEN=64 TC=0 HOPLIMIT=64 FLOWLBL=7 "
    line += b"PROTO=ICMPv6 TYPE=128 CODE=0 ID=7 SEQ=1 \n"
    assert len(events(line, Rule("ping", (PREFIX,), protocol="icmpv6"))) == 1


def test_several_rules_may_share_a_prefix() -> None:
    log = LINE + LINE.replace(b"DPT=69", b"DPT=70")
    rules = Rule("a", (PREFIX,), port=69), Rule("b", (PREFIX,), port=70), ANY
    assert [event.rule for event in events(log, *rules)] == ["a", "any", "b", "any"]


def test_events_of_several_prefixes_come_in_the_order_of_lines() -> None:
    other = LINE.replace(PREFIX.encode(), b"[UFW BLOCK] ")
    rules = RULE, Rule("ufw", ("[UFW BLOCK] ", "never seen "))
    log = other + LINE + b"noise\n" + LINE + other + b"x [UFW BLOCK] IN=\n" + other
    assert [event.rule for event in events(log, *rules)] == ["ufw", "tftp", "tftp", "ufw", "ufw"]


def test_sources_that_a_rule_allows_are_left_out_unless_asked_for() -> None:
    rule = Rule("tftp", (PREFIX,), allow=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
    log = LINE + LINE.replace(b"192.0.2.7", b"2001:db8::9") + LINE.replace(b"192.0.2.7", b"198.51.100.1")
    assert [event.src for event in events(log, rule)] == ["198.51.100.1"]
    assert [event.src for event in events(log, rule, allowed=True)] == ["192.0.2.7", "2001:db8::9", "198.51.100.1"]


def test_allowed_sources_are_left_out_of_lines_without_an_uptime_too() -> None:
    rule = Rule("tftp", (PREFIX,), allow=(ip_network("192.0.2.0/24"),))
    assert events(HEAD + BODY + b"\n", rule) == []
    assert len(events(HEAD + BODY + b"\n", rule, allowed=True)) == 1


def test_one_rule_may_allow_what_another_counts() -> None:
    strict, lax = Rule("strict", (PREFIX,)), Rule("lax", (PREFIX,), allow=(ip_network("192.0.2.0/24"),))
    assert [event.rule for event in events(LINE, strict, lax)] == ["strict"]


def test_many_sources_do_not_confuse_the_addresses_kept_at_hand() -> None:
    srcs = [f"10.{a}.{b}.1" for a in range(20) for b in range(100)]
    log = b"".join(LINE.replace(b"192.0.2.7", src.encode()) for src in srcs)
    assert [event.src for event in events(log)] == srcs


def test_a_batch_without_its_last_line_feed_ends() -> None:
    assert events(LINE + LINE[:-1]) == events(LINE)
    assert events(b"") == events(PREFIX.encode() + b"IN=") == []


def test_without_rules_there_are_no_events() -> None:
    batch = Batch("syslog", "syslog", 0, bytearray(LINE), 0, len(LINE), NOW)
    assert list(Parser([]).events(batch, NOW)) == []
