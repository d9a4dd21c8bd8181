"""Ticks over lines that do not count, or not for the rule that they were read for."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tocsin import telemetry

if TYPE_CHECKING:
    from tests.unit.conftest import Node

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


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
