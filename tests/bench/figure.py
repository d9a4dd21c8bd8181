"""One line of the table: a work, its peer, the ratio of their CPU times, the bar."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from measure import Cost, Ratio, ratio

HEAD = f"{'work':37} {'peer':25} {'ratio':>7} {'(min to max)':18} {'bar':>5}  {'ours':>9} {'peer':>9}  {'RSS':>6}"


class Bar(NamedTuple):
    """What the ratio of the CPU times, and the memory in MB, may be at most."""

    ratio: float
    rss: float = float("inf")


@dataclass(frozen=True)
class Figure:
    """Times are medians in seconds; the memory is the most that a round took, in MB."""

    work: str
    peer: str
    ratio: Ratio
    bar: Bar
    ours: float
    theirs: float
    rss: float
    note: str = ""  # said behind the rest

    @property
    def met(self) -> bool:
        return self.ratio.median <= self.bar.ratio and self.rss <= self.bar.rss

    def __str__(self) -> str:
        rounds = f"({self.ratio.least:.3g} to {self.ratio.most:.3g})"
        memory = f"{self.rss:4.0f} MB" + (f" of {self.bar.rss:g}" if self.bar.rss < float("inf") else "")
        times = f"{self.ours * 1000:6.0f} ms {self.theirs * 1000:6.0f} ms"
        figures = f"{self.ratio.median:7.3f} {rounds:18} {self.bar.ratio:5g}  {times}  {memory:11}"
        return f"{self.work:37} {self.peer:25} {figures} {'met' if self.met else '*** MISSED ***'}{self.note}"


def median(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.cpu for cost in costs)


def compare(work: str, peer: str, costs: Sequence[Sequence[Cost]], bar: Bar) -> Figure:
    """The first costs are ours, the second ones the peer's."""
    mine, theirs = costs
    return Figure(work, peer, ratio(mine, theirs), bar, median(mine), median(theirs), max(cost.rss for cost in mine))
