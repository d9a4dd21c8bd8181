"""The folder of a state: made, looked into beside its owner, and kept when its file is damaged."""

import os
import re
import sqlite3
from contextlib import suppress
from datetime import datetime

from tocsin.errors import NotPermitted, StateUnwritable
from tocsin.state.lock import ticked
from tocsin.state.store import State

_ASIDE = re.compile(r"state\.db\.damaged-\d{8}T\d{6}Z-*", re.ASCII)


def prepare(folder: str) -> bool:
    """Makes the folder if it is not there, but not its parent. True if there was no state in it."""
    try:
        os.mkdir(folder, 0o750)
    except FileExistsError:
        pass
    except OSError as error:
        raise StateUnwritable(
            f"the state folder {folder} cannot be made: {error.strerror}",
            hint=f"make {os.path.dirname(folder)} first, or name another folder as state",
        ) from error
    return not os.path.exists(os.path.join(folder, "state.db"))


def set_aside(folder: str, now: datetime) -> str:
    """Moves a damaged state file out of the way and returns where it is now; nothing of it is deleted."""
    path = os.path.join(folder, "state.db")
    aside = f"{path}.damaged-{now:%Y%m%dT%H%M%SZ}"
    while os.path.exists(aside):
        aside += "-"
    try:
        os.rename(path, aside)
        with suppress(FileNotFoundError):
            os.rename(path + "-journal", aside + "-journal")
    except OSError as error:
        raise StateUnwritable(f"{path} is damaged and cannot be set aside: {error.strerror}") from error
    return aside


def asides(folder: str) -> list[str]:
    """The damaged state files that were set aside and are still there by the name that they were given then."""
    try:
        names = sorted(os.listdir(folder))
    except PermissionError:  # may write there and not look
        names = []
    return [os.path.join(folder, name) for name in names if _ASIDE.fullmatch(name)]


def emptied(folder: str) -> bool:
    """Whether the state file holds nothing although a tick was stored there once."""
    try:
        size = os.stat(os.path.join(folder, "state.db")).st_size
    except OSError:
        return False
    return not size and ticked(folder)


def glance(folder: str) -> State | None:
    """The state for reading beside its owner, or None before the first tick. Raises as State, and NotPermitted."""
    path = os.path.join(folder, "state.db")
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotPermitted(
            f"{path}: permission denied", hint="run it as the user that runs tocsin, or as root"
        ) from error
    except OSError as error:
        raise StateUnwritable(f"{path}: {error.strerror}", hint="state must name a folder") from error
    writable = os.access(path, os.W_OK, effective_ids=True) and os.access(folder, os.W_OK, effective_ids=True)
    mode = "rw" if writable else "ro"  # after a crash SQLite wants to clean up first
    state = State(folder, connect=lambda _: sqlite3.connect(f"file:{path}?mode={mode}", uri=True), writable=False)
    if state.version:
        return state
    state.close()
    return None
