"""Config -> Pipeline: the only place that picks implementations, and the only one that asks for the time."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tocsin.config import Config, told, zone
from tocsin.errors import StateCorrupt, StateUnwritable
from tocsin.model import Gap
from tocsin.pipeline import Pipeline, Plan, Report
from tocsin.reading import Input
from tocsin.receivers.email import Email
from tocsin.sources.file import FileSource
from tocsin.state import folder
from tocsin.state.lock import Lock
from tocsin.state.store import State

Clock = Callable[[], datetime]
_FLEETING = ("overlay", "tmpfs")
_LOST = "the state was damaged; a new one was begun: what waited in its outbox will not be told"
_LOCKLESS = ("9p", "nfs", "nfs4")


def clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the one place)


def plan(config: Config) -> Plan:
    """Raises SettingsError where nobody would be told."""
    receivers = [Email(settings, node=config.node) for settings in told(config)]
    return Plan(
        inputs=[Input(FileSource(settings), zone(settings)) for settings in config.sources],
        rules=config.rules,
        receivers={receiver.name: receiver for receiver in receivers},
        notify=config.notify,
        keep=config.keep,
        node=config.node,
        node_ip=config.node_ip,
        fingerprint=repr(config.receivers),
    )


class Owner:
    """Owns the state folder and ticks; a damaged state is set aside and told of, once."""

    def __init__(self, config: Config, now: datetime) -> None:
        self._plan = plan(config)
        self._folder = config.state
        self.new = folder.prepare(self._folder)
        self._lock = Lock(self._folder)
        try:
            self._pipeline = self._start(now)
        except BaseException:
            self._lock.close()  # who tries again would find it held
            raise
        self._broken = False

    def tick(self, now: datetime) -> Report:
        """Raises what the state raises; the next one goes on then from what was last committed."""
        if self._broken:
            self._restart(now)
        self._broken = True
        try:
            report = self._pipeline.tick(now)
        except StateCorrupt:
            self._pipeline = self._start_anew(now)
            report = self._pipeline.tick(now)
        self._broken = False
        self._note(report)
        return report

    def renew(self) -> None:
        """A new run begins: what waits may be tried again."""
        self._pipeline.deliverer.renew()

    def close(self) -> None:
        self._state.close()
        self._lock.close()

    def _note(self, report: Report) -> None:
        """A tick was; where that cannot be noted, it was all the same."""
        try:
            self._lock.touch(report.at)
        except StateUnwritable as error:
            report.read.errors.append(error)

    def _restart(self, now: datetime) -> None:
        unrecorded = self._pipeline.deliverer.unrecorded
        self._state.close()
        self._pipeline = self._start(now)
        self._pipeline.deliverer.unrecorded += unrecorded

    def _start(self, now: datetime) -> Pipeline:
        try:
            return self._start_anew(now) if folder.emptied(self._folder) else self._begin(now)
        except StateCorrupt:
            return self._start_anew(now)

    def _begin(self, now: datetime, told: Iterable[str] = ()) -> Pipeline:
        """What was set aside and not told of yet is lost: the file's name says so, whatever ended a run before."""
        self._state = State(self._folder)
        asides = folder.asides(self._folder)
        told = {*told, *self._state.meta().get("aside", "").split("\n")} if asides else told
        lost = [Gap(aside, None, now, None, _LOST) for aside in asides if aside not in told]
        return Pipeline(self._plan, self._state, lost, "\n".join(asides))

    def _start_anew(self, now: datetime) -> Pipeline:
        before = folder.asides(self._folder)
        folder.set_aside(self._folder, now)
        return self._begin(now, before)


@contextmanager
def owner(config: Config, now: datetime) -> Iterator[Owner]:
    own = Owner(config, now)
    try:
        yield own
    finally:
        own.close()


def cautions(state: str) -> Iterator[str]:
    """What is wrong with the file system of a state folder."""
    kind = file_system(state)
    if kind in _FLEETING:
        yield f"the state folder {state} is on {kind}: it is forgotten when this pod ends or the machine restarts"
    if kind in _LOCKLESS:
        yield f"the state folder {state} is on {kind}, which does not lock reliably: use a disk of the node's own"


def file_system(path: str) -> str:
    """The kind of file system that a path is on, empty if nobody says."""
    real = os.path.realpath(path)
    best = ("", "")
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for mount in mounts:
                left, _, right = mount.partition(" - ")
                point = left.split()[4]
                inside = real == point or real.startswith(point.rstrip("/") + "/")
                if inside and len(point) >= len(best[0]):
                    best = (point, right.split()[0])
    except OSError:
        return ""
    return best[1]
