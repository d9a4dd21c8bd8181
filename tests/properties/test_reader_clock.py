"""The file source under a clock that is set back: times of files say nothing then, and each line is read once still."""

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.model import Gap
from tocsin.sources.file import FileSettings, FileSource

_BEGIN = 1_700_000_000  # seconds
_HOUR = 3600


class Log:
    """A log that is rotated by renaming, under a clock, and what a reader got of it."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder, "syslog")
        self.clock, self.rotations = _BEGIN, 0
        self.written, self.got = b"", b""
        self.cursor: str | None = None
        self.put(self.path.with_name("syslog-20260101"), b"older than the window\n", _BEGIN - 99 * _HOUR)
        self.put(self.path, b"", self.clock)

    def put(self, path: Path, text: bytes, time: int) -> None:
        with path.open("ab") as file:
            file.write(text)
        os.utime(path, (time, time))

    def step(self, what: str) -> None:
        self.clock += -_HOUR if what == "back" else 1
        if what == "write":
            text = b"%d\n" % len(self.written)
            self.written += text
            self.put(self.path, text, self.clock)
        if what == "rotate":
            self.rotations += 1
            self.path.rename(self.path.with_name(f"syslog-{20260101 + self.rotations}"))
            self.put(self.path, b"", self.clock)
        if what == "tick":
            self.tick()

    def tick(self) -> None:
        source = FileSource(FileSettings(str(self.path)))
        for found in source.read(self.cursor, limit=1 << 20, since=datetime.fromtimestamp(_BEGIN - 50 * _HOUR, UTC)):
            assert not isinstance(found, Gap), found
            self.got += found.data[found.start : found.end]
        self.cursor = source.cursor


@given(st.lists(st.sampled_from(["write", "rotate", "back", "tick"]), max_size=25))
@settings(max_examples=300, deadline=None)
def test_a_clock_set_back_between_rotations_loses_and_repeats_no_line(steps: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="clock-") as folder:
        log = Log(folder)
        for step in ("tick", *steps, "tick", "tick"):
            log.step(step)
        assert log.got == log.written
