"""Ticks over lines that do not count, or not for the rule that they were read for."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tocsin import telemetry
from tocsin.model import Rule

if TYPE_CHECKING:
    from tests.unit.conftest import Node

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_lines_from_the_future_do_not_count_and_are_said_once(node: "Node") -> None:
    node.write(2 * DAY, "192.0.2.7", "192.0.2.8")
    node.write(MINUTE, "192.0.2.9")  # which makes the file's time that of this line
    said = [[line.name for line in telemetry.lines(node.tick(minute * MINUTE))] for minute in (1, 2)]
    assert [alert.src for alert in node.mail.told[0].alerts] == ["192.0.2.9"]
    assert ["stamps" in events for events in said] == [True, False]


def test_a_log_of_the_future_alone_is_said_once(node: "Node") -> None:
    node.write(2 * DAY, "192.0.2.7")
    node.touch(MINUTE)
    assert [node.tick(minute * MINUTE).read.undated for minute in (1, 2)] == [1, 0]
    assert not node.mail.told


def test_a_rule_may_be_renamed_before_a_first_start_has_read_everything(new_node: "Node") -> None:
    change_in_between(new_node, Rule("renamed", ("P: ",)))
    assert [(note.rule, note.events) for note in new_node.mail.told] == [("tftp", 2), ("renamed", 2)]


def test_what_was_held_back_rings_for_no_rule_that_is_gone(node: "Node") -> None:
    node.plan = replace(node.plan, rules=[Rule("tftp", ("P: ",), threshold=4)])
    change_in_between(node, Rule("renamed", ("P: ",)))
    assert [(note.rule, note.events) for note in node.mail.told] == [("renamed", 2)]


def test_what_was_held_back_for_a_rule_is_its_own_after_its_prefix_changed(new_node: "Node") -> None:
    node = new_node
    change_in_between(node, Rule("tftp", ("Q: ",)))
    node.tick(HOUR)
    assert node.mail.told[-1].events == 3


def change_in_between(node: "Node", rule: Rule) -> None:
    """The settings change to this rule while a line is held back; then all is read."""
    hold_back(node)
    assert node.tick().read.behind
    node.plan = replace(node.plan, rules=[rule])
    while node.tick().read.behind:
        pass


def hold_back(node: "Node") -> None:
    """The limit ends a tick after the third line, which may be the ring's again; the fourth tells that it is none."""
    for minute in (-4, -3, -2, -1):
        node.write(minute * MINUTE, f"192.0.2.{-minute}")
    log = node.folder / "syslog"
    first, second, *new = log.read_text().replace("[  705.905357] ", "").splitlines(keepends=True)
    log.write_text("".join([first, second, first, *new]))
    node.touch(-MINUTE)
    node.limit = len(first) * 2 + 1
