"""Standard output and standard error as a run has them: full or closed, they change no more than they must."""

import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from tocsin.errors import OutputUnwritable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Output(FileIO):
    """Raises OutputUnwritable, once; a reader who has left is a BrokenPipeError."""

    def write(self, text: "ReadableBuffer", /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            silence(self.fileno())
            raise OutputUnwritable(f"standard output cannot be written: {error.strerror}") from error


class _Complaints(FileIO):
    """What cannot be said here is not said: the exit status says it."""

    def write(self, text: "ReadableBuffer", /) -> int:
        try:
            return super().write(text)
        except OSError:
            silence(self.fileno())
            return super().write(text)


def guard() -> None:
    """From now on both are there, take every character, and fail as above."""
    sys.stdout = _guarded(sys.stdout, _Output)
    sys.stderr = _guarded(sys.stderr, _Complaints)


def silence(fd: int = 1) -> None:
    """What is written to it from now on goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, fd)
    os.close(nowhere)


def _guarded(stream: TextIO | None, kind: type[FileIO]) -> TextIOWrapper:
    """A stream that is closed goes nowhere: the next file that is opened must not take its place."""
    fd = stream.fileno() if stream else os.open(os.devnull, os.O_WRONLY)
    return TextIOWrapper(
        BufferedWriter(kind(fd, "w", closefd=False)),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",  # what the locale cannot write stops nothing
        line_buffering=bool(stream and stream.line_buffering),
    )
