"""Compressed content comes out whole, and damage is told apart from an end."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin.errors import LogError
from tocsin.sources import unpack

_TEXT = b"".join(b"line %d\n" % number for number in range(50_000))
_PACKERS = [gzip.compress, bz2.compress, lzma.compress]
_ALL = 1 << 24

Packer = Callable[[bytes], bytes]


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[bytes], bytes]:
    def text(packed: bytes) -> bytes:
        (tmp_path / "file").write_bytes(packed)
        fd = os.open(tmp_path / "file", os.O_RDONLY)
        try:
            return unpack.take(unpack.content(fd), _ALL)
        finally:
            os.close(fd)

    return text


@pytest.mark.parametrize("pack", _PACKERS)
def test_what_was_packed_comes_out(unpacked: Packer, pack: Packer) -> None:
    assert unpacked(pack(_TEXT)) == _TEXT


@pytest.mark.parametrize("pack", _PACKERS)
def test_all_members_come_out_one_after_the_other(unpacked: Packer, pack: Packer) -> None:
    assert unpacked(pack(_TEXT) + pack(b"") + pack(b"second\n")) == _TEXT + b"second\n"


@pytest.mark.parametrize("end", [b"\0" * 512, b"rubbish", b"\0\0rubbish"])
@pytest.mark.parametrize("pack", _PACKERS)
def test_padding_and_rubbish_at_the_end_are_left(unpacked: Packer, pack: Packer, end: bytes) -> None:
    assert unpacked(pack(_TEXT) + end) == _TEXT


@pytest.mark.parametrize("pack", _PACKERS)
def test_an_archive_that_was_cut_is_an_error(unpacked: Packer, pack: Packer) -> None:
    with pytest.raises(LogError, match="archive ends in the middle"):
        unpacked(pack(_TEXT)[:-4])


@pytest.mark.parametrize("pack", _PACKERS)
def test_an_archive_with_other_bytes_inside_is_an_error(unpacked: Packer, pack: Packer) -> None:
    packed = bytearray(pack(_TEXT))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    with pytest.raises(LogError, match="archive is damaged"):
        unpacked(bytes(packed))


@pytest.mark.parametrize("pack", _PACKERS)
def test_a_bomb_is_unpacked_no_further_than_asked(tmp_path: Path, pack: Packer) -> None:
    (tmp_path / "bomb").write_bytes(pack(bytes(1 << 26)))
    fd = os.open(tmp_path / "bomb", os.O_RDONLY)
    assert unpack.take(unpack.content(fd), 100) == bytes(100)
    os.close(fd)


@pytest.mark.parametrize("pack", _PACKERS)
def test_it_comes_whole_in_small_pieces(tmp_path: Path, pack: Packer) -> None:
    (tmp_path / "file").write_bytes(pack(bytes(100_000)))
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    content = unpack.content(fd)
    assert b"".join(iter(lambda: unpack.take(content, 100), b"")) == bytes(100_000)
    os.close(fd)


def test_plain_text_is_as_it_is(unpacked: Packer) -> None:
    assert unpacked(_TEXT) == _TEXT
    assert unpacked(b"") == b""


def test_what_comes_through_a_pipe_is_unpacked_too() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    os.close(theirs)
    assert unpack.take(unpack.piped(ours), _ALL) == b"one\ntwo\n"
    os.close(ours)


@pytest.mark.parametrize("first", [b"\x28\xb5\x2f\xfd rest", b"PK\x03\x04 rest", b"\x7fELF rest"])
def test_what_is_no_log_is_refused(unpacked: Packer, first: bytes) -> None:
    with pytest.raises(LogError, match="not a text log but a"):
        unpacked(first)
