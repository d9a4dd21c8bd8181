"""imkmsg writes the kernel's whole ring again at each start: that is recognised, and a flood is not taken for it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.model import Batch, Event, Rule
from tocsin.parse import Parser

NOW = datetime(2026, 11, 24, tzinfo=UTC)
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "corpus"
RULES = [Rule("tftp", ("X: ",), port=69)]
Packet = tuple[float, int]  # (seconds since START, ID)


def line(packet: Packet, *, uptime: str = "", dpt: int = 69) -> bytes:
    time = START + timedelta(seconds=packet[0])
    return (
        f"{time.isoformat()} node1 kernel: {uptime}X: IN=a OUT= SRC=192.0.2.7 DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00"
        f" TTL=64 ID={packet[1]} PROTO=UDP SPT=5 DPT={dpt} LEN=28 \n"
    ).encode()


def batch(lines: Sequence[bytes]) -> Batch:
    log = bytearray(b"".join(lines))
    return Batch("syslog", "syslog", 0, log, 0, len(log), NOW)


def read(*lines: bytes) -> tuple[list[Event], int]:
    parser = Parser(RULES)
    return [*parser.events(batch(lines), NOW), *parser.flush()], parser.replayed


def count(*packets: Packet) -> tuple[int, int]:
    """(events, lines that were a replay)."""
    events, replayed = read(*map(line, packets))
    return len(events), replayed


RING: list[Packet] = [(0, 1), (10, 2), (20, 3), (21, 4)]


@pytest.mark.parametrize("off", [-1.9, -1, 0, 0.4, 1])
def test_the_ring_again_does_not_count(off: float) -> None:
    assert count(*RING, *((time + off, mark) for time, mark in RING)) == (4, 4)


@pytest.mark.parametrize("name", ["kernel-imkmsg-rfc3164", "kernel-imkmsg-iso", "kernel-imkmsg-rfc5424"])
def test_real_lines_again_do_not_count(name: str) -> None:
    log = (SAMPLES / name / "input.log").read_bytes()
    log += log + log
    parser = Parser([Rule("tftp", ("IPTables-TFTP-Rejected: ",))])
    found = [*parser.events(Batch("s", "f", 0, bytearray(log), 0, len(log), NOW), NOW), *parser.flush()]
    assert len(found) == parser.replayed / 2 == log.count(b"\n") / 3


def test_each_start_writes_it_again_and_what_is_new_counts() -> None:
    assert count(*RING, *RING, (30, 5), *RING, (30, 5), (40, 6), *RING, (30, 5), (40, 6)) == (6, 4 + 5 + 6)


def test_a_part_of_the_ring_is_enough() -> None:
    assert count(*RING, *RING[2:]) == (4, 2)


def test_lines_that_the_log_did_not_have_count_within_a_replay() -> None:
    assert count(*RING, (-5, 9), (0, 1), (10, 2), (15, 8), (20, 3), (21, 4)) == (6, 4)


def test_lines_that_the_ring_has_lost_do_not_end_a_replay() -> None:
    assert count(*RING, (0, 1), (20, 3), (21, 4)) == (4, 3)


def test_new_lines_after_a_replay_count() -> None:
    assert count(*RING, *RING, (21.5, 5), (22, 6), (23, 7)) == (7, 4)


def test_a_single_equal_line_counts() -> None:
    assert count((0, 1), (10, 2), (0, 1)) == (3, 0)
    assert count((0, 1), (10, 2), (0, 1), (11, 3)) == (4, 0)


def test_a_single_equal_line_counts_after_a_replay_too() -> None:
    assert count(*RING, *RING, (30, 5), (10, 2)) == (6, 4)


def test_a_flood_of_equal_lines_counts() -> None:
    assert count(*[(0.1 * n, 1) for n in range(100)]) == (100, 0)
    assert count(*[(0, 1)] * 100) == (100, 0)


def test_a_flood_of_equal_lines_counts_although_the_clock_was_set_back() -> None:
    assert count((0, 9), *[(0.1 * n, 1) for n in range(50)], *[(0.1 * n, 1) for n in range(60)], (7, 8)) == (112, 0)


def test_a_flood_from_two_ports_counts() -> None:
    assert count(*[(0.1 * n, n % 2) for n in range(100)]) == (100, 0)


def test_the_same_packets_in_another_order_count() -> None:
    assert count((0, 1), (1, 2), (5, 3), (1, 2), (0, 1)) == (5, 0)


def test_the_same_packets_in_another_order_count_within_a_second_too() -> None:
    assert count((0, 1), (0.5, 2), (5, 3), (0, 2), (0.5, 1)) == (5, 0)


def test_a_blank_that_was_lost_at_the_end_does_not_hide_a_replay() -> None:
    lines = [line(packet) for packet in RING]
    events, replayed = read(*lines, *(each.rstrip() + b"\r\n" for each in lines))
    assert (len(events), replayed) == (4, 4)


def test_a_replay_among_many_new_lines_is_followed_to_its_end() -> None:
    ring: list[Packet] = [(n, n) for n in range(1000)]
    again = [packet for n in range(1, 1000) for packet in ((n, n), (n + 0.1, 50_000 + n))]
    assert count(*ring, (0, 0), *again) == (1999, 1000)


def test_equal_lines_at_another_time_count() -> None:
    assert count(*RING, *((time - 60, mark) for time, mark in RING)) == (8, 0)
    assert count(*RING, *((time + 3, mark) for time, mark in RING)) == (8, 0)


def test_a_replayed_flood_does_not_count_where_another_packet_follows_it() -> None:
    flood: list[Packet] = [(n * 0.1, 1) for n in range(30)]
    assert count(*flood, (3, 2), *flood, (3, 2)) == (31, 31)


def test_lines_with_an_uptime_are_never_a_replay() -> None:
    lines = [line(packet, uptime="[    1.000000] ") for packet in RING]
    events, replayed = read(*lines, *lines)
    assert (len(events), replayed) == (8, 0)


def test_a_line_with_an_uptime_decides_that_what_was_held_back_counts() -> None:
    lines = [line(packet) for packet in (*RING, RING[0])]
    events, _ = read(*lines, line((50, 9), uptime="[    1.000000] "), line((51, 10)))
    assert [(event.time - START).seconds for event in events] == [0, 10, 20, 21, 0, 50, 51]


def test_what_is_held_back_comes_when_all_has_been_read() -> None:
    parser = Parser(RULES)
    lines = [line(packet) for packet in (*RING, RING[0])]
    assert len(list(parser.events(batch(lines), NOW))) == 4
    assert [event.time for event in parser.flush()] == [START]
    assert list(parser.flush()) == []


def test_a_replay_goes_on_after_all_that_was_there_had_been_read() -> None:
    parser = Parser(RULES)
    list(parser.events(batch([line(packet) for packet in (*RING, RING[0])]), NOW))
    list(parser.flush())
    assert list(parser.events(batch([line(packet) for packet in RING[1:]]), NOW)) == []


def test_lines_that_no_rule_wants_are_part_of_the_ring_but_not_counted() -> None:
    other = [line(packet, dpt=70) for packet in RING]
    mine = line((25, 5))
    events, replayed = read(*other, mine, *other, mine)
    assert (len(events), replayed) == (1, 1)


def test_a_long_log_is_remembered_in_bounds() -> None:
    parser = Parser(RULES)
    ring: list[Packet] = [(n, n % 60_000) for n in range(5000)]
    lines = [line(packet) for packet in [*ring, *ring[-900:], (5001, 1), *ring[-900:]]]
    assert len([*parser.events(batch(lines), NOW), *parser.flush()]) == 5001
    assert parser.replayed == 1800
    assert len(parser.memory) < 60_000


def test_after_a_stamp_from_the_future_a_flood_still_counts() -> None:
    flood: list[Packet] = [(n, n % 2) for n in range(3000)]
    events, replayed = count(*flood[:1500], (90_000, 7), *flood[1500:])
    assert events + replayed == 3001
    assert replayed <= 3


def test_what_is_held_back_is_part_of_the_memory() -> None:
    lines = [line(packet) for packet in (*RING, RING[0], RING[1])]
    first = Parser(RULES)
    list(first.events(batch(lines[:5]), NOW))
    second = Parser(RULES, memory=first.memory)
    assert second.memory == first.memory
    assert [event.packets for event in first.flush()] == [1]
    assert [*second.events(batch(lines[5:]), NOW), *second.flush()] == []
    assert second.replayed == 2
