"""What a run says: one line for each thing that happened, on standard output and in the monitor log."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from tocsin import __version__
from tocsin.deliver import Attempt
from tocsin.errors import OutputUnwritable
from tocsin.pipeline import Report
from tocsin.reading import Read
from tocsin.state.outbox import Waiting
from tocsin.units import count

LIMIT = 10 << 20  # bytes: a monitor log that is larger begins anew
_LISTED = 20  # sources in the statistics


class Line(NamedTuple):
    """An event's name, what a person reads of it, and the keys that a program reads."""

    name: str
    text: str
    keys: dict[str, Any]


def line(name: str, text: str, **keys: Any) -> Line:  # noqa: ANN401 (whatever JSON can say)
    return Line(name, text, keys)


def started(verb: str, node: str) -> Line:
    return line("started", f"tocsin {__version__} {verb} on {node}", version=__version__, verb=verb, node=node)


def plain(told: Line, now: datetime) -> str:
    """As a person reads it."""
    return f"{now:%Y-%m-%dT%H:%M:%SZ} {told.name}: {told.text}"


class Log:
    """Says lines as text or JSON. A monitor log that cannot be written is left out, and `trouble` says why."""

    def __init__(self, form: str, file: str | None) -> None:
        self._form = form
        self.trouble = ""
        self._fd = self._open(file) if file else None

    def say(self, told: Line, now: datetime) -> None:
        if self._form == "json":
            stamp = now.isoformat(timespec="seconds")
            text = json.dumps({"time": stamp, "event": told.name, "text": told.text.strip(), **told.keys})
        else:
            text = plain(told, now)
        self._print(text)
        if self._fd is not None:
            self._append(self._fd, text.encode() + b"\n")

    def _print(self, text: str) -> None:
        """An output that cannot be written is no reason not to ring."""
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()  # who reads a pod's log reads it now
        except OutputUnwritable as error:
            sys.stderr.write(f"{error}\n")

    def _open(self, file: str) -> int | None:
        """Never through a link, never waiting for the other end of a pipe."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(file, flags, 0o640)
        except OSError as error:
            self.trouble = f"{file} cannot be written: {error.strerror}"
            return None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            self.trouble = f"{file} cannot be written: it is no regular file"
            return None
        return fd

    def _append(self, fd: int, text: bytes) -> None:
        try:
            if os.fstat(fd).st_size > LIMIT:
                os.ftruncate(fd, 0)
            os.write(fd, text)
        except OSError as error:
            self.trouble = f"the monitor log cannot be written: {error.strerror}"
            os.close(fd)
            self._fd = None

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def lines(report: Report) -> Iterator[Line]:
    """All that a tick's report says, in the order in which it happened."""
    yield from _reading(report)
    yield from _findings(report.read)
    for notification in report.notifications:
        about = notification.rule or "everything"
        yield line(
            "decided", f"{notification.reason} of {about}", id=notification.id, reason=notification.reason, rule=about
        )
    for attempt in report.attempts:
        yield from _attempt(attempt)
    if report.held:
        text = f"{count(report.held, 'attack')} above the limit: told by the next digest"
        yield line("held", text, attacks=report.held)
    if report.waiting:
        yield _waiting(report.waiting)


def _reading(report: Report) -> Iterator[Line]:
    read = report.read
    if report.read.first:
        yield line("first start", "the log is read back to the rule's window; what is older is left out")
    for file in read.files:
        yield line("checked", f"{file} has been read", file=file)
    if not read.errors and not read.files:
        yield line("checked", "nothing new", lines=0)
    if read.old:
        text = f"{count(read.old, 'packet')} older than the window: left out, neither counted nor told"
        yield line("old", text, packets=read.old)
    yield from _cautions(read)


def _cautions(read: Read) -> Iterator[Line]:
    """What an operator must know to judge the counts."""
    if read.replayed:
        text = f"{count(read.replayed, 'line')} of the kernel's ring came again: not counted"
        yield line("replay", text, lines=read.replayed)
    if read.undated:
        text = (
            f"{count(read.undated, 'line')} not counted: no such time, or over a day ahead of the file's; see explain"
        )
        yield line("stamps", text, lines=read.undated)
    for gap in read.gaps:
        size = "an unknown number of" if gap.size is None else str(gap.size)
        yield line(
            "gap", f"{gap.source}: {size} bytes were not read: {gap.why}", source=gap.source, size=gap.size, why=gap.why
        )
    for one, other in read.twins:
        text = f"{one} and {other} hold the same lines: each packet is counted twice; leave one of them out"
        yield line("warning", text, sources=[one, other])
    for source, zone in read.zones.items():
        if zone and read.events.packets:
            yield line("zone", f"stamps of {source} without one: {zone}", source=source, zone=zone)


def _findings(read: Read) -> Iterator[Line]:
    packets, listed, others = read.events.packets, read.events.listed, read.events.others
    if not packets:
        yield line("attack", f"none in {count(read.lines, 'line')}", packets=0, lines=read.lines)
        return
    sources = len({src for _, src in listed}) + others
    least = "at least " if others else ""
    found = f"at least {count(packets, 'packet')} rejected, from {least}{count(sources, 'source')}"
    text = f"{found}, in {count(read.lines, 'line')}"
    yield line("attack", text, packets=packets, sources=sources, lines=read.lines)
    ranked = sorted(listed.items(), key=lambda entry: -entry[1])[:_LISTED]
    for (rule, src), number in ranked:
        yield line("statistics", f"{number:7} {src} ({rule})", rule=rule, src=src, events=number)
    left = len(listed) - len(ranked) + others
    if left:
        rest = packets - sum(number for _, number in ranked)
        yield line("statistics", f"{rest:7} from {least}{count(left, 'other')}", events=rest)


def _attempt(attempt: Attempt) -> Iterator[Line]:
    for outcome in attempt.outcomes:
        what = f"{attempt.reason} to {outcome.recipient} by {attempt.receiver}"
        keys = {"id": attempt.id, "receiver": attempt.receiver, "recipient": outcome.recipient}
        if not outcome.error:
            yield line("sent", what, **keys)
        elif outcome.permanent:
            yield line("refused", f"{what}, for good: {outcome.error}", error=outcome.error, **keys)
        else:
            yield line("not sent", f"{what}: {outcome.error}", error=outcome.error, **keys)


def _waiting(waiting: list[Waiting]) -> Line:
    since, due = min(entry.since for entry in waiting), min(entry.next for entry in waiting)
    verb = "waits" if len(waiting) == 1 else "wait"
    text = f"{len(waiting)} {verb} since {since:%Y-%m-%d %H:%M:%SZ}, next try {due:%Y-%m-%d %H:%M:%SZ}"
    return line("waiting", text, waiting=len(waiting), since=since.isoformat(), next=due.isoformat())
