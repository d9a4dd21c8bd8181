"""The head of a line of syslog: stamp, host, and the tag that only the kernel's own lines have."""

from datetime import UTC, datetime

RFC3164 = rb"[A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d"
ISO = rb"[12]\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9}|)(?:Z|[+-]\d\d:?\d\d|)"
STAMP = b"(?P<stamp>%b|%b) " % (RFC3164, ISO)
NULS = rb"\x00*+"  # a hole that a truncation or a crash left
PRI = rb"(?:<(?P<pri>\d{1,3})>(?:1 (?=\d)|)|)"
KERN = rb"(?:<[0-7]>(?:1 (?=\d)|)|)"
# A host that ends in a colon would be the tag of a daemon, in a log that names no hosts.
HOST = rb"[A-Za-z0-9._:-]{1,255}+(?<!:) "
TAG = rb"(?:kern\.[a-z]{3,7} kernel: |kernel(?:: | - - - ))"
REPEATED = rb"(?:message repeated (?P<repeated>[1-9]\d{0,8}) times: \[ ?|)"
UPTIME = rb"(?:(?P<uptime>\[ {0,5}\d{1,10}\.\d{6}\](?:\[ {0,5}[TC]\d{1,10}\]|)) |)"
END = rb"(?(repeated) ?\]| ?)\r?\n"

HEAD = NULS + KERN + STAMP + HOST + TAG + REPEATED + UPTIME

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
MONTHS = {name: number for number, name in enumerate(_MONTHS, 1)}


def iso(stamp: bytes) -> datetime | None:
    """The time that an ISO stamp means, in UTC if it names its zone, else naive; None if there is no such time."""
    try:
        time = datetime.fromisoformat(stamp.decode())
    except ValueError:
        return None
    return time if time.tzinfo is None or time.tzinfo is UTC else time.astimezone(UTC)


def rfc3164(stamp: bytes, year: int) -> datetime | None:
    """The naive time that an RFC 3164 stamp means in that year; None if there is no such time."""
    try:
        month, day = MONTHS[stamp[:3]], int(stamp[4:6])
        return datetime(year, month, day, int(stamp[7:9]), int(stamp[10:12]), int(stamp[13:15]))  # noqa: DTZ001 (local)
    except (KeyError, ValueError):
        return None
