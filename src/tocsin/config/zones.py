"""The timezone of a source: a zone's name, or a file such as a node's /etc/localtime."""

from datetime import tzinfo

from tocsin.config.files import content
from tocsin.config.given import Given, shown
from tocsin.config.kinds import text


def timezone(given: Given) -> str:
    """A timezone that can be had on this machine."""
    name = text(given, "a timezone")
    try:
        find(name)
    except (OSError, ValueError, LookupError) as error:
        why = error.strerror if isinstance(error, OSError) else "no such zone here"
        hint = "write a zone such as Europe/Vienna, or a file such as /etc/localtime"
        raise given.wrong(f"{shown(name)}: {why}", hint=hint) from error
    return name


def find(name: str) -> tzinfo:
    """The zone of a name or a file. Raises OSError, ValueError or LookupError."""
    from zoneinfo import ZoneInfo

    return _from(name) if name.startswith("/") else ZoneInfo(name)


def _from(file: str) -> tzinfo:
    import struct
    from io import BytesIO
    from zoneinfo import ZoneInfo

    held = content(file)
    if not held.startswith(b"TZif"):
        raise OSError(0, "holds no timezone")
    try:
        return ZoneInfo.from_file(BytesIO(held), key=file)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise OSError(0, "holds a damaged timezone") from error
