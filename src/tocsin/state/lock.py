"""The lock file of a state folder: one process owns the folder, and the file's time is that of its last tick."""

import fcntl
import os
from datetime import UTC, datetime

from tocsin.errors import StateInUse, StateUnwritable

_TICKED = b"\n"  # in the lock file once a tick has been stored


class Lock:
    """Held from construction to `close`. Raises StateInUse, naming the owner, or StateUnwritable."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "lock")
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        except OSError as error:
            raise StateUnwritable(
                f"{self.path}: {error.strerror}", hint="state must name a folder that tocsin can write to"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = _owner(self._fd)
            self.close()
            raise StateInUse(f"{folder} is in use by {who}", hint="wait until it is done, then try again") from error

    def touch(self, now: datetime) -> None:
        """Notes a tick; nothing is synced for it. Raises StateUnwritable."""
        try:
            if not os.fstat(self._fd).st_size:
                os.write(self._fd, _TICKED)
            try:
                os.utime(self._fd, (now.timestamp(), now.timestamp()))
            except PermissionError:  # only its owner may set a time; who may write may set the kernel's
                os.utime(self._fd)
        except OSError as error:
            raise StateUnwritable(f"{self.path}: {error.strerror}") from error

    def close(self) -> None:
        os.close(self._fd)


def last_tick(folder: str) -> datetime | None:
    """When the last tick was, or None if there was none. Needs no lock."""
    try:
        return datetime.fromtimestamp(os.stat(os.path.join(folder, "lock")).st_mtime, UTC)
    except OSError:
        return None


def ticked(folder: str) -> bool:
    """Whether a tick was stored there at any time."""
    try:
        return os.stat(os.path.join(folder, "lock")).st_size > 0
    except OSError:
        return False


def _owner(fd: int) -> str:
    """The process that holds the lock, as /proc/locks has it: a container does not see those of others."""
    inode = str(os.fstat(fd).st_ino)
    try:
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                fields = line.split()  # 1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE START END
                if "FLOCK" in fields and fields[-3].rpartition(":")[2] == inode and fields[-4] != "0":
                    return f"process {fields[-4]}"
    except OSError:
        pass
    return "another process"
