"""How the file source knows a log again: by its bytes first, and what it does where they do not suffice."""

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from tocsin.model import Gap
from tocsin.sources.file import FileSettings, FileSource
from tocsin.sources.lines import SIZE

_ALL = 1 << 26
_LINES = b"".join(b"line %03d\n" % number for number in range(200))  # more than tell which content it is


class Follower:
    """Reads a log as ticks do: each from the cursor of the one before."""

    def __init__(self, path: Path) -> None:
        self.source = FileSource(FileSettings(str(path)))
        self.cursor: str | None = None
        self.gaps = 0

    def read(self, since: int = 0) -> bytes:
        text = b""
        for found in self.source.read(self.cursor, limit=_ALL, since=datetime.fromtimestamp(since, UTC)):
            if isinstance(found, Gap):
                self.gaps += 1
            else:
                text += found.data[found.start : found.end]
        self.cursor = self.source.cursor
        return text


def replace(path: Path, text: bytes, time: int | None = None) -> None:
    """Another file under the name, certainly with another inode."""
    path.with_name("new").write_bytes(text)
    path.with_name("new").replace(path)
    if time is not None:
        os.utime(path, (time, time))


def write(path: Path, text: bytes, time: int) -> None:
    with path.open("ab") as file:
        file.write(text)
    os.utime(path, (time, time))


def test_other_bytes_before_the_cursor_are_another_log(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(_LINES)
    follower.read()
    other = _LINES[:1500] + b"x" * 50 + _LINES[1550:] + b"more\n"
    log.write_bytes(other)
    assert follower.read() == other
    assert follower.gaps == 1


def test_other_first_bytes_are_another_log(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(_LINES)
    follower.read()
    other = b"x" * 50 + _LINES[50:] + b"more\n"
    log.write_bytes(other)
    assert follower.read() == other
    assert follower.gaps == 1


def test_the_first_bytes_are_learnt_as_the_log_grows(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(_LINES[:9])
    follower.read()
    log.write_bytes(_LINES)
    assert follower.read() == _LINES[9:]
    assert json.loads(follower.cursor or "")["head_size"] == 1024


def test_a_copy_made_before_the_last_lines_were_read_is_not_read_again(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(_LINES + b"written after the copy\n")
    follower.read()
    log.with_name("syslog.1").write_bytes(_LINES)
    log.write_bytes(b"new\n")
    assert follower.read() == b"new\n"
    assert follower.gaps == 1


def test_a_symlink_to_the_newest_dated_log_is_no_second_log(tmp_path: Path) -> None:
    (tmp_path / "syslog-20261122").write_bytes(b"one\n")
    (tmp_path / "syslog-20261123").write_bytes(b"two\n")
    (tmp_path / "syslog").symlink_to("syslog-20261123")
    follower = Follower(tmp_path / "syslog")
    assert follower.read() == b"one\ntwo\n"
    (tmp_path / "syslog-20261124").write_bytes(b"three\n")
    (tmp_path / "syslog").unlink()
    (tmp_path / "syslog").symlink_to("syslog-20261124")
    assert follower.read() == b"three\n"
    assert not follower.gaps


def test_the_inode_decides_between_logs_with_the_same_bytes_and_times(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(b"same\n")
    follower.read()
    log.rename(tmp_path / "syslog.1")
    replace(tmp_path / "syslog.2", b"same\nrestored\n")
    log.write_bytes(b"two\n")
    assert follower.read() == b"two\n"


def test_an_empty_log_that_was_replaced_is_a_gap(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(b"")
    follower.read()
    replace(log, b"one\n")
    assert follower.read() == b"one\n"
    assert follower.gaps == 1


def test_what_an_empty_log_got_after_the_clock_was_set_back_is_read(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    replace(log.with_name("syslog.1"), b"old\n", time=3000)
    replace(log, b"", time=5000)
    assert follower.read(since=4000) == b""
    for time, text in ((1000, b"one\n"), (1001, b"two\n")):
        write(log, text, time=time)
        shift(log, 2)
        replace(log, b"", time=time)
    assert follower.read() == b"one\ntwo\n"
    assert not follower.gaps


def test_an_old_archive_that_was_given_the_inode_of_an_empty_log_is_not_read(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    replace(log, b"", time=5000)
    follower.read()
    write(log, gzip.compress(b"old\n"), time=1000)
    log.rename(log.with_name("syslog.2.gz"))
    replace(log, b"one\n")
    assert follower.read() == b"one\n"
    assert follower.gaps == 1


def test_a_log_that_was_compressed_is_worth_one_commit(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(b"one\n")
    follower.read()
    replace(tmp_path / "syslog.1.gz", gzip.compress(b"one\n"))
    log.write_bytes(b"")
    moved = []
    for _ in range(2):
        assert follower.read() == b""
        moved.append(follower.source.moved)
    assert moved == [True, False]
    assert not follower.gaps


def test_siblings_as_old_as_a_deleted_log_are_not_read_again(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    replace(log.with_name("syslog.1"), b"old\n", time=1000)
    replace(log, b"one\n", time=1000)
    assert follower.read() == b"old\none\n"
    log.unlink()
    assert follower.read() + follower.read() == b""
    assert follower.gaps == 1


def test_the_cursor_moves_on_inside_a_line_that_is_too_long(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "syslog")
    (tmp_path / "syslog").write_bytes(b"one\n" + b"x" * (2 * SIZE))
    follower.read()
    assert json.loads(follower.cursor or "")["offset"] > SIZE


def test_rotations_in_the_middle_of_reads_lose_and_repeat_nothing(tmp_path: Path) -> None:
    log, follower = tmp_path / "syslog", Follower(tmp_path / "syslog")
    log.write_bytes(b"%05d\n" % 0)
    writer = Thread(target=write_and_rotate, args=(log, 3000))
    text = follower.read()
    writer.start()
    while writer.is_alive():
        text += follower.read()
    text += follower.read()
    assert text.split() == [b"%05d" % number for number in range(3000)]
    assert not follower.gaps


def write_and_rotate(log: Path, lines: int) -> None:
    """Lines one by one; after each fifty all files move up by one name, and every third is compressed."""
    for number in range(1, lines):
        with log.open("ab") as file:
            file.write(b"%05d\n" % number)
        if number % 50 == 0:
            shift(log, number // 50)


def shift(log: Path, rotations: int) -> None:
    for rank in range(rotations, 0, -1):
        for ending in ("", ".gz"):
            older = log.with_name(f"syslog.{rank}{ending}")
            if older.exists():
                older.rename(log.with_name(f"syslog.{rank + 1}{ending}"))
    log.rename(log.with_name("syslog.1"))
    plain = log.with_name("syslog.2")
    if rotations % 3 == 0 and plain.exists():
        log.with_name("syslog.2.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
