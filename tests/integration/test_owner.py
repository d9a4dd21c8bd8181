"""The owner of a state folder while the folder is in trouble."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tocsin.app import Owner
from tocsin.config import load
from tocsin.errors import StateInUse, StateUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.machine import Machine
    from tests.integration.mail import Inbox, Script

    Start = Callable[..., Script]

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def owner(machine: "Machine") -> Owner:
    return Owner(load(None, machine.variables()), NOW)


def test_a_state_that_cannot_be_opened_again_is_tried_at_each_tick(mailing: "tuple[Machine, Inbox]") -> None:
    machine, inbox = mailing
    state, away = machine.folder / "state", machine.folder / "away"
    owning = owner(machine)
    owning.tick(NOW)
    machine.write("192.0.2.7")
    state.rename(away)
    for _ in range(3):  # the commit fails, then the opening
        with pytest.raises(StateUnwritable):
            owning.tick(NOW)
    away.rename(state)
    assert owning.tick(NOW).read.events.listed == {("tftp", "192.0.2.7"): 1}
    assert len(inbox.mails) == 1
    owning.close()


def test_an_owner_that_could_not_begin_lets_go_of_the_folder(machine: "Machine") -> None:
    trap = machine.folder / "state/state.db"
    trap.mkdir(parents=True)
    with pytest.raises(StateUnwritable):
        owner(machine)
    trap.rmdir()
    owning = owner(machine)
    with pytest.raises(StateInUse):
        owner(machine)
    owning.close()


def test_a_mail_that_was_accepted_while_nothing_could_be_stored_is_not_sent_again(
    machine: "Machine", script: "Start"
) -> None:
    server = script({"RCPT": [b"450 later", b"250 ok"]})
    machine.port = server.port
    machine.settle()
    machine.write("192.0.2.7")
    owning = owner(machine)
    owning.tick(NOW)
    owning.renew()
    with closing(sqlite3.connect(machine.folder / "state/state.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateInUse):
            owning.tick(NOW)
    assert owning.tick(NOW).waiting == []
    assert len(server.mails) == 1
    owning.close()


@pytest.mark.usefixtures("root")
def test_a_tick_that_cannot_be_noted_is_reported_all_the_same(machine: "Machine") -> None:
    owning = owner(machine)
    owning.tick(NOW)
    for path in (machine.folder.parent.parent, machine.folder.parent, machine.folder, machine.folder / "state"):
        path.chmod(0o755)
    os.seteuid(65534)
    try:
        report = owning.tick(NOW)
    finally:
        os.seteuid(0)
        owning.close()
    assert [str(error) for error in report.read.errors] == [f"{machine.folder}/state/lock: Permission denied"]
