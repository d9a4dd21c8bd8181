"""A path -> a regular file that is open for reading, or an error that says what is wrong and what would help."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from tocsin.errors import LogError, LogMissing, NotPermitted, TocsinError

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class Opened:
    """An open regular file, as it was found through its handle."""

    def __init__(self, path: str, fd: int) -> None:
        found = os.fstat(fd)
        self.path = path
        self.fd = fd
        self.inode = found.st_ino
        self.size = found.st_size
        self.mtime = found.st_mtime_ns
        self.mode = found.st_mode

    @property
    def time(self) -> datetime:
        return moment(self.mtime)

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def moment(mtime: int) -> datetime:
    """A file's time, given in nanoseconds."""
    return datetime.fromtimestamp(mtime // 1_000_000_000, UTC).replace(microsecond=mtime // 1000 % 1_000_000)


def opened(path: str) -> Opened:
    """The regular file at a path, without ever waiting. Raises LogMissing, LogError or NotPermitted."""
    try:
        file = Opened(path, _open(path))
    except OSError as error:
        raise refusal(path, error) from error
    if not stat.S_ISREG(file.mode):
        file.close()
        kind = _KINDS.get(stat.S_IFMT(file.mode), "a device")
        raise LogError(f"{path} is not a log but {kind}", hint="name the log file itself")
    return file


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    owner = os.lstat(path).st_uid
    if owner not in (0, os.geteuid()):
        raise LogError(
            f"{path} is a symlink that uid {owner} owns, and it could lead anywhere",
            hint="name the log file itself, or give the symlink to root",
        )
    return os.open(path, _FLAGS)


def refusal(path: str, error: OSError) -> TocsinError:
    """What an attempt to open or list a path failed of, as one of ours."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        folder = os.path.dirname(path) or "."
        hint = "" if os.path.isdir(folder) else f"there is no folder {folder}: is it mounted?"
        return LogMissing(f"{path} is not there", hint=hint)
    if isinstance(error, PermissionError):
        return _not_permitted(path)
    if error.errno == errno.ENXIO:
        return LogError(f"{path} is not a log but a socket", hint="name the log file itself")
    return LogError(f"{path} cannot be read: {error.strerror}")


def _not_permitted(path: str) -> NotPermitted:
    """Says who may: of the path itself, or of the first folder on its way that lets us not through."""
    from grp import getgrgid
    from pwd import getpwuid

    closed = _closed(path)
    try:
        found = os.stat(closed)
    except OSError:
        return NotPermitted(f"{path} may not be read by uid {os.geteuid()}", hint="run as root")
    group = _name(getgrgid, found.st_gid)
    text = f"{path} may not be read by uid {os.geteuid()}: {closed} is {_name(getpwuid, found.st_uid)}:{group}"
    folder = stat.S_ISDIR(found.st_mode)
    enough = stat.S_IXGRP if folder and closed != path else stat.S_IRGRP
    hint = f"run with the group {group} ({found.st_gid}), or as root" if found.st_mode & enough else "run as root"
    return NotPermitted(f"{text}, mode {stat.S_IMODE(found.st_mode):04o}", hint=hint)


def _closed(path: str) -> str:
    parts = os.path.abspath(path).split("/")
    folders = ("/".join(parts[:count]) or "/" for count in range(1, len(parts)))
    return next((folder for folder in folders if not os.access(folder, os.X_OK, effective_ids=True)), path)


def _name(table: Callable[[int], Sequence[object]], number: int) -> str:
    try:
        return str(table(number)[0])
    except KeyError:
        return str(number)
