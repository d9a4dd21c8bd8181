"""Detection against a naive oracle, and however the log is cut."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect import Table
from tocsin.model import Event, Rule, Seen
from tocsin.state.rows import from_seen, to_seen

START = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = timedelta(seconds=60)
Alerts = list[tuple[str, int, datetime, datetime]]

logs = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 400), st.integers(1, 3)).map(
        lambda drawn: Event("tftp", drawn[0], START + timedelta(seconds=drawn[1]), drawn[2], "f", 0, b"", b"", b"")
    ),
    max_size=40,
)
thresholds = st.integers(1, 4)


def naive(events: list[Event], threshold: int) -> Alerts:
    """Runs by src, cut where the window passed; an alert where enough packets of a run lie within the window."""
    runs: dict[str, list[list[datetime]]] = defaultdict(lambda: [[]])
    for event in events:
        run = runs[event.src][-1]
        if run and event.time >= run[-1] + WINDOW:
            runs[event.src].append(run := [])
        run += [event.time] * event.packets
    return sorted(
        (src, len(run), run[0], run[-1])
        for src, several in runs.items()
        for run in several
        if any(sum(time <= other < time + WINDOW for other in run) >= threshold for time in run)
    )


def alerts(table: Table, ended: list[Seen]) -> Alerts:
    runs = [seen for seen in (*ended, *table.seen.values()) if seen.attack]
    return sorted((seen.src, seen.events, seen.first, seen.last) for seen in runs)


def detected(
    events: list[Event], threshold: int, cuts: set[int]
) -> tuple[Alerts, list[tuple[datetime, tuple[int, datetime]]]]:
    """The alerts and attacks when the table is settled and goes through the state's rows at each cut."""
    rule = Rule("tftp", ("P: ",), threshold=threshold, window=WINDOW)
    table, ended, attacks = Table(rule), [], {}
    for place, event in enumerate(events):
        table.add(event)
        for attack in filter(None, (*table.earlier, table.attack)):
            attacks[attack.start] = (attack.events, attack.last)
        if place in cuts:
            ended += table.ended
            kept = Table(rule, table.attack, table.crowd.bitmap)
            kept.load(to_seen(from_seen(seen)) for seen in table.seen.values())
            table = kept
    return alerts(table, ended + table.ended), sorted(attacks.items())


@given(logs.map(lambda log: sorted(log, key=lambda event: event.time)), thresholds)
def test_detection_equals_the_naive_oracle(events: list[Event], threshold: int) -> None:
    assert detected(events, threshold, set())[0] == naive(events, threshold)


@given(logs, thresholds, st.sets(st.integers(0, 40)))
def test_no_cut_changes_an_alert_or_an_attack(events: list[Event], threshold: int, cuts: set[int]) -> None:
    assert detected(events, threshold, cuts) == detected(events, threshold, set())
