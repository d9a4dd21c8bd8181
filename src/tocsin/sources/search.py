"""A cursor and the files there are -> what is to be read next, and what is known to be lost."""

import os
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin.errors import LogError, LogMissing, NotPermitted, TocsinError
from tocsin.sources import unpack
from tocsin.sources.chain import Shifted, Sibling, reopened, siblings
from tocsin.sources.cursor import HEAD, Cursor, digest
from tocsin.sources.opening import Opened, opened

_TRIES = 9  # listings of the folder while a rotation goes on
_ENOUGH = 64 * 1024  # bytes after the cursor that tell a copy from another log
_SECOND = 1_000_000_000  # some packers keep a file's time in whole seconds only


class Found(NamedTuple):
    """The content that a cursor was left in, standing at its offset."""

    file: Opened
    rank: int
    content: unpack.Content
    head: bytes
    tail: bytes


@dataclass(slots=True)
class Plan:
    """What is to be read, in this order: `found` on from the cursor, the siblings, the live file."""

    live: Opened | None = None
    trouble: TocsinError | None = None  # with the live file; None too if it may be missing for a moment
    found: Found | None = None
    siblings: list[Sibling] = field(default_factory=list)
    lost: str = ""  # why the cursor's content was found nowhere

    def close(self) -> None:
        if self.found and self.found.file is not self.live:
            self.found.file.close()
        if self.live:
            self.live.close()
        self.found = self.live = None


def planned(path: str, cursor: Cursor | None, oldest: int) -> Plan | None:
    """What to read on from a cursor. Without one: the siblings that changed at `oldest`, in nanoseconds, or later.

    What is found nowhere is looked for twice: a rotation may have been going on. None if one goes on all the time.
    Raises NotPermitted if the folder must be listed and may not be.
    """
    looked = False
    for _ in range(_TRIES):
        plan = Plan()
        try:
            _fill(plan, path, cursor, oldest)
        except Shifted:
            plan.close()
            continue
        except BaseException:
            plan.close()
            raise
        if looked or not plan.lost:
            return plan
        looked = True
        plan.close()
    return None


def _fill(plan: Plan, path: str, cursor: Cursor | None, oldest: int) -> None:
    try:
        plan.live = opened(path)
    except (LogError, NotPermitted) as error:
        plan.trouble = error
    if cursor and cursor.offset and plan.live and plan.live.inode == cursor.inode:
        plan.found = _held(plan.live, 0, cursor)
        if plan.found and cursor.offset >= HEAD:
            return
    known, live = _known(plan, path), plan.live
    if cursor and plan.live and plan.found:
        if not _outgrown(plan.live, known, cursor):
            return
        plan.found = live = None
    if cursor is None:
        plan.siblings = [sibling for sibling in known if sibling.mtime >= oldest]
    elif not cursor.offset and not cursor.done:
        _go_on_from_nothing(plan, known, cursor)
    elif not _go_on(plan, [live, *reversed(known)], cursor) and not plan.trouble:
        same = plan.live and plan.live.inode == cursor.inode
        plan.lost = "truncated before it was read" if same else "rotated away before it was read"
        plan.siblings = [sibling for sibling in known if sibling.mtime > cursor.mtime and not _cut(sibling, cursor)]


def _known(plan: Plan, path: str) -> list[Sibling]:
    """The siblings older than the live file, which was opened before they were listed. Raises Shifted."""
    try:
        known = siblings(path)
    except LogMissing:
        known = []
    inodes = [sibling.inode for sibling in known]
    if plan.live and plan.live.inode in inodes:
        known = known[: inodes.index(plan.live.inode)]
    elif plan.live and not _still(path, plan.live):
        raise Shifted
    if known and isinstance(plan.trouble, LogMissing):
        plan.trouble = None
    return known


def _still(path: str, live: Opened) -> bool:
    """Whether the path leads to the open file; else it was rotated away, and an archive was made of it."""
    try:
        return os.stat(path).st_ino == live.inode
    except OSError:
        return False


def _go_on_from_nothing(plan: Plan, known: list[Sibling], cursor: Cursor) -> None:
    """No content is known yet: all that changed since is new, and the file that was empty must still be there.

    That file and all that are younger are new whatever their times say: the clock may have been set back.
    """
    ranks = [rank for rank, sibling in enumerate(known) if _was_empty(sibling, cursor)]
    first = ranks[0] if ranks else len(known)
    plan.siblings = [sibling for rank, sibling in enumerate(known) if rank >= first or sibling.mtime >= cursor.mtime]
    there = ranks or (plan.live and plan.live.inode == cursor.inode)
    if cursor.inode and not there and not plan.trouble:
        plan.lost = "rotated away before it was read"


