"""The command line itself: help, usage, completion, pipes and terminals."""

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.machine import Machine
    from tests.integration.mail import Inbox, Script

    Start = Callable[..., Script]

VERBS = ("check", "watch", "scan", "explain", "preview", "status", "config", "demo")


@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_an_output_that_cannot_be_written_is_no_reason_not_to_ring(
    mailing: "tuple[Machine, Inbox]", where: str
) -> None:
    machine, inbox = mailing
    machine.write("192.0.2.7")
    run = shell(machine, "check", where)
    said = "standard output cannot be written: No space left on device\n" if "full" in where else ""
    assert (run.returncode, run.stderr, len(inbox.mails)) == (0, said, 1)


@pytest.mark.parametrize(
    "words",
    [
        "scan LOG",
        "scan --json LOG",
        "explain LOG",
        "preview",
        "preview --format eml",
        "status",
        "config",
        "demo",
        "--help",
    ],
)
def test_an_output_that_cannot_be_written_is_74_in_one_line(machine: "Machine", words: str) -> None:
    machine.write("192.0.2.7")
    run = shell(machine, words.replace("LOG", str(machine.log)), ">/dev/full")
    assert (run.returncode, run.stdout) == (74, "")
    assert run.stderr == "standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2>&1 | true", ">/dev/full 2>&1"])
@pytest.mark.parametrize(("words", "status"), [("scan /nope", 66), ("nonsense", 64), ("check --config /nope", 78)])
def test_an_error_that_cannot_be_said_has_its_status_all_the_same(
    machine: "Machine", words: str, status: int, where: str
) -> None:
    assert shell(machine, words, where).returncode == status


def shell(machine: "Machine", words: str, where: str) -> "subprocess.CompletedProcess[str]":
    """The verb as a shell runs it, with its output going somewhere."""
    line = f"{' '.join(machine.command(words))} {where}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(
        ["bash", "-c", line], env=machine.variables(), capture_output=True, text=True, timeout=60, check=False
    )


def test_no_verb_at_all_shows_what_there_is(machine: "Machine") -> None:
    run = machine.run()
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr == machine.run("--help").stdout


def test_every_verb_has_a_help(machine: "Machine") -> None:
    overview = machine.run("--help").stdout
    for verb in VERBS:
        run = machine.run(verb, "--help")
        assert run.returncode == 0
        assert f" {verb} [OPTIONS]" in run.stdout
        assert f"\n  {verb} " in overview


@pytest.mark.parametrize(
    "words", [("nonsense",), ("firewall", "aply"), ("check", "--nonsense"), ("scan",), ("scan", "--since", "soon", "x")]
)
def test_a_wrong_command_line_is_64_in_one_line(machine: "Machine", words: tuple[str, ...]) -> None:
    run = machine.run(*words)
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (64, 1, "")
    assert "; hint: " in run.stderr


def test_a_pipe_that_is_closed_is_no_error(machine: "Machine") -> None:
    machine.write(*["192.0.2.7"] * 20_000)
    command = " ".join([*machine.command("explain", str(machine.log)), "| head -n 1"])
    shell = ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"]
    run = subprocess.run(shell, env=machine.variables(), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr, run.stdout.count("\n")) == (0, "", 1)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(machine: "Machine", shell: str) -> None:
    machine.environment = {"_TOCSIN_COMPLETE": f"{shell}_source"}
    assert "tocsin" in machine.run().stdout
    word = "sc" if shell == "fish" else "1"  # fish hands over the word, the others its number
    machine.environment = {"_TOCSIN_COMPLETE": f"{shell}_complete", "COMP_WORDS": "tocsin sc", "COMP_CWORD": word}
    assert "scan" in machine.run().stdout


def test_the_version_is_told(machine: "Machine") -> None:
    assert machine.run("--version").stdout.startswith("tocsin, version 0.")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["chekc"], "did you mean check?"),
        (["firewall", "aply"], "did you mean apply?"),
        (["nothing-like-it"], "tocsin --help lists what there is"),
        (["check", "--confg", "x"], "did you mean --config?"),
        (["--config", "x", "check"], "it stands behind the verb, as in tocsin check --config FILE"),
        (["scan"], "tocsin scan --help lists what there is"),
    ],
)
def test_a_wrong_command_line_says_what_was_meant(machine: "Machine", words: list[str], hint: str) -> None:
    assert machine.run(*words).stderr.endswith(f"; hint: {hint}\n")


def test_what_the_locale_cannot_write_stops_nothing(mailing: "tuple[Machine, Inbox]", script: "Start") -> None:
    machine, _ = mailing
    machine.environment["PYTHONIOENCODING"] = "latin-1"
    assert "\\u4e2d" in machine.run("explain", stdin="\u4e2d\n").stdout
    machine.port = script({"RCPT": "450 4.7.1 \u4e2d".encode()}).port
    machine.settle()
    machine.write("192.0.2.7")
    run = machine.run("check")
    assert run.returncode == 75
    assert machine.names(run.stdout)[-2:] == ["not sent", "waiting"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_a_settings_file(machine: "Machine", verb: str) -> None:
    assert "--config FILE" in machine.run(verb, "--help").stdout
