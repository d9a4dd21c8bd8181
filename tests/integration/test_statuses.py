"""The exit statuses, each as a process leaves with it, and which of several wins."""

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tocsin

if TYPE_CHECKING:
    from tests.integration.machine import Disk, Machine
    from tests.integration.mail import Inbox


def test_a_state_of_a_newer_tocsin_is_78(machine: "Machine") -> None:
    machine.run("check")
    with sqlite3.connect(machine.folder / "state/state.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    run = machine.run("check")
    assert (run.returncode, run.stderr.count("\n")) == (78, 1)
    with sqlite3.connect(machine.folder / "state/state.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)
    db.close()
    assert not list((machine.folder / "state").glob("*damaged*"))


def test_a_missing_log_is_66_and_the_others_are_read(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    gone = machine.folder / "gone"
    machine.settle(sources=machine.files(gone, machine.log))
    machine.write("192.0.2.7")
    run = machine.run("check")
    assert (run.returncode, run.stderr.count("\n")) == (66, 1)
    assert str(gone) in run.stderr
    assert len(inbox.mails) == 1


def test_a_folder_as_a_log_is_65(machine: "Machine") -> None:
    machine.settle(sources=machine.files(machine.folder))
    assert machine.run("check").returncode == 65


@pytest.mark.usefixtures("root")
def test_a_log_that_may_not_be_read_is_77_with_owner_group_and_mode(machine: "Machine") -> None:
    machine.log.chmod(0o640)
    os.chown(machine.log, 0, 4)
    run = machine.run("check", **machine.stranger())
    assert run.returncode == 77
    assert run.stderr == (
        f"{machine.log} may not be read by uid 65534: {machine.log} is root:adm, mode 0640; "
        "hint: run with the group adm (4), or as root\n"
    )


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


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ": the file is empty"),
        ("{", ":"),
        ("- state: /x", ":1: "),
        (
            "rules: [{name: a, prefix: 'P: ', treshold: 3}]",
            ":1: rules[0].treshold: unknown key; hint: did you mean thr",
        ),
        ("rules: [{name: a, prefix: 'P: ', threshold: x}]", ":1: rules[0].threshold: "),
        ("rules: [{name: a, prefix: 'P: ', window: -10m}]", ":1: rules[0].window: "),
        ("rules: [{name: a, prefix: 'P: ', port: 70000}]", ":1: rules[0].port: "),
        ("rules: [{name: a, prefix: ''}]", ":1: rules[0].prefix: "),
        (f"rules: [{{name: a, prefix: {'P' * 128}}}]", ":1: rules[0].prefix: "),
        ("rules: [{name: a, prefix: 'P\"'}]", ":1: rules[0].prefix: "),
        ("keep: 1d\nkeep: 2d", ":2: keep: "),
        ("receivers: []", ": receivers: nobody would be told"),
        (
            "receivers: [{email: {server: mail.example.org, to: [a@example.org], username: a, password_file: /gone}}]",
            ":1: receivers[0].email.password_file: ",
        ),
    ],
)
def test_wrong_settings_are_78_in_one_line_before_anything_is_done(
    machine: "Machine", text: str, complaint: str
) -> None:
    file = machine.folder / "tocsin.yaml"
    file.write_text(text)
    run = machine.run("check")
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (78, "", 1)
    assert run.stderr.startswith(f"{file}{complaint}")
    assert not (machine.folder / "state").exists()


def test_settings_that_are_not_there_are_78(machine: "Machine") -> None:
    run = machine.run("check", "--config", "/no/such/file")
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (78, "", 1)
    assert run.stderr.startswith("/no/such/file: ")


@pytest.mark.usefixtures("root")
def test_of_several_reasons_the_first_in_order_wins_and_the_outbox_is_tried(machine: "Machine") -> None:
    stranger = machine.stranger()
    secret, folder, gone = (machine.folder / name for name in ("secret", "folder", "gone"))
    secret.touch(0o600)
    folder.mkdir()
    machine.log.chmod(0o644)
    machine.write("192.0.2.7")
    statuses = []
    for logs in ((folder, gone, secret), (folder, gone), (folder,), ()):
        machine.port += 1  # new settings of a receiver make what waits due
        machine.settle(sources=machine.files(*logs, machine.log))
        run = machine.run("check", **stranger)
        assert machine.names(run.stdout)[-2:] == ["not sent", "waiting"]
        statuses.append(run.returncode)
    assert statuses == [77, 66, 65, 75]


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


def test_a_log_that_was_rotated_and_has_no_successor_yet_is_no_reason(machine: "Machine") -> None:
    machine.run("check")
    machine.log.rename(f"{machine.log}.1")
    run = machine.run("check")
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"x" * 65_536, 65),
        (b"\x7fELF\x02\n", 65),
        (b"x" * 65_535 + b"\n", 0),
        (b"\0\0\0\xff\xfe\n", 0),
        (b"", 0),
    ],
)
@pytest.mark.parametrize("verb", ["check", "scan", "explain"])
def test_a_log_is_binary_without_any_line_or_with_the_magic_of_something_else(
    machine: "Machine", content: bytes, status: int, verb: str
) -> None:
    machine.log.write_bytes(content)
    run = machine.run(verb, *([str(machine.log)] if verb != "check" else []))
    assert (run.returncode, run.stderr.count("\n")) == (status, bool(status))


@pytest.mark.usefixtures("root")
def test_a_state_that_may_not_be_written_is_73(machine: "Machine") -> None:
    stranger = machine.stranger()
    (machine.folder / "state").chmod(0o555)
    run = machine.run("check", **stranger)
    assert (run.returncode, run.stderr.count("\n")) == (73, 1)
    assert run.stderr.startswith(f"{machine.folder}/state/lock: Permission denied; hint: ")


@pytest.mark.usefixtures("root")
def test_a_state_on_a_disk_that_is_read_only_is_73(machine: "Machine", disk: "Disk") -> None:
    machine.settle(state=str(disk.folder / "state"))
    subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
    run = machine.run("check")
    assert (run.returncode, run.stderr.count("\n")) == (73, 1)
    assert "Read-only file system" in run.stderr


@pytest.mark.usefixtures("root")
def test_settings_or_a_state_that_may_not_be_read_are_77(machine: "Machine") -> None:
    stranger = machine.stranger()
    machine.run("check")
    (machine.folder / "state").chmod(0o700)
    os.chown(machine.folder / "state", 0, 0)
    state = machine.run("status", **stranger)
    (machine.folder / "tocsin.yaml").chmod(0o600)
    settings = machine.run("check", **stranger)
    assert (state.returncode, state.stderr.count("\n")) == (77, 1)
    assert (settings.returncode, settings.stderr.count("\n")) == (77, 1)


def test_a_bug_is_70_in_one_line_that_asks_for_a_report(machine: "Machine") -> None:
    broken = machine.folder / "tocsin"
    shutil.copytree(Path(tocsin.__file__).parent, broken)
    (broken / "commands/demo.log").unlink()
    variables = machine.uncovered() | {"PYTHONPATH": str(machine.folder)}
    run = subprocess.run(machine.command("demo"), env=variables, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (70, "", 1)
    assert run.stderr.startswith(f"a bug in tocsin {tocsin.__version__}: FileNotFoundError: ")
    assert "; hint: please report it" in run.stderr
