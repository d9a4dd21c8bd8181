"""An open file -> its content in order, unpacked if its first bytes say that it is compressed."""

import os
import zlib
from typing import Protocol

from tocsin.errors import LogError

_CHUNK = 64 * 1024  # packed bytes at a time
_MAGIC = 16  # bytes that tell what a file is
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_FOREIGN = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x9d": "compress",
    b"7z\xbc\xaf\x27\x1c": "7-Zip archive",
    b"PK\x03\x04": "zip archive",
    b"Rar!\x1a\x07": "RAR archive",
    b"\x7fELF": "program",
    b"LPKSHHRH": "systemd journal",
    b"SQLite format 3\0": "SQLite database",
    b"\xd4\xc3\xb2\xa1": "packet capture",
    b"\xa1\xb2\xc3\xd4": "packet capture",
    b"\x0a\x0d\x0d\x0a": "packet capture",
    b"%PDF-": "PDF document",
    b"\x89PNG": "PNG picture",
    b"\xff\xd8\xff": "JPEG picture",
    b"GIF8": "GIF picture",
}


class Content(Protocol):
    """The bytes of a log, in order."""

    @property
    def position(self) -> int:
        """How many bytes of the file itself were read."""
        ...

    def into(self, view: memoryview) -> int:
        """Fill the view from its start; how many bytes came, 0 at the end. Raises LogError if they cannot be had."""
        ...

    def skip(self, count: int) -> bool:
        """Whether there was so much to leave out."""
        ...


class Plain:
    """A regular file as it is."""

    def __init__(self, fd: int, position: int = 0) -> None:
        self._fd = fd
        self.position = position

    def into(self, view: memoryview) -> int:
        try:
            count = os.preadv(self._fd, [view], self.position)
        except OSError as error:
            raise LogError(f"reading it ended with: {error.strerror}") from error
        self.position += count
        return count

    def skip(self, count: int) -> bool:
        self.position += count
        return self.position <= os.fstat(self._fd).st_size


class Pipe:
    """What comes through a pipe, the bytes already taken from it first."""

    def __init__(self, fd: int, first: bytes = b"") -> None:
        self._fd = fd
        self._first = first
        self.position = 0

    def into(self, view: memoryview) -> int:
        count = min(len(self._first), len(view))
        if count:
            view[:count] = self._first[:count]
            self._first = self._first[count:]
        else:
            count = os.readv(self._fd, [view])
        self.position += count
        return count

    def skip(self, count: int) -> bool:
        return _skip(self, count)


class _Nothing:
    """The content of a file that cannot be read."""

    position = 0

    def into(self, view: memoryview) -> int:  # noqa: ARG002 (the protocol's)
        return 0

    def skip(self, count: int) -> bool:
        return not count


NOTHING = _Nothing()


class _Inflater(Protocol):
    """What the decompressors of zlib, bz2 and lzma have in common once `_Gzip` is one of them."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decompressor in the shape of bz2's and lzma's."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = not self._zlib.unconsumed_tail
        return out


class Packed:
    """The unpacked content of a compressed file, of all its members one after the other; rubbish at its end is left."""

    def __init__(self, raw: Content, kind: str) -> None:
        self._raw = raw
        self._kind = kind
        self._chunk = memoryview(bytearray(_CHUNK))
        self._inflater = _inflater(kind)
        self._over = False

    @property
    def position(self) -> int:
        return self._raw.position

    def into(self, view: memoryview) -> int:
        while not self._over:
            out = self._unpack(len(view))
            if out:
                view[: len(out)] = out
                return len(out)
        return 0

    def skip(self, count: int) -> bool:
        return _skip(self, count)

    def _unpack(self, most: int) -> bytes:
        fresh = b""
        if self._inflater.eof:
            fresh = self._next_member()
        elif self._inflater.needs_input:
            fresh = self._packed()
            if not fresh:
                raise LogError(f"the {self._kind} archive ends in the middle")
        try:
            return b"" if self._over else self._inflater.decompress(fresh, most)
        except Exception as error:  # zlib.error, OSError and lzma.LZMAError have nothing in common
            raise LogError(f"the {self._kind} archive is damaged: {error}") from error

    def _next_member(self) -> bytes:
        fresh = self._inflater.unused_data.lstrip(b"\0")
        while len(fresh) < _MAGIC and (more := self._packed()):
            fresh = (fresh + more).lstrip(b"\0")
        self._over = packing(fresh) != self._kind
        self._inflater = _inflater(self._kind)
        return fresh

    def _packed(self) -> bytes:
        return bytes(self._chunk[: self._raw.into(self._chunk)])


def _inflater(kind: str) -> _Inflater:
    if kind == "gzip":
        return _Gzip()
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ)


def _skip(content: Content, count: int) -> bool:
    view = memoryview(bytearray(min(count, _CHUNK)))
    while count:
        got = content.into(view[:count])
        if not got:
            return False
        count -= got
    return True


def take(content: Content, count: int) -> bytes:
    """The next `count` bytes, fewer only at the end."""
    taken = bytearray(count)
    view = memoryview(taken)
    done = 0
    while done < count and (got := content.into(view[done:])):
        done += got
    return bytes(view[:done])


def packing(first: bytes) -> str | None:
    """How a file that begins so is compressed, None if it is not. Raises LogError if it is no log at all."""
    for magic, kind in _PACKED.items():
        if first.startswith(magic):
            return kind
    for magic, kind in _FOREIGN.items():
        if first.startswith(magic):
            raise LogError(f"not a text log but a {kind}")
    return None


def content(fd: int) -> Content:
    """The content of a regular file. Raises LogError if it is no log at all."""
    kind = packing(os.pread(fd, _MAGIC, 0))
    return Packed(Plain(fd), kind) if kind else Plain(fd)


def unpacked(fd: int) -> Plain:
    """The content of a regular file that still grows. Raises LogError if it is no log or compressed."""
    found = content(fd)
    if not isinstance(found, Plain):
        raise LogError("compressed, and no log can grow so")
    return found


def piped(fd: int) -> Content:
    """The content of what comes through a pipe. Raises LogError if it is no log at all."""
    first = take(Pipe(fd), _MAGIC)
    kind = packing(first)
    return Packed(Pipe(fd, first), kind) if kind else Pipe(fd, first)
