"""A log file with its rotated siblings -> batches."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileSettings:
    """A log file by its path, and the zone of its RFC 3164 stamps: a zone's name or a file such as /etc/localtime."""

    path: str
    timezone: str | None = None
