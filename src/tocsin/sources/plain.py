"""One file as it is, or stdin -> batches: what the verbs read that follow no log."""

import os
import stat
from collections.abc import Callable, Iterator

from tocsin.errors import LogError
from tocsin.model import Batch
from tocsin.sources import unpack
from tocsin.sources.lines import Lines, room
from tocsin.sources.newest import newest
from tocsin.sources.opening import moment, opened

_ALL = 1 << 62  # bytes, more than any file has


def size(path: str) -> int | None:
    """The bytes of a regular file, packed as it is; None of anything else."""
    try:
        found = os.fstat(0) if path == "-" else os.stat(path)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def plain(path: str, advance: Callable[[int], object] = lambda _: None) -> Iterator[Batch]:
    """Every line of a file, or of stdin if the path is "-", unpacked; an unended last one too.

    `advance` is told how many bytes of the file itself were read since it was told before.
    Raises LogMissing, LogError or NotPermitted, in the middle of an archive that is damaged there too.
    """
    if path == "-":
        yield from _stdin(advance)
        return
    with opened(path) as file:
        try:
            content = unpack.content(file.fd)
            last = b"" if isinstance(content, unpack.Packed) else newest(file.fd, os.fstat(file.fd).st_size)
            yield from _batches(Batch(path, path, 0, room(), 0, 0, file.time, last, file.time), content, advance)
        except LogError as error:
            raise LogError(f"{path}: {error}") from error


def _stdin(advance: Callable[[int], object]) -> Iterator[Batch]:
    try:
        found = os.fstat(0)
        regular = stat.S_ISREG(found.st_mode)
        time = moment(found.st_mtime_ns)  # of a pipe: when something was last written into it
        last = newest(0, found.st_size) if regular else b""
        batch = Batch("-", "-", 0, room(), 0, 0, time, last, time if regular else None)
        yield from _batches(batch, unpack.piped(0), advance)
    except OSError as error:
        raise LogError(f"stdin cannot be read: {error.strerror}") from error
    except LogError as error:
        raise LogError(f"stdin: {error}") from error


def _batches(batch: Batch, content: unpack.Content, advance: Callable[[int], object]) -> Iterator[Batch]:
    lines, told = Lines(content, batch.data), 0
    for start, end, offset in lines.spans(_ALL):
        yield batch._replace(start=start, end=end, offset=offset)
        advance(content.position - told)
        told = content.position
    if span := lines.rest():
        yield batch._replace(start=span[0], end=span[1], offset=span[2])
    advance(content.position - told)
