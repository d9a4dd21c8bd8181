"""Wrong settings are refused in one line: which file, which line, which key, what to do.

config_refused.txt holds settings, each above the line that refuses them.
"""

import os
from pathlib import Path

import pytest

from tocsin import config
from tocsin.errors import SettingsError

PIECES = Path(__file__).with_name("config_refused.txt").read_text().split("\n\n")
REFUSED = [piece.strip("\n").rsplit("\n=> ", 1) for piece in PIECES]
NAME_HINT = "hint: name the file with --config or TOCSIN_CONFIG"


def refusal(file: Path | str) -> str:
    with pytest.raises(SettingsError) as raised:
        config.load(str(file), {})
    return str(raised.value)


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_wrong_settings_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "good").write_text("secret")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    file = tmp_path / "tocsin.yaml"
    file.write_text(text.replace("{tmp}", str(tmp_path)) + "\n")
    assert refusal(file) == message.replace("FILE", str(file)).replace("{tmp}", str(tmp_path))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", ": the file is empty; hint: write {} to take every default"),
        (b"# nothing yet\n", ": the file is empty; hint: write {} to take every default"),
        (b"keep: 1d\nstate: /\xe9\n", ":2: not UTF-8; hint: save the file as UTF-8"),
        (b"\xff\xfek\0e\0", ":1: not UTF-8; hint: save the file as UTF-8"),
        (b"keep: 1d\n\0\0\0", r":2: not YAML: the control character '\x00'"),
        (b"keep: \x1b[31m", r":1: not YAML: the control character '\x1b'"),
        (b"#" * 10_000_000, f": cannot read the settings: longer than 1 MiB; {NAME_HINT}"),
        (b"a: " + b"[" * 100_000, ":1: a" + "[0]" * 12 + ": nested too deeply"),
        (b'"\\u202e": 1', r":1: \u202e: unknown key; hint: known here: state, log, sources, rules, "),
        (b"k" * 500 + b": 1", ":1: " + "k" * 77 + "...: unknown key; hint: known here: state"),
    ],
)
def test_what_is_no_settings_file_is_refused_in_one_line(tmp_path: Path, raw: bytes, message: str) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_bytes(raw)
    assert refusal(file).startswith(f"{file}{message}")


def test_a_few_aliases_do_not_grow_into_a_large_file(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    levels = (f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30))
    file.write_text("l0: &l0 x\n" + "\n".join(levels))
    assert refusal(file) == f"{file}:2: l1[0]: the alias *l0; hint: write the value out, aliases are not read"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.yaml"
    assert refusal(file) == f"{file}: cannot read the settings: No such file or directory; {NAME_HINT}"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: cannot read the settings: a folder, not a file; {NAME_HINT}"


def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path) -> None:
    file = tmp_path / "pipe"
    os.mkfifo(file)
    assert refusal(file) == f"{file}: cannot read the settings: not a regular file; {NAME_HINT}"


def test_a_name_that_no_file_can_have_is_refused() -> None:
    assert refusal("a\0b") == rf"a\x00b: cannot read the settings: no file can have this name; {NAME_HINT}"


def test_a_text_that_could_forge_a_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text('receivers: [{email: {server: a, to: ["a@example.org\\r\\nBcc: x@example.org"]}}]')
    assert refusal(file).endswith(r"'a@example.org\\r\\nBcc: x@example.org' holds a character that cannot be printed")


def test_a_prefix_has_127_bytes_at_most(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(f"rules: [{{name: a, prefix: {'x' * 127}}}]")
    assert config.load(str(file), {}).rules[0].prefix == ("x" * 127,)
    file.write_text(f"rules: [{{name: a, prefix: {'x' * 128}}}]")
    message = "rules[0].prefix: 128 bytes long; hint: the kernel takes 127 at most"
    assert refusal(file) == f"{file}:1: {message}"


def test_a_mail_address_has_254_bytes_at_most(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(f"receivers: [{{email: {{server: a, to: [{'a' * 242}@example.org]}}}}]")
    assert config.load(str(file), {}).receivers
    file.write_text(f"receivers: [{{email: {{server: a, to: [{'a' * 243}@example.org]}}}}]")
    assert refusal(file) == f"{file}:1: receivers[0].email.to[0]: a mail address has 254 bytes at most"


def test_a_password_that_is_no_text_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"hunter2\xff")
    file = tmp_path / "tocsin.yaml"
    keys = f"server: a, to: [a@b], username: x, password_file: {tmp_path}/password"
    file.write_text(f"receivers: [{{email: {{{keys}}}}}]")
    where = f"{file}:1: receivers[0].email.password_file"
    assert refusal(file) == f"{where}: {tmp_path}/password: the file is not UTF-8"


def test_a_damaged_timezone_is_refused(tmp_path: Path) -> None:
    zone = tmp_path / "localtime"
    whole = Path("/usr/share/zoneinfo/Europe/Vienna").read_bytes()
    file = tmp_path / "tocsin.yaml"
    file.write_text(f"sources: [{{file: {{path: /log, timezone: {zone}}}}}]")
    for cut in (4, 20, 44, 60, 200):
        zone.write_bytes(whole[:cut])
        assert f"timezone: {zone}: holds a damaged timezone" in refusal(file)


def test_the_name_of_a_server_has_253_characters_at_most(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    name = ".".join(["x" * 63] * 4)[:253]
    file.write_text(f"receivers: [{{email: {{server: {name}, to: [a@example.org]}}}}]")
    assert config.load(str(file), {}).receivers[0].server == (f"{name}:587",)
    file.write_text(f"receivers: [{{email: {{server: {name}x, to: [a@example.org]}}}}]")
    assert "is no server" in refusal(file)


def test_a_settings_file_has_1_mib_at_most(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_bytes(b"keep: 1d\n" + b"#" * (2**20 - 9))
    assert config.load(str(file), {}).keep.days == 1
    file.write_bytes(b"keep: 1d\n" + b"#" * (2**20 - 8))
    assert refusal(file) == f"{file}: cannot read the settings: longer than 1 MiB; {NAME_HINT}"


@pytest.mark.parametrize("raw", [b"\n\xff", b"\n\x00"])
def test_an_odd_byte_after_an_empty_line_is_on_the_second(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_bytes(raw)
    assert refusal(file).startswith(f"{file}:2: not ")
