"""Small files that settings consist of or name, read whole and without ever waiting."""

import errno
import os
import stat

LIMIT = 1 << 20


def content(path: str) -> bytes:
    """The bytes of a regular file of at most 1 MiB. Raises OSError with a `strerror` fit for a message."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have this name") from error
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "a folder, not a file")
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return _whole(handle)
    finally:
        os.close(handle)


def _whole(handle: int) -> bytes:
    held = b""
    while piece := os.read(handle, LIMIT + 1):
        held += piece
        if len(held) > LIMIT:
            raise OSError(errno.EFBIG, "longer than 1 MiB")
    return held
