"""The notifications that some recipient or receiver has not accepted yet, and when each was or will be tried."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from tocsin.model import Notification, Outcome, Told
from tocsin.state import rows
from tocsin.state.sqlite import readable, transaction, translated

MOST = 500  # notifications that wait and that nobody has accepted, or that somebody has


class Rendered(NamedTuple):
    """What one receiver is to be told, as bytes that every attempt sends."""

    receiver: str
    message: bytes
    recipients: tuple[str, ...]


class Mention(NamedTuple):
    """An attack that a notification tells of: a digest has several."""

    rule: str
    attack: datetime
    before: Told = Told()  # what had been told of the attack without it
    named: frozenset[str] = frozenset()  # the keys that it names


class Pending(NamedTuple):
    """A notification that goes into the outbox."""

    notification: Notification
    rendered: tuple[Rendered, ...]
    mentions: tuple[Mention, ...] = ()
    folded: tuple[str, ...] = ()  # ids that it stands in for


class Waiting(NamedTuple):
    """One recipient who has not accepted a notification yet."""

    id: str
    receiver: str
    recipient: str
    reason: str
    at: datetime
    since: datetime
    attempts: int
    next: datetime
    permanent: bool
    error: str
    nobody: bool  # no recipient of this receiver has accepted it
    attacks: frozenset[tuple[str, datetime]]  # that it tells of: rule and start


class Outbox:
    """Part of the state, and raises as it does. `add` and `trim` run inside the tick's transaction."""

    def __init__(self, db: sqlite3.Connection, path: str) -> None:
        self._db = db
        self._path = path

    def add(self, pending: Pending, now: datetime) -> None:
        """What waits behind an earlier notification of its attack is held as long."""
        note = pending.notification
        for name in pending.folded:
            for table in ("notifications", "deliveries", "mentions"):
                self._db.execute(f"DELETE FROM {table} WHERE id = ?", (name,))  # noqa: S608 (three constants)
        for rendered in pending.rendered:
            self._db.execute(
                "INSERT INTO notifications VALUES (?, ?, ?, ?, ?)",
                (note.id, rendered.receiver, note.reason, rows.written(note.at), rendered.message),
            )
            for recipient in rendered.recipients:
                held = self._held(pending.mentions, rendered.receiver, recipient)
                self._add_recipient(note.id, rendered.receiver, recipient, now, max([now, *held]))
        self._db.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?)",
            [
                (note.id, rule, rows.written(attack), rows.from_told(before), json.dumps(sorted(named)))
                for rule, attack, before, named in pending.mentions
            ],
        )

    def _held(self, mentions: Iterable[Mention], receiver: str, recipient: str) -> list[datetime]:
        query = "SELECT next FROM deliveries JOIN mentions USING (id) WHERE receiver = ? AND recipient = ?"
        query += " AND rule = ? AND attack = ? AND accepted IS NULL AND NOT permanent"
        places = [(receiver, recipient, mention.rule, rows.written(mention.attack)) for mention in mentions]
        return [datetime.fromisoformat(held) for place in places for (held,) in self._db.execute(query, place)]

    def _add_recipient(self, name: str, receiver: str, recipient: str, now: datetime, due: datetime) -> None:
        self._db.execute(
            "INSERT INTO deliveries (id, receiver, recipient, since, next) VALUES (?, ?, ?, ?, ?)",
            (name, receiver, recipient, rows.written(now), rows.written(due)),
        )

    def waiting(self) -> list[Waiting]:
        """In the order in which they were decided."""
        with readable(self._path):
            mentions = self._db.execute(
                "SELECT id, rule, attack FROM mentions WHERE id IN (SELECT id FROM deliveries WHERE accepted IS NULL)"
            )
            attacks: dict[str, set[tuple[str, datetime]]] = {}
            for name, rule, attack in mentions:
                attacks.setdefault(name, set()).add((rule, datetime.fromisoformat(attack)))
            query = self._db.execute(
                "SELECT id, receiver, recipient, reason, at, since, attempts, next, permanent, error,"
                " NOT EXISTS (SELECT 1 FROM deliveries AS o WHERE o.id = d.id AND o.receiver = d.receiver"
                " AND o.accepted IS NOT NULL) FROM deliveries AS d JOIN notifications AS n USING (id, receiver)"
                " WHERE accepted IS NULL ORDER BY n.rowid, recipient"
            )
            return [_waiting(row, attacks.get(row[0], set())) for row in query]

    @property
    def full(self) -> bool:
        """As much waits as may that nobody at all has heard of."""
        with translated(self._path):
            query = self._db.execute(
                "SELECT count(DISTINCT id) FROM deliveries AS d WHERE accepted IS NULL AND NOT EXISTS"
                " (SELECT 1 FROM deliveries AS o WHERE o.id = d.id AND o.accepted IS NOT NULL)"
            )
            number: int = query.fetchone()[0]
        return number >= MOST

    def message(self, name: str, receiver: str) -> bytes:
        with translated(self._path):
            query = self._db.execute(
                "SELECT message FROM notifications WHERE id = ? AND receiver = ?", (name, receiver)
            )
            message: bytes = query.fetchone()[0]
        return message

    def record(self, name: str, receiver: str, outcomes: Iterable[tuple[Outcome, datetime]], now: datetime) -> None:
        """What became of an attempt, and when each recipient who did not accept is tried again."""
        with translated(self._path), transaction(self._db):
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
        """The last notifications of the attack that nobody can have been told: an earlier one waits for each recipient.

        Oldest first, each with what had been told before it and the keys that it names. A digest is none of them: it
        tells of other attacks too.
        """
        with readable(self._path):
            query = self._db.execute(
                "SELECT n.id, before, named, reason <> 'digest' AND NOT EXISTS"
                " (SELECT 1 FROM deliveries AS d WHERE d.id = n.id AND (attempts > 0 OR NOT EXISTS"
                " (SELECT 1 FROM deliveries AS e JOIN notifications AS m USING (id, receiver) JOIN mentions AS k"
                " ON k.id = m.id WHERE e.receiver = d.receiver AND e.recipient = d.recipient AND k.rule = t.rule"
                " AND k.attack = t.attack AND m.rowid < n.rowid AND e.accepted IS NULL AND NOT e.permanent)))"
                " FROM notifications AS n JOIN mentions AS t USING (id) WHERE rule = ? AND attack = ?"
                " AND n.rowid = (SELECT min(rowid) FROM notifications WHERE id = n.id) ORDER BY n.rowid DESC",
                (rule, rows.written(attack)),
            ).fetchall()
            last = takewhile(lambda row: row[3], query)
            return [(name, rows.to_told(before), frozenset(json.loads(named))) for name, before, named, _ in last][::-1]

    def told(self, since: datetime) -> list[tuple[str, datetime]]:
        """The reason and time of each notification since then, in order."""
        with readable(self._path):
            query = self._db.execute(
                "SELECT reason, at FROM notifications WHERE at > ? GROUP BY id ORDER BY at", (rows.written(since),)
            )
            return [(reason, datetime.fromisoformat(at)) for reason, at in query]

    def readdress(self, receivers: Mapping[str, Sequence[str]], fingerprint: str, now: datetime) -> None:
        """The receivers' settings are new: all that waits is due, for those who are named now.

        What nobody accepted goes to all of them, the rest to those who wait already.
        """
        with translated(self._path), transaction(self._db):
            waiting = {(entry.id, entry.receiver): entry.nobody for entry in self.waiting()}
            for (name, receiver), nobody in waiting.items():
                if receiver not in receivers:
                    self._inherit(name, receiver, next(iter(receivers)), nobody=nobody)
            waiting = {(entry.id, entry.receiver): entry.nobody for entry in self.waiting()}
            for (name, receiver), nobody in waiting.items():
                self._readdress(name, receiver, set(receivers[receiver]), now, more=nobody)
            self._db.execute("UPDATE deliveries SET next = ? WHERE accepted IS NULL", (rows.written(now),))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('receivers', ?)", (fingerprint,))

    def _readdress(self, name: str, receiver: str, wanted: set[str], now: datetime, *, more: bool) -> None:
        known = self._recipients(name, receiver)
        self._db.executemany(
            "DELETE FROM deliveries WHERE id = ? AND receiver = ? AND recipient = ? AND accepted IS NULL",
            [(name, receiver, recipient) for recipient in known - wanted],
        )
        for recipient in wanted - known if more else ():
            self._add_recipient(name, receiver, recipient, now, now)

    def _inherit(self, name: str, receiver: str, heir: str, *, nobody: bool) -> None:
        """What waits for a receiver that is no more: told by another one, unless that one or somebody has it."""
        if nobody and not self._recipients(name, heir):
            gone = "DELETE FROM notifications WHERE id = ? AND receiver = ?"  # the heir was no receiver for a while
            self._db.execute(gone, (name, heir))
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
        """Lets go of what everybody accepted, and of what somebody did if it is older than this or too much."""
        self._db.execute(
            "DELETE FROM deliveries WHERE accepted IS NULL AND id IN (SELECT id FROM notifications AS n WHERE message"
            " IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.id = n.id AND accepted IS NOT NULL)"
            " GROUP BY id ORDER BY max(rowid) DESC LIMIT -1 OFFSET ?)",
            (MOST,),
        )
        self._db.execute(
            "UPDATE notifications SET message = NULL WHERE message IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries"
            " AS d WHERE d.id = notifications.id AND d.receiver = notifications.receiver AND accepted IS NULL)"
        )
        self._db.execute(
            "DELETE FROM notifications WHERE at < ? AND (message IS NULL OR EXISTS (SELECT 1 FROM deliveries AS d"
            " WHERE d.id = notifications.id AND accepted IS NOT NULL))",
            (old,),
        )
        self._db.execute(
            "DELETE FROM deliveries WHERE since < ? AND NOT EXISTS (SELECT 1 FROM notifications AS n"
            " WHERE n.id = deliveries.id AND n.receiver = deliveries.receiver)",
            (old,),
        )
        self._db.execute(
            "DELETE FROM mentions WHERE NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.id = mentions.id)"
        )


def _waiting(row: rows.Row, attacks: Iterable[tuple[str, datetime]]) -> Waiting:
    name, receiver, recipient, reason, at, since, attempts, due, permanent, error, nobody = row
    return Waiting(
        name,
        receiver,
        recipient,
        reason,
        datetime.fromisoformat(at),
        datetime.fromisoformat(since),
        attempts,
        datetime.fromisoformat(due),
        bool(permanent),
        error,
        bool(nobody),
        frozenset(attacks),
    )
