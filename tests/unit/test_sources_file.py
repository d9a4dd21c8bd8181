"""What the file source promises of one log and its rotations, one sentence each."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.errors import LogError, LogMissing
from tocsin.model import Batch, Gap
from tocsin.sources.file import FileSettings, FileSource
from tocsin.sources.lines import SIZE

_ALL = 1 << 26


class Follower:
    """Reads a log as ticks do: each from the cursor of the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = FileSource(FileSettings(str(path)))
        self.cursor: str | None = None
        self.gaps: list[Gap] = []
        self.batches: list[Batch] = []

    def read(self, limit: int = _ALL, since: datetime | None = None) -> bytes:
        self.gaps, self.batches, text = [], [], b""
        try:
            for found in self.source.read(self.cursor, limit=limit, since=since):
                if isinstance(found, Gap):
                    self.gaps.append(found)
                else:
                    self.batches.append(found)
                    text += found.data[found.start : found.end]
        finally:
            self.cursor = self.source.cursor
        return text


@pytest.fixture
def log(tmp_path: Path) -> Follower:
    return Follower(tmp_path / "syslog")


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def replace(path: Path, text: bytes) -> None:
    """Another file under the name, certainly with another inode."""
    append(path.with_name("new"), text)
    path.with_name("new").replace(path)


def age(path: Path, time: int) -> None:
    os.utime(path, (time, time))


def test_each_line_comes_once(log: Follower) -> None:
    append(log.path, b"one\n")
    assert log.read() == b"one\n"
    append(log.path, b"two\n")
    assert log.read() == b"two\n"
    assert log.read() == b""


def test_an_unended_line_waits_at_the_end_of_the_live_log(log: Follower) -> None:
    append(log.path, b"one\ntw")
    assert log.read() == b"one\n"
    append(log.path, b"o\n")
    assert log.read() == b"two\n"


def test_an_unended_line_of_a_rotated_log_is_a_line(log: Follower) -> None:
    append(log.path, b"one\ntwo")
    log.read()
    log.path.rename(f"{log.path}.1")
    append(log.path, b"three\n")
    assert log.read() == b"two\nthree\n"


def test_a_log_that_is_missing_for_a_moment_is_no_error(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    append(log.path, b"two\n")
    log.path.rename(f"{log.path}.1")
    assert log.read() == b"two\n"
    assert not log.gaps


def test_a_log_that_was_never_there_is_missing(log: Follower) -> None:
    with pytest.raises(LogMissing, match="is not there"):
        log.read()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogMissing, match=f"no folder {tmp_path}/none: is it mounted"):
        Follower(tmp_path / "none/syslog").read()


