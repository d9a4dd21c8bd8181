"""Who is tried, when, and when again."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.deliver import Deliverer, pause, still_waits
from tocsin.errors import StateInUse
from tocsin.model import Notification, Outcome
from tocsin.state.changes import Changes
from tocsin.state.outbox import Mention, Pending, Rendered
from tocsin.state.store import State

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ADMIN = "admin@example.org"


class Answering:
    """A receiver whose recipients answer as they are told to."""

    def __init__(self, name: str = "email") -> None:
        self.name = name
        self.recipients: tuple[str, ...] = (ADMIN,)
        self.errors: dict[str, Outcome] = {}
        self.told: list[tuple[bytes, tuple[str, ...]]] = []

    def render(self, notification: Notification) -> bytes:
        return notification.id.encode()

    def deliver(self, message: bytes, recipients: Sequence[str], *, seconds: float) -> tuple[Outcome, ...]:
        assert seconds > 0
        self.told.append((message, tuple(recipients)))
        return tuple(self.errors.get(each, Outcome(each)) for each in recipients)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(str(tmp_path), connect=lambda path: sqlite3.connect(path, timeout=0))
    yield opened
    opened.close()


def put(state: State, name: str, *to: str, at: datetime = NOW, attacks: Sequence[datetime] = (NOW,)) -> None:
    note = Notification(name, "tftp", "first", at, "node1", "")
    rendered = (Rendered("email", name.encode(), to or (ADMIN,)),)
    state.commit(Changes(pending=[Pending(note, rendered, tuple(Mention("tftp", each) for each in attacks))]), at, DAY)


def run(state: State, receiver: Answering, after: timedelta = timedelta(0)) -> int:
    return len(Deliverer(state, {receiver.name: receiver}).deliver(NOW + after))


def test_what_is_accepted_is_told_once(state: State) -> None:
    receiver = Answering()
    put(state, "a")
    assert [run(state, receiver) for _ in range(3)] == [1, 0, 0]
    assert receiver.told == [(b"a", (ADMIN,))]


def test_the_pauses_grow_and_become_daily_after_five_days() -> None:
    minutes = [pause(attempts, timedelta(0), permanent=False) // MINUTE for attempts in range(8)]
    assert minutes == [0, 0, 1, 2, 5, 10, 15, 15]
    assert pause(400, timedelta(days=5), permanent=False) == DAY
    assert pause(1, timedelta(0), permanent=True) == DAY


def test_what_failed_is_tried_again_when_its_pause_is_over_with_the_same_bytes(state: State) -> None:
    receiver = Answering()
    receiver.errors[ADMIN] = Outcome(ADMIN, "450 later")
    put(state, "a")
    assert [run(state, receiver, i * MINUTE) for i in (0, 0, 0, 0.9, 1, 2.9, 3)] == [1, 1, 0, 0, 1, 0, 1]
    assert {message for message, _ in receiver.told} == {b"a"}


def test_what_an_attempt_came_to_is_recorded_before_anything_is_sent_again(state: State) -> None:
    receiver = Answering()
    put(state, "a")
    deliverer = Deliverer(state, {"email": receiver})
    with closing(sqlite3.connect(state.path)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateInUse):
            deliverer.deliver(NOW)
        deliverer.renew()
        with pytest.raises(StateInUse):
            deliverer.deliver(NOW)
    deliverer.renew()
    assert (deliverer.deliver(NOW), run(state, receiver)) == ([], 0)
    assert receiver.told == [(b"a", (ADMIN,))]


def test_a_recipient_is_tried_once_in_a_run(state: State) -> None:
    receiver = Answering()
    receiver.errors[ADMIN] = Outcome(ADMIN, "450 later")
    put(state, "a")
    deliverer = Deliverer(state, {"email": receiver})
    assert [len(deliverer.deliver(NOW)) for _ in range(2)] == [1, 0]
    deliverer.renew()
    assert len(deliverer.deliver(NOW)) == 1


def test_only_those_who_have_not_accepted_are_tried_again(state: State) -> None:
    receiver = Answering()
    receiver.errors["b@example.org"] = Outcome("b@example.org", "450 later")
    put(state, "a", "a@example.org", "b@example.org")
    run(state, receiver)
    run(state, receiver)
    assert [to for _, to in receiver.told] == [("a@example.org", "b@example.org"), ("b@example.org",)]


def test_one_refused_for_good_waits_no_more_where_another_accepted(state: State) -> None:
    receiver = Answering()
    receiver.errors["b@example.org"] = Outcome("b@example.org", "550", permanent=True)
    put(state, "a", "a@example.org", "b@example.org")
    run(state, receiver)
    (entry,) = state.outbox.waiting()
    assert (entry.permanent, still_waits(entry)) == (True, False)
    assert run(state, receiver, 2 * DAY) == 0


def test_what_all_refused_for_good_waits_and_is_tried_daily(state: State) -> None:
    receiver = Answering()
    receiver.errors[ADMIN] = Outcome(ADMIN, "550", permanent=True)
    put(state, "a")
    assert [run(state, receiver, after) for after in (0 * DAY, DAY - MINUTE, DAY)] == [1, 0, 1]
    assert still_waits(state.outbox.waiting()[0])


def test_nobody_hears_of_an_attacks_end_before_its_start(state: State) -> None:
    receiver = Answering()
    receiver.errors[ADMIN] = Outcome(ADMIN, "450 later")
    put(state, "a")
    put(state, "b", at=NOW + MINUTE)
    put(state, "c", at=NOW + MINUTE, attacks=[NOW + MINUTE])
    run(state, receiver, MINUTE)
    assert [message for message, _ in receiver.told] == [b"a", b"c"]


def test_a_digest_waits_for_each_of_its_attacks_and_they_for_it(state: State) -> None:
    receiver = Answering()
    one, two = NOW, NOW + MINUTE
    put(state, "a", attacks=[one])
    receiver.errors[ADMIN] = Outcome(ADMIN, "450 later")
    run(state, receiver)
    put(state, "b", attacks=[one, two])
    put(state, "c", attacks=[two])
    assert [entry.next for entry in state.outbox.waiting()] == [NOW] * 3
    run(state, receiver, MINUTE)
    del receiver.errors[ADMIN]
    run(state, receiver, 5 * MINUTE)
    assert [message for message, _ in receiver.told] == [b"a", b"a", b"a", b"b", b"c"]


def test_what_was_decided_later_is_told_later_whatever_the_clock_said(state: State) -> None:
    receiver = Answering()
    put(state, "b", at=NOW + DAY)
    put(state, "a")
    run(state, receiver)
    assert [message for message, _ in receiver.told] == [b"b", b"a"]


def test_a_time_that_no_pause_can_have_set_is_no_time_to_wait_for(state: State) -> None:
    receiver = Answering()
    receiver.errors[ADMIN] = Outcome(ADMIN, "450 later")
    put(state, "a")
    for _ in range(2):
        run(state, receiver, DAY)
    assert [run(state, receiver, after) for after in (DAY, timedelta(0), MINUTE, 2 * MINUTE)] == [0, 1, 0, 1]


def test_what_is_behind_goes_in_the_same_run_once_the_first_is_accepted(state: State) -> None:
    receiver = Answering()
    put(state, "a")
    put(state, "b", at=NOW + MINUTE)
    run(state, receiver, MINUTE)
    assert [message for message, _ in receiver.told] == [b"a", b"b"]


def test_what_waits_for_a_receiver_that_is_no_more_is_kept(state: State) -> None:
    put(state, "a")
    assert run(state, Answering("other")) == 0
    assert len(state.outbox.waiting()) == 1


def test_a_receiver_that_used_up_its_time_is_not_tried_again_in_the_run(state: State) -> None:
    receiver = Answering()
    put(state, "a", attacks=())
    put(state, "b", attacks=())
    deliverer = Deliverer(state, {"email": receiver}, seconds=0.0)
    assert deliverer.deliver(NOW) == []


def test_the_time_of_a_run_is_for_all_its_attempts(state: State) -> None:
    receiver = Answering()
    put(state, "a", attacks=())
    put(state, "b", attacks=())
    deliverer = Deliverer(state, {"email": receiver}, seconds=1e-9)
    assert [len(deliverer.deliver(NOW)) for _ in range(2)] == [1, 0]


def test_all_recipients_of_each_receiver_are_told_in_one_attempt(state: State) -> None:
    receivers = {name: Answering(name) for name in ("email", "pager")}
    to = ("a@example.org", "b@example.org")
    note = Notification("a", "tftp", "first", NOW, "node1", "")
    pending = Pending(note, tuple(Rendered(name, b"a", to) for name in receivers), (Mention("tftp", NOW),))
    state.commit(Changes(pending=[pending]), NOW, DAY)
    Deliverer(state, receivers).deliver(NOW)
    assert [receiver.told for receiver in receivers.values()] == [[(b"a", to)], [(b"a", to)]]


def test_what_waits_since_a_clock_was_years_behind_is_not_tried_daily(state: State) -> None:
    receiver = Answering()
    receiver.errors[ADMIN] = Outcome(ADMIN, "450 later")
    put(state, "a")
    years = 9000 * DAY
    assert [run(state, receiver, years + i * MINUTE) for i in (0, 1, 2, 5)] == [1, 1, 1, 1]
