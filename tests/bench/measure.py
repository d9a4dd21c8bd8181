"""Commands in turn -> CPU seconds and memory of each, and ratios that a machine which gets slower does not bend."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

LAUNCH = (sys.executable, "-I", "-S", str(Path(__file__).resolve().parent / "launch.py"))


class Cost(NamedTuple):
    """What one run cost with its children: user plus system seconds, and the largest process in MB."""

    cpu: float
    rss: float


@dataclass(frozen=True)
class Command:
    """A command by list, its variables, and what must be done before each run."""

    words: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None

    @property
    def variables(self) -> dict[str, str]:
        """Every variable that it sees: of ours it has PATH alone."""
        return {"PATH": os.environ["PATH"], "LC_ALL": "C", **self.environment}

    def output(self) -> str:
        """What it prints."""
        self.before()
        words = ["env", "-i", *(f"{name}={text}" for name, text in self.variables.items()), *self.words]
        return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


class Ratio(NamedTuple):
    """The median of the rounds, the least and the most."""

    median: float
    least: float
    most: float


def once(command: Command) -> Cost:
    """Raises SystemExit if the command does."""
    command.before()
    run = subprocess.run(
        [*LAUNCH, *command.words], check=True, stdout=subprocess.PIPE, text=True, env=command.variables
    )
    cpu, rss, status = run.stdout.split()
    if int(status):
        raise SystemExit(f"{' '.join(command.words)}: left with {status}")
    return Cost(float(cpu), float(rss))


def in_turn(commands: Sequence[Command], rounds: int) -> list[list[Cost]]:
    """The costs of each command over the rounds, after one round that does not count and warms the page cache."""
    for command in commands:
        once(command)
    turns = [[once(command) for command in commands] for _ in range(rounds)]
    return [list(costs) for costs in zip(*turns, strict=True)]


def without(costs: Sequence[Cost], start: Sequence[Cost]) -> list[Cost]:
    """The costs less the median of a start-up."""
    least = statistics.median(cost.cpu for cost in start)
    return [Cost(max(cost.cpu - least, 1e-4), cost.rss) for cost in costs]


def ratio(mine: Sequence[Cost], theirs: Sequence[Cost], scale: float = 1) -> Ratio:
    """Of CPU, round by round."""
    each = [scale * one.cpu / max(other.cpu, 1e-4) for one, other in zip(mine, theirs, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))