def test_a_log_that_was_deleted_leaves_a_gap_although_it_had_been_read(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    replace(log.path, b"other\n")
    assert log.read() == b"other\n"
    assert [(gap.size, gap.why) for gap in log.gaps] == [(None, "rotated away before it was read")]
    assert log.source.moved
    assert log.read() == b""
    assert not log.gaps


def test_a_log_that_is_deleted_beside_older_siblings_is_a_gap_at_once(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"old\n")
    append(log.path, b"one\n")
    log.read()
    log.path.unlink()
    assert log.read() == b""
    assert len(log.gaps) == 1
    assert log.read() == b""
    assert not log.gaps
    append(log.path, b"two\n")
    assert log.read() == b"two\n"


def test_a_gap_says_between_which_times_lines_were_lost(log: Follower) -> None:
    append(log.path, b"one\n")
    age(log.path, 1_700_000_000)
    log.read()
    log.path.unlink()
    append(log.path, b"two\n")
    age(log.path, 1_700_000_600)
    log.read()
    (gap,) = log.gaps
    assert gap.since == datetime.fromtimestamp(1_700_000_000, UTC)
    assert gap.until == datetime.fromtimestamp(1_700_000_600, UTC)
    assert gap.source == str(log.path)


def test_a_truncated_log_is_a_gap_and_read_from_its_start(log: Follower) -> None:
    append(log.path, b"one\ntwo\n")
    log.read()
    log.path.write_bytes(b"new\n")
    assert log.read() == b"new\n"
    assert [gap.why for gap in log.gaps] == ["truncated before it was read"]


def test_a_truncated_log_is_known_although_it_grew_past_the_cursor(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    log.path.write_bytes(b"uno\ndue\ntre\n")
    assert log.read() == b"uno\ndue\ntre\n"
    assert len(log.gaps) == 1


def test_after_a_gap_all_siblings_that_changed_since_are_read_oldest_first(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"before\n")
    age(log.path.with_name("syslog.1"), 1_699_000_000)
    append(log.path, b"one\n")
    age(log.path, 1_700_000_000)
    log.read()
    log.path.with_name("syslog.1").rename(log.path.with_name("syslog.3"))
    append(log.path.with_name("syslog.2"), b"two\n")
    append(log.path.with_name("syslog.1"), b"three\n")
    log.path.write_bytes(b"four\n")
    assert log.read() == b"two\nthree\nfour\n"
    assert len(log.gaps) == 1


def test_copytruncate_is_followed_into_the_copy(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    append(log.path, b"two\n")
    log.path.with_name("syslog.1").write_bytes(log.path.read_bytes())
    log.path.write_bytes(b"three\n")
    assert log.read() == b"two\nthree\n"
    assert not log.gaps


def test_equal_first_lines_fool_nobody(log: Follower) -> None:
    append(log.path, b"log opened\none\n")
    log.read()
    append(log.path, b"two\n")
    log.path.rename(f"{log.path}.1")
    append(log.path, b"log opened\nsix\nseven\n")
    assert log.read() == b"two\nlog opened\nsix\nseven\n"


def test_of_two_logs_with_the_same_bytes_the_inode_decides(log: Follower) -> None:
    append(log.path, b"same\n")
    log.read()
    append(log.path, b"two\n")
    log.path.rename(f"{log.path}.1")
    append(log.path, b"same\nthree\n")
    assert log.read() == b"two\nsame\nthree\n"


def test_without_the_inode_the_oldest_log_that_it_can_be_is_taken(log: Follower) -> None:
    for name, text, time in (("syslog.2", b"same\nold\n", 1000), ("syslog", b"same\n", 2000)):
        append(log.path.with_name(name), text)
        age(log.path.with_name(name), time)
    log.read()
    log.path.with_name("syslog.1").write_bytes(b"same\ntwo\n")
    replace(log.path, b"same\nthree\n")
    assert log.read() == b"two\nsame\nthree\n"


def test_an_inode_that_is_used_again_proves_nothing(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    with gzip.open(f"{log.path}.1.gz", "wb") as archive:
        archive.write(b"one\ntwo\n")
    log.path.write_bytes(b"the file that has the inode now\n")  # the same inode, as file systems give it again at once
    assert log.read() == b"two\nthe file that has the inode now\n"
    assert not log.gaps


def test_an_inode_that_is_used_again_by_a_log_with_the_same_first_line_proves_nothing(log: Follower) -> None:
    append(log.path, b"log opened\n")
    log.read()
    log.path.with_name("syslog.1.gz").write_bytes(gzip.compress(b"log opened\ntwo\n"))
    log.path.write_bytes(b"log opened\nthree\n")
    assert log.read() == b"two\nlog opened\nthree\n"


def test_a_copy_that_is_not_yet_followed_by_the_truncation_is_not_read(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    append(log.path, b"two\n")
    log.path.with_name("syslog.1").write_bytes(log.path.read_bytes())
    append(log.path, b"three\n")
    assert log.read() == b"two\nthree\n"


def test_a_hundred_lines_over_several_rotations_between_two_reads(log: Follower) -> None:
    lines = [b"line %d\n" % number for number in range(100)]
    append(log.path, b"".join(lines[:30]))
    assert log.read() == b"".join(lines[:30])
    append(log.path, b"".join(lines[30:50]))
    with gzip.open(f"{log.path}.2.gz", "wb") as archive:
        archive.write(log.path.read_bytes())
    log.path.unlink()
    append(log.path.with_name("syslog.1"), b"".join(lines[50:70]))
    append(log.path, b"".join(lines[70:]))
    assert log.read() == b"".join(lines[30:])
    assert not log.gaps


def test_an_archive_that_is_still_made_is_not_read_beside_its_original(log: Follower) -> None:
    original = log.path.with_name("syslog.1")
    append(original, b"one\n" * 1000)
    log.path.with_name("syslog.1.gz").write_bytes(gzip.compress(original.read_bytes())[:20])
    append(log.path, b"two\n")
    assert log.read() == b"one\n" * 1000 + b"two\n"
    assert not log.gaps


def test_a_damaged_archive_is_a_gap_and_the_next_file_is_read(log: Follower) -> None:
    lines = b"".join(b"%d\n" % number for number in range(99_999))
    packed = gzip.compress(lines)
    log.path.with_name("syslog.1.gz").write_bytes(packed[: len(packed) // 2])
    append(log.path, b"live\n")
    text = log.read()
    assert lines.startswith(text.removesuffix(b"live\n"))
    assert text.endswith(b"\nlive\n")
    assert len(text) > 1000
    assert [gap.why for gap in log.gaps] == [f"{log.path}.1.gz: the gzip archive ends in the middle"]


def test_a_damaged_archive_is_told_once_although_the_live_log_stays_empty(log: Follower) -> None:
    log.path.with_name("syslog.1.gz").write_bytes(gzip.compress(b"one\n" * 99)[:-10])
    append(log.path, b"")
    log.read()
    assert len(log.gaps) == 1
    log.read()
    assert not log.gaps
    append(log.path, b"live\n")
    assert log.read() == b"live\n"
    assert not log.gaps


def test_the_first_read_leaves_out_siblings_that_are_too_old(log: Follower) -> None:
    for name, time in (("syslog.2", 1000), ("syslog.1", 2000), ("syslog", 500)):
        append(log.path.with_name(name), name.encode() + b"\n")
        age(log.path.with_name(name), time)
    assert log.read(since=datetime.fromtimestamp(1500, UTC)) == b"syslog.1\nsyslog\n"


def test_what_was_too_old_stays_out_when_the_log_was_empty_at_first(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"old\n")
    age(log.path.with_name("syslog.1"), 1000)
    append(log.path, b"")
    assert log.read(since=datetime.fromtimestamp(1500, UTC)) == b""
    log.path.with_name("syslog.1").rename(log.path.with_name("syslog.2"))
    append(log.path, b"one\n")
    log.path.rename(f"{log.path}.1")
    append(log.path, b"two\n")
    assert log.read() == b"one\ntwo\n"
    assert not log.gaps


def test_the_limit_ends_a_read_and_the_next_goes_on(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"%060d\n" % 1 * 10)
    append(log.path, b"%060d\n" % 2 * 10)
    text, reads = b"", 0
    while not reads or log.source.behind:
        part = log.read(limit=200)
        assert len(part) < 300
        text, reads = text + part, reads + 1
    assert text == b"%060d\n" % 1 * 10 + b"%060d\n" % 2 * 10
    assert reads > 4


def test_a_line_longer_than_the_buffer_is_left_out(log: Follower) -> None:
    append(log.path, b"one\n" + b"x" * (3 * SIZE) + b"\ntwo\n")
    assert log.read() == b"one\ntwo\n"


def test_a_line_longer_than_the_buffer_is_left_out_over_several_reads(log: Follower) -> None:
    append(log.path, b"one\n" + b"x" * (2 * SIZE))
    assert log.read() == b"one\n"
    append(log.path, b"x" * 100)
    assert log.read() == b""
    append(log.path, b"IPTables-TFTP-Rejected: \ntwo\n")
    assert log.read() == b"two\n"


def test_the_line_behind_a_hole_of_nuls_counts(log: Follower) -> None:
    append(log.path, b"\0" * (3 * SIZE) + b"one\n")
    assert log.read().lstrip(b"\0") == b"one\n"


def test_a_batch_says_where_its_lines_stood(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    append(log.path, b"two\nthree\npart")
    age(log.path, 1_700_000_000)
    log.read()
    (batch,) = log.batches
    assert (batch.source, batch.file, batch.offset) == (str(log.path), str(log.path), 4)
    assert batch.mtime == batch.newest_mtime == datetime.fromtimestamp(1_700_000_000, UTC)
    assert batch.newest == b"three"


def test_the_newest_line_is_the_live_logs_also_in_batches_of_older_files(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"old\n")
    append(log.path, b"x" * 9000 + b"\nnewest\n")
    log.read()
    assert [batch.newest for batch in log.batches] == [b"newest", b"newest"]


def test_part_of_a_line_is_not_the_newest_line(log: Follower) -> None:
    append(log.path, b"x" * 9000 + b"\npart")
    log.read()
    assert [batch.newest for batch in log.batches] == [b""]


def test_a_quiet_read_is_not_worth_a_commit(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    assert log.source.moved
    append(log.path, b"two\n")
    log.read()
    assert not log.source.moved


def test_a_mebibyte_or_another_file_is_worth_a_commit(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    append(log.path, b"%063d\n" % 1 * 16384)
    log.read()
    assert log.source.moved
    log.path.rename(f"{log.path}.1")
    append(log.path, b"two\n")
    log.read()
    assert log.source.moved


def test_the_cursor_is_that_of_the_batch_handed_out_last(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"one\n")
    append(log.path, b"two\n")
    reading = log.source.read(None, limit=_ALL)
    next(reading)
    log.cursor = log.source.cursor
    assert log.read() == b"two\n"


def test_a_damaged_cursor_is_a_gap_and_a_first_read(log: Follower) -> None:
    append(log.path, b"one\n")
    log.cursor = '{"offset": "seven"}'
    assert log.read() == b"one\n"
    assert [gap.why for gap in log.gaps] == ["the cursor that was stored is damaged"]


def test_what_older_files_held_comes_before_the_error_of_the_live_one(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"one\n")
    log.path.mkdir()
    reading = log.source.read(None, limit=_ALL)
    batch = next(reading)
    assert isinstance(batch, Batch)
    with pytest.raises(LogError, match="is not a log but a folder"):
        next(reading)
    log.cursor = log.source.cursor
    log.path.rmdir()
    append(log.path, b"two\n")
    assert log.read() == b"two\n"


def test_a_live_log_that_begins_with_64_kib_and_no_line_feed_is_no_text(log: Follower) -> None:
    append(log.path, b"\xff" * 65535)
    assert log.read() == b""
    append(log.path, b"\xff\n")
    with pytest.raises(LogError, match="no line ends in its first 64 KiB"):
        log.read()


@pytest.mark.parametrize(("magic", "name"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"LPKSHHRH", "systemd journal")])
def test_a_live_log_with_a_foreign_magic_number_is_named(log: Follower, magic: bytes, name: str) -> None:
    append(log.path, magic + b"\n")
    with pytest.raises(LogError, match=f"not a text log but a {name}"):
        log.read()


def test_nuls_and_invalid_utf_8_alone_do_not_make_a_binary(log: Follower) -> None:
    append(log.path, b"\0\0\xff\xfe\n")
    assert log.read() == b"\0\0\xff\xfe\n"


def test_every_handle_is_closed(log: Follower) -> None:
    append(log.path, b"one\n")
    log.read()
    before = os.listdir("/proc/self/fd")
    log.path.rename(f"{log.path}.1")
    append(log.path, b"two\n")
    log.read()
    log.path.write_bytes(b"truncated\n")
    log.read()
    assert os.listdir("/proc/self/fd") == before


def test_a_sibling_that_is_no_log_is_a_gap(log: Follower) -> None:
    append(log.path.with_name("syslog.1"), b"\x28\xb5\x2f\xfd")
    append(log.path, b"live\n")
    assert log.read() == b"live\n"
    assert [gap.why for gap in log.gaps] == [f"{log.path}.1: not a text log but a zstd"]


def test_text_that_is_no_cursor_at_all_is_a_damaged_cursor(log: Follower) -> None:
    append(log.path, b"one\n")
    for text in ("", "[]", '{"line": 7}'):
        log.cursor = text
        assert log.read() == b"one\n"
        assert len(log.gaps) == 1