def _was_empty(sibling: Sibling, cursor: Cursor) -> bool:
    """Whether the sibling is the file that was empty. An archive never is: it was only given a free inode."""
    return sibling.inode == cursor.inode and sibling.path == sibling.stem


def _go_on(plan: Plan, chain: list[Opened | Sibling | None], cursor: Cursor) -> bool:
    """Find the cursor's content in the chain, the live file first; whether it is somewhere."""
    best = _found(plan, chain, cursor) or 0
    plan.siblings = [younger for younger in reversed(chain[1:best]) if isinstance(younger, Sibling)]
    return plan.found is not None


def _outgrown(live: Opened, known: list[Sibling], cursor: Cursor) -> bool:
    """Whether a sibling that changed since holds the cursor's content too, and is no copy of the live file.

    Then the live file was given the inode, and begins with the same line: too few bytes were read to tell them apart.
    """
    for rank, sibling in enumerate(reversed(known), start=1):
        found = _look(sibling, rank, cursor) if sibling.mtime > cursor.mtime else None
        if found:
            with found.file:
                more = _more(found)
            if more is None or os.pread(live.fd, len(more), cursor.offset) != more:
                return True
    return False


def _more(found: Found) -> bytes | None:
    try:
        return unpack.take(found.content, _ENOUGH)
    except LogError:
        return None


def _found(plan: Plan, chain: list[Opened | Sibling | None], cursor: Cursor) -> int | None:
    """The rank of the file that holds the cursor's content: the live file is 0, its youngest sibling 1.

    Of several the one with its inode, else the oldest that it can be: not older than the cursor in time or order.
    """
    best, fit = None, (False, False, False)
    for rank, file in enumerate(chain):
        found = _look(file, rank, cursor)
        if found is None:
            continue
        same = found.file.inode == cursor.inode
        mtime = found.file.mtime
        fits = rank >= cursor.rank, mtime >= cursor.mtime, mtime // _SECOND >= cursor.mtime // _SECOND
        if same or fits >= fit:
            _leave(plan)
            plan.found, best, fit = found, rank, fits
        elif found.file is not plan.live:
            found.file.close()
        if same:
            break
    return best


def _leave(plan: Plan) -> None:
    if plan.found and plan.found.file is not plan.live:
        plan.found.file.close()
    plan.found = None


def _look(where: Opened | Sibling | None, rank: int, cursor: Cursor) -> Found | None:
    """Whether the live file or a sibling holds the cursor's content. Raises Shifted."""
    if not isinstance(where, Sibling):
        return _held(where, rank, cursor) if where else None
    try:
        file = reopened(where)
    except (LogError, NotPermitted):
        return None
    found = _held(file, rank, cursor)
    if not found:
        file.close()
    return found


def _held(file: Opened, rank: int, cursor: Cursor) -> Found | None:
    """The cursor's content, if the file has it: by both hashes, or by inode and time where nothing could be hashed."""
    if not cursor.offset:
        same = (file.inode, file.mtime) == (cursor.inode, cursor.mtime)
        return Found(file, rank, unpack.Plain(file.fd), b"", b"") if same else None
    try:
        content = unpack.content(file.fd)
        head = unpack.take(content, cursor.head_size)
        if digest(head) != cursor.head:
            return None
        tail = _tail(content, head, cursor)
    except LogError:
        return None
    return Found(file, rank, content, head, tail) if tail and digest(tail) == cursor.tail else None


def _tail(content: unpack.Content, head: bytes, cursor: Cursor) -> bytes:
    """The bytes before the offset, of a content that its head was taken from; nothing if it ends before."""
    between = cursor.offset - cursor.tail_size - len(head)
    if between < 0:
        return (head + unpack.take(content, cursor.offset - len(head)))[-cursor.tail_size :]
    return unpack.take(content, cursor.tail_size) if content.skip(between) else b""


def _cut(sibling: Sibling, cursor: Cursor) -> bool:
    """Whether the sibling is a copy of the content that was made before the last lines of it were read."""
    if sibling.inode == cursor.inode or not cursor.offset:
        return False
    try:
        with reopened(sibling) as file:
            content = unpack.content(file.fd)
            same = digest(unpack.take(content, cursor.head_size)) == cursor.head
            return same and not content.skip(cursor.offset - cursor.head_size)
    except (LogError, NotPermitted):
        return False
