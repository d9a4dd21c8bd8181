"""Events in, alerts out."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.detect import SOURCES, Table, Tally
from tocsin.model import BLIND, Event, Place, Rule
from tocsin.parse.adder import added

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=10)


def event(src: str = "192.0.2.7", minutes: float = 0, packets: int = 1, **fields: object) -> Event:
    told = {"file": "syslog", "offset": 0, "spt": b"40000", "dpt": b"69", "mac": b"00:00:5e:00:53:01"} | fields
    return Event("tftp", src, START + timedelta(minutes=minutes), packets, **told)  # type: ignore[arg-type] # checked by use


def table(*events: Event, threshold: int = 1, group_v6: int = 64) -> Table:
    made = Table(Rule("tftp", ("P: ",), threshold=threshold, window=WINDOW, group_v6=group_v6))
    for each in events:
        made.add(each)
    return made


def alerts(made: Table, minutes: float = 0) -> list[tuple[str | None, int, bool]]:
    at = START + timedelta(minutes=minutes)
    return [(alert.src, alert.events, alert.over) for alert in made.alerts(at)]


def test_one_event_is_an_alert_where_the_threshold_is_one() -> None:
    assert alerts(table(event())) == [("192.0.2.7", 1, False)]


def test_an_alert_is_over_when_the_window_has_passed_since_its_last_event() -> None:
    made = table(event(minutes=0), event(minutes=5))
    assert [over for _, _, over in alerts(made, 14.9)] == [False]
    assert [over for _, _, over in alerts(made, 15)] == [True]


def test_fewer_than_the_threshold_within_the_window_are_no_alert() -> None:
    assert alerts(table(event(minutes=0), event(minutes=5), event(minutes=10), threshold=3)) == []


def test_the_threshold_within_the_window_is_an_alert_of_all_events_from_the_first() -> None:
    made = table(*(event(minutes=minute) for minute in (0, 9, 11, 12)), threshold=3)
    assert alerts(made) == [("192.0.2.7", 4, False)]


def test_a_late_line_can_complete_a_threshold() -> None:
    made = table(event(minutes=0), event(minutes=9), event(minutes=5), threshold=3)
    assert alerts(made) == [("192.0.2.7", 3, False)]


def test_a_repeated_line_counts_as_many_packets_as_it_says() -> None:
    assert alerts(table(event(packets=3), threshold=3)) == [("192.0.2.7", 3, False)]


def test_firing_anew_after_the_end_is_a_new_alert_and_a_new_attack() -> None:
    made = table(event(minutes=0), event(minutes=10))
    assert [seen.events for seen in made.ended] == [1]
    assert [attack.start for attack in made.earlier] == [START]
    assert made.attack
    assert made.attack.start == START + WINDOW


def test_a_second_source_within_the_window_joins_the_attack() -> None:
    made = table(event(minutes=0), event("192.0.2.8", minutes=9))
    assert {alert.attack for alert in made.alerts(START)} == {START}
    assert made.attack
    assert (made.attack.events, made.attack.last) == (2, START + timedelta(minutes=9))


def test_first_and_last_are_the_least_and_the_greatest_time_when_the_clock_was_set_back() -> None:
    (alert,) = table(event(minutes=0), event(minutes=-120), event(minutes=-119)).alerts(START)
    assert (alert.first, alert.last, alert.events) == (START - timedelta(hours=2), START, 3)


def test_v6_sources_of_one_network_count_together_and_are_shown_in_full() -> None:
    addresses = ("2001:db8::1", "2001:db8::2", "2001:db8::1", "2001:db8:0:1::1")
    (alert,) = table(*map(event, addresses), threshold=2).alerts(START)
    assert (alert.src, alert.network, alert.events) == ("2001:db8::1", "2001:db8::/64", 3)


def test_v6_sources_stand_for_themselves_where_nothing_is_grouped() -> None:
    made = table(event("2001:db8::1"), event("2001:db8::2"), group_v6=128)
    assert [(alert.src, alert.network) for alert in made.alerts(START)] == [
        ("2001:db8::1", None),
        ("2001:db8::2", None),
    ]


def test_an_alert_tells_ports_hardware_and_the_lines_that_prove_it() -> None:
    made = table(
        event(offset=10, spt=b"41000"),
        event(offset=20, spt=b"40000", mac=b""),
        event(offset=30, dpt=b"", spt=b"", mac=b"00:00:5e:00:53:02"),
    )
    (alert,) = made.alerts(START)
    assert (alert.ports, alert.spts, alert.mac) == ((69,), (40000, 41000), "00:00:5e:00:53:02")
    assert alert.lines == (Place("syslog", 10), Place("syslog", 30))


def test_at_most_eight_ports_of_each_kind_are_kept() -> None:
    made = table(*(event(spt=b"%d" % port, dpt=b"%d" % port) for port in range(1000, 1020)))
    (alert,) = made.alerts(START)
    assert len(alert.spts) == len(alert.ports) == 8


def test_a_fragment_without_ports_and_hardware_has_neither() -> None:
    (alert,) = table(event(spt=b"", dpt=b"", mac=b"")).alerts(START)
    assert (alert.ports, alert.spts, alert.mac, alert.lines) == ((), (), None, (Place("syslog", 0),))


def test_a_blind_alert_has_a_source_and_no_src() -> None:
    made = Table(Rule(BLIND, ()))
    made.add(Event(BLIND, "/var/log/sys:log", START, 1, "", 0, b"", b"", b""))
    made.seen["/var/log/sys:log"].why = "truncated"
    (alert,) = made.alerts(START)
    assert (alert.src, alert.source, alert.network, alert.why) == (None, "/var/log/sys:log", None, "truncated")


def test_counts_are_kept_by_ten_minutes() -> None:
    made = table(event(minutes=0), event(minutes=9.9), event(minutes=10, packets=2))
    slot = int(START.timestamp()) // 600
    assert made.counts == {("192.0.2.7", slot): 2, ("192.0.2.7", slot + 1): 2}


def test_settling_forgets_what_changed_and_keeps_what_is() -> None:
    made = table(event(minutes=0), event(minutes=11))
    made.settle()
    assert not any((made.changed, made.gone, made.ended, made.earlier, made.counts))
    assert len(made.seen) == 1


def spoofed(number: int) -> list[str]:
    return [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(number)]


def test_a_table_of_sources_is_bounded_and_keeps_the_loud_ones() -> None:
    made = Table(Rule("tftp", ("P: ",), window=WINDOW))
    for i, src in enumerate(spoofed(5 * SOURCES)):
        made.add(event(src))
        if i % 1000 == 0:
            made.add(event("192.0.2.1", packets=20))
    assert len(made.seen) <= 2 * SOURCES
    assert made.attack
    assert made.attack.events == 5 * SOURCES + 50 * 20
    assert 1000 - made.attack.error <= made.seen["192.0.2.1"].events <= 1000
    assert made.attack.error <= made.attack.events / SOURCES


def test_the_crowd_is_never_said_to_be_larger_than_it_is() -> None:
    made = table(*map(event, spoofed(3 * SOURCES)))
    assert made.attack
    assert 0.9 * SOURCES < made.attack.beyond <= 3 * SOURCES - len(made.seen)


def test_a_source_that_comes_back_leaves_the_crowd() -> None:
    addresses = spoofed(2 * SOURCES + 1)
    made = table(*map(event, addresses))
    before = made.crowd.size(made.seen)
    made.add(event(addresses[0]))
    assert made.crowd.size(made.seen) == before - 1


def test_runs_that_are_over_leave_a_full_table_first() -> None:
    made = table(*(event(src, minutes=0) for src in spoofed(2 * SOURCES)))
    made.settle()
    made.add(event("192.0.2.1", minutes=60))
    assert list(made.seen) == ["192.0.2.1"]
    assert (len(made.ended), len(made.gone)) == (SOURCES, 2 * SOURCES)


def test_what_was_stored_and_loaded_again_is_gone_once_it_leaves_the_table() -> None:
    before, made = table(event("192.0.2.1")), Table(Rule("tftp", ("P: ",), window=WINDOW))
    made.load(before.seen.values())
    for src in spoofed(2 * SOURCES):
        made.add(event(src))
    assert made.gone == {"192.0.2.1"}


def test_what_came_and_went_since_it_was_stored_is_not_remembered() -> None:
    made = table(event("192.0.2.1"))
    made.settle()
    for src in spoofed(5 * SOURCES):
        made.add(event(src))
    assert made.gone == {"192.0.2.1"}
    made.add(event("192.0.2.1"))
    assert not made.gone


def test_a_source_below_the_threshold_leaves_a_full_table_without_a_trace() -> None:
    made = table(*(event(src, minutes=0) for src in spoofed(2 * SOURCES)), threshold=2)
    made.add(event("192.0.2.1", minutes=60))
    assert (made.ended, made.attack) == ([], None)


def test_more_counts_than_are_kept_go_to_the_crowd() -> None:
    made = table(*map(event, spoofed(2 * SOURCES + 5)))
    slot = int(START.timestamp()) // 600
    assert made.counts["", slot] == 5
    assert sum(made.counts.values()) == 2 * SOURCES + 5


def test_the_networks_that_are_remembered_are_bounded() -> None:
    made = Table(Rule("tftp", ("P: ",)))
    for i in range(2 * SOURCES + 10):
        made.add(event(f"2001:db8::{i:x}"))
    assert len(made._keys) <= 2 * SOURCES + 1  # noqa: SLF001 (what is bounded is not to be seen from outside)
    assert len(made.seen) == 1


def tally(*logs: list[Event]) -> Tally:
    made = Tally()
    for log in logs:
        for totals in added(log):
            made.add(totals)
    return made


def test_a_tally_counts_by_rule_and_source_and_ranks_by_packets_then_address() -> None:
    made = tally(
        [event("192.0.2.10", 1), event("192.0.2.9", 0), event("192.0.2.9", 5)],
        [event("192.0.2.9", -5), event("192.0.2.2", 1), event("2001:db8::1", 1)],
    )
    assert [total.src for total in made.ranked()] == ["192.0.2.9", "192.0.2.2", "192.0.2.10", "2001:db8::1"]
    top = made.ranked()[0]
    assert (top.packets, top.last - top.first) == (3, timedelta(minutes=10))


@pytest.mark.parametrize("number", [SOURCES, 5 * SOURCES])
def test_a_tallys_sources_and_others_add_up(number: int) -> None:
    log = list(map(event, spoofed(number)))
    made = tally(log[: number // 2], [event("192.0.2.1", packets=number)], log[number // 2 :])
    others = made.others()
    assert sum(total.packets for total in made.ranked()) + others.events == made.events == 2 * number
    assert others.sources <= number
    assert number - others.error <= made.ranked()[0].packets <= number
    assert (number > 2 * SOURCES) == (others.error > 0)


def test_what_is_over_and_was_no_alert_is_not_in_the_crowd() -> None:
    made = table(event("192.0.2.2"), event("192.0.2.2"), *map(event, spoofed(2 * SOURCES - 1)), threshold=2)
    made.add(event("192.0.2.1", minutes=60))
    assert made.attack
    assert (made.attack.beyond, len(made.ended)) == (0, 1)


def test_a_late_event_of_an_attack_that_is_over_is_part_of_the_one_that_is_on() -> None:
    made = table(event("192.0.2.7", 0), event("192.0.2.8", 10), event("192.0.2.7", 5))
    assert made.attack
    assert (made.attack.start, made.attack.events) == (START + WINDOW, 2)
    assert alerts(made) == [("192.0.2.7", 1, False), ("192.0.2.7", 1, False), ("192.0.2.8", 1, False)]


def test_a_run_whose_attack_nobody_remembers_ends() -> None:
    before = table(event())
    made = table()
    made.load(before.seen.values())
    made.add(event(minutes=1))
    assert made.attack
    assert (made.attack.start, made.attack.events) == (START + timedelta(minutes=1), 1)


def test_an_attack_starts_when_its_threshold_is_reached_and_so_after_the_one_before() -> None:
    slow = [event("192.0.2.7", minutes) for minutes in (0, 6, 12, 18, 24)]
    loud = [event("192.0.2.8", minutes) for minutes in (1, 1, 1, 24, 24.5, 25)]
    made = table(*sorted((*slow, *loud), key=lambda each: each.time), event("192.0.2.7", 25), threshold=3)
    assert [attack.start for attack in made.earlier] == [START + timedelta(minutes=1)]
    assert made.attack
    assert made.attack.start == START + timedelta(minutes=25)


def test_what_comes_a_day_before_its_run_begins_a_new_one_and_a_new_attack() -> None:
    made = table(event(minutes=2 * 1440), event(minutes=0), event(minutes=1))
    assert [(attack.start, attack.events) for attack in made.earlier] == [(START + timedelta(days=2), 1)]
    assert made.attack
    assert (made.attack.start, made.attack.events, made.attack.last) == (START, 2, START + timedelta(minutes=1))
    assert table(event(minutes=1440), event(minutes=0)).earlier == []


def test_no_two_attacks_have_one_start() -> None:
    made = table(event(minutes=0), event(minutes=2 * 1440), event(minutes=0))
    starts = [attack.start for attack in (*made.earlier, made.attack) if attack]
    assert starts == [START, START + timedelta(days=2), START + timedelta(microseconds=1)]
    known = Table(Rule("tftp", ("P: ",)), starts=[START])
    known.add(event())
    assert known.attack
    assert known.attack.start == START + timedelta(microseconds=1)


@pytest.mark.parametrize("threshold", [32, 33, 100, 1000])
def test_a_high_threshold_is_reached_by_its_last_packet_and_not_before(threshold: int) -> None:
    packets = [event(minutes=i * 9 / threshold) for i in range(threshold)]
    assert alerts(table(*packets[:-1], threshold=threshold)) == []
    made = table(*packets, threshold=threshold)
    assert alerts(made) == [("192.0.2.7", threshold, False)]
    slow = table(*(event(minutes=i * 11 / threshold) for i in range(3 * threshold)), threshold=threshold)
    assert alerts(slow) == []
    assert len(slow.seen["192.0.2.7"].times) <= 32


def test_every_count_that_is_cut_is_stored_again() -> None:
    made = table(event("192.0.2.9", packets=50), *map(event, spoofed(2 * SOURCES - 1)))
    made.settle()
    made.add(event("192.0.2.1", packets=5))
    assert made.crowd.error
    assert made.changed == set(made.seen)


@pytest.mark.parametrize("threshold", [33, 65, 98, 1000])
def test_a_high_threshold_is_reached_wherever_in_a_run_it_lies(threshold: int) -> None:
    early = [event(minutes=0)]
    made = table(*early, *(event(minutes=9.9 + i / 10 / threshold) for i in range(threshold)), threshold=threshold)
    assert alerts(made) == [("192.0.2.7", threshold + 1, False)]


def test_sources_below_the_threshold_are_never_in_the_crowd() -> None:
    attackers = [event("192.0.2.1"), event("192.0.2.1"), event("192.0.2.2"), event("192.0.2.2")]
    made = table(*attackers, *map(event, spoofed(2 * SOURCES)), threshold=2)
    assert made.crowd.error
    assert made.crowd.size(made.seen) == 0


def test_a_threshold_is_reached_after_a_clock_was_set_back_too() -> None:
    made = table(event(minutes=60), *(event(minutes=minute) for minute in (5, 6, 7)), threshold=3)
    assert alerts(made) == [("192.0.2.7", 4, False)]


def test_a_threshold_is_not_reached_by_what_lies_a_window_apart() -> None:
    made = table(event(minutes=60), event(minutes=5), event(minutes=61), event(minutes=6), threshold=3)
    assert alerts(made) == []
