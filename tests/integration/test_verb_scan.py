"""scan as a process."""

import bz2
import gzip
import json
import lzma
import os
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.machine import Machine


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


def test_scan_says_which_file_has_lines_that_do_not_count_for_their_stamps(machine: "Machine") -> None:
    machine.write("192.0.2.7", "192.0.2.7", ago=-3 * 86400)
    run = machine.run("scan", str(machine.log))
    assert run.stdout == "no rejected packet of any rule\n"
    assert run.stderr == f"{machine.log}: 2 lines not counted for their stamps; hint: tocsin explain {machine.log}\n"


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
    assert "100%" in machine.on_a_terminal("scan", str(machine.log))


def test_scan_reads_what_it_can_and_complains_of_the_rest(machine: "Machine") -> None:
    machine.write("192.0.2.7")
    run = machine.run("scan", "--json", str(machine.log), str(machine.folder / "gone"), str(machine.log))
    assert (run.returncode, run.stderr.count("\n")) == (66, 1)
    assert json.loads(run.stdout)["events"] == 2


def test_scan_names_as_gaps_what_it_could_not_read(machine: "Machine") -> None:
    machine.write(*["192.0.2.7"] * 999)
    cut = machine.folder / "cut.gz"
    cut.write_bytes(gzip.compress(machine.log.read_bytes())[:-99])
    run = machine.run("scan", "--json", str(cut))
    (gap,) = json.loads(run.stdout)["gaps"]
    assert gap == {"source": str(cut), "from": None, "to": None, "bytes": None, "why": run.stderr.rstrip("\n")}
    assert run.returncode == 65
    assert 0 < json.loads(run.stdout)["events"] < 999


def test_scan_does_not_call_a_log_quiet_that_it_could_not_read(machine: "Machine") -> None:
    gone = str(machine.folder / "gone")
    assert machine.run("scan", gone).stdout == ""
    assert machine.run("scan", gone, str(machine.log)).stdout == "no rejected packet of any rule\n"


def test_scan_reads_a_copy_by_the_first_sources_zone_and_says_a_guess(machine: "Machine") -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    machine.write("192.0.2.7", zone=kathmandu)
    copy = machine.folder / "copy"
    copy.write_bytes(machine.log.read_bytes())
    now = datetime.now(UTC)  # noqa: TID251 (the process has the real clock)
    os.utime(copy, 2 * (now.timestamp() + 7200,))
    run = machine.run("scan", "--json", str(copy))
    for row in json.loads(run.stdout)["sources"]:
        assert abs(datetime.fromisoformat(row["first"]) - now) < timedelta(minutes=1)
    assert run.stderr.startswith(f"{copy}: stamps without a zone: UTC+05:45 (guessed from ")
    assert run.stderr.count("\n") == 1
