"""Everything that outlives a run, in one SQLite file: what a tick found and decided goes in by one transaction."""

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from tocsin.errors import SettingsError
from tocsin.model import Attack, Gap, Seen
from tocsin.state import migrations, rows
from tocsin.state.changes import Changes, Kept, Stored, TableChange, Telling
from tocsin.state.outbox import Outbox
from tocsin.state.sqlite import readable, transaction, translated

PAST = 10_000  # alerts that are over and kept, at most
COUNTS = 100_000  # counts by rule, key and ten minutes, at most
GAPS = 1_000
_SEEN = ", ".join("?" * rows.SEEN)
_TIMES = {"began", "committed", "grown", "heartbeat"}
Connect = Callable[[str], sqlite3.Connection]


class State:
    """The file `state.db` of a folder. Raises StateUnwritable, DiskFull, StateCorrupt, StateInUse, SettingsError."""

    def __init__(self, folder: str, *, connect: Connect = sqlite3.connect, writable: bool = True) -> None:
        self.folder = folder
        self.path = os.path.join(folder, "state.db")
        with translated(self.path):
            self._db = connect(self.path)
            self._db.isolation_level = None
            if writable:
                self._db.execute("PRAGMA journal_mode = TRUNCATE")
                self._db.execute("PRAGMA synchronous = FULL")
            self.version = self._version()
            if writable:
                self._upgrade()
        self.outbox = Outbox(self._db, self.path)

    def close(self) -> None:
        self._db.close()

    def _version(self) -> int:
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > migrations.LATEST:
            raise SettingsError(
                f"{self.path} was written by a newer tocsin (version {version} of the state, this one knows "
                f"{migrations.LATEST})",
                hint="run that one again, or name another folder as state",
            )
        if not version and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise SettingsError(f"{self.path} was made by another program", hint="name another folder as state")
        return version

    def _upgrade(self) -> None:
        for step in range(self.version + 1, migrations.LATEST + 1):
            with transaction(self._db):
                for statement in migrations.statements(step):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {step}")

    def meta(self) -> dict[str, str]:
        """What the last ticks noted; the times and numbers among it can be read."""
        with readable(self.path):
            noted: dict[str, str] = dict(self._db.execute("SELECT name, value FROM meta"))
            for name in _TIMES & noted.keys():
                datetime.fromisoformat(noted[name])
            int(noted.get("lines", 0))
            return noted

    def cursors(self) -> dict[str, Kept]:
        with readable(self.path):
            query = self._db.execute("SELECT source, cursor, memory, zone, began FROM cursors")
            return {
                source: Kept(cursor, memory, zone, rows.time(began)) for source, cursor, memory, zone, began in query
            }

    def seen(self, rule: str) -> list[Seen]:
        """The table of sources of a rule."""
        with readable(self.path):
            query = self._db.execute("SELECT * FROM seen WHERE rule = ?", (rule,))
            return [rows.to_seen(row) for row in query]

    def rules(self) -> set[str]:
        """The rules that have a table of sources."""
        with translated(self.path):
            return {rule for (rule,) in self._db.execute("SELECT DISTINCT rule FROM seen")}

    def past(self, rule: str, attack: datetime | None = None) -> list[Seen]:
        """A rule's alerts that are over because their src began a new run: all of them, or those of an attack."""
        with readable(self.path):
            query = self._db.execute(
                "SELECT * FROM past WHERE rule = ? AND attack = coalesce(?, attack)", (rule, rows.maybe(attack))
            )
            return [rows.to_seen(row) for row in query]

    def attacks(self) -> list[Stored]:
        """Those of which more may have to be told, and the last one of each rule, in the order in which they began."""
        with readable(self.path):
            query = self._db.execute(
                "SELECT rule, start, last, events, beyond, error, told, bitmap, open FROM attacks WHERE open"
                " OR rowid IN (SELECT max(rowid) FROM attacks GROUP BY rule) ORDER BY rowid"
            )
            return [
                Stored(
                    Attack(rule, datetime.fromisoformat(start), datetime.fromisoformat(last), *numbers),
                    rows.to_told(told),
                    bitmap,
                    bool(is_open),
                )
                for rule, start, last, *numbers, told, bitmap, is_open in query
            ]

    def starts(self, rule: str) -> set[datetime]:
        """When the attacks of a rule began that are kept, or that a notification which is kept tells of."""
        with readable(self.path):
            query = self._db.execute(
                "SELECT start FROM attacks WHERE rule = ? UNION SELECT attack FROM mentions WHERE rule = ?",
                (rule, rule),
            )
            return {datetime.fromisoformat(start) for (start,) in query}

    def counts(self) -> list[tuple[str, str, int, int, int]]:
        """Events by rule and key, and the first and last ten minutes since 1970 in which there were any; most first.

        Key "" stands for all that found no place in the table.
        """
        with translated(self.path):
            return self._db.execute(
                "SELECT rule, key, sum(events), min(slot), max(slot) FROM counts GROUP BY rule, key"
                " ORDER BY 3 DESC, rule, key"
            ).fetchall()

    def gaps(self) -> list[Gap]:
        with readable(self.path):
            query = self._db.execute("SELECT source, since, until, size, why FROM gaps ORDER BY rowid")
            return [
                Gap(source, rows.time(since), rows.time(until), size, why) for source, since, until, size, why in query
            ]

    def commit(self, changes: Changes, now: datetime, keep: timedelta) -> None:
        """Stores all of it or, whatever happens, nothing; what is older than `keep` goes."""
        with translated(self.path), transaction(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)",
                [(source, *kept[:3], rows.maybe(kept.began)) for source, kept in changes.cursors.items()],
            )
            for table in changes.tables:
                self._store_table(table)
            self._db.executemany(
                "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (gap.source, rows.maybe(gap.since), rows.maybe(gap.until), gap.size, gap.why, rows.written(now))
                    for gap in changes.gaps
                ],
            )
            for telling in changes.tellings:
                self._store_telling(telling)
            for pending in changes.pending:
                self.outbox.add(pending, now)
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(changes.meta.items()))
            self._trim(now, keep)

    def _store_table(self, table: TableChange) -> None:
        self._db.executemany("DELETE FROM seen WHERE rule = ? AND key = ?", [(table.rule, key) for key in table.gone])
        self._db.executemany(
            f"INSERT OR REPLACE INTO seen VALUES ({_SEEN})",  # noqa: S608 (a row of question marks)
            map(rows.from_seen, table.changed),
        )
        self._db.executemany(
            f"INSERT INTO past VALUES ({_SEEN})",  # noqa: S608 (a row of question marks)
            map(rows.from_seen, table.ended),
        )
        for attack in table.attacks:
            current = attack is table.attacks[-1]
            self._db.execute(
                "INSERT INTO attacks (rule, start, last, events, beyond, error, bitmap) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET last = excluded.last, events = excluded.events, beyond = excluded.beyond,"
                " error = excluded.error, bitmap = excluded.bitmap, open = 1",
                (
                    attack.rule,
                    rows.written(attack.start),
                    rows.written(attack.last),
                    attack.events,
                    attack.beyond,
                    attack.error,
                    table.bitmap if current else b"",
                ),
            )
        self._db.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events",
            [(table.rule, key, slot, events) for (key, slot), events in table.counts.items()],
        )

    def _store_telling(self, telling: Telling) -> None:
        rule, start = telling.attack.rule, rows.written(telling.attack.start)
        self._db.execute(
            "UPDATE attacks SET told = ?, open = ? WHERE rule = ? AND start = ?",
            (rows.from_told(telling.told), int(telling.open), rule, start),
        )
        named = [(1, rule, key, start) for key in telling.named] + [(0, rule, key, start) for key in telling.unnamed]
        for table in ("seen", "past"):
            self._db.executemany(
                f"UPDATE {table} SET named = ? WHERE rule = ? AND key = ? AND attack = ?",  # noqa: S608 (two constants)
                named,
            )

    def _trim(self, now: datetime, keep: timedelta) -> None:
        old = rows.written(now - keep)
        slot = int((now - keep).timestamp()) // 600
        self._db.execute("DELETE FROM counts WHERE slot < ?", (slot,))
        self._db.execute(
            "DELETE FROM counts WHERE (slot, rule, key) IN"
            " (SELECT slot, rule, key FROM counts ORDER BY slot DESC LIMIT -1 OFFSET ?)",
            (COUNTS,),
        )
        for table, most in (("past", PAST), ("gaps", GAPS)):
            self._db.execute(
                f"DELETE FROM {table} WHERE rowid <= (SELECT max(rowid) FROM {table}) - ?",  # noqa: S608 (two constants)
                (most,),
            )
        self._db.execute("DELETE FROM gaps WHERE at < ?", (old,))
        for table in ("past", "seen"):
            self._db.execute(
                f"DELETE FROM {table} AS s WHERE last < ? AND NOT EXISTS"  # noqa: S608 (two constants)
                " (SELECT 1 FROM attacks AS a WHERE a.rule = s.rule AND a.start = s.attack AND open)",
                (old,),
            )
        self._db.execute("DELETE FROM attacks WHERE last < ? AND NOT open", (old,))
        self.outbox.trim(old)
