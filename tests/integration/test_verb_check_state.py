"""check and its state folder: what is remembered, when it is written, what becomes of damage."""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Inbox, Machine


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
