"""The file source against a model of files: each byte is handed out once, or a gap tells that it is lost."""

import bz2
import gzip
import lzma
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tocsin.errors import LogMissing
from tocsin.model import Batch, Gap
from tocsin.sources.file import FileSettings, FileSource

_PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
_EPOCH = 1_700_000_000  # seconds; each thing that happens takes one
_KEPT = 4  # rotated files
_ALL = 1 << 26
_LIMITS = st.sampled_from((1, 100, 1000, 5000, _ALL))


@dataclass(eq=False)
class Log:
    """One log by what was written to it, wherever rotation took it."""

    path: Path
    content: bytes = b""
    read: int = 0  # bytes that were handed out
    changed: int = _EPOCH
    damaged: bool = False


class Reader(RuleBasedStateMachine):
    """A daemon, a rotation, an administrator and a reader take turns in one folder."""

    @initialize(dated=st.booleans())
    def begin(self, dated: bool) -> None:  # noqa: FBT001 (hypothesis passes it by name)
        self.folder = tempfile.TemporaryDirectory(prefix="reader-")
        self.path = Path(self.folder.name, "syslog")
        self.dated = dated
        self.rotated: list[Log] = []  # oldest first
        self.live: Log | None = None
        self.open: Log | None = None  # what the daemon writes to, whatever its name is now
        self.at: Log | None = None  # where the cursor stands
        self.cursor: str | None = None
        self.clock = _EPOCH
        self.lines = self.rotations = 0
        self.gap_due = False
        self.create()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def touch(self, log: Log) -> None:
        self.clock += 1
        log.changed = self.clock
        os.utime(log.path, (log.changed, log.changed))

    # the daemon

    @precondition(lambda self: not self.live)
    @rule()
    def create(self) -> None:
        self.path.write_bytes(b"")
        self.live = self.open = Log(self.path)
        self.touch(self.live)

    def write(self, text: bytes) -> None:
        log = self.open
        if log and log.path.suffix not in _PACKERS:
            with log.path.open("ab") as file:
                file.write(text)
            log.content += text
            self.touch(log)

    @rule(count=st.integers(1, 9), size=st.sampled_from((1, 40, 400)))
    def write_lines(self, count: int, size: int) -> None:
        self.lines += count
        self.write(b"".join(b"%07d.%d %s\n" % (self.lines, each, b"x" * size) for each in range(count)))

    @rule()
    def write_part_of_a_line(self) -> None:
        self.lines += 1
        self.write(b"%07d part " % self.lines)

    # the rotation

    def shift(self) -> Path:
        """Make room for a rotated file: the oldest goes, the others move up."""
        self.rotations += 1
        while len(self.rotated) >= _KEPT:
            oldest = self.rotated.pop(0)
            oldest.path.unlink()
            self.gone(oldest)
        if self.dated:
            return self.path.with_name(f"syslog-{20261100 + self.rotations}")
        for rank, log in zip(range(len(self.rotated), 0, -1), self.rotated, strict=True):
            ending = log.path.suffix if log.path.suffix in _PACKERS else ""
            log.path = log.path.rename(self.path.with_name(f"syslog.{rank + 1}{ending}"))
        return self.path.with_name("syslog.1")

    def gone(self, log: Log) -> None:
        if self.at is log:
            self.gap_due, self.at = True, None

    @precondition(lambda self: self.live and self.rotations < 28)
    @rule()
    def rename(self) -> None:
        assert self.live
        self.live.path = self.live.path.rename(self.shift())
        self.rotated.append(self.live)
        self.live = None

    @precondition(lambda self: self.live and self.rotations < 28)
    @rule()
    def rotate(self) -> None:
        self.rename()
        self.create()

    @precondition(lambda self: self.live and self.rotations < 28)
    @rule(written=st.integers(0, 5), limit=_LIMITS)
    def copytruncate(self, written: int, limit: int) -> None:
        """Lines may be written and read between the copy and the truncation; what was not read is lost unseen."""
        live = self.live
        assert live
        copy = Log(self.shift(), live.content)
        copy.path.write_bytes(copy.content)
        self.touch(copy)
        if written and self.at is live and live.read >= 1024:
            self.write_lines(written, 40)
            self.tick(limit, stored=True)
        copy.read = min(live.read, len(copy.content))
        if self.at is live:
            self.at, self.gap_due = copy, self.gap_due or live.read > len(copy.content)
        self.rotated.append(copy)
        os.truncate(self.path, 0)
        live.content, live.read = b"", 0
        self.touch(live)

    @precondition(lambda self: any(log.path.suffix not in _PACKERS for log in self.rotated))
    @rule(data=st.data(), ending=st.sampled_from(sorted(_PACKERS)), seen_half=st.booleans(), limit=_LIMITS)
    def compress(self, data: st.DataObject, ending: str, seen_half: bool, limit: int) -> None:  # noqa: FBT001
        log = data.draw(st.sampled_from([log for log in self.rotated if log.path.suffix not in _PACKERS]))
        packed = _PACKERS[ending](log.content)
        archive = log.path.with_name(log.path.name + ending)
        if seen_half:
            archive.write_bytes(packed[: len(packed) // 2])
            self.tick(limit, stored=True)
        archive.write_bytes(packed)
        os.utime(archive, (log.changed, log.changed))
        log.path.unlink()
        log.path = archive

    # the administrator

    @precondition(lambda self: self.live and self.at is self.live)
    @rule(deleted=st.booleans())
    def lose_the_live_log(self, deleted: bool) -> None:  # noqa: FBT001
        assert self.live
        self.gone(self.live)
        if deleted:
            self.path.unlink()
            self.live = self.open = None
        else:
            os.truncate(self.path, 0)
            self.live = self.open = Log(self.path)
            self.touch(self.live)

    @precondition(lambda self: any(log.path.suffix in _PACKERS for log in self.rotated))
    @rule(data=st.data(), part=st.floats(0.1, 0.9))
    def damage_an_archive(self, data: st.DataObject, part: float) -> None:
        log = data.draw(st.sampled_from([log for log in self.rotated if log.path.suffix in _PACKERS]))
        os.truncate(log.path, max(8, int(log.path.stat().st_size * part)))
        os.utime(log.path, (log.changed, log.changed))
        log.damaged = True

    # the reader

    @rule(limit=_LIMITS, stored=st.booleans())
    def tick(self, limit: int, stored: bool) -> None:  # noqa: FBT001
        """Read; without storing the cursor, as a run that is killed, the next read begins where this one did."""
        before = [(log, log.read) for log in self.logs()], self.at, self.gap_due
        source = FileSource(FileSettings(str(self.path)))
        try:
            for found in source.read(self.cursor, limit=limit):
                self.take(found)
        except LogMissing:
            assert not self.live
            assert not self.rotated
            return
        if not source.behind:
            self.everything_was_read()
        assert source.behind or not self.gap_due
        if stored:
            self.cursor = source.cursor
            return
        reads, self.at, self.gap_due = before
        for log, read in reads:
            log.read = read

    def logs(self) -> list[Log]:
        return [*self.rotated, *([self.live] if self.live else [])]

    def take(self, found: Batch | Gap) -> None:
        if isinstance(found, Gap):
            assert self.gap_due or self.at is None or any(log.damaged for log in self.logs()), found
            self.gap_due = False
            self.at = next((log for log in self.logs() if found.why.startswith(f"{log.path}: ")), None)
            return
        log = next(log for log in self.logs() if str(log.path) == found.file)
        text = bytes(found.data[found.start : found.end])
        assert found.offset == log.read or log.damaged
        end = found.offset + len(text)
        log.read = min(end, len(log.content))
        given = b"\n" if end > len(log.content) and log is not self.live else b""
        assert text.endswith(b"\n")
        assert text == log.content[found.offset : end] + given
        self.at = log

    def everything_was_read(self) -> None:
        for log in self.rotated:
            if log.damaged and log.read < len(log.content):
                log.read = len(log.content)
            assert log.read == len(log.content), log
        if self.live:
            assert self.live.read == self.live.content.rfind(b"\n") + 1


Reader.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestReader = Reader.TestCase
