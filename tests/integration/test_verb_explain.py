"""explain as a process."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.machine import Machine


CORPUS = Path(__file__).resolve().parents[1] / "corpus"


def test_explain_as_json_has_a_row_for_each_line(machine: "Machine") -> None:
    machine.settle(rules='[{name: tftp, prefix: "IPTables-TFTP-Rejected: ", allow: [198.51.100.0/24]}]')
    machine.write("192.0.2.7", "198.51.100.9")
    with machine.log.open("a") as file:
        file.write("\n2026-11-23T14:00:00Z node1 sshd[7]: IPTables-TFTP-Rejected: IN=x\nno end")
    run = machine.run("explain", "--json", str(machine.log))
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(row["line"], row["verdict"]) for row in rows] == [
        (1, "event"), (2, "event"), (3, "ignored"), (4, "ignored"), (5, "ignored"),
    ]  # fmt: skip
    assert (rows[0]["rule"], rows[0]["src"], rows[0]["count"], "allowed" in rows[0]) == ("tftp", "192.0.2.7", 1, False)
    assert rows[1]["allowed"] is True
    assert [row["why"] for row in rows[2:]] == ["the line is empty", "the tag is sshd, not kernel", "no rule's prefix"]
    assert (run.returncode, run.stderr) == (0, "")


def test_explain_reads_standard_input_and_says_the_zone_it_used(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    line = "Nov 23 14:00:00 " + machine.log.read_text().partition(" ")[2]
    run = machine.run("explain", stdin=line)
    assert run.stdout.startswith("     1 event    tftp 192.0.2.7 at ")
    assert run.stderr == "stamps without a zone: UTC (nothing better known)\n"


def test_explain_shows_hostile_text_harmlessly(machine: "Machine") -> None:
    said = machine.run(
        "explain", stdin="Nov 23 14:00:00 node1 x: \x1b]0;owned\x07\u202e IPTables-TFTP-Rejected: IN=\n"
    ).stdout
    assert said.replace("\n", "").isprintable()


def test_explain_takes_several_files_and_numbers_each(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    other = machine.folder / "other"
    other.write_text("no end")
    rows = [
        json.loads(line) for line in machine.run("explain", "--json", str(machine.log), str(other)).stdout.splitlines()
    ]
    assert [(row["file"], row["line"]) for row in rows] == [(str(machine.log), 1), (str(other), 1)]
    assert machine.run("explain", str(machine.log), str(other)).stdout.count(":\n") == 2


def test_explain_is_coloured_on_a_terminal_only(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    assert "\x1b[32mevent" in machine.on_a_terminal("explain", str(machine.log))
    assert "\x1b[" not in machine.run("explain", str(machine.log)).stdout
    assert "\x1b[" not in machine.on_a_terminal("explain", str(machine.log), NO_COLOR="1")


@pytest.mark.parametrize("case", sorted(case.name for case in CORPUS.iterdir() if (case / "input.log").exists()))
def test_explain_and_scan_agree_on_real_lines(machine: "Machine", case: str) -> None:
    log = str(CORPUS / case / "input.log")
    rows = [json.loads(line) for line in machine.run("explain", "--json", log).stdout.splitlines()]
    counted = sum(row["count"] for row in rows if row["verdict"] == "event")
    assert json.loads(machine.run("scan", "--json", log).stdout)["events"] == counted


@pytest.mark.parametrize("verb", ["explain", "scan"])
def test_a_file_that_is_no_source_has_the_first_sources_zone(machine: "Machine", verb: str) -> None:
    sources = f"[{{file: {{path: {machine.log}, timezone: Asia/Kathmandu}}}}, {{file: {{path: /nowhere}}}}]"
    machine.settle(sources=sources)
    machine.write("192.0.2.7", zone=UTC, log=machine.folder / "copy")
    now = datetime.now(UTC)  # noqa: TID251 (the process has the real clock)
    run = machine.run(verb, "--json", str(machine.folder / "copy"))
    row = json.loads(run.stdout)
    time = datetime.fromisoformat(row["time"] if verb == "explain" else row["sources"][0]["first"])
    assert abs(now - timedelta(hours=5, minutes=45) - time) < timedelta(minutes=1)
    assert run.stderr == ("stamps without a zone: Asia/Kathmandu (settings)\n" if verb == "explain" else "")


def test_the_zone_of_a_file_that_is_no_source_is_not_guessed_from_it(machine: "Machine") -> None:
    copy = machine.folder / "copy"
    machine.write("192.0.2.7", zone=timezone(timedelta(hours=3)), log=copy)
    assert "(nothing better known)" in machine.run("explain", str(copy)).stderr
    machine.settle(sources=machine.files(copy))
    assert "UTC+03:00 (guessed from " in machine.run("explain", str(copy)).stderr


def test_explain_reads_what_it_can_and_complains_of_the_rest(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    run = machine.run("explain", "--json", str(machine.log), str(machine.folder / "gone"), str(machine.log))
    assert (run.returncode, run.stderr.count("\n"), run.stdout.count("\n")) == (66, 1, 2)
