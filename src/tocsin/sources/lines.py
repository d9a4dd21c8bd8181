"""Content -> spans of whole lines in one buffer that is used again and again."""

from collections.abc import Iterator

from tocsin.errors import LogError
from tocsin.sources.cursor import HEAD, TAIL
from tocsin.sources.unpack import Content

SIZE = 1 << 20  # a line longer than this is left out
_TEXT = 64 * 1024  # without a line feed in so many first bytes it is no text
_LEAST = 64  # bytes to read at once, however little is wanted


def room() -> bytearray:
    """A buffer for a line of SIZE, the TAIL before it, and the line feed that an unended line is given."""
    return bytearray(TAIL + SIZE + 1)


class Lines:
    """The whole lines from an offset of a content on.

    Before `start` the buffer keeps the last TAIL bytes that were handed on, so that a cursor can be had at any time.
    """

    def __init__(
        self, content: Content, buffer: bytearray, head: bytes = b"", tail: bytes = b"", offset: int = 0
    ) -> None:
        self.buffer = buffer
        self.head = head  # the content's first bytes, as far as they were read
        self.inside = False  # a line too long
        self.exhausted = False
        self._content = content
        self._view = memoryview(buffer)
        self._view[: len(tail)] = tail
        self._start = self._end = len(tail)
        self._base = offset - len(tail)  # of buffer[0]

    @property
    def offset(self) -> int:
        """Everything before it was handed on or left out."""
        return self._base + self._start

    @property
    def tail(self) -> bytes:
        return bytes(self._view[max(0, self._start - TAIL) : self._start])

    def spans(self, limit: int) -> Iterator[tuple[int, int, int]]:
        """Start and end in the buffer and offset of whole lines, until about `limit` bytes were read or all were.

        Raises LogError if the content is no text or cannot be read on.
        """
        stop = self.offset + limit
        while self.offset < stop:
            fresh = self._fill(stop - self.offset)
            if fresh == self._end:
                self.exhausted = True
                return
            self._refuse_binary()
            if self.inside:
                self._leave_long_line()
            cut = self.buffer.rfind(b"\n", fresh, self._end) + 1
            if cut > self._start:
                span = self._start, cut, self.offset
                self._advance(cut)
                yield span

    def rest(self) -> tuple[int, int, int] | None:
        """The unended last line, given a line feed, of a content that was read to its end and will not grow."""
        span = self._start, self._end + 1, self.offset
        self._view[self._end] = 10
        self._advance(self._end)
        return span if span[1] - span[0] > 1 else None

    def _fill(self, wanted: int) -> int:
        """Read once; where the bytes that came begin."""
        self._compact()
        if self._end == len(self.buffer) - 1:
            self._drop_long_line()
            self._compact()
        fresh = self._end
        most = min(len(self.buffer) - 1 - fresh, max(wanted - (fresh - self._start), _LEAST))
        self._end += self._content.into(self._view[fresh : fresh + most])
        return fresh

    def _compact(self) -> None:
        gone = self._start - TAIL
        if gone > 0:
            self.buffer[: self._end - gone] = self.buffer[gone : self._end]
            self._base += gone
            self._start -= gone
            self._end -= gone

    def _advance(self, to: int) -> None:
        missing = HEAD - len(self.head)
        if missing > 0:
            self.head += bytes(self._view[self._start : min(to, self._start + missing)])
        self._start = to

    def _drop_long_line(self) -> None:
        """Leave out what fills the buffer; of a hole of NULs only the hole, because the line behind it counts."""
        text = bytes(self._view[self._start : self._end]).lstrip(b"\0")
        if len(text) == self._end - self._start:
            self.inside = True
            text = b""
        self._advance(self._end - len(text))

    def _leave_long_line(self) -> None:
        end = self.buffer.find(b"\n", self._start, self._end) + 1
        self.inside = not end
        self._advance(end or self._end)

    def _refuse_binary(self) -> None:
        if self.offset or self._end < _TEXT or not self.buffer[0]:
            return
        if self.buffer.find(b"\n", 0, _TEXT) < 0:
            raise LogError("not a text log: no line ends in its first 64 KiB")
