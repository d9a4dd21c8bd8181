"""One file as it is: every line, packed or not, from a path or from stdin."""

import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.errors import LogError, LogMissing
from tocsin.sources.lines import SIZE
from tocsin.sources.plain import plain, size

_ECHO = """
import sys
from tocsin.sources.plain import plain
for batch in plain("-"):
    sys.stdout.buffer.write(batch.data[batch.start:batch.end])
"""


def read(path: Path) -> bytes:
    return b"".join(bytes(batch.data[batch.start : batch.end]) for batch in plain(str(path)))


def test_the_unended_last_line_of_a_file_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntwo")
    assert read(tmp_path / "log") == b"one\ntwo\n"


def test_a_file_of_many_buffers_comes_whole(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(SIZE // 4))
    (tmp_path / "log").write_bytes(text)
    assert read(tmp_path / "log") == text
    (tmp_path / "log.gz").write_bytes(gzip.compress(text))
    assert read(tmp_path / "log.gz") == text


def test_offsets_are_those_of_the_unpacked_content(tmp_path: Path) -> None:
    text = b"%099d\n" % 1 * 10_000
    (tmp_path / "log").write_bytes(gzip.compress(text))
    end = 0
    for batch in plain(str(tmp_path / "log")):
        assert batch.offset == end
        end += batch.end - batch.start
    assert end == len(text)


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"")
    assert read(tmp_path / "log") == b""


def test_the_file_tells_its_newest_line_and_time(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntwo\n")
    os.utime(tmp_path / "log", (1_700_000_000, 1_700_000_000))
    (batch,) = plain(str(tmp_path / "log"))
    assert (batch.newest, batch.newest_mtime) == (b"two", datetime.fromtimestamp(1_700_000_000, UTC))


def test_the_bytes_told_add_up_to_the_size(tmp_path: Path) -> None:
    told: list[int] = []
    (tmp_path / "log").write_bytes(gzip.compress(b"one\n" * SIZE + b"end"))
    for _ in plain(str(tmp_path / "log"), told.append):
        pass
    assert sum(told) == size(str(tmp_path / "log"))


def test_a_folder_has_no_size(tmp_path: Path) -> None:
    assert size(str(tmp_path)) is None
    assert size(str(tmp_path / "none")) is None


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        read(tmp_path / "log")


def test_a_damaged_archive_gives_its_first_part_and_then_an_error(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(SIZE // 4))
    (tmp_path / "log").write_bytes(gzip.compress(text)[:-5])
    batches = plain(str(tmp_path / "log"))
    assert next(batches).end
    with pytest.raises(LogError, match=r"log: the gzip archive ends in the middle"):
        list(batches)


@pytest.mark.parametrize("through", [lambda text: text, gzip.compress])
def test_stdin_may_be_a_pipe(through: "type[bytes]") -> None:
    text = b"".join(b"line %d\n" % number for number in range(SIZE // 4)) + b"unended"
    ran = subprocess.run([sys.executable, "-c", _ECHO], input=through(text), capture_output=True, check=True)
    assert ran.stdout == text + b"\n"


def test_stdin_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntwo")
    with (tmp_path / "log").open("rb") as log:
        ran = subprocess.run([sys.executable, "-c", _ECHO], stdin=log, capture_output=True, check=True)
    assert ran.stdout == b"one\ntwo\n"
