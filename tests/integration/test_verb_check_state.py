"""check and its state folder: what is remembered, when it is written, what becomes of damage."""

import os
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.machine import Machine
    from tests.integration.mail import Inbox

SYNCING = "fsync,fdatasync,sync,syncfs,sync_file_range,msync"
WRITING = "write,writev,pwrite64,pwritev,pwritev2,ftruncate,rename,renameat,renameat2,unlink,unlinkat"


def test_a_quiet_run_leaves_the_state_as_it_is_but_for_the_time_of_its_lock(machine: "Machine") -> None:
    machine.run("check")
    state, lock = machine.folder / "state/state.db", machine.folder / "state/lock"
    before, tick = (state.stat().st_mtime_ns, state.read_bytes()), lock.stat().st_mtime_ns
    machine.run("check")
    assert (state.stat().st_mtime_ns, state.read_bytes()) == before
    assert lock.stat().st_mtime_ns > tick


def test_a_damaged_state_is_set_aside_said_and_mailed(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.run("check")
    (machine.folder / "state/state.db").write_bytes(b"no database at all" * 500)
    assert machine.run("status").returncode == 65
    run = machine.run("check")
    assert run.returncode == 0
    (aside,) = (machine.folder / "state").glob("state.db.damaged-*Z")
    assert f"gap: {aside}: an unknown number of bytes were not read: " in run.stdout
    (mail,) = inbox.read()
    assert mail["X-Tocsin-Rule"] == "blind"
    assert "The state of tocsin was damaged and is kept as" in str(mail.get_body(("plain",)))


def test_each_damaged_state_is_told_of_once(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.run("check")
    gaps = []
    for _ in range(2):
        (machine.folder / "state/state.db").write_bytes(b"no database at all" * 500)
        gaps.append(machine.run("check").stdout.count("gap: "))
    assert (gaps, machine.run("check").stdout.count("gap: ")) == ([1, 1], 0)
    asides = (machine.folder / "state").glob("state.db.damaged-*")
    assert sum(not aside.name.endswith("-journal") for aside in asides) == 2
    assert inbox.read()


def test_a_state_that_was_emptied_is_damaged_but_not_one_that_was_never_filled(
    mailing: "tuple[Machine, Inbox]",
) -> None:
    machine, inbox = mailing
    state = machine.folder / "state"
    state.mkdir()
    (state / "state.db").touch()
    (state / "lock").touch()
    assert "gap: " not in machine.run("check").stdout
    (state / "state.db").write_bytes(b"")
    assert "gap: " in machine.run("check").stdout
    assert [mail["X-Tocsin-Rule"] for mail in inbox.read()] == ["blind"]


def test_damage_that_shows_in_the_middle_of_a_tick_is_set_aside_too(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.run("check")
    with sqlite3.connect(machine.folder / "state/state.db") as db:
        db.execute("DROP TABLE counts")
    db.close()
    machine.write("192.0.2.7")
    assert machine.run("check").returncode == 0
    assert {mail["X-Tocsin-Rule"] for mail in inbox.read()} == {"blind", "tftp"}


def test_a_state_on_tmpfs_is_said_aloud(machine: "Machine", tmp_path_factory: pytest.TempPathFactory) -> None:
    if not os.access("/dev/shm", os.W_OK):  # noqa: S108 (a tmpfs that is there)
        pytest.skip("needs a tmpfs")
    folder = Path("/dev/shm") / tmp_path_factory.mktemp("shm").name  # noqa: S108 (the same)
    machine.settle(state=str(folder))
    try:
        assert f"warning: the state folder {folder} is on tmpfs" in machine.run("check").stdout
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def written(machine: "Machine") -> bool:
    """Whether a run writes the state anew."""
    state = machine.folder / "state/state.db"
    before = state.stat().st_mtime_ns, state.read_bytes()
    assert machine.run("check").returncode == 0
    return (state.stat().st_mtime_ns, state.read_bytes()) != before


def test_the_state_is_written_when_the_cursor_moved_a_mebibyte(machine: "Machine") -> None:
    machine.run("check")
    with machine.log.open("a") as file:
        file.write("2026-11-23T14:00:00Z node1 x: nothing\n" * 10)
    assert not written(machine)
    with machine.log.open("a") as file:
        file.write("2026-11-23T14:00:00Z node1 x: nothing\n" * 30_000)
    assert written(machine)


def test_the_state_is_written_when_the_file_changed(machine: "Machine") -> None:
    machine.run("check")
    with machine.log.open("a") as file:
        file.write("2026-11-23T14:00:00Z node1 x: nothing\n")
    machine.log.rename(f"{machine.log}.1")
    machine.log.write_text("2026-11-23T14:00:01Z node1 x: nothing either\n")
    assert written(machine)
    assert not written(machine)


def test_the_state_is_written_when_an_hour_has_passed(machine: "Machine") -> None:
    machine.run("check")
    for minutes, expected in ((59, False), (61, True)):
        ago = datetime.now(UTC) - timedelta(minutes=minutes)  # noqa: TID251 (the process has the real clock)
        with sqlite3.connect(machine.folder / "state/state.db") as db:
            db.execute("UPDATE meta SET value = ? WHERE name = 'committed'", (ago.isoformat(),))
        db.close()
        assert written(machine) == expected


def calls(machine: "Machine") -> list[str]:
    """What a run tells the kernel to write or to sync, but for what it says."""
    trace = machine.folder / "trace"
    strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={SYNCING},{WRITING}"]
    run = subprocess.run(
        [*strace, *machine.command("check")],
        env=machine.uncovered() | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "ptrace" in run.stderr:
        pytest.skip("needs a kernel that lets strace trace")
    lines = [line.partition(" ")[2].lstrip() for line in trace.read_text().splitlines()]
    return [line for line in lines if not line.startswith(("write(1,", "write(2,"))]


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_quiet_run_writes_and_syncs_nothing(machine: "Machine") -> None:
    assert any(call.startswith(("fsync(", "fdatasync(")) for call in calls(machine))
    assert calls(machine) == []
