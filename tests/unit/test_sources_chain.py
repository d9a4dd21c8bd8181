"""Which files are a log's siblings, and in which order."""

import gzip
import os
from pathlib import Path

import pytest

from tocsin.errors import LogMissing
from tocsin.sources.chain import Shifted, reopened, siblings


def names(folder: Path, *given: str, log: str = "syslog") -> list[str]:
    """The siblings of a log among files that were written in the order given."""
    for time, name in enumerate(given):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (time, time))
    return [Path(sibling.path).name for sibling in siblings(str(folder / log))]


def test_numbers_count_down_to_the_youngest(tmp_path: Path) -> None:
    assert names(tmp_path, "syslog", "syslog.1", "syslog.10.gz", "syslog.2.xz", "syslog.3.bz2") == [
        "syslog.10.gz",
        "syslog.3.bz2",
        "syslog.2.xz",
        "syslog.1",
    ]


@pytest.mark.parametrize(
    ("older", "younger"),
    [
        ("syslog-20261122.gz", "syslog-20261123"),
        ("syslog.20261122", "syslog.20261123"),
        ("syslog-2026-11-22", "syslog-2026-11-23"),
        ("syslog-20261122-235959", "syslog-20261123-000000.xz"),
        ("syslog-20261122-1795305600", "syslog-20261123-1795392000"),
        ("syslog-2026112209", "syslog-2026112210"),
        ("syslog-20261122", "syslog-20261122-120000"),
        ("syslog-1795305600", "syslog-1795392000"),
        ("syslog.20261122-101112.gz", "syslog.20261122-101113"),
    ],
)
def test_dates_count_up_to_the_youngest(tmp_path: Path, older: str, younger: str) -> None:
    assert names(tmp_path, younger, older) == [older, younger]


@pytest.mark.parametrize("name", ["mail.1.log", "mail-20261122.log.gz", "mail.log.1", "mail-20261122.gz"])
def test_rotation_may_stand_before_the_ending(tmp_path: Path, name: str) -> None:
    assert names(tmp_path, name, log="mail.log") == [name]


def test_other_files_are_no_siblings(tmp_path: Path) -> None:
    assert names(tmp_path, "syslog.bak", "syslog.conf", "syslog.1.swp", "syslog2", "syslog-ng", "syslog.gz") == []
    assert names(tmp_path, "syslog.1x", "syslog-20261322", "kern.log.1", "my-syslog.1", "syslog.123456") == []


def test_numbers_and_dates_together_are_ordered_by_time(tmp_path: Path) -> None:
    assert names(tmp_path, "syslog.2", "syslog.1", "syslog-20200101") == ["syslog.2", "syslog.1", "syslog-20200101"]


def test_a_folder_or_a_symlink_is_no_sibling(tmp_path: Path) -> None:
    (tmp_path / "syslog.1").mkdir()
    (tmp_path / "syslog.2").symlink_to("/etc/passwd")
    assert names(tmp_path) == []


def test_an_archive_beside_its_original_is_left_out_and_one_of_another_log_is_not(tmp_path: Path) -> None:
    (tmp_path / "syslog.1").write_bytes(b"one\n" * 1000)
    (tmp_path / "syslog.2").write_bytes(b"forgotten when compression was switched on\n")
    (tmp_path / "syslog.1.gz").write_bytes(gzip.compress(b"one\n" * 1000))
    (tmp_path / "syslog.2.gz").write_bytes(gzip.compress(b"two\n"))
    assert [Path(sibling.path).name for sibling in siblings(str(tmp_path / "syslog"))] == [
        "syslog.2",
        "syslog.2.gz",
        "syslog.1",
    ]


def test_siblings_are_also_those_of_the_file_that_a_symlink_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/messages.1").write_bytes(b"")
    (tmp_path / "syslog").symlink_to("real/messages")
    assert sorted(names(tmp_path, "syslog.1")) == ["messages.1", "syslog.1"]


def test_without_a_folder_there_is_nothing_to_list(tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        siblings(str(tmp_path / "none/syslog"))


def test_a_name_that_leads_to_another_file_since_it_was_listed_has_shifted(tmp_path: Path) -> None:
    names(tmp_path, "syslog.1")
    (sibling,) = siblings(str(tmp_path / "syslog"))
    (tmp_path / "new").write_bytes(b"")
    (tmp_path / "new").replace(tmp_path / "syslog.1")
    with pytest.raises(Shifted):
        reopened(sibling)
    (tmp_path / "syslog.1").unlink()
    with pytest.raises(Shifted):
        reopened(sibling)
