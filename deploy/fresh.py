"""Files that are made from others: written anew, or said to be stale."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write(wanted: dict[Path, str], target: str, *, check: bool) -> int:
    """Writes those that are not as wanted; with `check` it only names them, and what to make, and gives 1."""
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        if check:
            sys.stderr.write(f"{file.relative_to(ROOT)} is stale: run make {target}\n")
        else:
            file.write_text(wanted[file], encoding="utf-8")
    return int(check and bool(stale))
