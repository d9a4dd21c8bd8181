"""The outbox -> receivers: who is tried now, and when again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import NamedTuple, Protocol

from tocsin.model import Notification, Outcome
from tocsin.state.outbox import Waiting
from tocsin.state.store import State

SECONDS = 30.0  # for each receiver in a run
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (0, 0, 1, 2, 5, 10))  # before each attempt
_LATER = timedelta(minutes=15)
_PATIENCE = timedelta(days=5)
_DAY = timedelta(days=1)


class Receiver(Protocol):
    """Who is told. `render` makes the bytes that every attempt sends; `deliver` never raises for what others do."""

    name: str
    recipients: tuple[str, ...]

    def render(self, notification: Notification) -> bytes: ...

    def deliver(self, message: bytes, recipients: Sequence[str], *, seconds: float) -> tuple[Outcome, ...]: ...


class Attempt(NamedTuple):
    """A notification that was tried, and what became of it for each recipient."""

    id: str
    receiver: str
    reason: str
    outcomes: tuple[Outcome, ...]


def pause(attempts: int, waited: timedelta, *, permanent: bool) -> timedelta:
    """How long to wait after so many attempts over this time."""
    if permanent or waited >= _PATIENCE:
        return _DAY
    return _PAUSES[attempts] if attempts < len(_PAUSES) else _LATER


def still_waits(waiting: Waiting) -> bool:
    """A recipient refused for good waits no more where another one of his receiver has accepted."""
    return waiting.nobody or not waiting.permanent


def _waited(entry: Waiting, now: datetime) -> timedelta:
    """How long it has been tried. Since when it waits may have been said by a clock that was years behind."""
    return min(now - entry.since, entry.attempts * 2 * _LATER)


def is_due(waiting: Waiting, now: datetime) -> bool:
    """Whether the pause is over. What is further away than a pause can be was set by a clock that was ahead."""
    longest = pause(waiting.attempts, _waited(waiting, now), permanent=waiting.permanent)
    return not timedelta(0) < waiting.next - now <= longest


class Deliverer:
    """Tries what is due, each recipient once in a run, in order: nobody hears of an attack's end before its start."""

    def __init__(self, state: State, receivers: Mapping[str, Receiver], seconds: float = SECONDS) -> None:
        self._state = state
        self._receivers = receivers
        self._seconds = seconds
        self.unrecorded: list[tuple[str, str, list[tuple[Outcome, datetime]]]] = []
        self.renew()

    def renew(self) -> None:
        """A new run begins."""
        self._tried: set[tuple[str, str]] = set()
        self._left = dict.fromkeys(self._receivers, self._seconds)

    def deliver(self, now: datetime) -> list[Attempt]:
        """What an earlier attempt came to is recorded first: where it cannot be, nothing is sent a second time."""
        self._record(now)
        held: set[tuple[str, str, str, datetime]] = set()
        attempts = []
        waiting = [entry for entry in self._state.outbox.waiting() if still_waits(entry)]
        for (name, receiver), group in groupby(waiting, key=lambda entry: (entry.id, entry.receiver)):
            entries = list(group)
            due = [entry for entry in entries if is_due(entry, now) and not _thread(entry) & held]
            if due and receiver in self._receivers and self._left[receiver] > 0 and (name, receiver) not in self._tried:
                attempts.append(self._attempt(due, now))
                accepted = {outcome.recipient for outcome in attempts[-1].outcomes if not outcome.error}
                entries = [entry for entry in entries if entry.recipient not in accepted]
            for entry in entries:
                held |= _thread(entry)
        return attempts

    def _attempt(self, due: Sequence[Waiting], now: datetime) -> Attempt:
        name, receiver = due[0].id, due[0].receiver
        self._tried.add((name, receiver))
        start = monotonic()
        outcomes = self._receivers[receiver].deliver(
            self._state.outbox.message(name, receiver),
            [entry.recipient for entry in due],
            seconds=self._left[receiver],
        )
        self._left[receiver] -= monotonic() - start
        self.unrecorded.append((name, receiver, list(_again(due, outcomes, now))))
        self._record(now)
        return Attempt(name, receiver, due[0].reason, outcomes)

    def _record(self, now: datetime) -> None:
        while self.unrecorded:
            self._state.outbox.record(*self.unrecorded[0], now)
            self.unrecorded.pop(0)


def _thread(entry: Waiting) -> set[tuple[str, str, str, datetime]]:
    return {(entry.receiver, entry.recipient, *attack) for attack in entry.attacks}


def _again(due: Sequence[Waiting], outcomes: Iterable[Outcome], now: datetime) -> Iterable[tuple[Outcome, datetime]]:
    entries = {entry.recipient: entry for entry in due}
    for outcome in outcomes:
        entry = entries[outcome.recipient]
        yield outcome, now + pause(entry.attempts + 1, _waited(entry, now), permanent=outcome.permanent)
