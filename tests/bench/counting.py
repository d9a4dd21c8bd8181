"""A log counted line by line, plainly: what tocsin and each peer must have counted before anybody is timed."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from generate import HOST

PREFIX = "IPTables-TFTP-Rejected: "


@dataclass
class Counted:
    """Packets, first and last stamp by source, and how many lines hold the prefix for whatever reason."""

    packets: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    prefixed: int = 0

    def add(self, line: str) -> None:
        self.prefixed += 1
        stamp, rest = line[:15], line[16:]
        _, bracket, text = rest.partition("] ")
        if rest.startswith(f"{HOST} kernel: [") and bracket and text.startswith(PREFIX):
            src = text.partition(" SRC=")[2].partition(" ")[0]
            self.packets[src] += 1
            self.first.setdefault(src, stamp)
            self.last[src] = stamp


def naive(file: Path) -> Counted:
    counted = Counted()
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if PREFIX in line:
                counted.add(line)
    return counted


def agree(who: str, file: Path, theirs: object, ours: object) -> None:
    """Raises SystemExit unless the two are equal."""
    if theirs != ours:
        raise SystemExit(f"{file}: {who} has not counted what was counted line by line; no figures")


def scanned(file: Path, printed: str, counted: Counted) -> None:
    """What `scan --json` printed. Of more sources than are counted exactly each may be short by the error it names."""
    told = json.loads(printed)
    rows, others = told["sources"], told["others"]
    agree("scan", file, told["events"], counted.packets.total())
    agree("scan", file, sum(row["events"] for row in rows) + others["events"], told["events"])
    short = [counted.packets[row["src"]] - row["events"] for row in rows]
    agree("scan", file, all(0 <= left <= others["error"] for left in short), ours=True)
    if not others["sources"]:
        agree("scan", file, {row["src"]: row["events"] for row in rows}, dict(counted.packets))
        agree("scan", file, {row["src"]: _stamp(row["first"]) for row in rows}, counted.first)
        agree("scan", file, {row["src"]: _stamp(row["last"]) for row in rows}, counted.last)


def piped(file: Path, printed: str, counted: Counted) -> None:
    """What the pipeline printed: "  COUNT SOURCE"."""
    rows = (line.split() for line in printed.splitlines())
    agree("the pipeline", file, {src: int(packets) for packets, src in rows}, dict(counted.packets))


def listed(who: str, file: Path, sources: Iterable[str], counted: Counted) -> None:
    """A source for each packet."""
    agree(who, file, Counter(sources), counted.packets)


def _stamp(moment: str) -> str:
    """As RFC 3164 writes it."""
    return f"{datetime.fromisoformat(moment):%b %e %H:%M:%S}"
