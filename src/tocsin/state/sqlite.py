"""SQLite as the state uses it: transactions that are whole or nothing, and its errors as ours."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.errors import DiskFull, StateCorrupt, StateInUse, StateUnwritable


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has rolled it back already
            db.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: str) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _ours(path, error) from error


@contextmanager
def readable(path: str) -> Iterator[None]:
    """What is stored is read and nothing else is done: what cannot be understood there is damage, as SQLite's is."""
    with translated(path):
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateCorrupt(f"{path} is damaged: {error}") from error


def _ours(path: str, error: sqlite3.Error) -> Exception:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return DiskFull(f"{path}: no room left on the disk", hint="nothing is lost: the next run goes on from here")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StateCorrupt(f"{path} is damaged: {error}")
    if name.startswith("SQLITE_BUSY"):
        return StateInUse(f"{path} is in use by another process")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR")):
        return StateUnwritable(f"{path}: {error}", hint="state must name a folder that tocsin can write to")
    if (name == "SQLITE_ERROR" and "no such table" in str(error)) or str(error).startswith("Could not decode"):
        return StateCorrupt(f"{path} is damaged: {error}")
    return error  # a wrong statement of ours is no reason to set a state aside
