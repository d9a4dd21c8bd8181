"""A node: a folder with logs, a state and a receiver that remembers, and a tick of tocsin at any moment."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin import pipeline
from tocsin.model import Gap, Notification, Notify, Outcome, Rule
from tocsin.pipeline import Pipeline, Plan, Report
from tocsin.reading import Input
from tocsin.sources.file import FileSettings, FileSource
from tocsin.state.store import State

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LINE = (
    "{stamp} node1 kernel: [  705.905357] {prefix}IN=eth0 OUT= MAC= SRC={src} DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 "
    "TTL=64 ID={ident} DF PROTO=UDP SPT=55526 DPT=69 LEN=28 \n"
)


class Telling:
    """A receiver that keeps what it is told, or refuses it for as long as it is down."""

    name = "email"
    recipients: tuple[str, ...] = ("admin@example.org",)

    def __init__(self) -> None:
        self.notes: dict[bytes, Notification] = {}
        self.told: list[Notification] = []
        self.down = False

    def render(self, notification: Notification) -> bytes:
        self.notes[notification.id.encode()] = notification
        return notification.id.encode()

    def deliver(self, message: bytes, recipients: Sequence[str], *, seconds: float) -> tuple[Outcome, ...]:
        assert seconds
        if not self.down:
            self.told.append(self.notes[message])
        return tuple(Outcome(each, "421 down" if self.down else "") for each in recipients)


class Node:
    """A folder with logs and a state, and a run of tocsin at any moment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mail = folder, Telling()
        self.logs, self.lost, self.serial = ["syslog"], list[Gap](), 0
        self.limit = pipeline.TICK
        self.plan = Plan([], [Rule("tftp", ("P: ",))], {"email": self.mail}, Notify(), 30 * DAY, "node1", "", "one")

    def write(self, at: timedelta, *sources: str, log: str = "syslog", prefix: str = "P: ") -> None:
        with (self.folder / log).open("a") as file:
            for src in sources:
                self.serial += 1
                file.write(LINE.format(stamp=(NOW + at).isoformat(), src=src, prefix=prefix, ident=self.serial))
        self.touch(at, log)

    def touch(self, at: timedelta, log: str = "syslog") -> None:
        """The log was written to at this moment."""
        os.utime(self.folder / log, ((NOW + at).timestamp(),) * 2)

    def watch(self, *minutes: float) -> list[Report]:
        """One run over several ticks."""
        state = State(str(self.folder))
        try:
            run = Pipeline(replace(self.plan, inputs=self.inputs()), state, self.lost)
            return [run.tick(NOW + minute * MINUTE) for minute in minutes]
        finally:
            state.close()

    def inputs(self) -> list[Input]:
        return [Input(FileSource(FileSettings(str(self.folder / log)))) for log in self.logs]

    def tick(self, at: timedelta = timedelta(0)) -> Report:
        state = State(str(self.folder))
        try:
            return Pipeline(replace(self.plan, inputs=self.inputs()), state, self.lost).tick(NOW + at, self.limit)
        finally:
            state.close()

    def at(self, after: timedelta) -> datetime:
        return NOW + after

    def reasons(self) -> list[tuple[str, bool]]:
        return [(note.reason, note.over) for note in self.mail.told]


@pytest.fixture
def new_node(tmp_path: Path) -> Node:
    """Tocsin never ran there, and there is no log."""
    return Node(tmp_path)


@pytest.fixture
def node(new_node: Node) -> Node:
    """Tocsin ran once, and the log was empty then."""
    (new_node.folder / "syslog").touch()
    new_node.touch(timedelta(0))
    new_node.tick()
    return new_node
