"""What a tick says of many sources, in little memory."""

from tocsin.reading import Counts


def test_few_sources_are_all_listed_with_all_their_packets() -> None:
    counts = Counts()
    for i in [*range(4_000)] * 2:
        counts.add(("tftp", f"10.0.{i >> 8}.{i & 255}"), 1)
    assert (len(counts.listed), counts.others, counts.packets) == (4_000, 0, 8_000)
    assert set(counts.listed.values()) == {2}


def test_of_many_sources_the_loud_ones_are_listed_and_the_others_counted_at_least() -> None:
    counts = Counts()
    for i in range(100_000):
        counts.add(("tftp", f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"), 1)
        counts.add(("tftp", f"192.0.2.{i % 9}"), 3)
    loud = {place[1]: packets for place, packets in counts.listed.items() if packets > 1}
    assert loud == {f"192.0.2.{i}": 3 * (100_000 // 9 + (i == 0)) for i in range(9)}
    assert len(counts.listed) <= 4_000
    assert counts.packets == 400_000
    assert 90_000 < len(counts.listed) + counts.others <= 100_009


def test_a_source_of_the_crowd_that_is_listed_again_is_no_other() -> None:
    counts = Counts()
    for i in range(4_001):
        counts.add(("tftp", f"10.0.{i >> 8}.{i & 255}"), 1)
    before = counts.others
    counts.add(("tftp", "10.0.0.0"), 1)
    assert counts.listed == {("tftp", "10.0.0.0"): 1}
    assert 3_900 < counts.others < before <= 4_001
