"""check and watch as processes, with a real mail server."""

import json
import os
import signal
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Inbox, Machine, Script

    MailServer = Callable[..., AbstractContextManager[Inbox]]
    Start = Callable[..., Script]

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make a user who may not")


def names(output: str) -> list[str]:
    """The events that the lines of a run begin with."""
    return [line.partition("Z ")[2].partition(":")[0] for line in output.splitlines()]


def test_a_run_says_what_it_does_and_mails(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    assert names(machine.run("check").stdout) == ["started", "first start", "checked", "attack"]
    machine.write("192.0.2.7", "192.0.2.7", "192.0.2.8")
    run = machine.run("check")
    assert (run.returncode, run.stderr) == (0, "")
    assert names(run.stdout) == ["started", "checked", "attack", "statistics", "statistics", "decided", "sent"]
    assert "attack: at least 3 packets rejected, from 2 sources, in 3 lines" in run.stdout
    assert "      2 192.0.2.7 (tftp)" in run.stdout
    (mail,) = inbox.read()
    assert (mail["X-Tocsin-Reason"], mail["X-Tocsin-Rule"], mail["X-Tocsin-Node"]) == ("first", "tftp", "node1")


def test_the_same_lines_are_mailed_once(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.write("192.0.2.7")
    runs = [machine.run("check") for _ in range(3)]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert "attack: none in 0 lines" in runs[-1].stdout
    assert len(inbox.mails) == 1


def test_lines_as_json_are_an_object_each(mailing: "tuple[Machine, Inbox]") -> None:
    machine, _ = mailing
    machine.settle(log="{format: json}")
    machine.write("192.0.2.7")
    rows = [json.loads(line) for line in machine.run("check").stdout.splitlines()]
    assert [row["event"] for row in rows][-3:] == ["statistics", "decided", "sent"]
    assert rows[-3]["src"] == "192.0.2.7"
    assert (rows[0]["verb"], rows[0]["node"], rows[0]["text"][:7]) == ("check", "node1", "tocsin ")
    assert all(datetime.fromisoformat(row["time"]).tzinfo for row in rows)


def test_the_variables_of_the_script_are_enough(machine: "Machine", mail_server: "MailServer", tmp_path: Path) -> None:
    with mail_server() as inbox:
        machine.environment = {
            "TOCSIN_CONFIG": "", "NODE_IP": "192.0.2.1", "REMOTE_SMTP_IP": "127.0.0.1",
            "REMOTE_SMTP_PORT": str(inbox.port), "TOCSIN_EMAIL_TO": "admin@example.org",
            "TOCSIN_STATE": str(tmp_path / "own"),
        }  # fmt: skip
        run = machine.run("preview", "--send")
    assert (run.returncode, run.stderr) == (0, "")
    (mail,) = inbox.read()
    assert (mail["From"], mail["To"]) == ("root@tftp-monitor", "admin@example.org")
    assert "node1 (192.0.2.1)" in str(mail.get_body(("plain",)))


def test_what_fails_waits_and_is_told_when_the_server_is_back(machine: "Machine", mail_server: "MailServer") -> None:
    machine.run("check")
    machine.write("192.0.2.7")
    runs = [machine.run("check") for _ in range(3)]
    assert [run.returncode for run in runs] == [75, 75, 69]
    assert [run.stderr.count("email: admin@example.org: connecting to") for run in runs] == [1, 1, 0]
    assert [run.stderr.count("; next try ") for run in runs] == [1, 1, 0]
    assert names(runs[2].stdout)[-1] == "waiting"
    assert "1 waits since " in runs[2].stdout
    assert ", next try " in runs[2].stdout
    with mail_server() as inbox:
        machine.port = inbox.port
        machine.settle()  # new settings make it due
        assert machine.run("check").returncode == 0
    assert [mail["X-Tocsin-Reason"] for mail in inbox.read()] == ["first"]


def test_what_nobody_accepts_is_69_and_said_once(machine: "Machine", script: "Start") -> None:
    server = script({"RCPT": b"550 5.1.1 no such user"})
    machine.port = server.port
    machine.settle()
    machine.write("192.0.2.7")
    first, second = machine.run("check"), machine.run("check")
    assert (first.returncode, second.returncode) == (69, 69)
    assert "admin@example.org: refused for good: RCPT: 550 5.1.1 no such user" in first.stderr
    assert (first.stderr.count("\n"), second.stderr) == (1, "")


def test_one_refused_among_others_is_0(machine: "Machine", script: "Start") -> None:
    server = script({"RCPT": [b"250 ok", b"550 5.1.1 no such user"]})
    to = "to: [gone@example.org, admin@example.org]"
    machine.settle(receivers=f'[{{email: {{server: "127.0.0.1:{server.port}", security: none, {to}}}}}]')
    machine.write("192.0.2.7")
    run = machine.run("check")
    assert run.returncode == 0
    assert "gone@example.org: refused for good: RCPT: 550 5.1.1 no such user\n" in run.stderr
    (waiting,) = json.loads(machine.run("status", "--json").stdout)["outbox"]
    assert (waiting["recipient"], waiting["permanent"]) == ("gone@example.org", True)


def test_a_quiet_run_leaves_the_state_as_it_is_but_for_the_time_of_its_lock(machine: "Machine") -> None:
    machine.run("check")
    state, lock = machine.folder / "state/state.db", machine.folder / "state/lock"
    before, tick = (state.stat().st_mtime_ns, state.read_bytes()), lock.stat().st_mtime_ns
    machine.run("check")
    assert (state.stat().st_mtime_ns, state.read_bytes()) == before
    assert lock.stat().st_mtime_ns > tick


def test_a_first_start_tells_what_is_younger_than_the_window_and_says_so(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.write("192.0.2.1", "192.0.2.2", ago=3600)
    machine.write("192.0.2.7", ago=60)
    run = machine.run("check")
    assert "old: 2 packets older than the window: left out, neither counted nor told" in run.stdout
    assert "192.0.2.1 " not in str(inbox.read()[0].get_body(("plain",)))


def test_the_monitor_log_gets_a_copy(machine: "Machine") -> None:
    copy = machine.folder / "monitor.log"
    machine.settle(log=f"{{file: {copy}}}")
    said = machine.run("check").stdout + machine.run("check").stdout
    assert copy.read_text() == said


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_monitor_log_that_is_no_file_is_left_alone(machine: "Machine", kind: str) -> None:
    copy, other = machine.folder / "monitor.log", machine.folder / "other"
    other.touch()
    if kind == "link":
        copy.symlink_to(other)
    elif kind == "fifo":
        os.mkfifo(copy)
    else:
        copy.mkdir()
    machine.settle(log=f"{{file: {copy}}}")
    run = machine.run("check")
    assert run.returncode == 0
    assert run.stderr.startswith(f"log.file: {copy} cannot be written: ")
    assert run.stderr.count("\n") == 1
    assert other.read_text() == ""


def test_a_monitor_log_that_grew_too_large_begins_anew(machine: "Machine") -> None:
    copy = machine.folder / "monitor.log"
    with copy.open("wb") as file:
        file.truncate((10 << 20) + 1)
    inode = copy.stat().st_ino
    machine.settle(log=f"{{file: {copy}}}")
    assert copy.read_text() != machine.run("check").stdout
    assert copy.stat().st_size < 4096
    assert copy.stat().st_ino == inode


def test_two_sources_with_the_same_lines_are_warned_of(mailing: "tuple[Machine, Inbox]") -> None:
    machine, _ = mailing
    other = machine.folder / "kern.log"
    other.touch()
    machine.settle(sources=f"[{{file: {{path: {machine.log}}}}}, {{file: {{path: {other}}}}}]")
    machine.run("check")
    machine.write("192.0.2.7", "192.0.2.8", "192.0.2.9")
    other.write_bytes(machine.log.read_bytes())
    assert f"warning: {machine.log} and {other} hold the same lines" in machine.run("check").stdout


def test_a_nodes_local_time_is_read_right_in_a_pod_in_utc(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.settle(sources=f"[{{file: {{path: {machine.log}, timezone: Asia/Kathmandu}}}}]")
    machine.run("check")
    machine.write("192.0.2.7")
    text = machine.log.read_text()
    now = datetime.now(ZoneInfo("Asia/Kathmandu"))  # noqa: TID251 (the process has the real clock)
    local = f"{now:%b} {now.day:2} {now:%H:%M:%S}"
    machine.log.write_text(local + " " + text.partition(" ")[2])
    run = machine.run("check")
    assert "Asia/Kathmandu (settings)" in run.stdout
    assert f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" in str(inbox.read()[0].get_body(("plain",)))


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


@root
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


@root
def test_a_full_disk_is_74_and_the_attack_is_told_once_there_is_room(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    disk = machine.folder / "disk"
    disk.mkdir()
    machine.settle(state=str(disk / "state"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tocsin-test", disk], check=True)
    try:
        assert machine.run("check").returncode == 0
        machine.write("192.0.2.7")
        (disk / "filler").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
        full = machine.run("check")
        assert (full.returncode, full.stderr.count("\n"), len(inbox.mails)) == (74, 1, 0)
        (disk / "filler").unlink()
        assert [machine.run("check").returncode for _ in range(2)] == [0, 0]
    finally:
        subprocess.run(["umount", disk], check=True)
    assert len(inbox.mails) == 1


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


@root
def test_watch_goes_on_after_a_full_disk(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    disk = machine.folder / "disk"
    disk.mkdir()
    machine.settle(state=str(disk / "state"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tocsin-test", disk], check=True)
    try:
        with machine.begin("watch") as run:
            assert run.stdout
            assert run.stderr
            assert any("attack: none" in line for line in run.stdout)
            (disk / "filler").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
            machine.write("192.0.2.7")
            assert "no room left" in run.stderr.readline()
            (disk / "filler").unlink()
            assert any("sent: first" in line for line in run.stdout)
            run.send_signal(signal.SIGTERM)
            run.communicate(timeout=10)
    finally:
        subprocess.run(["umount", disk], check=True)
    assert (run.returncode, len(inbox.mails)) == (0, 1)


@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_an_output_that_cannot_be_written_is_no_reason_not_to_ring(
    mailing: "tuple[Machine, Inbox]", where: str
) -> None:
    machine, inbox = mailing
    machine.write("192.0.2.7")
    shell = ["sh", "-c", f"exec {' '.join(machine.command('check'))} {where}"]
    run = subprocess.run(shell, env=machine.variables(), capture_output=True, text=True, check=False)
    said = "standard output cannot be written: No space left on device\n" if "full" in where else ""
    assert (run.returncode, run.stderr, len(inbox.mails)) == (0, said, 1)


def test_a_watch_says_that_a_log_is_missing_once_and_never_that_it_was_checked(machine: "Machine") -> None:
    machine.run("check")
    machine.log.unlink()
    other = machine.folder / "other"
    other.touch()
    machine.settle(sources=f"[{{file: {{path: {machine.log}}}}}, {{file: {{path: {other}}}}}]")
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
