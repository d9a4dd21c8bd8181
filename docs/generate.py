"""generate.py [--check]: writes docs/commands.md and the mail in README.md anew, or says whether they are stale."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "deploy"))
import fresh  # noqa: E402 (it stands beside the chart)

BEGIN, END = "<!-- mail: written by make docs -->", "<!-- end of mail -->"
ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "100", "NO_COLOR": "1"}


def tocsin(*words: str) -> str:
    command = [sys.executable, "-m", "tocsin.cli", *words]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT, cwd="/")
    return run.stdout


def commands() -> str:
    """The help of every verb."""
    parts = ["# Commands\n\nWhat `--help` says; this page is written by `make docs`.\n"]
    return "\n".join([*parts, *(f"## {verb}\n\n{_block(text)}" for verb, text in helps())])


def helps(*words: str) -> Iterator[tuple[str, str]]:
    """Each verb with its help, and behind a group its own verbs."""
    text = tocsin(*words, "--help")
    yield " ".join(words) or "tocsin", text
    for verb in re.findall(r"^  ([a-z]+) ", text.partition("Commands:")[2], re.MULTILINE):
        yield from helps(*words, verb)


def readme(text: str) -> str:
    """The text with the demo's mail in its place, as if the log had been the machine's."""
    mail = re.sub(r"\S+/syslog\b", "/var/log/syslog", tocsin("demo").partition("\nFrom: ")[2])
    mail = "From: " + mail.partition("\nThe same mail has")[0].rstrip() + "\n"
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{_block(mail)}\n{END}{rest.partition(END)[2]}"


def _block(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


def main() -> int:
    wanted = {
        ROOT / "docs/commands.md": commands(),
        ROOT / "README.md": readme((ROOT / "README.md").read_text(encoding="utf-8")),
    }
    return fresh.write(wanted, "docs", check="--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
