"""Days of a node whose mail server, logs and clock misbehave: in the end everybody heard of all, once and in order."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model import Notification, Notify, Outcome, Rule
from tocsin.pipeline import TICK, Pipeline, Plan, Report
from tocsin.reading import Input
from tocsin.sources.file import FileSettings, FileSource
from tocsin.state.store import State
from tocsin.units import Rate

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LOGS = ("syslog", "kern.log")
ANSWERS = {"yes": ("", False), "later": ("450 later", False), "never": ("550 no", True)}
LINE = (
    "{stamp} node1 kernel: [  705.905357] {rule}: IN=eth0 OUT= MAC= SRC=192.0.2.{src} DST=192.0.2.1 LEN=48 TOS=0x00 "
    "PREC=0x00 TTL=64 ID={ident} DF PROTO=UDP SPT=55526 DPT=69 LEN=28 \n"
)
Told = list[tuple[Notification, str]]


@dataclass(frozen=True)
class Step:
    """Some minutes go by, lines are written, and tocsin runs."""

    minutes: int
    lines: list[tuple[str, str, int, int]]  # log, rule, source, age in seconds
    rotate: bool
    limit: int
    answers: list[str]  # of the recipients, in turn


@dataclass(frozen=True)
class Settings:
    window: int
    threshold: int
    repeat: int
    limit: int
    receivers: int
    recipients: int


@dataclass
class Receiver:
    """Its recipients answer as the step says; what one of them accepted is kept."""

    name: str
    recipients: tuple[str, ...]
    answers: list[str] = field(default_factory=list)
    notes: dict[bytes, Notification] = field(default_factory=dict)
    told: Told = field(default_factory=list)

    def render(self, notification: Notification) -> bytes:
        self.notes[notification.id.encode()] = notification
        return notification.id.encode()

    def deliver(self, message: bytes, recipients: Sequence[str], *, seconds: float) -> tuple[Outcome, ...]:
        assert seconds > 0
        return tuple(self._answer(message, each) for each in recipients)

    def _answer(self, message: bytes, recipient: str) -> Outcome:
        answer = self.answers.pop() if self.answers else "yes"
        if answer == "yes":
            self.told.append((self.notes[message], recipient))
        return Outcome(recipient, *ANSWERS[answer])


class Node:
    def __init__(self, folder: Path, drawn: Settings) -> None:
        self.folder, self.now, self.written = folder, START, Counter[str]()
        self.serial = self.rotated = 0
        to = tuple(f"{name}@example.org" for name in "ab"[: drawn.recipients])
        self.receivers = [Receiver(f"email{i}", to) for i in range(drawn.receivers)]
        notify = Notify(drawn.repeat * MINUTE, over=True, limit=Rate(drawn.limit, HOUR), heartbeat=1000 * DAY)
        rules = [Rule("a", ("a: ",), threshold=drawn.threshold, window=drawn.window * MINUTE), Rule("b", ("b: ",))]
        self.plan = Plan([], rules, {each.name: each for each in self.receivers}, notify, 30 * DAY, "node1", "", "one")
        for log in LOGS:
            (folder / log).touch()
        self.tick()

    def tick(self, limit: int = TICK) -> Report:
        inputs = [Input(FileSource(FileSettings(str(self.folder / log)))) for log in LOGS]
        state = State(str(self.folder))
        try:
            return Pipeline(replace(self.plan, inputs=inputs), state).tick(self.now, limit)
        finally:
            state.close()

    def step(self, step: Step) -> None:
        self.now += step.minutes * MINUTE
        for log, rule, src, age in step.lines:
            self.serial += 1
            self.written[rule] += 1
            stamp = (self.now - age * timedelta(seconds=1)).isoformat()
            with (self.folder / log).open("a") as file:
                file.write(LINE.format(stamp=stamp, rule=rule, src=src, ident=self.serial))
        if step.rotate:
            self.rotated += 1
            for age in range(self.rotated - 1, 0, -1):
                os.rename(self.folder / f"syslog.{age}", self.folder / f"syslog.{age + 1}")
            os.rename(self.folder / "syslog", self.folder / "syslog.1")
            (self.folder / "syslog").touch()
        for receiver in self.receivers:
            receiver.answers = list(step.answers)
        self.tick(step.limit)

    def end(self) -> Report:
        """Everybody accepts from now on, and nobody attacks."""
        for receiver in self.receivers:
            receiver.answers = []
        for _ in range(12):
            self.now += 3 * HOUR
            report = self.tick()
        return report

    def open(self) -> list[str]:
        state = State(str(self.folder))
        try:
            return [stored.attack.rule for stored in state.attacks() if stored.open]
        finally:
            state.close()


lines = st.tuples(
    st.sampled_from(LOGS), st.sampled_from("ab"), st.integers(1, 8), st.sampled_from([0, 1, 20, 59, 1500, 7200])
)
steps = st.builds(
    Step,
    minutes=st.sampled_from([1, 1, 1, 5, 12, 70, 70, -3, -90, -3000]),
    lines=st.lists(lines, max_size=6),
    rotate=st.booleans(),
    limit=st.sampled_from([TICK, TICK, 500]),
    answers=st.lists(st.sampled_from(list(ANSWERS)), max_size=6),
)
drawn_settings = st.builds(
    Settings,
    window=st.sampled_from([1, 10, 60]),
    threshold=st.sampled_from([1, 1, 3]),
    repeat=st.sampled_from([20, 60]),
    limit=st.sampled_from([2, 20]),
    receivers=st.integers(1, 2),
    recipients=st.integers(1, 2),
)


def parts(told: Told) -> list[Notification]:
    """Each attack's share of what was told, in the order in which it was."""
    return [part for note, _ in told for part in (note.attacks or (note,))]


def threads(told: Told) -> dict[tuple[str, datetime], list[Notification]]:
    found: dict[tuple[str, datetime], list[Notification]] = {}
    for part in parts(told):
        found.setdefault((part.rule, part.alerts[0].attack), []).append(part)
    return found


@settings(max_examples=60, deadline=None)
@given(drawn_settings, st.lists(steps, max_size=25))
def test_in_the_end_everybody_heard_of_all_once_and_in_order(drawn: Settings, days: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder), drawn)
        for step in days:
            node.step(step)
        report = node.end()
        assert (report.held, report.read.gaps, node.open()) == (0, [], [])
    for receiver in node.receivers:
        assert_all_was_told_once(receiver, node.written, drawn.threshold)
        for recipient in receiver.recipients:
            assert_in_order([each for each in receiver.told if each[1] == recipient])


def assert_all_was_told_once(receiver: Receiver, written: Counter[str], threshold: int) -> None:
    assert max(Counter((note.id, to) for note, to in receiver.told).values(), default=1) == 1
    told = Counter[str]()
    for (rule, _), notes in threads(receiver.told).items():
        told[rule] += max(note.events for note in notes)
        assert any(note.over for note in notes)
    assert told["b"] == written["b"]
    assert told["a"] == written["a"] if threshold == 1 else told["a"] <= written["a"]


def assert_in_order(told: Told) -> None:
    for notes in threads(told).values():
        counts = [note.events for note in notes]
        assert counts == sorted(counts)
