"""The exit statuses, each as a process leaves with it, and which of several wins."""

import json
import os
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Disk, Inbox, Machine


def test_a_state_of_a_newer_tocsin_is_78(machine: "Machine") -> None:
    machine.run("check")
    with sqlite3.connect(machine.folder / "state/state.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    run = machine.run("check")
    assert (run.returncode, run.stderr.count("\n")) == (78, 1)


def test_a_missing_log_is_66_and_the_others_are_read(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    gone = machine.folder / "gone"
    machine.settle(sources=f"[{{file: {{path: {gone}}}}}, {{file: {{path: {machine.log}}}}}]")
    machine.write("192.0.2.7")
    run = machine.run("check")
    assert (run.returncode, run.stderr.count("\n")) == (66, 1)
    assert str(gone) in run.stderr
    assert len(inbox.mails) == 1


def test_a_folder_as_a_log_is_65(machine: "Machine") -> None:
    machine.settle(sources=f"[{{file: {{path: {machine.folder}}}}}]")
    assert machine.run("check").returncode == 65


@pytest.mark.usefixtures("root")
def test_a_log_that_may_not_be_read_is_77_with_owner_group_and_mode(machine: "Machine") -> None:
    for path in (machine.folder, machine.folder.parent, machine.folder.parent.parent):
        os.chmod(path, 0o755)  # noqa: S103 (folders of this test)
    os.chmod(machine.log, 0o640)
    os.chown(machine.log, 0, 4)
    os.mkdir(machine.folder / "state")
    os.chown(machine.folder / "state", 65534, 65534)
    run = machine.run("check", user=65534, group=65534, extra_groups=[])
    assert run.returncode == 77
    assert "root" in run.stderr
    assert "adm" in run.stderr
    assert "0640" in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_state_folder_without_a_parent_is_73(machine: "Machine") -> None:
    machine.settle(state=str(machine.folder / "no/such/state"))
    run = machine.run("check")
    assert (run.returncode, run.stderr.count("\n")) == (73, 1)


def test_a_full_disk_is_74_and_the_attack_is_told_once_there_is_room(
    mailing: "tuple[Machine, Inbox]", disk: "Disk"
) -> None:
    machine, inbox = mailing
    machine.settle(state=str(disk.folder / "state"))
    assert machine.run("check").returncode == 0
    machine.write("192.0.2.7")
    disk.fill()
    full = machine.run("check")
    assert (full.returncode, full.stderr.count("\n"), len(inbox.mails)) == (74, 1, 0)
    (cursor,) = json.loads(machine.run("status", "--json").stdout)["cursors"]
    assert cursor["offset"] == 0
    disk.empty()
    assert [machine.run("check").returncode for _ in range(2)] == [0, 0]
    assert len(inbox.mails) == 1


def test_wrong_settings_are_78_in_one_line(machine: "Machine") -> None:
    (machine.folder / "tocsin.yaml").write_text("rules: [{name: a, prefix: 'P: ', treshold: 3}]\n")
    run = machine.run("check")
    assert run.returncode == 78
    assert run.stderr == (
        f"{machine.folder}/tocsin.yaml:1: rules[0].treshold: unknown key; hint: did you mean threshold?\n"
    )
    assert run.stdout == ""


def test_several_reasons_leave_with_the_first_in_order(machine: "Machine") -> None:
    machine.settle(sources=f"[{{file: {{path: {machine.folder}/gone}}}}, {{file: {{path: {machine.log}}}}}]")
    machine.write("192.0.2.7")
    assert machine.run("check").returncode == 66  # and the mail failed, 75


@pytest.mark.parametrize("verb", ["scan", "explain"])
def test_a_missing_file_is_66_a_folder_65_in_one_line(machine: "Machine", verb: str) -> None:
    for name, status in ((machine.folder / "gone", 66), (machine.folder, 65)):
        run = machine.run(verb, str(name))
        assert (run.returncode, run.stderr.count("\n")) == (status, 1)
        assert str(name) in run.stderr


@pytest.mark.parametrize("words", [("check",), ("watch",), ("preview",), ("preview", "--send")])
def test_without_a_receiver_nobody_would_be_told(machine: "Machine", words: tuple[str, ...]) -> None:
    machine.settle(receivers="[]")
    run = machine.run(*words)
    assert (run.returncode, run.stderr.count("\n")) == (78, 1)
    assert "nobody would be told" in run.stderr


@pytest.mark.parametrize("verb", ["scan", "explain"])
def test_a_standard_input_that_is_closed_is_65(machine: "Machine", verb: str) -> None:
    shell = ["sh", "-c", f"exec {' '.join(machine.command(verb, '-'))} <&-"]
    run = subprocess.run(shell, env=machine.variables(), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr, run.stdout) == (65, "stdin cannot be read: Bad file descriptor\n", "")
