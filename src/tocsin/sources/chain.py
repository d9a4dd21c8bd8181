"""The rotated siblings of a log, oldest first: names of logrotate, savelog, rsyslog and container runtimes."""

import os
import re
import stat
from typing import NamedTuple

from tocsin.errors import LogError, LogMissing, TocsinError
from tocsin.sources import unpack
from tocsin.sources.opening import Opened, opened, refusal

_DAY = r"(?:19|20)\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
_ROTATED = re.compile(rf"(?:\.(?P<number>\d{{1,5}})|[-._](?P<date>{_DAY}(?:[-._T]?\d{{2,10}})?|\d{{10}}))", re.ASCII)
_ENDINGS = (".gz", ".xz", ".bz2")
_HEAD = 1024  # bytes that tell whether an archive is being made of the file beside it


class Sibling(NamedTuple):
    """A rotated file as the folder listed it; its name may lead elsewhere a moment later."""

    path: str
    inode: int
    mtime: int  # in nanoseconds
    stem: str  # the path without the ending of a compressed file
    age: tuple[int, ...]  # ascending with time, among names of one kind
    dated: bool


class Shifted(Exception):
    """A rotation gave the name to another file since the folder was listed."""


def reopened(sibling: Sibling) -> Opened:
    """The sibling that was listed. Raises Shifted if it is not there any more, else as `opened`."""
    try:
        file = opened(sibling.path)
    except LogMissing as error:
        raise Shifted from error
    if file.inode != sibling.inode:
        file.close()
        raise Shifted
    return file


def siblings(path: str) -> list[Sibling]:
    """The rotated files of a log, oldest first: those beside the path, and beside the file that a symlink leads to.

    Raises LogMissing if there is no folder, NotPermitted if it may not be listed, Shifted if a rotation goes on.
    """
    found = _listed(path)
    if sorted(found) != sorted(_listed(path)):  # a file that is renamed while its folder is listed may be left out
        raise Shifted
    found.sort(key=lambda sibling: (sibling.age, sibling.mtime))
    if len({sibling.dated for sibling in found}) > 1:
        found.sort(key=lambda sibling: sibling.mtime)
    plain = {sibling.stem: sibling for sibling in found if sibling.path == sibling.stem}
    return [sibling for sibling in found if not _copied(sibling, plain.get(sibling.stem))]


def _listed(path: str) -> list[Sibling]:
    return [sibling for log in dict.fromkeys((path, os.path.realpath(path))) for sibling in _beside(log)]


def _beside(path: str) -> list[Sibling]:
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as entries:
            return [sibling for entry in entries if (sibling := _sibling(entry, folder, name))]
    except OSError as error:
        raise refusal(folder or ".", error) from error


def _sibling(entry: "os.DirEntry[str]", folder: str, name: str) -> Sibling | None:
    stem = next((entry.name.removesuffix(ending) for ending in _ENDINGS if entry.name.endswith(ending)), entry.name)
    found = _rotated(stem, name)
    if not found:
        return None
    try:
        looked = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # rotated away meanwhile
        return None
    if not stat.S_ISREG(looked.st_mode):
        return None
    number, date = found["number"], found["date"]
    age = (-int(number),) if number else tuple(int(digits) for digits in _digits(date))
    where = os.path.join(folder, entry.name)
    return Sibling(where, looked.st_ino, looked.st_mtime_ns, os.path.join(folder, stem), age, bool(date))


def _rotated(stem: str, name: str) -> "re.Match[str] | None":
    """What rotation added: after the name (syslog.1), or before its ending (mail-20261123.log for mail.log)."""
    if stem.startswith(name):
        return _ROTATED.fullmatch(stem, len(name))
    base, ending = os.path.splitext(name)
    if ending and stem.startswith(base):
        return _ROTATED.fullmatch(stem.removesuffix(ending), len(base))
    return None


def _digits(date: str) -> tuple[str, str]:
    """Day and time of day, in names of every length."""
    digits = re.sub(r"\D", "", date)
    return (digits[:8], digits[8:] or "0") if len(digits) != 10 or re.match(_DAY, digits) else ("0", digits)


def _copied(sibling: Sibling, plain: Sibling | None) -> bool:
    """Whether the sibling is an archive that is being made of the plain file beside it."""
    if plain is None or plain is sibling:
        return False
    try:
        with reopened(sibling) as archive, reopened(plain) as original:
            head = unpack.take(unpack.Plain(original.fd), _HEAD)
            return head.startswith(_begin(archive))
    except (Shifted, TocsinError):
        return False


def _begin(archive: Opened) -> bytes:
    try:
        return unpack.take(unpack.content(archive.fd), _HEAD)
    except LogError:  # its writer has not come far
        return b""
