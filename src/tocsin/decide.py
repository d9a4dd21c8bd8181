"""Attacks -> notifications: what is due to be told now, each with its reason, and what has been told then."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from tocsin.model import Alert, Attack, Notification, Notify, Others, Rule, Told

LISTED = 50  # sources a notification names at most
_MORE = timedelta(minutes=10)  # the least pause before new sources are told
_DIGEST = timedelta(minutes=10)  # the least pause between digests
_DAY = timedelta(days=1)
_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fold:
    """Notifications of an attack that wait and were never attempted: a newer one can say it all in their stead."""

    ids: tuple[str, ...]
    told: Told  # as it was before them
    named: frozenset[str]  # the keys that only they name


@dataclass(frozen=True, slots=True)
class Case:
    """An attack, all its alerts, and what has been told of it."""

    attack: Attack
    rule: Rule
    alerts: tuple[Alert, ...]
    told: Told
    over: bool
    fold: Fold | None = None


class Part(NamedTuple):
    """An attack that a notification tells of, and what has been told and named then."""

    attack: Attack
    told: Told
    named: frozenset[str]
    before: Told


@dataclass(frozen=True, slots=True)
class Decision:
    """A notification, and the attacks that it tells of."""

    notification: Notification
    told: tuple[Part, ...] = ()
    folded: tuple[str, ...] = ()  # ids that it stands in for


@dataclass(frozen=True, slots=True)
class Desk:
    """Who speaks, and what was said lately."""

    node: str
    node_ip: str
    notify: Notify
    recent: tuple[datetime, ...] = ()  # when attacks were told, in order; the limit counts these
    digest: datetime | None = None  # when the last digest was
    full: bool = False  # so much waits that nobody has heard of that nothing may be added


def key(alert: Alert) -> str:
    """What the alert's table of sources knows it by."""
    return alert.network or alert.src or alert.source or ""


def due(case: Case, now: datetime, notify: Notify) -> str | None:
    """The reason to tell of the attack now, if there is one."""
    told = case.told
    if told.at is None:
        return "first"
    passed = abs(now - told.at)  # a clock that was ahead then mutes nobody until that time
    grown = case.attack.events > told.events
    unnamed = any(not alert.named for alert in case.alerts)
    soon = passed >= min(told.more, notify.repeat)
    if case.over:
        if told.over and not (grown and soon):
            return None
        return "over" if notify.over else "more" if unnamed else None
    if unnamed and soon:
        return "more"
    if grown and passed >= max(told.still, notify.repeat):
        return "still"
    return None


def done(case: Case, notify: Notify) -> bool:
    """Whether nothing more of the attack will ever be due, unless late lines join it."""
    return case.over and due(case, _EVER, notify) is None


def decide(cases: Iterable[Case], now: datetime, desk: Desk) -> list[Decision]:
    """What is due now. Above the limit one digest tells of all that is due, every ten minutes at most."""
    ready = [(unfolded, reason) for case in cases for unfolded, reason in _ready(case, now, desk.notify)]
    free = desk.notify.limit.count - sum(abs(now - at) < desk.notify.limit.period for at in desk.recent)
    if desk.full:
        return []
    if len(ready) <= max(free, 0):
        return [_tell(case, reason, now, desk) for case, reason in ready]
    if desk.digest and abs(now - desk.digest) < _DIGEST:
        return []
    return [_digest([_tell(case, reason, now, desk) for case, reason in ready], now, desk)]


def held(cases: Iterable[Case], decisions: Iterable[Decision], now: datetime, notify: Notify) -> list[Case]:
    """Those that are due and that the limit does not let be told yet."""
    told = {(part.attack.rule, part.attack.start) for decision in decisions for part in decision.told}
    return [case for case in cases if (case.attack.rule, case.attack.start) not in told and due(case, now, notify)]


def heartbeat(now: datetime, desk: Desk, *, since: datetime, lines: int, newest: datetime | None) -> Decision:
    """All has been quiet since then, and so many lines were read."""
    name = identify(desk.node, "", since, "heartbeat", 0)
    return Decision(Notification(name, "", "heartbeat", now, desk.node, desk.node_ip, lines=lines, newest=newest))


