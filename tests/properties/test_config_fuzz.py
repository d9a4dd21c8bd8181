"""Whatever a settings file or the environment holds: a Config, or one clear line."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tocsin import config
from tocsin.config.document import parse
from tocsin.config.given import Given
from tocsin.config.shape import EMAIL, FILE, LOG, NOTIFY, RULE, SETTINGS
from tocsin.errors import SettingsError

KEYS = sorted({*SETTINGS, *RULE, *EMAIL, *FILE, *LOG, *NOTIFY, "file", "email"})
VALUES = st.sampled_from(
    [
        "1",
        "69",
        "10m",
        "20/h",
        "true",
        "on",
        "~",
        "/x",
        "UTC",
        "a@b",
        "mail:25",
        "'P: '",
        "[]",
        "{}",
        "- x",
        "&a x",
        "*a",
        "!t x",
    ]
)
INDENTS = st.sampled_from(["", "  ", "    ", "      ", "- ", "  - ", "    - "])
LINES = st.builds("{}{}: {}".format, INDENTS, st.sampled_from(KEYS), VALUES | st.just(""))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
TREES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(KEYS), below, max_size=4),
    max_leaves=12,
)
VARIABLES = (
    "NODE_NAME",
    "NODE_IP",
    "REMOTE_SMTP_IP",
    "REMOTE_SMTP_PORT",
    "TOCSIN_EMAIL_TO",
    "TOCSIN_STATE",
    "TOCSIN_CONFIG",
)


def load(path: str | None, environ: dict[str, str]) -> str:
    """What is wrong, or nothing."""
    try:
        config.load(path, environ)
    except SettingsError as error:
        return str(error)
    return ""


def is_one_line(text: str) -> bool:
    return text.isprintable() and len(text.encode()) < 1000


def load_file(raw: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tocsin.yaml"
        file.write_bytes(raw)
        return load(str(file), {})


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_refused(raw: bytes) -> None:
    assert is_one_line(load_file(raw))


@given(st.text(max_size=200))
def test_any_text_is_settings_or_refused(text: str) -> None:
    assert is_one_line(load_file(text.encode(errors="surrogatepass")))


@given(st.lists(LINES, max_size=12))
def test_any_lines_of_known_keys_are_settings_or_refused(lines: list[str]) -> None:
    assert is_one_line(load_file("\n".join(lines).encode()))


@given(TREES)
def test_any_tree_of_known_keys_is_settings_or_refused(tree: object) -> None:
    assert is_one_line(load_file(repr(tree).replace("None", "null").encode(errors="replace")))


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(max_size=40).filter(lambda text: "\0" not in text)))
def test_any_environment_is_settings_or_refused(environ: dict[str, str]) -> None:
    assert is_one_line(load(None, environ))


def outcome(text: str, *, pure: bool) -> Given | None:
    try:
        return parse(text, "FILE", pure=pure)
    except SettingsError:
        return None


@given(st.lists(LINES, max_size=8))
def test_both_parsers_read_settings_alike(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert outcome(text, pure=True) == outcome(text, pure=False)
