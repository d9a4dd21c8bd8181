"""What outlives a run, in a real SQLite file."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.errors import DiskFull, NotPermitted, SettingsError, StateCorrupt, StateInUse, StateUnwritable
from tocsin.model import Attack, Gap, Notification, Outcome, Place, Seen, Told
from tocsin.state import folder, lock, store
from tocsin.state.changes import Changes, Kept, Stored, TableChange, Telling
from tocsin.state.outbox import MOST, Mention, Pending, Rendered
from tocsin.state.store import State

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
KEEP = 30 * DAY
ATTACK = Attack("tftp", NOW, NOW + MINUTE, 7, 2, 1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(str(tmp_path))
    yield opened
    opened.close()


def seen(key: str = "192.0.2.7", **rest: object) -> Seen:
    fields = {"attack": NOW, "opening": Place("syslog", 1), "closing": Place("syslog", 9)} | rest
    return Seen("tftp", key, key, NOW, NOW + MINUTE, 3, **fields)  # type: ignore[arg-type] # checked by use


def mention(ordinal: int = 0) -> Mention:
    return Mention("tftp", NOW, Told(ordinal), frozenset({"k"}))


def pending(name: str = "a" * 32, *, to: tuple[str, ...] = ("a@example.org",), at: datetime = NOW) -> Pending:
    note = Notification(name, "tftp", "first", at, "node1", "")
    return Pending(note, (Rendered("email", b"message " + name[:1].encode(), to),), (mention(),))


def commit(state: State, now: datetime = NOW, **changes: object) -> None:
    state.commit(Changes(**changes), now, KEEP)  # type: ignore[arg-type] # checked by use


def test_a_new_state_is_empty(state: State) -> None:
    assert (state.meta(), state.cursors(), state.attacks(), state.gaps(), state.outbox.waiting()) == (
        {},
        {},
        [],
        [],
        [],
    )


def test_everything_that_is_committed_comes_back(state: State) -> None:
    kept = Kept("{}", "memory", "UTC", NOW)
    gap = Gap("syslog", None, NOW, None, "gone")
    runs = [
        seen(times=[NOW], ports=[b"69"], spts=[b"1", b"2"], mac=b"00:00:5e:00:53:01", why="x"),
        seen("k", attack=None),
    ]
    change = TableChange("tftp", [ATTACK], b"\x01", runs, [], [seen("past")], {("k", 5): 3})
    commit(state, cursors={"syslog": kept}, gaps=[gap], tables=[change], meta={"a": "b"})
    assert (state.cursors(), state.gaps(), state.meta()) == ({"syslog": kept}, [gap], {"a": "b"})
    assert sorted(state.seen("tftp"), key=lambda run: run.key) == runs
    assert (state.past("tftp"), state.past("tftp", NOW), state.past("tftp", NOW + DAY)) == (
        [seen("past")],
        [seen("past")],
        [],
    )
    assert state.attacks() == [Stored(ATTACK, Told(), b"\x01", open=True)]
    assert state.rules() == {"tftp"}


def test_what_left_the_table_is_gone(state: State) -> None:
    commit(state, tables=[TableChange("tftp", changed=[seen()])])
    commit(state, tables=[TableChange("tftp", gone=["192.0.2.7"])])
    assert state.seen("tftp") == []


def test_what_was_told_comes_back_and_a_told_attack_is_closed_but_stays_the_last(state: State) -> None:
    told = Told(2, "a", "b", NOW, 7, MINUTE, DAY, over=True)
    commit(state, tables=[TableChange("tftp", [ATTACK], changed=[seen(), seen("k", named=True)])])
    commit(state, tellings=[Telling(ATTACK, told, frozenset({"192.0.2.7"}), frozenset({"k"}), open=False)])
    assert state.attacks() == [Stored(ATTACK, told, b"", open=False)]
    assert {run.key: run.named for run in state.seen("tftp")} == {"192.0.2.7": True, "k": False}


def test_an_attack_that_goes_on_is_open_again(state: State) -> None:
    commit(state, tables=[TableChange("tftp", [ATTACK])])
    commit(state, tellings=[Telling(ATTACK, Told(1), frozenset(), frozenset(), open=False)])
    commit(state, tables=[TableChange("tftp", [ATTACK])])
    assert [(stored.open, stored.told.ordinal) for stored in state.attacks()] == [(True, 1)]


def test_an_error_in_the_middle_leaves_nothing(state: State) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        commit(state, meta={"a": "b"}, pending=[pending(), pending()])
    assert (state.meta(), state.outbox.waiting()) == ({}, [])


def test_counts_add_up_and_go_after_keep(state: State) -> None:
    slot = int(NOW.timestamp()) // 600
    for later in range(2):
        commit(state, tables=[TableChange("tftp", counts={("k", slot + later): 3, ("l", slot): 1})])
    assert state.counts() == [("tftp", "k", 6, slot, slot + 1), ("tftp", "l", 2, slot, slot)]
    commit(state, NOW + KEEP + timedelta(hours=1))
    assert state.counts() == []


def test_the_oldest_counts_go_where_there_are_too_many(state: State) -> None:
    slot = int(NOW.timestamp()) // 600
    commit(state, tables=[TableChange("tftp", counts={("old", slot): 1})])
    commit(state, tables=[TableChange("tftp", counts={(str(i), slot + 1): 1 for i in range(store.COUNTS)})])
    kept = state.counts()
    assert len(kept) == store.COUNTS
    assert "old" not in {key for _, key, *_ in kept}


def test_alerts_gaps_and_attacks_go_after_keep(state: State) -> None:
    commit(
        state,
        tables=[TableChange("tftp", [ATTACK], changed=[seen()], ended=[seen()])],
        gaps=[Gap("s", None, None, 1, "")],
    )
    commit(state, tellings=[Telling(ATTACK, Told(1), frozenset(), frozenset(), open=False)])
    commit(state, NOW + KEEP + DAY)
    assert (state.seen("tftp"), state.past("tftp"), state.gaps(), state.attacks()) == ([], [], [], [])


def test_the_oldest_alerts_go_where_there_are_too_many(state: State) -> None:
    commit(state, tables=[TableChange("tftp", ended=[seen("old")])])
    commit(state, tables=[TableChange("tftp", ended=[seen(str(i)) for i in range(store.PAST)])])
    assert (len(state.past("tftp")), state.past("tftp")[0].key) == (store.PAST, "0")


def test_a_notification_waits_for_each_recipient_until_he_accepts(state: State) -> None:
    commit(state, pending=[pending(to=("a@example.org", "b@example.org"))])
    state.outbox.record(
        "a" * 32, "email", [(Outcome("a@example.org"), NOW), (Outcome("b@example.org", "450 later"), NOW + MINUTE)], NOW
    )
    (waiting,) = state.outbox.waiting()
    assert (waiting.recipient, waiting.attempts, waiting.next, waiting.error) == (
        "b@example.org",
        1,
        NOW + MINUTE,
        "450 later",
    )
    assert (waiting.permanent, waiting.nobody, waiting.attacks) == (False, False, frozenset({("tftp", NOW)}))
    assert state.outbox.message("a" * 32, "email") == b"message a"


def test_a_notification_behind_another_of_its_attack_is_held_as_long(state: State) -> None:
    commit(state, pending=[pending()])
    state.outbox.record("a" * 32, "email", [(Outcome("a@example.org", "no"), NOW + DAY)], NOW)
    commit(state, pending=[pending("b" * 32, to=("a@example.org", "new@example.org"))])
    held = {(waiting.id[0], waiting.recipient): waiting.next for waiting in state.outbox.waiting()}
    assert held["b", "a@example.org"] == NOW + DAY
    assert held["b", "new@example.org"] == NOW


def test_nothing_is_held_behind_a_recipient_who_was_refused_for_good(state: State) -> None:
    commit(state, pending=[pending()])
    state.outbox.record("a" * 32, "email", [(Outcome("a@example.org", "550", permanent=True), NOW + DAY)], NOW)
    commit(state, pending=[pending("b" * 32)])
    assert state.outbox.waiting()[1].next == NOW


def test_only_what_waits_behind_another_of_its_attack_can_be_folded(state: State) -> None:
    commit(state, pending=[pending()])
    assert state.outbox.foldable("tftp", NOW) == []
    later = [
        pending(name * 32, at=NOW + i * MINUTE)._replace(mentions=(mention(i),)) for i, name in ((1, "b"), (2, "c"))
    ]
    commit(state, pending=later)
    assert [(name[0], told.ordinal) for name, told, _ in state.outbox.foldable("tftp", NOW)] == [("b", 1), ("c", 2)]
    state.outbox.record("a" * 32, "email", [(Outcome("a@example.org"), NOW)], NOW)
    assert [name[0] for name, _, _ in state.outbox.foldable("tftp", NOW)] == ["c"]


def test_what_stands_before_a_digest_or_something_attempted_is_not_folded(state: State) -> None:
    commit(state, pending=[pending(name * 32) for name in "abcd"])
    assert [name[0] for name, _, _ in state.outbox.foldable("tftp", NOW)] == ["b", "c", "d"]
    state.outbox.record("c" * 32, "email", [(Outcome("a@example.org", "450"), NOW)], NOW)
    assert [name[0] for name, _, _ in state.outbox.foldable("tftp", NOW)] == ["d"]
    digest = pending("e" * 32)
    commit(state, pending=[digest._replace(notification=replace(digest.notification, reason="digest"))])
    assert state.outbox.foldable("tftp", NOW) == []


def test_what_waits_of_another_attack_holds_nothing_that_could_be_folded(state: State) -> None:
    other = Mention("tftp", NOW + DAY)
    commit(state, pending=[pending()._replace(mentions=(other,)), pending("b" * 32)])
    assert state.outbox.foldable("tftp", NOW) == []


def test_what_several_receivers_wait_for_is_folded_once(state: State) -> None:
    to = ("a@example.org",)
    two = [Rendered(name, b"m", to) for name in ("email", "pager")]
    commit(state, pending=[pending(name * 32)._replace(rendered=tuple(two)) for name in "abc"])
    assert [name[0] for name, _, _ in state.outbox.foldable("tftp", NOW)] == ["b", "c"]


def test_what_was_attempted_is_not_folded(state: State) -> None:
    commit(state, pending=[pending(), pending("b" * 32, at=NOW + MINUTE)])
    state.outbox.record("b" * 32, "email", [(Outcome("a@example.org", "450"), NOW)], NOW)
    assert state.outbox.foldable("tftp", NOW) == []


def test_what_waits_behind_a_recipient_refused_for_good_is_not_folded(state: State) -> None:
    commit(state, pending=[pending()])
    state.outbox.record("a" * 32, "email", [(Outcome("a@example.org", "550", permanent=True), NOW + DAY)], NOW)
    commit(state, pending=[pending("b" * 32, at=NOW + MINUTE)])
    assert state.outbox.foldable("tftp", NOW) == []


def test_what_one_of_its_recipients_may_have_been_told_is_not_folded(state: State) -> None:
    commit(state, pending=[pending(), pending("b" * 32, to=("a@example.org", "b@example.org"), at=NOW + MINUTE)])
    assert state.outbox.foldable("tftp", NOW) == []


def test_what_is_folded_is_gone(state: State) -> None:
    commit(state, pending=[pending()])
    commit(state, pending=[pending("b" * 32)._replace(folded=("a" * 32,))])
    assert [waiting.id for waiting in state.outbox.waiting()] == ["b" * 32]


def test_what_all_accepted_is_kept_without_its_message_for_a_while(state: State) -> None:
    commit(state, pending=[pending()])
    state.outbox.record("a" * 32, "email", [(Outcome("a@example.org"), NOW)], NOW)
    commit(state)
    assert state.outbox.message("a" * 32, "email") is None
    assert state.outbox.told(NOW - MINUTE) == [("first", NOW)]
    commit(state, NOW + KEEP + DAY)
    assert state.outbox.told(NOW - MINUTE) == []
    with sqlite3.connect(state.path) as db:
        assert db.execute("SELECT count(*) FROM mentions").fetchone() == (0,)
    db.close()


def test_what_only_another_receiver_accepted_goes_after_a_while_and_where_it_is_too_much(state: State) -> None:
    to = ("a@example.org",)
    both = tuple(Rendered(name, b"m", to) for name in ("email", "pager"))
    for i in range(MOST + 2):
        commit(state, pending=[pending(f"{i:032}")._replace(rendered=both)])
        state.outbox.record(f"{i:032}", "email", [(Outcome(*to), NOW)], NOW)
    commit(state)
    assert [waiting.id for waiting in state.outbox.waiting()] == [f"{i:032}" for i in range(2, MOST + 2)]
    assert not state.outbox.full
    commit(state, NOW + KEEP + DAY)
    assert state.outbox.waiting() == []


def test_an_outbox_of_what_nobody_heard_of_is_full_at_some_point(state: State) -> None:
    for i in range(MOST):
        assert not state.outbox.full
        commit(state, pending=[pending(f"{i:032}")])
    assert state.outbox.full


def test_the_last_attack_is_the_one_that_was_stored_last(state: State) -> None:
    for start in (NOW + DAY, NOW):
        attack = replace(ATTACK, start=start)
        commit(state, tables=[TableChange("tftp", [attack])])
        commit(state, tellings=[Telling(attack, Told(1), frozenset(), frozenset(), open=False)])
    assert [stored.attack.start for stored in state.attacks()] == [NOW]
    assert state.starts("tftp") == {NOW, NOW + DAY}
    commit(state, tables=[TableChange("tftp", [replace(ATTACK, start=NOW + DAY)])])
    assert [stored.attack.start for stored in state.attacks()] == [NOW + DAY, NOW]


def test_what_nobody_accepted_is_kept_for_ever(state: State) -> None:
    commit(state, pending=[pending()])
    commit(state, NOW + 10 * KEEP)
    assert len(state.outbox.waiting()) == 1


def test_new_settings_make_everything_due_for_those_who_are_named_now(state: State) -> None:
    commit(state, pending=[pending(to=("a@example.org", "b@example.org"))])
    refused = [(Outcome(f"{name}@example.org", "550", permanent=True), NOW + DAY) for name in "ab"]
    state.outbox.record("a" * 32, "email", refused, NOW)
    state.outbox.readdress({"email": ["b@example.org", "c@example.org"]}, "print", NOW + MINUTE)
    assert [(w.recipient, w.next, w.attempts) for w in state.outbox.waiting()] == [
        ("b@example.org", NOW + MINUTE, 1),
        ("c@example.org", NOW + MINUTE, 0),
    ]
    assert state.meta()["receivers"] == "print"


def test_new_settings_name_nobody_new_for_what_somebody_accepted(state: State) -> None:
    commit(state, pending=[pending(to=("a@example.org", "b@example.org"))])
    outcomes = [(Outcome("a@example.org"), NOW), (Outcome("b@example.org", "450"), NOW + DAY)]
    state.outbox.record("a" * 32, "email", outcomes, NOW)
    state.outbox.readdress({"email": ["b@example.org", "c@example.org"]}, "print", NOW)
    assert [(waiting.recipient, waiting.next) for waiting in state.outbox.waiting()] == [("b@example.org", NOW)]


def test_nobody_waits_any_more_whom_new_settings_do_not_name(state: State) -> None:
    commit(state, pending=[pending(to=("a@example.org", "b@example.org"))])
    outcomes = [(Outcome("a@example.org"), NOW), (Outcome("b@example.org", "450"), NOW + DAY)]
    state.outbox.record("a" * 32, "email", outcomes, NOW)
    state.outbox.readdress({"email": ["c@example.org"]}, "print", NOW)
    assert state.outbox.waiting() == []


def test_what_waits_for_a_receiver_that_is_no_more_goes_to_one_that_is(state: State) -> None:
    commit(state, pending=[pending()])
    state.outbox.readdress({"pager": ["new@example.org"]}, "print", NOW + MINUTE)
    assert [(entry.receiver, entry.recipient) for entry in state.outbox.waiting()] == [("pager", "new@example.org")]
    assert state.outbox.message("a" * 32, "pager") == b"message a"


def test_what_another_receiver_has_too_waits_no_more_for_one_that_is_gone(state: State) -> None:
    both = pending()._replace(rendered=tuple(Rendered(name, b"m", ("a@example.org",)) for name in ("email", "pager")))
    commit(state, pending=[both])
    state.outbox.readdress({"pager": ["a@example.org"]}, "print", NOW + MINUTE)
    assert [entry.receiver for entry in state.outbox.waiting()] == ["pager"]


def test_a_state_of_a_newer_tocsin_is_refused_and_kept(tmp_path: Path) -> None:
    State(str(tmp_path)).close()
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(SettingsError, match="newer tocsin"):
        State(str(tmp_path))
    assert (tmp_path / "state.db").read_bytes() == before


@pytest.mark.parametrize("damage", [b"not a database, but as long as one" * 300, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_said_to_be_damaged_and_can_be_set_aside(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "state.db").write_bytes(damage)
    (tmp_path / "state.db-journal").write_bytes(b"")
    with pytest.raises(StateCorrupt, match="damaged"):
        State(str(tmp_path))
    aside = folder.set_aside(str(tmp_path), NOW)
    assert aside == str(tmp_path / "state.db.damaged-20261123T140000Z")
    assert Path(aside).read_bytes() == damage
    State(str(tmp_path)).close()


@pytest.mark.parametrize(
    "noted", [{"committed": "x"}, {"began": "2026"}, {"heartbeat": ""}, {"grown": "x"}, {"lines": "x"}]
)
def test_what_was_noted_and_cannot_be_read_is_damage(state: State, noted: dict[str, str]) -> None:
    commit(state, meta=noted)
    with pytest.raises(StateCorrupt):
        state.meta()


def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("CREATE TABLE meta (x)")
    db.close()
    with pytest.raises(SettingsError, match="another program"):
        State(str(tmp_path))
    assert folder.asides(str(tmp_path)) == []


def full(limit: int) -> Callable[[str], sqlite3.Connection]:
    """A disk that has room for so many pages more."""

    def connect(path: str) -> sqlite3.Connection:
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA max_page_count = {limit}")
        return db

    return connect


def test_a_full_disk_stores_nothing_and_the_next_commit_goes_on(tmp_path: Path) -> None:
    State(str(tmp_path)).close()
    size = (tmp_path / "state.db").stat().st_size // 4096
    small = State(str(tmp_path), connect=full(size))
    with pytest.raises(DiskFull, match="no room"):
        commit(small, meta={"a": "b" * 20_000})
    commit(small, meta={"a": "b"})
    assert small.meta() == {"a": "b"}
    small.close()


def test_a_folder_without_a_parent_or_in_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("no/such", "file/state"):
        with pytest.raises(StateUnwritable, match="cannot be made") as raised:
            folder.prepare(str(tmp_path / name))
        assert raised.value.hint
    with pytest.raises(StateUnwritable):
        State(str(tmp_path / "no"))


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    assert folder.prepare(path)
    State(path).close()
    assert not folder.prepare(path)


def test_a_state_that_is_locked_by_a_stranger_is_in_use(tmp_path: Path) -> None:
    State(str(tmp_path)).close()
    stranger = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    stranger.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateInUse):
        State(str(tmp_path), connect=lambda path: sqlite3.connect(path, timeout=0))
    stranger.close()


def test_one_process_owns_a_folder_and_the_next_is_told_which(tmp_path: Path) -> None:
    held = lock.Lock(str(tmp_path))
    with pytest.raises(StateInUse, match=f"process {os.getpid()}"):
        lock.Lock(str(tmp_path))
    held.close()
    lock.Lock(str(tmp_path)).close()


def test_the_locks_time_is_that_of_the_last_tick(tmp_path: Path) -> None:
    assert lock.last_tick(str(tmp_path)) is None
    held = lock.Lock(str(tmp_path))
    held.touch(NOW)
    assert lock.last_tick(str(tmp_path)) == NOW
    held.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_lock_of_somebody_else_that_may_be_written_notes_a_tick_by_the_kernels_clock(tmp_path: Path) -> None:
    held = lock.Lock(str(tmp_path))
    os.utime(held.path, (0, 0))
    Path(held.path).chmod(0o666)
    os.seteuid(65534)
    try:
        held.touch(NOW)
    finally:
        os.seteuid(0)
        held.close()
    assert os.stat(held.path).st_mtime > NOW.timestamp() - 86_400


def test_a_state_that_cannot_be_set_aside_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StateUnwritable, match="cannot be set aside"):
        folder.set_aside(str(tmp_path), NOW)


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateUnwritable):
        lock.Lock(str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


def test_a_glance_sees_what_the_owner_committed(tmp_path: Path, state: State) -> None:
    commit(state, meta={"a": "b"})
    glance = folder.glance(str(tmp_path))
    assert glance
    assert glance.meta() == {"a": "b"}
    glance.close()


def test_a_glance_before_the_first_tick_sees_nothing_and_makes_nothing(tmp_path: Path) -> None:
    assert folder.glance(str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_glance_at_a_state_that_is_being_made_sees_nothing(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    assert folder.glance(str(tmp_path)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else for a moment")
def test_a_glance_without_permission_says_so(tmp_path: Path, state: State) -> None:
    os.chown(tmp_path, 65534, 65534)
    os.chmod(tmp_path / "state.db", 0o600)
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.seteuid(65534)
    try:
        with pytest.raises(NotPermitted):
            folder.glance(f"/proc/self/fd/{opened}")
    finally:
        os.seteuid(0)
        os.close(opened)
    assert state.meta() == {}


def test_a_receiver_that_comes_back_takes_over_what_waits_for_the_one_that_is_gone(state: State) -> None:
    both = pending()._replace(rendered=tuple(Rendered(name, b"m", ("a@example.org",)) for name in ("email", "pager")))
    commit(state, pending=[both])
    state.outbox.readdress({"pager": ["a@example.org"]}, "print", NOW + MINUTE)
    state.outbox.readdress({"email": ["a@example.org"]}, "another", NOW + 2 * MINUTE)
    assert [entry.receiver for entry in state.outbox.waiting()] == ["email"]
    assert state.outbox.message("a" * 32, "email") == b"m"


def test_the_start_of_an_attack_is_known_as_long_as_a_notification_tells_of_it(state: State) -> None:
    commit(state, tables=[TableChange("tftp", attacks=[ATTACK])], pending=[pending(at=NOW + 31 * DAY)])
    commit(state, tellings=[Telling(ATTACK, Told(1), frozenset(), frozenset(), open=False)])
    commit(state, NOW + 31 * DAY)
    assert (state.attacks(), state.starts("tftp")) == ([], {NOW})


@pytest.mark.parametrize("change", ["last = '2026-11-2'", "told = '{'", "told = '{\"at\": null}'"])
def test_a_row_that_cannot_be_understood_is_damage(state: State, change: str) -> None:
    commit(state, tables=[TableChange("tftp", attacks=[ATTACK])])
    with sqlite3.connect(state.path) as db:
        db.execute(f"UPDATE attacks SET {change}")  # noqa: S608 (three constants)
    db.close()
    with pytest.raises(StateCorrupt, match="is damaged"):
        state.attacks()


def test_bytes_that_are_no_text_are_damage(state: State) -> None:
    commit(state, tables=[TableChange("tftp", attacks=[ATTACK])])
    with sqlite3.connect(state.path) as db:
        db.execute("UPDATE attacks SET last = CAST(x'ff' AS TEXT)")
    db.close()
    with pytest.raises(StateCorrupt, match="is damaged"):
        state.attacks()


def test_a_file_that_was_set_aside_and_has_another_name_now_is_not_news(tmp_path: Path) -> None:
    State(str(tmp_path)).close()
    aside = Path(folder.set_aside(str(tmp_path), NOW))
    assert folder.asides(str(tmp_path)) == [str(aside)]
    aside.rename(f"{aside}.gz")
    assert folder.asides(str(tmp_path)) == []
