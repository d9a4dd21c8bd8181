"""A log file with its rotated siblings -> batches and gaps, each byte once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.errors import LogError, NotPermitted, TocsinError
from tocsin.model import Batch, Gap
from tocsin.sources import unpack
from tocsin.sources.chain import Shifted, Sibling, reopened
from tocsin.sources.cursor import Cursor, cursor, digest
from tocsin.sources.lines import Lines, room
from tocsin.sources.newest import newest
from tocsin.sources.opening import Opened, moment
from tocsin.sources.search import Found, Plan, planned

_FAR = 1024 * 1024  # bytes of progress that are worth a commit


@dataclass(frozen=True, slots=True)
class FileSettings:
    """A log file by its path, and the zone of its RFC 3164 stamps: a zone's name or a file such as /etc/localtime."""

    path: str
    timezone: str | None = None


class FileSource:
    """The lines of one log over all its rotations. A read goes on where the cursor of an earlier one stands."""

    def __init__(self, settings: FileSettings) -> None:
        self.name = settings.path
        self.behind = False  # the limit stopped the last read: there is more
        self._given: Cursor | None = None
        self._mark = Cursor()
        self._gap = False
        self._left = 0
        self._buffer: bytearray | None = None

    @property
    def cursor(self) -> str:
        """Where that ends which the last read handed out so far."""
        return self._mark.text()

    @property
    def moved(self) -> bool:
        """Whether the cursor is worth a commit: another file, a gap, or 1 MiB more than the one that read was given."""
        given = self._given
        if self._gap or given is None or self._mark.inode != given.inode:
            return True
        return self._mark.offset - given.offset >= _FAR or self._mark.done != given.done

    def read(self, cursor: str | None, *, limit: int, since: datetime | None = None) -> Iterator[Batch | Gap]:
        """About `limit` bytes of whole lines from the cursor on, with the gaps between them.

        Without a cursor: the live file and all siblings that changed at `since` or later. Raises LogMissing, LogError
        or NotPermitted for the live file, after what older files held; that stays valid, with its cursor.
        """
        damaged = self._begin(cursor, limit)
        oldest = int(since.timestamp() * 1e9) if since else 0
        plan = planned(self.name, self._given, oldest)
        if plan is None:
            self.behind = True
            return
        try:
            if damaged:
                self._gap = True
                yield Gap(self.name, None, None, None, "the cursor that was stored is damaged")
            if not self._given:
                self._mark = Cursor(mtime=oldest)
            if plan.lost:
                yield self._lost(plan)
            yield from self._read(plan)
        finally:
            plan.close()

    def _begin(self, text: str | None, limit: int) -> bool:
        """Whether the cursor was no cursor."""
        self.behind = self._gap = False
        self._left = limit
        self._given, damaged = None, False
        if text is not None:
            try:
                self._given = cursor(text)
            except ValueError:
                damaged = True
        self._mark = self._given or Cursor()
        return damaged

    def _lost(self, plan: Plan) -> Gap:
        """The gap where the cursor's content was; what changed since is still to be read."""
        since = self._mark.mtime
        next_one = plan.siblings[0].mtime if plan.siblings else plan.live.mtime if plan.live else since
        self._gap = True
        self._mark = Cursor(mtime=since + 1)
        return Gap(self.name, moment(since), moment(max(since, next_one)), None, plan.lost)

    def _read(self, plan: Plan) -> Iterator[Batch | Gap]:
        if plan.found:
            yield from self._resumed(plan, plan.found)
        for rank, sibling in zip(range(len(plan.siblings), 0, -1), plan.siblings, strict=True):
            if not self._more():
                return
            yield from self._sibling(plan, sibling, rank)
        if plan.trouble:
            raise plan.trouble
        if plan.live and not (plan.found and plan.found.file is plan.live) and self._more():
            yield from self._live(plan, plan.live)
        if not self._mark.offset and not self._mark.done and not self.behind:
            inode, mtime = (plan.live.inode, plan.live.mtime) if plan.live else (0, 0)
            self._mark = replace(self._mark, inode=inode, mtime=max(mtime, self._mark.mtime))

    def _more(self) -> bool:
        """Whether the limit lets more be read."""
        self.behind = self.behind or self._left <= 0
        return not self.behind

    def _resumed(self, plan: Plan, found: Found) -> Iterator[Batch | Gap]:
        given, file = self._mark, found.file
        self._mark = replace(given, inode=file.inode, rank=found.rank, mtime=file.mtime)
        if given.done:
            return
        lines = Lines(found.content, self._room(), found.head, found.tail, given.offset)
        lines.inside = given.inside
        if file is plan.live:
            yield from self._live(plan, file, lines)
        else:
            yield from self._rotated(plan, file, lines, found.rank)

    def _sibling(self, plan: Plan, sibling: Sibling, rank: int) -> Iterator[Batch | Gap]:
        try:
            with reopened(sibling) as file:
                lines = Lines(unpack.content(file.fd), self._room())
                yield from self._rotated(plan, file, lines, rank)
        except Shifted:
            self.behind = True
        except (LogError, NotPermitted) as error:
            yield self._unread(sibling, error, Lines(unpack.NOTHING, self._room()))

    def _rotated(self, plan: Plan, file: Opened, lines: Lines, rank: int) -> Iterator[Batch | Gap]:
        """The rest of a file that will not grow, its unended last line too."""
        try:
            yield from self._lines(plan, file, lines, rank)
        except LogError as error:
            yield self._unread(file, error, lines)
            return
        if lines.exhausted and (span := lines.rest()):
            self._mark = _mark(file, lines, rank)
            yield self._batch(plan, file)._replace(start=span[0], end=span[1], offset=span[2])

    def _live(self, plan: Plan, file: Opened, lines: Lines | None = None) -> Iterator[Batch]:
        try:
            yield from self._lines(plan, file, lines or Lines(unpack.unpacked(file.fd), self._room()), 0)
        except LogError as error:
            raise LogError(f"{file.path}: {error}", hint="name the log that the daemon writes") from error

    def _lines(self, plan: Plan, file: Opened, lines: Lines, rank: int) -> Iterator[Batch]:
        """What the limit allows of a file's whole lines."""
        first, batch = lines.offset, None
        for start, end, offset in lines.spans(self._left):
            batch = batch or self._batch(plan, file)
            self._mark = _mark(file, lines, rank)
            yield batch._replace(start=start, end=end, offset=offset)
        if lines.offset > first:
            self._mark = _mark(file, lines, rank)
        self._left -= lines.offset - first
        self.behind = not lines.exhausted and (rank > 0 or lines.offset < file.size)

    def _batch(self, plan: Plan, file: Opened) -> Batch:
        live = plan.live
        last, time = (newest(live.fd, live.size), live.time) if live else (b"", None)
        return Batch(self.name, file.path, 0, self._room(), 0, 0, file.time, last, time)

    def _unread(self, file: Opened | Sibling, error: TocsinError, lines: Lines) -> Gap:
        """The gap of a rotated file that cannot be read, or not to its end."""
        before = self._mark.mtime or file.mtime
        self._gap = True
        self._mark = replace(_mark(file, lines, self._mark.rank), done=True)
        why = f"{file.path}: {error}" if file.path not in str(error) else str(error)
        return Gap(self.name, moment(min(before, file.mtime)), moment(file.mtime), None, why)

    def _room(self) -> bytearray:
        if self._buffer is None:
            self._buffer = room()
        return self._buffer


def _mark(file: Opened | Sibling, lines: Lines, rank: int) -> Cursor:
    head, tail = lines.head, lines.tail
    return Cursor(
        inode=file.inode,
        offset=lines.offset,
        head=digest(head),
        head_size=len(head),
        tail=digest(tail),
        tail_size=len(tail),
        rank=rank,
        mtime=file.mtime,
        inside=lines.inside,
    )
