"""A hundred runs killed at random moments under load: every attack is told, and none by two different mails."""

import os
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from time import monotonic
from typing import Any

KILLS = 100
LINE = (
    "{stamp} node1 kernel: [  705.905357] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC= SRC={src} DST=192.0.2.1 LEN=48 "
    "TOS=0x00 PREC=0x00 TTL=64 ID={ident} DF PROTO=UDP SPT=55526 DPT=69 LEN=28 \n"
)
SETTINGS = """
state: {folder}/state
sources: [{{file: {{path: {folder}/syslog}}}}]
rules: [{{name: tftp, prefix: "IPTables-TFTP-Rejected: ", window: 1s}}]
receivers: [{{email: {{server: "127.0.0.1:{port}", security: none, to: [a@example.org, b@example.org]}}}}]
notify: {{limit: 1000/m}}
"""


def check(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tocsin.cli", "check", "--config", str(folder / "tocsin.yaml")]
    # A process that is killed while it writes down what it covered leaves a file that nobody can read.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)


def finish(folder: Path) -> int:
    with check(folder) as run:
        _, said = run.communicate(timeout=60)
        assert not said, said
        return run.returncode


def source(number: int) -> str:
    return f"198.18.{number >> 8}.{number & 255}"


def attack(folder: Path, number: int, at: datetime) -> None:
    """Three packets from a source of its own, and traffic that is none."""
    src = source(number)
    with (folder / "syslog").open("a") as file:
        for i in range(3):
            file.write(LINE.format(stamp=(at + timedelta(milliseconds=i)).isoformat(), src=src, ident=i))
            file.writelines(f"{at.isoformat()} node1 cron[7]: line {i} of many\n" for _ in range(200))


def ids_by_source(mails: Iterable[Any]) -> dict[str, set[tuple[str, bytes]]]:
    """Of each source the mails that name it first."""
    told: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
    for envelope in mails:
        mail = message_from_bytes(envelope.content, policy=default)
        body = mail.get_body(("plain",))
        assert body
        for src in set(re.findall(r"198\.18\.\d+\.\d+", body.get_content())):
            told[src].add((mail["Message-ID"], envelope.content))
    return told


def test_every_attack_is_told_and_none_by_two_mails(
    tmp_path: Path, mail_server: Callable[..., AbstractContextManager[Any]]
) -> None:
    chance = random.Random(20261123)  # noqa: S311 (for moments, not for secrets)
    begin = datetime.now(UTC) - timedelta(hours=1)  # noqa: TID251 (the process has the real clock)
    with mail_server() as inbox:
        (tmp_path / "tocsin.yaml").write_text(SETTINGS.format(folder=tmp_path, port=inbox.port))
        (tmp_path / "syslog").touch()
        begun = monotonic()
        assert finish(tmp_path) == 0
        length = monotonic() - begun
        killed = number = 0
        while killed < KILLS and number < 3 * KILLS:
            attack(tmp_path, number, begin + timedelta(seconds=10 * number))
            number += 1
            with check(tmp_path) as run:
                try:
                    run.wait(length * chance.uniform(0.2, 1.2))
                except subprocess.TimeoutExpired:
                    run.kill()
                    killed += 1
        assert finish(tmp_path) == 0
    told = ids_by_source(inbox.mails)
    assert killed == KILLS
    assert sorted(told) == sorted(map(source, range(number)))
    assert {src: len(mails) for src, mails in told.items() if len(mails) != 1} == {}
    recipients = {recipient for envelope in inbox.mails for recipient in envelope.rcpt_tos}
    assert recipients == {"a@example.org", "b@example.org"}
