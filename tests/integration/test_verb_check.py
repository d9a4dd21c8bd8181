"""check as a process: what it reads, says and mails."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.machine import Machine, Pod
    from tests.integration.mail import Inbox

    MailServer = Callable[..., AbstractContextManager[Inbox]]


def test_a_run_says_what_it_does_and_mails(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    assert machine.names(machine.run("check").stdout) == ["started", "first start", "checked", "attack"]
    machine.write("192.0.2.7", "192.0.2.7", "192.0.2.8")
    run = machine.run("check")
    assert (run.returncode, run.stderr) == (0, "")
    assert machine.names(run.stdout) == ["started", "checked", "attack", "statistics", "statistics", "decided", "sent"]
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


def test_of_thousands_of_sources_the_loud_ones_are_listed_and_all_packets_are_counted(machine: "Machine") -> None:
    machine.write(*(f"198.18.{i >> 8}.{i & 255}" for i in range(4_500)), *["192.0.2.7"] * 20)
    said = [line.partition("Z ")[2] for line in machine.run("check").stdout.splitlines()]
    found = next(line for line in said if line.startswith("attack"))
    assert found.startswith("attack: at least 4520 packets rejected, from at least 4")
    assert "statistics:      20 192.0.2.7 (tftp)" in said
    *listed, others = [line.split() for line in said if line.startswith("statistics")]
    assert len(listed) == 20
    assert others[2:5] == ["from", "at", "least"]
    assert sum(int(words[1]) for words in [*listed, others]) == 4_520


def test_two_sources_with_the_same_lines_are_warned_of(mailing: "tuple[Machine, Inbox]") -> None:
    machine, _ = mailing
    other = machine.folder / "kern.log"
    other.touch()
    machine.settle(sources=machine.files(machine.log, other))
    machine.run("check")
    machine.write("192.0.2.7", "192.0.2.8", "192.0.2.9")
    other.write_bytes(machine.log.read_bytes())
    assert f"warning: {machine.log} and {other} hold the same lines" in machine.run("check").stdout


def test_a_nodes_local_time_is_read_right_in_a_pod_in_utc(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.settle(sources=f"[{{file: {{path: {machine.log}, timezone: Asia/Kathmandu}}}}]")
    machine.run("check")
    machine.write("192.0.2.7", zone=ZoneInfo("Asia/Kathmandu"))
    written = " ".join(machine.log.read_text().split()[:3])
    assert "Asia/Kathmandu (settings)" in machine.run("check").stdout
    text = " ".join(str(inbox.read()[0].get_body(("plain",))).split())
    seen = datetime.strptime(text.partition("between ")[2][:23], "%Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC)
    assert f"{seen.astimezone(ZoneInfo('Asia/Kathmandu')):%b %-d %H:%M:%S}" == written


def test_the_shell_scripts_variables_log_and_monitor_log_are_enough_without_settings(
    pod: "Pod", mail_server: "MailServer"
) -> None:
    monitor = pod.log.parent / "mon_logs/tftp_monitor.log"
    monitor.parent.mkdir()
    monitor.write_text("from the run before\n")
    pod.write("192.0.2.7", "192.0.2.7")
    with mail_server() as inbox:
        pod.environment |= {
            "NODE_IP": "192.0.2.1", "REMOTE_SMTP_IP": "127.0.0.1", "REMOTE_SMTP_PORT": str(inbox.port),
            "TOCSIN_EMAIL_TO": "admin@example.org,root@example.org",
        }  # fmt: skip
        run = pod.run("check")
    assert (run.returncode, run.stderr) == (0, "")
    assert "checked: /host_logs/syslog has been read\n" in run.stdout
    assert monitor.read_text() == "from the run before\n" + run.stdout
    assert [mail.rcpt_tos for mail in inbox.mails] == [["admin@example.org", "root@example.org"]]
    (mail,) = inbox.read()
    assert (mail["From"], mail["X-Tocsin-Node"]) == ("root@tftp-monitor", "node1")
    assert "node1 (192.0.2.1)" in str(mail.get_body(("plain",)))
    assert (pod.folder / "state/state.db").exists()


def test_without_settings_a_monitor_log_that_is_not_there_is_no_trouble(pod: "Pod") -> None:
    pod.log.touch()
    pod.environment |= {"REMOTE_SMTP_IP": "127.0.0.1", "TOCSIN_EMAIL_TO": "admin@example.org"}
    run = pod.run("check")
    assert (run.returncode, run.stderr) == (0, "")
    assert pod.names(run.stdout) == ["started", "first start", "checked", "attack"]


def test_a_line_without_an_end_waits_for_it(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.write("192.0.2.7")
    line = machine.log.read_text()
    machine.log.write_text(line[:-1])
    assert "attack: none" in machine.run("check").stdout
    machine.log.write_text(line)
    assert "attack: at least 1 packet" in machine.run("check").stdout
    assert len(inbox.mails) == 1


def test_lines_of_a_log_that_was_rotated_between_two_runs_are_read_once(mailing: "tuple[Machine, Inbox]") -> None:
    machine, _ = mailing
    machine.write("192.0.2.7")
    machine.run("check")
    machine.write("192.0.2.8")
    machine.log.rename(f"{machine.log}.1")
    machine.write("192.0.2.9")
    said = machine.run("check").stdout
    assert f"checked: {machine.log}.1 has been read" in said
    assert f"checked: {machine.log} has been read" in said
    assert "attack: at least 2 packets rejected, from 2 sources, in 2 lines" in said


def test_the_zone_is_said_only_where_a_stamp_without_one_was_read(mailing: "tuple[Machine, Inbox]") -> None:
    machine, _ = mailing
    machine.write("192.0.2.7")
    assert "zone" not in machine.names(machine.run("check").stdout)
    machine.write("192.0.2.8", zone=UTC)
    assert "zone" in machine.names(machine.run("check").stdout)


def test_sources_with_lines_of_their_own_are_not_warned_of(mailing: "tuple[Machine, Inbox]") -> None:
    machine, _ = mailing
    other = machine.folder / "kern.log"
    machine.settle(sources=machine.files(machine.log, other))
    machine.write("192.0.2.7", "192.0.2.8", "192.0.2.9")
    machine.write("192.0.2.7", "192.0.2.8", "192.0.2.9", log=other)
    assert "warning: " not in machine.run("check").stdout.replace("warning: the state folder", "")


def test_a_pipe_as_the_monitor_log_gets_nothing_even_if_somebody_reads(machine: "Machine") -> None:
    pipe = machine.folder / "monitor.log"
    os.mkfifo(pipe)
    machine.settle(log=f"{{file: {pipe}}}")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    run = machine.run("check")
    assert (run.returncode, os.read(reader, 1)) == (0, b"")
    os.close(reader)
    assert run.stderr == f"log.file: {pipe} cannot be written: it is no regular file\n"
