"""scan, explain, preview, status, config, demo and the command line itself, as processes."""

import bz2
import gzip
import json
import lzma
import os
import pty
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Inbox, Machine, Script

    Start = Callable[..., Script]
    MailServer = Callable[..., AbstractContextManager[Inbox]]

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
VERBS = ("check", "watch", "scan", "explain", "preview", "status", "config", "demo")


def on_a_terminal(machine: "Machine", *words: str, **environment: str) -> str:
    """What the verb writes on a terminal, standard error included."""
    here, there = pty.openpty()
    variables = {"TERM": "xterm", "COLUMNS": "100"} | machine.variables() | environment
    with subprocess.Popen(machine.command(*words), env=variables, stdin=there, stdout=there, stderr=there):
        os.close(there)
        said = b""
        try:
            while piece := os.read(here, 65_536):
                said += piece
        except OSError:  # the other end is closed
            pass
    os.close(here)
    return said.decode()


def test_scan_counts_by_source(machine: "Machine") -> None:
    machine.write("192.0.2.7", "192.0.2.10", "192.0.2.7", "192.0.2.9")
    run = machine.run("scan", str(machine.log))
    rows = [line.split()[:2] for line in run.stdout.splitlines()[1:]]
    assert rows == [["2", "192.0.2.7"], ["1", "192.0.2.9"], ["1", "192.0.2.10"], ["4", "in"]]
    assert (run.returncode, run.stderr) == (0, "")


def test_scan_as_json_has_the_fields_that_programs_read(machine: "Machine") -> None:
    machine.write("192.0.2.7", "192.0.2.7", "2001:db8::7")
    read = json.loads(machine.run("scan", "--json", str(machine.log)).stdout)
    assert list(read) == ["events", "sources", "others", "gaps"]
    assert (read["events"], read["others"], read["gaps"]) == (3, {"sources": 0, "events": 0, "error": 0}, [])
    assert [(row["rule"], row["src"], row["events"]) for row in read["sources"]] == [
        ("tftp", "192.0.2.7", 2),
        ("tftp", "2001:db8::7", 1),
    ]
    assert all(datetime.fromisoformat(row[key]).tzinfo for row in read["sources"] for key in ("first", "last"))


