"""Where a file source was left: which content it was, known by its bytes, and how far it was read. Text is JSON."""

import hashlib
import json
from dataclasses import asdict, dataclass

HEAD = 1024  # so many first bytes, if there are as many, tell which content it is
TAIL = 256  # and so many before the offset


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in some content. Both hashes decide; inode, rank and mtime only choose between contents that have both.

    An offset of 0 knows no content: everything in files that changed at `mtime` or later is unread.
    """

    inode: int = 0
    offset: int = 0
    head: str = ""
    head_size: int = 0
    tail: str = ""
    tail_size: int = 0
    rank: int = 0  # files that were newer in the chain
    mtime: int = 0  # of the file, in nanoseconds, when it was read
    inside: bool = False  # the offset is inside a line too long to be handed on
    done: bool = False  # nothing more can be read from this file, and a gap said so

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def cursor(text: str) -> Cursor:
    """The cursor that was written as `text`. Raises ValueError if it is none."""
    fields = json.loads(text)
    try:
        found = Cursor(**fields)
    except TypeError as error:
        raise ValueError(f"no cursor of a file: {text[:80]}") from error
    for name, default in asdict(Cursor()).items():
        if type(getattr(found, name)) is not type(default):
            raise ValueError(f"no cursor of a file: {name} is {getattr(found, name)!r}")
    return found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
