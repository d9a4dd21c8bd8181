"""One tick: read, detect, decide, commit, deliver. The only place where the stages meet; it calls, it never decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin import decide
from tocsin.deliver import Attempt, Deliverer, Receiver, still_waits
from tocsin.ledger import Ledger
from tocsin.model import Gap, Notification, Notify, Rule
from tocsin.reading import Input, Read, Reading
from tocsin.state.changes import Changes, Telling
from tocsin.state.outbox import Mention, Pending, Rendered, Waiting
from tocsin.state.store import State

TICK = 64 << 20  # bytes a tick reads at most
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings make of a run."""

    inputs: Sequence[Input]
    rules: Sequence[Rule]
    receivers: Mapping[str, Receiver]
    notify: Notify
    keep: timedelta
    node: str
    node_ip: str
    fingerprint: str  # of the receivers' settings


@dataclass(slots=True)
class Report:
    """What a tick did, for the shells to print."""

    at: datetime
    held: int = 0  # attacks that the limit does not let be told yet
    read: Read = field(default_factory=Read)
    committed: bool = False
    notifications: list[Notification] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


class Pipeline:
    """Ticks. After an exception the state holds the last tick that was committed whole: make a new pipeline then."""

    def __init__(self, plan: Plan, state: State, lost: Sequence[Gap] = (), aside: str = "") -> None:
        """`lost` is told of as blind, and `aside` noted as what was set aside, with the first commit."""
        self._plan = plan
        self._state = state
        self._lost, self._aside = list(lost), aside
        self._meta = state.meta()
        self._ledger = Ledger(plan.rules, state)
        self._reading = Reading(plan.inputs, plan.rules, state.cursors())
        self.deliverer = Deliverer(state, plan.receivers)
        self._lines = 0  # read since the last commit

    def tick(self, now: datetime, limit: int = TICK) -> Report:
        """Reads about `limit` bytes at most. Raises what the state raises; what a source raises is in the report."""
        report = Report(now)
        self._notice_receivers(now)
        self._read(now, limit, report.read)
        desk = self._desk(now)
        cases = self._ledger.cases(now, report.read.until(now), desk.notify)
        decisions = decide.decide(cases, now, desk)
        report.held = len(decide.held(cases, decisions, now, desk.notify))
        tellings = self._ledger.tellings(cases, decisions, desk.notify)
        decisions += self._heartbeat(now, desk, report.read, cases)
        if tellings or decisions or self._worth_keeping(now, report.read):
            self._commit(now, report, decisions, tellings)
        report.notifications = [decision.notification for decision in decisions]
        report.attempts = self.deliverer.deliver(now)
        report.waiting = [entry for entry in self._state.outbox.waiting() if still_waits(entry)]
        return report

    def _notice_receivers(self, now: datetime) -> None:
        if self._meta.get("receivers", self._plan.fingerprint) != self._plan.fingerprint:
            recipients = {name: receiver.recipients for name, receiver in self._plan.receivers.items()}
            self._state.outbox.readdress(recipients, self._plan.fingerprint, now)
            self._meta["receivers"] = self._plan.fingerprint

    def _read(self, now: datetime, limit: int, read: Read) -> None:
        for event in self._reading.events(now, limit, read):
            self._ledger.add(event)
        read.gaps += self._lost
        for gap in read.gaps:
            self._ledger.blind(gap, now)
        self._lines += read.lines

    def _desk(self, now: datetime) -> decide.Desk:
        plan = self._plan
        told = self._state.outbox.told(now - plan.notify.limit.period)
        recent = tuple(at for reason, at in told if reason != "heartbeat")
        digests = [at for reason, at in told if reason == "digest"]
        digest = min(digests, key=lambda at: abs(now - at), default=None)
        return decide.Desk(plan.node, plan.node_ip, plan.notify, recent, digest, self._state.outbox.full)

    def _heartbeat(
        self, now: datetime, desk: decide.Desk, read: Read, cases: Sequence[decide.Case]
    ) -> list[decide.Decision]:
        """Not while an attack is on: then not all is quiet."""
        begun = self._meta.get("heartbeat") or self._meta.get("began")
        if begun is None or cases or desk.full:
            return []
        since = datetime.fromisoformat(begun)
        if abs(now - since) < desk.notify.heartbeat:
            return []
        grown = self._meta.get("grown")
        newest = read.grown or (datetime.fromisoformat(grown) if grown else None)
        lines = int(self._meta.get("lines", 0)) + self._lines
        return [decide.heartbeat(now, desk, since=since, lines=lines, newest=newest)]

    def _worth_keeping(self, now: datetime, read: Read) -> bool:
        committed = self._meta.get("committed")
        seen = read.events.packets or read.old or read.replayed or read.undated
        if committed is None or seen or read.gaps or read.moved or read.behind:
            return True
        return not timedelta(0) <= now - datetime.fromisoformat(committed) < _HOUR

    def _commit(
        self, now: datetime, report: Report, decisions: Sequence[decide.Decision], tellings: Sequence[Telling]
    ) -> None:
        meta = self._notes(now, report.read, decisions)
        changes = Changes(
            cursors=self._reading.kept,
            tables=self._ledger.changes(),
            gaps=report.read.gaps,
            pending=[self._pending(decision) for decision in decisions],
            tellings=list(tellings),
            meta=meta,
        )
        self._state.commit(changes, now, self._plan.keep)
        self._ledger.settle(tellings)
        self._meta |= meta
        self._lines = 0
        self._lost.clear()
        report.committed = True

    def _notes(self, now: datetime, read: Read, decisions: Sequence[decide.Decision]) -> dict[str, str]:
        notes = {"committed": now.isoformat(), "receivers": self._plan.fingerprint}
        notes["lines"] = str(int(self._meta.get("lines", 0)) + self._lines)
        if "began" not in self._meta:
            notes["began"] = now.isoformat()
        if self._lost:
            notes["aside"] = self._aside
        if read.grown:
            notes["grown"] = read.grown.isoformat()
        if any(decision.notification.reason == "heartbeat" for decision in decisions):
            notes |= {"heartbeat": now.isoformat(), "lines": "0"}
        return notes

    def _pending(self, decision: decide.Decision) -> Pending:
        rendered = tuple(
            Rendered(name, receiver.render(decision.notification), receiver.recipients)
            for name, receiver in self._plan.receivers.items()
        )
        mentions = tuple(
            Mention(part.attack.rule, part.attack.start, part.before, part.named) for part in decision.told
        )
        return Pending(decision.notification, rendered, mentions, decision.folded)
