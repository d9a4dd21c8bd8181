"""preview as a process, with a real mail server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.machine import Machine
    from tests.integration.mail import Inbox, Script

    Start = Callable[..., Script]


def test_preview_shows_an_invented_attack_where_none_is_known(machine: "Machine") -> None:
    run = machine.run("preview")
    assert (run.returncode, run.stderr) == (0, "")
    assert "192.0.2.7" in run.stdout
    assert "<html" in machine.run("preview", "--format", "html").stdout
    assert "Subject: " in machine.run("preview", "--format", "eml").stdout
    assert not (machine.folder / "state").exists()


def test_preview_shows_the_last_attack_that_is_known(machine: "Machine") -> None:
    machine.run("check")
    machine.write("203.0.113.77")
    machine.run("check")
    assert "203.0.113.77" in machine.run("preview").stdout


def test_preview_sends_a_test_whose_id_is_no_other_mails(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.run("check")
    machine.write("192.0.2.7")
    machine.run("check")
    run = machine.run("preview", "--send")
    assert run.returncode == 0
    assert "admin@example.org: accepted" in run.stdout
    assert "250" in run.stdout
    real, test = inbox.read()
    assert test["X-Tocsin-Reason"] == "test"
    assert test["Subject"].startswith("TEST: ")
    assert real["Message-ID"] != test["Message-ID"]


def test_preview_that_could_not_be_sent_leaves_with_75(machine: "Machine", script: "Start") -> None:
    machine.port = script({"RCPT": b"450 4.7.1 greylisted"}).port
    machine.settle()
    run = machine.run("preview", "--send")
    assert run.returncode == 75
    assert "450 4.7.1 greylisted" in run.stdout
