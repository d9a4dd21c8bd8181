"""`check` with a running state: of a log that gained nothing, and of one that gained what came in a minute."""

import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from counting import PREFIX, Counted
from measure import Command
from peers import BUILD, TOCSIN, check

HEAD = 100  # lines that the state has read before


@dataclass
class Inbox:
    """A mail server on loopback, outside the process that is measured."""

    port: int = 0
    mails: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's hook)
        del server, session, envelope
        self.mails += 1
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[Inbox]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        inbox = Inbox(free.getsockname()[1])
    server = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    server.start()
    try:
        yield inbox
    finally:
        server.stop()


class Node:
    """A folder with a log, settings as the README has them, a state and a monitor log."""

    def __init__(self, name: str, server: str, security: str = "starttls") -> None:
        self.folder = BUILD / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.log, self.monitor = self.folder / "syslog", self.folder / "monitor.log"
        self.settings, self._state = self.folder / "tocsin.yaml", self.folder / "state"
        self.monitor.touch()
        self.settings.write_text(f"""\
state: {self._state}
log: {{file: {self.monitor}}}
sources:
  - file: {{path: {self.log}}}
rules:
  - name: tftp
    prefix: "IPTables-TFTP-Rejected: "
receivers:
  - email:
      server: {server}
      security: {security}
      from: tocsin@node1.example.org
      to: [admin@example.org]
""")

    def begin(self, lines: Iterable[str], at: float) -> None:
        """The log holds these lines, and the state has read and told them."""
        self._head = "".join(lines).encode()
        self._write(self._head, at)
        self.check.output()
        shutil.copytree(self._state, self.folder / "before")

    def gains(self, minute: Path) -> Command:
        """A check each time of the same state and the same log, which has gained a minute's lines."""
        more, at = minute.read_bytes(), minute.stat().st_mtime

        def renew() -> None:
            shutil.rmtree(self._state)
            shutil.copytree(self.folder / "before", self._state)
            self._write(self._head + more, at)

        return Command(self.check.words, before=renew)

    @property
    def check(self) -> Command:
        return check(self.settings)

    def alerts(self) -> dict[str, int]:
        """Packets by source, as `status` has them."""
        told = json.loads(Command([TOCSIN, "status", "--json", "--config", str(self.settings)]).output())
        return {alert["src"]: alert["events"] for alert in told["alerts"]}

    def _write(self, text: bytes, at: float) -> None:
        self.log.write_bytes(text)
        os.utime(self.log, (at, at))


def harmless(minute: Path) -> list[str]:
    """Lines from just before the minute, none of which counts."""
    with minute.open(encoding="utf-8") as lines:
        return _earlier(line for line in lines if PREFIX not in line)[:HEAD]


def attacked(minute: Path, counted: Counted) -> list[str]:
    """The same, and a packet of each source of the minute: the attack goes on already."""
    left = set(counted.packets)
    found = []
    with minute.open(encoding="utf-8") as lines:
        for line in lines:
            src = line.partition(" SRC=")[2].partition(" ")[0]
            if PREFIX in line and src in left:
                left.remove(src)
                found.append(line)
    return _earlier([*harmless(minute), *found])


def _earlier(lines: Iterable[str]) -> list[str]:
    """With the stamp of the first."""
    kept = list(lines)
    return [kept[0][:15] + line[15:] for line in kept]
