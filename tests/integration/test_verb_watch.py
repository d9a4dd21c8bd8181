"""watch as a process."""

import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from importlib.util import cache_from_source
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tocsin import app

if TYPE_CHECKING:
    from tests.integration.machine import Disk, Machine
    from tests.integration.mail import Inbox


def test_watch_rings_until_a_signal_and_leaves_with_0(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.write("192.0.2.7")
    for number in (signal.SIGTERM, signal.SIGINT):
        with machine.begin("watch") as run:
            assert run.stdout
            for line in run.stdout:
                if "sent: " in line or "waiting: " in line or (number == signal.SIGINT and "started" in line):
                    break
            run.send_signal(number)
            assert "stopped: by a signal" in run.stdout.read()
            assert run.wait(10) == 0
    assert len(inbox.mails) == 1


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("opened", ["its imports", "its settings"])
def test_watch_hears_a_signal_that_comes_before_it_has_begun(opened: str, machine: "Machine") -> None:
    files = {"its imports": cache_from_source(str(app.__file__)), "its settings": str(machine.folder / "tocsin.yaml")}
    strace = ["strace", "-qq", "-o", "/dev/null", "-P", files[opened], "-e", "inject=openat:signal=SIGTERM"]
    command = [*strace, *machine.command("watch")]
    run = subprocess.run(command, env=machine.uncovered(), capture_output=True, text=True, timeout=60, check=False)
    if "ptrace" in run.stderr:
        pytest.skip("needs a kernel that lets strace trace")
    assert machine.names(run.stdout) == ["started", "stopped"]
    assert run.returncode == 0


def test_watch_leaves_with_0_while_somebody_waits(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    with machine.begin("watch") as run:
        assert run.stdout
        assert any("waiting: 1 waits" in line for line in run.stdout)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=10)
    assert run.returncode == 0


def test_a_second_watch_waits_and_a_second_check_leaves_with_75(machine: "Machine") -> None:
    with machine.begin("watch") as first:
        assert first.stdout
        assert any("first start" in line for line in first.stdout)
        check = machine.run("check")
        assert check.returncode == 75
        assert f"in use by process {first.pid}" in check.stderr
        with machine.begin("watch") as second:
            assert second.stdout
            assert any(f"waiting: {machine.folder}/state is in use" in line for line in second.stdout)
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=10)
            machine.write("192.0.2.7")
            assert any("attack: at least 1 packet" in line for line in second.stdout)
            second.send_signal(signal.SIGTERM)
            second.communicate(timeout=10)
    assert (first.returncode, second.returncode) == (0, 0)


def test_a_watch_that_waits_for_the_state_can_be_ended(machine: "Machine") -> None:
    with machine.begin("watch") as first:
        assert first.stdout
        assert any("first start" in line for line in first.stdout)
        with machine.begin("watch") as second:
            assert second.stdout
            assert any("is in use" in line for line in second.stdout)
            second.send_signal(signal.SIGTERM)
            second.communicate(timeout=10)
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=10)
    assert (first.returncode, second.returncode) == (0, 0)


def test_watch_goes_on_after_a_full_disk(mailing: "tuple[Machine, Inbox]", disk: "Disk") -> None:
    machine, inbox = mailing
    machine.settle(state=str(disk.folder / "state"))
    with machine.begin("watch") as run:
        assert run.stdout
        assert run.stderr
        assert any("attack: none" in line for line in run.stdout)
        disk.fill()
        machine.write("192.0.2.7")
        assert "no room left" in run.stderr.readline()
        disk.empty()
        assert any("sent: first" in line for line in run.stdout)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=10)
    assert (run.returncode, len(inbox.mails)) == (0, 1)


def test_a_watch_says_that_a_log_is_missing_once_and_never_that_it_was_checked(machine: "Machine") -> None:
    machine.run("check")
    machine.log.unlink()
    other = machine.folder / "other"
    other.touch()
    machine.settle(sources=machine.files(machine.log, other))
    with machine.begin("watch") as run:
        assert run.stdout
        assert run.stderr
        assert str(machine.log) in run.stderr.readline()
        machine.write("192.0.2.7", log=other)
        said = [run.stdout.readline()]
        while "attack: at least" not in said[-1]:
            said.append(run.stdout.readline())
        run.send_signal(signal.SIGTERM)
        _, rest = run.communicate(timeout=10)
    assert not any("nothing new" in line for line in said)
    assert str(machine.log) not in rest


def test_watch_goes_on_while_another_program_holds_the_state(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    with machine.begin("watch") as run:
        assert run.stdout
        assert run.stderr
        assert any("attack: none" in line for line in run.stdout)
        with closing(sqlite3.connect(machine.folder / "state/state.db")) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM meta").fetchone()
            machine.write("192.0.2.7")
            assert "state.db is in use by another process" in run.stderr.readline()
            for _ in range(2):  # one more attempt has come to nothing, another one is on its way
                written_anew(machine.folder / "state/state.db-journal")
        assert any("sent: first" in line for line in run.stdout)
        run.send_signal(signal.SIGTERM)
        assert run.communicate(timeout=10)[1] == ""
    assert (run.returncode, len(inbox.mails)) == (0, 1)


def written_anew(file: Path) -> None:
    """Waits until it is."""
    before = file.stat().st_mtime_ns
    while file.stat().st_mtime_ns == before:
        Event().wait(0.05)
