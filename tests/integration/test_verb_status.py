"""status as a process."""

import json
import signal
import sqlite3
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.machine import Machine


def test_status_of_a_state_that_is_no_folder_is_73(machine: "Machine") -> None:
    machine.settle(state=str(machine.log))
    run = machine.run("status")
    assert (run.returncode, run.stderr.count("\n")) == (73, 1)


def test_status_before_the_first_tick_is_empty(machine: "Machine") -> None:
    run = machine.run("status", "--json")
    assert run.returncode == 0
    assert json.loads(run.stdout) == {
        "node": "node1", "alerts": [], "outbox": [], "cursors": [], "gaps": [], "counts": [], "last_tick": None,
    }  # fmt: skip
    assert "last tick never" in machine.run("status").stdout


def test_status_as_json_has_the_fields_that_programs_read(machine: "Machine") -> None:
    machine.run("check")
    machine.write("192.0.2.7", "2001:db8::7")
    machine.run("check")
    read = json.loads(machine.run("status", "--json").stdout)
    assert {row["src"]: row["state"] for row in read["alerts"]} == {"192.0.2.7": "firing", "2001:db8::7": "firing"}
    assert {row.get("network") for row in read["alerts"]} == {None, "2001:db8::/64"}
    (waiting,) = read["outbox"]
    assert set(waiting) == {
        "id", "receiver", "recipient", "reason", "since", "attempts", "next", "permanent", "error",
    }  # fmt: skip
    assert (waiting["receiver"], waiting["recipient"], waiting["reason"]) == ("email", "admin@example.org", "first")
    assert (waiting["attempts"], waiting["permanent"]) == (1, False)
    counts = {row["src"]: (row["rule"], row["events"]) for row in read["counts"]}
    assert counts == {"192.0.2.7": ("tftp", 1), "2001:db8::/64": ("tftp", 1)}
    (cursor,) = read["cursors"]
    assert (cursor["source"], cursor["offset"]) == (str(machine.log), machine.log.stat().st_size)
    assert datetime.fromisoformat(read["last_tick"]).tzinfo


def test_status_lists_gaps_and_blind_alerts(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    machine.run("check")
    machine.log.write_text("2026-11-23T14:00:00Z node1 x: another file altogether, and longer than it was before\n" * 9)
    machine.run("check")
    read = json.loads(machine.run("status", "--json").stdout)
    assert [(gap["source"], gap["bytes"]) for gap in read["gaps"]] == [(str(machine.log), None)]
    blind = [row for row in read["alerts"] if row["rule"] == "blind"]
    assert [(row["src"], row["source"]) for row in blind] == [(None, str(machine.log))]
    page = machine.run("status").stdout
    assert "an unknown number of bytes: " in page
    assert "firing  blind" in page


def test_status_is_readable_beside_a_watch(machine: "Machine") -> None:
    with machine.begin("watch") as watch:
        assert watch.stdout
        assert any("first start" in line for line in watch.stdout)
        assert machine.run("status").returncode == 0
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=10)


def test_status_shows_a_cursor_that_cannot_be_read_without_its_offset(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    machine.run("check")
    with closing(sqlite3.connect(machine.folder / "state/state.db")) as db, db:
        db.execute("UPDATE cursors SET cursor = '{'")
    run = machine.run("status", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    assert [row["offset"] for row in json.loads(run.stdout)["cursors"]] == [None]


def test_status_of_a_damaged_state_is_65_in_one_line(machine: "Machine") -> None:
    machine.run("check")
    (machine.folder / "state/state.db").write_bytes(b"x" * 9000)
    run = machine.run("status")
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (65, 1, "")
