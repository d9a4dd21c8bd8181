"""run.py [ROW…]: prints each figure beside its peer, measured in turn in this one run, as a ratio.

A row whose peer is not installed is left out, aloud. Nothing is asserted from a clock: a bar that is missed is said. What
ends the run is somebody who counts otherwise than the others: then there are no figures.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict

from figure import HEAD, Figure
from peers import BUILD, install
from rows import ROWS


def main() -> None:
    chosen = [word for argument in sys.argv[1:] for word in argument.replace(",", " ").split()] or list(ROWS)
    if unknown := set(chosen) - set(ROWS):
        raise SystemExit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    install()
    print(f"CPU times (user and system, children too) of rounds taken in turn; load {os.getloadavg()[0]:.1f}")
    print(HEAD, flush=True)
    figures = []
    for name in chosen:
        for row in ROWS[name]():
            figures.append(row)
            print(row, flush=True)
    save(figures)
    missed = [row.work.strip() for row in figures if not row.met]
    print(f"*** MISSED: {'; '.join(missed)} ***" if missed else "every bar is met")


def save(figures: Iterable[Figure]) -> None:
    """For programs. A bar that is not there is null."""
    rows = [
        {
            **asdict(row),
            "ratio": row.ratio._asdict(),
            "bar": {"ratio": row.bar.ratio, "rss": row.bar.rss if row.bar.rss < float("inf") else None},
            "met": row.met,
        }
        for row in figures
    ]
    (BUILD / "results.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
