"""The logs under build/bench/logs: each made once, and again where what makes it has changed."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import generate
import hostile
from peers import BUILD

FOLDER = BUILD / "logs"


def generated(name: str, megabytes: int, percent: float, sources: int) -> Path:
    """A log whose stamps are of 23 November 2026."""

    def write(file: Path) -> None:
        generate.write(file, megabytes, percent, sources)

    return _made(name, megabytes, Path(generate.__file__), write)


def recent(name: str, megabytes: int, percent: float, sources: int) -> Path:
    """A log of the minute that just went by, made anew each time."""
    file = FOLDER / f"{name}.log"
    FOLDER.mkdir(parents=True, exist_ok=True)
    generate.write(file, megabytes, percent, sources, 0)
    return file


def shape(name: str, megabytes: int) -> Path:
    """A hostile log."""

    def write(file: Path) -> None:
        hostile.write(file, name, megabytes)

    return _made(f"hostile-{name}", megabytes, Path(hostile.__file__), write)


def empty() -> Path:
    return _made("empty", 0, Path(__file__), Path.touch)


def _made(name: str, megabytes: int, source: Path, write: Callable[[Path], None]) -> Path:
    """Never half a file: it has its name when it is whole. Raises SystemExit where the disk is too small."""
    file = FOLDER / f"{name}-{megabytes}.log"
    if file.exists() and file.stat().st_mtime >= source.stat().st_mtime:
        return file
    FOLDER.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(FOLDER).free // 1_000_000
    if free < megabytes + 200:
        raise SystemExit(f"{file.name}: {megabytes} MB do not fit on the disk, {free} MB are free")
    print(f"making {file.name}", file=sys.stderr, flush=True)
    part = file.with_suffix(".part")
    write(part)
    part.rename(file)
    return file
