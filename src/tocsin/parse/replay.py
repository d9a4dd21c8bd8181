"""Replays of the kernel's ring: imkmsg writes the whole ring again at each start, with stamps up to a second off.

A replay begins with a step back in time, to a line that the log already has, and repeats the log's lines in their
order. Equal lines alone prove nothing: a flood from one port without IDs (IPv6) is made of them.
"""

from bisect import bisect_left
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_KEPT = 1000  # lines; at 128 KiB a ring holds about 600
_OFF = 2  # seconds that the stamp of the same packet may differ by


class Line(NamedTuple):
    """A packet's line: a fingerprint of its text and the second it happened."""

    print: int
    time: float


class Ring(Generic[T]):
    """Tells lines that count from replayed ones. What was put in with a line comes out once that is known."""

    def __init__(self) -> None:
        self.lines: list[Line] = []  # that counted
        self.last = 0.0  # the time of the line before
        self.known = 0  # so many of `lines` stood in the log before the step back; 0 if there was none
        self.next = 0  # where in `lines` the replay goes on
        self.sure = False  # two different lines came again in their order
        self.held: list[tuple[Line, T]] = []
        self._where: dict[tuple[int, int], list[int]] = {}

    def put(self, line: Line, what: T) -> tuple[list[T], list[T]]:
        """(what counts now, what is replayed): in the order of lines, all that this line decides."""
        counting = self.release() if line.time < self.last else []
        self._step(line)
        found = self._find(line) if self.known else -1
        if found < 0:
            counting += self.release()
            self._keep(line)
            return [*counting, what], []
        self.next = found + 1
        self.held.append((line, what))
        self.sure = self.sure or line.print != self.held[0][0].print
        if not self.sure:
            return counting, []
        replayed = [old for _, old in self.held]
        self.held.clear()
        return counting, replayed

    def release(self) -> list[T]:
        """What was held back counts after all."""
        held, self.held = self.held, []
        for line, _ in held:
            self._keep(line)
        return [what for _, what in held]

    def _step(self, line: Line) -> None:
        """A step back opens a replay."""
        if line.time < self.last:
            self.known, self.next, self.sure = len(self.lines), 0, False
        self.last = line.time

    def _find(self, line: Line) -> int:
        """Where the line stands in the log, at or after the last one that came again; -1 if nowhere."""
        if not self._where:
            for position, old in enumerate(self.lines):
                self._where.setdefault((old.print, int(old.time)), []).append(position)
        second, found = int(line.time), -1
        for near in range(second - _OFF, second + _OFF + 1):
            positions = self._where.get((line.print, near), ())
            at = bisect_left(positions, self.next)
            if at < len(positions) and positions[at] < (found if found >= 0 else self.known):
                found = positions[at]
        return found

    def _keep(self, line: Line) -> None:
        if self._where:
            self._where.setdefault((line.print, int(line.time)), []).append(len(self.lines))
        self.lines.append(line)
        if len(self.lines) > _KEPT + _KEPT // 4:
            cut = len(self.lines) - _KEPT
            del self.lines[:cut]
            self.known, self.next = max(self.known - cut, 0), max(self.next - cut, 0)
            self._where = {}