def example(reason: str, case: Case, now: datetime, desk: Desk) -> Notification:
    """What would be told of the attack for this reason, whatever is due."""
    return _tell(case, reason, now, desk).notification


def _ready(case: Case, now: datetime, notify: Notify) -> Iterable[tuple[Case, str]]:
    reason = due(case, now, notify)
    if not reason:
        return
    if case.fold:
        fold = case.fold
        alerts = tuple(replace(a, named=False) if key(a) in fold.named else a for a in case.alerts)
        case = replace(case, told=fold.told, alerts=alerts)
        reason = due(case, now, notify) or reason
    yield case, reason


def _tell(case: Case, reason: str, now: datetime, desk: Desk) -> Decision:
    attack, told = case.attack, case.told
    listed = sorted(case.alerts, key=lambda alert: (alert.named, -alert.events, alert.src or ""))[:LISTED]
    new = sum(not alert.named for alert in listed)
    name = identify(desk.node, attack.rule, attack.start, reason, told.ordinal)
    notification = Notification(
        id=name,
        rule=attack.rule,
        reason=reason,
        at=now,
        node=desk.node,
        node_ip=desk.node_ip,
        thread=tuple(dict.fromkeys(filter(None, (told.opening, told.latest)))),
        start=min([attack.start, *(alert.first for alert in case.alerts)]),
        last=attack.last,
        over=case.over,
        events=attack.events,
        alerts=tuple(listed),
        new=new,
        others=_others(case, listed),
        window=case.rule.window,
        threshold=case.rule.threshold,
    )
    named = frozenset(key(alert) for alert in listed[:new])
    part = Part(attack, _after(case, reason, notification, desk.notify), named, told)
    return Decision(notification, (part,), case.fold.ids if case.fold else ())


def _others(case: Case, listed: Sequence[Alert]) -> Others:
    keys = {key(alert) for alert in case.alerts} - {key(alert) for alert in listed}
    events = case.attack.events - sum(alert.events for alert in listed)
    return Others(case.attack.beyond + len(keys), max(0, events), case.attack.error)


def _after(case: Case, reason: str, notification: Notification, notify: Notify) -> Told:
    told = case.told
    return replace(
        told,
        ordinal=told.ordinal + 1,
        opening=told.opening or notification.id,
        latest=notification.id,
        at=notification.at,
        events=case.attack.events,
        more=min(told.more * 2, max(notify.repeat, _MORE)) if reason == "more" or told.over else told.more,
        still=min(max(told.still, notify.repeat) * 2, max(notify.repeat, _DAY)) if reason == "still" else told.still,
        over=case.over,
    )


def _digest(decisions: Sequence[Decision], now: datetime, desk: Desk) -> Decision:
    told = [part for decision in decisions for part in decision.told]
    oldest = min(part.attack.start for part in told)
    parts_of = sorted((part.attack.rule, part.attack.start.isoformat(), part.before.ordinal) for part in told)
    name = identify(desk.node, repr(parts_of), oldest, "digest", 0)
    notes = tuple(decision.notification for decision in decisions)
    notification = Notification(
        id=name,
        rule="",
        reason="digest",
        at=now,
        node=desk.node,
        node_ip=desk.node_ip,
        start=oldest,
        over=all(note.over for note in notes),
        events=sum(note.events for note in notes),
        attacks=notes,
    )
    parts = tuple(
        part._replace(told=replace(part.told, opening=note.thread[0] if note.thread else name, latest=name))
        for part, note in zip(told, notes, strict=True)
    )
    return Decision(notification, parts, tuple(name for decision in decisions for name in decision.folded))


def identify(node: str, rule: str, start: datetime | None, reason: str, ordinal: int) -> str:
    """The same on every attempt and in every run: nothing random goes in."""
    text = "\0".join((node, rule, start.isoformat() if start else "", reason, str(ordinal)))
    return sha256(text.encode()).hexdigest()[:32]
