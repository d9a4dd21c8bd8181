"""Stamps of syslog become moments: the year, the zone, and the nights when clocks change."""

import json
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from tocsin.model import Batch, Rule
from tocsin.parse import Parser

RULES = [Rule("tftp", ("X: ",))]
BERLIN = ZoneInfo("Europe/Berlin")
BODY = (
    " node1 kernel: [    1.000000] X: IN=eth0 OUT= SRC=192.0.2.7 DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID=1"
    " PROTO=UDP SPT=5 DPT=69 LEN=28 \n"
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def batch(stamps: list[str], written: datetime, newest: str = "") -> Batch:
    lines = "".join(stamp + BODY for stamp in stamps).encode()
    live = (newest + " node1 sshd[1]: hello").encode() if newest else b""
    return Batch("syslog", "syslog", 0, bytearray(lines), 0, len(lines), written, live, written if newest else None)


def times(stamps: list[str], written: str, *, zone: tzinfo | None = None, newest: str = "") -> list[str]:
    moment = at(written)
    parser = Parser(RULES, zone=zone)
    return [
        event.time.isoformat(" ").removesuffix("+00:00")
        for event in parser.events(batch(stamps, moment, newest), moment)
    ]


@pytest.mark.parametrize(
    ("stamps", "written", "expected"),
    [
        (["Nov 23 10:00:00"], "2026-11-24", ["2026-11-23 10:00:00"]),
        (["Dec 23 10:00:00"], "2026-11-24", ["2025-12-23 10:00:00"]),  # next month's stamp is last year's
        (["Nov 24 23:00:00"], "2026-11-24", ["2026-11-24 23:00:00"]),  # ahead, but by less than a day
        (["Nov 24 10:20:00", "Nov 24 10:40:00"], "2026-11-23 10:30:00", ["2026-11-24 10:20:00", "2025-11-24 10:40:00"]),
        (["Nov 25 00:00:01"], "2026-11-24", ["2025-11-25 00:00:01"]),
        (["Dec 31 23:59:59", "Jan  1 00:00:00"], "2027-01-01", ["2026-12-31 23:59:59", "2027-01-01 00:00:00"]),
        # out of order on New Year's Eve
        (
            ["Jan  1 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"],
            "2027-01-01",
            ["2027-01-01 00:00:00", "2026-12-31 23:59:59", "2027-01-01 00:00:01"],
        ),
        # a file that holds two New Years
        (["Dec 30 10:00:00", "Jun  1 10:00:00", "Jan  2 10:00:00"], "2026-01-03",
         ["2025-12-30 10:00:00", "2025-06-01 10:00:00", "2026-01-02 10:00:00"]),
        # a clock set back by seven days, and by more: the file's time knows that this is no new year
        (["Nov 23 10:00:00", "Nov 16 10:00:00"], "2026-11-24", ["2026-11-23 10:00:00", "2026-11-16 10:00:00"]),
        (["Nov 23 10:00:00", "Jan  1 00:00:07", "Nov 23 10:00:09"], "2026-11-24",
         ["2026-11-23 10:00:00", "2026-01-01 00:00:07", "2026-11-23 10:00:09"]),
        # a step back of more than seven days is a new year where the file's time allows one
        (["Nov 10 10:00:00", "Nov  3 09:00:00"], "2026-11-24", ["2026-11-10 10:00:00", "2026-11-03 09:00:00"]),
        (["Feb 29 12:00:00", "Mar  1 00:00:00"], "2028-03-01", ["2028-02-29 12:00:00", "2028-03-01 00:00:00"]),
        (["Feb 29 12:00:00"], "2031-01-01", ["2028-02-29 12:00:00"]),
        (["Feb 29 12:00:00"], "2103-01-01", ["2096-02-29 12:00:00"]),
        (["Dec 31 10:00:00", "Feb 29 12:00:00"], "2028-03-01", ["2027-12-31 10:00:00", "2028-02-29 12:00:00"]),
        # no leap day in 2027: no event, and the year of the others is what it was
        (["Feb 28 12:00:00", "Feb 29 12:00:00", "Mar  1 12:00:00"], "2027-03-02",
         ["2027-02-28 12:00:00", "2027-03-01 12:00:00"]),
        (["Nov 23 10:00:00", "Nov 31 10:00:00", "Nov 23 10:00:01"], "2026-11-24",
         ["2026-11-23 10:00:00", "2026-11-23 10:00:01"]),
    ],
)  # fmt: skip
def test_the_year_comes_from_the_order_of_lines_and_the_files_time(
    stamps: list[str], written: str, expected: list[str]
) -> None:
    assert times(stamps, written) == expected


def test_the_year_goes_on_from_batch_to_batch() -> None:
    parser = Parser(RULES)
    now = at("2028-06-01")
    old = list(parser.events(batch(["Dec 30 10:00:00"], at("2027-01-03")), now))
    parser = Parser(RULES, memory=parser.memory)
    stamps = ["Jan  2 10:00:00", "Jun  1 10:00:00", "Dec 30 10:00:00", "Jan  2 10:00:00"]
    new = list(parser.events(batch(stamps, at("2028-06-01")), now))
    assert [event.time.year for event in old + new] == [2026, 2027, 2027, 2027, 2028]


def test_the_old_year_again_goes_on_from_batch_to_batch() -> None:
    parser = Parser(RULES)
    list(parser.events(batch(["Jan  1 10:00:00"], at("2027-01-02")), at("2028-06-01")))
    found = parser.events(batch(["Dec 31 10:00:00"], at("2028-06-01")), at("2028-06-01"))
    assert [event.time.year for event in found] == [2026]


def test_a_file_from_the_future_does_not_make_its_lines_so() -> None:
    parser = Parser(RULES)
    found = parser.events(batch(["Dec 23 10:00:00"], at("9999-12-31")), at("2026-11-24"))
    assert [event.time.year for event in found] == [2025]


@pytest.mark.parametrize("written", [datetime.min, datetime.max, datetime(1969, 12, 31)])  # noqa: DTZ001, DTZ901 (at())
@pytest.mark.parametrize("zone", [None, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati")])
@pytest.mark.parametrize("stamp", ["Jan  1 00:00:00", "Dec 31 23:59:59", "Feb 29 12:00:00", "1000-01-01T00:00:00"])
def test_a_file_of_any_time_has_events(written: datetime, zone: tzinfo | None, stamp: str) -> None:
    given = batch([stamp], written.replace(tzinfo=UTC), stamp)
    assert len(list(Parser(RULES, zone=zone).events(given, at("2026-11-24")))) == 1


@pytest.mark.parametrize("stamp", ["2999-12-31T23:59:59", "2999-12-31T23:59:59Z", "2999-12-31T23:59:59.5+14:00"])
@pytest.mark.parametrize("written", ["2026-11-24", "2999-12-30", "1970-01-01"])
def test_no_stamp_is_believed_that_lies_far_ahead_of_its_file(stamp: str, written: str) -> None:
    parser = Parser(RULES, zone=BERLIN)
    assert not list(parser.events(batch([stamp, stamp], at(written)), at("2026-11-24")))
    assert parser.undated == 2


@pytest.mark.parametrize("stamp", ["2026-11-24T12:00:00", "2026-11-24T12:00:00Z"])
def test_a_stamp_with_a_year_counts_though_the_clock_was_set_back_since(stamp: str) -> None:
    found = Parser(RULES).events(batch([stamp], at("2026-11-24")), at("1970-01-01"))
    assert [event.time for event in found] == [at("2026-11-24 12:00:00")]


@pytest.mark.parametrize(
    ("stamp", "counts"),
    [
        ("2026-11-25T12:00:00Z", True),
        ("2026-11-25T12:00:00.000001Z", False),
        ("2026-11-26T02:00:00+14:00", True),
        ("2026-11-26T02:00:01+14:00", False),
        ("2026-11-25T13:00:00", True),
        ("2026-11-25T13:00:01", False),
    ],
)
def test_a_stamp_with_a_year_may_be_a_day_ahead_of_its_file(stamp: str, counts: bool) -> None:  # noqa: FBT001 (drawn)
    assert bool(times([stamp], "2026-11-24 12:00:00", zone=BERLIN)) is counts


def test_a_stamp_too_far_ahead_leaves_year_and_hour_of_the_others_as_they_were() -> None:
    now = at("2026-10-26")
    parser, straight = Parser(RULES, zone=BERLIN), Parser(RULES, zone=BERLIN)
    list(parser.events(batch(["Oct 25 02:30:00", "2026-10-28T00:00:00", "2027-10-28T00:00:00Z"], now), now))
    list(straight.events(batch(["Oct 25 02:30:00"], now), now))
    assert parser.memory == straight.memory


def test_after_a_silence_of_a_year_the_files_time_decides() -> None:
    parser = Parser(RULES)
    list(parser.events(batch(["Mar  1 10:00:00"], at("2025-03-01")), at("2025-03-01")))
    again = Parser(RULES, memory=parser.memory)
    found = again.events(batch(["Apr  1 10:00:00"], at("2026-04-01")), at("2026-04-01"))
    assert [event.time for event in found] == [at("2026-04-01 10:00:00")]


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("2026-11-23T14:33:56.087384+00:00", "2026-11-23 14:33:56.087384"),
        ("2026-11-23T14:33:56.5+02:00", "2026-11-23 12:33:56.500000"),
        ("2026-11-23T14:33:56-0330", "2026-11-23 18:03:56"),
        ("2026-11-23T14:33:56Z", "2026-11-23 14:33:56"),
        ("2026-11-23T14:33:56", "2026-11-23 13:33:56"),
        ("2024-02-29T14:33:56Z", "2024-02-29 14:33:56"),
        ("Nov 23 14:33:56", "2026-11-23 13:33:56"),
        ("Jul 23 14:33:56", "2026-07-23 12:33:56"),
    ],
)
def test_a_stamp_without_a_zone_is_in_the_sources(stamp: str, time: str) -> None:
    assert times([stamp], "2026-11-24", zone=BERLIN) == [time]


@pytest.mark.parametrize(
    ("stamps", "written", "expected"),
    [
        # Oct 25, 2026: 03:00 CEST is followed by 02:00 CET
        (["Oct 25 02:30:00"], "2026-10-26", ["2026-10-25 00:30:00"]),
        (["Oct 25 02:59:59", "Oct 25 02:00:00", "Oct 25 02:30:00", "Oct 25 03:00:00"], "2026-10-26",
         ["2026-10-25 00:59:59", "2026-10-25 01:00:00", "2026-10-25 01:30:00", "2026-10-25 02:00:00"]),
        (["2026-10-25T02:59:59", "2026-10-25T02:00:00"], "2026-10-26", ["2026-10-25 00:59:59", "2026-10-25 01:00:00"]),
        # lines of two threads, a second out of order, are no change of clocks
        (["Oct 25 02:30:01", "Oct 25 02:30:00"], "2026-10-26", ["2026-10-25 00:30:01", "2026-10-25 00:30:00"]),
        # a clock set back in the first of the two hours: the second has not been when the file was written
        (["Oct 25 02:30:00", "Oct 25 02:10:00"], "2026-10-25 00:40:00", ["2026-10-25 00:30:00", "2026-10-25 00:10:00"]),
        (["Oct 25 03:05:00", "Oct 25 02:55:00"], "2026-10-26", ["2026-10-25 02:05:00", "2026-10-25 01:55:00"]),
        # Mar 29, 2026: 02:00 CET is followed by 03:00 CEST
        (["Mar 29 01:59:59", "Mar 29 03:00:00"], "2026-03-30", ["2026-03-29 00:59:59", "2026-03-29 01:00:00"]),
        (["Mar 29 02:30:00", "Mar 29 03:31:00"], "2026-03-30", ["2026-03-29 01:30:00", "2026-03-29 01:31:00"]),
    ],
)  # fmt: skip
def test_nights_when_clocks_change(stamps: list[str], written: str, expected: list[str]) -> None:
    assert times(stamps, written, zone=BERLIN) == expected


def test_the_newest_line_tells_which_of_two_hours_it_is() -> None:
    stamps = ["Oct 25 02:29:00", "Oct 25 02:30:00"]
    found = times(stamps, "2026-10-25 01:30:02", zone=BERLIN, newest="Oct 25 02:30:00")
    assert found == ["2026-10-25 01:29:00", "2026-10-25 01:30:00"]
    found = times(stamps, "2026-10-25 00:30:02", zone=BERLIN, newest="Oct 25 02:30:00")
    assert found == ["2026-10-25 00:29:00", "2026-10-25 00:30:00"]


def test_the_newest_line_says_nothing_of_hours_in_older_files() -> None:
    now = at("2026-10-25 01:30:02")
    old = batch(["Oct 25 02:29:30"], now, "Oct 25 02:30:00")._replace(mtime=at("2026-10-25 01:29:59"))
    assert [event.time.hour for event in Parser(RULES, zone=BERLIN).events(old, now)] == [0]


def test_half_an_hour_may_come_twice() -> None:
    stamps = ["Apr  5 01:59:00", "Apr  5 01:31:00"]
    found = times(stamps, "2026-04-06", zone=ZoneInfo("Australia/Lord_Howe"))
    assert found == ["2026-04-04 14:59:00", "2026-04-04 15:01:00"]


def test_the_hour_that_comes_twice_goes_on_from_batch_to_batch() -> None:
    now = at("2026-10-26")
    parser = Parser(RULES, zone=BERLIN)
    list(parser.events(batch(["Oct 25 02:59:59"], now), now))
    again = Parser(RULES, zone=BERLIN, memory=parser.memory)
    assert [event.time for event in again.events(batch(["Oct 25 02:10:00"], now), now)] == [at("2026-10-25 01:10:00")]


@pytest.mark.parametrize(
    ("newest", "zone"),
    [
        ("Nov 24 12:00:00", "UTC"),
        ("Nov 24 12:59:31", "UTC+01:00"),
        ("Nov 24 13:00:29", "UTC+01:00"),
        ("Nov 24 02:30:00", "UTC-09:30"),
        ("Nov 25 02:00:00", "UTC+14:00"),
        ("Nov 24 17:45:00", "UTC+05:45"),
        ("<30>Nov 24 13:00:00", "UTC+01:00"),
        ("2026-11-24T13:00:00", "UTC+01:00"),
    ],
)
def test_the_zone_is_guessed_from_the_newest_line(newest: str, zone: str) -> None:
    now = at("2026-11-24 12:00:00")
    parser = Parser(RULES)
    list(parser.events(batch([], now, newest), now))
    assert parser.zone.startswith(f"{zone} (guessed from the newest line")
    assert "hour off" in parser.zone


@pytest.mark.parametrize(
    "newest", ["", "Nov 24 12:05:00", "Nov 24 13:01:01", "Nov 23 11:00:00",
               "Nov 31 13:00:00", "2026-11-24T13:00:00+01:00",
               "2026-13-24T13:00:00", "no stamp"],
)  # fmt: skip
def test_without_a_good_guess_the_zone_is_utc(newest: str) -> None:
    now = at("2026-11-24 12:00:00")
    parser = Parser(RULES)
    assert [event.time.hour for event in parser.events(batch(["Nov 24 10:00:00"], now, newest), now)] == [10]
    assert parser.zone == "UTC (nothing better known)"


def test_a_guess_over_new_year_is_no_year_off() -> None:
    now = at("2026-12-31 23:30:00")
    parser = Parser(RULES)
    found = parser.events(batch(["Jan  1 00:29:00"], now, "Jan  1 00:30:00"), now)
    assert [event.time for event in found] == [at("2026-12-31 23:29:00")]


def test_a_guess_is_remembered_and_a_better_one_takes_its_place() -> None:
    now = at("2026-11-24 12:00:00")
    first = Parser(RULES)
    list(first.events(batch([], now, "Nov 24 13:00:00"), now))
    second = Parser(RULES, memory=first.memory)
    assert second.zone == first.zone
    assert [event.time.hour for event in second.events(batch(["Nov 24 10:00:00"], now, "Nov 24 12:07:00"), now)] == [9]
    list(second.events(batch([], now, "Nov 24 14:00:00"), now))
    assert second.zone.startswith("UTC+02:00 (guessed")


def test_a_given_zone_is_not_guessed_over() -> None:
    now = at("2026-11-24 12:00:00")
    parser = Parser(RULES, zone=BERLIN)
    list(parser.events(batch([], now, "Nov 24 12:00:00"), now))
    assert parser.zone == "Europe/Berlin (settings)"
    assert Parser(RULES, zone=timezone(timedelta(hours=1))).zone == "UTC+01:00 (settings)"


def test_a_memory_that_is_another_programs_is_nothing_known() -> None:
    for memory in ("", "null", "[]", "{", '{"local": 7}', json.dumps({"local": None, "lines": "x"})):
        assert Parser(RULES, memory=memory).zone == "UTC (nothing better known)"
