"""The notifications that some recipient or receiver has not accepted yet, and when each was or will be tried."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from tocsin.model import Notification, Outcome, Told
from tocsin.state import rows


class Rendered(NamedTuple):
    """What one receiver is to be told, as bytes that every attempt sends."""

    receiver: str
    message: bytes
    recipients: tuple[str, ...]


class Pending(NamedTuple):
    """A notification that goes into the outbox."""

    notification: Notification
    rendered: tuple[Rendered, ...]
    attack: datetime | None = None
    before: Told = Told()  # what had been told of the attack without it
    named: frozenset[str] = frozenset()  # the keys that it names
    folded: tuple[str, ...] = ()  # ids that it stands in for


class Waiting(NamedTuple):
    """One recipient who has not accepted a notification yet."""

    id: str
    receiver: str
    recipient: str
    rule: str
    attack: datetime | None
    reason: str
    at: datetime
    since: datetime
    attempts: int
    next: datetime
    permanent: bool
    error: str
    nobody: bool  # no recipient of this receiver has accepted it


class Outbox:
    """Part of the state: its methods run inside the transaction that is open, or make one of their own."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, pending: Pending, now: datetime) -> None:
        """Inside the tick's transaction. What waits behind an earlier notification of its attack is held as long."""
        note = pending.notification
        for name in pending.folded:
            self._db.execute("DELETE FROM notifications WHERE id = ?", (name,))
            self._db.execute("DELETE FROM deliveries WHERE id = ?", (name,))
        for rendered in pending.rendered:
            self._db.execute(
                "INSERT INTO notifications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    note.id,
                    rendered.receiver,
                    note.rule,
                    rows.maybe(pending.attack),
                    note.reason,
                    rows.written(note.at),
                    rendered.message,
                    rows.from_told(pending.before),
                    json.dumps(sorted(pending.named)),
                ),
            )
            for recipient in rendered.recipients:
                held = self._held(pending, rendered.receiver, recipient)
                self._add_recipient(note.id, rendered.receiver, recipient, now, max(now, held or now))

    def _held(self, pending: Pending, receiver: str, recipient: str) -> datetime | None:
        (held,) = self._db.execute(
            "SELECT max(next) FROM deliveries JOIN notifications USING (id, receiver)"
            " WHERE receiver = ? AND recipient = ? AND rule = ? AND attack = ? AND accepted IS NULL AND NOT permanent",
            (receiver, recipient, pending.notification.rule, rows.maybe(pending.attack)),
        ).fetchone()
        return rows.time(held)

    def _add_recipient(self, name: str, receiver: str, recipient: str, now: datetime, due: datetime) -> None:
        self._db.execute(
            "INSERT INTO deliveries (id, receiver, recipient, since, next) VALUES (?, ?, ?, ?, ?)",
            (name, receiver, recipient, rows.written(now), rows.written(due)),
        )

    def waiting(self) -> list[Waiting]:
        """Oldest first."""
        query = self._db.execute(
            "SELECT id, receiver, recipient, rule, attack, reason, at, since, attempts, next, permanent, error,"
            " NOT EXISTS (SELECT 1 FROM deliveries AS o WHERE o.id = d.id AND o.receiver = d.receiver"
            " AND o.accepted IS NOT NULL) FROM deliveries AS d JOIN notifications USING (id, receiver)"
            " WHERE accepted IS NULL ORDER BY at, d.id, d.receiver, recipient"
        )
        return [_waiting(row) for row in query]

    def message(self, name: str, receiver: str) -> bytes:
        query = self._db.execute("SELECT message FROM notifications WHERE id = ? AND receiver = ?", (name, receiver))
        message: bytes = query.fetchone()[0]
        return message

    def record(self, name: str, receiver: str, outcomes: Iterable[tuple[Outcome, datetime]], now: datetime) -> None:
        """What became of an attempt, and when each recipient who did not accept is tried again."""
        self._db.executemany(
            "UPDATE deliveries SET attempts = attempts + 1, next = ?, permanent = ?, error = ?, accepted = ?"
            " WHERE id = ? AND receiver = ? AND recipient = ?",
            [
                (
                    rows.written(again),
                    int(outcome.permanent),
                    outcome.error,
                    None if outcome.error else rows.written(now),
                    name,
                    receiver,
                    outcome.recipient,
                )
                for outcome, again in outcomes
            ],
        )

    def foldable(self, rule: str, attack: datetime) -> list[tuple[str, Told, frozenset[str]]]:
        """Notifications of the attack that nobody can have been told: an earlier one waits for every recipient.

        Oldest first, each with what had been told before it and the keys that it names.
        """
        query = self._db.execute(
            "SELECT id, before, named FROM notifications AS n WHERE rule = ? AND attack = ? AND NOT EXISTS"
            " (SELECT 1 FROM deliveries AS d WHERE d.id = n.id AND (attempts > 0 OR NOT EXISTS"
            " (SELECT 1 FROM deliveries AS e JOIN notifications AS m USING (id, receiver) WHERE e.receiver = d.receiver"
            " AND e.recipient = d.recipient AND m.rule = n.rule AND m.attack = n.attack AND m.at < n.at"
            " AND e.accepted IS NULL AND NOT e.permanent)))"
            " GROUP BY id ORDER BY at",
            (rule, rows.written(attack)),
        )
        return [(name, rows.to_told(before), frozenset(json.loads(named))) for name, before, named in query]

    def told(self, since: datetime) -> list[tuple[str, datetime]]:
        """The reason and time of each notification since then, in order."""
        query = self._db.execute(
            "SELECT reason, at FROM notifications WHERE at > ? GROUP BY id ORDER BY at", (rows.written(since),)
        )
        return [(reason, datetime.fromisoformat(at)) for reason, at in query]

    def readdress(self, receivers: Mapping[str, Sequence[str]], now: datetime) -> None:
        """The settings changed: all that waits is due, and what nobody accepted goes to those who are named now."""
        waiting = {(entry.id, entry.receiver): entry.nobody for entry in self.waiting()}
        for (name, receiver), nobody in waiting.items():
            if receiver not in receivers:
                self._inherit(name, receiver, next(iter(receivers)), nobody=nobody)
        for name, receiver in {(entry.id, entry.receiver) for entry in self.waiting() if entry.nobody}:
            known = self._recipients(name, receiver)
            for recipient in known.difference(receivers[receiver]):
                self._db.execute(
                    "DELETE FROM deliveries WHERE id = ? AND receiver = ? AND recipient = ?",
                    (name, receiver, recipient),
                )
            for recipient in set(receivers[receiver]).difference(known):
                self._add_recipient(name, receiver, recipient, now, now)
        self._db.execute("UPDATE deliveries SET next = ? WHERE accepted IS NULL", (rows.written(now),))

    def _inherit(self, name: str, receiver: str, heir: str, *, nobody: bool) -> None:
        """What waits for a receiver that is no more: told by another one, unless that one or somebody has it."""
        if nobody and not self._recipients(name, heir):
            for table in ("notifications", "deliveries"):
                self._db.execute(
                    f"UPDATE {table} SET receiver = ? WHERE id = ? AND receiver = ?",  # noqa: S608 (two constants)
                    (heir, name, receiver),
                )
        else:
            self._db.execute(
                "DELETE FROM deliveries WHERE id = ? AND receiver = ? AND accepted IS NULL", (name, receiver)
            )

    def _recipients(self, name: str, receiver: str) -> set[str]:
        query = self._db.execute("SELECT recipient FROM deliveries WHERE id = ? AND receiver = ?", (name, receiver))
        return {recipient for (recipient,) in query}

    def trim(self, old: str) -> None:
        """Lets go of what everybody accepted, and of what is older than this for receivers that are no more."""
        self._db.execute(
            "UPDATE notifications SET message = NULL WHERE message IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries"
            " AS d WHERE d.id = notifications.id AND d.receiver = notifications.receiver AND accepted IS NULL)"
        )
        self._db.execute(
            "DELETE FROM notifications WHERE at < ? AND (message IS NULL OR EXISTS (SELECT 1 FROM deliveries AS d"
            " WHERE d.id = notifications.id AND d.receiver = notifications.receiver AND accepted IS NOT NULL))",
            (old,),
        )
        self._db.execute(
            "DELETE FROM deliveries WHERE since < ? AND NOT EXISTS (SELECT 1 FROM notifications AS n"
            " WHERE n.id = deliveries.id AND n.receiver = deliveries.receiver)",
            (old,),
        )


def _waiting(row: rows.Row) -> Waiting:
    name, receiver, recipient, rule, attack, reason, at, since, attempts, due, permanent, error, nobody = row
    return Waiting(
        name,
        receiver,
        recipient,
        rule,
        rows.time(attack),
        reason,
        datetime.fromisoformat(at),
        datetime.fromisoformat(since),
        attempts,
        datetime.fromisoformat(due),
        bool(permanent),
        error,
        bool(nobody),
    )
