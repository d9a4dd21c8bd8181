"""check while mail fails: what waits, how long, and what is told in the end."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Inbox, Machine, Script

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
