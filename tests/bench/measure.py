"""Commands in turn -> CPU seconds and memory of each, and ratios that a machine which gets slower does not bend."""

import os
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run cost with its children: user plus system seconds, and the largest process in MB."""

    cpu: float
    rss: float


class Command(NamedTuple):
    """A command by list, its variables beside PATH, and what must be done before each run."""

    words: Sequence[str]
    environment: dict[str, str]
    before: Callable[[], object] = lambda: None
    statuses: tuple[int, ...] = (0,)


class Ratio(NamedTuple):
    """Of medians, and of each round."""

    median: float
    least: float
    most: float


def once(command: Command) -> Cost:
    """Runs it. What it prints goes through a pipe: GNU grep stops at the first line where it goes to /dev/null."""
    command.before()
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writer, 1)
        os.execvpe(command.words[0], list(command.words), {"PATH": os.environ["PATH"], **command.environment})
    os.close(writer)
    while os.read(reader, 1 << 16):
        pass
    os.close(reader)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) not in command.statuses:
        raise SystemExit(f"{' '.join(command.words)}: left with {os.waitstatus_to_exitcode(status)}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(commands: Sequence[Command], rounds: int) -> list[list[Cost]]:
    """The costs of each command over the rounds, after one round that does not count."""
    for command in commands:
        once(command)
    costs: list[list[Cost]] = [[] for _ in commands]
    for _ in range(rounds):
        for command, cost in zip(commands, costs, strict=True):
            cost.append(once(command))
    return costs


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Round by round."""
    each = [one / max(other, 1e-6) for one, other in zip(mine, theirs, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))
