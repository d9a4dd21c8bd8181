"""A run that ends at any SQL statement, or in the middle of a delivery, loses nothing and says nothing twice."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin.model import Notification, Notify, Outcome, Rule
from tocsin.pipeline import Pipeline, Plan
from tocsin.reading import Input
from tocsin.sources.file import FileSettings, FileSource
from tocsin.state.store import State

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
LINE = (
    "{stamp} node1 kernel: [  705.905357] P: IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC={src} "
    "DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID={ident} DF PROTO=UDP SPT=55526 DPT=69 LEN=28 \n"
)
# minutes, and the sources that are heard of just before
TICKS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("192.0.2.7", "192.0.2.7")),
    (9, ("192.0.2.7", "192.0.2.8")),
    (11, ()),
    (18, ("192.0.2.9",)),
    (32, ()),
    (40, ("192.0.2.7",)),
    (49, ("192.0.2.7",)),
    (51, ("192.0.2.8",)),
    (62, ()),
    (80, ()),
)
DOWN = (32, 40, 49, 51, 62)  # when the mail server does not take anything
CRASHED = 9
LEFT_OUT = ('INSERT INTO "cursors"', 'INSERT INTO "deliveries"')


class Mailbox:
    """Keeps what it takes in a file, as a server far away would: whether the run that told it survives or not."""

    name = "email"
    recipients: tuple[str, ...] = ("a@example.org", "b@example.org")

    def __init__(self, file: Path, *, down: bool) -> None:
        self._file, self._down = file, down

    def render(self, notification: Notification) -> bytes:
        sources = ",".join(alert.src or "" for alert in notification.alerts)
        return f"{notification.id} {notification.reason} {notification.at:%H:%M} {sources}".encode()

    def deliver(self, message: bytes, recipients: Sequence[str], *, seconds: float) -> tuple[Outcome, ...]:
        assert seconds
        if self._down:
            return tuple(Outcome(each, "421 down") for each in recipients)
        with self._file.open("ab") as file:
            file.writelines(message + b" to " + each.encode() + b"\n" for each in recipients)
        return tuple(map(Outcome, recipients))


class Stopping(sqlite3.Connection):
    """Ends the process, as a kill would, instead of one of its statements."""

    left = -1

    def _count(self) -> None:
        self.left -= 1
        if self.left == -1:
            os._exit(CRASHED)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # noqa: ANN401 (sqlite3's)
        self._count()
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
        self._count()
        return super().executemany(sql, parameters)


def write(log: Path, minute: int, sources: Sequence[str]) -> None:
    stamp = (START + timedelta(minutes=minute, seconds=-1)).isoformat()
    with log.open("a") as file:
        file.writelines(LINE.format(stamp=stamp, src=src, ident=1000 * minute + i) for i, src in enumerate(sources))


def tick(folder: Path, minute: int, connect: Callable[[str], sqlite3.Connection] = sqlite3.connect) -> None:
    plan = Plan(
        [Input(FileSource(FileSettings(str(folder / "syslog"))))],
        [Rule("tftp", ("P: ",))],
        {"email": Mailbox(folder / "told", down=minute in DOWN)},
        Notify(),
        timedelta(days=30),
        "node1",
        "",
        "print",
    )
    state = State(str(folder), connect=connect)
    Pipeline(plan, state).tick(START + timedelta(minutes=minute))
    state.close()


def tick_that_stops(folder: Path, minute: int, statement: int) -> bool:
    """True if the tick was through before so many statements."""

    def connect(path: str) -> sqlite3.Connection:
        db = sqlite3.connect(path, factory=Stopping)
        db.left = statement
        return db

    child = os.fork()
    if not child:
        tick(folder, minute, connect)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != CRASHED


def dump(folder: Path) -> list[object]:
    """All that is stored, but for cursors (a copy of the log has another inode) and for one attempt more."""
    db = sqlite3.connect(folder / "state.db")
    rows = [line.replace(str(folder), "") for line in db.iterdump() if not line.startswith(LEFT_OUT)]
    deliveries = db.execute("SELECT id, receiver, recipient, since, permanent, error, accepted FROM deliveries")
    stored = [*rows, *deliveries]
    db.close()
    return stored


def told(folder: Path) -> list[str]:
    file = folder / "told"
    return file.read_text().splitlines() if file.exists() else []


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A folder as it was before each tick, and one after the last."""
    base = tmp_path_factory.mktemp("stages")
    folder = base / "0"
    folder.mkdir()
    (folder / "syslog").touch()
    made = []
    for i, (minute, sources) in enumerate(TICKS):
        write(folder / "syslog", minute, sources)
        made.append(folder)
        folder = Path(shutil.copytree(folder, base / str(i + 1)))
        tick(folder, minute)
    return [*made, folder]


def test_the_scenario_tells_of_both_attacks(stages: list[Path]) -> None:
    lines = [line.split()[1:4] for line in told(stages[-1])]
    assert lines[::2] == [
        ["first", "14:00", "192.0.2.7"],
        ["more", "14:11", "192.0.2.8,192.0.2.7"],
        ["over", "14:32", "192.0.2.9,192.0.2.7,192.0.2.8"],
        ["first", "14:40", "192.0.2.7"],
        ["over", "15:02", "192.0.2.8,192.0.2.7"],  # "more" was never attempted and is folded into it
    ]


@pytest.mark.parametrize("number", range(len(TICKS)))
def test_a_tick_that_stops_at_any_statement_is_made_up_for(stages: list[Path], tmp_path: Path, number: int) -> None:
    before, after = stages[number], stages[number + 1]
    minute = TICKS[number][0]
    through, statement = False, 0
    while not through:
        folder = Path(shutil.copytree(before, tmp_path / f"crash{statement}"))
        through = tick_that_stops(folder, minute, statement)
        tick(folder, minute)
        assert dump(folder) == dump(after), f"stopped at statement {statement}"
        assert list(dict.fromkeys(told(folder))) == told(after), f"stopped at statement {statement}"
        shutil.rmtree(folder)
        statement += 1
    assert statement > 10
