"""Text of others becomes one short line that is safe to show."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.receivers.plain import plain


def test_a_line_of_printable_text_stays_as_it_is() -> None:
    assert plain("550 5.1.1 no such user: jürgen") == "550 5.1.1 no such user: jürgen"


def test_white_space_becomes_one_blank() -> None:
    assert plain("a\r\nBcc: x@example.org\t b") == "a Bcc: x@example.org b"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert plain("\x1b[31m\x00\u202eevil\udc80") == r"\x1b[31m\x00\u202eevil\udc80"


def test_long_text_is_cut_and_shows_it() -> None:
    assert plain("x" * 1_000_000, 10) == "xxxxxxxxx…"


@given(st.text(alphabet=st.characters()))
def test_whatever_comes_the_line_is_printable_and_short(text: str) -> None:
    assert plain(text, 30).isprintable()
    assert len(plain(text, 30)) <= 30
