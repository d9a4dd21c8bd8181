"""The command line itself: help, usage, completion, pipes and terminals."""

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Inbox, Machine


VERBS = ("check", "watch", "scan", "explain", "preview", "status", "config", "demo")


@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_an_output_that_cannot_be_written_is_no_reason_not_to_ring(
    mailing: "tuple[Machine, Inbox]", where: str
) -> None:
    machine, inbox = mailing
    machine.write("192.0.2.7")
    shell = ["sh", "-c", f"exec {' '.join(machine.command('check'))} {where}"]
    run = subprocess.run(shell, env=machine.variables(), capture_output=True, text=True, check=False)
    said = "standard output cannot be written: No space left on device\n" if "full" in where else ""
    assert (run.returncode, run.stderr, len(inbox.mails)) == (0, said, 1)


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


@pytest.mark.parametrize("words", [("nonsense",), ("check", "--nonsense"), ("scan",), ("scan", "--since", "soon", "x")])
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
