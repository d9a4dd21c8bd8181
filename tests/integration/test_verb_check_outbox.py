"""check while mail fails: what waits, how long, and what is told in the end."""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.machine import Machine
    from tests.integration.mail import Inbox, Script

    MailServer = Callable[..., AbstractContextManager[Inbox]]
    Start = Callable[..., Script]


def test_what_fails_waits_and_is_told_when_the_server_is_back(machine: "Machine", mail_server: "MailServer") -> None:
    machine.run("check")
    machine.write("192.0.2.7")
    runs = [machine.run("check") for _ in range(3)]
    assert [run.returncode for run in runs] == [75, 75, 69]
    assert [run.stderr.count("email: admin@example.org: connecting to") for run in runs] == [1, 1, 0]
    assert [run.stderr.count("; next try ") for run in runs] == [1, 1, 0]
    assert machine.names(runs[2].stdout)[-1] == "waiting"
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


QUICK = '[{name: tftp, prefix: "IPTables-TFTP-Rejected: ", window: 4s}]'


def test_an_attack_that_came_and_went_while_mail_was_down_is_told_when_it_is_back(
    machine: "Machine", mail_server: "MailServer"
) -> None:
    machine.settle(rules=QUICK)
    machine.run("check")
    machine.write("192.0.2.7")
    runs = [machine.run("check") for _ in range(2)]
    while "decided: over of tftp" not in runs[-1].stdout and len(runs) < 100:
        runs.append(machine.run("check"))
    assert [run.returncode for run in runs] == [75, 75] + [69] * (len(runs) - 2)
    with mail_server() as inbox:
        machine.port = inbox.port
        machine.settle(rules=QUICK)
        assert machine.run("check").returncode == 0
    first, over = inbox.read()
    assert (first["X-Tocsin-Reason"], over["X-Tocsin-Reason"]) == ("first", "over")
    assert over["In-Reply-To"] == first["Message-ID"]


def test_an_attack_that_began_and_ended_between_two_runs_is_one_mail(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.run("check")
    machine.write("192.0.2.7", ago=7200)
    assert machine.run("check").returncode == 0
    (mail,) = inbox.read()
    assert mail["X-Tocsin-Reason"] == "first"
    assert "State over" in " ".join(str(mail.get_body(("plain",))).split())


def test_a_full_mailbox_waits(machine: "Machine", script: "Start") -> None:
    machine.port = script({"RCPT": b"552 5.2.2 mailbox full"}).port
    machine.settle()
    machine.write("192.0.2.7")
    assert machine.run("check").returncode == 75
    (waiting,) = machine.status()["outbox"]
    assert (waiting["permanent"], waiting["attempts"]) == (False, 1)
    assert "552 5.2.2 mailbox full" in waiting["error"]


def test_a_quiet_log_is_told_of_one_period_after_the_first_run(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    machine.settle(notify="{heartbeat: 2s}")
    machine.run("check")
    begun = datetime.fromisoformat(machine.status()["last_tick"])
    while not inbox.mails:
        machine.run("check")
    (mail,) = inbox.read()
    assert mail["X-Tocsin-Reason"] == "heartbeat"
    assert mail["Date"].datetime >= (begun + timedelta(seconds=2)).replace(microsecond=0)
