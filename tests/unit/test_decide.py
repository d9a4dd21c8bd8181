"""Attacks in, notifications out, each with its reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.decide import LISTED, Case, Decision, Desk, Fold, decide, done, due, example, heartbeat, held
from tocsin.model import BLIND, Alert, Attack, Notify, Rule, Told
from tocsin.units import Rate

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = Rule("tftp", ("P: ",))
NOTIFY = Notify()
DESK = Desk("node1", "192.0.2.1", NOTIFY)


def alert(src: str = "192.0.2.7", *, named: bool = False, events: int = 1, over: bool = False) -> Alert:
    return Alert("tftp", src, None, None, START, START, events, START, over=over, named=named)


def case(*alerts: Alert, told: Told | None = None, over: bool = False, events: int = 0, beyond: int = 0) -> Case:
    total = sum(each.events for each in alerts) + events
    return Case(Attack("tftp", START, START, total, beyond), RULE, alerts, told or Told(), over)


def tell(*cases: Case, at: timedelta = timedelta(0), desk: Desk = DESK) -> list[Decision]:
    return decide(cases, START + at, desk)


def told(at: timedelta = timedelta(0), **rest: object) -> Told:
    base = Told(1, "a" * 32, "a" * 32, START + at, 1)
    return replace(base, **rest)  # type: ignore[arg-type] # Told checks nothing, the tests do


def test_an_attack_that_nobody_heard_of_is_told_at_once() -> None:
    (decision,) = tell(case(alert()))
    note = decision.notification
    assert (note.reason, note.new, note.over, note.node, note.node_ip) == ("first", 1, False, "node1", "192.0.2.1")
    assert (note.start, note.events, note.thread) == (START, 1, ())


def test_an_attack_that_began_and_ended_unseen_is_one_notification_that_says_both() -> None:
    unseen = case(alert(over=True), over=True)
    (decision,) = tell(unseen)
    assert (decision.notification.reason, decision.notification.over) == ("first", True)
    assert due(replace(unseen, told=decision.told[0].told), START + DAY, NOTIFY) is None


@pytest.mark.parametrize(
    ("alerts", "since", "before", "reason"),
    [
        ([alert(named=True)], 9 * MINUTE, told(), None),
        ([alert(named=True), alert("192.0.2.8")], 9 * MINUTE, told(), None),
        ([alert(named=True), alert("192.0.2.8")], 10 * MINUTE, told(), "more"),
        ([alert(named=True), alert("192.0.2.8")], 10 * MINUTE, told(more=20 * MINUTE), None),
        ([alert(named=True), alert("192.0.2.8")], 20 * MINUTE, told(more=20 * MINUTE), "more"),
        ([alert(named=True, events=2)], 59 * MINUTE, told(), None),
        ([alert(named=True, events=2)], 60 * MINUTE, told(), "still"),
        ([alert(named=True, events=1)], 60 * MINUTE, told(), None),
        ([alert(named=True, events=2)], 60 * MINUTE, told(still=2 * HOUR), None),
        ([alert(named=True, events=2)], 120 * MINUTE, told(still=2 * HOUR), "still"),
    ],
)
def test_what_is_due_while_an_attack_goes_on(
    alerts: list[Alert], since: timedelta, before: Told, reason: str | None
) -> None:
    assert due(case(*alerts, told=before), START + since, NOTIFY) == reason


@pytest.mark.parametrize(
    ("alerts", "before", "notify", "reason"),
    [
        ([alert(named=True)], told(), NOTIFY, "over"),
        ([alert(named=True)], told(over=True), NOTIFY, None),
        ([alert(named=True)], told(), replace(NOTIFY, over=False), None),
        ([alert()], told(), replace(NOTIFY, over=False), "more"),
        ([alert()], told(over=True), NOTIFY, None),
    ],
)
def test_what_is_due_when_an_attack_is_over(
    alerts: list[Alert], before: Told, notify: Notify, reason: str | None
) -> None:
    assert due(case(*alerts, told=before, over=True), START, notify) == reason


@pytest.mark.parametrize(
    ("since", "before", "reason"),
    [
        (10 * MINUTE, told(over=True), "over"),
        (9 * MINUTE, told(over=True), None),
        (19 * MINUTE, told(over=True, more=20 * MINUTE), None),
        (-10 * MINUTE, told(over=True), "over"),
        (10 * MINUTE, told(over=True, events=2), None),
    ],
)
def test_an_end_is_told_again_where_late_events_joined(since: timedelta, before: Told, reason: str | None) -> None:
    late = case(alert(named=True, events=2), told=before, over=True)
    assert due(late, START + since, NOTIFY) == reason
    assert done(late, NOTIFY) == (before.events == 2)


def test_the_pause_before_another_end_doubles() -> None:
    (decision,) = tell(case(alert(events=2), told=told(over=True), over=True), at=HOUR)
    assert (decision.notification.reason, decision.told[0].told.more) == ("over", 20 * MINUTE)


def test_an_attack_is_done_when_all_is_told_to_its_end() -> None:
    on, over = case(alert(named=True), told=told()), case(alert(named=True), told=told(), over=True)
    assert [done(each, NOTIFY) for each in (on, over)] == [False, False]
    assert done(over, replace(NOTIFY, over=False))
    assert not done(case(alert(), told=told(), over=True), replace(NOTIFY, over=False))


def test_a_full_outbox_is_added_nothing_to() -> None:
    assert tell(case(alert()), desk=replace(DESK, full=True)) == []


def test_the_pause_before_more_doubles_up_to_repeat() -> None:
    pauses, before = [], told()
    for _ in range(5):
        (decision,) = tell(case(alert(), told=before), at=(before.at or START) - START + HOUR)
        before = decision.told[0].told
        pauses.append(before.more)
    assert pauses == [20 * MINUTE, 40 * MINUTE, HOUR, HOUR, HOUR]


def test_a_short_repeat_is_the_pause_before_more_too() -> None:
    notify = replace(NOTIFY, repeat=5 * MINUTE)
    assert due(case(alert(), told=told()), START + 5 * MINUTE, notify) == "more"


def test_the_pause_before_still_doubles_up_to_a_day() -> None:
    pauses, before = [], told()
    for events in range(2, 9):
        (decision,) = tell(case(alert(named=True, events=events), told=before), at=(before.at or START) - START + DAY)
        before = decision.told[0].told
        pauses.append(before.still)
    assert pauses == [2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY, DAY, DAY]


def test_repeat_is_the_least_pause_before_still() -> None:
    notify = replace(NOTIFY, repeat=3 * DAY)
    on = case(alert(named=True, events=2), told=told())
    assert due(on, START + 2 * DAY, notify) is None
    (decision,) = tell(on, at=3 * DAY, desk=replace(DESK, notify=notify))
    assert decision.told[0].told.still == 3 * DAY


def test_an_attack_is_one_thread_of_different_ids() -> None:
    (first,) = tell(case(alert()))
    (more,) = tell(case(alert("192.0.2.8"), told=first.told[0].told), at=HOUR)
    (over,) = tell(case(alert(named=True), told=more.told[0].told, over=True), at=2 * HOUR)
    ids = [decision.notification.id for decision in (first, more, over)]
    assert len(set(ids)) == 3
    assert more.notification.thread == (ids[0],)
    assert over.notification.thread == (ids[0], ids[1])


def test_the_id_is_the_same_in_every_run_and_another_for_another_node() -> None:
    (one,), (same,), (other,) = (
        tell(case(alert())),
        tell(case(alert()), at=MINUTE),
        tell(case(alert()), desk=replace(DESK, node="node2")),
    )
    assert one.notification.id == same.notification.id != other.notification.id
    assert len(one.notification.id) == 32
    assert int(one.notification.id, 16)


def test_new_sources_come_first_and_only_what_is_listed_is_named() -> None:
    old = alert("192.0.2.1", named=True, events=900)
    new = [alert(f"198.51.100.{i}", events=i + 1) for i in range(60)]
    (decision,) = tell(case(old, *new, told=told(), beyond=5, events=7), at=HOUR)
    note = decision.notification
    assert [each.src for each in note.alerts[:2]] == ["198.51.100.59", "198.51.100.58"]
    assert (len(note.alerts), note.new) == (LISTED, LISTED)
    assert (note.others.sources, note.others.events) == (5 + 11, 7 + 900 + sum(range(1, 11)))
    assert decision.told[0].named == {f"198.51.100.{i}" for i in range(10, 60)}


def test_a_source_is_named_by_its_network_or_by_its_log() -> None:
    network = replace(alert("2001:db8::1"), network="2001:db8::/64")
    blind = replace(alert(), rule=BLIND, src=None, source="/var/log/syslog")
    (decision,) = tell(case(network, blind))
    assert decision.told[0].named == {"2001:db8::/64", "/var/log/syslog"}


def test_what_waits_unattempted_folds_into_the_newest() -> None:
    before = Told()
    folded = Fold(("b" * 32,), before, frozenset({"192.0.2.7"}))
    waiting = replace(case(alert(named=True), alert("192.0.2.8"), told=told(), over=True), fold=folded)
    (decision,) = tell(waiting, at=HOUR)
    assert (decision.notification.reason, decision.notification.over, decision.notification.new) == ("first", True, 2)
    assert decision.folded == ("b" * 32,)
    assert decision.told[0].before == before


def test_nothing_folds_where_nothing_is_due() -> None:
    waiting = replace(case(alert(named=True), told=told()), fold=Fold(("b" * 32,), Told(), frozenset()))
    assert tell(waiting) == []


def crowd(number: int) -> list[Case]:
    return [
        replace(case(alert()), attack=Attack(f"rule{i}", START + i * MINUTE, START + HOUR, 1)) for i in range(number)
    ]


def test_above_the_limit_one_digest_tells_of_all() -> None:
    notify = replace(NOTIFY, limit=Rate(3, HOUR))
    desk = replace(DESK, notify=notify, recent=(START - MINUTE, START - 2 * HOUR))
    assert [decision.notification.reason for decision in tell(*crowd(2), desk=desk)] == ["first", "first"]
    (digest,) = tell(*crowd(3), desk=desk)
    note = digest.notification
    assert (note.reason, note.rule, note.events, note.over) == ("digest", "", 3, False)
    assert [part.rule for part in note.attacks] == ["rule0", "rule1", "rule2"]
    assert {part.told.opening for part in digest.told} == {part.told.latest for part in digest.told} == {note.id}


def test_what_was_told_by_a_clock_that_was_ahead_takes_no_room() -> None:
    desk = replace(DESK, notify=replace(NOTIFY, limit=Rate(2, HOUR)), recent=(START + DAY, START + 2 * DAY))
    assert [decision.notification.reason for decision in tell(*crowd(2), desk=desk)] == ["first", "first"]


def test_digests_keep_ten_minutes_apart_and_nothing_is_marked_as_told_meanwhile() -> None:
    full = replace(DESK, notify=replace(NOTIFY, limit=Rate(1, HOUR)), recent=(START,), digest=START)
    assert tell(*crowd(2), at=9 * MINUTE, desk=full) == []
    assert len(tell(*crowd(2), at=10 * MINUTE, desk=full)) == 1


def test_a_digest_stays_in_the_thread_of_an_attack_that_has_one() -> None:
    full = replace(DESK, notify=replace(NOTIFY, limit=Rate(1, HOUR)), recent=(START,))
    (digest,) = tell(case(alert(named=True), told=told(), over=True), at=MINUTE, desk=full)
    after = digest.told[0].told
    assert (after.opening, after.latest, after.over) == ("a" * 32, digest.notification.id, True)


def test_a_heartbeat_says_how_much_was_read() -> None:
    first, second = (
        heartbeat(START, DESK, since=START - i * DAY, lines=7, newest=START).notification for i in range(2)
    )
    assert (first.reason, first.lines, first.newest) == ("heartbeat", 7, START)
    assert first.id != second.id


def test_nothing_due_is_nothing_told_however_much_was_told_before() -> None:
    full = replace(DESK, notify=replace(NOTIFY, limit=Rate(1, HOUR)), recent=(START, START, START), digest=START)
    assert tell(at=20 * MINUTE, desk=full) == []
    assert tell(case(alert(named=True), told=told()), at=20 * MINUTE, desk=full) == []


def test_digests_of_other_attacks_or_of_a_later_time_have_other_ids() -> None:
    full = replace(DESK, notify=replace(NOTIFY, limit=Rate(1, HOUR)), recent=(START,))
    one, two = crowd(2)
    later = replace(one, told=told(ordinal=2))
    digests = [tell(*cases, at=20 * MINUTE, desk=full)[0] for cases in ((one, two), (later, two), (later,), (two,))]
    assert len({digest.notification.id for digest in digests}) == 4


def test_what_the_limit_holds_back_is_known() -> None:
    full = replace(DESK, notify=replace(NOTIFY, limit=Rate(1, HOUR)), recent=(START,), digest=START)
    cases = [*crowd(2), case(alert(named=True), told=told())]
    assert held(cases, tell(*cases, desk=full), START, full.notify) == cases[:2]
    assert held(cases, tell(*cases), START, NOTIFY) == []


def test_an_example_is_told_whatever_is_due() -> None:
    assert example("first", case(alert(named=True), told=told()), START, DESK).reason == "first"
