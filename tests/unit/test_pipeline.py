"""Ticks over real files with a real state, and a receiver that remembers."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tocsin.errors import LogMissing
from tocsin.model import BLIND, Gap, Notify, Rule
from tocsin.units import Rate

if TYPE_CHECKING:
    from tests.unit.conftest import Node

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_an_attack_is_told_once_and_then_its_end(node: "Node") -> None:
    node.write(MINUTE, "192.0.2.7", "192.0.2.7")
    for minute in (1, 2, 3, 11, 12):
        node.tick(minute * MINUTE)
    assert node.reasons() == [("first", False), ("over", True)]
    assert {note.events for note in node.mail.told} == {2}


def test_a_first_start_tells_only_what_is_younger_than_the_window(new_node: "Node") -> None:
    node = new_node
    node.write(-11 * MINUTE, "192.0.2.1", "192.0.2.2")
    node.write(-9 * MINUTE, "192.0.2.7")
    report = node.tick()
    assert (report.read.first, report.read.old) == (True, 2)
    assert [alert.src for alert in node.mail.told[0].alerts] == ["192.0.2.7"]


def test_a_first_start_over_several_ticks_tells_nothing_old_in_a_later_one(new_node: "Node") -> None:
    node = new_node
    node.limit = 4096
    for i in range(200):
        node.write(-11 * MINUTE, f"198.51.100.{i}")
    reports = [node.tick()]
    while reports[-1].read.behind:
        reports.append(node.tick())
    assert len(reports) > 2
    assert sum(report.read.old for report in reports) == 200
    assert node.mail.told == []


def test_while_lines_wait_to_be_read_no_attack_is_over(node: "Node") -> None:
    node.limit = 4096
    for minute in range(60):
        node.write(minute * MINUTE, "192.0.2.7")
    while node.tick(10 * HOUR).read.behind:
        pass
    node.tick(10 * HOUR + MINUTE)
    assert node.reasons() == [("first", False), ("over", True)]
    assert node.mail.told[-1].events == 60


def test_an_attack_that_came_and_went_while_mail_was_down_is_told_when_it_is_back(node: "Node") -> None:
    node.mail.down = True
    node.write(MINUTE, "192.0.2.7")
    node.tick(MINUTE)
    node.write(4 * MINUTE, "192.0.2.8")
    assert [node.tick(minute * MINUTE).waiting[0].attempts for minute in (2, 14, 30, 31)] == [2, 3, 4, 4]
    node.mail.down = False
    node.tick(40 * MINUTE)
    assert node.reasons() == [("first", False), ("over", True)]
    assert [alert.src for alert in node.mail.told[-1].alerts] == ["192.0.2.8", "192.0.2.7"]


def test_what_was_not_tried_yet_folds_into_the_newest(node: "Node") -> None:
    node.mail.down = True
    node.write(MINUTE, "192.0.2.7")
    for minute in range(1, 9):
        node.tick(minute * MINUTE)
    for src in range(8, 12):
        node.write(9 * MINUTE, f"192.0.2.{src}")
    node.tick(12 * MINUTE)
    node.tick(25 * MINUTE)
    node.mail.down = False
    node.tick(60 * MINUTE)
    assert node.reasons() == [("first", False), ("over", True)]
    assert node.mail.told[-1].new == 4


def test_an_attack_that_began_and_ended_unseen_is_one_mail(node: "Node") -> None:
    node.write(MINUTE, "192.0.2.7")
    node.tick(HOUR)
    node.tick(HOUR + MINUTE)
    assert node.reasons() == [("first", True)]


def test_two_attacks_in_one_tick_are_two_threads(node: "Node") -> None:
    node.write(MINUTE, "192.0.2.7")
    node.write(30 * MINUTE, "192.0.2.7")
    node.tick(31 * MINUTE)
    assert node.reasons() == [("first", True), ("first", False)]
    assert [note.start for note in node.mail.told] == [NOW + MINUTE, NOW + 30 * MINUTE]


def test_a_source_that_comes_back_while_the_attack_goes_on_is_listed_again(node: "Node") -> None:
    node.write(0 * MINUTE, "192.0.2.7", "192.0.2.8")
    node.write(8 * MINUTE, "192.0.2.8")
    node.tick(9 * MINUTE)
    node.write(14 * MINUTE, "192.0.2.7", "192.0.2.8")
    node.tick(20 * MINUTE)
    node.tick(40 * MINUTE)
    assert node.reasons() == [("first", False), ("more", False), ("over", True)]
    assert node.mail.told[-1].events == 5
    assert [alert.events for alert in node.mail.told[-1].alerts if alert.src == "192.0.2.7"] == [1, 1]


def test_a_quiet_tick_stores_nothing_until_an_hour_has_passed(node: "Node") -> None:
    before = (node.folder / "state.db").stat().st_mtime_ns
    with (node.folder / "syslog").open("a") as file:
        file.write("2026-11-23T14:00:01+00:00 node1 cron[1]: nothing\n")
    assert [node.tick(minute * MINUTE).committed for minute in (1, 2, 59)] == [False] * 3
    assert (node.folder / "state.db").stat().st_mtime_ns == before
    assert [node.tick(minute * MINUTE).committed for minute in (60, 61)] == [True, False]


def test_a_clock_that_was_set_back_stores_again(node: "Node") -> None:
    assert node.tick(-MINUTE).committed


def test_a_cursor_that_moved_a_megabyte_is_stored(node: "Node") -> None:
    with (node.folder / "syslog").open("a") as file:
        file.write("2026-11-23T14:00:01+00:00 node1 cron[1]: nothing\n" * 30_000)
    assert [node.tick(minute * MINUTE).committed for minute in (1, 2)] == [True, False]


def test_lost_lines_ring_as_blind_and_end(node: "Node") -> None:
    node.lost = [Gap("state", None, NOW, None, "it was damaged")]
    node.tick(MINUTE)
    node.lost = []
    node.tick(2 * MINUTE)
    node.tick(11 * MINUTE)
    (first, over) = node.mail.told
    assert [(first.rule, first.reason), (over.rule, over.reason)] == [(BLIND, "first"), (BLIND, "over")]
    assert [(alert.source, alert.src, alert.why) for alert in first.alerts] == [("state", None, "it was damaged")]


def test_a_missing_log_is_in_the_report_and_the_others_are_read(node: "Node") -> None:
    node.logs = ["gone", "syslog"]
    node.write(MINUTE, "192.0.2.7")
    report = node.tick(MINUTE)
    assert [type(error) for error in report.read.errors] == [LogMissing]
    assert node.reasons() == [("first", False)]


def test_two_sources_with_the_same_lines_are_noticed(node: "Node") -> None:
    node.logs = ["syslog", "kern.log"]
    (node.folder / "kern.log").touch()
    node.tick(MINUTE)
    for log in node.logs:
        node.serial = 0
        node.write(2 * MINUTE, "192.0.2.7", "192.0.2.8", "192.0.2.9", log=log)
    names = [str(node.folder / log) for log in node.logs]
    assert node.tick(3 * MINUTE).read.twins == [(names[0], names[1])]


def test_two_sources_with_lines_of_their_own_are_no_twins(node: "Node") -> None:
    node.logs = ["syslog", "kern.log"]
    node.write(MINUTE, "192.0.2.7", "192.0.2.8", "192.0.2.9", log="syslog")
    node.write(2 * MINUTE, "192.0.2.7", "192.0.2.8", "192.0.2.9", log="kern.log")
    assert node.tick(3 * MINUTE).read.twins == []


def test_a_heartbeat_comes_a_period_after_the_first_tick_and_then_each_period(node: "Node") -> None:
    with (node.folder / "syslog").open("a") as file:
        file.write("2026-11-23T14:00:01+00:00 node1 cron[1]: nothing\n" * 5)
    for at in (7 * DAY - MINUTE, 7 * DAY, 7 * DAY + MINUTE, 14 * DAY):
        node.tick(at)
    assert node.reasons() == [("heartbeat", False)] * 2
    first, second = node.mail.told
    assert (first.lines, second.lines) == (5, 0)
    assert first.newest == second.newest is not None


def test_new_settings_of_receivers_make_what_waits_due(node: "Node") -> None:
    node.mail.down = True
    node.write(MINUTE, "192.0.2.7")
    for minute in range(1, 8):
        node.tick(minute * MINUTE)
    node.mail.down = False
    assert node.tick(7 * MINUTE).attempts == []
    node.plan = replace(node.plan, fingerprint="two")
    assert len(node.tick(7 * MINUTE).attempts) == 1


def test_an_attack_of_a_rule_that_is_gone_is_still_told_to_its_end(node: "Node") -> None:
    node.write(MINUTE, "192.0.2.7")
    node.tick(MINUTE)
    node.plan = replace(node.plan, rules=[Rule("other", ("Q: ",))])
    node.tick(HOUR)
    assert node.reasons() == [("first", False), ("over", True)]


def test_above_the_limit_all_rules_are_told_in_one_digest(node: "Node") -> None:
    names = [f"r{i}" for i in range(5)]
    rules = [Rule(name, (f"{name}: ",)) for name in names]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(2, HOUR)))
    for name in names:
        node.write(MINUTE, "192.0.2.7", prefix=f"{name}: ")
    node.tick(MINUTE)
    node.tick(2 * MINUTE)
    node.tick(12 * MINUTE)
    assert [note.reason for note in node.mail.told] == ["digest", "digest"]
    assert [len(note.attacks) for note in node.mail.told] == [5, 5]
    assert (node.mail.told[0].over, node.mail.told[1].over) == (False, True)


def test_a_year_of_spoofed_sources_stays_bounded(node: "Node", spoof: Callable[[int], list[str]]) -> None:
    node.write(MINUTE, *spoof(25_000))
    node.tick(2 * MINUTE)
    (note,) = node.mail.told
    assert note.events == 25_000
    assert len(note.alerts) == 50
    assert 20_000 < note.others.sources + 50 <= 25_000
    assert note.others.events == 25_000 - sum(alert.events for alert in note.alerts)


@pytest.fixture
def spoof() -> Callable[[int], list[str]]:
    return lambda number: [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(number)]


def test_rotated_lines_are_read_and_told_from_the_new_file_too(node: "Node") -> None:
    node.write(MINUTE, "192.0.2.7")
    os.rename(node.folder / "syslog", node.folder / "syslog.1")
    node.write(2 * MINUTE, "192.0.2.8")
    node.tick(3 * MINUTE)
    assert sorted(alert.src or "" for alert in node.mail.told[0].alerts) == ["192.0.2.7", "192.0.2.8"]


def test_a_run_over_many_ticks_tells_what_many_runs_tell(node: "Node") -> None:
    node.write(0 * MINUTE, "192.0.2.7")
    node.write(8 * MINUTE, "192.0.2.8")
    node.watch(0, 1, 8, 9, 10, 11, 17, 18, 19)
    assert node.reasons() == [("first", False), ("over", True)]
    assert [note.thread for note in node.mail.told] == [(), (node.mail.told[0].id,)]


def test_a_run_tells_of_lost_lines_once(node: "Node") -> None:
    node.lost = [Gap("state", None, NOW, None, "it was damaged")]
    reports = node.watch(1, 2, 12, 13)
    assert [len(report.read.gaps) for report in reports] == [1, 0, 0, 0]
    assert node.reasons() == [("first", False), ("over", True)]


def test_an_end_that_the_limit_holds_back_is_told_later(node: "Node") -> None:
    rules = [Rule(name, (f"{name}: ",), window=5 * MINUTE) for name in ("a", "b")]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(1, HOUR)))
    for rule in rules:
        node.write(MINUTE, "192.0.2.7", prefix=rule.prefix[0])
    for minute in (1, 7, 8, 11, 12):
        node.tick(minute * MINUTE)
    assert node.reasons() == [("digest", False), ("digest", True)]


def test_a_heartbeat_does_not_count_for_the_limit(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(limit=Rate(1, HOUR)))
    node.tick(7 * DAY)
    node.write(7 * DAY + MINUTE, "192.0.2.7")
    node.tick(7 * DAY + MINUTE)
    assert [note.reason for note in node.mail.told] == ["heartbeat", "first"]


def test_a_replay_of_the_kernels_ring_is_one_over_several_ticks_too(node: "Node") -> None:
    for minute in range(6):
        node.write(minute * MINUTE, f"192.0.2.{minute}")
    log = node.folder / "syslog"
    ring = log.read_text().replace("[  705.905357] ", "")
    log.write_text(ring + ring)
    node.limit = len(ring) + len(ring) // 10
    reports = [node.tick(6 * MINUTE) for _ in range(3)]
    assert reports[0].read.behind
    assert sum(report.read.replayed for report in reports) == 6
    assert node.mail.told[-1].events == 6


def test_no_quiet_tick_fails_after_more_was_told_than_the_limit(node: "Node") -> None:
    rules = [Rule(name, (f"{name}: ",), window=5 * MINUTE) for name in "abc"]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(1, HOUR)))
    for minute in range(0, 90, 3):
        if minute < 40:
            node.write(minute * MINUTE, "192.0.2.7", prefix=rules[minute % 3].prefix[0])
        node.tick(minute * MINUTE)
    assert {note.reason for note in node.mail.told} == {"first", "digest"}
    assert len({note.id for note in node.mail.told}) == len(node.mail.told)


def test_what_the_limit_holds_back_is_in_the_report(node: "Node") -> None:
    rules = [Rule(name, (f"{name}: ",)) for name in "abc"]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(1, HOUR)))
    reports = []
    for minute, rule in enumerate(rules):
        node.write(minute * MINUTE, "192.0.2.7", prefix=rule.prefix[0])
        reports.append(node.tick(minute * MINUTE))
    assert [report.held for report in reports] == [0, 0, 1]


def test_a_heartbeat_does_not_say_that_all_is_quiet_while_an_attack_is_on(node: "Node") -> None:
    node.write(7 * DAY - MINUTE, "192.0.2.7")
    node.tick(7 * DAY - MINUTE)
    node.tick(7 * DAY)
    assert node.reasons() == [("first", False)]
    node.tick(7 * DAY + 10 * MINUTE)
    node.tick(7 * DAY + 11 * MINUTE)
    assert node.reasons() == [("first", False), ("over", True), ("heartbeat", False)]


def test_a_first_start_that_failed_is_still_to_come(new_node: "Node") -> None:
    node = new_node
    assert node.tick().read.errors
    node.write(-11 * MINUTE, "192.0.2.1")
    report = node.tick()
    assert (report.read.first, report.read.old) == (True, 1)
    assert node.mail.told == []