def test_scan_takes_compressed_files_and_standard_input(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    content = machine.log.read_bytes()
    files = []
    for name, pack in (("a.gz", gzip.compress), ("b.xz", lzma.compress), ("c.bz2", bz2.compress)):
        files.append(machine.folder / name)
        files[-1].write_bytes(pack(content))
    run = machine.run("scan", "--json", *map(str, files), "-", stdin=content.decode())
    assert json.loads(run.stdout)["events"] == 4


def test_scan_leaves_out_what_is_older_or_newer(machine: "Machine") -> None:
    for ago, src in ((7200, "192.0.2.1"), (1800, "192.0.2.2"), (0, "192.0.2.3")):
        machine.write(src, ago=ago)
    noon = datetime.now(UTC) - timedelta(minutes=10)  # noqa: TID251 (the process has the real clock)
    until = f"{noon:%Y-%m-%dT%H:%M:%S}"
    run = machine.run("scan", "--json", "--since", "1h", "--until", until, str(machine.log))
    assert [row["src"] for row in json.loads(run.stdout)["sources"]] == ["192.0.2.2"]
    zoned = machine.run("scan", "--json", "--since", f"{noon:%Y-%m-%dT%H:%M:%S+00:00}", str(machine.log))
    assert [row["src"] for row in json.loads(zoned.stdout)["sources"]] == ["192.0.2.3"]


def test_scan_counts_sources_that_the_rule_allows_too(machine: "Machine") -> None:
    machine.settle(rules='[{name: tftp, prefix: "IPTables-TFTP-Rejected: ", allow: [192.0.2.0/24]}]')
    machine.write("192.0.2.7")
    assert json.loads(machine.run("scan", "--json", str(machine.log)).stdout)["events"] == 1


def test_scan_shows_the_loudest_and_counts_the_rest(machine: "Machine") -> None:
    machine.write(*(f"198.51.100.{i}" for i in range(60)))
    assert "       10  and at least 10 others" in machine.run("scan", str(machine.log)).stdout


def test_scan_of_many_spoofed_sources_says_by_how_much_it_may_be_short(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    line = machine.log.read_text()
    with machine.log.open("w") as file:
        file.writelines(line.replace("192.0.2.7", f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}") for i in range(25_000))
    read = json.loads(machine.run("scan", "--json", str(machine.log)).stdout)
    assert sum(row["events"] for row in read["sources"]) + read["others"]["events"] == read["events"] == 25_000
    assert read["others"]["error"] > 0
    assert "each count may be short by" in machine.run("scan", str(machine.log)).stdout


def test_scan_of_a_log_without_rejects_says_so(machine: "Machine") -> None:
    assert machine.run("scan", str(machine.log)).stdout == "no rejected packet of any rule\n"


def test_scan_on_a_terminal_shows_how_far_it_is(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    assert "100%" in on_a_terminal(machine, "scan", str(machine.log))


@pytest.mark.parametrize("verb", ["scan", "explain"])
def test_a_missing_file_is_66_a_folder_65_in_one_line(machine: "Machine", verb: str) -> None:
    for name, status in ((machine.folder / "gone", 66), (machine.folder, 65)):
        run = machine.run(verb, str(name))
        assert (run.returncode, run.stderr.count("\n")) == (status, 1)
        assert str(name) in run.stderr


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


def test_scan_reads_what_it_can_and_complains_of_the_rest(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    run = machine.run("scan", "--json", str(machine.log), str(machine.folder / "gone"), str(machine.log))
    assert (run.returncode, run.stderr.count("\n")) == (66, 1)
    assert json.loads(run.stdout)["events"] == 2


def test_status_of_a_state_that_is_no_folder_is_73(machine: "Machine") -> None:
    machine.settle(state=str(machine.log))
    run = machine.run("status")
    assert (run.returncode, run.stderr.count("\n")) == (73, 1)


def test_explain_is_coloured_on_a_terminal_only(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    assert "\x1b[32mevent" in on_a_terminal(machine, "explain", str(machine.log))
    assert "\x1b[" not in machine.run("explain", str(machine.log)).stdout
    assert "\x1b[" not in on_a_terminal(machine, "explain", str(machine.log), NO_COLOR="1")


@pytest.mark.parametrize("case", sorted(case.name for case in CORPUS.iterdir() if (case / "input.log").exists()))
def test_explain_and_scan_agree_on_real_lines(machine: "Machine", case: str) -> None:
    log = str(CORPUS / case / "input.log")
    rows = [json.loads(line) for line in machine.run("explain", "--json", log).stdout.splitlines()]
    counted = sum(row["count"] for row in rows if row["verdict"] == "event")
    assert json.loads(machine.run("scan", "--json", log).stdout)["events"] == counted


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


@pytest.mark.parametrize("words", [("check",), ("watch",), ("preview",), ("preview", "--send")])
def test_without_a_receiver_nobody_would_be_told(machine: "Machine", words: tuple[str, ...]) -> None:
    machine.settle(receivers="[]")
    run = machine.run(*words)
    assert (run.returncode, run.stderr.count("\n")) == (78, 1)
    assert "nobody would be told" in run.stderr


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


def test_status_of_a_damaged_state_is_65_in_one_line(machine: "Machine") -> None:
    machine.run("check")
    (machine.folder / "state/state.db").write_bytes(b"x" * 9000)
    run = machine.run("status")
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (65, 1, "")


def test_config_says_where_each_setting_comes_from(machine: "Machine") -> None:
    machine.environment["TOCSIN_STATE"] = "/var/lib/other"
    rows = {line.split()[0]: line for line in machine.run("config").stdout.splitlines()}
    assert rows["state"].split()[1:] == ['"/var/lib/other"', "environment", "TOCSIN_STATE"]
    assert rows["sources[0].file.path"].endswith(f"{machine.folder}/tocsin.yaml:2")
    assert rows["rules[0].threshold"].split()[1:] == ["1", "default"]
    read = json.loads(machine.run("config", "--json").stdout)
    assert read["settings"]["state"] == "/var/lib/other"
    assert read["origins"]["state"] == "environment TOCSIN_STATE"


def test_the_schema_is_printed_without_looking_at_the_settings(machine: "Machine") -> None:
    (machine.folder / "tocsin.yaml").write_text("- wrong")
    assert json.loads(machine.run("config", "--schema").stdout)["type"] == "object"


def test_demo_shows_a_mail_whatever_this_machine_is_set_to(machine: "Machine") -> None:
    (machine.folder / "tocsin.yaml").write_text("- wrong")
    machine.environment = {"REMOTE_SMTP_IP": "nonsense", "TMPDIR": str(machine.folder)}
    before = sorted(machine.folder.iterdir())
    run = machine.run("demo")
    assert (run.returncode, run.stderr) == (0, "")
    assert "sent: first to admin@example.org" in run.stdout
    assert "at least 12 packets" in run.stdout
    assert sorted(machine.folder.iterdir()) == before


def test_no_verb_at_all_shows_what_there_is(machine: "Machine") -> None:
    run = machine.run()
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr == machine.run("--help").stdout


def test_every_verb_has_a_help(machine: "Machine") -> None:
    overview = machine.run("--help").stdout
    for verb in VERBS:
        run = machine.run(verb, "--help")
        assert run.returncode == 0
        assert f" {verb} [OPTIONS]" in run.stdout
        assert f"\n  {verb} " in overview


@pytest.mark.parametrize("words", [("nonsense",), ("check", "--nonsense"), ("scan",), ("scan", "--since", "soon", "x")])
def test_a_wrong_command_line_is_64_in_one_line(machine: "Machine", words: tuple[str, ...]) -> None:
    run = machine.run(*words)
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (64, 1, "")
    assert "; hint: " in run.stderr


def test_a_pipe_that_is_closed_is_no_error(machine: "Machine") -> None:
    machine.write(*["192.0.2.7"] * 20_000)
    command = " ".join([*machine.command("explain", str(machine.log)), "| head -n 1"])
    shell = ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"]
    run = subprocess.run(shell, env=machine.variables(), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr, run.stdout.count("\n")) == (0, "", 1)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(machine: "Machine", shell: str) -> None:
    machine.environment = {"_TOCSIN_COMPLETE": f"{shell}_source"}
    assert "tocsin" in machine.run().stdout
    word = "sc" if shell == "fish" else "1"  # fish hands over the word, the others its number
    machine.environment = {"_TOCSIN_COMPLETE": f"{shell}_complete", "COMP_WORDS": "tocsin sc", "COMP_CWORD": word}
    assert "scan" in machine.run().stdout


def test_the_version_is_told(machine: "Machine") -> None:
    assert machine.run("--version").stdout.startswith("tocsin, version 0.")
