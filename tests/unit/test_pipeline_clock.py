"""Ticks while clocks are wrong, lines come late, and a run ends before it has told of what it found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.model import Notification, Notify, Outcome, Rule
from tocsin.reading import Read
from tocsin.state.changes import Changes
from tocsin.state.outbox import MOST, Pending, Rendered
from tocsin.state.store import State
from tocsin.units import Rate

if TYPE_CHECKING:
    from tests.unit.conftest import Node

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AHEAD = 300 * DAY
START = datetime(2026, 11, 23, tzinfo=UTC)


def test_an_attack_that_was_told_as_over_is_told_again_when_late_lines_join_it(node: "Node") -> None:
    node.write(MINUTE, "192.0.2.7")
    node.tick(HOUR)
    node.write(2 * MINUTE, "192.0.2.7", "192.0.2.8")
    reports = [node.tick(HOUR + minute * MINUTE) for minute in (1, 9, 10, 11, 30)]
    assert node.reasons() == [("first", True), ("over", True)]
    assert (node.mail.told[1].events, node.mail.told[1].new) == (3, 1)
    assert [len(report.notifications) for report in reports] == [0, 0, 1, 0, 0]


def test_late_lines_that_go_on_and_on_are_told_at_growing_pauses(node: "Node") -> None:
    for minute in range(120):
        node.write(minute * MINUTE, "192.0.2.7")
        node.tick(10 * HOUR + minute * MINUTE)
    assert node.reasons() == [("first", True), *[("over", True)] * 3]


def test_an_attack_ends_only_where_its_log_has_been_read_however_far_another_one_was(node: "Node") -> None:
    node.plan = replace(node.plan, rules=[*node.plan.rules, Rule("other", ("Q: ",))])
    node.logs.append("kern.log")
    (node.folder / "kern.log").touch()
    node.tick()
    node.limit = 4096
    for minute in range(60):
        node.write(minute * MINUTE, "192.0.2.7")
    node.write(5 * HOUR, "192.0.2.8", log="kern.log", prefix="Q: ")
    while node.tick(10 * HOUR).read.behind:
        pass
    told = [(note.rule, note.reason, note.events, note.over) for note in node.mail.told]
    assert told[1:] == [("other", "first", 1, False), ("tftp", "over", 60, True), ("other", "over", 1, True)]


def test_sources_below_the_threshold_for_long_belong_to_the_attack_that_they_begin(node: "Node") -> None:
    node.plan = replace(node.plan, rules=[Rule("tftp", ("P: ",), threshold=3)])
    for minute, src in ((0, "slow"), (1, "loud"), (1, "loud"), (1, "loud"), (8, "slow"), (16, "slow"), (23, "slow")):
        node.write(minute * MINUTE, {"slow": "192.0.2.1", "loud": "192.0.2.2"}[src])
        node.tick(minute * MINUTE)
    node.write(24 * MINUTE, "192.0.2.1")
    for minute in (24, 25, 33, 34, 35):
        node.tick(minute * MINUTE)
    assert node.reasons() == [("first", False), ("over", True), ("first", False), ("over", True)]
    assert [note.alerts[0].src for note in node.mail.told] == ["192.0.2.2", "192.0.2.2", "192.0.2.1", "192.0.2.1"]


def test_a_clock_that_was_ahead_mutes_no_later_attack(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(heartbeat=2 * AHEAD))
    node.write(AHEAD, "192.0.2.7")
    node.tick(AHEAD)
    node.write(MINUTE, "192.0.2.7")
    for minute in (1, 2, 11, 12):
        node.tick(minute * MINUTE)
    assert node.reasons() == [("first", False), ("over", True), ("first", False), ("over", True)]
    assert len({note.start for note in node.mail.told}) == 2


def test_an_attack_of_a_time_that_is_still_to_come_is_over(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(heartbeat=2 * AHEAD))
    node.write(AHEAD, "192.0.2.7")
    node.tick(AHEAD)
    node.tick(MINUTE)
    assert node.reasons() == [("first", False), ("over", True)]
    assert node.mail.told[1].alerts[0].over


def test_a_clock_that_was_ahead_holds_no_mail_back(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(heartbeat=2 * AHEAD))
    node.mail.down = True
    node.write(AHEAD, "192.0.2.7")
    for minute in range(20):
        node.tick(AHEAD + minute * MINUTE)
    node.mail.down = False
    assert len(node.tick(MINUTE).attempts) == 2
    assert node.reasons() == [("first", False), ("over", True)]


def test_a_clock_that_was_ahead_holds_no_digest_back(node: "Node") -> None:
    rules = [Rule(name, (f"{name}: ",)) for name in "abc"]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(1, HOUR), over=False, heartbeat=2 * AHEAD))
    for at in (AHEAD, MINUTE):
        for rule in rules:
            node.write(at, "192.0.2.7", prefix=rule.prefix[0])
        node.tick(at)
        node.tick(at + MINUTE)
    assert node.reasons() == [("digest", False), ("digest", False)]


def test_a_clock_that_was_ahead_stops_no_heartbeat(node: "Node") -> None:
    node.tick(AHEAD)
    node.tick(DAY)
    node.tick(8 * DAY)
    node.tick(8 * DAY + MINUTE)
    assert [note.at for note in node.mail.told] == [node.at(AHEAD), node.at(DAY), node.at(8 * DAY)]


def test_a_digest_is_told_after_what_waits_of_its_attacks(node: "Node") -> None:
    rules = [Rule(name, (f"{name}: ",), window=2 * MINUTE) for name in "ab"]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(1, HOUR)))
    node.mail.down = True
    node.write(MINUTE, "192.0.2.7", prefix="a: ")
    node.tick(MINUTE)
    node.tick(1.5 * MINUTE)
    node.write(3 * MINUTE, "192.0.2.7", prefix="b: ")
    assert [note.reason for note in node.tick(3 * MINUTE).notifications] == ["digest"]
    node.mail.down = False
    assert node.tick(4 * MINUTE).attempts == []
    node.tick(5 * MINUTE)
    assert [note.reason for note in node.mail.told] == ["first", "digest"]


def test_what_a_full_outbox_has_no_room_for_is_told_when_it_has(node: "Node") -> None:
    state = State(str(node.folder))
    rendered = (Rendered("pager", b"", ("admin@example.org",)),)
    notes = [Notification(f"{i:032}", "", "digest", node.at(-DAY), "node1", "") for i in range(MOST)]
    state.commit(Changes(pending=[Pending(note, rendered) for note in notes]), node.at(-DAY), 30 * DAY)
    node.write(MINUTE, "192.0.2.7")
    assert [node.tick(minute * MINUTE).held for minute in (1, 2)] == [1, 1]
    state.outbox.record(notes[0].id, "pager", [(Outcome("admin@example.org"), node.at(MINUTE))], node.at(MINUTE))
    state.close()
    assert node.tick(3 * MINUTE).held == 0
    assert node.reasons() == [("first", False)]


def test_what_could_not_be_told_for_long_still_has_its_sources(node: "Node") -> None:
    node.plan = replace(node.plan, keep=DAY, notify=Notify(limit=Rate(1, HOUR), heartbeat=AHEAD))
    state = State(str(node.folder))
    rendered = (Rendered("pager", b"", ("admin@example.org",)),)
    notes = [Notification(f"{i:032}", "", "digest", node.at(-DAY), "node1", "") for i in range(MOST)]
    state.commit(Changes(pending=[Pending(note, rendered) for note in notes]), node.at(-DAY), 30 * DAY)
    node.write(MINUTE, "192.0.2.7")
    for at in (MINUTE, 2 * DAY, 4 * DAY):
        node.tick(at)
    state.outbox.record(notes[0].id, "pager", [(Outcome("admin@example.org"), node.at(DAY))], node.at(DAY))
    state.close()
    node.tick(5 * DAY)
    assert [alert.src for alert in node.mail.told[0].alerts] == ["192.0.2.7"]


def test_an_attack_whose_end_is_not_told_stops_no_heartbeat(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(over=False))
    node.write(MINUTE, "192.0.2.7")
    for at in (MINUTE, HOUR, 7 * DAY):
        node.tick(at)
    assert [note.reason for note in node.mail.told] == ["first", "heartbeat"]


def test_attacks_of_the_same_time_by_a_clock_that_was_set_back_are_told_apart(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(over=False, heartbeat=2 * AHEAD))
    for at in (MINUTE, 2 * DAY, MINUTE, 2 * DAY):
        node.write(at, "192.0.2.7")
        node.tick(at)
    assert len({note.id for note in node.mail.told}) == len(node.mail.told) == 4


def test_a_digest_of_just_now_counts_beside_one_of_a_time_to_come(node: "Node") -> None:
    rules = [Rule(name, (f"{name}: ",)) for name in "abcdef"]
    node.plan = replace(node.plan, rules=rules, notify=Notify(limit=Rate(1, HOUR), over=False, heartbeat=2 * AHEAD))
    for at, few in ((AHEAD, rules[:2]), (MINUTE, rules[2:4]), (2 * MINUTE, rules[4:])):
        for rule in few:
            node.write(at, "192.0.2.7", prefix=rule.prefix[0])
        node.tick(at)
    assert [note.reason for note in node.mail.told] == ["digest", "digest"]


def test_how_far_all_was_read_is_what_the_slowest_source_says() -> None:
    times = [START, START + HOUR]
    assert Read(newest=times[1]).until(START) == times[1]
    assert Read(newest=times[0]).until(times[1]) == times[1]
    assert Read(newest=times[1], behind=True, reached=[*times]).until(START) == times[0]
    assert Read(newest=times[1], behind=True, reached=[times[1], None]).until(START) is None


def test_a_full_outbox_takes_no_heartbeat(node: "Node") -> None:
    node.plan = replace(node.plan, notify=Notify(heartbeat=HOUR))
    state = State(str(node.folder))
    rendered = (Rendered("pager", b"", ("admin@example.org",)),)
    notes = [Notification(f"{i:032}", "", "digest", node.at(-DAY), "node1", "") for i in range(MOST)]
    state.commit(Changes(pending=[Pending(note, rendered) for note in notes]), node.at(-DAY), 30 * DAY)
    state.close()
    assert node.tick(2 * HOUR).notifications == []
