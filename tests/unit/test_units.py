"""Durations and rates, as people write them and as values."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.units import Rate, count, duration, rate, text

DURATIONS = {"90s": 90, "10m": 600, "1h": 3600, "7d": 604_800, "2w": 1_209_600, " 5 m ": 300, "007s": 7}
NO_DURATIONS = ["", "10", "m", "0m", "000s", "-5m", "1.5h", "1:30", "10M", "10 minutes", "1h30m", "٣m", "12345678901s"]
RATES = {
    "20/h": (20, 3600),
    "10/min": (10, 60),
    "1/s": (1, 1),
    "3 / day": (3, 86_400),
    "2/week": (2, 604_800),
    "9/hour": (9, 3600),
    "9/minute": (9, 60),
    "5/second": (5, 1),
    "5/sec": (5, 1),
    "4/m": (4, 60),
    "4/w": (4, 604_800),
}
NO_RATES = ["", "20", "20/", "/h", "0/h", "-1/h", "20/y", "20/10m", "1.5/h", "20/H", "20/hours"]


@pytest.mark.parametrize(("written", "seconds"), DURATIONS.items())
def test_a_duration_is_a_number_and_a_unit(written: str, seconds: int) -> None:
    assert duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", NO_DURATIONS)
def test_what_is_no_duration_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration: .* as in 10m"):
        duration(written)


def test_a_duration_is_a_century_at_most() -> None:
    assert duration("36500d") == timedelta(days=36500)
    for written in ("36501d", "5215w", "999999999w"):
        with pytest.raises(ValueError, match="a hundred years is the most"):
            duration(written)


@pytest.mark.parametrize(("written", "meant"), RATES.items())
def test_a_rate_is_a_number_and_a_period(written: str, meant: tuple[int, int]) -> None:
    assert rate(written) == Rate(meant[0], timedelta(seconds=meant[1]))


@pytest.mark.parametrize("written", NO_RATES)
def test_what_is_no_rate_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no rate: .* as in 20/h"):
        rate(written)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (90, "90s"),
        (600, "10m"),
        (3600, "1h"),
        (5400, "90m"),
        (86_400, "1d"),
        (604_800, "1w"),
        (691_200, "8d"),
    ],
)
def test_a_time_is_written_in_its_largest_whole_unit(seconds: int, written: str) -> None:
    assert text(timedelta(seconds=seconds)) == written


@given(st.integers(1, 36500 * 86_400))
def test_a_duration_reads_back_as_it_is_written(seconds: int) -> None:
    assert duration(text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.integers(1, 999_999_999), st.sampled_from("smhdw"))
def test_a_rate_reads_back_as_it_is_written(count: int, unit: str) -> None:
    made = Rate(count, duration(f"1{unit}"))
    assert str(made) == f"{count}/{unit}"
    assert rate(str(made)) == made


def test_a_rate_of_an_odd_period_still_shows_it() -> None:
    assert str(Rate(3, timedelta(minutes=10))) == "3/10m"


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_a_value_error(written: str) -> None:
    for read in (duration, rate):
        try:
            read(written)
        except ValueError:
            continue


def test_one_and_several_are_told_apart() -> None:
    assert [count(number, "packet") for number in (0, 1, 2)] == ["0 packets", "1 packet", "2 packets"]
