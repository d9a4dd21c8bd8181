"""The YAML of the settings file, where YAML 1.1 would guess."""

import pytest

from tocsin.config.document import parse
from tocsin.config.given import Given, Odd
from tocsin.errors import SettingsError


def value(written: str, *, pure: bool = False) -> object:
    top = parse(f"key: {written}", "FILE", pure=pure).value
    assert isinstance(top, dict)
    found = top["key"]
    assert isinstance(found, Given)
    return found.value


@pytest.mark.parametrize("written", ["yes", "No", "on", "OFF", "y", "N", "<<", "="])
@pytest.mark.parametrize("pure", [False, True])
def test_words_that_yaml_1_1_takes_for_truths_are_odd(written: str, *, pure: bool) -> None:
    assert value(written, pure=pure) == Odd(written)


@pytest.mark.parametrize(
    "written",
    [
        "0123",
        "00",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "+3",
        "1.5",
        ".5",
        "1.",
        "1e3",
        "-.inf",
        ".NaN",
        "1:30",
        "12:30:45.5",
    ],
)
def test_numbers_that_are_not_plainly_whole_are_odd(written: str) -> None:
    assert value(written) == Odd(written)


@pytest.mark.parametrize("written", ["2026-01-01", "2026-1-1T00:00:00Z", "2026-01-01 00:00:00"])
def test_dates_are_odd(written: str) -> None:
    assert value(written) == Odd(written)


def test_a_number_too_long_for_anything_is_odd() -> None:
    assert value("9" * 19) == Odd("9" * 19)
    assert value("9" * 5000) == Odd("9" * 5000)


@pytest.mark.parametrize(
    "written", ["10m", "20/h", "192.0.2.1", "10.20.0.0/16", "2001:db8::1", "a@b", "/x", "yes-man", "1.2.3"]
)
def test_texts_that_only_look_like_something_else_are_texts(written: str) -> None:
    assert value(written) == written


def test_whole_numbers_truths_and_nothing_are_what_they_are() -> None:
    assert [value(one) for one in ("0", "-3", "69", "true", "False", "TRUE", "null", "~", "")] == [
        0, -3, 69, True, False, True, None, None, None
    ]  # fmt: skip


@pytest.mark.parametrize("written", ["yes", "0123", "69", "1.5", "null", "true", ""])
def test_quotes_make_a_text_of_anything(written: str) -> None:
    assert value(f"'{written}'") == value(f'"{written}"') == written


def test_every_value_knows_its_line_and_path() -> None:
    top = parse("a: 1\nb:\n  - c: 2\n\n    d:\n      3\n", "FILE").value
    assert isinstance(top, dict)
    (first,) = top["b"].value
    assert first == Given(first.value, "FILE:3", "b[0]")
    assert first.value == {"c": Given(2, "FILE:3", "b[0].c"), "d": Given(3, "FILE:5", "b[0].d")}


@pytest.mark.parametrize(
    "text",
    ["", "a: [", "a: {b: c", "\t- x", "a: 'x", "@", "%FOO", "a: b: c", "a:\n  - b\n c: d", "? [a]\n: b", "a: \ufffe"],
)
def test_both_parsers_refuse_what_is_no_yaml(text: str) -> None:
    for pure in (False, True):
        with pytest.raises(SettingsError, match=r"^FILE(:\d+)?: "):
            parse(text, "FILE", pure=pure)


@pytest.mark.parametrize("text", ['a: "\\U00110000"', 'a: "\\UFFFFFFFF"', f"%YAML {'9' * 5000}.1\n---\na: 1"])
def test_numbers_that_the_python_parser_chokes_on_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^FILE: not YAML: "):
        parse(text, "FILE", pure=True)
